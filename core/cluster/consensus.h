/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CONSENSUS_H
#define DC_CLUSTER_CONSENSUS_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* Samples for each cluster that a consensus needs; fewer are
 * refused with DC_ERROR_NOT_READY. */
#define DC_CONSENSUS_SAMPLES_PER_CLUSTER 12

/* Groups samples (n x d, finite) into at most `clusters` groups that need not be round: cells of
 * k-means, several for each group, are merged by Ward's criterion in the metric of the covariance
 * within cells; ten such groupings with different cells are brought together by merging, by Ward's
 * criterion again, cells whose samples are grouped with the same others (evidence accumulation,
 * Fred and Jain 2005, on cells). Better than k-means by 3 to 8 points of accuracy on embeddings of
 * real pictures (docs/methods/transport.md), and far less a matter of chance.
 *
 * `groups` (n) receives numbers from 0, in no order that means anything. Equal arguments give equal
 * bytes. DC_ERROR_ARGUMENT for no clusters or more than n, DC_ERROR_NOT_READY, DC_ERROR_MEMORY.
 * Allocates; any thread. */
DcStatus dc_consensus(const DcMatrix *samples, uint32_t clusters, uint64_t seed, uint32_t *groups,
                      DcError *error);

#endif
