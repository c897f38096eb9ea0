/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/scc.h"

#include "base/checked.h"
#include "base/memory.h"
#include "tensor/rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define MAX_POINTS 65536
/* A round with the largest threshold at least halves the groups: 16 of them leave one of 65536. */
#define MAX_LEVELS (DC_SCC_THRESHOLDS + 17)

/* The groups of the round: a matrix of their distances that shrinks as they join. */
typedef struct {
  size_t count;      /* groups now */
  size_t stride;     /* of the matrix: the number of points */
  float *distance;   /* squared */
  double *size;      /* points of each group */
  uint32_t *parent;  /* scratch: forest of the groups that join */
  uint32_t *renamed; /* scratch: from the groups of a round to those of the next */
} Groups;

static float *
row_of(const Groups *groups, size_t group)
{
  return groups->distance + group * groups->stride;
}

static void
clear_groups(Groups *groups)
{
  dc_free(groups->distance);
  dc_free(groups->size);
  dc_free(groups->parent);
  dc_free(groups->renamed);
}

static DcStatus
make_groups(const DcMatrix *points, Groups *groups, DcError *error)
{
  size_t n = points->rows, numbers = 0;
  bool fits = dc_checked_mul(n, n, &numbers);
  *groups = (Groups){.count = n, .stride = n};
  groups->distance = fits ? DC_NEW(float, numbers) : NULL;
  groups->size = DC_NEW(double, n);
  groups->parent = DC_NEW(uint32_t, n);
  groups->renamed = DC_NEW(uint32_t, n);
  if (!groups->distance || !groups->size || !groups->parent || !groups->renamed)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for the distances of %zu points",
                        n);
  for (size_t i = 0; i < n; i++) {
    DcMatrix own = dc_matrix_rows(points, i, 1);
    dc_squared_distances(points, &own, NULL, row_of(groups, i));
    groups->size[i] = 1;
  }
  return DC_OK;
}

/* The smallest positive and the largest distance; both 0 when all points are one. */
static bool
find_range(const Groups *groups, double *least, double *most)
{
  *least = INFINITY;
  *most = 0;
  for (size_t i = 0; i < groups->count; i++)
    for (size_t j = 0; j < groups->count; j++) {
      double distance = (double)row_of(groups, i)[j];
      if (!isfinite(distance))
        return false;
      *most = fmax(*most, distance);
      if (distance > 0)
        *least = fmin(*least, distance);
    }
  *least = fmin(*least, *most);
  return true;
}

static uint32_t
root_of(uint32_t *parent, uint32_t group)
{
  while (parent[group] != group) {
    parent[group] = parent[parent[group]];
    group = parent[group];
  }
  return group;
}

/* Ties go to the smaller index; a single group has itself. */
static size_t
nearest_to(const Groups *groups, size_t group)
{
  const float *distance = row_of(groups, group);
  size_t nearest = group == 0 && groups->count > 1 ? 1 : 0;
  for (size_t j = nearest + 1; j < groups->count; j++)
    if (j != group && distance[j] < distance[nearest])
      nearest = j;
  return nearest;
}

/* Connects each group with its nearest one; the root of a tree is its smallest index. True when any
 * two groups join. */
static bool
connect(Groups *groups, double threshold)
{
  bool joined = false;
  for (uint32_t i = 0; i < groups->count; i++)
    groups->parent[i] = i;
  for (uint32_t i = 0; i < groups->count; i++) {
    size_t nearest = nearest_to(groups, i);
    if (nearest == i || (double)row_of(groups, i)[nearest] > threshold)
      continue;
    uint32_t a = root_of(groups->parent, i), b = root_of(groups->parent, (uint32_t)nearest);
    groups->parent[a > b ? a : b] = a > b ? b : a;
    joined |= a != b;
  }
  return joined;
}

/* Row `from` is added to row `to` in the mean over the points of both; the same for columns. */
static void
join(Groups *groups, size_t to, size_t from)
{
  double a = groups->size[to], b = groups->size[from];
  for (size_t j = 0; j < groups->count; j++) {
    if (j == to || j == from)
      continue;
    double mean =
        (a * (double)row_of(groups, to)[j] + b * (double)row_of(groups, from)[j]) / (a + b);
    row_of(groups, to)[j] = row_of(groups, j)[to] = (float)mean;
  }
  groups->size[to] = a + b;
}

/* Moves what is left together, in order. */
static void
close_gaps(Groups *groups)
{
  size_t kept = 0;
  for (size_t i = 0; i < groups->count; i++)
    if (groups->parent[i] == i)
      groups->renamed[i] = (uint32_t)kept++;
  for (size_t i = 0; i < groups->count; i++) {
    if (groups->parent[i] != i)
      continue;
    for (size_t j = 0; j < groups->count; j++)
      if (groups->parent[j] == j)
        row_of(groups, groups->renamed[i])[groups->renamed[j]] = row_of(groups, i)[j];
    groups->size[groups->renamed[i]] = groups->size[i];
  }
  for (size_t i = 0; i < groups->count; i++)
    groups->renamed[i] = groups->renamed[groups->parent[i]];
  groups->count = kept;
}

/* Joins what connect() connected; groups->renamed tells what became of each. */
static void
contract(Groups *groups)
{
  for (uint32_t i = 0; i < groups->count; i++) {
    groups->parent[i] = root_of(groups->parent, i);
    if (groups->parent[i] != i)
      join(groups, groups->parent[i], i);
  }
  close_gaps(groups);
}

static void
record(DcScc *scc, const Groups *groups)
{
  size_t n = scc->points, level = scc->levels++;
  for (size_t i = 0; i < n; i++)
    scc->group[level * n + i] =
        level ? groups->renamed[scc->group[(level - 1) * n + i]] : (uint32_t)i;
  scc->groups[level] = groups->count;
}

static void
run_rounds(Groups *groups, double least, double most, DcScc *scc)
{
  record(scc, groups);
  for (size_t round = 0; groups->count > 1; round++) {
    /* The last one is above every mean of distances, whatever rounding makes of it. */
    double threshold = round + 1 < DC_SCC_THRESHOLDS
                           ? least * pow(most / fmax(least, DBL_MIN),
                                         (double)round / (double)(DC_SCC_THRESHOLDS - 1))
                           : INFINITY;
    if (!connect(groups, threshold))
      continue;
    contract(groups);
    record(scc, groups);
  }
}

DcStatus
dc_scc(const DcMatrix *points, DcScc *scc, DcError *error)
{
  size_t n = points->rows;
  *scc = (DcScc){.points = n};
  if (n < 1 || n > MAX_POINTS)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%zu points; a hierarchy has 1 to %d", n,
                        MAX_POINTS);
  scc->groups = DC_NEW(size_t, MAX_LEVELS);
  scc->group = DC_NEW(uint32_t, MAX_LEVELS * n);
  Groups groups;
  DcStatus status = make_groups(points, &groups, error);
  if (status == DC_OK && (!scc->groups || !scc->group))
    status =
        dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a hierarchy of %zu points", n);
  double least, most;
  if (status == DC_OK && !find_range(&groups, &least, &most))
    status =
        dc_error_set(error, DC_ERROR_NOT_FINITE, "the distances of the points are not all numbers");
  if (status == DC_OK)
    run_rounds(&groups, least, most, scc);
  else
    dc_scc_clear(scc);
  clear_groups(&groups);
  return status;
}

void
dc_scc_clear(DcScc *scc)
{
  dc_free(scc->groups);
  dc_free(scc->group);
  *scc = (DcScc){0};
}

size_t
dc_scc_level(const DcScc *scc, size_t wanted)
{
  size_t best = 0;
  for (size_t level = 1; level < scc->levels; level++) {
    size_t at = scc->groups[level], now = scc->groups[best];
    size_t off = at > wanted ? at - wanted : wanted - at;
    size_t off_now = now > wanted ? now - wanted : wanted - now;
    if (off < off_now)
      best = level;
  }
  return best;
}
