/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/foreign-tensor.h"

#include "base/checked.h"

#include <string.h>

/* DL Streamer's number for float32 in the field `precision`. */
#define PRECISION_FLOAT32 10

/* Axes that are longer than 1. */
static gsize
long_axes(const DcForeignTensor *tensor, gsize axes[DC_FOREIGN_TENSOR_MAX_RANK])
{
  gsize count = 0;
  for (gsize i = 0; i < tensor->rank; i++)
    if (tensor->dims[i] != 1)
      axes[count++] = tensor->dims[i];
  return count;
}

gboolean
dc_foreign_tensor_fits(const DcForeignTensor *tensor, guint rows, guint *dim)
{
  if (!tensor->is_float || tensor->rank > DC_FOREIGN_TENSOR_MAX_RANK || rows < 1)
    return FALSE;
  gsize axes[DC_FOREIGN_TENSOR_MAX_RANK];
  gsize count = long_axes(tensor, axes), numbers, size;
  if (count != (rows > 1 ? 2 : 1) || (rows > 1 && axes[0] != rows))
    return FALSE;
  gsize length = axes[count - 1];
  if (length < 1 || length > G_MAXINT || !dc_checked_mul(rows, length, &numbers) ||
      !dc_checked_mul(numbers, sizeof(gfloat), &size) || size != tensor->size)
    return FALSE;
  *dim = (guint)length;
  return TRUE;
}

void
dc_foreign_tensor_copy(const DcForeignTensor *tensor, gfloat *numbers)
{
  if (tensor->buffer)
    gst_buffer_extract(tensor->buffer, 0, numbers, tensor->size);
  else
    memcpy(numbers, tensor->bytes, tensor->size);
}

gchar *
dc_foreign_tensor_describe(const DcForeignTensor *tensor)
{
  GString *text = g_string_new(NULL);
  g_string_printf(text, "'%.60s' (%s", tensor->name, tensor->type);
  for (gsize i = 0; i < MIN(tensor->rank, DC_FOREIGN_TENSOR_MAX_RANK); i++)
    g_string_append_printf(text, "%s%" G_GSIZE_FORMAT, i ? " x " : ", ", tensor->dims[i]);
  g_string_append(text, tensor->rank > DC_FOREIGN_TENSOR_MAX_RANK ? " x ...)" : ")");
  return g_string_free(text, FALSE);
}

static const gchar *
text_field(const GstStructure *param, const gchar *name, const gchar *otherwise)
{
  const gchar *text = gst_structure_get_string(param, name);
  return text ? text : otherwise;
}

/* DL Streamer keeps axes as a list of unsigned numbers. Without it the numbers are a vector. */
static gboolean
read_dims(const GstStructure *param, DcForeignTensor *tensor)
{
  const GValue *dims = gst_structure_get_value(param, "dims");
  if (!dims) {
    tensor->rank = 1;
    tensor->dims[0] = tensor->size / sizeof(gfloat);
    return TRUE;
  }
  if (!GST_VALUE_HOLDS_ARRAY(dims))
    return FALSE;
  tensor->rank = gst_value_array_get_size(dims);
  for (guint i = 0; i < MIN(tensor->rank, DC_FOREIGN_TENSOR_MAX_RANK); i++) {
    const GValue *length = gst_value_array_get_value(dims, i);
    if (!G_VALUE_HOLDS_UINT(length))
      return FALSE;
    tensor->dims[i] = g_value_get_uint(length);
  }
  return TRUE;
}

gboolean
dc_foreign_tensor_from_param(const GstStructure *param, DcForeignTensor *tensor)
{
  const GValue *data = gst_structure_get_value(param, "data_buffer");
  GVariant *bytes = data && G_VALUE_HOLDS_VARIANT(data) ? g_value_get_variant(data) : NULL;
  gint precision;
  if (!bytes || !g_variant_is_of_type(bytes, G_VARIANT_TYPE_BYTESTRING) ||
      !gst_structure_get_int(param, "precision", &precision))
    return FALSE;
  *tensor = (DcForeignTensor){
      .model = text_field(param, "model_name", ""),
      .name = text_field(param, "layer_name", gst_structure_get_name(param)),
      .is_result = gst_structure_has_field(param, "label"),
      .is_float = precision == PRECISION_FLOAT32,
      .type = precision == PRECISION_FLOAT32 ? "float32" : "not float32",
  };
  tensor->bytes = g_variant_get_fixed_array(bytes, &tensor->size, 1);
  return read_dims(param, tensor);
}
