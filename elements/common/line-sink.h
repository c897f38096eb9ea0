/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_LINE_SINK_H
#define DC_ELEMENTS_LINE_SINK_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Where the lines of publish-clusters go: files and descriptors (line-files.h), or a broker
 * (mqtt-sink.h). Each kind embeds a DcLineSink as its first member. */
typedef struct DcLineSink DcLineSink;

typedef struct {
  /* Takes a line, which ends with a line feed, of the frame at `stream_time` (or NONE). FALSE with
   * `error` (domain G_FILE_ERROR) when it is lost; later ones may not be. */
  gboolean (*write)(DcLineSink *sink, const gchar *line, gsize length, GstClockTime stream_time,
                    GError **error);
  /* While it is set, nothing waits. From any thread. */
  void (*interrupt)(DcLineSink *sink, gboolean interrupt);
  /* Lines that were taken and have not arrived yet. From any thread. */
  guint64 (*queued)(DcLineSink *sink);
  /* Waits, a bounded time, until all lines have arrived. */
  void (*flush)(DcLineSink *sink);
  /* Frees the sink; returns how many lines were taken but have not arrived and never will. */
  guint64 (*close)(DcLineSink *sink);
} DcLineSinkClass;

/* Why a sink does not open when the process may have no more descriptors. */
#define DC_NO_DESCRIPTORS "no descriptors are left: raise the limit of `ulimit -n`"

struct DcLineSink {
  const DcLineSinkClass *class;
};

static inline gboolean
dc_line_sink_write(DcLineSink *sink, const gchar *line, gsize length, GstClockTime stream_time,
                   GError **error)
{
  return sink->class->write(sink, line, length, stream_time, error);
}

static inline void
dc_line_sink_interrupt(DcLineSink *sink, gboolean interrupt)
{
  sink->class->interrupt(sink, interrupt);
}

static inline guint64
dc_line_sink_queued(DcLineSink *sink)
{
  return sink->class->queued(sink);
}

static inline void
dc_line_sink_flush(DcLineSink *sink)
{
  sink->class->flush(sink);
}

static inline guint64
dc_line_sink_close(DcLineSink *sink)
{
  return sink->class->close(sink);
}

G_END_DECLS

#endif
