/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* MAX_POOL, AVERAGE_POOL, GLOBAL_AVERAGE_POOL: channels are the vector. */
#include "nn/layer.h"
#include "nn/window.h"

#include <string.h>

/* What one output pixel does with its window. */
typedef void (*PixelBackward)(const DcLayerRun *run, DcWindow window, const float *input,
                              const float *delta, float *input_gradient);

static void
backward_all(const DcLayerRun *run, const DcLayerBackward *job, PixelBackward pixel)
{
  if (!job->input_gradient)
    return;
  const DcShape out = run->layer->output;
  const size_t in_size = dc_shape_size(run->input);
  const float *input = job->input, *delta = job->output_gradient;
  float *gradient = job->input_gradient;
  memset(gradient, 0, job->batch * in_size * sizeof *gradient);
  for (size_t image = 0; image < job->batch; image++, input += in_size, gradient += in_size) {
    for (int row = 0; row < out.height; row++) {
      for (int column = 0; column < out.width; column++, delta += out.channels)
        pixel(run, dc_window(run->layer, run->input, row, column), input, delta, gradient);
    }
  }
}

/* --- MAX_POOL --- */

static void
max_visit(const DcLayerRun *run, DcWindow window, DcPatchWindow *job)
{
  (void)window;
  run->kernels->maximum(job);
}

static void
max_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  dc_window_walk(run, job, max_visit);
}

/* Among equals the first value of the window gets the gradient, as in PyTorch and TensorFlow. */
static void
max_pixel_backward(const DcLayerRun *run, DcWindow window, const float *input, const float *delta,
                   float *input_gradient)
{
  for (size_t i = 0; i < (size_t)run->input.channels; i++) {
    size_t best = dc_shape_offset(run->input, window.first_row, window.first_column) + i;
    for (int row = window.first_row; row < window.first_row + window.rows; row++) {
      for (int j = 0; j < window.columns; j++) {
        const size_t here = dc_shape_offset(run->input, row, window.first_column + j) + i;
        if (input[here] > input[best])
          best = here;
      }
    }
    input_gradient[best] += delta[i];
  }
}

static void
max_backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  backward_all(run, job, max_pixel_backward);
}

const DcLayerKindOps dc_layer_max_pool = {.forward = max_forward,
                                          .backward = max_backward,
                                          .can_stride = true};

/* --- AVERAGE_POOL --- */

static float
share(DcWindow window)
{
  return 1.0f / (float)(window.rows * window.columns);
}

static void
average_visit(const DcLayerRun *run, DcWindow window, DcPatchWindow *job)
{
  job->scale = share(window);
  run->kernels->add(job);
}

static void
average_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  dc_window_walk(run, job, average_visit);
}

static void
average_pixel_backward(const DcLayerRun *run, DcWindow window, const float *input,
                       const float *delta, float *input_gradient)
{
  (void)input;
  const size_t channels = (size_t)run->input.channels;
  for (int row = window.first_row; row < window.first_row + window.rows; row++) {
    float *x = input_gradient + dc_shape_offset(run->input, row, window.first_column);
    for (int j = 0; j < window.columns; j++, x += channels) {
      for (size_t i = 0; i < channels; i++)
        x[i] += share(window) * delta[i];
    }
  }
}

static void
average_backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  backward_all(run, job, average_pixel_backward);
}

const DcLayerKindOps dc_layer_average_pool = {.forward = average_forward,
                                              .backward = average_backward,
                                              .can_stride = true};

/* --- GLOBAL_AVERAGE_POOL --- */

static void
global_forward(const DcLayerRun *run, const DcLayerForward *job)
{
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = (size_t)run->input.height * (size_t)run->input.width;
  for (size_t image = 0; image < job->batch; image++) {
    const DcPatchWindow whole = {
        .patch = {.rows = 1, .columns = pixels, .run = channels, .column_stride = channels},
        .pixels = 1,
        .input = job->input + image * pixels * channels,
        .output = job->output + image * channels,
        .scale = 1 / (float)pixels};
    run->kernels->add(&whole);
  }
}

static void
global_backward(const DcLayerRun *run, const DcLayerBackward *job)
{
  if (!job->input_gradient)
    return;
  const size_t channels = (size_t)run->input.channels;
  const size_t pixels = (size_t)run->input.height * (size_t)run->input.width;
  float *gradient = job->input_gradient;
  for (size_t image = 0; image < job->batch; image++) {
    const float *delta = job->output_gradient + image * channels;
    for (size_t pixel = 0; pixel < pixels; pixel++, gradient += channels) {
      for (size_t i = 0; i < channels; i++)
        gradient[i] = delta[i] / (float)pixels;
    }
  }
}

const DcLayerKindOps dc_layer_global_average_pool = {.forward = global_forward,
                                                     .backward = global_backward};
