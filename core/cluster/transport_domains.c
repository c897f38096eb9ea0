/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_tracker_private.h"

#include <string.h>

/* Domains beyond the source: those that a map has reached are remembered, and after a jump the map
 * of a new one is searched in the last embeddings. */

#define NEW_DOMAIN    0.15 /* displacement in rms from all that are known */
#define LONGEST_PAUSE 16384

/* ---- remembering ---- */

static bool
is_new_domain(DcTransportTracker *t)
{
  const DcTransportSource *s = t->source;
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  if (!dc_transport_locate(s, &t->maps[t->counter[SELECTED]], t->places, t->square, pivot))
    return false;
  for (size_t e = 0; e < t->counter[USED]; e++)
    if (!dc_transport_is_learner(t, e) &&
        dc_transport_locate(s, &t->maps[e], t->others, t->square, pivot) &&
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

void
dc_transport_tracker_remember(DcTransportTracker *t)
{
  if (t->counter[SEEN] < t->counter[NEXT_MEMORY])
    return;
  t->counter[NEXT_MEMORY] =
      (t->counter[SEEN] / DC_TRANSPORT_MEMORY_INTERVAL + 1) * DC_TRANSPORT_MEMORY_INTERVAL;
  size_t best = t->counter[SELECTED];
  if (!t->options.remembered || !dc_transport_is_learner(t, best) || !is_new_domain(t))
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
  double level = t->levels[t->counter[SELECTED]] + 2 * DC_TRANSPORT_HYSTERESIS;
  for (size_t e = 1; e < t->options.experts; e++) {
    DcTransportMap *map = &t->maps[e];
    memcpy(map->matrix, matrix, s->dim * s->dim * sizeof(double));
    memcpy(map->shift, shift, s->dim * sizeof(double));
    memset(map->offset, 0, s->clusters * s->dim * sizeof(double));
    if (!dc_transport_tracker_derive(t, e))
      dc_transport_tracker_put_to_anchor(t, e);
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

void
dc_transport_tracker_finish_search(DcTransportTracker *t)
{
  if (!t->counter[SEARCHING] || t->counter[SEEN] < t->counter[SEARCH_DUE])
    return;
  if (t->counter[AWAY] >= t->options.window)
    jump(t);
  else
    dc_transport_search_run(t->search);
  t->counter[SEARCHING] = 0;
}

void
dc_transport_tracker_consider_search(DcTransportTracker *t, size_t rows)
{
  t->counter[PAUSE] -= t->counter[PAUSE] < rows ? t->counter[PAUSE] : rows;
  if (t->options.window && t->counter[AWAY] >= t->options.window && !t->counter[PAUSE] &&
      !t->counter[SEARCHING])
    begin_search(t);
}
