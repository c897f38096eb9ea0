/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_FOREIGN_H
#define DC_TESTS_FOREIGN_H

#include <gst/video/video.h>

/* What DL Streamer's inference leaves on a buffer, as its headers write it. */

static inline void
foreign_set_dims(GstStructure *param, guint first, guint second)
{
  GValue dims = G_VALUE_INIT, length = G_VALUE_INIT;
  const guint lengths[] = {first, second};
  gst_value_array_init(&dims, 2);
  g_value_init(&length, G_TYPE_UINT);
  for (guint i = 0; i < 2; i++) {
    g_value_set_uint(&length, lengths[i]);
    gst_value_array_append_value(&dims, &length);
  }
  gst_structure_take_value(param, "dims", &dims);
}

/* A tensor of `rows` x `dim` numbers. */
static inline GstStructure *
foreign_param(const gchar *model, const gchar *layer, const gfloat *numbers, guint dim, guint rows)
{
  GVariant *bytes = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, numbers,
                                              (gsize)rows * dim * sizeof *numbers, 1);
  GstStructure *param =
      gst_structure_new("tensor", "model_name", G_TYPE_STRING, model, "layer_name", G_TYPE_STRING,
                        layer, "precision", G_TYPE_INT, 10, "layout", G_TYPE_INT, 193,
                        "data_buffer", G_TYPE_VARIANT, bytes, NULL);
  foreign_set_dims(param, rows, dim);
  return param;
}

/* A region of 10 x 10 pixels at (x, y), with `param` (transfer full; NULL: none). */
static inline GstVideoRegionOfInterestMeta *
foreign_add_roi(GstBuffer *buffer, guint x, guint y, GstStructure *param)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_add_video_region_of_interest_meta(buffer, "person", x, y, 10, 10);
  roi->id = (gint)gst_buffer_get_n_meta(buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
  if (param)
    gst_video_region_of_interest_meta_add_param(roi, param);
  return roi;
}

#endif
