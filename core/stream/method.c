/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/method.h"

#include "stream/adapter_private.h"

#include <math.h>
#include <string.h>

/* Most methods that learn from the newest embeddings take so many at once. */
#define BATCH 64

const DcAdaptMethod *
dc_adapt_method(DcMethod method)
{
  static const DcAdaptMethod *const methods[DC_METHOD_COUNT] = {
      [DC_METHOD_TRANSPORT] = &dc_method_transport, [DC_METHOD_ATTENTION] = &dc_method_attention,
      [DC_METHOD_K_MEANS] = &dc_method_k_means,     [DC_METHOD_NONE] = &dc_method_none,
      [DC_METHOD_MIXTURE] = &dc_method_mixture,     [DC_METHOD_SECU] = &dc_method_secu,
  };
  return methods[method];
}

const char *
dc_method_name(DcMethod method)
{
  return dc_adapt_method(method)->name;
}

const DcMethodArray *
dc_method_array_find(const DcMethodArray *arrays, size_t count, const char *name, DcMethodType type)
{
  for (size_t i = 0; i < count; i++)
    if (arrays[i].type == type && strcmp(arrays[i].name, name) == 0)
      return &arrays[i];
  return NULL;
}

DcStatus
dc_method_read_row(const DcMethodArray *array, size_t count, double low, double high, void *target,
                   DcError *error)
{
  if (array->rows != 1 || array->cols != count)
    return dc_error_set(error, DC_ERROR_FORMAT, "tensor \"%s\" is not one row of %zu numbers",
                        array->name, count);
  bool single = array->type == DC_METHOD_FLOATS;
  for (size_t i = 0; i < count; i++) {
    double number = single ? ((const float *)array->data)[i] : ((const double *)array->data)[i];
    if (!(number >= low && number <= high) || isinf(number))
      return dc_error_set(error, DC_ERROR_FORMAT, "tensor \"%s\" holds %g at %zu", array->name,
                          number, i);
  }
  memcpy(target, array->data, count * (single ? sizeof(float) : sizeof(double)));
  return DC_OK;
}

double
dc_adapter_half_life(const DcAdapter *adapter, double otherwise)
{
  double found = dc_stream_clock_embeddings(&adapter->clock, adapter->config.half_life);
  return found > 0 ? fmax(found, 1) : otherwise;
}

size_t
dc_adapter_pending_capacity(const DcAdapter *adapter)
{
  const DcAdapterConfig *config = &adapter->config;
  return (config->interval < config->window ? config->interval : config->window) + BATCH;
}
