/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/absorb.h"

#include "base/memory.h"
#include "cluster/matching.h"
#include "cluster/valley.h"
#include "stream/adapter_private.h"
#include "stream/cluster_changes.h"
#include "stream/identity.h"
#include "stream/uuid.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* In a matching, more than any sum of likenesses. */
#define SAME_START 1e6

/* ---- which are the same ---- */

/* Distance of two centroids in units of the spread of their clusters; infinite without a spread,
 * unless they are one point. */
static double
distance_between(const DcClusters *a, size_t i, const DcClusters *b, size_t j)
{
  double squared = 0, x = (double)a->infos[i].spread, y = (double)b->infos[j].spread;
  for (size_t d = 0; d < a->dim; d++) {
    double step = (double)a->centroids[i * a->dim + d] - (double)b->centroids[j * b->dim + d];
    squared += step * step;
  }
  return squared > 0 ? sqrt(squared / ((x * x + y * y) / 2)) : 0;
}

/* Both are saved from one stream: equal seeds give equal uuids to clusters of different streams,
 * but these did not start at the same place. */
static bool
have_one_start(const DcClusters *a, size_t i, const DcClusters *b, size_t j)
{
  return strcmp(a->infos[i].uuid, b->infos[j].uuid) == 0 &&
         memcmp(a->reference + i * a->dim, b->reference + j * b->dim, a->dim * sizeof(float)) == 0;
}

/* > 0 when cluster i of `a` and j of `b` are the same. */
static DcStatus
find_likeness(const DcClusters *a, size_t i, const DcClusters *b, size_t j, double *likeness,
              DcError *error)
{
  *likeness = 0;
  if (have_one_start(a, i, b, j)) {
    *likeness = SAME_START;
    return DC_OK;
  }
  double distance = distance_between(a, i, b, j);
  if (!(distance < 1))
    return DC_OK;
  DcMatrix left = dc_memory_stratum(a->memory, i), right = dc_memory_stratum(b->memory, j);
  double valley;
  DcStatus status = dc_valley(&left, &right, &valley, error);
  size_t least = left.rows < right.rows ? left.rows : right.rows;
  if (status == DC_OK && valley >= dc_valley_bound(least))
    *likeness = 1 - distance;
  return status;
}

/* same[j]: the cluster of `a` that cluster j of `b` is, or DC_UNMATCHED. */
static DcStatus
match_clusters(const DcClusters *a, const DcClusters *b, uint32_t *same, DcError *error)
{
  double *likeness = DC_NEW(double, a->count * b->count);
  DcStatus status =
      likeness ? DC_OK
               : dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to match clusters");
  for (size_t j = 0; j < b->count; j++)
    for (size_t i = 0; i < a->count && status == DC_OK; i++)
      status = find_likeness(a, i, b, j, &likeness[j * a->count + i], error);
  if (status == DC_OK) {
    status = dc_match(likeness, b->count, a->count, same);
    if (status != DC_OK)
      dc_error_set(error, status, "clusters cannot be matched: %s", dc_status_text(status));
  }
  for (size_t j = 0; j < b->count && status == DC_OK; j++)
    if (same[j] != DC_UNMATCHED && !(likeness[j * a->count + same[j]] > 0))
      same[j] = DC_UNMATCHED;
  dc_free(likeness);
  return status;
}

/* ---- adding ---- */

/* The last cluster of `adapter` becomes what cluster `k` of `other` is. */
static void
take_identity(DcAdapter *adapter, const DcClusters *other, size_t k)
{
  DcClusters *clusters = &adapter->clusters;
  size_t last = clusters->count - 1, bytes = clusters->dim * sizeof(float);
  float spread = dc_memory_stratum(clusters->memory, last).rows > 1 ? clusters->infos[last].spread
                                                                    : other->infos[k].spread;
  clusters->infos[last] = other->infos[k];
  clusters->infos[last].spread = spread;
  clusters->infos[last].group_uuid[0] = clusters->infos[last].group_label[0] = 0;
  clusters->survival[last] = other->survival[k];
  clusters->reach[last] = other->reach[k];
  clusters->shares[last] = other->shares[k];
  memcpy(clusters->pins + last * clusters->dim, other->pins + k * clusters->dim, bytes);
  memcpy(clusters->reference + last * clusters->dim, other->reference + k * clusters->dim, bytes);
}

static DcStatus
add_cluster(DcAdapter *adapter, const DcClusters *other, size_t k, DcError *error)
{
  size_t dim = other->dim, count = dc_memory_stratum(other->memory, k).rows;
  uint64_t number = adapter->next_number;
  float *rows = DC_NEW(float, count *dim);
  uint64_t *times = DC_NEW(uint64_t, count);
  DcStatus status = DC_OK;
  if (!rows || !times)
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for another cluster");
  for (size_t i = 0; i < count && status == DC_OK; i++)
    memcpy(rows + i * dim, dc_memory_at(other->memory, k, i, &times[i]), dim * sizeof *rows);
  DcMatrix members = dc_matrix(rows, count, dim);
  if (status == DC_OK)
    status = dc_adapter_add_cluster(adapter, other->centroids + k * dim, &members, times, error);
  dc_free(rows);
  dc_free(times);
  if (status == DC_OK) {
    adapter->next_number = number; /* it brings its own label */
    take_identity(adapter, other, k);
  }
  return status;
}

/* ---- names ---- */

static bool
has_twin(const DcClusters *clusters, const char *uuid, size_t but)
{
  for (size_t k = 0; k < clusters->count; k++)
    if (k != but && strcmp(clusters->infos[k].uuid, uuid) == 0)
      return true;
  return false;
}

/* A uuid that another cluster has by the same seed is given up. */
static void
settle_uuid(DcAdapter *adapter, size_t k)
{
  DcClusterInfo *info = &adapter->clusters.infos[k];
  while (has_twin(&adapter->clusters, info->uuid, k))
    dc_uuid_make(&adapter->random, info->uuid);
}

static bool
is_taken(const DcClusters *clusters, const char *label, size_t but)
{
  for (size_t k = 0; k < clusters->count; k++)
    if (k != but && strcmp(clusters->infos[k].label, label) == 0)
      return true;
  return false;
}

/* A label that nobody gave is given up where another cluster has it. */
static void
settle_label(DcAdapter *adapter, size_t k)
{
  DcClusterInfo *info = &adapter->clusters.infos[k];
  while (!info->named && is_taken(&adapter->clusters, info->label, k))
    snprintf(info->label, sizeof info->label, "cluster-%llu",
             (unsigned long long)adapter->next_number++);
}

/* ---- the whole ---- */

static DcStatus
check_pair(const DcAdapter *adapter, const DcAdapter *other, DcError *error)
{
  if (strcmp(adapter->encoder, other->encoder) != 0 || adapter->dim != other->dim)
    return dc_error_set(error, DC_ERROR_MISMATCH,
                        "one is of the encoder \"%s\" (%zu numbers), the other of \"%s\" (%zu "
                        "numbers): only states of one encoder can be merged",
                        adapter->encoder, adapter->dim, other->encoder, other->dim);
  if (adapter->clusters.count == 0 || other->clusters.count == 0)
    return dc_error_set(error, DC_ERROR_NOT_READY,
                        "one of the states was saved before the end of the warm-up: it has no "
                        "clusters that could be merged");
  return DC_OK;
}

static DcStatus
absorb_clusters(DcAdapter *adapter, const DcClusters *other, const uint32_t *same,
                DcAbsorbed *absorbed, DcError *error)
{
  DcStatus status = DC_OK;
  for (size_t j = 0; j < other->count && status == DC_OK; j++) {
    status = add_cluster(adapter, other, j, error);
    size_t last = adapter->clusters.count - 1;
    if (status != DC_OK)
      return status;
    if (same[j] == DC_UNMATCHED) {
      settle_uuid(adapter, last);
      settle_label(adapter, last);
      absorbed->added++;
    } else {
      status = dc_adapter_merge(adapter, same[j], last, error);
      absorbed->matched++;
    }
  }
  return status;
}

DcStatus
dc_adapter_absorb(DcAdapter *adapter, const DcAdapter *other, DcAbsorbed *absorbed, DcError *error)
{
  *absorbed = (DcAbsorbed){0};
  DcStatus status = check_pair(adapter, other, error);
  if (status != DC_OK)
    return status;
  uint32_t *same = DC_NEW(uint32_t, other->clusters.count);
  status = same ? match_clusters(&adapter->clusters, &other->clusters, same, error)
                : dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to match clusters");
  if (adapter->next_number < other->next_number)
    adapter->next_number = other->next_number;
  if (status == DC_OK)
    status = absorb_clusters(adapter, &other->clusters, same, absorbed, error);
  dc_free(same);
  if (status != DC_OK)
    return status;
  double sum = 0;
  for (size_t k = 0; k < adapter->clusters.count; k++)
    sum += adapter->clusters.shares[k];
  for (size_t k = 0; k < adapter->clusters.count && sum > 0; k++)
    adapter->clusters.shares[k] /= sum;
  adapter->accepted += other->accepted;
  adapter->rejected += other->rejected;
  adapter->adaptations += other->adaptations;
  if (adapter->version < other->version)
    adapter->version = other->version;
  return dc_adapter_publish(adapter, error);
}
