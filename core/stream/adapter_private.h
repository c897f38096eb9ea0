/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_ADAPTER_PRIVATE_H
#define DC_STREAM_ADAPTER_PRIVATE_H

#include "base/random.h"
#include "cluster/attention.h"
#include "stream/adapter.h"
#include "stream/adapter_transport.h"
#include "stream/memory.h"
#include "stream/survival.h"

#include <float.h>

/* The inside of an adapter, for itself and for the state file that saves and restores it. */

/* Squared distances between rows below this length are finite numbers. */
#define DC_MAX_SQUARED_LENGTH (FLT_MAX / 8)

/* The clusters of an adapter and what belongs to them; everything is K or K x d long. */
typedef struct {
  size_t count; /* K; 0 before the first centroids */
  float *centroids;
  float *reference; /* where the centroids were at the start: what shift is measured from */
  float *proposal;  /* scratch of a step */
  DcClusterInfo *infos;
  DcSurvival *survival;
  double *evidence; /* posterior-weighted embeddings received since the last adaptation */
  double *shares;   /* of the recent stream */
  DcMemory *memory;
  DcAttention *attention; /* scratch of the method */
} DcClusters;

struct DcAdapter {
  DcAdapterConfig config;
  size_t dim;
  char encoder[DC_ENCODER_NAME_SIZE];
  DcRandom random;

  /* The warm-up: embeddings until there are centroids. */
  float *sample; /* config.warm_up x dim */
  uint64_t *sample_times;
  size_t sampled;

  DcClusters clusters;
  DcAdapterTransport transport;
  float temperature; /* of the posterior and of attention: 2 x within-cluster variance per dimension
                      */
  size_t since_adaptation;

  DcAssigner *assigner;
  DcAssignment *assignments; /* of one chunk */
  float *distances;          /* of one stratum */

  uint64_t version;
  DcSnapshot *snapshot; /* the newest, or NULL */
  uint64_t accepted, rejected, adaptations;
};

/* Makes room for `count` clusters, all zero, in place of those that are there. */
DcStatus dc_adapter_allocate_clusters(DcAdapter *adapter, size_t count, DcError *error);

/* Makes a new snapshot of what is there, under the next version. */
DcStatus dc_adapter_publish(DcAdapter *adapter, DcError *error);

#endif
