/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CHOOSE_H
#define DC_CLUSTER_CHOOSE_H

#include "base/random.h"
#include "base/status.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* A number of clusters for `samples` (N x d, N >= 1, finite): the K in 2 .. max_clusters (and at
 * most N / 4) whose k-means partition has the largest simplified silhouette (Vendramin, Campello
 * and Hruschka 2010), the mean of (b - a) / max(a, b) with a and b the distances of a sample to the
 * nearest and the second nearest centroid. 1 when the samples are one point, or too few for two
 * clusters. */
DcStatus dc_choose_clusters(const DcMatrix *samples, uint32_t max_clusters, DcRandom *random,
                            uint32_t *clusters, DcError *error);

/* The simplified silhouette of `samples` for given centroids (K >= 2), -1..1. */
double dc_simplified_silhouette(const DcMatrix *samples, const DcMatrix *centroids);

#endif
