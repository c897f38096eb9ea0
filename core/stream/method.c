/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/method.h"

#include <string.h>

const DcAdaptMethod *
dc_adapt_method(DcMethod method)
{
  static const DcAdaptMethod *const methods[DC_METHOD_COUNT] = {
      [DC_METHOD_TRANSPORT] = &dc_method_transport,
      [DC_METHOD_ATTENTION] = &dc_method_attention,
      [DC_METHOD_K_MEANS] = &dc_method_k_means,
      [DC_METHOD_NONE] = &dc_method_none,
  };
  return methods[method];
}

const DcMethodArray *
dc_method_array_find(const DcMethodArray *arrays, size_t count, const char *name, DcMethodType type)
{
  for (size_t i = 0; i < count; i++)
    if (arrays[i].type == type && strcmp(arrays[i].name, name) == 0)
      return &arrays[i];
  return NULL;
}
