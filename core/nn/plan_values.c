/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/plan_values.h"

#include "nn/layer.h"

static size_t
least(size_t a, size_t b)
{
  return a < b ? a : b;
}

static size_t
most(size_t a, size_t b)
{
  return a > b ? a : b;
}

/* A reshape of numbers that lie one after the other is no work. */
static bool
is_another_name(const DcLayer *layer)
{
  return layer->kind == DC_LAYER_RESHAPE && layer->activation == DC_ACTIVATION_NONE;
}

/* Every value on its own; `last` is the last layer that takes it, itself where none does. */
static void
start(const DcNetwork *network, DcPlanValue *values)
{
  const size_t layers = dc_network_layer_count(network);
  for (size_t i = 0; i <= layers; i++) {
    const size_t made = i ? i - 1 : 0;
    values[i] = (DcPlanValue){.owner = i, .first = made, .last = made};
  }
  for (size_t i = 0; i < layers; i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    values[dc_layer_source(layer, i)].last = i;
    if (dc_layer_takes_two(layer->kind))
      values[dc_layer_second_source(layer, i)].last = i;
  }
  values[layers].last = layers;
}

static bool
takes(const DcNetwork *network, size_t layer, size_t value)
{
  const DcLayer *taker = dc_network_layer_const(network, layer);
  return dc_layer_source(taker, layer) == value ||
         (dc_layer_takes_two(taker->kind) && dc_layer_second_source(taker, layer) == value);
}

/* Whether only `layer`, which is the last to take `value`, takes it. */
static bool
has_one_reader(const DcNetwork *network, size_t value, size_t layer)
{
  for (size_t i = value; i < layer; i++) {
    if (takes(network, i, value))
      return false;
  }
  return true;
}

/* Lets what only the concatenation `layer` takes be made where it belongs in it. */
static void
join(const DcNetwork *network, DcPlanValue *values, size_t layer, size_t value, size_t shift)
{
  if (!value || values[value].last != layer || !has_one_reader(network, value, layer))
    return;
  const DcLayer *maker = dc_network_layer_const(network, value - 1);
  if (!dc_layer_ops(maker->kind)->can_stride)
    return;
  const DcPlanValue *whole = &values[layer + 1];
  values[value].owner = whole->owner;
  values[value].shift = whole->shift + shift;
}

/* The last first, so that concatenations of concatenations fall into place. */
static void
join_concatenations(const DcNetwork *network, DcPlanValue *values)
{
  for (size_t i = dc_network_layer_count(network); i-- > 0;) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    if (layer->kind != DC_LAYER_CONCATENATE)
      continue;
    const size_t first = dc_layer_source(layer, i);
    join(network, values, i, first, 0);
    join(network, values, i, dc_layer_second_source(layer, i),
         (size_t)dc_network_value(network, first).channels);
  }
}

static void
follow(DcPlanValue *values, size_t value, size_t of)
{
  const size_t owner = values[of].owner, last = values[value].last;
  values[value].owner = owner;
  values[value].shift = values[of].shift;
  values[owner].last = most(values[owner].last, last);
}

/* Whether `layer` may write over what it takes: nobody needs that any more. */
static bool
can_overwrite(const DcNetwork *network, const DcPlanValue *values, size_t index)
{
  const DcLayer *layer = dc_network_layer_const(network, index);
  const size_t owner = values[dc_layer_source(layer, index)].owner;
  if (!dc_layer_ops(layer->kind)->in_place || owner == 0 || values[owner].last != index ||
      dc_shape_size(dc_network_value(network, owner)) != dc_shape_size(layer->output))
    return false;
  return !dc_layer_takes_two(layer->kind) ||
         values[dc_layer_second_source(layer, index)].owner != owner;
}

static void
follow_inputs(const DcNetwork *network, DcPlanValue *values)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    if (is_another_name(layer) || can_overwrite(network, values, i))
      follow(values, i + 1, dc_layer_source(layer, i));
  }
}

/* An owner's memory is in use from the first of those that lie in it on. */
static void
find_first(const DcNetwork *network, DcPlanValue *values)
{
  for (size_t i = 1; i <= dc_network_layer_count(network); i++) {
    DcPlanValue *owner = &values[values[i].owner];
    owner->first = least(owner->first, values[i].first);
    owner->last = most(owner->last, values[i].last);
  }
}

void
dc_plan_values(const DcNetwork *network, DcPlanValue *values)
{
  start(network, values);
  join_concatenations(network, values);
  follow_inputs(network, values);
  find_first(network, values);
}

static bool
is_joined(const DcPlanValue *values, size_t value, size_t whole, size_t shift)
{
  return values[value].owner == values[whole].owner &&
         values[value].shift == values[whole].shift + shift;
}

bool
dc_plan_does_nothing(const DcNetwork *network, const DcPlanValue *values, size_t layer)
{
  const DcLayer *of = dc_network_layer_const(network, layer);
  if (of->kind != DC_LAYER_CONCATENATE || of->activation != DC_ACTIVATION_NONE)
    return is_another_name(of);
  const size_t first = dc_layer_source(of, layer);
  return is_joined(values, first, layer + 1, 0) &&
         is_joined(values, dc_layer_second_source(of, layer), layer + 1,
                   (size_t)dc_network_value(network, first).channels);
}

size_t
dc_plan_stride(const DcNetwork *network, const DcPlanValue *values, size_t value)
{
  const size_t owner = values[value].owner;
  /* What lies in a value made later is a part of its pixels; else it is a whole. */
  return (size_t)dc_network_value(network, owner > value ? owner : value).channels;
}
