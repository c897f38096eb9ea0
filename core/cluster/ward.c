/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/ward.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

typedef struct {
  size_t count;
  double *cost;      /* of merging two groups: count x count, symmetric */
  double *weight;    /* 0: merged into another */
  uint32_t *nearest; /* the group behind this one whose merging costs least */
  uint32_t *merged;  /* into which group a point went */
} Merging;

static double *
cost_at(const Merging *merging, size_t i, size_t j)
{
  return merging->cost + i * merging->count + j;
}

static void
find_nearest(Merging *merging, size_t i)
{
  double least = INFINITY;
  merging->nearest[i] = (uint32_t)i;
  for (size_t j = i + 1; j < merging->count; j++)
    if (merging->weight[j] > 0 && *cost_at(merging, i, j) < least) {
      least = *cost_at(merging, i, j);
      merging->nearest[i] = (uint32_t)j;
    }
}

static void
begin(Merging *merging, const double *square, const double *weights)
{
  memcpy(merging->weight, weights, merging->count * sizeof *weights);
  for (size_t i = 0; i < merging->count; i++) {
    merging->merged[i] = (uint32_t)i;
    for (size_t j = 0; j < i; j++)
      *cost_at(merging, i, j) = *cost_at(merging, j, i) =
          square[i * merging->count + j] * weights[i] * weights[j] / (weights[i] + weights[j]);
  }
  for (size_t i = 0; i < merging->count; i++)
    find_nearest(merging, i);
}

/* The group whose nearest one costs least; no group has one when a single group is left. */
static size_t
cheapest(const Merging *merging)
{
  size_t best = 0;
  double least = INFINITY;
  for (size_t i = 0; i < merging->count; i++) {
    if (!(merging->weight[i] > 0) || merging->nearest[i] == i)
      continue;
    double cost = *cost_at(merging, i, merging->nearest[i]);
    if (cost < least) {
      least = cost;
      best = i;
    }
  }
  return best;
}

static void
update_costs(Merging *merging, size_t kept, size_t gone)
{
  double a = merging->weight[kept], b = merging->weight[gone];
  double between = *cost_at(merging, kept, gone);
  for (size_t k = 0; k < merging->count; k++) {
    double c = merging->weight[k];
    if (k == kept || k == gone || !(c > 0))
      continue;
    double cost = ((a + c) * *cost_at(merging, kept, k) + (b + c) * *cost_at(merging, gone, k) -
                   c * between) /
                  (a + b + c);
    *cost_at(merging, kept, k) = *cost_at(merging, k, kept) = cost;
  }
}

static void
merge(Merging *merging, size_t kept, size_t gone)
{
  update_costs(merging, kept, gone);
  merging->weight[kept] += merging->weight[gone];
  merging->weight[gone] = 0;
  merging->merged[gone] = (uint32_t)kept;
  find_nearest(merging, kept);
  for (size_t i = 0; i < gone; i++) {
    if (i == kept || !(merging->weight[i] > 0))
      continue;
    uint32_t nearest = merging->nearest[i];
    if (nearest == gone || nearest == kept)
      find_nearest(merging, i);
    else if (i < kept && *cost_at(merging, i, kept) < *cost_at(merging, i, nearest))
      merging->nearest[i] = (uint32_t)kept;
  }
}

/* A point went into a group of a smaller number, so one pass in order finds all. */
static void
number_groups(const Merging *merging, uint32_t *group)
{
  uint32_t count = 0;
  for (size_t i = 0; i < merging->count; i++)
    group[i] = merging->merged[i] == i ? count++ : group[merging->merged[i]];
}

DcStatus
dc_ward(const double *square, const double *weights, size_t count, size_t groups, uint32_t *group)
{
  Merging merging = {.count = count,
                     .cost = DC_NEW(double, count *count),
                     .weight = DC_NEW(double, count),
                     .nearest = DC_NEW(uint32_t, count),
                     .merged = DC_NEW(uint32_t, count)};
  bool well = merging.cost && merging.weight && merging.nearest && merging.merged;
  if (well) {
    begin(&merging, square, weights);
    for (size_t left = count; left > groups && left > 1; left--) {
      size_t kept = cheapest(&merging);
      merge(&merging, kept, merging.nearest[kept]);
    }
    number_groups(&merging, group);
  }
  dc_free(merging.cost);
  dc_free(merging.weight);
  dc_free(merging.nearest);
  dc_free(merging.merged);
  return well ? DC_OK : DC_ERROR_MEMORY;
}
