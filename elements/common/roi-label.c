/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/roi-label.h"

#include <gst/video/video.h>

static guint64
apart(guint a, gint b)
{
  return (guint64)ABS((gint64)a - b);
}

/* How far the edges of the two boxes are apart in sum: a region is its region of interest cut at
 * the frame, so they may differ. */
static guint64
box_distance(const GstVideoRegionOfInterestMeta *roi, const DriftclusterRegion *region)
{
  return apart(roi->x, region->x) + apart(roi->y, region->y) +
         apart(roi->x + roi->w, region->x + region->width) +
         apart(roi->y + roi->h, region->y + region->height);
}

/* Detectors do not always give each region an id of its own, so the box decides between equals. */
static GstVideoRegionOfInterestMeta *
find_roi(GstBuffer *buffer, const DriftclusterRegion *region)
{
  GstVideoRegionOfInterestMeta *nearest = NULL;
  gpointer state = NULL;
  GstMeta *meta;
  while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                  GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
    GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)meta;
    if (roi->id == region->roi_id && roi->roi_type == region->roi_type &&
        (!nearest || box_distance(roi, region) < box_distance(nearest, region)))
      nearest = roi;
  }
  return nearest;
}

static void
remove_label(GstVideoRegionOfInterestMeta *roi)
{
  for (GList *link = roi->params; link; link = link->next) {
    if (gst_structure_has_name(link->data, DC_ROI_LABEL_NAME)) {
      gst_structure_free(link->data);
      roi->params = g_list_delete_link(roi->params, link);
      return;
    }
  }
}

void
dc_roi_label_write(GstBuffer *buffer, const DriftclusterRegion *region,
                   const DriftclusterResult *result)
{
  GstVideoRegionOfInterestMeta *roi = region->roi_id >= 0 ? find_roi(buffer, region) : NULL;
  if (!roi)
    return;
  remove_label(roi);
  if (result->cluster < 0 || result->ignored)
    return;
  gst_video_region_of_interest_meta_add_param(
      roi, gst_structure_new(DC_ROI_LABEL_NAME, "attribute_name", G_TYPE_STRING, "cluster", "label",
                             G_TYPE_STRING, result->label, "label_id", G_TYPE_INT, result->cluster,
                             "confidence", G_TYPE_DOUBLE, result->confidence, NULL));
}
