/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/cluster_changes.h"

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "stream/adapter_private.h"
#include "stream/regroup.h"

#include <string.h>

/* ---- plans ---- */

/* Room for a plan of `count` clusters; everything that is not changed goes on as it is. */
typedef struct {
  DcRegrouping regrouping;
  size_t *from;
  float *centroids;
  uint32_t (*heirs)[2];
  uint8_t *part;
} Plan;

static void
clear_plan(Plan *plan)
{
  dc_free(plan->from);
  dc_free(plan->centroids);
  dc_free(plan->heirs);
  dc_free(plan->part);
}

static DcStatus
make_plan(const DcClusters *clusters, size_t count, Plan *plan, DcError *error)
{
  *plan = (Plan){
      .from = DC_NEW(size_t, count),
      .centroids = DC_NEW(float, count * clusters->dim),
      .heirs = (uint32_t(*)[2])dc_alloc(clusters->count, sizeof(uint32_t[2])),
      .part = DC_NEW(uint8_t, dc_memory_count(clusters->memory)),
  };
  if (!plan->from || !plan->centroids || !plan->heirs || !plan->part) {
    clear_plan(plan);
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for %zu clusters", count);
  }
  plan->regrouping = (DcRegrouping){.count = count,
                                    .from = plan->from,
                                    .centroids = plan->centroids,
                                    .heirs = (const uint32_t(*)[2])plan->heirs,
                                    .part = plan->part};
  return DC_OK;
}

/* Cluster `from` of the adapter is cluster `to` of the plan. */
static void
keep_cluster(const DcClusters *clusters, Plan *plan, size_t from, size_t to)
{
  plan->from[to] = from;
  plan->heirs[from][0] = plan->heirs[from][1] = (uint32_t)to;
  memcpy(plan->centroids + to * clusters->dim, clusters->centroids + from * clusters->dim,
         clusters->dim * sizeof(float));
}

/* All clusters but `gone` (SIZE_MAX: all) go on in their order. */
static void
keep_all_but(const DcClusters *clusters, Plan *plan, size_t gone)
{
  for (size_t k = 0; k < clusters->count; k++)
    if (k != gone)
      keep_cluster(clusters, plan, k, k - (k > gone));
}

/* ---- joining ---- */

/* The mean of two centroids by the mass of their clusters. */
static void
join_centroids(const DcClusters *clusters, size_t a, size_t b, float *joined)
{
  double mass_a = clusters->infos[a].mass, mass_b = clusters->infos[b].mass;
  double share = mass_a + mass_b > 0 ? mass_b / (mass_a + mass_b) : 0.5;
  const float *x = clusters->centroids + a * clusters->dim;
  const float *y = clusters->centroids + b * clusters->dim;
  for (size_t i = 0; i < clusters->dim; i++)
    joined[i] = (float)((double)x[i] + share * ((double)y[i] - (double)x[i]));
}

/* The name that a person gave outlives the one that nobody gave. */
static void
inherit_name(DcClusterInfo *info, const DcClusterInfo *other)
{
  if (info->named || !other->named)
    return;
  dc_cluster_set_label(info, other->label);
  info->named = true;
}

DcStatus
dc_adapter_join_clusters(DcAdapter *adapter, size_t cluster, size_t other, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  Plan plan;
  DcStatus status = make_plan(clusters, clusters->count - 1, &plan, error);
  if (status != DC_OK)
    return status;
  keep_all_but(clusters, &plan, other);
  size_t joined = cluster - (cluster > other);
  plan.heirs[other][0] = plan.heirs[other][1] = (uint32_t)joined;
  join_centroids(clusters, cluster, other, plan.centroids + joined * clusters->dim);
  DcClusterInfo absorbed = clusters->infos[other];
  status = dc_adapter_regroup(adapter, &plan.regrouping, error);
  clear_plan(&plan);
  if (status == DC_OK)
    inherit_name(&clusters->infos[joined], &absorbed);
  return status;
}

/* ---- parting ---- */

/* Where the members of `cluster` begin in a list of all that is remembered. */
static size_t
first_member(const DcClusters *clusters, size_t cluster)
{
  size_t first = 0;
  for (size_t k = 0; k < cluster; k++)
    first += dc_memory_stratum(clusters->memory, k).rows;
  return first;
}

/* The members of `cluster`, oldest first. */
static void
copy_members(const DcClusters *clusters, size_t cluster, const DcMatrix *rows)
{
  for (size_t i = 0; i < rows->rows; i++) {
    uint64_t time;
    memcpy(rows->data + i * rows->cols, dc_memory_at(clusters->memory, cluster, i, &time),
           rows->cols * sizeof *rows->data);
  }
}

/* The larger part is part 0. */
static void
order_parts(const uint32_t *labels, size_t count, size_t dim, uint8_t *part, float *centres)
{
  size_t second = 0;
  for (size_t i = 0; i < count; i++)
    second += labels[i];
  bool swap = 2 * second > count;
  for (size_t i = 0; i < count; i++)
    part[i] = (uint8_t)(labels[i] ^ (uint32_t)swap);
  for (size_t i = 0; i < dim && swap; i++) {
    float first = centres[i];
    centres[i] = centres[dim + i];
    centres[dim + i] = first;
  }
}

DcStatus
dc_cluster_halve(const DcAdapter *adapter, size_t cluster, DcRandom *random, uint8_t *part,
                 float *centres, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t dim = clusters->dim, count = dc_memory_stratum(clusters->memory, cluster).rows;
  float *rows = DC_NEW(float, count *dim);
  uint32_t *labels = DC_NEW(uint32_t, count);
  DcStatus status = DC_OK;
  if (!rows || !labels)
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to split a cluster");
  DcMatrix members = dc_matrix(rows, count, dim), found = dc_matrix(centres, 2, dim);
  DcKmeansOptions options = dc_kmeans_options(2);
  DcKmeansResult result;
  if (status == DC_OK) {
    copy_members(clusters, cluster, &members);
    status = dc_kmeans(&members, NULL, &options, random, &found, labels, &result, error);
  }
  if (status == DC_OK)
    order_parts(labels, count, dim, part, centres);
  dc_free(rows);
  dc_free(labels);
  return status;
}

DcStatus
dc_adapter_part_cluster(DcAdapter *adapter, size_t cluster, const uint8_t *part,
                        const float *centres, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t dim = clusters->dim, last = clusters->count;
  Plan plan;
  DcStatus status = make_plan(clusters, clusters->count + 1, &plan, error);
  if (status != DC_OK)
    return status;
  keep_all_but(clusters, &plan, SIZE_MAX);
  plan.from[last] = DC_NEW_CLUSTER;
  plan.heirs[cluster][1] = (uint32_t)last;
  memcpy(plan.part + first_member(clusters, cluster), part,
         dc_memory_stratum(clusters->memory, cluster).rows);
  memcpy(plan.centroids + cluster * dim, centres, dim * sizeof *centres);
  memcpy(plan.centroids + last * dim, centres + dim, dim * sizeof *centres);
  status = dc_adapter_regroup(adapter, &plan.regrouping, error);
  clear_plan(&plan);
  return status;
}

/* ---- adding and dropping ---- */

DcStatus
dc_adapter_add_cluster(DcAdapter *adapter, const float *centroid, const DcMatrix *members,
                       const uint64_t *times, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t last = clusters->count;
  Plan plan;
  DcStatus status = make_plan(clusters, last + 1, &plan, error);
  if (status != DC_OK)
    return status;
  keep_all_but(clusters, &plan, SIZE_MAX);
  plan.from[last] = DC_NEW_CLUSTER;
  memcpy(plan.centroids + last * clusters->dim, centroid, clusters->dim * sizeof *centroid);
  plan.regrouping.newborn = members;
  plan.regrouping.newborn_times = times;
  status = dc_adapter_regroup(adapter, &plan.regrouping, error);
  clear_plan(&plan);
  return status;
}

DcStatus
dc_adapter_drop_cluster(DcAdapter *adapter, size_t cluster, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  Plan plan;
  DcStatus status = make_plan(clusters, clusters->count - 1, &plan, error);
  if (status != DC_OK)
    return status;
  keep_all_but(clusters, &plan, cluster);
  plan.heirs[cluster][0] = plan.heirs[cluster][1] = DC_FORGOTTEN;
  status = dc_adapter_regroup(adapter, &plan.regrouping, error);
  clear_plan(&plan);
  return status;
}
