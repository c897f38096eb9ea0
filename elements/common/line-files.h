/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_LINE_FILES_H
#define DC_ELEMENTS_LINE_FILES_H

#include "common/line-sink.h"

G_BEGIN_DECLS

/* When a file of lines is full. It gets the next number at the end of its name then
 * (`street.jsonl.000001`, `.000002`, ...), and an empty one takes its place. */
typedef struct {
  guint64 size;          /* bytes that no file exceeds, but for a longer line; 0: any */
  GstClockTime interval; /* stream time of one file; 0: any */
  guint keep;            /* numbered files that stay, the newest; 0: all */
} DcRotation;

/* Opens `location` (see dc_line_output_open()) with rotation. NULL with `error` (G_FILE_ERROR) when
 * it cannot be written, or is to be rotated and is no regular file. */
DcLineSink *dc_line_files_open(const gchar *location, gboolean append, const DcRotation *rotation,
                               GError **error);

G_END_DECLS

#endif
