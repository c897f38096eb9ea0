/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/activation.h"

#include <math.h>

#define SQRT_HALF        0.70710678118654752440f
#define SQRT_2_BY_PI     0.79788456080286535588f
#define INVERSE_SQRT_TAU 0.39894228040143267794f /* 1 / sqrt(2 pi) */

static float
normal_cdf(float x)
{
  return 0.5f * (1 + erff(x * SQRT_HALF));
}

static float
clip(float x, float low, float high)
{
  const float above = x < low ? low : x;
  return above > high ? high : above; /* NaN stays NaN */
}

void
dc_activation_run(const DcLayer *layer, float *values, size_t count)
{
  const float slope = layer->slope, shift = layer->shift;
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
  case DC_ACTIVATION_GELU_TANH:
    for (size_t i = 0; i < count; i++) {
      const float x = values[i];
      values[i] = 0.5f * x * (1 + tanhf(SQRT_2_BY_PI * (x + 0.044715f * x * x * x)));
    }
    break;
  case DC_ACTIVATION_CLIP:
    for (size_t i = 0; i < count; i++)
      values[i] = clip(values[i], layer->low, layer->high);
    break;
  case DC_ACTIVATION_SIGMOID:
    for (size_t i = 0; i < count; i++)
      values[i] = 1 / (1 + expf(-values[i]));
    break;
  case DC_ACTIVATION_HARD_SIGMOID:
    for (size_t i = 0; i < count; i++)
      values[i] = clip(slope * values[i] + shift, 0, 1);
    break;
  case DC_ACTIVATION_HARD_SWISH:
    for (size_t i = 0; i < count; i++)
      values[i] *= clip(values[i] / 6 + 0.5f, 0, 1);
    break;
  case DC_ACTIVATION_SILU:
    for (size_t i = 0; i < count; i++)
      values[i] /= 1 + expf(-values[i]);
    break;
  case DC_ACTIVATION_TANH:
    for (size_t i = 0; i < count; i++)
      values[i] = tanhf(values[i]);
    break;
  case DC_ACTIVATION_NONE:
    break;
  }
}

DcPatchLimits
dc_activation_limits(const DcLayer *layer)
{
  switch (layer->activation) {
  case DC_ACTIVATION_RELU:
    return (DcPatchLimits){.used = true, .low = 0, .high = INFINITY};
  case DC_ACTIVATION_CLIP:
    return (DcPatchLimits){.used = true, .low = layer->low, .high = layer->high};
  default:
    return (DcPatchLimits){0};
  }
}

bool
dc_activation_has_backward(DcActivation activation)
{
  return activation <= DC_ACTIVATION_GELU;
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
  default: /* NONE; the others go forward only */
    break;
  }
}
