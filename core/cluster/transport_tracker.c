/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_tracker_private.h"

#include "base/memory.h"
#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

/* Figures of section 3 and table 4 of the method. */
#define LIKELIHOOD_MEMORY 0.8   /* gamma, per batch */
#define HYSTERESIS        0.1   /* nats per embedding by which another map must be better */
#define LOST              2.0   /* nats per embedding by which a learner is given up */
#define DAMPING           0.1   /* rho */
#define LARGEST_STEP      0.2   /* Frobenius norm of E */
#define VELOCITY_DECAY    0.99  /* per batch */
#define LEASH             1.5   /* largest private offset, in rms */
#define SHARES_MEMORY     256.0 /* embeddings over which occ forgets */
#define MEMORY_INTERVAL   2048  /* embeddings between looks whether to remember */
#define NEW_DOMAIN        0.15  /* displacement in rms from all that are known */
#define LONGEST_PAUSE     16384
#define ANCHOR            0

DcTransportOptions
dc_transport_options(void)
{
  return (DcTransportOptions){
      .experts = 4,
      .batch = 64,
      .rate = {0, 0.03, 0.1, 0.25},
      .velocity = {0, 0, 0.02, 0.02},
      .remembered = DC_TRANSPORT_MAX_REMEMBERED,
      .window = 1024,
      .restarts = true,
      .adaptation_rate = 1,
      .private_memory = 150,
  };
}

DcTransportOptions
dc_transport_options_simple(void)
{
  return (DcTransportOptions){.experts = 2,
                              .batch = 64,
                              .rate = {0, 0.1},
                              .restarts = true,
                              .adaptation_rate = 1,
                              .private_memory = 150};
}

double
dc_transport_private_memory(double half_life, size_t clusters)
{
  return half_life / ((double)clusters * 0.693147180559945309);
}

static DcStatus
check_pace(double adaptation_rate, double private_memory, DcError *error)
{
  if (!(adaptation_rate >= 0 && adaptation_rate <= 1))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "adaptation rate %g is not in 0 to 1",
                        adaptation_rate);
  if (!(private_memory > 0 && private_memory < INFINITY))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "private memory of %g own samples is not above 0",
                        private_memory);
  return DC_OK;
}

DcStatus
dc_transport_options_check(const DcTransportOptions *options, DcError *error)
{
  if (options->experts < 2 || options->experts > DC_TRANSPORT_MAX_EXPERTS)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%u experts, the anchor included, are not 2 to %d", options->experts,
                        DC_TRANSPORT_MAX_EXPERTS);
  if (!options->batch)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "rates stated for batches of 0 embeddings");
  for (size_t e = 1; e < options->experts; e++)
    if (!(options->rate[e] >= 0 && options->rate[e] <= 1 && options->velocity[e] >= 0 &&
          options->velocity[e] <= 0.1))
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "rate %g and velocity %g of expert %zu are not in 0 to 1 and 0 to 0.1",
                          options->rate[e], options->velocity[e], e);
  if (options->remembered > DC_TRANSPORT_MAX_REMEMBERED)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%u remembered domains are more than %d",
                        options->remembered, DC_TRANSPORT_MAX_REMEMBERED);
  if (options->window == 1 || options->window > 1u << 20 || options->search_delay > options->window)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a window of %zu embeddings used after %zu: 0, or 2 to %u, and used no "
                        "later than after another window",
                        options->window, options->search_delay, 1u << 20);
  return check_pace(options->adaptation_rate, options->private_memory, error);
}

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

/* ---- experts ---- */

static void
still(DcTransportTracker *t, size_t expert)
{
  size_t d = t->source->dim;
  memset(t->turns + expert * d * d, 0, d * d * sizeof(double));
  memset(t->drifts + expert * d, 0, d * sizeof(double));
}

static void
put_to_anchor(DcTransportTracker *t, size_t expert)
{
  dc_transport_map_copy(t->source, &t->source->anchor, &t->maps[expert]);
  still(t, expert);
}

void
dc_transport_tracker_reset(DcTransportTracker *t)
{
  const DcTransportSource *s = t->source;
  memset(t->counter, 0, sizeof t->counter);
  t->counter[USED] = t->options.experts;
  t->counter[BACKOFF] = t->options.window;
  t->counter[NEXT_MEMORY] = MEMORY_INTERVAL;
  for (size_t slot = 0; slot < t->slots; slot++)
    dc_transport_map_copy(s, &s->anchor, &t->maps[slot]);
  for (size_t e = 0; e < t->options.experts; e++)
    still(t, e);
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

static bool
is_learner(const DcTransportTracker *t, size_t slot)
{
  return slot != ANCHOR && slot < t->options.experts;
}

/* `expert` starts again where `from` is. */
static void
clone(DcTransportTracker *t, size_t expert, size_t from)
{
  size_t d = t->source->dim;
  dc_transport_map_copy(t->source, &t->maps[from], &t->maps[expert]);
  t->levels[expert] = t->levels[from] - HYSTERESIS;
  if (from >= t->options.experts) {
    still(t, expert);
    return;
  }
  memcpy(t->turns + expert * d * d, t->turns + from * d * d, d * d * sizeof(double));
  memcpy(t->drifts + expert * d, t->drifts + from * d, d * sizeof(double));
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
    if (is_learner(t, e) && t->options.adaptation_rate > 0)
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
  if (t->levels[best] > t->levels[t->counter[SELECTED]] + HYSTERESIS)
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

/* ---- learning ---- */

/* Moves the private offset of each cluster by the evidence that it received itself; calm holds them
 * back while a cluster's members are strays of the one that fills the stream. */
static void
learn_offsets(DcTransportTracker *t, size_t expert)
{
  const DcTransportSource *s = t->source;
  size_t d = s->dim;
  double *offset = t->maps[expert].offset, calmness = dc_transport_tracker_calm(t);
  double leash = LEASH * s->figure[DC_TRANSPORT_RMS];
  for (size_t k = 0; k < s->clusters; k++) {
    double own = 1 - exp(-t->evidence[expert].mass[k] / t->options.private_memory);
    double gain = t->options.adaptation_rate * calmness * calmness * own;
    for (size_t i = 0; i < d; i++)
      offset[k * d + i] += gain * t->residual[k * d + i];
    double length = dc_linear_norm(offset + k * d, d);
    for (size_t i = 0; length > leash && i < d; i++)
      offset[k * d + i] *= leash / length;
  }
}

static void
scale(double *numbers, size_t count, double factor)
{
  for (size_t i = 0; i < count; i++)
    numbers[i] *= factor;
}

/* The bounded step of the rate, without velocity. */
static void
find_step(DcTransportTracker *t, size_t expert, double batches)
{
  const DcTransportSource *s = t->source;
  size_t d = s->dim;
  dc_transport_moments(s, &t->evidence[expert], t->moment, t->gradient);
  dc_transport_newton(s, t->moment, t->gradient, DAMPING, t->step_matrix, t->step_shift);
  double rate = t->options.rate[expert] * t->options.adaptation_rate;
  rate = 1 - pow(1 - rate, batches);
  double length = rate * dc_linear_norm(t->step_matrix, d * d);
  double bound = length > LARGEST_STEP ? LARGEST_STEP / length : 1;
  scale(t->step_matrix, d * d, rate * bound);
  scale(t->step_shift, d, rate * bound);
}

/* velocity <- decay velocity + share step; the step gains the velocity of its `batches`. */
static void
add_velocity(double *velocity, double *step, size_t count, double share, double batches)
{
  double decay = pow(VELOCITY_DECAY, batches);
  for (size_t i = 0; i < count; i++) {
    velocity[i] = decay * velocity[i] + share * step[i];
    step[i] += batches * velocity[i];
  }
}

static void
learn_map(DcTransportTracker *t, size_t expert, double batches)
{
  size_t d = t->source->dim;
  double share = t->options.velocity[expert];
  find_step(t, expert, batches);
  if (share > 0) {
    add_velocity(t->turns + expert * d * d, t->step_matrix, d * d, share, batches);
    add_velocity(t->drifts + expert * d, t->step_shift, d, share, batches);
  }
  dc_transport_map_step(t->source, t->step_matrix, t->step_shift, t->square, &t->maps[expert]);
}

static void
learn(DcTransportTracker *t, size_t expert, double batches)
{
  /* Offsets and map learn from the same evidence, which was read before either moves. */
  dc_transport_residuals(t->source, &t->maps[expert], &t->evidence[expert], t->residual);
  learn_offsets(t, expert);
  learn_map(t, expert, batches);
  size_t best = t->counter[SELECTED];
  if (t->levels[expert] < t->levels[best] - LOST)
    clone(t, expert, best);
  if (!dc_transport_tracker_derive(t, expert)) {
    put_to_anchor(t, expert);
    t->levels[expert] = t->levels[ANCHOR];
    t->counter[RESTORED]++;
  }
}

/* ---- remembering ---- */

static bool
is_new_domain(DcTransportTracker *t)
{
  const DcTransportSource *s = t->source;
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  if (!dc_transport_locate(s, &t->maps[t->counter[SELECTED]], t->places, t->square, pivot))
    return false;
  for (size_t e = 0; e < t->counter[USED]; e++)
    if (!is_learner(t, e) && dc_transport_locate(s, &t->maps[e], t->others, t->square, pivot) &&
        dc_transport_displacement(s, t->places, t->others) <= NEW_DOMAIN)
      return false;
  return true;
}

/* A free slot, or that of the domain selected longest ago. */
static size_t
slot_to_remember_in(DcTransportTracker *t)
{
  if (t->counter[USED] < t->slots)
    return t->counter[USED]++;
  size_t oldest = t->options.experts;
  for (size_t e = oldest + 1; e < t->slots; e++)
    if (t->chosen[e] < t->chosen[oldest])
      oldest = e;
  return oldest;
}

static void
remember(DcTransportTracker *t)
{
  if (t->counter[SEEN] < t->counter[NEXT_MEMORY])
    return;
  t->counter[NEXT_MEMORY] = (t->counter[SEEN] / MEMORY_INTERVAL + 1) * MEMORY_INTERVAL;
  size_t best = t->counter[SELECTED];
  if (!t->options.remembered || !is_learner(t, best) || !is_new_domain(t))
    return;
  size_t slot = slot_to_remember_in(t);
  dc_transport_map_copy(t->source, &t->maps[best], &t->maps[slot]);
  t->levels[slot] = t->levels[best] - 1;
  t->chosen[slot] = (double)t->counter[SEEN];
}

/* ---- starting anew after a jump ---- */

static void
copy_window(const DcTransportTracker *t, double *target)
{
  size_t d = t->source->dim, window = t->options.window, next = t->counter[WINDOW_NEXT];
  memcpy(target, t->window + next * d, (window - next) * d * sizeof(double));
  memcpy(target + (window - next) * d, t->window, next * d * sizeof(double));
}

void
dc_transport_tracker_jump_to(DcTransportTracker *t, const double *matrix, const double *shift)
{
  const DcTransportSource *s = t->source;
  double level = t->levels[t->counter[SELECTED]] + 2 * HYSTERESIS;
  for (size_t e = 1; e < t->options.experts; e++) {
    DcTransportMap *map = &t->maps[e];
    memcpy(map->matrix, matrix, s->dim * s->dim * sizeof(double));
    memcpy(map->shift, shift, s->dim * sizeof(double));
    memset(map->offset, 0, s->clusters * s->dim * sizeof(double));
    if (!dc_transport_tracker_derive(t, e))
      put_to_anchor(t, e);
    t->levels[e] = level;
  }
  t->counter[SELECTED] = t->options.experts > 2 ? t->options.experts - 2 : 1;
}

/* Uses the map that the search found, if it found one. */
static void
jump(DcTransportTracker *t)
{
  const double *matrix, *shift;
  dc_transport_search_run(t->search);
  t->counter[SEARCHING] = 0;
  if (!dc_transport_search_result(t->search, &matrix, &shift))
    return;
  dc_transport_tracker_jump_to(t, matrix, shift);
  t->counter[JUMPS]++;
}

static void
begin_search(DcTransportTracker *t)
{
  const DcTransportMap *map = &t->maps[t->counter[SELECTED]];
  t->counter[PAUSE] = t->counter[BACKOFF];
  t->counter[BACKOFF] =
      t->counter[BACKOFF] * 2 < LONGEST_PAUSE ? t->counter[BACKOFF] * 2 : LONGEST_PAUSE;
  t->counter[SEARCHES]++;
  t->counter[SEARCHING] = 1;
  t->counter[SEARCH_DUE] = t->counter[SEEN] + t->options.search_delay;
  copy_window(t, dc_transport_search_begin(t->search, map->matrix, map->shift));
}

/* Uses the result of a search whose time has come. A stream that meanwhile came back to the source
 * has no need of it. */
static void
finish_search(DcTransportTracker *t)
{
  if (!t->counter[SEARCHING] || t->counter[SEEN] < t->counter[SEARCH_DUE])
    return;
  if (t->counter[AWAY] >= t->options.window)
    jump(t);
  else
    dc_transport_search_run(t->search);
  t->counter[SEARCHING] = 0;
}

static void
consider_search(DcTransportTracker *t, size_t rows)
{
  t->counter[PAUSE] -= t->counter[PAUSE] < rows ? t->counter[PAUSE] : rows;
  if (t->options.window && t->counter[AWAY] >= t->options.window && !t->counter[PAUSE] &&
      !t->counter[SEARCHING])
    begin_search(t);
}

static void
note_selection(DcTransportTracker *t, size_t rows)
{
  size_t best = t->counter[SELECTED];
  t->chosen[best] = (double)t->counter[SEEN];
  if (best == ANCHOR) {
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
    learn(t, e, batches);
  remember(t);
  consider_search(t, rows);
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
  finish_search(t);
  read_batch(t, embeddings, labels);
  select_expert(t, batches);
  bool adapts = t->options.adaptation_rate > 0;
  bool restarted = adapts && t->options.restarts && dc_transport_tracker_restart(t, rows);
  if (restarted) /* such a map is none to remember before it has lasted */
    t->counter[NEXT_MEMORY] = t->counter[SEEN] + MEMORY_INTERVAL;
  else
    update_shares(t);
  note_selection(t, rows);
  if (adapts && !restarted)
    adapt(t, rows, batches);
  t->counter[SEEN] += rows;
  if (!t->options.search_delay)
    finish_search(t);
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
  DcStatus status = check_pace(adaptation_rate, private_memory, error);
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
