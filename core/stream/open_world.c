/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/open_world.h"

#include "base/memory.h"
#include "stream/open_world_private.h"

#include <math.h>

/* When the quarantine is full, so many wait no longer at once. */
#define FULL_RELEASE (DC_OPEN_WORLD_UNKNOWNS / 4)
/* A sure member is one whose cluster is more likely than all others together. */
#define SURE 0.5f
/* A burst of unknowns: so many among the newest embeddings. Is it longer than BURST_MOST, it is
 * rather another look of what is known, and methods have to follow it. */
#define BURST_WINDOW 32
#define BURST_LEAST  24
#define BURST_MOST   128
/* Every cluster is looked at once in this share of a window. */
#define LOOKS_PER_WINDOW 8

/* ---- settings ---- */

static bool
may_revise(const DcAdapterConfig *config)
{
  return config->revise == DC_REVISE_ALWAYS ||
         (config->revise == DC_REVISE_AUTO && (config->clusters == 0 || config->novelty > 0));
}

bool
dc_open_world_reserve(DcAdapter *adapter)
{
  DcOpenWorld *world = &adapter->open_world;
  if (!may_revise(&adapter->config))
    return true;
  world->retired_places = DC_NEW(float, DC_OPEN_WORLD_RETIRED * adapter->dim);
  return dc_unknowns_reserve(&world->unknowns, DC_OPEN_WORLD_UNKNOWNS, adapter->dim) &&
         world->retired_places;
}

void
dc_open_world_clear(DcOpenWorld *world)
{
  dc_unknowns_clear(&world->unknowns);
  dc_free(world->retired_places);
  *world = (DcOpenWorld){0};
}

bool
dc_open_world_is_active(const DcAdapter *adapter)
{
  const DcAdapterConfig *config = &adapter->config;
  if (!may_revise(config) || adapter->clusters.count == 0)
    return false;
  /* By themselves only clusters of our own number are revised, not those of a model. */
  return config->revise == DC_REVISE_ALWAYS || config->novelty > 0 || adapter->open_world.chosen;
}

double
dc_open_world_rate(const DcAdapter *adapter)
{
  if (!dc_open_world_is_active(adapter))
    return 0;
  return adapter->config.novelty > 0 ? adapter->config.novelty : DC_OPEN_WORLD_RATE;
}

uint64_t
dc_open_world_pace(const DcAdapter *adapter)
{
  const DcAdapterConfig *config = &adapter->config;
  uint64_t pace = config->window / 16;
  return (pace > config->interval ? pace : config->interval) << adapter->open_world.undone;
}

void
dc_open_world_note_growth(DcAdapter *adapter)
{
  DcOpenWorld *world = &adapter->open_world;
  uint64_t lasted = world->received - world->last_growth;
  if (world->undone > 0 && lasted > DC_OPEN_WORLD_YOUTH * adapter->config.window)
    world->undone--;
  world->last_growth = world->received;
}

size_t
dc_open_world_limit(const DcAdapterConfig *config)
{
  return config->clusters > config->max_clusters ? config->clusters : config->max_clusters;
}

bool
dc_open_world_is_kept(const DcClusterInfo *info)
{
  return info->pinned || info->named;
}

double
dc_open_world_spread(const DcClusters *clusters)
{
  return sqrt((double)clusters->temperature / 2 * (double)clusters->dim);
}

void
dc_open_world_tell(DcAdapter *adapter, DcChangeKind kind, const DcClusterInfo *cluster,
                   const DcClusterInfo *other)
{
  DcOpenWorld *world = &adapter->open_world;
  uint64_t *const counts[] = {[DC_CLUSTER_BORN] = &world->births,
                              [DC_CLUSTERS_MERGED] = &world->merges,
                              [DC_CLUSTER_SPLIT] = &world->splits,
                              [DC_CLUSTER_RETIRED] = &world->retirements};
  (*counts[kind])++;
  DcClusterChange *change = &world->changes[world->change_count++];
  *change = (DcClusterChange){.kind = kind, .cluster = *cluster};
  if (other)
    change->other = *other;
}

/* ---- unknowns ---- */

/* Unknown `i` waits no longer: it is remembered by the cluster that it is nearest to. */
static void
release(DcAdapter *adapter, size_t i, size_t cluster)
{
  DcUnknowns *unknowns = &adapter->open_world.unknowns;
  DcMatrix row = dc_matrix(unknowns->rows + i * unknowns->dim, 1, unknowns->dim);
  if (adapter->alignment)
    dc_alignment_apply(adapter->alignment, &row, &row);
  dc_memory_push(adapter->clusters.memory, cluster, row.data, unknowns->times[i]);
}

/* Makes room in the quarantine. What cannot be assigned is not remembered. */
static void
release_oldest(DcAdapter *adapter)
{
  DcUnknowns *unknowns = &adapter->open_world.unknowns;
  DcAssignment assignments[FULL_RELEASE];
  uint8_t gone[DC_OPEN_WORLD_UNKNOWNS] = {0};
  DcMatrix rows = dc_matrix(unknowns->rows, FULL_RELEASE, unknowns->dim);
  DcStatus status = dc_snapshot_assign(adapter->snapshot, adapter->assigner, &rows, 0, assignments);
  for (size_t i = 0; i < FULL_RELEASE; i++) {
    gone[i] = 1;
    if (status == DC_OK)
      release(adapter, i, assignments[i].cluster);
  }
  dc_unknowns_remove(unknowns, gone);
}

/* Those that fit a cluster by now, or waited for a whole window, wait no longer. */
static DcStatus
judge_unknowns(DcAdapter *adapter, DcError *error)
{
  DcOpenWorld *world = &adapter->open_world;
  DcUnknowns *unknowns = &world->unknowns;
  DcAssignment assignments[DC_OPEN_WORLD_UNKNOWNS];
  uint8_t gone[DC_OPEN_WORLD_UNKNOWNS];
  DcMatrix rows = dc_matrix(unknowns->rows, unknowns->count, unknowns->dim);
  if (rows.rows == 0)
    return DC_OK;
  DcStatus status = dc_snapshot_assign(adapter->snapshot, adapter->assigner, &rows,
                                       dc_open_world_rate(adapter), assignments);
  if (status != DC_OK)
    return dc_error_set(error, status, "unknown embeddings cannot be assigned: %s",
                        dc_status_text(status));
  for (size_t i = 0; i < rows.rows; i++) {
    bool old = world->received - unknowns->places[i] > adapter->config.window;
    gone[i] = old || assignments[i].novel == DC_FITS;
    if (gone[i])
      release(adapter, i, assignments[i].cluster);
  }
  dc_unknowns_remove(unknowns, gone);
  return DC_OK;
}

/* ---- receiving ---- */

/* Told by what waits alone, so that a restart goes on in the same way. */
static bool
is_burst(const DcOpenWorld *world)
{
  const DcUnknowns *unknowns = &world->unknowns;
  size_t newest = 0, lately = 0;
  for (size_t i = unknowns->count; i-- > 0;) {
    uint64_t age = world->received - unknowns->places[i];
    if (age >= 2 * BURST_MOST)
      break;
    lately++;
    newest += age < BURST_WINDOW;
  }
  return newest >= BURST_LEAST && lately <= BURST_MOST;
}

bool
dc_open_world_receive(DcAdapter *adapter, const float *row, const float *aligned, uint64_t time,
                      const DcAssignment *assignment)
{
  DcOpenWorld *world = &adapter->open_world;
  DcClusters *clusters = &adapter->clusters;
  bool unknown = assignment->novel != DC_FITS;
  world->received++;
  if (unknown) {
    if (world->unknowns.count == world->unknowns.capacity)
      release_oldest(adapter);
    dc_unknowns_add(&world->unknowns, row, time, world->received);
    dc_clusters_count(clusters, adapter->clock.elapsed, assignment);
    return !is_burst(world);
  }
  DcClusterHistory *history = &clusters->history[assignment->cluster];
  dc_clusters_receive(clusters, aligned, time, adapter->clock.elapsed, assignment);
  history->fresh++;
  if (assignment->confidence > SURE)
    history->seen = world->received;
  return true;
}

/* ---- revising ---- */

/* Looks at the clusters in turn, as many as it takes to come round in time. */
static DcStatus
look_at_clusters(DcAdapter *adapter, DcError *error)
{
  DcOpenWorld *world = &adapter->open_world;
  const DcAdapterConfig *config = &adapter->config;
  size_t count = adapter->clusters.count;
  size_t looks = 1 + count * config->interval * LOOKS_PER_WINDOW / config->window;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < looks && i < count && !world->change_count && status == DC_OK; i++) {
    size_t k = world->cursor++ % count;
    DcClusterHistory *history = &adapter->clusters.history[k];
    size_t members = dc_memory_stratum(adapter->clusters.memory, k).rows;
    if (members < DC_OPEN_WORLD_LEAST || history->fresh < members / 4)
      continue; /* it would say what it said before */
    history->fresh = 0;
    status = dc_open_world_join(adapter, k, error);
    if (status == DC_OK && !world->change_count)
      status = dc_open_world_part(adapter, k, error);
  }
  return status;
}

DcStatus
dc_open_world_revise(DcAdapter *adapter, bool adapt, DcError *error)
{
  DcOpenWorld *world = &adapter->open_world;
  world->change_count = 0;
  if (!dc_open_world_is_active(adapter))
    return DC_OK;
  DcStatus status = judge_unknowns(adapter, error);
  if (!adapt)
    return status;
  if (status == DC_OK)
    status = dc_open_world_expire(adapter, error);
  if (status == DC_OK && !world->change_count)
    status = dc_open_world_bear(adapter, error);
  if (status == DC_OK && !world->change_count)
    status = look_at_clusters(adapter, error);
  return status;
}
