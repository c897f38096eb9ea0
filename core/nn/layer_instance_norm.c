/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* INSTANCE_NORM: each channel of a sample by its mean and variance over the pixels. */
#include "nn/layer.h"

#include <math.h>

/* Channels at once: their sums stay in the cache, whatever the number of channels. */
enum { BLOCK = 64 };

/* `count` channels of one sample. The variance is summed around the mean, in a second pass: the
 * difference of two large sums would lose it. */
static void
normalise(const DcLayerRun *run, const float *x, size_t first, size_t count, float *y)
{
  const DcLayer *layer = run->layer;
  const size_t channels = (size_t)run->input.channels, size = dc_shape_size(run->input);
  const double pixels = (double)(size / channels);
  double mean[BLOCK] = {0}, squares[BLOCK] = {0};
  float scale[BLOCK], shift[BLOCK];
  for (size_t at = first; at < size; at += channels) {
    for (size_t i = 0; i < count; i++)
      mean[i] += x[at + i];
  }
  for (size_t i = 0; i < count; i++)
    mean[i] /= pixels;
  for (size_t at = first; at < size; at += channels) {
    for (size_t i = 0; i < count; i++)
      squares[i] += (x[at + i] - mean[i]) * (x[at + i] - mean[i]);
  }
  for (size_t i = 0; i < count; i++) {
    const double factor =
        layer->weight[first + i] / sqrt(squares[i] / pixels + (double)layer->epsilon);
    scale[i] = (float)factor;
    shift[i] = (float)(layer->bias[first + i] - mean[i] * factor);
  }
  for (size_t at = first; at < size; at += channels) {
    for (size_t i = 0; i < count; i++)
      y[at + i] = x[at + i] * scale[i] + shift[i];
  }
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels, size = dc_shape_size(run->input);
  for (size_t i = 0; i < job->batch; i++) {
    for (size_t first = 0; first < channels; first += BLOCK) {
      const size_t left = channels - first;
      normalise(run, job->input + i * size, first, left < BLOCK ? left : BLOCK,
                job->output + i * size);
    }
  }
}

const DcLayerKindOps dc_layer_instance_norm = {.forward = forward};
