/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/activation.h"

#include <math.h>

#define SQRT_HALF        0.70710678118654752440f
#define INVERSE_SQRT_TAU 0.39894228040143267794f /* 1 / sqrt(2 pi) */

static float
normal_cdf(float x)
{
  return 0.5f * (1 + erff(x * SQRT_HALF));
}

void
dc_activation_run(const DcLayer *layer, float *values, size_t count)
{
  const float slope = layer->slope;
  switch (layer->activation) {
  case DC_ACTIVATION_RELU:
    for (size_t i = 0; i < count; i++)
      values[i] = values[i] < 0 ? 0 : values[i];
    break;
  case DC_ACTIVATION_LEAKY_RELU:
    for (size_t i = 0; i < count; i++)
      values[i] = values[i] < 0 ? slope * values[i] : values[i];
    break;
  case DC_ACTIVATION_GELU:
    for (size_t i = 0; i < count; i++)
      values[i] *= normal_cdf(values[i]);
    break;
  case DC_ACTIVATION_NONE:
    break;
  }
}

bool
dc_activation_needs_input(const DcLayer *layer)
{
  /* A slope that is not positive loses the sign. */
  return layer->activation == DC_ACTIVATION_GELU ||
         (layer->activation == DC_ACTIVATION_LEAKY_RELU && !(layer->slope > 0));
}

void
dc_activation_backward(const DcLayer *layer, const float *values, size_t count, float *gradient)
{
  const float slope = layer->slope;
  switch (layer->activation) {
  case DC_ACTIVATION_RELU:
    for (size_t i = 0; i < count; i++)
      gradient[i] = values[i] > 0 ? gradient[i] : 0;
    break;
  case DC_ACTIVATION_LEAKY_RELU:
    for (size_t i = 0; i < count; i++)
      gradient[i] = values[i] > 0 ? gradient[i] : slope * gradient[i];
    break;
  case DC_ACTIVATION_GELU:
    for (size_t i = 0; i < count; i++) {
      const float x = values[i], density = INVERSE_SQRT_TAU * expf(-0.5f * x * x);
      gradient[i] *= normal_cdf(x) + x * density;
    }
    break;
  case DC_ACTIVATION_NONE:
    break;
  }
}
