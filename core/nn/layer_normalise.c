/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* L2_NORMALISE: y = x / |x| over a whole sample. */
#include "nn/layer.h"

#include <math.h>

/* 1 / |x|, or 0 for a zero sample; the sum in double, where no float's square underflows. */
static double
inverse_length(const float *x, size_t size)
{
  double square = 0;
  for (size_t i = 0; i < size; i++)
    square += (double)x[i] * x[i];
  return square != 0 ? 1 / sqrt(square) : 0;
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t size = dc_shape_size(run->input);
  const float *input = job->input;
  float *output = job->output;
  for (size_t sample = 0; sample < job->batch; sample++, input += size, output += size) {
    const double factor = inverse_length(input, size);
    for (size_t i = 0; i < size; i++)
      output[i] = (float)(input[i] * factor);
  }
}

/* With y = x / |x|: dL/dx = (dL/dy - y (y . dL/dy)) / |x|; zero for a zero sample. */
static void
backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  if (!job->input_gradient)
    return;
  const size_t size = dc_shape_size(run->input);
  const float *x = job->input, *delta = job->output_gradient;
  float *gradient = job->input_gradient;
  for (size_t sample = 0; sample < job->batch; sample++) {
    const double factor = inverse_length(x, size);
    double along = 0;
    for (size_t i = 0; i < size; i++)
      along += x[i] * factor * delta[i];
    for (size_t i = 0; i < size; i++)
      gradient[i] = (float)((delta[i] - x[i] * factor * along) * factor);
    x += size;
    delta += size;
    gradient += size;
  }
}

const DcLayerKindOps dc_layer_l2_normalise = {.forward = forward, .backward = backward};
