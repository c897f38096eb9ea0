/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_ACTIVATION_FUNCTIONS_H
#define DC_NN_ACTIVATION_FUNCTIONS_H

#include "tensor/exp.h"

/* The curved activations for one number, without a branch or a call, so that a loop over them
 * becomes vector code. NaN stays NaN. */

/* 1 / (1 + e^-x); relative error below 2e-7 for x > -87, below that 0. */
static inline float
dc_sigmoid(float x)
{
  return 1 / (1 + dc_exp(-x));
}

/* Relative error below 4e-7: a rational function (the one that Eigen has), whose bound is where
 * tanh rounds to 1. */
static inline float
dc_tanh(float x)
{
  const float bound = 7.90531110763549805f;
  x = x < -bound ? -bound : x;
  x = x > bound ? bound : x;
  const float square = x * x;
  float p = -2.76076847742355e-16f;
  p = p * square + 2.00018790482477e-13f;
  p = p * square - 8.60467152213735e-11f;
  p = p * square + 5.12229709037114e-08f;
  p = p * square + 1.48572235717979e-05f;
  p = p * square + 6.37261928875436e-04f;
  p = p * square + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * square + 1.18534705686654e-04f;
  q = q * square + 2.26843463243900e-03f;
  q = q * square + 4.89352518554385e-03f;
  return x * p / q;
}

/* The distribution function of the normal distribution. Absolute error below 3e-7, relative error
 * below 5e-6 where it is not 0 (x > -13).
 *
 * Phi(-t) = e^(-t^2 / 2) u r(u) with u = 1 / (1 + 0.33 t) for t >= 0; r is the polynomial of degree
 * 8 whose largest relative error is least (5e-8). */
static inline float
dc_normal_cdf(float x)
{
  const float t = x < 0 ? -x : x;
  const float u = 1 / (1 + 0.33f * t);
  float r = -0.0213363452f;
  r = r * u + 0.125599941f;
  r = r * u - 0.272275694f;
  r = r * u + 0.230302383f;
  r = r * u - 0.0603289767f;
  r = r * u + 0.12338415f;
  r = r * u + 0.110680899f;
  r = r * u + 0.132354389f;
  r = r * u + 0.131619278f;
  const float tail = r * u * dc_exp(-0.5f * x * x);
  return x > 0 ? 1 - tail : tail;
}

#endif
