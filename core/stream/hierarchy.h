/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_HIERARCHY_H
#define DC_STREAM_HIERARCHY_H

#include "base/status.h"
#include "stream/adapter.h"

#include <stddef.h>
#include <stdint.h>

/* The coarse level of an adapter's clusters: groups of clusters, found by sub-cluster components
 * over the centroids (cluster/scc.h), at the round whose number of groups is nearest to
 * config.coarse_groups. Every cluster carries the uuid and label of its group. */

/* What the groups were last found from. */
typedef struct {
  float *places; /* centroids then: clusters x dim; NULL: there are no groups */
  size_t clusters;
  uint64_t next_number; /* in the label of the next new group */
} DcHierarchy;

void dc_hierarchy_clear(DcHierarchy *hierarchy);

/* The groups are to be found anew; they keep their identity as far as they can. */
void dc_hierarchy_expire(DcHierarchy *hierarchy);

/* Sees to it that the clusters of `adapter` carry the groups that its configuration asks for. They
 * are found anew when there are other clusters, or when a centroid has moved by half its spread
 * since they were found: between, they stay, whatever the centroids do. Groups found anew keep
 * the identity of those with which they share the most clusters, in all. */
DcStatus dc_hierarchy_update(DcAdapter *adapter, DcError *error);

#endif
