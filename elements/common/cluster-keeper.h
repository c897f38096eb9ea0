/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_CLUSTER_KEEPER_H
#define DC_ELEMENTS_CLUSTER_KEEPER_H

#include "common/shared-state.h"
#include "meta/embedding-meta.h"
#include "store/state_file.h"
#include "stream/open_world.h"

G_BEGIN_DECLS

/* Keeps one adapter for the threads that want it: the one that learns from the stream and those of
 * the application that name, load, save and reset. They take turns; no mutex is held while one of
 * them computes. The adapter is made when the encoder is known: from a model, or else from the
 * first embeddings, so a state may be given before there is an adapter that could take it.
 *
 * Functions that return a DcStatus describe a failure in `error`. */
typedef struct DcClusterKeeper DcClusterKeeper;

DcClusterKeeper *dc_cluster_keeper_new(void);
void dc_cluster_keeper_free(DcClusterKeeper *keeper);

/* Opens the keeper: with the start centroids of the model at `model_file` (NULL: a warm-up), and
 * publishing to `shared` (borrowed, may be NULL) until it is closed. */
DcStatus dc_cluster_keeper_open(DcClusterKeeper *keeper, const DcAdapterConfig *config,
                                const gchar *model_file, DcSharedState *shared, DcError *error);

/* Forgets everything. A closed keeper refuses all else with DC_ERROR_NOT_READY. */
void dc_cluster_keeper_close(DcClusterKeeper *keeper);

/* Takes over, with the next embeddings, what may change while running: see
 * dc_adapter_configure(). `adapt` FALSE freezes the centroids. */
void dc_cluster_keeper_configure(DcClusterKeeper *keeper, const DcAdapterConfig *config,
                                 gboolean adapt);

/* What learning from one block came to. */
typedef struct {
  gsize accepted, rejected; /* embeddings of the block */
  gboolean created;         /* there are clusters, and there were none before */
  gboolean adapted;         /* a step was made */
  gboolean restored;        /* a state that waited is in place */
  gsize changes;            /* that the adapter made by itself about which clusters there are */
  DcClusterChange change[DC_OPEN_WORLD_CHANGES];
} DcLearnResult;

/* Remembers the embeddings of `block` as of `time` (see dc_adapter_push()) and adapts when it is
 * due. DC_ERROR_MISMATCH when they, or a state that waits for them, belong to another encoder; but
 * a warm-up begins anew for another encoder, once since the start or the reset. */
DcStatus dc_cluster_keeper_learn(DcClusterKeeper *keeper, const DriftclusterEmbeddingBlock *block,
                                 GstClockTime time, DcLearnResult *result, DcError *error);

/* Ends the warm-up with what is there; DC_OK when there are clusters, DC_ERROR_NOT_READY when there
 * are fewer embeddings than clusters. */
DcStatus dc_cluster_keeper_finish(DcClusterKeeper *keeper, DcLearnResult *result, DcError *error);

/* Puts `state` (transfer full) in the place of what is known; or, with `waits` TRUE, has it wait
 * for the first embeddings, since only they tell whether it belongs to their encoder. */
DcStatus dc_cluster_keeper_restore(DcClusterKeeper *keeper, DcState *state, gboolean *waits,
                                   DcError *error);

/* Whether a state waits for embeddings. */
gboolean dc_cluster_keeper_has_waiting_state(DcClusterKeeper *keeper);

/* A copy of everything to be saved, an unfinished warm-up included, and the number of the last
 * change that is in it; DC_ERROR_NOT_READY while nothing has come. */
DcStatus dc_cluster_keeper_capture(DcClusterKeeper *keeper, DcState **state, guint64 *change,
                                   DcError *error);

/* The number of the last change that embeddings, commands or a state made. It never goes back. */
guint64 dc_cluster_keeper_last_change(DcClusterKeeper *keeper);

/* Starts again as dc_cluster_keeper_open() did. */
DcStatus dc_cluster_keeper_reset(DcClusterKeeper *keeper, DcError *error);

/* What a person does to clusters; see stream/identity.h. */
typedef enum {
  DC_RENAME_CLUSTER,
  DC_MERGE_CLUSTERS,
  DC_SPLIT_CLUSTER,
  DC_PIN_CLUSTER,
  DC_IGNORE_CLUSTER
} DcClusterCommandKind;

/* Each cluster is given by its uuid, its label (if only one has it) or its index. */
typedef struct {
  DcClusterCommandKind kind;
  const gchar *cluster;
  const gchar *other; /* the one to merge into `cluster` */
  const gchar *label; /* the new one */
  gboolean on;        /* whether to pin or to ignore */
} DcClusterCommand;

/* What became of the cluster, and the one that went into it or came out of it. */
typedef struct {
  DcClusterInfo before, after;
  DcClusterInfo other; /* with an empty uuid: none */
} DcClusterOutcome;

DcStatus dc_cluster_keeper_command(DcClusterKeeper *keeper, const DcClusterCommand *command,
                                   DcClusterOutcome *outcome, DcError *error);

/* The newest snapshot with a reference for the caller, or NULL. Never waits for a turn. */
DcSnapshot *dc_cluster_keeper_snapshot(DcClusterKeeper *keeper);

/* Zeros while there is no adapter. */
DcAdapterStats dc_cluster_keeper_stats(DcClusterKeeper *keeper);

G_END_DECLS

#endif
