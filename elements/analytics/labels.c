/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "analytics/labels.h"

#include "analytics/detections.h"
#include "common/result.h"

#include <gst/analytics/analytics.h>

/* Scaling rounds the edges of a region, and position and size of a detection down: that makes up to
 * one pixel at the near edges and two at the far ones. */
#define BOX_TOLERANCE 6

#define FORWARDS                                                                                   \
  ((GstAnalyticsRelTypes)(GST_ANALYTICS_REL_TYPE_RELATE_TO | GST_ANALYTICS_REL_TYPE_CONTAIN))
#define BACKWARDS                                                                                  \
  ((GstAnalyticsRelTypes)(GST_ANALYTICS_REL_TYPE_RELATE_TO | GST_ANALYTICS_REL_TYPE_IS_PART_OF))

static gint64
edge_distance(gint64 start, gint64 length, gint region_start, gint region_length, gint size)
{
  gint64 left = CLAMP(start, 0, size), right = CLAMP(start + length, 0, size);
  return ABS(left - region_start) + ABS(right - region_start - region_length);
}

/* Whether `detection`, cut at the frame, is what `region` was made of. */
static gboolean
is_source(const DcDetection *detection, const DriftclusterEmbeddingMeta *meta,
          const DriftclusterRegion *region)
{
  return detection->type == region->roi_type &&
         edge_distance(detection->x, detection->width, region->x, region->width, meta->width) +
                 edge_distance(detection->y, detection->height, region->y, region->height,
                               meta->height) <=
             BOX_TOLERANCE;
}

/* Ids change when a buffer's metadata is copied, so the box decides, and the id between equals. */
static gboolean
find_source(GstBuffer *buffer, const DriftclusterEmbeddingMeta *meta,
            const DriftclusterRegion *region, guint *id)
{
  gpointer state = NULL;
  DcDetection detection;
  gboolean found = FALSE;
  while (dc_detections_next(buffer, &state, &detection)) {
    if (!is_source(&detection, meta, region))
      continue;
    if (!found || (gint)detection.id == region->roi_id)
      *id = detection.id;
    found = TRUE;
  }
  return found;
}

static gboolean
is_frame(const DriftclusterRegion *region)
{
  return region->roi_id < 0 && region->roi_type == g_quark_from_static_string("frame");
}

static gboolean
add_class(GstAnalyticsRelationMeta *relations, const DriftclusterResult *result,
          GstAnalyticsClsMtd *added)
{
  gchar made[DC_RESULT_LABEL_SIZE];
  /* Names of clusters are few: those that a person gave, and one for each index. */
  GQuark label = g_quark_from_string(dc_result_label(result, made));
  return gst_analytics_relation_meta_add_one_cls_mtd(relations, (gfloat)result->confidence, label,
                                                     added);
}

static void
write_label(GstBuffer *buffer, const DriftclusterEmbeddingMeta *meta,
            const DriftclusterRegion *region, const DriftclusterResult *result)
{
  guint source;
  gboolean has_source = region->roi_id >= 0 && find_source(buffer, meta, region, &source);
  if (!has_source && !is_frame(region))
    return;
  GstAnalyticsRelationMeta *relations = gst_buffer_add_analytics_relation_meta(buffer);
  GstAnalyticsClsMtd added;
  if (!add_class(relations, result, &added) || !has_source)
    return;
  gst_analytics_relation_meta_set_relation(relations, FORWARDS, source, added.id);
  gst_analytics_relation_meta_set_relation(relations, BACKWARDS, added.id, source);
}

void
dc_labels_write(GstBuffer *buffer, const DriftclusterEmbeddingMeta *meta,
                const DriftclusterResult *results)
{
  for (guint i = 0; i < meta->n_regions; i++)
    if (results[i].cluster >= 0 && !results[i].ignored)
      write_label(buffer, meta, &meta->regions[i], &results[i]);
}
