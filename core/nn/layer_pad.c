/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* PAD: zeros around the image. */
#include "nn/layer.h"

#include <string.h>

static void
pad_image(const DcLayerRun *run, const float *image, float *to)
{
  const int *padding = run->layer->padding;
  const size_t channels = (size_t)run->input.channels;
  const size_t width = (size_t)run->input.width * channels;
  const size_t stride = (size_t)run->layer->output.width * channels;
  memset(to, 0, dc_shape_size(run->layer->output) * sizeof *to);
  to += (size_t)padding[0] * stride + (size_t)padding[2] * channels;
  for (int row = 0; row < run->input.height; row++, image += width, to += stride)
    memcpy(to, image, width * sizeof *to);
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t in = dc_shape_size(run->input), out = dc_shape_size(run->layer->output);
  for (size_t i = 0; i < job->batch; i++)
    pad_image(run, job->input + i * in, job->output + i * out);
}

const DcLayerKindOps dc_layer_pad = {.forward = forward};
