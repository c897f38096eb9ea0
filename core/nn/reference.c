/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every layer by plain loops in double: no speed, no cleverness, one formula per function. */
#include "nn/reference.h"

#include "base/memory.h"
#include "nn/plan.h"

#include <math.h>
#include <string.h>

/* One sample of one layer. */
typedef struct {
  const DcLayer *layer;
  DcShape in, out;
  const double *x;
  double *y;
} Task;

static size_t
at(DcShape shape, int row, int column, int channel)
{
  return ((size_t)row * (size_t)shape.width + (size_t)column) * (size_t)shape.channels +
         (size_t)channel;
}

static bool
inside(DcShape shape, int row, int column)
{
  return row >= 0 && row < shape.height && column >= 0 && column < shape.width;
}

/* One tap of a window: output position, kernel position, and the input position they meet at. */
typedef struct {
  int out_row, out_column, kernel_row, kernel_column, in_row, in_column;
} Tap;

/* Calls `visit` for every tap that lies inside the larger side, of the windows that `layer` lays
 * over `large` to make `small`. */
static void
for_each_tap(const Task *task, DcShape large, DcShape small,
             void (*visit)(const Task *, const Tap *))
{
  const DcLayer *layer = task->layer;
  Tap tap;
  for (tap.out_row = 0; tap.out_row < small.height; tap.out_row++) {
    for (tap.out_column = 0; tap.out_column < small.width; tap.out_column++) {
      for (tap.kernel_row = 0; tap.kernel_row < layer->kernel_height; tap.kernel_row++) {
        for (tap.kernel_column = 0; tap.kernel_column < layer->kernel_width; tap.kernel_column++) {
          tap.in_row = tap.out_row * layer->stride + tap.kernel_row - layer->padding[0];
          tap.in_column = tap.out_column * layer->stride + tap.kernel_column - layer->padding[2];
          if (inside(large, tap.in_row, tap.in_column))
            visit(task, &tap);
        }
      }
    }
  }
}

/* The weights of a tap: kernel row, kernel column, then whatever the kind has. */
static const float *
tap_weight(const Task *task, const Tap *tap, size_t size)
{
  const DcLayer *layer = task->layer;
  return layer->weight +
         ((size_t)tap->kernel_row * (size_t)layer->kernel_width + (size_t)tap->kernel_column) *
             size;
}

static void
start_with_bias(const Task *task)
{
  const size_t size = dc_shape_size(task->out), channels = (size_t)task->out.channels;
  for (size_t i = 0; i < size; i++)
    task->y[i] = task->layer->bias[i % channels];
}

static void
dense(const Task *task)
{
  const size_t in = dc_shape_size(task->in), out = dc_shape_size(task->out);
  start_with_bias(task);
  for (size_t i = 0; i < in; i++) {
    for (size_t j = 0; j < out; j++)
      task->y[j] += task->x[i] * task->layer->weight[i * out + j];
  }
}

static void
visit_conv(const Task *task, const Tap *tap)
{
  const size_t in = (size_t)task->in.channels, out = (size_t)task->out.channels;
  const float *weight = tap_weight(task, tap, in * out);
  const double *x = task->x + at(task->in, tap->in_row, tap->in_column, 0);
  double *y = task->y + at(task->out, tap->out_row, tap->out_column, 0);
  for (size_t i = 0; i < in; i++) {
    for (size_t j = 0; j < out; j++)
      y[j] += x[i] * weight[i * out + j];
  }
}

static void
conv(const Task *task)
{
  start_with_bias(task);
  for_each_tap(task, task->in, task->out, visit_conv);
}

static void
visit_depthwise(const Task *task, const Tap *tap)
{
  const size_t channels = (size_t)task->in.channels;
  const float *weight = tap_weight(task, tap, channels);
  const double *x = task->x + at(task->in, tap->in_row, tap->in_column, 0);
  double *y = task->y + at(task->out, tap->out_row, tap->out_column, 0);
  for (size_t i = 0; i < channels; i++)
    y[i] += x[i] * weight[i];
}

static void
depthwise(const Task *task)
{
  start_with_bias(task);
  for_each_tap(task, task->in, task->out, visit_depthwise);
}

/* The adjoint: the windows lie over the output, and values flow from the small side to it. */
static void
visit_transposed(const Task *task, const Tap *tap)
{
  const size_t in = (size_t)task->in.channels, out = (size_t)task->out.channels;
  const float *weight = tap_weight(task, tap, out * in);
  const double *x = task->x + at(task->in, tap->out_row, tap->out_column, 0);
  double *y = task->y + at(task->out, tap->in_row, tap->in_column, 0);
  for (size_t j = 0; j < out; j++) {
    for (size_t i = 0; i < in; i++)
      y[j] += x[i] * weight[j * in + i];
  }
}

static void
transposed(const Task *task)
{
  start_with_bias(task);
  for_each_tap(task, task->out, task->in, visit_transposed);
}

static void
visit_max(const Task *task, const Tap *tap)
{
  const double *x = task->x + at(task->in, tap->in_row, tap->in_column, 0);
  double *y = task->y + at(task->out, tap->out_row, tap->out_column, 0);
  for (int i = 0; i < task->in.channels; i++) {
    if (x[i] > y[i] || isnan(x[i]))
      y[i] = x[i];
  }
}

static void
max_pool(const Task *task)
{
  for (size_t i = 0; i < dc_shape_size(task->out); i++)
    task->y[i] = -INFINITY;
  for_each_tap(task, task->in, task->out, visit_max);
}

static void
visit_sum(const Task *task, const Tap *tap)
{
  const double *x = task->x + at(task->in, tap->in_row, tap->in_column, 0);
  double *y = task->y + at(task->out, tap->out_row, tap->out_column, 0);
  for (int i = 0; i < task->in.channels; i++)
    y[i] += x[i];
}

static int
values_inside(int start, int kernel, int length)
{
  const int first = start < 0 ? 0 : start, last = start + kernel < length ? start + kernel : length;
  return last - first;
}

static void
average_pool(const Task *task)
{
  const DcLayer *layer = task->layer;
  memset(task->y, 0, dc_shape_size(task->out) * sizeof(double));
  for_each_tap(task, task->in, task->out, visit_sum);
  for (int row = 0; row < task->out.height; row++) {
    for (int column = 0; column < task->out.width; column++) {
      const int count = values_inside(row * layer->stride - layer->padding[0], layer->kernel_height,
                                      task->in.height) *
                        values_inside(column * layer->stride - layer->padding[2],
                                      layer->kernel_width, task->in.width);
      for (int i = 0; i < task->out.channels; i++)
        task->y[at(task->out, row, column, i)] /= count;
    }
  }
}

static void
global_average_pool(const Task *task)
{
  const size_t size = dc_shape_size(task->in), channels = (size_t)task->in.channels;
  memset(task->y, 0, channels * sizeof(double));
  for (size_t i = 0; i < size; i++)
    task->y[i % channels] += task->x[i];
  for (size_t i = 0; i < channels; i++)
    task->y[i] /= (double)(size / channels);
}

static void
affine(const Task *task)
{
  const size_t size = dc_shape_size(task->in), channels = (size_t)task->in.channels;
  for (size_t i = 0; i < size; i++)
    task->y[i] = task->x[i] * task->layer->weight[i % channels] + task->layer->bias[i % channels];
}

static void
reshape(const Task *task)
{
  memcpy(task->y, task->x, dc_shape_size(task->in) * sizeof(double));
}

static void
l2_normalise(const Task *task)
{
  const size_t size = dc_shape_size(task->in);
  double square = 0;
  for (size_t i = 0; i < size; i++)
    square += task->x[i] * task->x[i];
  const double factor = square != 0 ? 1 / sqrt(square) : 0;
  for (size_t i = 0; i < size; i++)
    task->y[i] = task->x[i] * factor;
}

static double
activate(const DcLayer *layer, double x)
{
  switch (layer->activation) {
  case DC_ACTIVATION_RELU:
    return x < 0 ? 0 : x;
  case DC_ACTIVATION_LEAKY_RELU:
    return x < 0 ? layer->slope * x : x;
  case DC_ACTIVATION_GELU:
    return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
  case DC_ACTIVATION_NONE:
    break;
  }
  return x;
}

static void (*const kinds[DC_LAYER_KIND_COUNT])(const Task *) = {
    [DC_LAYER_DENSE] = dense,
    [DC_LAYER_CONV2D] = conv,
    [DC_LAYER_DEPTHWISE_CONV2D] = depthwise,
    [DC_LAYER_TRANSPOSED_CONV2D] = transposed,
    [DC_LAYER_MAX_POOL] = max_pool,
    [DC_LAYER_AVERAGE_POOL] = average_pool,
    [DC_LAYER_GLOBAL_AVERAGE_POOL] = global_average_pool,
    [DC_LAYER_AFFINE] = affine,
    [DC_LAYER_RESHAPE] = reshape,
    [DC_LAYER_L2_NORMALISE] = l2_normalise,
};

/* Runs one sample; `spare` are two buffers of the largest activation. Returns its output. */
static const double *
run_sample(const DcNetwork *network, const double *input, double *const spare[2])
{
  const double *x = input;
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    const Task task = {layer, dc_network_layer_input(network, i), layer->output, x, spare[i % 2]};
    kinds[layer->kind](&task);
    for (size_t j = 0; j < dc_shape_size(task.out); j++)
      task.y[j] = activate(layer, task.y[j]);
    x = task.y;
  }
  return x;
}

static size_t
largest_activation(const DcNetwork *network)
{
  size_t largest = 0;
  for (size_t i = 0; i <= dc_network_layer_count(network); i++) {
    const size_t size = dc_shape_size(dc_network_layer_input(network, i));
    largest = size > largest ? size : largest;
  }
  return largest;
}

DcStatus
dc_network_run_double(const DcNetwork *network, const double *input, size_t batch, double *output)
{
  const size_t in = dc_shape_size(dc_network_input(network));
  const size_t out = dc_shape_size(dc_network_output(network));
  const size_t largest = largest_activation(network);
  double *spare[2] = {DC_NEW(double, largest), DC_NEW(double, largest)};
  DcStatus status = spare[0] && spare[1] ? DC_OK : DC_ERROR_MEMORY;
  for (size_t i = 0; !status && i < batch; i++)
    memcpy(output + i * out, run_sample(network, input + i * in, spare), out * sizeof(double));
  dc_free(spare[0]);
  dc_free(spare[1]);
  return status;
}

DcStatus
dc_network_run_reference(const DcNetwork *network, const float *input, size_t batch, float *output)
{
  const size_t in = batch * dc_shape_size(dc_network_input(network));
  const size_t out = batch * dc_shape_size(dc_network_output(network));
  double *x = DC_NEW(double, in), *y = DC_NEW(double, out);
  DcStatus status = x && y ? DC_OK : DC_ERROR_MEMORY;
  for (size_t i = 0; !status && i < in; i++)
    x[i] = input[i];
  if (!status)
    status = dc_network_run_double(network, x, batch, y);
  for (size_t i = 0; !status && i < out; i++)
    output[i] = (float)y[i];
  dc_free(x);
  dc_free(y);
  return status;
}
