/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/hierarchy.h"

#include "base/memory.h"
#include "cluster/matching.h"
#include "cluster/scc.h"
#include "stream/adapter_private.h"
#include "stream/uuid.h"
#include "tensor/rows.h"

#include <stdio.h>
#include <string.h>

/* Groups are looked for again when a centroid has moved by so many spreads. */
#define MOVE 0.5

void
dc_hierarchy_clear(DcHierarchy *hierarchy)
{
  dc_free(hierarchy->places);
  *hierarchy = (DcHierarchy){0};
}

void
dc_hierarchy_expire(DcHierarchy *hierarchy)
{
  dc_free(hierarchy->places);
  hierarchy->places = NULL;
}

/* ---- whether they still hold ---- */

static bool
has_moved(const DcAdapter *adapter, size_t k)
{
  const DcClusters *clusters = &adapter->clusters;
  DcMatrix now = dc_matrix(clusters->centroids + k * clusters->dim, 1, clusters->dim);
  DcMatrix then = dc_matrix(adapter->hierarchy.places + k * clusters->dim, 1, clusters->dim);
  float squared;
  dc_squared_distances(&now, &then, NULL, &squared);
  double reach = MOVE * (double)clusters->infos[k].spread;
  return (double)squared > reach * reach;
}

/* A cluster that was added or exchanged has no group. */
static bool
still_hold(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  if (!adapter->hierarchy.places || adapter->hierarchy.clusters != clusters->count)
    return false;
  for (size_t k = 0; k < clusters->count; k++)
    if (!clusters->infos[k].group_uuid[0] || has_moved(adapter, k))
      return false;
  return true;
}

static void
forget_groups(DcAdapter *adapter)
{
  for (size_t k = 0; k < adapter->clusters.count; k++)
    adapter->clusters.infos[k].group_uuid[0] = adapter->clusters.infos[k].group_label[0] = 0;
  dc_hierarchy_clear(&adapter->hierarchy);
}

/* ---- which of the old ones they are ---- */

/* A cluster of each old group: representative[g]; old[k] is the group of cluster k, or `count`.
 * Returns how many groups there were. */
static size_t
list_old(const DcClusters *clusters, uint32_t *old, uint32_t *representative)
{
  size_t count = 0;
  for (uint32_t k = 0; k < clusters->count; k++) {
    old[k] = UINT32_MAX;
    if (!clusters->infos[k].group_uuid[0])
      continue;
    size_t g = 0;
    while (g < count &&
           strcmp(clusters->infos[representative[g]].group_uuid, clusters->infos[k].group_uuid))
      g++;
    if (g == count)
      representative[count++] = k;
    old[k] = (uint32_t)g;
  }
  return count;
}

/* For each of `groups` new groups the old one that it continues, or DC_UNMATCHED. */
static DcStatus
match_groups(const uint32_t *group, const uint32_t *old, size_t clusters, size_t groups,
             size_t old_groups, uint32_t *match)
{
  for (size_t g = 0; g < groups; g++)
    match[g] = DC_UNMATCHED;
  if (old_groups == 0)
    return DC_OK;
  double *shared = DC_NEW(double, groups *old_groups);
  if (!shared)
    return DC_ERROR_MEMORY;
  for (size_t k = 0; k < clusters; k++)
    if (old[k] != UINT32_MAX)
      shared[group[k] * old_groups + old[k]]++;
  DcStatus status = dc_match(shared, groups, old_groups, match);
  for (size_t g = 0; g < groups && status == DC_OK; g++)
    if (match[g] != DC_UNMATCHED && shared[g * old_groups + match[g]] == 0)
      match[g] = DC_UNMATCHED; /* they have nothing in common */
  dc_free(shared);
  return status;
}

typedef struct {
  char uuid[DC_UUID_SIZE];
  char label[DC_LABEL_SIZE];
} GroupName;

static void
name_group(DcAdapter *adapter, uint32_t match, const uint32_t *representative, GroupName *name)
{
  if (match != DC_UNMATCHED) {
    const DcClusterInfo *info = &adapter->clusters.infos[representative[match]];
    memcpy(name->uuid, info->group_uuid, sizeof name->uuid);
    memcpy(name->label, info->group_label, sizeof name->label);
    return;
  }
  dc_uuid_make(&adapter->random, name->uuid);
  snprintf(name->label, sizeof name->label, "group-%llu",
           (unsigned long long)adapter->hierarchy.next_number++);
}

static DcStatus
carry_names(DcAdapter *adapter, const uint32_t *group, size_t groups)
{
  DcClusters *clusters = &adapter->clusters;
  size_t n = clusters->count;
  uint32_t *memory = DC_NEW(uint32_t, 2 * n + groups);
  GroupName *names = DC_NEW(GroupName, groups);
  DcStatus status = memory && names ? DC_OK : DC_ERROR_MEMORY;
  uint32_t *old = memory, *representative = memory + n, *match = memory + 2 * n;
  if (status == DC_OK) {
    size_t old_groups = list_old(clusters, old, representative);
    status = match_groups(group, old, n, groups, old_groups, match);
  }
  for (size_t g = 0; g < groups && status == DC_OK; g++)
    name_group(adapter, match[g], representative, &names[g]);
  for (size_t k = 0; k < n && status == DC_OK; k++) {
    memcpy(clusters->infos[k].group_uuid, names[group[k]].uuid, DC_UUID_SIZE);
    memcpy(clusters->infos[k].group_label, names[group[k]].label, DC_LABEL_SIZE);
  }
  dc_free(names);
  dc_free(memory);
  return status;
}

/* ---- finding them ---- */

static DcStatus
note_places(DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t numbers = clusters->count * clusters->dim;
  float *places = DC_NEW(float, numbers);
  if (!places)
    return DC_ERROR_MEMORY;
  memcpy(places, clusters->centroids, numbers * sizeof *places);
  dc_free(adapter->hierarchy.places);
  adapter->hierarchy.places = places;
  adapter->hierarchy.clusters = clusters->count;
  return DC_OK;
}

static DcStatus
find_groups(DcAdapter *adapter, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  DcScc scc;
  DcStatus status = dc_scc(&centroids, &scc, error);
  if (status == DC_ERROR_NOT_FINITE) /* so far apart that there is no distance: as they were */
    return DC_OK;
  if (status != DC_OK)
    return status;
  size_t level = dc_scc_level(&scc, adapter->config.coarse_groups);
  status = carry_names(adapter, scc.group + level * scc.points, scc.groups[level]);
  if (status == DC_OK)
    status = note_places(adapter);
  dc_scc_clear(&scc);
  return status == DC_OK ? DC_OK
                         : dc_error_set(error, status, "not enough memory for groups of clusters");
}

DcStatus
dc_hierarchy_update(DcAdapter *adapter, DcError *error)
{
  if (adapter->config.coarse_groups == 0) {
    forget_groups(adapter);
    return DC_OK;
  }
  return still_hold(adapter) ? DC_OK : find_groups(adapter, error);
}
