/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/network_file.h"

#include "store/json.h"
#include "tensor/matrix.h"

#include <string.h>

static bool
has_window(DcLayerKind kind)
{
  switch (kind) {
  case DC_LAYER_CONV2D:
  case DC_LAYER_DEPTHWISE_CONV2D:
  case DC_LAYER_TRANSPOSED_CONV2D:
  case DC_LAYER_MAX_POOL:
  case DC_LAYER_AVERAGE_POOL:
    return true;
  default:
    return false;
  }
}

static bool
has_padding(DcLayerKind kind)
{
  return has_window(kind) || kind == DC_LAYER_PAD;
}

/* The numbers that the activation of a layer has, at most two, and their names; returns how many.
 */
static size_t
activation_numbers(DcLayer *layer, const char *const **names, float *numbers[2])
{
  static const char *const line[] = {"slope", "shift"}, *const bounds[] = {"low", "high"};
  const bool clip = layer->activation == DC_ACTIVATION_CLIP;
  *names = clip ? bounds : line;
  numbers[0] = clip ? &layer->low : &layer->slope;
  numbers[1] = clip ? &layer->high : &layer->shift;
  if (clip || layer->activation == DC_ACTIVATION_HARD_SIGMOID)
    return 2;
  return layer->activation == DC_ACTIVATION_LEAKY_RELU ? 1 : 0;
}

/* --- describing --- */

static JsonArray *
int_array(const int *values, size_t count)
{
  JsonArray *array = json_array_new();
  for (size_t i = 0; i < count; i++)
    json_array_add_int_element(array, values[i]);
  return array;
}

static JsonArray *
shape_array(DcShape shape)
{
  return int_array((int[]){shape.height, shape.width, shape.channels}, 3);
}

static void
describe_activation(const DcLayer *layer, JsonObject *object)
{
  DcLayer copy = *layer;
  const char *const *names;
  float *numbers[2];
  json_object_set_string_member(object, "activation", dc_activation_name(layer->activation));
  const size_t count = activation_numbers(&copy, &names, numbers);
  for (size_t i = 0; i < count; i++)
    json_object_set_double_member(object, names[i], *numbers[i]);
}

/* What is as most networks have it is left out. */
static void
describe_sources(const DcLayer *layer, JsonObject *object)
{
  if (layer->back)
    json_object_set_int_member(object, "back", layer->back);
  if (dc_layer_takes_two(layer->kind))
    json_object_set_int_member(object, "with", layer->with);
}

static void
describe_window(const DcLayer *layer, JsonObject *object)
{
  const int kernel[] = {layer->kernel_height, layer->kernel_width};
  json_object_set_array_member(object, "kernel", int_array(kernel, 2));
  json_object_set_int_member(object, "stride", layer->stride);
  if (dc_layer_stride_across(layer) != layer->stride)
    json_object_set_int_member(object, "stride-across", layer->stride_across);
  if (dc_layer_dilation(layer) > 1)
    json_object_set_int_member(object, "dilation", layer->dilation);
  if (dc_layer_dilation_across(layer) != dc_layer_dilation(layer))
    json_object_set_int_member(object, "dilation-across", layer->dilation_across);
  if (dc_layer_groups(layer) > 1)
    json_object_set_int_member(object, "groups", layer->groups);
}

static void
describe_order(const DcRearrangement *order, JsonObject *object)
{
  JsonObject *member = json_object_new();
  json_object_set_array_member(member, "size", int_array(order->size, (size_t)order->axes));
  json_object_set_array_member(member, "stride", int_array(order->stride, (size_t)order->axes));
  json_object_set_int_member(member, "offset", order->offset);
  json_object_set_object_member(object, "order", member);
}

static void
describe_response(const DcResponse *response, JsonObject *object)
{
  json_object_set_int_member(object, "size", response->size);
  json_object_set_double_member(object, "scale", response->scale);
  json_object_set_double_member(object, "bias", response->bias);
  json_object_set_double_member(object, "power", response->power);
}

static JsonObject *
describe_layer(const DcLayer *layer)
{
  JsonObject *object = json_object_new();
  json_object_set_string_member(object, "kind", dc_layer_kind_name(layer->kind));
  describe_activation(layer, object);
  describe_sources(layer, object);
  if (has_window(layer->kind))
    describe_window(layer, object);
  if (has_padding(layer->kind))
    json_object_set_array_member(object, "padding", int_array(layer->padding, 4));
  if (dc_layer_has_epsilon(layer->kind))
    json_object_set_double_member(object, "epsilon", layer->epsilon);
  if (layer->kind == DC_LAYER_RESPONSE_NORM)
    describe_response(&layer->response, object);
  if (layer->kind == DC_LAYER_REARRANGE)
    describe_order(&layer->order, object);
  json_object_set_array_member(object, "output", shape_array(layer->output));
  return object;
}

JsonObject *
dc_network_describe(const DcNetwork *network)
{
  JsonArray *layers = json_array_new();
  for (size_t i = 0; i < dc_network_layer_count(network); i++)
    json_array_add_object_element(layers, describe_layer(dc_network_layer_const(network, i)));
  JsonObject *object = json_object_new();
  json_object_set_array_member(object, "input", shape_array(dc_network_input(network)));
  json_object_set_array_member(object, "layers", layers);
  return object;
}

/* --- tensors --- */

/* The tensor that holds the weight of `layer`, by shape; rank 0 when it has none. */
static DcTensor
weight_tensor(const DcLayer *layer, DcShape input)
{
  size_t height = (size_t)layer->kernel_height, width = (size_t)layer->kernel_width;
  size_t in = (size_t)input.channels, out = (size_t)layer->output.channels;
  DcTensor tensor = {.type = DC_TENSOR_F32,
                     .data = layer->weight,
                     .bytes = layer->weight_size * sizeof *layer->weight};
  switch (layer->kind) {
  case DC_LAYER_DENSE:
    tensor.rank = 2;
    memcpy(tensor.shape, (size_t[]){dc_shape_size(input), out}, 2 * sizeof(size_t));
    break;
  case DC_LAYER_CONV2D:
    tensor.rank = 4;
    memcpy(tensor.shape, (size_t[]){height, width, in / (size_t)dc_layer_groups(layer), out},
           4 * sizeof(size_t));
    break;
  case DC_LAYER_TRANSPOSED_CONV2D:
    tensor.rank = 4;
    memcpy(tensor.shape, (size_t[]){height, width, out, in}, 4 * sizeof(size_t));
    break;
  case DC_LAYER_DEPTHWISE_CONV2D:
    tensor.rank = 3;
    memcpy(tensor.shape, (size_t[]){height, width, in}, 3 * sizeof(size_t));
    break;
  case DC_LAYER_AFFINE:
  case DC_LAYER_PRELU:
  case DC_LAYER_LAYER_NORM:
  case DC_LAYER_INSTANCE_NORM:
  case DC_LAYER_RESAMPLE:
    tensor.rank = 1;
    tensor.shape[0] = layer->weight_size;
    break;
  default:
    break;
  }
  return tensor;
}

static DcTensor
bias_tensor(const DcLayer *layer)
{
  return (DcTensor){.type = DC_TENSOR_F32,
                    .rank = layer->bias_size ? 1 : 0,
                    .shape = {layer->bias_size},
                    .data = layer->bias,
                    .bytes = layer->bias_size * sizeof *layer->bias};
}

static char *
tensor_name(const char *prefix, size_t layer, const char *what)
{
  return g_strdup_printf("%s.%zu.%s", prefix, layer, what);
}

static void
append_tensor(DcTensor tensor, const char *prefix, size_t layer, const char *what, GArray *tensors,
              GStringChunk *names)
{
  if (tensor.rank == 0)
    return;
  g_autofree char *name = tensor_name(prefix, layer, what);
  tensor.name = g_string_chunk_insert(names, name);
  g_array_append_val(tensors, tensor);
}

void
dc_network_list_tensors(const DcNetwork *network, const char *prefix, GArray *tensors,
                        GStringChunk *names)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    DcShape input = dc_network_layer_input(network, i);
    append_tensor(weight_tensor(layer, input), prefix, i, "weight", tensors, names);
    append_tensor(bias_tensor(layer), prefix, i, "bias", tensors, names);
  }
}

/* --- reading --- */

static DcStatus
read_ints(JsonObject *object, const char *key, size_t count, int64_t least, const char *where,
          int *values, DcError *error)
{
  JsonArray *array;
  DcStatus status = dc_json_array(object, key, where, &array, error);
  if (!status && json_array_get_length(array) != count)
    status = dc_error_set(error, DC_ERROR_FORMAT, "%s: \"%s\" has %u elements; %zu are needed",
                          where, key, json_array_get_length(array), count);
  for (size_t i = 0; i < count && !status; i++) {
    int64_t value;
    status = dc_json_element_int(array, i, least, INT32_MAX, where, &value, error);
    if (!status)
      values[i] = (int)value;
  }
  return status;
}

static DcStatus
read_shape(JsonObject *object, const char *key, const char *where, DcShape *shape, DcError *error)
{
  int sizes[3];
  DcStatus status = read_ints(object, key, 3, 1, where, sizes, error);
  if (!status)
    *shape = (DcShape){sizes[0], sizes[1], sizes[2]};
  return status;
}

static DcStatus
read_activation(JsonObject *object, const char *where, DcLayer *layer, DcError *error)
{
  const char *activation;
  DcStatus status = dc_json_string(object, "activation", where, &activation, error);
  if (status)
    return status;
  if (!dc_activation_from_name(activation, &layer->activation))
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: the activation \"%.40s\" is not known to this build", where,
                        activation);
  const char *const *names;
  float *numbers[2];
  const size_t count = activation_numbers(layer, &names, numbers);
  for (size_t i = 0; i < count && !status; i++)
    status = dc_json_float(object, names[i], where, numbers[i], error);
  return status;
}

static DcStatus
read_kind(JsonObject *object, const char *where, DcLayer *layer, DcError *error)
{
  const char *kind;
  DcStatus status = dc_json_string(object, "kind", where, &kind, error);
  if (status)
    return status;
  if (!dc_layer_kind_from_name(kind, &layer->kind) || layer->kind == DC_LAYER_BATCH_NORM)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: a layer of kind \"%.40s\" is not known to this build", where, kind);
  return DC_OK;
}

/* An int that is left out where it is `value`. */
static DcStatus
read_optional_int(JsonObject *object, const char *key, int64_t least, int64_t most,
                  const char *where, int *value, DcError *error)
{
  int64_t number = *value;
  DcStatus status = json_object_has_member(object, key)
                        ? dc_json_int(object, key, least, most, where, &number, error)
                        : DC_OK;
  *value = (int)number;
  return status;
}

static DcStatus
read_window(JsonObject *object, const char *where, DcLayer *layer, DcError *error)
{
  int kernel[2];
  int64_t stride;
  DcStatus status = read_ints(object, "kernel", 2, 1, where, kernel, error);
  if (!status)
    status = dc_json_int(object, "stride", 1, INT32_MAX, where, &stride, error);
  if (!status)
    status = read_optional_int(object, "stride-across", 1, INT32_MAX, where, &layer->stride_across,
                               error);
  if (!status)
    status = read_optional_int(object, "dilation", 1, INT32_MAX, where, &layer->dilation, error);
  if (!status)
    status = read_optional_int(object, "dilation-across", 1, INT32_MAX, where,
                               &layer->dilation_across, error);
  if (!status)
    status = read_optional_int(object, "groups", 1, INT32_MAX, where, &layer->groups, error);
  if (status)
    return status;
  layer->kernel_height = kernel[0];
  layer->kernel_width = kernel[1];
  layer->stride = (int)stride;
  return DC_OK;
}

/* Which values the layer takes; whether they are there is for dc_network_fit() to say. */
static DcStatus
read_sources(JsonObject *object, const char *where, DcLayer *layer, DcError *error)
{
  int64_t with = 0;
  DcStatus status =
      read_optional_int(object, "back", 0, DC_NETWORK_MOST_LAYERS, where, &layer->back, error);
  if (!status && dc_layer_takes_two(layer->kind))
    status = dc_json_int(object, "with", 0, DC_NETWORK_MOST_LAYERS, where, &with, error);
  layer->with = (int)with;
  return status;
}

/* Whether it stays inside the input is for dc_network_fit() to say. */
static DcStatus
read_order(JsonObject *object, const char *where, DcRearrangement *order, DcError *error)
{
  JsonObject *member;
  JsonArray *sizes;
  DcStatus status = dc_json_object(object, "order", where, &member, error);
  if (!status)
    status = dc_json_array(member, "size", where, &sizes, error);
  if (status)
    return status;
  const size_t axes = json_array_get_length(sizes);
  if (axes < 1 || axes > DC_MOST_AXES)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: an order of %zu axes; 1 to %d are read", where,
                        axes, DC_MOST_AXES);
  order->axes = (int)axes;
  status = read_ints(member, "size", axes, 1, where, order->size, error);
  if (!status)
    status = read_ints(member, "stride", axes, 0, where, order->stride, error);
  int64_t offset = 0;
  if (!status)
    status = dc_json_int(member, "offset", 0, INT32_MAX, where, &offset, error);
  order->offset = (int)offset;
  return status;
}

/* Whether its numbers can be is for dc_network_fit() to say. */
static DcStatus
read_response(JsonObject *object, const char *where, DcResponse *response, DcError *error)
{
  int64_t size = 0;
  DcStatus status = dc_json_int(object, "size", 1, INT32_MAX, where, &size, error);
  if (!status)
    status = dc_json_float(object, "scale", where, &response->scale, error);
  if (!status)
    status = dc_json_float(object, "bias", where, &response->bias, error);
  if (!status)
    status = dc_json_float(object, "power", where, &response->power, error);
  response->size = (int)size;
  return status;
}

static DcStatus
read_layer(JsonObject *object, const char *where, DcLayer *layer, DcError *error)
{
  DcStatus status = read_kind(object, where, layer, error);
  if (!status)
    status = read_activation(object, where, layer, error);
  if (!status)
    status = read_sources(object, where, layer, error);
  if (!status && has_window(layer->kind))
    status = read_window(object, where, layer, error);
  if (!status && has_padding(layer->kind))
    status = read_ints(object, "padding", 4, 0, where, layer->padding, error);
  if (!status && dc_layer_has_epsilon(layer->kind))
    status = dc_json_float(object, "epsilon", where, &layer->epsilon, error);
  if (!status && layer->kind == DC_LAYER_RESPONSE_NORM)
    status = read_response(object, where, &layer->response, error);
  if (!status && layer->kind == DC_LAYER_REARRANGE)
    status = read_order(object, where, &layer->order, error);
  if (!status)
    status = read_shape(object, "output", where, &layer->output, error);
  return status;
}

/* The tensor of shape `needed` (rank 0: none) for layer `index`. */
static DcStatus
find_tensor(const DcTensorFile *file, DcTensor needed, const char *prefix, size_t index,
            const char *what, const void **data, DcError *error)
{
  *data = NULL;
  if (needed.rank == 0)
    return DC_OK;
  g_autofree char *name = tensor_name(prefix, index, what);
  const DcTensor *tensor;
  DcStatus status =
      dc_tensor_file_need(file, name, DC_TENSOR_F32, needed.rank, needed.shape, &tensor, error);
  if (!status)
    *data = tensor->data;
  return status;
}

static DcStatus
check_fit(const DcNetwork *network, DcLayer *layer, const char *where, DcError *error)
{
  const DcShape stated = layer->output;
  DcStatus status = dc_network_fit(network, layer, error);
  if (status)
    return status;
  const DcShape made = layer->output;
  if (made.height != stated.height || made.width != stated.width ||
      made.channels != stated.channels)
    return dc_error_set(error, DC_ERROR_SHAPE, "%s: states the output %dx%dx%d, but makes %dx%dx%d",
                        where, stated.height, stated.width, stated.channels, made.height,
                        made.width, made.channels);
  if (dc_shape_size(made) > DC_NETWORK_MOST_ACTIVATION)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: makes %zu numbers; at most %zu are read",
                        where, dc_shape_size(made), DC_NETWORK_MOST_ACTIVATION);
  return DC_OK;
}

static DcStatus
add_layer(DcNetwork *network, DcLayer *layer, const DcTensorFile *file, const char *prefix,
          const char *where, DcError *error)
{
  size_t index = dc_network_layer_count(network);
  DcStatus status = check_fit(network, layer, where, error);
  if (status)
    return status;
  const void *weight, *bias;
  DcShape input = dc_network_value(network, dc_layer_source(layer, index));
  status = find_tensor(file, weight_tensor(layer, input), prefix, index, "weight", &weight, error);
  if (!status)
    status = find_tensor(file, bias_tensor(layer), prefix, index, "bias", &bias, error);
  if (!status)
    status = dc_network_add(network, layer, error);
  if (status)
    return status;
  DcLayer *added = dc_network_layer(network, index);
  if (weight)
    memcpy(added->weight, weight, added->weight_size * sizeof *added->weight);
  if (bias)
    memcpy(added->bias, bias, added->bias_size * sizeof *added->bias);
  return DC_OK;
}

static DcStatus
add_layers(DcNetwork *network, JsonArray *layers, const DcTensorFile *file, const char *prefix,
           const char *name, DcError *error)
{
  size_t count = json_array_get_length(layers);
  if (count < 1 || count > DC_NETWORK_MOST_LAYERS)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: the %s has %zu layers; 1 to %d are read", name,
                        prefix, count, DC_NETWORK_MOST_LAYERS);
  DcStatus status = DC_OK;
  for (size_t i = 0; i < count && !status; i++) {
    g_autofree char *where = g_strdup_printf("%s: layer %zu of the %s", name, i, prefix);
    JsonNode *node = json_array_get_element(layers, (guint)i);
    DcLayer layer = {0};
    status = JSON_NODE_HOLDS_OBJECT(node)
                 ? read_layer(json_node_get_object(node), where, &layer, error)
                 : dc_error_set(error, DC_ERROR_FORMAT, "%s is not an object", where);
    if (!status)
      status = add_layer(network, &layer, file, prefix, where, error);
  }
  return status;
}

DcStatus
dc_network_from_file(JsonObject *description, const DcTensorFile *file, const char *prefix,
                     const char *name, DcNetwork **network, DcError *error)
{
  *network = NULL;
  DcShape input;
  JsonArray *layers;
  DcStatus status = read_shape(description, "input", name, &input, error);
  if (!status)
    status = dc_json_array(description, "layers", name, &layers, error);
  if (status)
    return status;
  DcNetwork *made = dc_network_new(input);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory for the %s", name, prefix);
  status = add_layers(made, layers, file, prefix, name, error);
  if (!status)
    status = dc_network_check_numbers(made, prefix, name, error);
  if (status) {
    dc_network_free(made);
    return status;
  }
  *network = made;
  return DC_OK;
}

static bool
is_finite(const float *values, size_t count)
{
  DcMatrix row = dc_matrix(values, 1, count);
  return count == 0 || dc_matrix_is_finite(&row);
}

DcStatus
dc_network_check_numbers(const DcNetwork *network, const char *prefix, const char *name,
                         DcError *error)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    if (layer->kind == DC_LAYER_BATCH_NORM)
      return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                          "%s: layer %zu of the %s is a batch norm; a model file holds the form "
                          "for use, in which it is folded into other layers",
                          name, i, prefix);
    bool weight = is_finite(layer->weight, layer->weight_size);
    if (!weight || !is_finite(layer->bias, layer->bias_size))
      return dc_error_set(error, DC_ERROR_NOT_FINITE,
                          "%s: \"%s.%zu.%s\" holds NaN or infinity; train it again", name, prefix,
                          i, weight ? "bias" : "weight");
  }
  return DC_OK;
}

/* --- digest --- */

void
dc_digest_int(GChecksum *checksum, int64_t value)
{
  guchar bytes[8];
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (guchar)((uint64_t)value >> 8 * i);
  g_checksum_update(checksum, bytes, sizeof bytes);
}

void
dc_digest_floats(GChecksum *checksum, const float *values, size_t count)
{
  if (count) /* little-endian on every machine this is built for */
    g_checksum_update(checksum, (const guchar *)values, (gssize)(count * sizeof *values));
}

void
dc_digest_text(GChecksum *checksum, const char *text)
{
  g_checksum_update(checksum, (const guchar *)text, (gssize)strlen(text) + 1);
}

static void
digest_shape(GChecksum *checksum, DcShape shape)
{
  dc_digest_int(checksum, shape.height);
  dc_digest_int(checksum, shape.width);
  dc_digest_int(checksum, shape.channels);
}

static void
digest_ints(GChecksum *checksum, const int *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    dc_digest_int(checksum, values[i]);
}

/* A number that has a name. No number that may follow reads like one, so that what says nothing
 * about the layer can be left out: a network keeps the digest that it had before there was such a
 * number. */
static void
digest_named(GChecksum *checksum, const char *name, int value)
{
  dc_digest_text(checksum, name);
  dc_digest_int(checksum, value);
}

static void
digest_named_numbers(const DcLayer *layer, GChecksum *checksum)
{
  if (layer->back)
    digest_named(checksum, "back", layer->back);
  if (dc_layer_takes_two(layer->kind))
    digest_named(checksum, "with", layer->with);
  if (dc_layer_dilation(layer) > 1)
    digest_named(checksum, "dilation", layer->dilation);
  if (dc_layer_stride_across(layer) != layer->stride)
    digest_named(checksum, "stride-across", layer->stride_across);
  if (dc_layer_dilation_across(layer) != dc_layer_dilation(layer))
    digest_named(checksum, "dilation-across", layer->dilation_across);
  if (dc_layer_groups(layer) > 1)
    digest_named(checksum, "groups", layer->groups);
}

static void
digest_activation(const DcLayer *layer, GChecksum *checksum)
{
  DcLayer copy = *layer;
  const char *const *names;
  float *numbers[2];
  dc_digest_text(checksum, dc_activation_name(layer->activation));
  const size_t count = activation_numbers(&copy, &names, numbers);
  for (size_t i = 0; i < count; i++)
    dc_digest_floats(checksum, numbers[i], 1);
}

static void
digest_order(const DcRearrangement *order, GChecksum *checksum)
{
  dc_digest_int(checksum, order->axes);
  digest_ints(checksum, order->size, (size_t)order->axes);
  digest_ints(checksum, order->stride, (size_t)order->axes);
  dc_digest_int(checksum, order->offset);
}

static void
digest_response(const DcResponse *response, GChecksum *checksum)
{
  dc_digest_int(checksum, response->size);
  dc_digest_floats(checksum, (const float[]){response->scale, response->bias, response->power}, 3);
}

static void
digest_layer(const DcLayer *layer, GChecksum *checksum)
{
  dc_digest_text(checksum, dc_layer_kind_name(layer->kind));
  digest_activation(layer, checksum);
  digest_named_numbers(layer, checksum);
  if (has_window(layer->kind))
    digest_ints(checksum, (int[]){layer->kernel_height, layer->kernel_width, layer->stride}, 3);
  if (has_padding(layer->kind))
    digest_ints(checksum, layer->padding, 4);
  if (dc_layer_has_epsilon(layer->kind))
    dc_digest_floats(checksum, &layer->epsilon, 1);
  if (layer->kind == DC_LAYER_RESPONSE_NORM)
    digest_response(&layer->response, checksum);
  if (layer->kind == DC_LAYER_REARRANGE)
    digest_order(&layer->order, checksum);
  digest_shape(checksum, layer->output);
  dc_digest_floats(checksum, layer->weight, layer->weight_size);
  dc_digest_floats(checksum, layer->bias, layer->bias_size);
}

void
dc_network_digest(const DcNetwork *network, GChecksum *checksum)
{
  digest_shape(checksum, dc_network_input(network));
  dc_digest_int(checksum, (int64_t)dc_network_layer_count(network));
  for (size_t i = 0; i < dc_network_layer_count(network); i++)
    digest_layer(dc_network_layer_const(network, i), checksum);
}
