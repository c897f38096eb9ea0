/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* DEPTHWISE_CONV2D: one filter per channel, so nothing for a matrix product to do; channels are the
 * vector. */
#include "nn/activation.h"
#include "nn/layer.h"
#include "nn/window.h"

#include <string.h>

static void
visit(const DcLayerRun *run, DcWindow window, DcPatchWindow *job)
{
  const DcLayer *layer = run->layer;
  const int tap = window.kernel_row * layer->kernel_width + window.kernel_column;
  job->weight = layer->weight + (size_t)tap * job->patch.run;
  job->weight_row_stride = (size_t)layer->kernel_width * job->patch.run;
  job->bias = layer->bias;
  job->limits = dc_activation_limits(layer);
  run->kernels->weigh(job);
}

static void
forward(const DcLayerRun *run, const DcLayerForward *job)
{
  dc_window_walk(run, job, visit);
}

/* One image's pointers. */
typedef struct {
  const float *input, *delta;
  float *weight_gradient, *input_gradient;
} Image;

static void
backward_pixel(const DcLayerRun *run, DcWindow window, const Image *image)
{
  const DcLayer *layer = run->layer;
  const size_t channels = (size_t)run->input.channels;
  for (int row = window.first_row; row < window.first_row + window.rows; row++) {
    const int tap = (window.kernel_row + row - window.first_row) * layer->kernel_width;
    size_t weight = (size_t)(tap + window.kernel_column) * channels;
    size_t x = dc_shape_offset(run->input, row, window.first_column);
    for (int j = 0; j < window.columns; j++) {
      for (size_t i = 0; i < channels; i++)
        image->weight_gradient[weight + i] += image->input[x + i] * image->delta[i];
      if (image->input_gradient) {
        for (size_t i = 0; i < channels; i++)
          image->input_gradient[x + i] += layer->weight[weight + i] * image->delta[i];
      }
      x += channels;
      weight += channels;
    }
  }
}

static void
backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  const DcShape out = run->layer->output;
  const size_t in_size = dc_shape_size(run->input);
  Image image = {job->input, job->output_gradient, job->weight_gradient, job->input_gradient};
  if (job->input_gradient)
    memset(job->input_gradient, 0, job->batch * in_size * sizeof(float));
  for (size_t i = 0; i < job->batch; i++) {
    for (int row = 0; row < out.height; row++) {
      for (int column = 0; column < out.width; column++, image.delta += out.channels) {
        for (int c = 0; c < out.channels; c++)
          job->bias_gradient[c] += image.delta[c];
        backward_pixel(run, dc_window(run->layer, run->input, row, column), &image);
      }
    }
    image.input += in_size;
    if (image.input_gradient)
      image.input_gradient += in_size;
  }
}

const DcLayerKindOps dc_layer_depthwise = {.forward = forward,
                                           .backward = backward,
                                           .does_relu = true,
                                           .does_clip = true,
                                           .can_stride = true};
