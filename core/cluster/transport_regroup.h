/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_REGROUP_H
#define DC_CLUSTER_TRANSPORT_REGROUP_H

#include "cluster/transport_tracker.h"

/* Transport tracking goes on with other clusters. The maps belong to the stream as a whole and
 * stay; prototypes change hands. Merged clusters have the prototypes of both, and a split cluster's
 * go to the nearer of its two heirs. A newborn cluster brings prototypes of its own, in the
 * coordinates of the source as the selected map reads them, and the moments of the source become
 * those of a mix that has it (docs/methods/transport.md, "Clusters that come and go"). */

#define DC_TRANSPORT_NO_HEIR UINT32_MAX

typedef struct {
  size_t clusters;        /* from now on */
  const float *centroids; /* clusters x input_dim, in the space of the stream */
  /* Of each cluster of the tracker: the new one that goes on with its prototypes, or the two that
   * share them, or DC_TRANSPORT_NO_HEIR. */
  const uint32_t (*heirs)[2];
  const DcMatrix *newborn; /* members of the last cluster where it is newborn (n x input_dim,
                              finite, n >= 1); else NULL */
  uint64_t seed;           /* of the k-means that places its prototypes */
} DcTransportRegrouping;

/* A tracker at the same point of the same stream. DC_ERROR_FORMAT when the clusters cannot be had
 * (more than DC_TRANSPORT_MAX_PROTOTYPES in one); DC_ERROR_MEMORY. `tracker` stays as it is. */
DcStatus dc_transport_tracker_regroup(DcTransportTracker *tracker,
                                      const DcTransportRegrouping *regrouping,
                                      DcTransportTracker **made, DcError *error);

#endif
