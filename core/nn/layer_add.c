/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ADD: the sum of two values. */
#include "nn/layer.h"

#include <string.h>

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t count = job->batch * dc_shape_size(run->input);
  const float *restrict a = job->input, *restrict b = job->addend;
  float *restrict sum = job->output;
  if (run->layer->activation == DC_ACTIVATION_RELU) {
    for (size_t i = 0; i < count; i++) {
      const float value = a[i] + b[i];
      sum[i] = value < 0 ? 0 : value; /* NaN stays NaN */
    }
  } else {
    for (size_t i = 0; i < count; i++)
      sum[i] = a[i] + b[i];
  }
}

/* That of either addend. */
static void
backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  if (job->input_gradient)
    memcpy(job->input_gradient, job->output_gradient,
           job->batch * dc_shape_size(run->input) * sizeof(float));
}

const DcLayerKindOps dc_layer_add = {.forward = forward, .backward = backward, .does_relu = true};
