/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef GST_ASSIGN_STATS_H
#define GST_ASSIGN_STATS_H

#include "meta/results-meta.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* The counters of `assign`. Not thread-safe. */

/* Since READY. */
typedef struct {
  guint64 buffers; /* with a region table */
  guint64 regions;
  guint64 assigned; /* stale ones included */
  guint64 unassigned;
  guint64 stale;
  guint64 novel;
  guint64 ignored;
  guint64 refused; /* embeddings with NaN or infinity */
  guint64 tracks;  /* regions remembered now */
} GstAssignStats;

/* Counts one result. */
void gst_assign_stats_count(GstAssignStats *stats, const DriftclusterResult *result);

/* Adds the counts of one buffer; `tracks` is left alone. */
void gst_assign_stats_add(GstAssignStats *stats, const GstAssignStats *counts);

/* The value of the property `stats`. */
GstStructure *gst_assign_stats_structure(const GstAssignStats *stats);

G_END_DECLS

#endif
