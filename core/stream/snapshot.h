/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_SNAPSHOT_H
#define DC_STREAM_SNAPSHOT_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stdint.h>

#define DC_UUID_SIZE  37 /* text form and terminator */
#define DC_LABEL_SIZE 64 /* bytes of UTF-8 and terminator */

/* What is known of one cluster besides its centroid. */
typedef struct {
  char uuid[DC_UUID_SIZE];       /* for ever */
  char label[DC_LABEL_SIZE];     /* "cluster-3" until a person names it */
  bool named;                    /* label was given by a person */
  bool pinned;                   /* its centroid is held where it was pinned */
  bool ignored;                  /* of no interest: marked for who shows or publishes */
  double mass;                   /* embeddings that it has received */
  float spread;                  /* root mean squared distance of its members to the centroid */
  float shift;                   /* distance from its reference place (start or load), in spreads */
  char group_uuid[DC_UUID_SIZE]; /* of the coarse group that it is in; empty: there are no groups */
  char group_label[DC_LABEL_SIZE]; /* "group-2" */
} DcClusterInfo;

/* One immutable, versioned state of the clusters, shared by reference count (C11 atomics): any
 * number of threads may read and reference it without a lock. */
typedef struct DcSnapshot DcSnapshot;

DcSnapshot *dc_snapshot_ref(DcSnapshot *snapshot);
void dc_snapshot_unref(DcSnapshot *snapshot); /* NULL is ignored */

uint64_t dc_snapshot_version(const DcSnapshot *snapshot); /* 1, 2, ... within one adapter */
size_t dc_snapshot_clusters(const DcSnapshot *snapshot);  /* K */
size_t dc_snapshot_dim(const DcSnapshot *snapshot);       /* d */
const char *dc_snapshot_encoder(const DcSnapshot *snapshot);
DcMatrix dc_snapshot_centroids(const DcSnapshot *snapshot); /* K x d, in the space of the stream */
const DcClusterInfo *dc_snapshot_cluster(const DcSnapshot *snapshot, size_t cluster);

/* Whether an embedding fits the cluster that it is nearest to, and if not, how. Anything but
 * DC_FITS is novel. */
typedef enum {
  DC_FITS = 0,
  DC_FAR,    /* farther out than its cluster's own members, on no way to another cluster */
  DC_BETWEEN /* as far out, between its cluster and the second: inside the sphere that has the two
                centroids as poles */
} DcNovelty;

/* Where one embedding belongs. */
typedef struct {
  uint32_t cluster; /* index in the snapshot */
  uint32_t second;  /* second best cluster; equals `cluster` when K = 1 */
  float confidence; /* posterior of `cluster`, 0..1 */
  float margin;     /* confidence minus posterior of `second` */
  float distance;   /* Euclidean, embedding to centroid */
  DcNovelty novel;  /* farther out than the share `novelty` of the cluster's own members */
} DcAssignment;

/* Scratch of one reading thread; it follows the sizes of what is read and then stays. */
typedef struct DcAssigner DcAssigner;
DcAssigner *dc_assigner_new(void);
void dc_assigner_free(DcAssigner *assigner);

/* Assigns each row of `embeddings` (n x d). `novelty` is a false-alarm rate, 0..1: an embedding is
 * novel when less than that share of the members of its cluster lay as far out (0: never novel).
 * A row with NaN or infinity is refused as a whole: DC_ERROR_NOT_FINITE. Ties go to the smallest
 * index. DC_ERROR_SHAPE when the dimension differs. Allocates only when it has to grow. */
DcStatus dc_snapshot_assign(const DcSnapshot *snapshot, DcAssigner *assigner,
                            const DcMatrix *embeddings, double novelty, DcAssignment *assignments);

#endif
