/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_CLUSTERS_H
#define DC_STREAM_CLUSTERS_H

#include "base/random.h"
#include "base/status.h"
#include "cluster/attention.h"
#include "stream/memory.h"
#include "stream/snapshot.h"
#include "stream/survival.h"

#include <float.h>

/* The clusters of an adapter and what is known of each; everything is K or K x d long. */

/* Squared distances between rows below this length are finite numbers. */
#define DC_MAX_SQUARED_LENGTH (FLT_MAX / 8)

/* When a cluster came and was seen, in embeddings of the stream, and what was found when it was
 * looked at: of clusters that are revised (open_world.h). */
typedef struct {
  uint64_t born;     /* embeddings that came before it was made */
  uint64_t seen;     /* the same before its newest sure member */
  uint64_t fresh;    /* members since it was last looked at */
  uint32_t one, two; /* looks in a row in which it was one with another, or held two kinds */
} DcClusterHistory;

typedef struct {
  size_t count; /* K; 0 before the first centroids */
  size_t dim;   /* d */
  float *centroids;
  float *reference; /* where the centroids were at the start: what shift is measured from */
  float *pins;      /* where those that are pinned are held, */
  float *reach;     /* and how far from it they may be */
  float *proposal;  /* scratch of a step */
  DcClusterInfo *infos;
  DcSurvival *survival;
  double *evidence; /* posterior-weighted embeddings received since the last adaptation */
  double *shares;   /* of the recent stream */
  DcClusterHistory *history;
  uint64_t *seen; /* stream time that had gone by when a member last came, ns */
  DcMemory *memory;
  DcAttention *attention; /* scratch of the methods */
  float *distances;       /* scratch: of one stratum */
  float temperature; /* of the posterior and of attention: 2 x within-cluster variance per dimension
                      */
} DcClusters;

/* Makes room for `count` clusters of `dim` numbers and `window` embeddings, all zero, in place of
 * those that are there. */
DcStatus dc_clusters_allocate(DcClusters *clusters, size_t count, size_t dim, size_t window,
                              DcError *error);
void dc_clusters_clear(DcClusters *clusters);

/* Gives every cluster a uuid of `random`, an even share, and its label: labels[k], or where that is
 * empty or `labels` NULL, "cluster-k". */
void dc_clusters_name(DcClusters *clusters, const char *const *labels, DcRandom *random);

/* A new cluster: a uuid of `random` and the label "cluster-`number`". */
void dc_cluster_make(DcClusterInfo *info, size_t number, DcRandom *random);

/* Takes as much of `label` as there is room for. */
void dc_cluster_set_label(DcClusterInfo *info, const char *label);

/* Spreads and temperature before members are seen: `spread` (K), or guessed from the distances
 * between centroids where that is NULL. */
void dc_clusters_guess_spread(DcClusters *clusters, const float *spread);

/* Spread, distances of members and shift of each cluster, and the temperature, from the memory. */
void dc_clusters_measure(DcClusters *clusters);

/* Counts an embedding that was assigned. `elapsed`: the stream time that went by so far. */
void dc_clusters_count(DcClusters *clusters, uint64_t elapsed, const DcAssignment *assignment);

/* Counts an embedding that was assigned, as evidence too, and remembers it as of `time`. `elapsed`:
 * the stream time that went by so far. */
void dc_clusters_receive(DcClusters *clusters, const float *row, uint64_t time, uint64_t elapsed,
                         const DcAssignment *assignment);

/* How far from its pin a pinned centroid may be, in the spread of its cluster when it was pinned.
 */
#define DC_PIN_REACH 0.25f

/* Pins a centroid where it is now. */
void dc_clusters_pin(DcClusters *clusters, size_t cluster);

/* Brings pinned centroids that left their reach back to its edge. */
void dc_clusters_hold_pinned(DcClusters *clusters);

#endif
