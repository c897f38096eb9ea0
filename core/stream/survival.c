/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/survival.h"

#include <math.h>
#include <stdlib.h>

#define TAIL_SHARE 0.1f
#define LAST       (DC_SURVIVAL_STEPS - 1)
/* Where the outermost members lie at one distance, they still have some width. */
#define LEAST_WIDTH 1e-3f

static float
share_of(size_t entry)
{
  return 1 - (1 - TAIL_SHARE) * (float)entry / LAST;
}

static int
by_distance(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* The distance at which `share` is left: member i of n sorted ones stands for the share that is
 * left in the middle of its step, 1 - (i + 1/2) / n; between members it is interpolated. */
static float
distance_at(const float *sorted, size_t n, float share)
{
  double place = (1 - (double)share) * (double)n - 0.5;
  if (place <= 0)
    return sorted[0];
  size_t below = (size_t)place;
  if (below + 1 >= n)
    return sorted[n - 1];
  return sorted[below] + (float)(place - (double)below) * (sorted[below + 1] - sorted[below]);
}

static float
mean_excess(const float *sorted, size_t n, float start)
{
  double sum = 0;
  size_t beyond = 0;
  for (; beyond < n && sorted[n - 1 - beyond] > start; beyond++)
    sum += (double)sorted[n - 1 - beyond] - (double)start;
  return beyond ? (float)(sum / (double)beyond) : 0;
}

void
dc_survival_measure(DcSurvival *survival, float *distances, size_t n)
{
  *survival = (DcSurvival){0};
  if (n == 0)
    return;
  qsort(distances, n, sizeof *distances, by_distance);
  for (size_t i = 0; i < DC_SURVIVAL_STEPS; i++)
    survival->distance[i] = distance_at(distances, n, share_of(i));
  float start = survival->distance[LAST];
  survival->tail_mean = fmaxf(mean_excess(distances, n, start), LEAST_WIDTH * start);
}

/* The last entry before LAST that is not beyond `distance`, given that entry 0 is not. */
static size_t
entry_below(const DcSurvival *survival, float distance)
{
  size_t low = 0, high = LAST;
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    *(survival->distance[middle] <= distance ? &low : &high) = middle;
  }
  return low;
}

float
dc_survival_at(const DcSurvival *survival, float distance)
{
  if (!(survival->tail_mean > 0) || distance <= survival->distance[0])
    return 1;
  float start = survival->distance[LAST];
  if (distance >= start)
    return TAIL_SHARE * expf((start - distance) / survival->tail_mean);
  size_t entry = entry_below(survival, distance);
  float low = survival->distance[entry], width = survival->distance[entry + 1] - low;
  return share_of(entry) + (distance - low) / width * (share_of(entry + 1) - share_of(entry));
}
