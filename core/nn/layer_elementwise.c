/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ADD, MULTIPLY: two values, number by number; the second may be one pixel that meets them all. And
 * PRELU, AFFINE: a value and numbers of the layer's own, one or two for each channel. */
#include "nn/activation.h"
#include "nn/elementwise.h"
#include "nn/layer.h"

#include <string.h>

typedef void (*Combine)(const DcElementwisePair *job);

/* Each image's pixels with one pixel. */
static void
combine_with_pixel(const DcLayerRun *run, const DcLayerForward *job, Combine combine)
{
  const size_t channels = (size_t)run->input.channels, size = dc_shape_size(run->input);
  for (size_t i = 0; i < job->batch; i++) {
    const DcElementwisePair image = {.a = job->input + i * size,
                                     .b = job->second + i * channels,
                                     .rows = size / channels,
                                     .columns = channels,
                                     .limits = dc_activation_limits(run->layer),
                                     .result = job->output + i * size};
    combine(&image);
  }
}

static void
combine(const DcLayerRun *run, const DcLayerForward *job, Combine with)
{
  const size_t size = dc_shape_size(run->input);
  if (dc_shape_size(run->second) != size) {
    combine_with_pixel(run, job, with);
    return;
  }
  const DcElementwisePair all = {.a = job->input,
                                 .b = job->second,
                                 .rows = 1,
                                 .columns = job->batch * size,
                                 .limits = dc_activation_limits(run->layer),
                                 .result = job->output};
  with(&all);
}

/* --- ADD --- */

static void
add_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  combine(run, job, dc_elementwise_kernels()->add);
}

/* That of either addend. */
static void
add_backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  if (job->input_gradient)
    memcpy(job->input_gradient, job->output_gradient,
           job->batch * dc_shape_size(run->input) * sizeof(float));
}

const DcLayerKindOps dc_layer_add = {.forward = add_forward,
                                     .backward = add_backward,
                                     .does_relu = true,
                                     .does_clip = true,
                                     .in_place = true};

/* --- MULTIPLY --- */

static void
multiply_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  combine(run, job, dc_elementwise_kernels()->multiply);
}

const DcLayerKindOps dc_layer_multiply = {
    .forward = multiply_forward, .does_relu = true, .does_clip = true, .in_place = true};

/* --- PRELU, AFFINE --- */

static DcElementwisePair
with_weight(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels;
  return (DcElementwisePair){.a = job->input,
                             .b = run->layer->weight,
                             .rows = job->batch * dc_shape_size(run->input) / channels,
                             .columns = channels,
                             .limits = dc_activation_limits(run->layer),
                             .result = job->output};
}

static void
prelu_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const DcElementwisePair all = with_weight(run, job);
  dc_elementwise_kernels()->prelu(&all);
}

const DcLayerKindOps dc_layer_prelu = {
    .forward = prelu_forward, .does_relu = true, .does_clip = true, .in_place = true};

static void
affine_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const DcElementwisePair all = with_weight(run, job);
  dc_elementwise_kernels()->affine(&all, run->layer->bias);
}

static void
affine_backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = job->batch * dc_shape_size(run->input) / channels;
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

const DcLayerKindOps dc_layer_affine = {.forward = affine_forward,
                                        .backward = affine_backward,
                                        .does_relu = true,
                                        .does_clip = true,
                                        .in_place = true};
