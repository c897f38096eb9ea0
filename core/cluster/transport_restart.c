/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_tracker_private.h"

#include <math.h>
#include <string.h>

/* An embedding is lost when its likelihood is so many standard deviations below the mean of the
 * source; a jump loses at least this share of a batch to every map, other than a burst, a turn, or
 * a batch that lies across the way back to a known domain. */
#define MISFIT     3.0
#define LEAST_LOST 0.6
/* Nats per embedding by which the new start must be better than the best map there is. */
#define MARGIN 2.0
/* The mean of a batch says where the stream went only if the batch holds the usual mix, and enough
 * of it. */
#define CALM_ENOUGH  0.75
#define LEAST_SAMPLE 32
/* Calm of that batch under the new start. */
#define LIKE_THE_MIX 0.6
/* Widest change of the spread of the stream by a jump. */
#define LARGEST_STRETCH 3.0

/* Mean likelihood of the last `rows` embeddings that were read, under `map`; and the share of them
 * that is lost. */
static double
weigh(DcTransportTracker *t, const DcTransportMap *map, size_t rows, double *lost)
{
  const double *figure = t->source->figure;
  double least = figure[DC_TRANSPORT_LIKELIHOOD] - MISFIT * figure[DC_TRANSPORT_DEVIATION], sum = 0;
  *lost = 0;
  dc_transport_score(t->source, map, t->work.stream, rows, &t->work);
  for (size_t i = 0; i < rows; i++) {
    sum += dc_transport_bounded(t->source, t->work.likelihood[i]);
    *lost += (t->work.likelihood[i] >= least ? 0 : 1.0) / (double)rows;
  }
  return sum / (double)rows;
}

/* Whether every map loses the last `rows` embeddings; then what the best one makes of them. */
static bool
are_lost(DcTransportTracker *t, size_t rows, double *best)
{
  *best = -INFINITY;
  for (size_t e = 0; e < t->counter[USED]; e++) {
    double lost, likelihood = weigh(t, &t->maps[e], rows, &lost);
    if (lost < LEAST_LOST)
      return false;
    *best = fmax(*best, likelihood);
  }
  return true;
}

/* Mean of the last `rows` embeddings that were read: dim numbers. */
static void
find_mean(const DcTransportTracker *t, size_t rows, double *mean)
{
  size_t d = t->source->dim;
  memset(mean, 0, d * sizeof *mean);
  for (size_t n = 0; n < rows; n++)
    for (size_t i = 0; i < d; i++)
      mean[i] += t->work.stream[n * d + i] / (double)rows;
}

/* B (z - mean): dim numbers. */
static void
map_centred(const DcTransportTracker *t, const double *z, const double *mean, double *mapped)
{
  size_t d = t->source->dim;
  for (size_t i = 0; i < d; i++) {
    mapped[i] = 0;
    for (size_t j = 0; j < d; j++)
      mapped[i] += t->trial.matrix[i * d + j] * (z[j] - mean[j]);
  }
}

/* By how much the trial has to widen the last `rows` embeddings, for them to spread as the source
 * does. */
static double
find_stretch(const DcTransportTracker *t, size_t rows, const double *mean)
{
  size_t d = t->source->dim;
  double spread = 0, wanted = 0, mapped[DC_TRANSPORT_MAX_DIM];
  for (size_t n = 0; n < rows; n++) {
    map_centred(t, t->work.stream + n * d, mean, mapped);
    for (size_t i = 0; i < d; i++)
      spread += mapped[i] * mapped[i] / (double)rows;
  }
  for (size_t i = 0; i < d; i++)
    wanted += t->source->variance[i];
  return sqrt(wanted / fmax(spread, 1e-300));
}

/* The selected map without private offsets, so that mean and spread of the last `rows` embeddings
 * come to those of the source, as they are (`sign` 1) or mirrored (-1). False where they spread so
 * otherwise that they are no mix of its clusters. */
static bool
align_trial(DcTransportTracker *t, size_t rows, double sign)
{
  const DcTransportSource *s = t->source;
  size_t d = s->dim;
  double mean[DC_TRANSPORT_MAX_DIM], zero[DC_TRANSPORT_MAX_DIM] = {0};
  dc_transport_map_copy(s, &t->maps[t->counter[SELECTED]], &t->trial);
  memset(t->trial.offset, 0, s->clusters * d * sizeof(double));
  find_mean(t, rows, mean);
  double stretch = find_stretch(t, rows, mean);
  if (!(stretch <= LARGEST_STRETCH && stretch >= 1 / LARGEST_STRETCH))
    return false;
  for (size_t i = 0; i < d * d; i++)
    t->trial.matrix[i] *= sign * stretch;
  t->trial.log_det += (double)d * log(stretch);
  map_centred(t, zero, mean, t->trial.shift); /* the mean of the source is 0 */
  dc_transport_map_derive(s, &t->trial);
  return true;
}

/* Whether what was weighed last shows the clusters in shares like those of the source. A burst of
 * an unknown thing, widened until it covers them all, does not. */
static bool
shows_the_mix(const DcTransportTracker *t, size_t rows)
{
  double distance = 0;
  for (size_t k = 0; k < t->source->clusters; k++) {
    double share = 0;
    for (size_t n = 0; n < rows; n++)
      share += t->work.posterior[n * t->source->clusters + k] / (double)rows;
    distance += fabs(share - t->source->occupancy[k]);
  }
  return 1 - distance / 2 >= LIKE_THE_MIX;
}

/* Likelihood of the last `rows` embeddings under the trial; -infinity without one that will do. */
static double
try_aligned(DcTransportTracker *t, size_t rows, double sign)
{
  double lost, likelihood;
  if (!align_trial(t, rows, sign))
    return -INFINITY;
  likelihood = weigh(t, &t->trial, rows, &lost);
  return shows_the_mix(t, rows) ? likelihood : -INFINITY;
}

bool
dc_transport_tracker_restart(DcTransportTracker *t, size_t rows)
{
  size_t sample = (rows - 1) % DC_TRANSPORT_CHUNK + 1;
  double best;
  if (sample < LEAST_SAMPLE || dc_transport_tracker_calm(t) < CALM_ENOUGH ||
      !are_lost(t, sample, &best))
    return false;
  double mirrored = try_aligned(t, sample, -1), upright = try_aligned(t, sample, 1);
  if (fmax(mirrored - MARGIN, upright) < best + MARGIN)
    return false;
  if (mirrored > upright + MARGIN)
    align_trial(t, sample, -1);
  dc_transport_tracker_jump_to(t, t->trial.matrix, t->trial.shift);
  t->counter[AWAY] = 0;
  return true;
}
