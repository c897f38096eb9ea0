/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_tracker_private.h"

#include "base/memory.h"
#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

/* Figures of section 3 and table 4 of the method. */
#define LIKELIHOOD_MEMORY 0.8   /* gamma, per batch */
#define SHARES_MEMORY     256.0 /* embeddings over which occ forgets */

/* ---- memory ---- */

static bool
place_arrays(DcTransportTracker *t)
{
  const DcTransportSource *s = t->source;
  size_t d = s->dim, k = s->clusters, m = s->prototypes, slots = t->slots;
  size_t experts = t->options.experts;
  const DcLinearPiece pieces[] = {
      {&t->matrices, slots * d * d},
      {&t->shifts, slots * d},
      {&t->offsets, slots * k * d},
      {&t->levels, slots},
      {&t->chosen, slots},
      {&t->turns, experts * d * d},
      {&t->drifts, experts * d},
      {&t->occupancy, k},
      {&t->window, t->options.window * d},
      {&t->derived, slots * (2 * m * d + m)},
      {&t->evidences, slots * dc_transport_evidence_size(s)},
      {&t->moment, d * d},
      {&t->gradient, d},
      {&t->step_matrix, d * d},
      {&t->step_shift, d},
      {&t->square, d * d},
      {&t->residual, k * d},
      {&t->places, m * d},
      {&t->others, m * d},
      {&t->packed, COUNTERS},
      {&t->trial_block, dc_transport_map_size(s)},
  };
  return dc_linear_allocate(&t->memory, pieces, sizeof pieces / sizeof *pieces) &&
         dc_transport_work_init(&t->work, s);
}

static void
place_slot(DcTransportTracker *t, size_t slot)
{
  const DcTransportSource *s = t->source;
  size_t d = s->dim, m = s->prototypes;
  double *derived = t->derived + slot * (2 * m * d + m);
  t->maps[slot] = (DcTransportMap){
      .matrix = t->matrices + slot * d * d,
      .shift = t->shifts + slot * d,
      .offset = t->offsets + slot * s->clusters * d,
      .prototype = derived,
      .key = derived + m * d,
      .bias = derived + 2 * m * d,
  };
  dc_transport_evidence_place(s, t->evidences + slot * dc_transport_evidence_size(s),
                              &t->evidence[slot]);
}

static bool
reserve(DcTransportTracker *t)
{
  if (!place_arrays(t))
    return false;
  if (t->options.window)
    t->search = dc_transport_search_new(t->source, t->options.window);
  return t->search || !t->options.window;
}

DcStatus
dc_transport_tracker_new(DcTransportSource *source, const DcTransportOptions *options,
                         DcTransportTracker **tracker, DcError *error)
{
  DcStatus status = dc_transport_options_check(options, error);
  if (status)
    return status;
  DcTransportTracker *t = DC_NEW(DcTransportTracker, 1);
  if (!t)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for transport tracking");
  t->source = dc_transport_source_ref(source);
  t->options = *options;
  t->slots = options->experts + options->remembered;
  if (!reserve(t)) {
    dc_transport_tracker_free(t);
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "no memory for transport tracking of %zu clusters with a window of %zu",
                        source->clusters, options->window);
  }
  for (size_t slot = 0; slot < t->slots; slot++)
    place_slot(t, slot);
  dc_transport_map_place(source, t->trial_block, &t->trial);
  dc_transport_tracker_reset(t);
  *tracker = t;
  return DC_OK;
}

void
dc_transport_tracker_free(DcTransportTracker *tracker)
{
  if (!tracker)
    return;
  dc_transport_search_free(tracker->search);
  dc_transport_work_clear(&tracker->work);
  dc_arena_clear(&tracker->memory);
  dc_transport_source_unref(tracker->source);
  dc_free(tracker);
}

/* ---- the start of a stream ---- */

void
dc_transport_tracker_reset(DcTransportTracker *t)
{
  const DcTransportSource *s = t->source;
  memset(t->counter, 0, sizeof t->counter);
  t->counter[USED] = t->options.experts;
  t->counter[BACKOFF] = t->options.window;
  t->counter[NEXT_MEMORY] = DC_TRANSPORT_MEMORY_INTERVAL;
  for (size_t slot = 0; slot < t->slots; slot++)
    dc_transport_map_copy(s, &s->anchor, &t->maps[slot]);
  for (size_t e = 0; e < t->options.experts; e++)
    dc_transport_tracker_still(t, e);
  memset(t->window, 0, t->options.window * s->dim * sizeof(double));
  memset(t->levels, 0, t->slots * sizeof(double));
  memset(t->chosen, 0, t->slots * sizeof(double));
  memcpy(t->occupancy, s->occupancy, s->clusters * sizeof(double));
}

bool
dc_transport_tracker_derive(DcTransportTracker *t, size_t slot)
{
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  if (!dc_transport_map_measure(t->source, &t->maps[slot], t->square, pivot))
    return false;
  dc_transport_map_derive(t->source, &t->maps[slot]);
  return true;
}

/* ---- reading a batch ---- */

static void
keep_in_window(DcTransportTracker *t, size_t rows)
{
  size_t d = t->source->dim, window = t->options.window;
  for (size_t i = 0; window && i < rows; i++) {
    uint64_t *next = &t->counter[WINDOW_NEXT];
    memcpy(t->window + *next * d, t->work.stream + i * d, d * sizeof(double));
    *next = (*next + 1) % window;
    if (t->counter[WINDOW_COUNT] < window)
      t->counter[WINDOW_COUNT]++;
  }
}

static void
read_chunk(DcTransportTracker *t, const DcMatrix *chunk, uint32_t *labels)
{
  const DcTransportSource *s = t->source;
  dc_transport_project(s, chunk, &t->work);
  keep_in_window(t, chunk->rows);
  for (size_t e = 0; e < t->counter[USED]; e++) {
    dc_transport_score(s, &t->maps[e], t->work.stream, chunk->rows, &t->work);
    if (e == t->counter[SELECTED] && labels)
      for (size_t i = 0; i < chunk->rows; i++)
        labels[i] =
            (uint32_t)dc_transport_largest(t->work.posterior + i * s->clusters, s->clusters);
    if (dc_transport_is_learner(t, e) && t->options.adaptation_rate > 0)
      dc_transport_evidence_add(s, &t->maps[e], &t->work, chunk->rows, &t->evidence[e]);
    else
      dc_transport_evidence_weigh(s, &t->work, chunk->rows, &t->evidence[e]);
  }
}

static void
read_batch(DcTransportTracker *t, const DcMatrix *embeddings, uint32_t *labels)
{
  for (size_t e = 0; e < t->counter[USED]; e++)
    dc_transport_evidence_clear(t->source, &t->evidence[e]);
  for (size_t row = 0; row < embeddings->rows; row += DC_TRANSPORT_CHUNK) {
    size_t left = embeddings->rows - row;
    DcMatrix chunk =
        dc_matrix_rows(embeddings, row, left < DC_TRANSPORT_CHUNK ? left : DC_TRANSPORT_CHUNK);
    read_chunk(t, &chunk, labels ? labels + row : NULL);
  }
}

/* ---- selecting ---- */

static void
select_expert(DcTransportTracker *t, double batches)
{
  double memory = pow(LIKELIHOOD_MEMORY, batches);
  for (size_t e = 0; e < t->counter[USED]; e++) {
    double likelihood = t->evidence[e].likelihood / (double)t->evidence[e].rows;
    t->levels[e] = memory * t->levels[e] + (1 - memory) * likelihood;
  }
  size_t best = dc_transport_largest(t->levels, t->counter[USED]);
  if (t->levels[best] > t->levels[t->counter[SELECTED]] + DC_TRANSPORT_HYSTERESIS)
    t->counter[SELECTED] = best;
}

static void
update_shares(DcTransportTracker *t)
{
  const DcTransportEvidence *evidence = &t->evidence[t->counter[SELECTED]];
  double count = (double)evidence->rows, gain = 1 - exp(-count / SHARES_MEMORY);
  for (size_t k = 0; k < t->source->clusters; k++)
    t->occupancy[k] += gain * (evidence->mass[k] / count - t->occupancy[k]);
}

double
dc_transport_tracker_calm(const DcTransportTracker *t)
{
  double distance = 0;
  for (size_t k = 0; k < t->source->clusters; k++)
    distance += fabs(t->occupancy[k] - t->source->occupancy[k]);
  return 1 - distance / 2;
}

static void
note_selection(DcTransportTracker *t, size_t rows)
{
  size_t best = t->counter[SELECTED];
  t->chosen[best] = (double)t->counter[SEEN];
  if (best == DC_TRANSPORT_ANCHOR) {
    t->counter[AWAY] = 0;
    t->counter[BACKOFF] = t->options.window;
  } else {
    t->counter[AWAY] += rows;
  }
}

/* ---- one step ---- */

static void
adapt(DcTransportTracker *t, size_t rows, double batches)
{
  for (size_t e = 1; e < t->options.experts; e++)
    dc_transport_tracker_learn(t, e, batches);
  dc_transport_tracker_remember(t);
  dc_transport_tracker_consider_search(t, rows);
}

DcStatus
dc_transport_tracker_step(DcTransportTracker *t, const DcMatrix *embeddings, uint32_t *labels)
{
  size_t rows = embeddings->rows;
  if (embeddings->cols != t->source->input_dim)
    return DC_ERROR_SHAPE;
  if (!dc_matrix_is_finite(embeddings))
    return DC_ERROR_NOT_FINITE;
  if (!rows)
    return DC_OK;
  double batches = (double)rows / t->options.batch;
  dc_transport_tracker_finish_search(t);
  read_batch(t, embeddings, labels);
  select_expert(t, batches);
  bool adapts = t->options.adaptation_rate > 0;
  bool restarted = adapts && t->options.restarts && dc_transport_tracker_restart(t, rows);
  if (restarted) /* such a map is none to remember before it has lasted */
    t->counter[NEXT_MEMORY] = t->counter[SEEN] + DC_TRANSPORT_MEMORY_INTERVAL;
  else
    update_shares(t);
  note_selection(t, rows);
  if (adapts && !restarted)
    adapt(t, rows, batches);
  t->counter[SEEN] += rows;
  if (!t->options.search_delay)
    dc_transport_tracker_finish_search(t);
  return DC_OK;
}

/* ---- looking in ---- */

const DcTransportSource *
dc_transport_tracker_source(const DcTransportTracker *tracker)
{
  return tracker->source;
}

DcStatus
dc_transport_tracker_configure(DcTransportTracker *tracker, double adaptation_rate,
                               double private_memory, DcError *error)
{
  DcStatus status = dc_transport_pace_check(adaptation_rate, private_memory, error);
  if (status)
    return status;
  tracker->options.adaptation_rate = adaptation_rate;
  tracker->options.private_memory = private_memory;
  return DC_OK;
}

DcTransportSearch *
dc_transport_tracker_search(DcTransportTracker *tracker)
{
  return tracker->counter[SEARCHING] ? tracker->search : NULL;
}

DcTransportScorer *
dc_transport_tracker_scorer(const DcTransportTracker *tracker)
{
  return dc_transport_scorer_new(tracker->source, &tracker->maps[tracker->counter[SELECTED]]);
}

const DcTransportMap *
dc_transport_tracker_expert(const DcTransportTracker *tracker, size_t expert, double *likelihood)
{
  if (likelihood)
    *likelihood = tracker->levels[expert];
  return &tracker->maps[expert];
}

DcTransportStats
dc_transport_tracker_stats(DcTransportTracker *t)
{
  const DcTransportSource *s = t->source;
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  size_t selected = t->counter[SELECTED];
  bool located = dc_transport_locate(s, &t->maps[selected], t->places, t->square, pivot);
  return (DcTransportStats){
      .selected = selected,
      .experts = t->options.experts,
      .remembered = t->counter[USED] - t->options.experts,
      .likelihood = t->levels[selected],
      .calm = dc_transport_tracker_calm(t),
      .displacement = located ? dc_transport_displacement(s, t->places, s->prototype) : 0,
      .seen = t->counter[SEEN],
      .searches = t->counter[SEARCHES],
      .jumps = t->counter[JUMPS],
      .restored = t->counter[RESTORED],
  };
}
