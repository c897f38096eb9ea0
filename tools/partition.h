/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_PARTITION_H
#define DC_TOOLS_PARTITION_H

#include "cluster/mixture.h"
#include "cluster/tdcm.h"
#include "eval/scores.h"
#include "store/model_file.h"

#include <glib.h>

G_BEGIN_DECLS

/* A clustering of some embeddings, how it was come by, and how it agrees with labels. */
typedef struct {
  const char *name;  /* static: "as trained" */
  guint32 *clusters; /* of each embedding, each below `count` */
  gsize count;       /* K */
  double seconds;    /* that it took, embedding excepted */
  DcScores scores;
} DcPartition;

void dc_partition_clear(DcPartition *partition);

/* Compares with `labels`, one for each of `n` embeddings. */
gboolean dc_partition_score(DcPartition *partition, const guint32 *labels, gsize n, GError **error);

/* Embeddings of each cluster, K. Free with g_free(). */
gsize *dc_partition_sizes(const DcPartition *partition, gsize n);

/* --- ways to come by one; `partition` is cleared on failure --- */

/* What all of them need. */
typedef struct {
  DcMatrix embeddings; /* n x d */
  DcMatrix centroids;  /* K x d, to start from */
  gboolean trained;    /* they are those of the model; else k-means has found them */
  const char *encoder; /* its identity */
  guint64 seed;
} DcPartitionInput;

/* By the nearest of the centroids to start from or, where the model has one, its assigner, which
 * may be NULL. Its name says where the centroids are from. */
gboolean dc_partition_as_started(DcPartition *partition, const DcPartitionInput *input,
                                 const DcNetwork *assigner, GError **error);

/* By the centroids after they have seen the embeddings once, in order, as a stream. */
gboolean dc_partition_by_stream(DcPartition *partition, const DcPartitionInput *input,
                                GError **error);

/* By the attention of TDCM, applied to all embeddings at once. */
gboolean dc_partition_by_attention(DcPartition *partition, const DcPartitionInput *input,
                                   const DcTdcmModule *attention, GError **error);

/* By k-means run anew on the embeddings, ten starts. */
gboolean dc_partition_by_kmeans(DcPartition *partition, const DcPartitionInput *input,
                                GError **error);

/* By a mixture of Gaussians fitted anew to the embeddings. */
gboolean dc_partition_by_mixture(DcPartition *partition, const DcPartitionInput *input,
                                 DcCovariance covariance, GError **error);

G_END_DECLS

#endif
