/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_BUFFER_TIMES_H
#define DC_ELEMENTS_BUFFER_TIMES_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* When a buffer is shown: the four times that element messages carry. Each may be
 * GST_CLOCK_TIME_NONE. */
typedef struct {
  GstClockTime timestamp;
  GstClockTime stream_time;
  GstClockTime running_time;
  GstClockTime duration;
} DcBufferTimes;

/* All four unknown. */
DcBufferTimes dc_buffer_times_none(void);

/* The times of `buffer` in `segment`, unknown unless that is a segment of time. */
DcBufferTimes dc_buffer_times(const GstSegment *segment, GstBuffer *buffer);

/* The start of an element message: a structure named `element` with the four times and the `kind`
 * of notice, to which the caller adds its own fields. */
GstStructure *dc_notice_new(const gchar *element, const gchar *kind, const DcBufferTimes *times);

/* A limit on how often something is said: at most once a second of stream time, or of the monotonic
 * clock when the stream has no times. In reverse playback time runs backwards. */
typedef struct {
  GstClockTime last; /* GST_CLOCK_TIME_NONE: never */
} DcRateLimit;

#define DC_RATE_LIMIT_INIT ((DcRateLimit){GST_CLOCK_TIME_NONE})

/* True, and counted, when it may be said now. */
gboolean dc_rate_limit_pass(DcRateLimit *limit, GstClockTime stream_time);

G_END_DECLS

#endif
