/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CONCATENATE: the channels of two values, pixel by pixel. */
#include "nn/layer.h"

#include <string.h>

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t first = (size_t)run->input.channels, second = (size_t)run->second.channels;
  const size_t pixels = job->batch * (size_t)run->input.height * (size_t)run->input.width;
  float *output = job->output;
  for (size_t i = 0; i < pixels; i++, output += first + second) {
    memcpy(output, job->input + i * first, first * sizeof *output);
    memcpy(output + first, job->second + i * second, second * sizeof *output);
  }
}

const DcLayerKindOps dc_layer_concatenate = {.forward = forward};
