/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/network_description.h"

#include "store/json.h"

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
  const size_t count = dc_layer_activation_numbers(&copy, &names, numbers);
  json_object_set_string_member(object, "activation", dc_activation_name(layer->activation));
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
  if (dc_layer_has_window(layer->kind))
    describe_window(layer, object);
  if (dc_layer_has_padding(layer->kind))
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
  const size_t count = dc_layer_activation_numbers(layer, &names, numbers);
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
  if (!status && dc_layer_has_window(layer->kind))
    status = read_window(object, where, layer, error);
  if (!status && dc_layer_has_padding(layer->kind))
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

DcStatus
dc_network_description_read_layer(JsonArray *layers, size_t index, const char *where,
                                  DcLayer *layer, DcError *error)
{
  JsonNode *node = json_array_get_element(layers, (guint)index);
  return JSON_NODE_HOLDS_OBJECT(node)
             ? read_layer(json_node_get_object(node), where, layer, error)
             : dc_error_set(error, DC_ERROR_FORMAT, "%s is not an object", where);
}

DcStatus
dc_network_description_read(JsonObject *description, const char *name, DcShape *input,
                            JsonArray **layers, DcError *error)
{
  DcStatus status = read_shape(description, "input", name, input, error);
  return status ? status : dc_json_array(description, "layers", name, layers, error);
}
