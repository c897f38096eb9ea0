/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_SNAPSHOT_BUILDER_H
#define DC_STREAM_SNAPSHOT_BUILDER_H

#include "cluster/reading.h"
#include "cluster/transport_score.h"
#include "stream/snapshot.h"
#include "stream/survival.h"

/* How an adapter makes a snapshot; readers need stream/snapshot.h only. */

/* What goes into a snapshot; everything is copied but the scorer and the reading, of which there is
 * one at most. They belong to the snapshot from now on. */
typedef struct {
  uint64_t version;
  const char *encoder;
  DcMatrix centroids;         /* K x d */
  const DcClusterInfo *infos; /* K */
  const DcSurvival *survival; /* K */
  float temperature;          /* > 0; posterior of a cluster ~ exp(-distance^2 / temperature) */
  DcTransportScorer *scorer;  /* gives the posteriors instead, with `centroids` as its centroids;
                                 NULL: none */
  DcReading *reading;         /* gives the posteriors instead; NULL: none */
} DcSnapshotParts;

/* A snapshot with one reference; NULL, and scorer and reading freed, when memory is short. */
DcSnapshot *dc_snapshot_new(const DcSnapshotParts *parts);

#endif
