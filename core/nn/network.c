/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/network.h"

#include "base/checked.h"
#include "base/memory.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* An activation or a weight has at most so many floats, so that every offset fits 32 bits. */
#define MOST_FLOATS ((size_t)INT32_MAX)
/* And no side, kernel or stride is longer, so that positions can be added as int. */
#define MOST_SIDE (1 << 24)

struct DcNetwork {
  DcShape input;
  DcLayer *layers;
  size_t count, capacity;
  uint64_t revision;
};

static const char *const kind_names[DC_LAYER_KIND_COUNT] = {
    [DC_LAYER_DENSE] = "dense",
    [DC_LAYER_CONV2D] = "conv2d",
    [DC_LAYER_DEPTHWISE_CONV2D] = "depthwise_conv2d",
    [DC_LAYER_TRANSPOSED_CONV2D] = "transposed_conv2d",
    [DC_LAYER_MAX_POOL] = "max_pool",
    [DC_LAYER_AVERAGE_POOL] = "average_pool",
    [DC_LAYER_GLOBAL_AVERAGE_POOL] = "global_average_pool",
    [DC_LAYER_AFFINE] = "affine",
    [DC_LAYER_RESHAPE] = "reshape",
    [DC_LAYER_L2_NORMALISE] = "l2_normalise",
    [DC_LAYER_ADD] = "add",
    [DC_LAYER_BATCH_NORM] = "batch_norm",
    [DC_LAYER_MULTIPLY] = "multiply",
    [DC_LAYER_CONCATENATE] = "concatenate",
    [DC_LAYER_PRELU] = "prelu",
    [DC_LAYER_LAYER_NORM] = "layer_norm",
    [DC_LAYER_SOFTMAX] = "softmax",
    [DC_LAYER_PAD] = "pad",
    [DC_LAYER_REARRANGE] = "rearrange",
    [DC_LAYER_RESAMPLE] = "resample",
    [DC_LAYER_INSTANCE_NORM] = "instance_norm",
    [DC_LAYER_RESPONSE_NORM] = "response_norm",
};

static const char *const activation_names[] = {
    [DC_ACTIVATION_NONE] = "none",
    [DC_ACTIVATION_RELU] = "relu",
    [DC_ACTIVATION_LEAKY_RELU] = "leaky_relu",
    [DC_ACTIVATION_GELU] = "gelu",
    [DC_ACTIVATION_GELU_TANH] = "gelu_tanh",
    [DC_ACTIVATION_CLIP] = "clip",
    [DC_ACTIVATION_SIGMOID] = "sigmoid",
    [DC_ACTIVATION_HARD_SIGMOID] = "hard_sigmoid",
    [DC_ACTIVATION_HARD_SWISH] = "hard_swish",
    [DC_ACTIVATION_SILU] = "silu",
    [DC_ACTIVATION_TANH] = "tanh",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const char *
dc_layer_kind_name(DcLayerKind kind)
{
  return (size_t)kind < COUNT(kind_names) ? kind_names[kind] : "unknown";
}

const char *
dc_activation_name(DcActivation activation)
{
  return (size_t)activation < COUNT(activation_names) ? activation_names[activation] : "unknown";
}

static bool
find_name(const char *const *names, size_t count, const char *name, size_t *index)
{
  for (size_t i = 0; i < count; i++) {
    if (!strcmp(names[i], name)) {
      *index = i;
      return true;
    }
  }
  return false;
}

bool
dc_layer_kind_from_name(const char *name, DcLayerKind *kind)
{
  size_t index;
  if (!find_name(kind_names, COUNT(kind_names), name, &index))
    return false;
  *kind = (DcLayerKind)index;
  return true;
}

bool
dc_activation_from_name(const char *name, DcActivation *activation)
{
  size_t index;
  if (!find_name(activation_names, COUNT(activation_names), name, &index))
    return false;
  *activation = (DcActivation)index;
  return true;
}

DcNetwork *
dc_network_new(DcShape input)
{
  DcNetwork *network = DC_NEW(DcNetwork, 1);
  if (network)
    network->input = input;
  return network;
}

void
dc_network_free(DcNetwork *network)
{
  if (!network)
    return;
  for (size_t i = 0; i < network->count; i++) {
    dc_free(network->layers[i].weight);
    dc_free(network->layers[i].bias);
    dc_free(network->layers[i].statistics);
  }
  dc_free(network->layers);
  dc_free(network);
}

/* What goes wrong is said of this layer. */
typedef struct {
  size_t index;
  const DcLayer *layer;
  DcShape input, second; /* the second: the kinds that take two */
  DcError *error;
} Check;

static DcStatus
refuse(const Check *check, const char *what)
{
  const DcLayer *layer = check->layer;
  return dc_error_set(
      check->error, DC_ERROR_SHAPE,
      "layer %zu (%s): %s; input %dx%dx%d, output %dx%dx%d, kernel %dx%d, stride %dx%d, "
      "dilation %dx%d, groups %d, padding %d %d %d %d (top bottom left right)",
      check->index, dc_layer_kind_name(layer->kind), what, check->input.height, check->input.width,
      check->input.channels, layer->output.height, layer->output.width, layer->output.channels,
      layer->kernel_height, layer->kernel_width, layer->stride, dc_layer_stride_across(layer),
      dc_layer_dilation(layer), dc_layer_dilation_across(layer), dc_layer_groups(layer),
      layer->padding[0], layer->padding[1], layer->padding[2], layer->padding[3]);
}

static DcStatus
refuse_pair(const Check *check, const char *what)
{
  const DcShape first = check->input, second = check->second;
  return dc_error_set(check->error, DC_ERROR_SHAPE,
                      "layer %zu (%s): its input is %dx%dx%d, but the second input %dx%dx%d; %s",
                      check->index, dc_layer_kind_name(check->layer->kind), first.height,
                      first.width, first.channels, second.height, second.width, second.channels,
                      what);
}

static bool
shape_floats(DcShape shape, size_t *floats)
{
  return shape.height >= 1 && shape.width >= 1 && shape.channels >= 1 &&
         shape.height <= MOST_SIDE && shape.width <= MOST_SIDE &&
         dc_checked_mul((size_t)shape.height, (size_t)shape.width, floats) &&
         dc_checked_mul(*floats, (size_t)shape.channels, floats) && *floats <= MOST_FLOATS;
}

/* A dilation under which `kernel` taps stay within the longest side. */
static bool
can_dilate(int kernel, int dilation)
{
  return dilation >= 1 && (kernel - 1) * (int64_t)dilation < MOST_SIDE;
}

static bool
is_stride(int stride)
{
  return stride >= 1 && stride <= MOST_SIDE;
}

static DcStatus
check_window(const Check *check)
{
  const DcLayer *layer = check->layer;
  if (layer->kernel_height < 1 || layer->kernel_height > MOST_SIDE || layer->kernel_width < 1 ||
      layer->kernel_width > MOST_SIDE)
    return refuse(check, "the kernel's sides must be 1 to 2^24");
  if (!is_stride(layer->stride) || !is_stride(dc_layer_stride_across(layer)))
    return refuse(check, "the stride must be 1 to 2^24");
  const int down = dc_layer_dilation(layer), across = dc_layer_dilation_across(layer);
  if (!can_dilate(layer->kernel_height, down) || !can_dilate(layer->kernel_width, across))
    return refuse(check, "the dilation must be at least 1 and the dilated kernel at most 2^24");
  for (int side = 0; side < 4; side++) {
    const int reach = side < 2 ? dc_kernel_extent(layer->kernel_height, down)
                               : dc_kernel_extent(layer->kernel_width, across);
    /* A window must see at least one value that is not padding, if none of its taps is left out. */
    if (layer->padding[side] < 0 || layer->padding[side] >= reach)
      return refuse(check, "a padding must be at least 0 and smaller than the kernel");
  }
  return DC_OK;
}

/* Only some kinds know how to leave out pixels between taps, or channels. */
static DcStatus
check_thinning(const Check *check)
{
  const DcLayer *layer = check->layer;
  const bool conv = layer->kind == DC_LAYER_CONV2D;
  const bool dilated = dc_layer_dilation(layer) != 1 || dc_layer_dilation_across(layer) != 1;
  if (dilated && !conv && layer->kind != DC_LAYER_DEPTHWISE_CONV2D)
    return refuse(check, "only conv2d and depthwise_conv2d can have a dilation");
  if (dc_layer_groups(layer) == 1)
    return DC_OK;
  if (!conv)
    return refuse(check, "only conv2d can have groups");
  if (layer->groups < 1 || check->input.channels % layer->groups ||
      layer->output.channels % layer->groups)
    return refuse(check, "the groups must divide the channels of input and output");
  return DC_OK;
}

/* How many windows fit along an axis; 0 when none does. */
static int
window_count(int length, int kernel, int stride, int before, int after)
{
  const int64_t room = (int64_t)length + before + after - kernel;
  return room < 0 ? 0 : (int)(room / stride + 1);
}

static DcShape
windows(DcShape input, const DcLayer *layer)
{
  const int *padding = layer->padding, across = dc_layer_stride_across(layer);
  const int height = dc_kernel_extent(layer->kernel_height, dc_layer_dilation(layer));
  const int width = dc_kernel_extent(layer->kernel_width, dc_layer_dilation_across(layer));
  return (DcShape){window_count(input.height, height, layer->stride, padding[0], padding[1]),
                   window_count(input.width, width, across, padding[2], padding[3]),
                   input.channels};
}

static DcStatus
shape_of_windows(const Check *check, DcShape *output)
{
  DcStatus status = check_window(check);
  if (status)
    return status;
  const int channels = output->channels;
  *output = windows(check->input, check->layer);
  if (check->layer->kind == DC_LAYER_CONV2D)
    output->channels = channels;
  if (output->height < 1 || output->width < 1)
    return refuse(check, "the kernel is larger than the padded input");
  return DC_OK;
}

static DcStatus
shape_of_transposed(const Check *check, DcShape *output)
{
  DcStatus status = check_window(check);
  if (status)
    return status;
  size_t floats;
  if (!shape_floats(*output, &floats))
    return refuse(check, "height, width and channels of the output must be given");
  const DcShape input = windows(*output, check->layer);
  if (input.height != check->input.height || input.width != check->input.width)
    return refuse(check, "no convolution of this kernel, stride and padding makes the input's "
                         "height and width from the output's");
  return DC_OK;
}

static DcStatus
shape_of_reshape(const Check *check, const DcShape *output)
{
  size_t floats;
  if (!shape_floats(*output, &floats) || floats != dc_shape_size(check->input))
    return refuse(check, "the output must have as many numbers as the input");
  return DC_OK;
}

static bool
same_shape(DcShape a, DcShape b)
{
  return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

static DcStatus
shape_of_elements(const Check *check, DcShape *output)
{
  const DcShape pixel = {1, 1, check->input.channels};
  if (!same_shape(check->second, check->input) && !same_shape(check->second, pixel))
    return refuse_pair(check, "the second must have the same shape, or be one pixel of as many "
                              "channels");
  *output = check->input;
  return DC_OK;
}

static DcStatus
shape_of_concatenation(const Check *check, DcShape *output)
{
  const DcShape first = check->input, second = check->second;
  if (first.height != second.height || first.width != second.width)
    return refuse_pair(check, "both must have the same height and width");
  if (second.channels > INT_MAX - first.channels)
    return refuse_pair(check, "together they have more than 2^31 - 1 channels");
  *output = (DcShape){first.height, first.width, first.channels + second.channels};
  return DC_OK;
}

static DcStatus
shape_of_padded(const Check *check, DcShape *output)
{
  const int *padding = check->layer->padding;
  for (int side = 0; side < 4; side++) {
    if (padding[side] < 0 || padding[side] > MOST_SIDE)
      return refuse(check, "a padding must be 0 to 2^24");
  }
  *output = (DcShape){check->input.height + padding[0] + padding[1],
                      check->input.width + padding[2] + padding[3], check->input.channels};
  return DC_OK;
}

/* How many numbers a walk visits and the last of the input's that it reaches; false when these do
 * not fit the numbers that there are. */
static bool
walk_is_inside(const DcRearrangement *order, size_t numbers, size_t *visited)
{
  *visited = 1;
  if (order->offset < 0)
    return false;
  size_t last = (size_t)order->offset;
  for (int i = 0; i < order->axes; i++) {
    size_t reach;
    if (order->size[i] < 1 || order->stride[i] < 0 ||
        !dc_checked_mul(*visited, (size_t)order->size[i], visited) || *visited > MOST_FLOATS ||
        !dc_checked_mul((size_t)order->size[i] - 1, (size_t)order->stride[i], &reach) ||
        !dc_checked_add(last, reach, &last))
      return false;
  }
  return last < numbers;
}

static DcStatus
shape_of_rearranged(const Check *check, const DcShape *output)
{
  const DcRearrangement *order = &check->layer->order;
  size_t floats, visited;
  if (!shape_floats(*output, &floats))
    return refuse(check, "height, width and channels of the output must be given");
  if (order->axes < 1 || order->axes > DC_MOST_AXES)
    return refuse(check, "the order must have 1 to 6 axes");
  if (!walk_is_inside(order, dc_shape_size(check->input), &visited))
    return refuse(check, "the order's sizes must be at least 1, its strides and offset at least 0, "
                         "and what it reaches inside the input");
  if (visited != floats)
    return refuse(check, "the order must visit as many numbers as the output has");
  return DC_OK;
}

static DcStatus
shape_of_resampled(const Check *check, DcShape *output)
{
  size_t floats;
  output->channels = check->input.channels;
  if (!shape_floats(*output, &floats))
    return refuse(check, "height and width of the output must be given");
  return DC_OK;
}

static DcStatus
find_output(const Check *check, DcShape *output)
{
  switch (check->layer->kind) {
  case DC_LAYER_DENSE:
    *output = (DcShape){1, 1, output->channels};
    return DC_OK;
  case DC_LAYER_CONV2D:
  case DC_LAYER_DEPTHWISE_CONV2D:
  case DC_LAYER_MAX_POOL:
  case DC_LAYER_AVERAGE_POOL:
    return shape_of_windows(check, output);
  case DC_LAYER_TRANSPOSED_CONV2D:
    return shape_of_transposed(check, output);
  case DC_LAYER_GLOBAL_AVERAGE_POOL:
    *output = (DcShape){1, 1, check->input.channels};
    return DC_OK;
  case DC_LAYER_AFFINE:
  case DC_LAYER_L2_NORMALISE:
  case DC_LAYER_BATCH_NORM:
  case DC_LAYER_PRELU:
  case DC_LAYER_LAYER_NORM:
  case DC_LAYER_SOFTMAX:
  case DC_LAYER_INSTANCE_NORM:
  case DC_LAYER_RESPONSE_NORM:
    *output = check->input;
    return DC_OK;
  case DC_LAYER_ADD:
  case DC_LAYER_MULTIPLY:
    return shape_of_elements(check, output);
  case DC_LAYER_CONCATENATE:
    return shape_of_concatenation(check, output);
  case DC_LAYER_PAD:
    return shape_of_padded(check, output);
  case DC_LAYER_RESHAPE:
    return shape_of_reshape(check, output);
  case DC_LAYER_REARRANGE:
    return shape_of_rearranged(check, output);
  case DC_LAYER_RESAMPLE:
    return shape_of_resampled(check, output);
  case DC_LAYER_KIND_COUNT:
    break;
  }
  return dc_error_set(check->error, DC_ERROR_ARGUMENT, "layer %zu: unknown kind %d", check->index,
                      (int)check->layer->kind);
}

/* Floats of weight, bias and statistics; false when the weight is too large. */
static bool
find_sizes(DcLayer *layer, DcShape input)
{
  const size_t out = (size_t)layer->output.channels, in = (size_t)input.channels;
  const size_t taps = (size_t)layer->kernel_height * (size_t)layer->kernel_width;
  layer->weight_size = layer->bias_size = layer->statistics_size = 0;
  bool fits = true;
  switch (layer->kind) {
  case DC_LAYER_DENSE:
    fits = dc_checked_mul(dc_shape_size(input), out, &layer->weight_size);
    layer->bias_size = out;
    break;
  case DC_LAYER_CONV2D:
  case DC_LAYER_TRANSPOSED_CONV2D:
    fits = dc_checked_mul(in / (size_t)dc_layer_groups(layer), out, &layer->weight_size) &&
           dc_checked_mul(layer->weight_size, taps, &layer->weight_size);
    layer->bias_size = out;
    break;
  case DC_LAYER_DEPTHWISE_CONV2D:
    fits = dc_checked_mul(in, taps, &layer->weight_size);
    layer->bias_size = in;
    break;
  case DC_LAYER_AFFINE:
  case DC_LAYER_LAYER_NORM:
  case DC_LAYER_INSTANCE_NORM:
    layer->weight_size = layer->bias_size = in;
    break;
  case DC_LAYER_PRELU:
    layer->weight_size = in;
    break;
  case DC_LAYER_RESAMPLE:
    layer->weight_size = (size_t)layer->output.height + (size_t)layer->output.width;
    break;
  case DC_LAYER_BATCH_NORM:
    layer->weight_size = layer->bias_size = in;
    layer->statistics_size = 2 * in;
    break;
  default:
    break;
  }
  return fits && layer->weight_size <= MOST_FLOATS;
}

static DcStatus
refuse_number(const Check *check, DcStatus status, const char *what)
{
  return dc_error_set(check->error, status, "layer %zu (%s): %s", check->index,
                      dc_layer_kind_name(check->layer->kind), what);
}

static DcStatus
check_activation(const Check *check)
{
  const DcLayer *layer = check->layer;
  switch (layer->activation) {
  case DC_ACTIVATION_LEAKY_RELU:
    if (!isfinite(layer->slope))
      return refuse_number(check, DC_ERROR_NOT_FINITE, "the slope of leaky_relu is not a number");
    return DC_OK;
  case DC_ACTIVATION_HARD_SIGMOID:
    if (!isfinite(layer->slope) || !isfinite(layer->shift))
      return refuse_number(check, DC_ERROR_NOT_FINITE,
                           "the slope or shift of hard_sigmoid is not a number");
    return DC_OK;
  case DC_ACTIVATION_CLIP:
    if (!isfinite(layer->low) || !isfinite(layer->high))
      return refuse_number(check, DC_ERROR_NOT_FINITE, "a bound of clip is not a number");
    if (layer->low > layer->high)
      return refuse_number(check, DC_ERROR_ARGUMENT, "the bounds of clip are low > high");
    return DC_OK;
  default:
    if ((size_t)layer->activation < COUNT(activation_names))
      return DC_OK;
    return dc_error_set(check->error, DC_ERROR_ARGUMENT, "layer %zu (%s): unknown activation %d",
                        check->index, dc_layer_kind_name(layer->kind), (int)layer->activation);
  }
}

static bool
is_response(const DcResponse *response)
{
  return response->size >= 1 && response->size <= MOST_SIDE && response->scale >= 0 &&
         isfinite(response->scale) && response->bias > 0 && isfinite(response->bias) &&
         isfinite(response->power);
}

static DcStatus
check_numbers(const Check *check)
{
  const DcLayer *layer = check->layer;
  if (dc_layer_has_epsilon(layer->kind) && !(layer->epsilon > 0 && isfinite(layer->epsilon)))
    return refuse_number(check, DC_ERROR_ARGUMENT, "the epsilon must be a number above 0");
  if (layer->kind == DC_LAYER_RESPONSE_NORM && !is_response(&layer->response))
    return refuse_number(check, DC_ERROR_ARGUMENT,
                         "its size must be 1 to 2^24, its scale a number of at least 0, its bias "
                         "one above 0 and its power a number");
  return check_activation(check);
}

static DcStatus
check_layer(const Check *check, DcLayer *layer)
{
  size_t floats;
  if (!shape_floats(check->input, &floats))
    return refuse(check, "the input must have 1 to 2^31 - 1 numbers, its sides 1 to 2^24");
  DcStatus status = check_numbers(check);
  if (!status)
    status = find_output(check, &layer->output);
  if (!status)
    status = check_thinning(check);
  if (status)
    return status;
  if (!shape_floats(layer->output, &floats))
    return refuse(check, "the output must have 1 to 2^31 - 1 numbers, its sides 1 to 2^24");
  if (!find_sizes(layer, check->input))
    return refuse(check, "the weight has more than 2^31 - 1 numbers");
  return DC_OK;
}

static bool
allocate_floats(float **floats, size_t count)
{
  *floats = count ? DC_NEW(float, count) : NULL;
  return *floats || !count;
}

static bool
allocate_weights(DcLayer *layer)
{
  const bool weight = allocate_floats(&layer->weight, layer->weight_size);
  const bool bias = allocate_floats(&layer->bias, layer->bias_size);
  const bool statistics = allocate_floats(&layer->statistics, layer->statistics_size);
  if (weight && bias && statistics)
    return true;
  dc_free(layer->weight);
  dc_free(layer->bias);
  dc_free(layer->statistics);
  return false;
}

static void
set_first_numbers(DcLayer *layer)
{
  for (size_t i = 0; layer->kind == DC_LAYER_BATCH_NORM && i < layer->weight_size; i++)
    layer->weight[i] = layer->statistics[layer->weight_size + i] = 1;
}

static bool
make_room(DcNetwork *network)
{
  if (network->count < network->capacity)
    return true;
  const size_t capacity = network->capacity ? 2 * network->capacity : 8;
  DcLayer *layers = DC_NEW(DcLayer, capacity);
  if (!layers)
    return false;
  if (network->count)
    memcpy(layers, network->layers, network->count * sizeof *layers);
  dc_free(network->layers);
  network->layers = layers;
  network->capacity = capacity;
  return true;
}

/* Whether the values that the layer takes are there. */
static DcStatus
check_sources(const Check *check)
{
  const DcLayer *layer = check->layer;
  const char *name = dc_layer_kind_name(layer->kind);
  if (layer->back < 0 || (size_t)layer->back > check->index)
    return dc_error_set(check->error, DC_ERROR_ARGUMENT,
                        "layer %zu (%s): `back` is %d, but 0 to %zu values are before the "
                        "preceding layer's output",
                        check->index, name, layer->back, check->index);
  if (!dc_layer_takes_two(layer->kind))
    return DC_OK;
  if (layer->with < 0 || (size_t)layer->with > check->index)
    return dc_error_set(check->error, DC_ERROR_ARGUMENT,
                        "layer %zu (%s): `with` is %d, but 0 to %zu values are before the "
                        "preceding layer's output",
                        check->index, name, layer->with, check->index);
  if (layer->with == layer->back)
    return dc_error_set(check->error, DC_ERROR_ARGUMENT,
                        "layer %zu (%s): `with` is %d, and so is `back`; the inputs must be two "
                        "different values",
                        check->index, name, layer->with);
  return DC_OK;
}

DcStatus
dc_network_fit(const DcNetwork *network, DcLayer *layer, DcError *error)
{
  const DcLayer asked = *layer;
  Check check = {.index = network->count, .layer = &asked, .error = error};
  DcStatus status = check_sources(&check);
  if (status)
    return status;
  check.input = dc_network_value(network, dc_layer_source(layer, check.index));
  if (dc_layer_takes_two(layer->kind))
    check.second = dc_network_value(network, dc_layer_second_source(layer, check.index));
  return check_layer(&check, layer);
}

DcStatus
dc_network_add(DcNetwork *network, const DcLayer *layer, DcError *error)
{
  DcLayer added = *layer;
  DcStatus status = dc_network_fit(network, &added, error);
  if (status)
    return status;
  if (!make_room(network) || !allocate_weights(&added))
    return dc_error_set(error, DC_ERROR_MEMORY, "layer %zu (%s): no memory for %zu weights",
                        network->count, dc_layer_kind_name(layer->kind),
                        added.weight_size + added.bias_size);
  set_first_numbers(&added);
  network->layers[network->count++] = added;
  network->revision++;
  return DC_OK;
}

static void
copy_floats(float *to, const float *from, size_t count)
{
  if (count)
    memcpy(to, from, count * sizeof *to);
}

DcStatus
dc_network_append(DcNetwork *network, const DcNetwork *tail, size_t first, DcError *error)
{
  for (size_t i = first; i < tail->count; i++) {
    const DcLayer *layer = &tail->layers[i];
    DcStatus status = dc_network_add(network, layer, error);
    if (status)
      return status;
    const DcLayer *added = &network->layers[network->count - 1];
    copy_floats(added->weight, layer->weight, layer->weight_size);
    copy_floats(added->bias, layer->bias, layer->bias_size);
    copy_floats(added->statistics, layer->statistics, layer->statistics_size);
  }
  return DC_OK;
}

DcNetwork *
dc_network_copy(const DcNetwork *network)
{
  DcNetwork *copy = dc_network_new(network->input);
  if (copy && dc_network_append(copy, network, 0, NULL)) {
    dc_network_free(copy);
    return NULL;
  }
  return copy;
}

size_t
dc_network_layer_count(const DcNetwork *network)
{
  return network->count;
}

DcLayer *
dc_network_layer(DcNetwork *network, size_t index)
{
  network->revision++;
  return &network->layers[index];
}

const DcLayer *
dc_network_layer_const(const DcNetwork *network, size_t index)
{
  return &network->layers[index];
}

uint64_t
dc_network_revision(const DcNetwork *network)
{
  return network->revision;
}

DcShape
dc_network_input(const DcNetwork *network)
{
  return network->input;
}

DcShape
dc_network_output(const DcNetwork *network)
{
  return dc_network_value(network, network->count);
}

DcShape
dc_network_value(const DcNetwork *network, size_t number)
{
  return number ? network->layers[number - 1].output : network->input;
}

DcShape
dc_network_layer_input(const DcNetwork *network, size_t index)
{
  return dc_network_value(network, dc_layer_source(&network->layers[index], index));
}

bool
dc_network_has_batch_norm(const DcNetwork *network, size_t *index)
{
  for (size_t i = 0; i < network->count; i++) {
    if (network->layers[i].kind != DC_LAYER_BATCH_NORM)
      continue;
    if (index)
      *index = i;
    return true;
  }
  return false;
}

static void
list_floats(DcStateList *list, const char *prefix, size_t index, const char *what, float *values,
            size_t count)
{
  char name[DC_STATE_NAME_SIZE];
  snprintf(name, sizeof name, "%zu.%s", index, what);
  dc_state_list_add(list, prefix, name, DC_STATE_FLOATS, values, count);
}

void
dc_network_list_state(DcNetwork *network, const char *prefix, DcStateList *list)
{
  for (size_t i = 0; i < network->count; i++) {
    const DcLayer *layer = dc_network_layer(network, i);
    list_floats(list, prefix, i, "weight", layer->weight, layer->weight_size);
    list_floats(list, prefix, i, "bias", layer->bias, layer->bias_size);
    list_floats(list, prefix, i, "statistics", layer->statistics, layer->statistics_size);
  }
}

static uint64_t
layer_multiply_adds(const DcLayer *layer, DcShape input)
{
  const uint64_t outputs = dc_shape_size(layer->output);
  const uint64_t taps = (uint64_t)layer->kernel_height * (uint64_t)layer->kernel_width;
  switch (layer->kind) {
  case DC_LAYER_DENSE:
    return layer->weight_size;
  case DC_LAYER_CONV2D:
    return outputs * taps * (uint64_t)(input.channels / dc_layer_groups(layer));
  case DC_LAYER_DEPTHWISE_CONV2D:
    return outputs * taps;
  case DC_LAYER_TRANSPOSED_CONV2D: /* that of the convolution that it is the adjoint of */
    return dc_shape_size(input) * taps * (uint64_t)layer->output.channels;
  case DC_LAYER_AFFINE:
  case DC_LAYER_BATCH_NORM:
  case DC_LAYER_MULTIPLY:
  case DC_LAYER_PRELU:
    return outputs;
  case DC_LAYER_LAYER_NORM: /* a square for the variance, then the scale and shift */
  case DC_LAYER_INSTANCE_NORM:
    return 2 * outputs;
  case DC_LAYER_RESPONSE_NORM: /* the squares, and the product with the power of their sum */
    return outputs * ((uint64_t)layer->response.size + 1);
  default:
    return 0;
  }
}

uint64_t
dc_network_multiply_adds(const DcNetwork *network)
{
  uint64_t sum = 0;
  for (size_t i = 0; i < network->count; i++)
    sum += layer_multiply_adds(&network->layers[i], dc_network_layer_input(network, i));
  return sum;
}

size_t
dc_network_parameters(const DcNetwork *network)
{
  size_t sum = 0;
  for (size_t i = 0; i < network->count; i++)
    sum += network->layers[i].weight_size + network->layers[i].bias_size;
  return sum;
}
