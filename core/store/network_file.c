/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/network_file.h"

#include "store/json.h"
#include "tensor/matrix.h"

#include <string.h>

#define MAX_LAYERS 1024
/* An activation that would take more than 256 MiB for one sample is a damaged file or an attack. */
#define MAX_ACTIVATION ((size_t)64 << 20)

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

static JsonObject *
describe_layer(const DcLayer *layer)
{
  JsonObject *object = json_object_new();
  json_object_set_string_member(object, "kind", dc_layer_kind_name(layer->kind));
  json_object_set_string_member(object, "activation", dc_activation_name(layer->activation));
  if (layer->activation == DC_ACTIVATION_LEAKY_RELU)
    json_object_set_double_member(object, "slope", layer->slope);
  if (layer->back)
    json_object_set_int_member(object, "back", layer->back);
  if (dc_layer_takes_two(layer->kind))
    json_object_set_int_member(object, "with", layer->with);
  if (has_window(layer->kind)) {
    const int kernel[] = {layer->kernel_height, layer->kernel_width};
    json_object_set_array_member(object, "kernel", int_array(kernel, 2));
    json_object_set_int_member(object, "stride", layer->stride);
    json_object_set_array_member(object, "padding", int_array(layer->padding, 4));
  }
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
    memcpy(tensor.shape, (size_t[]){height, width, in, out}, 4 * sizeof(size_t));
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
    tensor.rank = 1;
    tensor.shape[0] = in;
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
read_kind(JsonObject *object, const char *where, DcLayer *layer, DcError *error)
{
  const char *kind, *activation;
  DcStatus status = dc_json_string(object, "kind", where, &kind, error);
  if (!status)
    status = dc_json_string(object, "activation", where, &activation, error);
  if (status)
    return status;
  if (!dc_layer_kind_from_name(kind, &layer->kind) || layer->kind == DC_LAYER_BATCH_NORM)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: a layer of kind \"%.40s\" is not known to this build", where, kind);
  if (!dc_activation_from_name(activation, &layer->activation))
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: the activation \"%.40s\" is not known to this build", where,
                        activation);
  if (layer->activation == DC_ACTIVATION_LEAKY_RELU)
    status = dc_json_float(object, "slope", where, &layer->slope, error);
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
    status = read_ints(object, "padding", 4, 0, where, layer->padding, error);
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
  int64_t back = 0, with = 0;
  DcStatus status = DC_OK;
  if (json_object_has_member(object, "back"))
    status = dc_json_int(object, "back", 0, MAX_LAYERS, where, &back, error);
  if (!status && dc_layer_takes_two(layer->kind))
    status = dc_json_int(object, "with", 1, MAX_LAYERS, where, &with, error);
  layer->back = (int)back;
  layer->with = (int)with;
  return status;
}

static DcStatus
read_layer(JsonObject *object, const char *where, DcLayer *layer, DcError *error)
{
  DcStatus status = read_kind(object, where, layer, error);
  if (!status)
    status = read_sources(object, where, layer, error);
  if (!status && has_window(layer->kind))
    status = read_window(object, where, layer, error);
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
  if (dc_shape_size(made) > MAX_ACTIVATION)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: makes %zu numbers; at most %zu are read",
                        where, dc_shape_size(made), MAX_ACTIVATION);
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
  if (count < 1 || count > MAX_LAYERS)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: the %s has %zu layers; 1 to %d are read", name,
                        prefix, count, MAX_LAYERS);
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
digest_layer(const DcLayer *layer, GChecksum *checksum)
{
  dc_digest_text(checksum, dc_layer_kind_name(layer->kind));
  dc_digest_text(checksum, dc_activation_name(layer->activation));
  if (layer->activation == DC_ACTIVATION_LEAKY_RELU)
    dc_digest_floats(checksum, &layer->slope, 1);
  /* Nothing where there is nothing to say, so that a chain keeps the digest that it had before
   * there were branches. No number that may follow here reads like these texts. */
  if (layer->back) {
    dc_digest_text(checksum, "back");
    dc_digest_int(checksum, layer->back);
  }
  if (dc_layer_takes_two(layer->kind)) {
    dc_digest_text(checksum, "with");
    dc_digest_int(checksum, layer->with);
  }
  if (has_window(layer->kind)) {
    dc_digest_int(checksum, layer->kernel_height);
    dc_digest_int(checksum, layer->kernel_width);
    dc_digest_int(checksum, layer->stride);
    for (size_t i = 0; i < 4; i++)
      dc_digest_int(checksum, layer->padding[i]);
  }
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
