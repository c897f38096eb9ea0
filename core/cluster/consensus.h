/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CONSENSUS_H
#define DC_CLUSTER_CONSENSUS_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* Samples for each cluster that a consensus needs; fewer are
 * refused with DC_ERROR_NOT_READY. */
#define DC_CONSENSUS_SAMPLES_PER_CLUSTER 12

/* Groups samples (n x d, finite) into at most `clusters` groups that need not be round, by bringing
 * many groupings together (evidence accumulation, Fred and Jain 2005). Ten come from cells of
 * k-means, several for each group and others each time, which Ward's criterion merges in the metric
 * of the covariance within cells. Eight come from graphs of nearest neighbours (dc_spectral), of 5
 * to 14 neighbours, in the metric of the samples and in that of the cells; with few samples for
 * each cluster these are left out. Two samples are alike when they are grouped with the same
 * others, and Ward's criterion merges what is alike: the samples, or 512 cells of them where there
 * are more. Both kinds weigh the same; together they are better than either, and far better than
 * k-means, on embeddings of real pictures (docs/methods/transport.md), and far less a matter of
 * chance.
 *
 * `groups` (n) receives numbers from 0, in no order that means anything. Equal arguments give equal
 * bytes. DC_ERROR_ARGUMENT for no clusters or more than n, DC_ERROR_NOT_READY, DC_ERROR_MEMORY.
 * Allocates; any thread. */
DcStatus dc_consensus(const DcMatrix *samples, uint32_t clusters, uint64_t seed, uint32_t *groups,
                      DcError *error);

#endif
