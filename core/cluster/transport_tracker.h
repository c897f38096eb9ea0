/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_TRACKER_H
#define DC_CLUSTER_TRANSPORT_TRACKER_H

#include "base/status.h"
#include "cluster/transport_score.h"
#include "cluster/transport_search.h"
#include "cluster/transport_source.h"
#include "tensor/matrix.h"

#include <stddef.h>
#include <stdint.h>

/* Transport tracking: K clusters under drift. Several maps of the stream back to its source learn
 * side by side at different rates; the one that explained the stream best before learning from it
 * labels. The first, the anchor, is the identity and never learns; remembered domains are maps of
 * the past that never learn. Source: section 3 of docs/methods/transport.md, where all figures are
 * measured.
 *
 * Not thread-safe: one thread at a time. Equal source, options and batches give equal bytes. */
typedef struct DcTransportTracker DcTransportTracker;

#define DC_TRANSPORT_MAX_EXPERTS    4 /* the anchor included */
#define DC_TRANSPORT_MAX_REMEMBERED 6

typedef struct {
  uint32_t experts; /* the anchor included: 2..4 */
  uint32_t batch; /* embeddings of a step that rates and memories are stated for, at least 1; steps
                     of other sizes take their powers */
  double rate[DC_TRANSPORT_MAX_EXPERTS];     /* of each learner, 0..1; rate[0] is not looked at */
  double velocity[DC_TRANSPORT_MAX_EXPERTS]; /* share of a step kept as velocity, 0..0.1 */
  uint32_t remembered;                       /* domains remembered, 0..6 */
  size_t window;          /* embeddings that a new start after a jump is found from; 0: none is */
  size_t search_delay;    /* embeddings from then to its use, at most `window`; 0: at once */
  bool restarts;          /* start anew at once where every map loses the stream */
  double adaptation_rate; /* 0..1: scales all rates; 0: no map and no offset ever changes */
  double private_memory;  /* own samples of a cluster over which its offset forgets; > 0 */
} DcTransportOptions;

/* The measured defaults: batches of 64, rates 0.03, 0.1, 0.25, velocity, 6 domains, window 1024,
 * private memory 150. */
DcTransportOptions dc_transport_options(void);

/* The anchor and one rate, 0.1, and no more: most of the gain at a third of the cost. */
DcTransportOptions dc_transport_options_simple(void);

/* The private memory at which an offset halves after `half_life` embeddings of the whole stream. */
double dc_transport_private_memory(double half_life, size_t clusters);

DcStatus dc_transport_options_check(const DcTransportOptions *options, DcError *error);

/* A tracker at the start of its stream; everything is allocated here. Free with
 * dc_transport_tracker_free(). */
DcStatus dc_transport_tracker_new(DcTransportSource *source, const DcTransportOptions *options,
                                  DcTransportTracker **tracker, DcError *error);
void dc_transport_tracker_free(DcTransportTracker *tracker);
const DcTransportSource *dc_transport_tracker_source(const DcTransportTracker *tracker);

/* What may change while running. DC_ERROR_ARGUMENT, and no change, out of range. */
DcStatus dc_transport_tracker_configure(DcTransportTracker *tracker, double adaptation_rate,
                                        double private_memory, DcError *error);

/* One batch (n x input_dim, any n; 0 does nothing): labels it (`labels`: n, may be NULL) by the map
 * selected before, then learns from it. DC_ERROR_SHAPE or DC_ERROR_NOT_FINITE leave the state
 * alone. Allocates nothing. With `search_delay` 0 a batch can take tens of milliseconds, once in
 * 1024 embeddings or more. */
DcStatus dc_transport_tracker_step(DcTransportTracker *tracker, const DcMatrix *embeddings,
                                   uint32_t *labels);

/* The search that waits to be run, or NULL. A worker may give it to dc_transport_search_run() while
 * the tracker goes on; the step that needs the result runs it, or waits, if that did not happen.
 * The outcome is the same byte for byte. */
DcTransportSearch *dc_transport_tracker_search(DcTransportTracker *tracker);

/* The selected map, for readers on other threads. NULL when memory is short. */
DcTransportScorer *dc_transport_tracker_scorer(const DcTransportTracker *tracker);

typedef struct {
  size_t selected; /* 0: the anchor; then the learners; then the remembered domains */
  size_t experts;
  size_t remembered;   /* domains stored */
  double likelihood;   /* discounted mean of l of the selected map, nats per embedding */
  double calm;         /* 1: the mix of the source; near 0: one cluster alone */
  double displacement; /* of the prototypes since the source, in units of their spread */
  uint64_t seen;       /* embeddings */
  uint64_t searches;   /* windows searched */
  uint64_t jumps;      /* searches whose map was taken */
  uint64_t restored;   /* experts put back to the anchor because their numbers had gone bad */
} DcTransportStats;

DcTransportStats dc_transport_tracker_stats(DcTransportTracker *tracker);

/* Map of expert `expert` (0 .. experts + remembered - 1) and its discounted likelihood (may be
 * NULL); valid until the next step. */
const DcTransportMap *dc_transport_tracker_expert(const DcTransportTracker *tracker, size_t expert,
                                                  double *likelihood);

#define DC_TRANSPORT_TRACKER_ARRAYS 13

/* Views of the whole state, valid until the next step; returns how many there are. Those of the
 * source come besides. */
size_t dc_transport_tracker_arrays(DcTransportTracker *tracker,
                                   DcTransportArray arrays[DC_TRANSPORT_TRACKER_ARRAYS]);

/* Continues from such arrays, made by a tracker of the same source and the same numbers of experts,
 * remembered domains and window; entries of other names are ignored. On DC_ERROR_FORMAT the state
 * of `tracker` is that of its start. */
DcStatus dc_transport_tracker_restore(DcTransportTracker *tracker, const DcTransportArray *arrays,
                                      size_t count, DcError *error);

/* A tracker of `source`, another description of the same clusters in the same directions, which
 * goes on with all maps of `tracker`; that one stays as it is. No thread may run its search.
 * DC_ERROR_FORMAT for a source of other sizes, or maps that cannot be carried over. */
DcStatus dc_transport_tracker_continue(DcTransportTracker *tracker, DcTransportSource *source,
                                       DcTransportTracker **made, DcError *error);

#endif
