/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_ADAPTER_PRIVATE_H
#define DC_STREAM_ADAPTER_PRIVATE_H

#include "base/random.h"
#include "stream/adapter.h"
#include "stream/alignment.h"
#include "stream/clock.h"
#include "stream/clusters.h"
#include "stream/hierarchy.h"
#include "stream/method.h"
#include "stream/open_world.h"
#include "stream/separation.h"

/* The inside of an adapter, for itself, for its methods and for the state file that saves and
 * restores it. Its parts are
 *   adapter_config   what may be set
 *   adapter_start    the first clusters
 *   adapter          receiving, adapting, publishing
 *   adapter_follow   the bounded step
 *   hierarchy        groups of clusters
 *   identity         what a person does to clusters
 *   absorb           what another adapter knows
 *   regroup          other clusters in the place of those there are
 *   cluster_changes  merging, splitting, adding and dropping clusters by that
 *   open_world       which of these the stream itself calls for
 *   unknowns         embeddings that fit no cluster
 *   clusters         what is known of each cluster
 *   method, method_* the methods
 *   alignment        embeddings kept at the moments of the start
 *   separation       whether they still tell the clusters apart
 *   clock            stream time */

#define DC_MAX_CLUSTERS 65536u

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
  uint64_t next_number; /* in the label of the next new cluster: no label comes twice */
  DcHierarchy hierarchy;
  DcOpenWorld open_world;
  const DcAdaptMethod *method;
  void *state; /* of the method */
  DcStreamClock clock;
  DcAlignment *alignment; /* NULL: none */
  float *aligned;         /* a chunk of embeddings, with an alignment */
  DcSeparation separation;
  bool by_prototypes; /* how the newest snapshot labels */
  size_t since_adaptation;

  DcAssigner *assigner;
  DcAssignment *assignments; /* of one chunk */

  uint64_t version;
  DcSnapshot *snapshot; /* the newest, or NULL */
  bool outdated;        /* it is of other clusters than there are: no memory for the next one */
  uint64_t accepted, rejected, adaptations;
};

/* Makes room for `count` clusters, all zero, in place of those that are there. */
DcStatus dc_adapter_allocate_clusters(DcAdapter *adapter, size_t count, DcError *error);

/* Ends the warm-up: clusters its sample and gives it to the clusters as their first members. */
DcStatus dc_adapter_end_warm_up(DcAdapter *adapter, DcError *error);

/* How many rows from `first` on can be computed with: distances between them are numbers too. */
size_t dc_adapter_usable_run(const DcMatrix *rows, size_t first);

/* Receives usable rows while there are clusters; `times` has one for each, or is NULL: all are of
 * `time`. */
DcStatus dc_adapter_receive(DcAdapter *adapter, const DcMatrix *rows, const uint64_t *times,
                            uint64_t time);

/* Makes a new snapshot of what is there, under the next version. */
DcStatus dc_adapter_publish(DcAdapter *adapter, DcError *error);

#endif
