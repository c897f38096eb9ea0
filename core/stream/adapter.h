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

/* How much transport tracking does. */
typedef enum {
  DC_EFFORT_FULL,  /* three learning maps, remembered domains, a search after jumps */
  DC_EFFORT_SIMPLE /* one learning map and the source: most of the gain at a third of the cost */
} DcEffort;

/* What is done about an encoder whose numbers drift. */
typedef enum {
  DC_ALIGN_NONE,
  DC_ALIGN_MOMENTS /* mean and variance of each number are kept at those of the start */
} DcAlign;

/* Whether the number of clusters is revised while the stream goes on: births, splits, merges and
 * retirements (stream/open_world.h). */
typedef enum {
  DC_REVISE_AUTO, /* where it was chosen in a warm-up, or novelty is set */
  DC_REVISE_NEVER,
  DC_REVISE_ALWAYS
} DcRevise;

typedef struct {
  DcMethod method;
  DcEffort effort;        /* of TRANSPORT */
  uint32_t clusters;      /* K; 0: chosen at the end of the warm-up, at most max_clusters */
  uint32_t max_clusters;  /* that are chosen, or that there may be once the number is revised */
  size_t window;          /* embeddings remembered, over all clusters */
  size_t interval;        /* embeddings between adaptations */
  size_t warm_up;         /* embeddings before the first centroids; >= K */
  double adaptation_rate; /* 0..1: how much of the proposed step is taken at full evidence */
  uint64_t half_life;     /* stream time in ns after which a remembered embedding weighs half;
                             0: all weigh the same */
  DcAlign align;
  uint64_t seed;
  DcRevise revise;
  double novelty; /* 0..1: false-alarm rate at which an embedding is unknown to all clusters, and
                     may belong to one that is to be born; 0: as DC_OPEN_WORLD_RATE */
  uint64_t retire_after;  /* stream time in ns out of sight after which a cluster is retired, where
                             the number is revised; 0: only to make room for another one */
  uint32_t coarse_groups; /* groups of clusters wanted at the coarse level; 0: none */
  bool background; /* what takes long, and is not needed at once, runs on a thread of its own; the
                      bytes are the same with it and without */
  const struct DcTdcmModule *module; /* of the model that embeds, for ATTENTION; borrowed for the
                                        life of the adapter; NULL: none */
  struct DcTransportSource *source;  /* of that model, for TRANSPORT; borrowed likewise */
} DcAdapterConfig;

/* transport with full effort, clusters 0, max_clusters 32, window 2048, interval 64, warm_up 256,
 * rate 1, half_life 0, revise AUTO, novelty 0, retire_after 0 */
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

/* Changes what may change while running: method, interval, adaptation_rate, half_life,
 * coarse_groups. The rest of `config` must equal what the adapter was made with. Another method
 * starts from the centroids as they are. */
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

/* What an adapter changed by itself about which clusters there are. */
typedef enum {
  DC_CLUSTER_BORN,    /* of unknown embeddings; it may be a retired one that came back */
  DC_CLUSTERS_MERGED, /* `other` became part of `cluster` */
  DC_CLUSTER_SPLIT,   /* `other` came out of `cluster` */
  DC_CLUSTER_RETIRED
} DcChangeKind;

typedef struct {
  DcChangeKind kind;
  DcClusterInfo cluster, other; /* of a merge as they were before it, else as they are after it */
} DcClusterChange;

/* The changes of the last dc_adapter_adapt(), in their order; valid until the next one. */
const DcClusterChange *dc_adapter_changes(const DcAdapter *adapter, size_t *count);

/* The newest snapshot with a reference for the caller, or NULL before the first centroids. */
DcSnapshot *dc_adapter_snapshot(DcAdapter *adapter);

typedef struct {
  uint64_t accepted, rejected; /* embeddings, since the start */
  uint64_t adaptations;
  size_t clusters;   /* 0 before the first centroids */
  size_t remembered; /* embeddings in memory now */
  size_t unknowns;   /* embeddings that fit no cluster and wait to be understood */
  uint64_t births, splits, merges, retirements; /* made by the adapter itself, since the start */
  double occupancy_entropy; /* of the recent shares, in nats; log K when evenly used */
  double mean_shift;        /* mass-weighted mean of DcClusterInfo.shift */
  double margin;            /* recent mean of DcAssignment.margin */
  double margin_reference;  /* the same of the first embeddings; 0: not complete yet */
  bool separation_lost;     /* the margin fell below 0.85 of that (see stream/separation.h) */
  bool transported;         /* labels come from transport tracking; else the rest is 0 */
  size_t expert;            /* 0: the source itself; then learners, then remembered domains */
  size_t domains;           /* remembered */
  double calm;              /* 1: the mix of the source; near 0: one cluster fills the stream */
  double displacement;      /* of the clusters as a whole since the source, in their spreads */
  double fit;               /* how likely embeddings are in the best map: difference to the mean of
                               the source, in standard deviations of its embeddings */
  uint64_t jumps;           /* times a new start was found after one */
} DcAdapterStats;

DcAdapterStats dc_adapter_stats(const DcAdapter *adapter);

#endif
