/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DECODE_H
#define DC_TOOLS_DECODE_H

#include "image/image.h"

#include <glib.h>

G_BEGIN_DECLS

/* FALSE with `error` set fails the decoding; FALSE without ends it early. */
typedef gboolean (*DcDecodeVisit)(const DcImage *frame, gpointer user_data, GError **error);

/* A larger picture is refused before it is decoded; dc_png_read() has the same limit. */
#define DC_DECODE_MOST_PIXELS ((guint64)64 << 20)

/* Decodes a file or URI with GStreamer and calls `visit` for each frame of its first video stream,
 * upright, as RGB, or as RGBA where it has alpha. `frames` (may be NULL) receives how many there
 * were. Fails with GStreamer's words when it cannot be decoded; frames before a defect have been
 * visited then. */
gboolean dc_decode(const char *file_or_uri, DcDecodeVisit visit, gpointer user_data, gsize *frames,
                   GError **error);

G_END_DECLS

#endif
