/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_CLUSTER_CHANGES_H
#define DC_STREAM_CLUSTER_CHANGES_H

#include "base/random.h"
#include "stream/adapter.h"
#include "tensor/matrix.h"

#include <stddef.h>
#include <stdint.h>

/* Changes of which clusters an adapter has, each one regrouping (regroup.h), whoever wants it: a
 * person (identity.h), another adapter (absorb.h), or the stream (open_world.h). The clusters given
 * must be there. No snapshot is made yet. On an error the clusters are as they were. */

/* Makes one cluster of two, in the place of `cluster`, which goes on: docs of dc_adapter_merge().
 * The last clusters move up by one index. */
DcStatus dc_adapter_join_clusters(DcAdapter *adapter, size_t cluster, size_t other, DcError *error);

/* 2-means of the members of `cluster`, oldest first: labels them 0 and 1 in `part` (as many as it
 * remembers), the larger part 0, and finds the centres of both (2 x d). */
DcStatus dc_cluster_halve(const DcAdapter *adapter, size_t cluster, DcRandom *random, uint8_t *part,
                          float *centres, DcError *error);

/* Makes two clusters of one by such a halving. The first part goes on with uuid and label; the
 * other is new and stands last. */
DcStatus dc_adapter_part_cluster(DcAdapter *adapter, size_t cluster, const uint8_t *part,
                                 const float *centres, DcError *error);

/* Adds a cluster, which stands last: with its centroid (d) and what it remembers (n x d). */
DcStatus dc_adapter_add_cluster(DcAdapter *adapter, const float *centroid, const DcMatrix *members,
                                const uint64_t *times, DcError *error);

/* Drops a cluster, which must not be the only one, with what it remembers. The last clusters move
 * up by one index. */
DcStatus dc_adapter_drop_cluster(DcAdapter *adapter, size_t cluster, DcError *error);

#endif
