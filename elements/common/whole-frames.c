/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/whole-frames.h"

#include <gst/video/video.h>

gboolean
dc_whole_frames_propose_allocation(GstBaseTransform *base, GstQuery *decide, GstQuery *query)
{
  GstBaseTransformClass *parent = g_type_class_peek_parent(GST_BASE_TRANSFORM_GET_CLASS(base));
  if (!parent->propose_allocation(base, decide, query))
    return FALSE;
  guint index;
  if (gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, &index))
    gst_query_remove_nth_allocation_meta(query, index);
  return TRUE;
}
