/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AFFINE: a scale and a shift per channel. */
#include "nn/layer.h"

static size_t
pixel_count(const DcLayerRun *run, size_t batch)
{
  return batch * (size_t)run->input.height * (size_t)run->input.width;
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels, pixels = pixel_count(run, job->batch);
  const float *weight = run->layer->weight, *bias = run->layer->bias, *input = job->input;
  float *output = job->output;
  for (size_t pixel = 0; pixel < pixels; pixel++, input += channels, output += channels) {
    for (size_t i = 0; i < channels; i++)
      output[i] = input[i] * weight[i] + bias[i];
  }
}

static void
backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  const size_t channels = (size_t)run->input.channels, pixels = pixel_count(run, job->batch);
  const float *x = job->input, *delta = job->output_gradient;
  for (size_t pixel = 0; pixel < pixels; pixel++, x += channels, delta += channels) {
    for (size_t i = 0; i < channels; i++) {
      job->weight_gradient[i] += x[i] * delta[i];
      job->bias_gradient[i] += delta[i];
    }
    if (job->input_gradient) {
      for (size_t i = 0; i < channels; i++)
        job->input_gradient[pixel * channels + i] = run->layer->weight[i] * delta[i];
    }
  }
}

const DcLayerKindOps dc_layer_affine = {.forward = forward, .backward = backward};
