/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/network_file.h"

#include "store/network_description.h"
#include "tensor/matrix.h"

#include <string.h>

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
    DcLayer layer = {0};
    status = dc_network_description_read_layer(layers, i, where, &layer, error);
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
  DcStatus status = dc_network_description_read(description, name, &input, &layers, error);
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

/* --- checking --- */

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
