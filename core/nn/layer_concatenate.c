/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CONCATENATE: the channels of two values, pixel by pixel. */
#include "nn/layer.h"

#include <string.h>

/* A plan may have made an input where it belongs already. */
static void
copy_pixels(const float *from, size_t pixels, size_t channels, size_t stride, float *to)
{
  if (from == to)
    return;
  for (size_t i = 0; i < pixels; i++, from += channels, to += stride)
    memcpy(to, from, channels * sizeof *to);
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t first = (size_t)run->input.channels, second = (size_t)run->second.channels;
  const size_t pixels = job->batch * (size_t)run->input.height * (size_t)run->input.width;
  copy_pixels(job->input, pixels, first, run->output_stride, job->output);
  copy_pixels(job->second, pixels, second, run->output_stride, job->output + first);
}

const DcLayerKindOps dc_layer_concatenate = {.forward = forward, .can_stride = true};
