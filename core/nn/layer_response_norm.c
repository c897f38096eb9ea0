/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RESPONSE_NORM: each number by the squares of the channels around it. */
#include "nn/layer.h"

#include <math.h>

/* The window of channel c begins `before` channels before it, and ends before c + `after`; both may
 * lie outside. Summed anew for each channel: a running sum would keep what large numbers lost. */
static void
normalise(const DcResponse *response, const float *x, size_t channels, float *y)
{
  const size_t before = (size_t)(response->size - 1) / 2;
  const size_t after = (size_t)response->size - before;
  for (size_t c = 0; c < channels; c++) {
    const size_t first = c < before ? 0 : c - before;
    const size_t end = channels - c < after ? channels : c + after;
    float sum = 0;
    for (size_t i = first; i < end; i++)
      sum += x[i] * x[i];
    y[c] = x[c] * powf(response->bias + response->scale * sum, -response->power);
  }
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = job->batch * (size_t)run->input.height * (size_t)run->input.width;
  for (size_t i = 0; i < pixels; i++)
    normalise(&run->layer->response, job->input + i * channels, channels,
              job->output + i * channels);
}

const DcLayerKindOps dc_layer_response_norm = {.forward = forward};
