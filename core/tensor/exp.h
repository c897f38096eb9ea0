/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_EXP_H
#define DC_TENSOR_EXP_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x in single precision without a branch or a call, so that a loop over it becomes vector code.
 *
 * Relative error below 2e-7 for -87.33 <= x <= 88.37. Below that range the result is 0, denormal
 * numbers included, which are slow and never matter in a weight; above it is infinity. NaN stays
 * NaN.
 *
 * x = n log 2 + r with |r| <= log(2)/2, and e^r = 1 + r + r^2 q(r), where q is the minimax
 * polynomial of degree 5 for the relative error of e^r (1e-9). */
static inline float
dc_exp(float x)
{
  /* Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits of the sum. */
  const float rounder = 12582912.0f;
  float shifted = x * 1.44269504f + rounder;
  float n = shifted - rounder;
  /* log 2 in two parts; the first has few bits, so that n times it is exact. */
  float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float q = 0.00019790343f;
  q = q * r + 0.0013944659f;
  q = q * r + 0.008333497f;
  q = q * r + 0.041666295f;
  q = q * r + 0.16666666f;
  q = q * r + 0.5f;
  float mantissa = 1.0f + (r + r * r * q);

  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 127u) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);

  float result = mantissa * power;
  result = x < -87.33f ? 0.0f : result;
  return x > 88.37f ? INFINITY : result;
}

/* e^x in double precision in the same way, for -708 <= x <= 709: relative error below 1e-15. Below
 * that range the result is 0, above it infinity; NaN stays NaN.
 *
 * e^r is its Taylor series up to r^12: with |r| <= log(2)/2 the rest is below 2e-16. */
static inline double
dc_exp_double(double x)
{
  const double rounder = 6755399441055744.0; /* 1.5 * 2^52 */
  double shifted = x * 1.4426950408889634 + rounder;
  double n = shifted - rounder;
  double r = (x - n * 0.693145751953125) - n * 1.4286068203094173e-6;
  double q = 1.0 / 479001600;
  q = q * r + 1.0 / 39916800;
  q = q * r + 1.0 / 3628800;
  q = q * r + 1.0 / 362880;
  q = q * r + 1.0 / 40320;
  q = q * r + 1.0 / 5040;
  q = q * r + 1.0 / 720;
  q = q * r + 1.0 / 120;
  q = q * r + 1.0 / 24;
  q = q * r + 1.0 / 6;
  q = q * r + 0.5;
  double mantissa = 1.0 + (r + r * r * q);

  uint64_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 1023u) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);

  double result = mantissa * power;
  result = x < -708.0 ? 0.0 : result;
  return x > 709.0 ? INFINITY : result;
}

#endif
