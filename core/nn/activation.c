/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/activation.h"

#include "nn/activation_functions.h"
#include "nn/elementwise.h"

#include <math.h>

#define INVERSE_SQRT_TAU 0.39894228040143267794f /* 1 / sqrt(2 pi) */

void
dc_activation_run(const DcLayer *layer, float *values, size_t count)
{
  dc_elementwise_kernels()->activate(layer, values, count);
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
      const float x = values[i], density = INVERSE_SQRT_TAU * dc_exp(-0.5f * x * x);
      gradient[i] *= dc_normal_cdf(x) + x * density;
    }
    break;
  default: /* NONE; the others go forward only */
    break;
  }
}
