/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/seeding.h"

#include "tensor/rows.h"

/* A sample drawn with a probability proportional to its weight, times distances[i] unless NULL. */
static size_t
draw(const float *weights, const float *distances, size_t count, DcRandom *random)
{
  double total = 0;
  for (size_t i = 0; i < count; i++)
    total += dc_sample_weight(weights, i) * (distances ? distances[i] : 1);
  double target = dc_random_uniform(random) * total, sum = 0;
  size_t last = count; /* what rounding at the upper end, or a total of 0, falls back to */
  for (size_t i = 0; i < count; i++) {
    double share = dc_sample_weight(weights, i) * (distances ? distances[i] : 1);
    if (share > 0)
      last = i;
    sum += share;
    if (share > 0 && sum > target)
      break;
  }
  return last;
}

/* Fills `distances` with those to the sample that is drawn. */
static size_t
draw_candidate(const DcSeeding *seeding, DcRandom *random, bool first, float *distances)
{
  const DcMatrix *samples = seeding->samples;
  size_t chosen = draw(seeding->weights, first ? NULL : seeding->nearest, samples->rows, random);
  if (chosen == samples->rows) /* every sample is a seed already */
    chosen = draw(seeding->weights, NULL, samples->rows, random);
  DcMatrix candidate = dc_matrix_rows(samples, chosen, 1);
  dc_squared_distances(samples, &candidate, NULL, distances);
  return chosen;
}

/* What the sum of squared distances to the nearest seed would be with a candidate. */
static double
sum_with(const DcSeeding *seeding, const float *distances)
{
  double sum = 0;
  for (size_t i = 0; i < seeding->samples->rows; i++) {
    float least = seeding->nearest[i] < distances[i] ? seeding->nearest[i] : distances[i];
    sum += dc_sample_weight(seeding->weights, i) * (double)least;
  }
  return sum;
}

/* The best of the candidates; its distances end in `newest`. */
static size_t
draw_best(DcSeeding *seeding, DcRandom *random)
{
  size_t chosen = draw_candidate(seeding, random, false, seeding->newest);
  if (seeding->candidates == 1)
    return chosen;
  double least = sum_with(seeding, seeding->newest);
  for (size_t i = 1; i < seeding->candidates; i++) {
    size_t candidate = draw_candidate(seeding, random, false, seeding->other);
    double sum = sum_with(seeding, seeding->other);
    if (sum < least) {
      float *better = seeding->other;
      seeding->other = seeding->newest;
      seeding->newest = better;
      chosen = candidate;
      least = sum;
    }
  }
  return chosen;
}

size_t
dc_seeding_next(DcSeeding *seeding, DcRandom *random, bool first)
{
  size_t chosen =
      first ? draw_candidate(seeding, random, true, seeding->newest) : draw_best(seeding, random);
  float *nearest = seeding->nearest;
  const float *newest = seeding->newest;
  for (size_t i = 0; i < seeding->samples->rows; i++)
    nearest[i] = !first && nearest[i] < newest[i] ? nearest[i] : newest[i];
  return chosen;
}
