/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/digest.h"

#include <string.h>

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

/* --- networks --- */

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
  const size_t count = dc_layer_activation_numbers(&copy, &names, numbers);
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
  if (dc_layer_has_window(layer->kind))
    digest_ints(checksum, (int[]){layer->kernel_height, layer->kernel_width, layer->stride}, 3);
  if (dc_layer_has_padding(layer->kind))
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
dc_digest_network(GChecksum *checksum, const DcNetwork *network)
{
  digest_shape(checksum, dc_network_input(network));
  dc_digest_int(checksum, (int64_t)dc_network_layer_count(network));
  for (size_t i = 0; i < dc_network_layer_count(network); i++)
    digest_layer(dc_network_layer_const(network, i), checksum);
}
