/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "analytics/tensors.h"

#include <gst/analytics/analytics.h>

#if GST_CHECK_VERSION(1, 26, 0)

/* What GStreamer's detectors make their boxes of is named so. */
#define DETECTOR_PREFIX "Gst.Model.ObjectDetector."

static const gchar *
type_name(GstTensorDataType type)
{
  static const gchar *const names[] = {
      [GST_TENSOR_DATA_TYPE_INT4] = "int4",       [GST_TENSOR_DATA_TYPE_INT8] = "int8",
      [GST_TENSOR_DATA_TYPE_INT16] = "int16",     [GST_TENSOR_DATA_TYPE_INT32] = "int32",
      [GST_TENSOR_DATA_TYPE_INT64] = "int64",     [GST_TENSOR_DATA_TYPE_UINT4] = "uint4",
      [GST_TENSOR_DATA_TYPE_UINT8] = "uint8",     [GST_TENSOR_DATA_TYPE_UINT16] = "uint16",
      [GST_TENSOR_DATA_TYPE_UINT32] = "uint32",   [GST_TENSOR_DATA_TYPE_UINT64] = "uint64",
      [GST_TENSOR_DATA_TYPE_FLOAT16] = "float16", [GST_TENSOR_DATA_TYPE_FLOAT32] = "float32",
      [GST_TENSOR_DATA_TYPE_FLOAT64] = "float64", [GST_TENSOR_DATA_TYPE_BFLOAT16] = "bfloat16",
  };
  return type < G_N_ELEMENTS(names) ? names[type] : "of an unknown type";
}

/* A vector has the same order of numbers, whichever axis runs fastest. */
static gboolean
is_row_major(const GstTensor *tensor)
{
  gsize long_axes = 0;
  for (gsize i = 0; i < tensor->num_dims; i++)
    long_axes += tensor->dims[i] != 1;
  return tensor->dims_order == GST_TENSOR_DIM_ORDER_ROW_MAJOR || long_axes <= 1;
}

/* Number `index` of all tensors on `buffer`: each inference adds a meta of its own. */
static const GstTensor *
find_tensor(GstBuffer *buffer, gsize index)
{
  gpointer state = NULL;
  GstTensorMeta *meta;
  while ((meta = (GstTensorMeta *)gst_buffer_iterate_meta_filtered(buffer, &state,
                                                                   GST_TENSOR_META_API_TYPE))) {
    if (index < meta->num_tensors)
      return gst_tensor_meta_get(meta, index);
    index -= meta->num_tensors;
  }
  return NULL;
}

gboolean
dc_tensors_get(GstBuffer *buffer, gsize index, DcForeignTensor *tensor)
{
  const GstTensor *found = find_tensor(buffer, index);
  if (!found)
    return FALSE;
  const gchar *name = g_quark_to_string(found->id);
  gboolean is_float = found->data_type == GST_TENSOR_DATA_TYPE_FLOAT32 &&
                      found->layout == GST_TENSOR_LAYOUT_CONTIGUOUS;
  *tensor = (DcForeignTensor){
      .model = "",
      .name = name ? name : "",
      .is_result = name && g_str_has_prefix(name, DETECTOR_PREFIX),
      .type = type_name(found->data_type),
      .is_float = is_float && is_row_major(found) && found->data,
      .rank = found->num_dims,
      .buffer = found->data,
      .size = found->data ? gst_buffer_get_size(found->data) : 0,
  };
  for (gsize i = 0; i < MIN(found->num_dims, DC_FOREIGN_TENSOR_MAX_RANK); i++)
    tensor->dims[i] = found->dims[i];
  return TRUE;
}

#else

gboolean
dc_tensors_get(GstBuffer *buffer, gsize index, DcForeignTensor *tensor)
{
  (void)buffer;
  (void)index;
  (void)tensor;
  return FALSE;
}

#endif
