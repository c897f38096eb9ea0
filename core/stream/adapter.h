/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_ADAPTER_H
#define DC_STREAM_ADAPTER_H

#include "base/status.h"
#include "stream/snapshot.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keeps K centroids adapted to a stream of embeddings: a memory of recent embeddings stratified by
 * cluster, a method that proposes centroids from it, a bounded step towards the proposal, and the
 * identity of the clusters. docs/methods/adapting.md tells the whole story.
 *
 * Not thread-safe: one thread at a time. The snapshots it hands out may go to any thread. Equal
 * configuration, seed and input give equal bytes. */
typedef struct DcAdapter DcAdapter;

typedef enum {
  DC_METHOD_TRANSPORT, /* one map of the stream back to its source (docs/methods/transport.md);
                          until the source is described, as soon as enough embeddings have come,
                          attention */
  DC_METHOD_ATTENTION, /* TDCM's update; without a trained module it is soft k-means */
  DC_METHOD_K_MEANS,   /* one Lloyd step over the memory */
  DC_METHOD_NONE,      /* centroids stay where the warm-up or the model put them */
  DC_METHOD_MIXTURE,   /* an isotropic mixture with running weights, as AE-CM sees clusters */
  DC_METHOD_SECU,      /* centres on the unit sphere, moved by their hard samples */
  DC_METHOD_COUNT
} DcMethod;

/* "transport", "k-means", ... */
const char *dc_method_name(DcMethod method);

typedef struct {
  DcMethod method;
  uint32_t clusters; /* K; 0: chosen at the end of the warm-up, at most max_clusters */
  uint32_t max_clusters;
  size_t window;          /* embeddings remembered, over all clusters */
  size_t interval;        /* embeddings between adaptations */
  size_t warm_up;         /* embeddings before the first centroids; >= K */
  double adaptation_rate; /* 0..1: how much of the proposed step is taken at full evidence */
  uint64_t half_life;     /* stream time in ns after which a remembered embedding weighs half;
                             0: all weigh the same */
  uint64_t seed;
  const struct DcTdcmModule *module; /* of the model that embeds, for ATTENTION; borrowed for the
                                        life of the adapter; NULL: none */
} DcAdapterConfig;

/* transport, clusters 0, max_clusters 32, window 2048, interval 64, warm_up 256, rate 1, half_life
 * 0 */
DcAdapterConfig dc_adapter_config(void);

/* Says what in `config` is out of range, if anything. */
DcStatus dc_adapter_config_check(const DcAdapterConfig *config, DcError *error);

#define DC_ENCODER_NAME_SIZE 128

/* An adapter for embeddings of `dim` numbers made by the encoder named `encoder` (shorter than
 * DC_ENCODER_NAME_SIZE bytes; an opaque identity that is compared, stored and shown). Free with
 * dc_adapter_free(). */
DcStatus dc_adapter_new(const DcAdapterConfig *config, size_t dim, const char *encoder,
                        DcAdapter **adapter, DcError *error);
void dc_adapter_free(DcAdapter *adapter);

/* Starts from given centroids (K x d; K becomes the number of clusters) instead of a warm-up;
 * `labels` (K strings) may be NULL. `spread` (K) may be NULL: then it is learnt from the stream. */
DcStatus dc_adapter_start(DcAdapter *adapter, const DcMatrix *centroids, const float *spread,
                          const char *const *labels, DcError *error);

/* Changes what may change while running: method, interval, adaptation_rate, half_life. The rest of
 * `config` must equal what the adapter was made with. Another method starts from the centroids as
 * they are. */
DcStatus dc_adapter_configure(DcAdapter *adapter, const DcAdapterConfig *config, DcError *error);

typedef struct {
  size_t accepted;
  size_t rejected; /* rows with NaN, infinity or a squared length beyond FLT_MAX / 8: counted, never
                      remembered */
} DcPushResult;

/* Remembers the rows of `embeddings` (n x d) as of `time` (stream time in ns, UINT64_MAX: unknown).
 * DC_ERROR_SHAPE when the dimension differs, else DC_OK. Allocates nothing once running. */
DcStatus dc_adapter_push(DcAdapter *adapter, const DcMatrix *embeddings, uint64_t time,
                         DcPushResult *result);

/* True when enough was pushed for the warm-up to end or for another adaptation. */
bool dc_adapter_is_due(const DcAdapter *adapter);

/* Ends the warm-up or adapts once, with what is there, due or not. DC_ERROR_NOT_READY while there
 * are no centroids and fewer embeddings than clusters. `adapt` false: statistics move, centroids do
 * not (the freeze switch). Makes a new snapshot. */
DcStatus dc_adapter_adapt(DcAdapter *adapter, bool adapt, DcError *error);

/* The newest snapshot with a reference for the caller, or NULL before the first centroids. */
DcSnapshot *dc_adapter_snapshot(DcAdapter *adapter);

/* Gives cluster `cluster` a person's name (UTF-8, 1..63 bytes); a new snapshot carries it. */
DcStatus dc_adapter_rename(DcAdapter *adapter, size_t cluster, const char *label, DcError *error);

typedef struct {
  uint64_t accepted, rejected; /* embeddings, since the start */
  uint64_t adaptations;
  size_t clusters;          /* 0 before the first centroids */
  size_t remembered;        /* embeddings in memory now */
  double occupancy_entropy; /* of the recent shares, in nats; log K when evenly used */
  double mean_shift;        /* mass-weighted mean of DcClusterInfo.shift */
  bool transported;         /* labels come from transport tracking; else the rest is 0 */
  size_t expert;            /* 0: the source itself; then learners, then remembered domains */
  size_t domains;           /* remembered */
  double calm;              /* 1: the mix of the source; near 0: one cluster fills the stream */
  double displacement;      /* of the clusters as a whole since the source, in their spreads */
  uint64_t jumps;           /* times a new start was found after one */
} DcAdapterStats;

DcAdapterStats dc_adapter_stats(const DcAdapter *adapter);

#endif
