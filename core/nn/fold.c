/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/fold.h"

#include "base/memory.h"
#include "nn/batch_norm.h"

#include <string.h>

/* What becomes of a value of the network. */
typedef struct {
  size_t readers;
  size_t now; /* its number in the folded network */
} Value;

typedef struct {
  const DcNetwork *network;
  DcNetwork *folded;
  Value *values;
  DcError *error;
} Fold;

static void
count_readers(const Fold *fold)
{
  const size_t layers = dc_network_layer_count(fold->network);
  for (size_t i = 0; i < layers; i++) {
    const DcLayer *layer = dc_network_layer_const(fold->network, i);
    fold->values[dc_layer_source(layer, i)].readers++;
    if (dc_layer_takes_two(layer->kind))
      fold->values[dc_layer_second_source(layer, i)].readers++;
  }
}

/* A weight whose innermost index is the channel of the output. */
static bool
can_be_scaled(const DcLayer *layer)
{
  return layer->activation == DC_ACTIVATION_NONE &&
         (layer->kind == DC_LAYER_CONV2D || layer->kind == DC_LAYER_DEPTHWISE_CONV2D ||
          layer->kind == DC_LAYER_DENSE);
}

/* Whether the BATCH_NORM at `index` can become part of the layer that it takes. */
static bool
can_join(const Fold *fold, size_t index)
{
  const DcLayer *norm = dc_network_layer_const(fold->network, index);
  const size_t source = dc_layer_source(norm, index);
  /* What the last layer makes must stay what the last layer makes. */
  if (index + 1 == dc_network_layer_count(fold->network) &&
      fold->values[source].now != dc_network_layer_count(fold->folded))
    return false;
  return source > 0 && fold->values[source].readers == 1 &&
         can_be_scaled(dc_network_layer_const(fold->network, source - 1));
}

static DcStatus
check_norm(const Fold *fold, size_t index)
{
  const DcLayer *norm = dc_network_layer_const(fold->network, index);
  for (size_t i = 0; i < norm->weight_size; i++) {
    if (!isfinite(dc_batch_norm_scale(norm, i)) || !isfinite(norm->bias[i]) ||
        !isfinite(norm->statistics[i]))
      return dc_error_set(fold->error, DC_ERROR_NOT_FINITE,
                          "layer %zu (batch_norm): channel %zu has weight %g, bias %g, mean %g and "
                          "variance %g; train it again",
                          index, i, (double)norm->weight[i], (double)norm->bias[i],
                          (double)norm->statistics[i],
                          (double)norm->statistics[norm->weight_size + i]);
  }
  return DC_OK;
}

static float
shift_of(const DcLayer *norm, size_t channel, double before)
{
  return (float)((before - norm->statistics[channel]) * dc_batch_norm_scale(norm, channel) +
                 norm->bias[channel]);
}

static void
join(const Fold *fold, size_t index)
{
  const DcLayer *norm = dc_network_layer_const(fold->network, index);
  Value *source = &fold->values[dc_layer_source(norm, index)];
  DcLayer *layer = dc_network_layer(fold->folded, source->now - 1);
  const size_t channels = norm->weight_size;
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = (float)(layer->weight[i] * dc_batch_norm_scale(norm, i % channels));
  for (size_t i = 0; i < channels; i++)
    layer->bias[i] = shift_of(norm, i, layer->bias[i]);
  layer->activation = norm->activation;
  layer->slope = norm->slope;
  layer->shift = norm->shift;
  layer->low = norm->low;
  layer->high = norm->high;
  fold->values[index + 1].now = source->now;
}

/* Where the values that a layer takes are now. */
static void
renumber(const Fold *fold, size_t index, DcLayer *layer)
{
  const size_t place = dc_network_layer_count(fold->folded);
  const size_t source = dc_layer_source(layer, index);
  const size_t second = dc_layer_second_source(layer, index);
  layer->back = (int)(place - fold->values[source].now);
  if (dc_layer_takes_two(layer->kind))
    layer->with = (int)(place - fold->values[second].now);
}

static void
copy_floats(float *to, const float *from, size_t count)
{
  if (count)
    memcpy(to, from, count * sizeof *to);
}

static void
fill_affine(const DcLayer *norm, DcLayer *affine)
{
  for (size_t i = 0; i < norm->weight_size; i++) {
    affine->weight[i] = (float)dc_batch_norm_scale(norm, i);
    affine->bias[i] = shift_of(norm, i, 0);
  }
}

static DcStatus
keep(const Fold *fold, size_t index)
{
  const DcLayer *layer = dc_network_layer_const(fold->network, index);
  DcLayer kept = *layer;
  const bool norm = layer->kind == DC_LAYER_BATCH_NORM;
  renumber(fold, index, &kept);
  if (norm)
    kept.kind = DC_LAYER_AFFINE;
  DcStatus status = dc_network_add(fold->folded, &kept, fold->error);
  if (status)
    return status;
  const size_t place = dc_network_layer_count(fold->folded);
  DcLayer *added = dc_network_layer(fold->folded, place - 1);
  if (norm) {
    fill_affine(layer, added);
  } else {
    copy_floats(added->weight, layer->weight, layer->weight_size);
    copy_floats(added->bias, layer->bias, layer->bias_size);
  }
  fold->values[index + 1].now = place;
  return DC_OK;
}

static DcStatus
fold_layer(const Fold *fold, size_t index)
{
  if (dc_network_layer_const(fold->network, index)->kind != DC_LAYER_BATCH_NORM)
    return keep(fold, index);
  DcStatus status = check_norm(fold, index);
  if (status)
    return status;
  if (!can_join(fold, index))
    return keep(fold, index);
  join(fold, index);
  return DC_OK;
}

DcStatus
dc_network_fold(const DcNetwork *network, DcNetwork **folded, DcError *error)
{
  const size_t layers = dc_network_layer_count(network);
  const Fold fold = {.network = network,
                     .folded = dc_network_new(dc_network_input(network)),
                     .values = DC_NEW(Value, layers + 1),
                     .error = error};
  *folded = NULL;
  DcStatus status = DC_OK;
  if (!fold.folded || !fold.values)
    status =
        dc_error_set(error, DC_ERROR_MEMORY, "no memory to fold a network of %zu layers", layers);
  else
    count_readers(&fold);
  for (size_t i = 0; i < layers && !status; i++)
    status = fold_layer(&fold, i);
  dc_free(fold.values);
  if (status)
    dc_network_free(fold.folded);
  else
    *folded = fold.folded;
  return status;
}
