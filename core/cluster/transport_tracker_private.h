/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_TRACKER_PRIVATE_H
#define DC_CLUSTER_TRANSPORT_TRACKER_PRIVATE_H

#include "cluster/transport_newton.h"
#include "cluster/transport_tracker.h"

/* The state of a tracker, for the files that know it: transport_tracker.c,
 * transport_learning.c, transport_domains.c, transport_restart.c, transport_state.c and
 * transport_regroup.c. */

#define DC_TRANSPORT_ANCHOR          0   /* the expert that never learns */
#define DC_TRANSPORT_HYSTERESIS      0.1 /* nats per embedding by which another map must be better */
#define DC_TRANSPORT_MEMORY_INTERVAL 2048 /* embeddings between looks whether to remember */

#define DC_TRANSPORT_SLOTS (DC_TRANSPORT_MAX_EXPERTS + DC_TRANSPORT_MAX_REMEMBERED)

/* Whole numbers of the state, in the order in which a file holds them. */
enum {
  SELECTED,     /* b */
  USED,         /* experts and remembered domains */
  SEEN,         /* embeddings */
  AWAY,         /* embeddings since the anchor was last selected */
  PAUSE,        /* embeddings until the next search may begin */
  BACKOFF,      /* length of the next pause */
  NEXT_MEMORY,  /* SEEN at which the next domain may be remembered */
  WINDOW_COUNT, /* embeddings in the window */
  WINDOW_NEXT,  /* row of the window that is written next */
  SEARCHING,    /* 1: a search waits for its result to be used */
  SEARCH_DUE,   /* SEEN at which that is */
  SEARCHES,
  JUMPS,
  RESTORED,
  COUNTERS
};

struct DcTransportTracker {
  DcTransportSource *source;
  DcTransportOptions options;
  size_t slots; /* experts and room for remembered domains */
  uint64_t counter[COUNTERS];

  /* Of each slot: B, a, D, L and SEEN when last selected; maps[] points into these. */
  double *matrices, *shifts, *offsets, *levels, *chosen;
  /* Of each expert: the velocities V and v. */
  double *turns, *drifts;
  double *occupancy; /* occ: clusters */
  double *window;    /* ring of the last stream embeddings: window x dim */
  DcTransportMap maps[DC_TRANSPORT_SLOTS];

  /* Derived from the above, or scratch of one step. */
  double *derived;   /* prototype, key and bias of each slot */
  double *evidences; /* of each slot */
  DcTransportEvidence evidence[DC_TRANSPORT_SLOTS];
  double *moment, *gradient, *step_matrix, *step_shift, *square, *residual;
  double *places, *others; /* prototypes x dim */
  double *packed;          /* the counters, as a file holds them */
  double *trial_block;
  DcTransportMap trial; /* of a new start */
  DcTransportWork work;
  DcTransportSearch *search; /* NULL without a window */
  DcArena memory;
};

/* Puts everything to the start of a stream. */
void dc_transport_tracker_reset(DcTransportTracker *tracker);

/* Derives what scoring needs of a slot; false when its numbers are not those of a map. */
bool dc_transport_tracker_derive(DcTransportTracker *tracker, size_t slot);

static inline bool
dc_transport_is_learner(const DcTransportTracker *tracker, size_t slot)
{
  return slot != DC_TRANSPORT_ANCHOR && slot < tracker->options.experts;
}

/* How far the recent shares are those of the source: 1, down to near 0 while one cluster fills the
 * stream. */
double dc_transport_tracker_calm(const DcTransportTracker *tracker);

/* transport_options.c: DC_ERROR_ARGUMENT for what dc_transport_tracker_configure() refuses. */
DcStatus dc_transport_pace_check(double adaptation_rate, double private_memory, DcError *error);

/* ---- transport_learning.c ---- */

/* The expert has no velocity. */
void dc_transport_tracker_still(DcTransportTracker *tracker, size_t expert);

/* The expert is where the anchor is, without velocity. */
void dc_transport_tracker_put_to_anchor(DcTransportTracker *tracker, size_t expert);

/* One step of a learner, from the evidence of the batch that was read last. One that is lost goes
 * on from the selected map; one whose numbers have gone bad, from the anchor. */
void dc_transport_tracker_learn(DcTransportTracker *tracker, size_t expert, double batches);

/* ---- transport_domains.c ---- */

/* Stores the selected map, every DC_TRANSPORT_MEMORY_INTERVAL embeddings, if it is a learner's and
 * far from all that are known. */
void dc_transport_tracker_remember(DcTransportTracker *tracker);

/* Takes the window for a search, if the stream has been away from the source for as long as that,
 * and the pause since the last one, which a batch of `rows` shortens, is over. */
void dc_transport_tracker_consider_search(DcTransportTracker *tracker, size_t rows);

/* Uses the result of a search whose time has come. A stream that meanwhile came back to the source
 * has no need of it. */
void dc_transport_tracker_finish_search(DcTransportTracker *tracker);

/* All learners take that map, without private offsets; the middle one labels. */
void dc_transport_tracker_jump_to(DcTransportTracker *tracker, const double *matrix,
                                  const double *shift);

/* ---- transport_restart.c ---- */

/* After a jump to where no map explains the last `rows` > 0 embeddings that were read, the learners
 * start where the mean of these comes to that of the source, if that is better by far. True when
 * they did: what was read tells nothing of their maps. */
bool dc_transport_tracker_restart(DcTransportTracker *tracker, size_t rows);

#endif
