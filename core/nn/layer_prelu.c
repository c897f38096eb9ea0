/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PRELU: a slope per channel for what is below zero. */
#include "nn/layer.h"

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = job->batch * (size_t)run->input.height * (size_t)run->input.width;
  const float *slope = run->layer->weight, *input = job->input;
  float *output = job->output;
  for (size_t pixel = 0; pixel < pixels; pixel++, input += channels, output += channels) {
    for (size_t i = 0; i < channels; i++)
      output[i] = input[i] < 0 ? slope[i] * input[i] : input[i];
  }
}

const DcLayerKindOps dc_layer_prelu = {.forward = forward};
