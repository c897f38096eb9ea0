/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ADAPT_CENTROIDS_PRIVATE_H
#define DC_ELEMENTS_ADAPT_CENTROIDS_PRIVATE_H

#include "adapt-centroids.h"
#include "common/adapt-settings.h"
#include "common/buffer-times.h"
#include "common/cluster-keeper.h"
#include "common/embedding-worker.h"
#include "common/shared-state.h"
#include "common/state-store.h"

G_BEGIN_DECLS

/* The element, for the files that make it up. */
struct _GstAdaptCentroids {
  GstBaseTransform parent;

  DcClusterKeeper *keeper; /* for any thread; open from start to stop */
  DcStateStore *store;     /* for any thread */

  /* Under the object lock. */
  DcAdaptSettings settings;
  gboolean settings_changed; /* since the keeper was last told */
  DcBufferTimes newest;      /* of the embeddings learnt from last */
  guint64 dropped;           /* embeddings that found the worker's queue full */
  gboolean failed;           /* learning ended with an error */

  /* Constant from start to stop. */
  DcSharedState *shared;     /* NULL: not shared */
  DcEmbeddingWorker *worker; /* NULL: the streaming thread learns */

  /* Of the streaming thread. */
  DcSnapshot *announced;  /* what downstream labels by; NULL: there are no clusters */
  gboolean has_announced; /* downstream knows that clusters come from here */
  DcForeignReader foreign;

  /* Of the thread that learns. */
  DcRateLimit adapted_limit;
  gboolean rejecting;       /* the last block had embeddings that were rejected */
  gboolean separation_lost; /* what was last told of it */
};

/* --- adapt-centroids-notices.c: what it tells --- */

/* Posts `notice` (transfer full) if messages are wanted. Any thread. */
void gst_adapt_centroids_post(GstAdaptCentroids *self, GstStructure *notice);

/* News of a state file, as of the newest embeddings: a DcStateNews of the element `user_data`. Any
 * thread. */
void gst_adapt_centroids_post_state(const gchar *kind, const gchar *path, const gchar *reason,
                                    gpointer user_data);

/* Tells what came of learning. On the thread that learns. */
void gst_adapt_centroids_report(GstAdaptCentroids *self, const DcLearnResult *result,
                                const DcBufferTimes *times);

/* The value of the property `stats`, read from the counters of all parts. Any thread. */
GstStructure *gst_adapt_centroids_make_stats(GstAdaptCentroids *self);

/* --- adapt-centroids-commands.c: what it can be told to do --- */

/* The action signals of the class. */
void gst_adapt_centroids_install_commands(void);

/* Carries out a command that came as an event (transfer full), which ends here. TRUE when it went
 * well; else a warning said why not. Any thread. */
gboolean gst_adapt_centroids_handle_command(GstAdaptCentroids *self, GstEvent *event);

G_END_DECLS

#endif
