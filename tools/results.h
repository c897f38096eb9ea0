/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_RESULTS_H
#define DC_TOOLS_RESULTS_H

#include <glib.h>

G_BEGIN_DECLS

/* A frame whose first region has no cluster, or that has no region. */
#define DC_UNASSIGNED G_MAXUINT32

/* What publish-clusters wrote of the first region of one frame. */
typedef struct {
  gsize frame;       /* its number: frames that max-rate left out are counted, too */
  guint32 cluster;   /* index, or DC_UNASSIGNED */
  const char *label; /* interned; NULL when unassigned */
} DcFrameResult;

/* Reads a file of JSON lines (docs/formats/json.md): one DcFrameResult per line, in the order of
 * their frames. Fails with file and line when a line is not of the format or its frame not behind
 * the one before, and when there is none. */
GArray *dc_results_read(const char *path, GError **error);

/* How many frames the stream had, up to the last one that has a line. */
gsize dc_results_frames(const GArray *results);

/* The index of the first result of frame `frame` or a later one; results->len without any. */
guint dc_results_find(const GArray *results, gsize frame);

G_END_DECLS

#endif
