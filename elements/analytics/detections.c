/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "analytics/detections.h"

#include <gst/analytics/analytics.h>

static void
read_track(const GstAnalyticsODMtd *found, DcDetection *detection)
{
  GstAnalyticsTrackingMtd tracking;
  GstClockTime first_seen, last_seen;
  gboolean lost;
  gpointer state = NULL;
  detection->tracked = gst_analytics_relation_meta_get_direct_related(
                           found->meta, found->id, GST_ANALYTICS_REL_TYPE_ANY,
                           gst_analytics_tracking_mtd_get_mtd_type(), &state, &tracking) &&
                       gst_analytics_tracking_mtd_get_info(&tracking, &detection->track,
                                                           &first_seen, &last_seen, &lost);
}

gboolean
dc_detections_next(GstBuffer *buffer, gpointer *state, DcDetection *detection)
{
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  GstAnalyticsODMtd found;
  gfloat confidence = 1;
  if (!relations ||
      !gst_analytics_relation_meta_iterate(relations, state, gst_analytics_od_mtd_get_mtd_type(),
                                           &found))
    return FALSE;
  *detection = (DcDetection){.id = found.id, .type = gst_analytics_od_mtd_get_obj_type(&found)};
  gst_analytics_od_mtd_get_location(&found, &detection->x, &detection->y, &detection->width,
                                    &detection->height, &confidence);
  detection->confidence = (gdouble)confidence;
  read_track(&found, detection);
  return TRUE;
}
