/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/buffer-times.h"

DcBufferTimes
dc_buffer_times_none(void)
{
  return (DcBufferTimes){GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE, GST_CLOCK_TIME_NONE,
                         GST_CLOCK_TIME_NONE};
}

DcBufferTimes
dc_buffer_times(const GstSegment *segment, GstBuffer *buffer)
{
  DcBufferTimes times = dc_buffer_times_none();
  times.timestamp = GST_BUFFER_PTS(buffer);
  times.duration = GST_BUFFER_DURATION(buffer);
  if (segment->format == GST_FORMAT_TIME && GST_CLOCK_TIME_IS_VALID(times.timestamp)) {
    times.stream_time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, times.timestamp);
    times.running_time = gst_segment_to_running_time(segment, GST_FORMAT_TIME, times.timestamp);
  }
  return times;
}

GstStructure *
dc_notice_new(const gchar *element, const gchar *kind, const DcBufferTimes *times)
{
  return gst_structure_new(element, "timestamp", GST_TYPE_CLOCK_TIME, times->timestamp,
                           "stream-time", GST_TYPE_CLOCK_TIME, times->stream_time, "running-time",
                           GST_TYPE_CLOCK_TIME, times->running_time, "duration",
                           GST_TYPE_CLOCK_TIME, times->duration, "kind", G_TYPE_STRING, kind, NULL);
}

gboolean
dc_rate_limit_pass(DcRateLimit *limit, GstClockTime stream_time)
{
  GstClockTime now = GST_CLOCK_TIME_IS_VALID(stream_time)
                         ? stream_time
                         : (GstClockTime)g_get_monotonic_time() * GST_USECOND;
  if (GST_CLOCK_TIME_IS_VALID(limit->last) &&
      ABS(GST_CLOCK_DIFF(limit->last, now)) < (GstClockTimeDiff)GST_SECOND)
    return FALSE;
  limit->last = now;
  return TRUE;
}
