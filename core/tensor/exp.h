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

#endif
