/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether a layer fits a network, and what comes of it: shapes and sizes. */
#include "base/checked.h"
#include "nn/network.h"

#include <limits.h>
#include <math.h>

/* An activation or a weight has at most so many floats, so that every offset fits 32 bits. */
#define MOST_FLOATS ((size_t)INT32_MAX)
/* And no side, kernel or stride is longer, so that positions can be added as int. */
#define MOST_SIDE (1 << 24)

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
    if ((size_t)layer->activation <= DC_ACTIVATION_TANH)
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
  Check check = {.index = dc_network_layer_count(network), .layer = &asked, .error = error};
  DcStatus status = check_sources(&check);
  if (status)
    return status;
  check.input = dc_network_value(network, dc_layer_source(layer, check.index));
  if (dc_layer_takes_two(layer->kind))
    check.second = dc_network_value(network, dc_layer_second_source(layer, check.index));
  return check_layer(&check, layer);
}
