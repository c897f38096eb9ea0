/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_CLUSTERING_H
#define DC_TOOLS_CLUSTERING_H

#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* Embeddings that have been put into clusters; what the pictures of a report show. Nothing is
 * owned. */
typedef struct {
  DcMatrix embeddings;     /* n x d */
  DcMatrix centroids;      /* K x d */
  const guint32 *clusters; /* n, each below K */
} DcClustering;

/* The number of members of each cluster. Free with g_free(). */
gsize *dc_clustering_sizes(const DcClustering *clustering);

/* The clusters that have members, largest first, of equal ones the one of the smaller number.
 * `sizes` are those of dc_clustering_sizes(). Free with g_array_unref(). */
GArray *dc_clustering_by_size(const DcClustering *clustering, const gsize *sizes);

G_END_DECLS

#endif
