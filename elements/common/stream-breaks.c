/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/stream-breaks.h"

/* The first stream follows nothing, and one that is told of again goes on. */
static gboolean
is_another_stream(DcStreamBreaks *breaks, GstEvent *event)
{
  const gchar *id;
  gst_event_parse_stream_start(event, &id);
  if (g_strcmp0(id, breaks->id) == 0)
    return FALSE;
  gboolean is_first = breaks->id == NULL;
  g_free(breaks->id);
  breaks->id = g_strdup(id);
  return !is_first;
}

gboolean
dc_stream_breaks_at(DcStreamBreaks *breaks, GstEvent *event)
{
  switch (GST_EVENT_TYPE(event)) {
  case GST_EVENT_FLUSH_STOP:
    return TRUE;
  case GST_EVENT_STREAM_START:
    return is_another_stream(breaks, event);
  default:
    return FALSE;
  }
}

void
dc_stream_breaks_clear(DcStreamBreaks *breaks)
{
  g_clear_pointer(&breaks->id, g_free);
}
