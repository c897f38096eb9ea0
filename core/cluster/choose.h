/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CHOOSE_H
#define DC_CLUSTER_CHOOSE_H

#include "base/random.h"
#include "base/status.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* A number of clusters for `samples` (N x d, N >= 1, finite), and where they are: `centroids`
 * (max_clusters x d) receives so many rows. k-means cuts the samples into many more cells than
 * wanted (N / 8, at most the larger of 64 and max_clusters), and then, as often as any two
 * neighbouring groups of cells have no valley of density between them (cluster/valley.h), those
 * that have the least of one are joined. Cells of fewer than DC_VALLEY_LEAST samples go to the
 * nearest group. Lloyd then starts from the means of the groups.
 * Which other rules were measured, and where they fail, is told in
 * docs/methods/adapting.md, "The number of clusters". */
DcStatus dc_choose_clusters(const DcMatrix *samples, DcRandom *random, uint32_t *clusters,
                            const DcMatrix *centroids, DcError *error);

#endif
