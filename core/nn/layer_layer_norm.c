/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* LAYER_NORM: each pixel by the mean and variance of its own channels. */
#include "nn/layer.h"

#include <math.h>

static void
normalise(const DcLayer *layer, const float *x, size_t channels, float *y)
{
  double sum = 0, squares = 0;
  for (size_t i = 0; i < channels; i++)
    sum += x[i];
  const double mean = sum / (double)channels;
  for (size_t i = 0; i < channels; i++)
    squares += (x[i] - mean) * (x[i] - mean);
  const double scale = 1 / sqrt(squares / (double)channels + layer->epsilon);
  for (size_t i = 0; i < channels; i++)
    y[i] = (float)((x[i] - mean) * scale) * layer->weight[i] + layer->bias[i];
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = job->batch * (size_t)run->input.height * (size_t)run->input.width;
  for (size_t i = 0; i < pixels; i++)
    normalise(run->layer, job->input + i * channels, channels, job->output + i * channels);
}

const DcLayerKindOps dc_layer_layer_norm = {.forward = forward};
