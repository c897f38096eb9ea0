/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/network.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

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

size_t
dc_layer_activation_numbers(DcLayer *layer, const char *const **names, float *numbers[2])
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
