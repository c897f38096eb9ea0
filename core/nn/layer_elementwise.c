/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ADD, MULTIPLY: two values, number by number; the second may be one pixel that meets them all. */
#include "nn/layer.h"

#include <string.h>

typedef void (*Combine)(const float *restrict a, const float *restrict b, size_t count,
                        float *restrict result);

static void
add(const float *restrict a, const float *restrict b, size_t count, float *restrict result)
{
  for (size_t i = 0; i < count; i++)
    result[i] = a[i] + b[i];
}

static void
multiply(const float *restrict a, const float *restrict b, size_t count, float *restrict result)
{
  for (size_t i = 0; i < count; i++)
    result[i] = a[i] * b[i];
}

static void
combine_with_pixel(const DcLayerRun *run, const DcLayerForward *job, Combine combine)
{
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = (size_t)run->input.height * (size_t)run->input.width;
  for (size_t i = 0; i < job->batch * pixels; i++)
    combine(job->input + i * channels, job->second + i / pixels * channels, channels,
            job->output + i * channels);
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job, Combine combine)
{
  const size_t size = dc_shape_size(run->input);
  if (dc_shape_size(run->second) == size)
    combine(job->input, job->second, job->batch * size, job->output);
  else
    combine_with_pixel(run, job, combine);
}

static void
add_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  forward(run, job, add);
}

/* That of either addend. */
static void
add_backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  if (job->input_gradient)
    memcpy(job->input_gradient, job->output_gradient,
           job->batch * dc_shape_size(run->input) * sizeof(float));
}

const DcLayerKindOps dc_layer_add = {.forward = add_forward, .backward = add_backward};

static void
multiply_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  forward(run, job, multiply);
}

const DcLayerKindOps dc_layer_multiply = {.forward = multiply_forward};
