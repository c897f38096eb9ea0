/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every layer by plain loops in double: no speed, no cleverness, one formula per function. */
#include "nn/reference.h"

#include "base/memory.h"
#include "nn/batch_norm.h"
#include "nn/plan.h"

#include <math.h>
#include <string.h>

/* One sample of one layer. */
typedef struct {
  const DcLayer *layer;
  DcShape in, out;
  const double *x, *second; /* the second: the kinds that take two */
  size_t second_size;
  double *y;
  const double *statistics; /* BATCH_NORM: mean, then variance of each channel */
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
  const int down = dc_layer_dilation(layer), across = dc_layer_dilation_across(layer);
  const int stride_across = dc_layer_stride_across(layer);
  Tap tap;
  for (tap.out_row = 0; tap.out_row < small.height; tap.out_row++) {
    for (tap.out_column = 0; tap.out_column < small.width; tap.out_column++) {
      for (tap.kernel_row = 0; tap.kernel_row < layer->kernel_height; tap.kernel_row++) {
        for (tap.kernel_column = 0; tap.kernel_column < layer->kernel_width; tap.kernel_column++) {
          tap.in_row = tap.out_row * layer->stride + tap.kernel_row * down - layer->padding[0];
          tap.in_column =
              tap.out_column * stride_across + tap.kernel_column * across - layer->padding[2];
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
  const size_t groups = (size_t)dc_layer_groups(task->layer);
  const size_t in = (size_t)task->in.channels / groups, out = (size_t)task->out.channels;
  const float *weight = tap_weight(task, tap, in * out);
  const double *x = task->x + at(task->in, tap->in_row, tap->in_column, 0);
  double *y = task->y + at(task->out, tap->out_row, tap->out_column, 0);
  for (size_t i = 0; i < in; i++) {
    for (size_t j = 0; j < out; j++)
      y[j] += x[j / (out / groups) * in + i] * weight[i * out + j];
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
                        values_inside(column * dc_layer_stride_across(layer) - layer->padding[2],
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
sum_of_channel(const double *x, size_t size, size_t channels, size_t channel, double centre,
               int power)
{
  double sum = 0;
  for (size_t i = channel; i < size; i += channels)
    sum += power == 1 ? x[i] - centre : (x[i] - centre) * (x[i] - centre);
  return sum;
}

static void
add(const Task *task)
{
  for (size_t i = 0; i < dc_shape_size(task->in); i++)
    task->y[i] = task->x[i] + task->second[i % task->second_size];
}

static void
multiply(const Task *task)
{
  for (size_t i = 0; i < dc_shape_size(task->in); i++)
    task->y[i] = task->x[i] * task->second[i % task->second_size];
}

static void
concatenate(const Task *task)
{
  const size_t first = (size_t)task->in.channels, all = (size_t)task->out.channels;
  for (size_t i = 0; i < dc_shape_size(task->out); i++) {
    const size_t pixel = i / all, c = i % all;
    task->y[i] =
        c < first ? task->x[pixel * first + c] : task->second[pixel * (all - first) + c - first];
  }
}

static void
prelu(const Task *task)
{
  const size_t channels = (size_t)task->in.channels;
  for (size_t i = 0; i < dc_shape_size(task->in); i++)
    task->y[i] = task->x[i] < 0 ? task->x[i] * task->layer->weight[i % channels] : task->x[i];
}

static void
layer_norm_pixel(const DcLayer *layer, const double *x, double *y)
{
  const size_t channels = (size_t)layer->output.channels;
  const double rows = (double)channels;
  const double mean = sum_of_channel(x, channels, 1, 0, 0, 1) / rows;
  const double variance = sum_of_channel(x, channels, 1, 0, mean, 2) / rows;
  for (size_t i = 0; i < channels; i++)
    y[i] = (x[i] - mean) / sqrt(variance + layer->epsilon) * layer->weight[i] + layer->bias[i];
}

static void
softmax_pixel(const DcLayer *layer, const double *x, double *y)
{
  const int channels = layer->output.channels;
  double largest = -INFINITY, sum = 0;
  for (int i = 0; i < channels; i++)
    largest = fmax(largest, x[i]);
  for (int i = 0; i < channels; i++)
    sum += exp(x[i] - largest);
  for (int i = 0; i < channels; i++)
    y[i] = exp(x[i] - largest) / sum;
}

static void
for_each_pixel(const Task *task, void (*visit)(const DcLayer *, const double *, double *))
{
  for (size_t i = 0; i < dc_shape_size(task->in); i += (size_t)task->in.channels)
    visit(task->layer, task->x + i, task->y + i);
}

static void
layer_norm(const Task *task)
{
  for_each_pixel(task, layer_norm_pixel);
}

static void
softmax(const Task *task)
{
  for_each_pixel(task, softmax_pixel);
}

static void
pad(const Task *task)
{
  const int *padding = task->layer->padding;
  for (int row = 0; row < task->out.height; row++) {
    for (int column = 0; column < task->out.width; column++) {
      const int y = row - padding[0], x = column - padding[2];
      for (int i = 0; i < task->out.channels; i++)
        task->y[at(task->out, row, column, i)] =
            inside(task->in, y, x) ? task->x[at(task->in, y, x, i)] : 0;
    }
  }
}

static void
rearrange(const Task *task)
{
  const DcRearrangement *order = &task->layer->order;
  for (size_t i = 0; i < dc_shape_size(task->out); i++) {
    size_t rest = i, from = (size_t)order->offset;
    for (int axis = order->axes; axis-- > 0; rest /= (size_t)order->size[axis])
      from += rest % (size_t)order->size[axis] * (size_t)order->stride[axis];
    task->y[i] = task->x[from];
  }
}

static double
lies_at(const Task *task, double row, double column, int channel)
{
  const double y = fmin(fmax(row, 0), task->in.height - 1);
  const double x = fmin(fmax(column, 0), task->in.width - 1);
  double sum = 0;
  for (int i = 0; i < task->in.height; i++) {
    for (int j = 0; j < task->in.width; j++)
      sum += fmax(1 - fabs(y - i), 0) * fmax(1 - fabs(x - j), 0) *
             task->x[at(task->in, i, j, channel)];
  }
  return sum;
}

static void
resample(const Task *task)
{
  const float *rows = task->layer->weight, *columns = rows + task->out.height;
  for (int row = 0; row < task->out.height; row++) {
    for (int column = 0; column < task->out.width; column++) {
      for (int i = 0; i < task->out.channels; i++)
        task->y[at(task->out, row, column, i)] = lies_at(task, rows[row], columns[column], i);
    }
  }
}

static void
instance_norm(const Task *task)
{
  const size_t size = dc_shape_size(task->in), channels = (size_t)task->in.channels;
  const double pixels = (double)(size / channels);
  for (size_t i = 0; i < size; i++) {
    const size_t c = i % channels;
    const double mean = sum_of_channel(task->x, size, channels, c, 0, 1) / pixels;
    const double variance = sum_of_channel(task->x, size, channels, c, mean, 2) / pixels;
    task->y[i] =
        (task->x[i] - mean) / sqrt(variance + task->layer->epsilon) * task->layer->weight[c] +
        task->layer->bias[c];
  }
}

static void
response_norm_pixel(const DcLayer *layer, const double *x, double *y)
{
  const DcResponse *response = &layer->response;
  const int before = (response->size - 1) / 2;
  for (int c = 0; c < layer->output.channels; c++) {
    double sum = 0;
    for (int i = c - before; i < c - before + response->size; i++)
      sum += i >= 0 && i < layer->output.channels ? x[i] * x[i] : 0;
    y[c] = x[c] / pow(response->bias + response->scale * sum, response->power);
  }
}

static void
response_norm(const Task *task)
{
  for_each_pixel(task, response_norm_pixel);
}

static void
batch_norm(const Task *task)
{
  const size_t size = dc_shape_size(task->in), channels = (size_t)task->in.channels;
  const double *mean = task->statistics, *variance = task->statistics + channels;
  for (size_t i = 0; i < size; i++) {
    const size_t c = i % channels;
    task->y[i] = (task->x[i] - mean[c]) / sqrt(variance[c] + DC_BATCH_NORM_EPSILON) *
                     task->layer->weight[c] +
                 task->layer->bias[c];
  }
}

static double
clip(double x, double low, double high)
{
  return x < low ? low : x > high ? high : x;
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
  case DC_ACTIVATION_GELU_TANH:
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
  case DC_ACTIVATION_CLIP:
    return clip(x, layer->low, layer->high);
  case DC_ACTIVATION_SIGMOID:
    return 1 / (1 + exp(-x));
  case DC_ACTIVATION_HARD_SIGMOID:
    return clip(layer->slope * x + layer->shift, 0, 1);
  case DC_ACTIVATION_HARD_SWISH:
    return x * clip(x / 6 + 0.5, 0, 1);
  case DC_ACTIVATION_SILU:
    return x / (1 + exp(-x));
  case DC_ACTIVATION_TANH:
    return tanh(x);
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
    [DC_LAYER_ADD] = add,
    [DC_LAYER_BATCH_NORM] = batch_norm,
    [DC_LAYER_MULTIPLY] = multiply,
    [DC_LAYER_CONCATENATE] = concatenate,
    [DC_LAYER_PRELU] = prelu,
    [DC_LAYER_LAYER_NORM] = layer_norm,
    [DC_LAYER_SOFTMAX] = softmax,
    [DC_LAYER_PAD] = pad,
    [DC_LAYER_REARRANGE] = rearrange,
    [DC_LAYER_RESAMPLE] = resample,
    [DC_LAYER_INSTANCE_NORM] = instance_norm,
    [DC_LAYER_RESPONSE_NORM] = response_norm,
};

/* A run: all values of all samples, and which statistics BATCH_NORM takes. */
typedef struct {
  const DcNetwork *network;
  size_t batch;
  bool of_batch;
  double **values;
  double *statistics; /* room for those of any layer */
} Run;

static void
find_statistics(const Run *run, const DcLayer *layer, const double *x)
{
  const size_t channels = (size_t)layer->output.channels;
  const size_t size = run->batch * dc_shape_size(layer->output);
  double *mean = run->statistics, *variance = run->statistics + channels;
  const double rows = (double)(size / channels);
  for (size_t i = 0; i < channels; i++) {
    mean[i] = run->of_batch ? sum_of_channel(x, size, channels, i, 0, 1) / rows
                            : (double)layer->statistics[i];
    variance[i] = run->of_batch ? sum_of_channel(x, size, channels, i, mean[i], 2) / rows
                                : (double)layer->statistics[channels + i];
  }
}

static void
run_layer(const Run *run, size_t index)
{
  const DcLayer *layer = dc_network_layer_const(run->network, index);
  const DcShape input = dc_network_layer_input(run->network, index);
  const size_t in = dc_shape_size(input), out = dc_shape_size(layer->output);
  const double *x = run->values[dc_layer_source(layer, index)];
  const bool two = dc_layer_takes_two(layer->kind);
  const size_t second = two ? dc_layer_second_source(layer, index) : 0;
  const size_t second_size = two ? dc_shape_size(dc_network_value(run->network, second)) : 0;
  if (layer->kind == DC_LAYER_BATCH_NORM)
    find_statistics(run, layer, x);
  for (size_t i = 0; i < run->batch; i++) {
    const Task task = {.layer = layer,
                       .in = input,
                       .out = layer->output,
                       .x = x + i * in,
                       .second = two ? run->values[second] + i * second_size : NULL,
                       .second_size = second_size,
                       .y = run->values[index + 1] + i * out,
                       .statistics = run->statistics};
    kinds[layer->kind](&task);
    for (size_t j = 0; j < out; j++)
      task.y[j] = activate(layer, task.y[j]);
  }
}

static bool
allocate_run(Run *run)
{
  const size_t layers = dc_network_layer_count(run->network);
  size_t most_channels = 0;
  run->values = DC_NEW(double *, layers + 1);
  for (size_t i = 0; i <= layers; i++) {
    const DcShape shape = dc_network_value(run->network, i);
    const size_t channels = (size_t)shape.channels;
    most_channels = channels > most_channels ? channels : most_channels;
    if (run->values)
      run->values[i] = DC_NEW(double, run->batch *dc_shape_size(shape));
    if (!run->values || !run->values[i])
      return false;
  }
  run->statistics = DC_NEW(double, 2 * most_channels);
  return run->statistics != NULL;
}

static void
free_run(Run *run)
{
  for (size_t i = 0; run->values && i <= dc_network_layer_count(run->network); i++)
    dc_free(run->values[i]);
  dc_free(run->values);
  dc_free(run->statistics);
}

static DcStatus
run_double(const DcNetwork *network, const double *input, size_t batch, bool of_batch,
           double *output)
{
  const size_t layers = dc_network_layer_count(network);
  Run run = {.network = network, .batch = batch, .of_batch = of_batch};
  const bool complete = allocate_run(&run);
  if (complete) {
    memcpy(run.values[0], input, batch * dc_shape_size(dc_network_input(network)) * sizeof *input);
    for (size_t i = 0; i < layers; i++)
      run_layer(&run, i);
    memcpy(output, run.values[layers],
           batch * dc_shape_size(dc_network_output(network)) * sizeof *output);
  }
  free_run(&run);
  return complete ? DC_OK : DC_ERROR_MEMORY;
}

DcStatus
dc_network_run_double(const DcNetwork *network, const double *input, size_t batch, double *output)
{
  return run_double(network, input, batch, false, output);
}

DcStatus
dc_network_train_double(const DcNetwork *network, const double *input, size_t batch, double *output)
{
  return run_double(network, input, batch, true, output);
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
