/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_ASINH_H
#define DC_TENSOR_ASINH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The inverse hyperbolic sine in single precision without a branch or a call, so that a loop over
 * it becomes vector code. Relative error below 2e-7 for every finite x; infinite x stay, and NaN
 * stays NaN.
 *
 * For a = |x|, asinh a = log(1 + u) with u = a + a^2 / (1 + sqrt(1 + a^2)), which cancels nothing;
 * where a^2 would overflow it is log a + log 2. With w = 1 + u as rounded, log(1 + u) is
 * log w + (u - (w - 1)) / w, so that small x lose no digits; log w is n log 2 + log m with
 * sqrt(1/2) <= m < sqrt(2), and log(1 + f) = f - f^2 / 2 + f^3 p(f) with the polynomial of the
 * Cephes library's logf. */
static inline float
dc_asinh(float x)
{
  const float a = fabsf(x);
  const int large = a > 1e9f;
  const float near = large ? 0 : a; /* squares without overflow */
  const float u = near + near * near / (1 + sqrtf(1 + near * near));
  const float w = large ? a : 1 + u;
  const float rest = large ? 0.69314718f : (u - (w - 1)) / w;

  /* The bits of sqrt(1/2): what is above them in w counts powers of two. */
  uint32_t bits;
  memcpy(&bits, &w, sizeof bits);
  const int32_t n = (int32_t)(bits - 0x3f3504f3u) >> 23;
  bits -= (uint32_t)n << 23;
  float m;
  memcpy(&m, &bits, sizeof m);

  const float f = m - 1, power = (float)n;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  /* log 2 in two parts; the first has few bits, so that n times it is exact. */
  const float tail = f * f * (f * p - 0.5f) + (power * -2.12194440e-4f + rest);
  const float result = f + tail + power * 0.693359375f;
  /* NaN and infinity have no powers of two to count. */
  return copysignf(a <= 3.4028235e38f ? result : a, x);
}

#endif
