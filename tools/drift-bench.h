/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_BENCH_H
#define DC_TOOLS_DRIFT_BENCH_H

#include "drift-methods.h"
#include "drift-plan.h"

#include <stdio.h>

G_BEGIN_DECLS

/* Methods beside each other on streams under drift: each method of a plan runs over each of its
 * streams, anew for each seed. Nothing is owned. */
typedef struct {
  const DcDriftPlan *plan; /* settled for the data */
  const DcDriftData *data;
  const DcDriftDataOptions *view; /* how the samples are seen */
  DcDriftSettings settings;       /* of all methods; the seed is that of the run */
  gsize length;                   /* images of a stream, at most */
  gboolean in_order;              /* samples as they come, not in random order */
  guint64 seed;                   /* the first */
  gsize seeds;
  const char *folder; /* for embeddings and labels of each stream; NULL: they are not kept */
  gboolean frames;    /* with a folder: the pictures too */
  FILE *lines;        /* for each result as JSON, as soon as it is known; NULL: none */
} DcDriftBenchOptions;

/* Fills `results` (see drift-results.h) with those that the plan shows, in their order; a progress
 * bar tells how far it is. Once dc_interrupted(), it ends after the stream under way: `complete`
 * tells whether that was the last one. */
gboolean dc_drift_bench_run(const DcDriftBenchOptions *options, GArray *results, gboolean *complete,
                            GError **error);

G_END_DECLS

#endif
