/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/regroup.h"

#include "base/memory.h"
#include "stream/adapter_private.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is counted ---- */

/* Of the members of old cluster `k`, the share that goes to its second heir. */
static double
second_share(const DcClusters *old, const DcRegrouping *plan, size_t k, size_t first_member)
{
  size_t count = dc_memory_stratum(old->memory, k).rows, second = 0;
  if (!plan->part || plan->heirs[k][0] == plan->heirs[k][1] || count == 0)
    return 0;
  for (size_t i = 0; i < count; i++)
    second += plan->part[first_member + i];
  return (double)second / (double)count;
}

static void
hand_down(const DcClusters *old, size_t k, uint32_t heir, double share, DcClusters *next)
{
  if (heir == DC_FORGOTTEN || share == 0)
    return;
  next->infos[heir].mass += share * old->infos[k].mass;
  next->evidence[heir] += share * old->evidence[k];
  next->shares[heir] += share * old->shares[k];
  if (old->history[k].seen > next->history[heir].seen)
    next->history[heir].seen = old->history[k].seen;
  if (old->seen[k] > next->seen[heir])
    next->seen[heir] = old->seen[k];
}

static void
move_counts(const DcClusters *old, const DcRegrouping *plan, DcClusters *next)
{
  size_t member = 0;
  for (size_t k = 0; k < old->count; k++) {
    double second = second_share(old, plan, k, member);
    hand_down(old, k, plan->heirs[k][0], 1 - second, next);
    hand_down(old, k, plan->heirs[k][1], second, next);
    member += dc_memory_stratum(old->memory, k).rows;
  }
}

/* ---- what they are ---- */

/* A cluster that goes on as `from`, but for what is counted. */
static void
move_cluster(const DcClusters *old, size_t from, DcClusters *next, size_t k)
{
  size_t bytes = old->dim * sizeof(float);
  double mass = next->infos[k].mass;
  next->infos[k] = old->infos[from];
  next->infos[k].mass = mass;
  next->survival[k] = old->survival[from];
  next->history[k].born = old->history[from].born;
  memcpy(next->reference + k * old->dim, old->reference + from * old->dim, bytes);
  next->reach[k] = old->reach[from];
  memcpy(next->pins + k * old->dim, old->pins + from * old->dim, bytes);
}

/* What was found of a cluster still holds of one that is as it was. */
static void
move_looks(const DcClusterHistory *old, DcClusterHistory *next)
{
  next->fresh = old->fresh;
  next->one = old->one;
  next->two = old->two;
}

static void
make_cluster(DcAdapter *adapter, DcClusters *next, size_t k)
{
  dc_cluster_make(&next->infos[k], adapter->next_number++, &adapter->random);
  next->history[k].born = next->history[k].seen = adapter->open_world.received;
  memcpy(next->reference + k * next->dim, next->centroids + k * next->dim,
         next->dim * sizeof(float));
}

static void
move_identities(DcAdapter *adapter, const DcRegrouping *plan, DcClusters *next)
{
  memcpy(next->centroids, plan->centroids, next->count * next->dim * sizeof(float));
  for (size_t k = 0; k < next->count; k++)
    if (plan->from[k] == DC_NEW_CLUSTER)
      make_cluster(adapter, next, k);
    else
      move_cluster(&adapter->clusters, plan->from[k], next, k);
  for (size_t k = 0; k < next->count; k++)
    if (plan->from[k] != DC_NEW_CLUSTER && dc_regrouping_leaves(plan, adapter->clusters.count, k))
      move_looks(&adapter->clusters.history[plan->from[k]], &next->history[k]);
  next->temperature = adapter->clusters.temperature;
}

/* ---- what is remembered ---- */

/* An embedding on its way to another stratum. Strata that are joined are interleaved by how far
 * from the newest each embedding lay in its own: all are as recent as their cluster. */
typedef struct {
  uint32_t owner;
  double place; /* 0: oldest .. 1: newest of its stratum */
  size_t order; /* ties */
  const float *row;
  uint64_t time;
} Move;

static int
by_place(const void *a, const void *b)
{
  const Move *x = a, *y = b;
  if (x->owner != y->owner)
    return x->owner < y->owner ? -1 : 1;
  if (x->place != y->place)
    return x->place < y->place ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

static size_t
list_moves(const DcClusters *old, const DcRegrouping *plan, Move *moves)
{
  size_t member = 0, listed = 0;
  for (size_t k = 0; k < old->count; k++) {
    size_t count = dc_memory_stratum(old->memory, k).rows;
    for (size_t i = 0; i < count; i++, member++) {
      uint32_t owner = plan->heirs[k][plan->part ? plan->part[member] : 0];
      if (owner == DC_FORGOTTEN)
        continue;
      Move move = {.owner = owner, .place = ((double)i + 0.5) / (double)count, .order = member};
      move.row = dc_memory_at(old->memory, k, i, &move.time);
      moves[listed++] = move;
    }
  }
  return listed;
}

static DcStatus
move_members(const DcClusters *old, const DcRegrouping *plan, DcClusters *next, DcError *error)
{
  Move *moves = DC_NEW(Move, dc_memory_count(old->memory));
  if (!moves)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to regroup %zu embeddings",
                        dc_memory_count(old->memory));
  size_t count = list_moves(old, plan, moves);
  qsort(moves, count, sizeof *moves, by_place);
  for (size_t i = 0; i < count; i++)
    dc_memory_push(next->memory, moves[i].owner, moves[i].row, moves[i].time);
  dc_free(moves);
  return DC_OK;
}

static void
add_newborn(const DcAdapter *adapter, const DcRegrouping *plan, DcClusters *next)
{
  if (!plan->newborn)
    return;
  size_t k = plan->count - 1;
  for (size_t i = 0; i < plan->newborn->rows; i++)
    dc_memory_push(next->memory, k, dc_matrix_row(plan->newborn, i), plan->newborn_times[i]);
  next->infos[k].mass = (double)plan->newborn->rows;
  next->seen[k] = adapter->clock.elapsed;
}

/* ---- the whole ---- */

bool
dc_regrouping_leaves(const DcRegrouping *plan, size_t old, size_t k)
{
  size_t parents = 0;
  for (size_t j = 0; j < old; j++)
    if (plan->heirs[j][0] == k || plan->heirs[j][1] == k)
      parents += plan->heirs[j][0] == plan->heirs[j][1] ? 1 : 2; /* two: a part of it only */
  return parents == 1;
}

/* Puts `next` in the place of the clusters there are; puts these back when the method has no memory
 * for the others. */
static DcStatus
exchange(DcAdapter *adapter, const DcRegrouping *plan, DcClusters *next, DcError *error)
{
  const DcAdaptMethod *method = adapter->method;
  DcClusters old = adapter->clusters;
  adapter->clusters = *next;
  DcStatus status = method->regroup ? method->regroup(adapter, plan, error) : DC_OK;
  if (status == DC_OK) {
    dc_clusters_clear(&old);
    adapter->outdated = true;
    dc_hierarchy_expire(&adapter->hierarchy);
    dc_separation_restart(&adapter->separation); /* margins among other clusters are others */
    return DC_OK;
  }
  dc_clusters_clear(&adapter->clusters);
  adapter->clusters = old;
  if (method->restart)
    method->restart(adapter, NULL); /* without memory it does so when it is needed */
  return status;
}

DcStatus
dc_adapter_regroup(DcAdapter *adapter, const DcRegrouping *plan, DcError *error)
{
  DcClusters next = {0};
  DcStatus status =
      dc_clusters_allocate(&next, plan->count, adapter->dim, adapter->config.window, error);
  if (status == DC_OK)
    status = move_members(&adapter->clusters, plan, &next, error);
  if (status != DC_OK) {
    dc_clusters_clear(&next);
    return status;
  }
  move_counts(&adapter->clusters, plan, &next);
  move_identities(adapter, plan, &next);
  add_newborn(adapter, plan, &next);
  dc_clusters_measure(&next);
  return exchange(adapter, plan, &next, error);
}
