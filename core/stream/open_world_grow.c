/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/valley.h"
#include "stream/cluster_changes.h"
#include "stream/open_world_private.h"
#include "tensor/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Births and splits. */

/* Tests in a row that a group of unknowns, or a cluster that holds two kinds, must pass. */
#define VOTES 2
/* A group is more than what false alarms bring by so many times their mean. */
#define ALARMS 3.0
/* Neighbours that a group is compared with. */
#define NEIGHBOURS 3
/* Two kinds that come mixed change places this often, as a share of what chance would have. */
#define MIXED 0.4
/* One of two kinds is at most so many times as wide as the other. */
#define WIDEST 2.0f

static bool
has_paused(const DcAdapter *adapter)
{
  return adapter->open_world.received - adapter->open_world.last_growth >=
         dc_open_world_pace(adapter);
}

/* ---- births ---- */

/* The unknowns as the clusters see them, and the densest group among them. */
typedef struct {
  DcMatrix rows;
  DcDenseGroup group;
  DcMatrix members;
  uint64_t *times;
} Candidate;

static void
clear_candidate(Candidate *candidate)
{
  dc_free(candidate->rows.data);
  dc_free(candidate->group.member);
  dc_free(candidate->group.centre);
  dc_free(candidate->members.data);
  dc_free(candidate->times);
}

static DcStatus
make_candidate(const DcAdapter *adapter, Candidate *candidate, DcError *error)
{
  const DcUnknowns *unknowns = &adapter->open_world.unknowns;
  size_t count = unknowns->count, dim = unknowns->dim;
  *candidate = (Candidate){
      .rows = dc_matrix(DC_NEW(float, count *dim), count, dim),
      .group = {.member = DC_NEW(uint8_t, count), .centre = DC_NEW(float, dim)},
      .members = dc_matrix(DC_NEW(float, count *dim), count, dim),
      .times = DC_NEW(uint64_t, count),
  };
  if (!candidate->rows.data || !candidate->group.member || !candidate->group.centre ||
      !candidate->members.data || !candidate->times) {
    clear_candidate(candidate);
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to look at %zu unknowns", count);
  }
  DcMatrix raw = dc_matrix(unknowns->rows, count, dim);
  if (adapter->alignment)
    dc_alignment_apply(adapter->alignment, &raw, &candidate->rows);
  else
    dc_matrix_copy(&raw, &candidate->rows);
  return DC_OK;
}

static void
gather_members(const DcUnknowns *unknowns, Candidate *candidate)
{
  size_t dim = unknowns->dim, count = 0;
  for (size_t i = 0; i < unknowns->count; i++) {
    if (!candidate->group.member[i])
      continue;
    memcpy(candidate->members.data + count * dim, dc_matrix_row(&candidate->rows, i),
           dim * sizeof(float));
    candidate->times[count++] = unknowns->times[i];
  }
  candidate->members.rows = count;
}

/* Whether the group is more than the false alarms since its first member. */
static bool
is_significant(const DcAdapter *adapter, const Candidate *candidate)
{
  const DcOpenWorld *world = &adapter->open_world;
  size_t first = 0, least = adapter->config.window / 128;
  while (first < world->unknowns.count && !candidate->group.member[first])
    first++;
  if (first == world->unknowns.count)
    return false;
  double span = (double)(world->received - world->unknowns.places[first]);
  double alarms = ALARMS * dc_open_world_rate(adapter) * span;
  if (least < DC_OPEN_WORLD_LEAST)
    least = DC_OPEN_WORLD_LEAST;
  return (double)candidate->group.count >= (double)least + alarms;
}

/* Whether known clusters were seen as often as unknowns since the middle member of the group came:
 * else the look of the stream may have changed as a whole, and the group waits. */
static bool
is_beside_known(const DcOpenWorld *world, const DcDenseGroup *group)
{
  size_t middle = 0;
  for (size_t left = group->count / 2; left > 0 || !group->member[middle]; middle++)
    left -= group->member[middle] && left > 0;
  uint64_t span = world->received - world->unknowns.places[middle];
  return 2 * (world->unknowns.count - middle) <= span;
}

/* The nearest cluster to the centre of the group that lies farther than `beyond`, squared. */
static size_t
find_next_nearest(const DcClusters *clusters, const Candidate *candidate, float *beyond)
{
  DcMatrix centre = dc_matrix(candidate->group.centre, 1, clusters->dim);
  DcMatrix all = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  size_t nearest = SIZE_MAX;
  float least = INFINITY;
  for (size_t k = 0; k < clusters->count; k++) {
    DcMatrix row = dc_matrix_rows(&all, k, 1);
    float distance;
    dc_squared_distances(&row, &centre, NULL, &distance);
    if (distance > *beyond && distance < least) {
      least = distance;
      nearest = k;
    }
  }
  *beyond = least;
  return nearest;
}

/* Whether a valley lies between the group and cluster `k`. Of a cluster with next to no memory its
 * centroid must do. */
static DcStatus
is_parted_from(const DcClusters *clusters, const Candidate *candidate, size_t k, float squared,
               bool *parted, DcError *error)
{
  DcMatrix stratum = dc_memory_stratum(clusters->memory, k);
  size_t least = stratum.rows < candidate->members.rows ? stratum.rows : candidate->members.rows;
  double spread = dc_open_world_spread(clusters), valley;
  *parted = (double)squared > spread * spread;
  if (stratum.rows < DC_VALLEY_LEAST)
    return DC_OK;
  DcStatus status = dc_valley(&candidate->members, &stratum, &valley, error);
  *parted = valley < DC_OPEN_WORLD_DEEP * dc_valley_bound(least);
  return status;
}

static DcStatus
stands_apart(const DcClusters *clusters, const Candidate *candidate, bool *apart, DcError *error)
{
  float beyond = -1;
  DcStatus status = DC_OK;
  *apart = true;
  for (size_t i = 0; i < NEIGHBOURS && i < clusters->count && *apart && status == DC_OK; i++) {
    size_t k = find_next_nearest(clusters, candidate, &beyond);
    if (k != SIZE_MAX)
      status = is_parted_from(clusters, candidate, k, beyond, apart, error);
  }
  return status;
}

static DcStatus
deliver(DcAdapter *adapter, Candidate *candidate, DcError *error)
{
  DcOpenWorld *world = &adapter->open_world;
  bool room;
  DcStatus status = dc_open_world_make_room(adapter, &room, error);
  if (status != DC_OK || !room)
    return status;
  status = dc_adapter_add_cluster(adapter, candidate->group.centre, &candidate->members,
                                  candidate->times, error);
  if (status != DC_OK)
    return status;
  dc_unknowns_remove(&world->unknowns, candidate->group.member);
  dc_open_world_recall(adapter);
  world->birth_votes = 0;
  dc_open_world_note_growth(adapter);
  dc_open_world_tell(adapter, DC_CLUSTER_BORN,
                     &adapter->clusters.infos[adapter->clusters.count - 1], NULL);
  return DC_OK;
}

static DcStatus
judge_candidate(DcAdapter *adapter, Candidate *candidate, DcError *error)
{
  DcOpenWorld *world = &adapter->open_world;
  double spread = dc_open_world_spread(&adapter->clusters);
  DcStatus status = dc_find_dense_group(&candidate->rows, spread, &candidate->group, error);
  if (status != DC_OK)
    return status;
  bool apart = is_significant(adapter, candidate) && is_beside_known(world, &candidate->group);
  if (apart) {
    gather_members(&world->unknowns, candidate);
    status = stands_apart(&adapter->clusters, candidate, &apart, error);
  }
  world->birth_votes = apart ? world->birth_votes + 1 : 0;
  return status == DC_OK && world->birth_votes >= VOTES ? deliver(adapter, candidate, error)
                                                        : status;
}

DcStatus
dc_open_world_bear(DcAdapter *adapter, DcError *error)
{
  DcOpenWorld *world = &adapter->open_world;
  if (world->unknowns.count < DC_OPEN_WORLD_LEAST) {
    world->birth_votes = 0;
    return DC_OK;
  }
  if (!has_paused(adapter))
    return DC_OK;
  Candidate candidate;
  DcStatus status = make_candidate(adapter, &candidate, error);
  if (status != DC_OK)
    return status;
  status = judge_candidate(adapter, &candidate, error);
  clear_candidate(&candidate);
  return status;
}

/* ---- splits ---- */

/* Where the part begins of which the first tenth came last. */
static size_t
find_common_start(const uint8_t *part, size_t count, const size_t sizes[2])
{
  size_t seen[2] = {0}, start = 0;
  for (size_t i = 0; i < count; i++)
    if (++seen[part[i]] == 1 + sizes[part[i]] / 10)
      start = i;
  return start;
}

/* Whether both parts came side by side since the younger one appeared: what only came after the
 * other was gone may be the same thing with another look. Compares the number of runs with what a
 * random order of as many has (Wald and Wolfowitz 1940). */
static bool
come_mixed(const uint8_t *part, size_t count, const size_t sizes[2])
{
  size_t start = find_common_start(part, count, sizes), runs = 1, seen[2] = {0};
  for (size_t i = start; i < count; i++) {
    seen[part[i]]++;
    runs += i > start && part[i] != part[i - 1];
  }
  double a = (double)seen[0], b = (double)seen[1];
  if (a < DC_OPEN_WORLD_LEAST / 4.0 || b < DC_OPEN_WORLD_LEAST / 4.0)
    return false;
  return (double)runs >= MIXED * (1 + 2 * a * b / (a + b));
}

/* The members of one part. */
static DcMatrix
gather_part(const DcClusters *clusters, size_t k, const uint8_t *part, uint8_t wanted, float *rows)
{
  size_t count = dc_memory_stratum(clusters->memory, k).rows, dim = clusters->dim, gathered = 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t time;
    if (part[i] == wanted)
      memcpy(rows + gathered++ * dim, dc_memory_at(clusters->memory, k, i, &time),
             dim * sizeof *rows);
  }
  return dc_matrix(rows, gathered, dim);
}

static int
compare_floats(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

/* The median distance, squared, of rows from their mean: stragglers do not tell in it. `distances`
 * has room for one of each. */
static float
measure_width(const DcMatrix *rows, double *mean, float *centre, float *distances)
{
  dc_column_moments(rows, NULL, mean, NULL);
  for (size_t j = 0; j < rows->cols; j++)
    centre[j] = (float)mean[j];
  DcMatrix place = dc_matrix(centre, 1, rows->cols);
  dc_squared_distances(rows, &place, NULL, distances);
  qsort(distances, rows->rows, sizeof *distances, compare_floats);
  return distances[rows->rows / 2];
}

/* What lies scattered about a cluster is no cluster: two kinds are about as wide as each other. */
static DcStatus
are_alike_wide(const DcMatrix *a, const DcMatrix *b, bool *alike, DcError *error)
{
  size_t dim = a->cols;
  double *mean = DC_NEW(double, dim);
  float *room = DC_NEW(float, dim + (a->rows > b->rows ? a->rows : b->rows));
  DcStatus status = DC_OK;
  if (mean && room) {
    float x = measure_width(a, mean, room, room + dim),
          y = measure_width(b, mean, room, room + dim);
    *alike = x <= WIDEST * WIDEST * y && y <= WIDEST * WIDEST * x;
  } else {
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to look at a cluster");
  }
  dc_free(mean);
  dc_free(room);
  return status;
}

/* Whether the two parts of cluster `k` are two kinds. `rows` has room for all members. */
static DcStatus
are_two(const DcClusters *clusters, size_t k, const uint8_t *part, float *rows, bool *two,
        DcError *error)
{
  size_t count = dc_memory_stratum(clusters->memory, k).rows;
  DcMatrix first = gather_part(clusters, k, part, 0, rows);
  DcMatrix second = gather_part(clusters, k, part, 1, rows + first.rows * clusters->dim);
  double valley;
  *two = second.rows >= DC_OPEN_WORLD_LEAST &&
         come_mixed(part, count, (size_t[]){first.rows, second.rows});
  DcStatus status = *two ? are_alike_wide(&first, &second, two, error) : DC_OK;
  if (status != DC_OK || !*two)
    return status;
  status = dc_valley(&first, &second, &valley, error);
  *two = valley < DC_OPEN_WORLD_DEEP * dc_valley_bound(second.rows);
  return status;
}

static DcStatus
split(DcAdapter *adapter, size_t k, const uint8_t *part, const float *centres, DcError *error)
{
  DcStatus status = dc_adapter_part_cluster(adapter, k, part, centres, error);
  if (status != DC_OK)
    return status;
  const DcClusters *clusters = &adapter->clusters;
  dc_open_world_note_growth(adapter);
  dc_open_world_tell(adapter, DC_CLUSTER_SPLIT, &clusters->infos[k],
                     &clusters->infos[clusters->count - 1]);
  return DC_OK;
}

static DcStatus
judge_cluster(DcAdapter *adapter, size_t k, uint8_t *part, float *centres, float *rows,
              DcError *error)
{
  DcClusterHistory *history = &adapter->clusters.history[k];
  DcRandom random; /* of its own: the same stream draws the same numbers, revised or not */
  dc_random_seed(&random, adapter->config.seed, adapter->adaptations);
  DcStatus status = dc_cluster_halve(adapter, k, &random, part, centres, error);
  bool two = false;
  if (status == DC_OK)
    status = are_two(&adapter->clusters, k, part, rows, &two, error);
  history->two = two ? history->two + 1 : 0;
  return status == DC_OK && history->two >= VOTES ? split(adapter, k, part, centres, error)
                                                  : status;
}

DcStatus
dc_open_world_part(DcAdapter *adapter, size_t k, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t members = dc_memory_stratum(clusters->memory, k).rows, dim = clusters->dim;
  if (members < 2 * DC_OPEN_WORLD_LEAST || dc_open_world_is_kept(&clusters->infos[k]) ||
      clusters->count >= dc_open_world_limit(&adapter->config) || !has_paused(adapter))
    return DC_OK;
  uint8_t *part = DC_NEW(uint8_t, members);
  float *centres = DC_NEW(float, 2 * dim), *rows = DC_NEW(float, members *dim);
  DcStatus status = DC_OK;
  if (!part || !centres || !rows)
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to look at a cluster");
  else
    status = judge_cluster(adapter, k, part, centres, rows, error);
  dc_free(part);
  dc_free(centres);
  dc_free(rows);
  return status;
}
