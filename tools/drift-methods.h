/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_METHODS_H
#define DC_TOOLS_DRIFT_METHODS_H

#include "stream/adapter.h"
#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* What groups a stream of embeddings: the methods of adapt-centroids, through the core code that
 * the element runs, and the peers that they are measured beside. All of them start from the same
 * warm-up and label each embedding before they learn from it. */

typedef struct {
  guint clusters;  /* 0: chosen in the warm-up */
  gsize warm_up;   /* embeddings */
  gsize window;    /* remembered by methods, or re-clustered by the peer "window" */
  gsize interval;  /* embeddings between adaptations */
  DcRevise revise; /* whether methods revise the number of clusters */
  guint64 seed;
} DcDriftSettings;

/* As adapt-centroids has them. */
DcDriftSettings dc_drift_settings(void);

/* Method number `index`: those of adapt-centroids, then the peers. NULL behind the last. */
const char *dc_drift_method_name(gsize index);
gboolean dc_drift_method_is_peer(gsize index);

/* The number of the method of that name; FALSE when there is none. */
gboolean dc_drift_method_find(const char *name, gsize *index);

/* Half-life of a forgetting peer in embeddings; 0 for every other method. */
gsize dc_drift_method_half_life(gsize index);

typedef struct {
  guint32 *labels; /* of each embedding of the stream: a number for each identity, in the order in
                      which clusters came */
  GArray *course;  /* of guint: clusters after each 1 000 embeddings; empty: always the same */
  DcAdapterStats stats; /* at the end, of a method; else zeros */
  gsize clusters;       /* at the end */
  double seconds;       /* of CPU time, warm-up excepted */
} DcDriftRun;

/* Runs a method over `stream` (n x d) after `source`, of which the last settings->warm_up rows are
 * the warm-up. Clear with dc_drift_run_clear(). */
gboolean dc_drift_run(DcDriftRun *run, gsize method, const DcDriftSettings *settings,
                      const DcMatrix *source, const DcMatrix *stream, GError **error);
void dc_drift_run_clear(DcDriftRun *run);

G_END_DECLS

#endif
