/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SCC_H
#define DC_CLUSTER_SCC_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stddef.h>
#include <stdint.h>

/* A hierarchy of points by sub-cluster components (SCC: Monath et al. 2021, "Scalable Hierarchical
 * Agglomerative Clustering"). In each round every group points to the group nearest to it, if that
 * lies within the threshold of the round, and what is connected becomes one group; the thresholds
 * grow geometrically from the smallest distance there is to the largest. With fine thresholds this
 * is agglomeration by average linkage, in few rounds.
 *
 * Distance of two groups: the mean of the squared Euclidean distances of their points (average
 * linkage; the paper has the mean similarity). It follows from those of the parts,
 *   D(i + j, k) = (n_i D(i, k) + n_j D(j, k)) / (n_i + n_j),
 * so that points are compared once. */

#define DC_SCC_THRESHOLDS 32

/* Partitions of n points, nested, from the finest to the coarsest; level 0 has every point alone.
 */
typedef struct {
  size_t points;   /* n */
  size_t levels;   /* >= 1; each has fewer groups than the one before, the last has one group */
  size_t *groups;  /* of each level */
  uint32_t *group; /* levels x n: group of each point, numbered in the order of their first points
                    */
} DcScc;

/* The hierarchy of `points` (n x d, 1 <= n <= 65536, finite). DC_ERROR_ARGUMENT, DC_ERROR_MEMORY
 * (n^2 floats are needed); DC_ERROR_NOT_FINITE, also for points so far apart that their distance is
 * no number. Ties go to the smaller index. Release with dc_scc_clear(). Allocates; any thread. */
DcStatus dc_scc(const DcMatrix *points, DcScc *scc, DcError *error);
void dc_scc_clear(DcScc *scc);

/* The level whose number of groups is nearest to `wanted`; of two equally near, the finer. */
size_t dc_scc_level(const DcScc *scc, size_t wanted);

#endif
