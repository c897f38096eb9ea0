/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_TRACKER_PRIVATE_H
#define DC_CLUSTER_TRANSPORT_TRACKER_PRIVATE_H

#include "cluster/transport_newton.h"
#include "cluster/transport_tracker.h"

/* The state of a tracker, for the files that know it: transport_tracker.c,
 * transport_state.c and transport_regroup.c. */

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

/* How far the recent shares are those of the source: 1, down to near 0 while one cluster fills the
 * stream. */
double dc_transport_tracker_calm(const DcTransportTracker *tracker);

/* All learners take that map, without private offsets; the middle one labels. */
void dc_transport_tracker_jump_to(DcTransportTracker *tracker, const double *matrix,
                                  const double *shift);

/* transport_restart.c: after a jump to where no map explains the last `rows` > 0 embeddings that
 * were read, the learners start where the mean of these comes to that of the source, if that is
 * better by far. True when they did: what was read tells nothing of their maps. */
bool dc_transport_tracker_restart(DcTransportTracker *tracker, size_t rows);

#endif
