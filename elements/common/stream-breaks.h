/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_STREAM_BREAKS_H
#define DC_ELEMENTS_STREAM_BREAKS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Where what comes does not follow what came before, so that what is remembered of regions is to be
 * forgotten. Of the streaming thread; all zero at the start. */
typedef struct {
  gchar *id; /* of the stream there is; NULL before the first */
} DcStreamBreaks;

/* Whether the stream breaks at `event` of a sink pad: at the end of a flush, and where another
 * stream starts, such as that of another camera behind an input-selector. Is to see each start. */
gboolean dc_stream_breaks_at(DcStreamBreaks *breaks, GstEvent *event);

void dc_stream_breaks_clear(DcStreamBreaks *breaks);

G_END_DECLS

#endif
