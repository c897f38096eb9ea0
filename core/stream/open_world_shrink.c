/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/valley.h"
#include "stream/cluster_changes.h"
#include "stream/open_world_private.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

/* Merges and retirements. */

/* Looks in a row in which two clusters must be one; of one born in the last window, which is on
 * probation, fewer do. */
#define VOTES           3
#define PROBATION_VOTES 2
/* Neighbours that a cluster is compared with. */
#define NEIGHBOURS 2

/* ---- merges ---- */

/* Whether cluster `k` would become part of `other`, and not the other way round: the older one goes
 * on, of equally old ones that which has seen more. */
static bool
would_follow(const DcClusters *clusters, size_t k, size_t other)
{
  const DcClusterInfo *a = &clusters->infos[k], *b = &clusters->infos[other];
  if (dc_open_world_is_kept(a))
    return false;
  uint64_t born_a = clusters->history[k].born, born_b = clusters->history[other].born;
  if (dc_open_world_is_kept(b) || born_a != born_b)
    return dc_open_world_is_kept(b) || born_b < born_a;
  return b->mass > a->mass || (b->mass == a->mass && other < k);
}

/* Clusters that were chosen in the warm-up were found apart there, once and by more than a line can
 * tell; that chance hides the valley between two of them in some looks makes them no more one. */
static bool
may_follow(const DcAdapter *adapter, size_t k)
{
  return !adapter->open_world.chosen || adapter->clusters.history[k].born > 0;
}

/* Whether the memories of both are of one time: else one of them may have moved since. */
static bool
is_in_sight(const DcAdapter *adapter, size_t k)
{
  return adapter->open_world.received - adapter->clusters.history[k].seen <=
         adapter->config.window / 2;
}

/* The nearest clusters that are neither `k` nor in `found`; SIZE_MAX when there is none. */
static size_t
find_next_neighbour(const DcClusters *clusters, size_t k, const size_t *found, size_t count)
{
  DcMatrix all = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  DcMatrix own = dc_matrix_rows(&all, k, 1);
  size_t nearest = SIZE_MAX;
  float least = INFINITY;
  for (size_t j = 0; j < clusters->count; j++) {
    bool known = j == k;
    for (size_t i = 0; i < count; i++)
      known |= found[i] == j;
    DcMatrix row = dc_matrix_rows(&all, j, 1);
    float distance;
    dc_squared_distances(&row, &own, NULL, &distance);
    if (!known && distance < least) {
      least = distance;
      nearest = j;
    }
  }
  return nearest;
}

/* The valley between cluster `k` and `other`, 0 where they are not to be merged. */
static DcStatus
measure_valley(const DcAdapter *adapter, size_t k, size_t other, double *valley, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  DcMatrix a = dc_memory_stratum(clusters->memory, k);
  DcMatrix b = dc_memory_stratum(clusters->memory, other);
  *valley = 0;
  if (b.rows < DC_OPEN_WORLD_LEAST || !would_follow(clusters, k, other) ||
      !is_in_sight(adapter, other))
    return DC_OK;
  return dc_valley(&a, &b, valley, error);
}

/* The neighbour with which cluster `k` has the least of a valley. */
static DcStatus
find_partner(const DcAdapter *adapter, size_t k, size_t *partner, double *best, DcError *error)
{
  size_t found[NEIGHBOURS];
  *best = 0;
  for (size_t i = 0; i < NEIGHBOURS; i++) {
    found[i] = find_next_neighbour(&adapter->clusters, k, found, i);
    if (found[i] == SIZE_MAX)
      return DC_OK;
    double valley;
    DcStatus status = measure_valley(adapter, k, found[i], &valley, error);
    if (status != DC_OK)
      return status;
    if (valley > *best) {
      *best = valley;
      *partner = found[i];
    }
  }
  return DC_OK;
}

DcStatus
dc_open_world_join(DcAdapter *adapter, size_t k, DcError *error)
{
  DcOpenWorld *world = &adapter->open_world;
  DcClusterHistory *history = &adapter->clusters.history[k];
  if (!may_follow(adapter, k))
    return DC_OK;
  size_t partner = 0;
  double valley;
  DcStatus status = find_partner(adapter, k, &partner, &valley, error);
  if (status != DC_OK)
    return status;
  history->one = valley >= DC_OPEN_WORLD_NONE ? history->one + 1 : 0;
  bool fresh = history->born > 0 && world->received - history->born < adapter->config.window;
  if (history->one < (fresh ? PROBATION_VOTES : VOTES))
    return DC_OK;
  DcClusterInfo gone = adapter->clusters.infos[k], kept = adapter->clusters.infos[partner];
  uint64_t age = world->received - history->born;
  bool young = history->born > 0 && age < DC_OPEN_WORLD_YOUTH * adapter->config.window;
  status = dc_adapter_join_clusters(adapter, partner, k, error);
  if (status != DC_OK)
    return status;
  world->undone += young && world->undone < DC_OPEN_WORLD_MOST_UNDONE;
  dc_open_world_tell(adapter, DC_CLUSTERS_MERGED, &kept, &gone);
  return DC_OK;
}

/* ---- retirements ---- */

static void
remember_retired(DcAdapter *adapter, size_t k)
{
  DcOpenWorld *world = &adapter->open_world;
  size_t dim = adapter->dim;
  if (world->retired_count == DC_OPEN_WORLD_RETIRED) {
    world->retired_count--;
    memmove(world->retired, world->retired + 1, world->retired_count * sizeof *world->retired);
    memmove(world->retired_places, world->retired_places + dim,
            world->retired_count * dim * sizeof(float));
  }
  DcRetired *retired = &world->retired[world->retired_count];
  memcpy(retired->uuid, adapter->clusters.infos[k].uuid, sizeof retired->uuid);
  memcpy(retired->label, adapter->clusters.infos[k].label, sizeof retired->label);
  memcpy(world->retired_places + world->retired_count * dim, adapter->clusters.centroids + k * dim,
         dim * sizeof(float));
  world->retired_count++;
}

static DcStatus
retire(DcAdapter *adapter, size_t k, DcError *error)
{
  DcClusterInfo gone = adapter->clusters.infos[k];
  remember_retired(adapter, k);
  DcStatus status = dc_adapter_drop_cluster(adapter, k, error);
  if (status == DC_OK)
    dc_open_world_tell(adapter, DC_CLUSTER_RETIRED, &gone, NULL);
  else
    adapter->open_world.retired_count--;
  return status;
}

DcStatus
dc_open_world_expire(DcAdapter *adapter, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  uint64_t after = adapter->config.retire_after;
  for (size_t k = 0; after > 0 && clusters->count > 1 && k < clusters->count; k++)
    if (!dc_open_world_is_kept(&clusters->infos[k]) && adapter->clock.elapsed > clusters->seen[k] &&
        adapter->clock.elapsed - clusters->seen[k] > after)
      return retire(adapter, k, error);
  return DC_OK;
}

DcStatus
dc_open_world_make_room(DcAdapter *adapter, bool *room, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  *room = clusters->count < dc_open_world_limit(&adapter->config);
  size_t longest = SIZE_MAX;
  uint64_t most = adapter->config.window; /* out of sight for less is not long */
  for (size_t k = 0; k < clusters->count && !*room && clusters->count > 1; k++) {
    uint64_t unseen = adapter->open_world.received - clusters->history[k].seen;
    if (!dc_open_world_is_kept(&clusters->infos[k]) && unseen > most) {
      most = unseen;
      longest = k;
    }
  }
  if (*room || longest == SIZE_MAX)
    return DC_OK;
  DcStatus status = retire(adapter, longest, error);
  *room = status == DC_OK;
  return status;
}

void
dc_open_world_recall(DcAdapter *adapter)
{
  DcOpenWorld *world = &adapter->open_world;
  DcClusters *clusters = &adapter->clusters;
  size_t last = clusters->count - 1, dim = clusters->dim;
  double spread = dc_open_world_spread(clusters);
  DcMatrix own = dc_matrix(clusters->centroids + last * dim, 1, dim);
  for (size_t i = 0; i < world->retired_count; i++) {
    DcMatrix place = dc_matrix(world->retired_places + i * dim, 1, dim);
    float distance;
    dc_squared_distances(&own, &place, NULL, &distance);
    if ((double)distance > spread * spread)
      continue;
    memcpy(clusters->infos[last].uuid, world->retired[i].uuid, DC_UUID_SIZE);
    memcpy(clusters->infos[last].label, world->retired[i].label, DC_LABEL_SIZE);
    world->retired_count--;
    memmove(world->retired + i, world->retired + i + 1,
            (world->retired_count - i) * sizeof *world->retired);
    memmove(place.data, place.data + dim, (world->retired_count - i) * dim * sizeof(float));
    return;
  }
}
