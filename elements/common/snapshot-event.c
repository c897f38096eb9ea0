/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/snapshot-event.h"

#define FIELD "snapshot"

G_DEFINE_BOXED_TYPE(DcSnapshot, dc_snapshot, dc_snapshot_ref, dc_snapshot_unref)

GstEvent *
dc_snapshot_event_new(DcSnapshot *snapshot)
{
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                              gst_structure_new(DC_SNAPSHOT_EVENT_NAME, FIELD,
                                                dc_snapshot_get_type(), snapshot, NULL));
}

gboolean
dc_snapshot_event_is(GstEvent *event)
{
  return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY &&
         gst_event_has_name(event, DC_SNAPSHOT_EVENT_NAME);
}

DcSnapshot *
dc_snapshot_event_get(GstEvent *event)
{
  if (!dc_snapshot_event_is(event))
    return NULL;
  const GValue *value = gst_structure_get_value(gst_event_get_structure(event), FIELD);
  return value && G_VALUE_HOLDS(value, dc_snapshot_get_type()) ? g_value_dup_boxed(value) : NULL;
}
