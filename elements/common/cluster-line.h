/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_CLUSTER_LINE_H
#define DC_ELEMENTS_CLUSTER_LINE_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* What a line tells besides the metadata of its buffer. */
typedef struct {
  guint64 frame;            /* number of the buffer, from 0 */
  GstClockTime stream_time; /* or NONE */
  gint width, height;       /* of the frame in pixels */
  gboolean with_embeddings;
} DcClusterLine;

/* Writes the results of `buffer`, or without them the regions of its embeddings, into `text` as one
 * JSON object and a line feed: docs/formats/json.md. Returns how many regions were left out,
 * because their metadata is broken. Any thread. */
guint dc_cluster_line_write(const DcClusterLine *line, GstBuffer *buffer, GString *text);

G_END_DECLS

#endif
