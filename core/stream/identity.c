/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/identity.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "cluster/kmeans.h"
#include "stream/adapter_private.h"
#include "stream/regroup.h"

#include <string.h>

static DcStatus
check_cluster(const DcAdapter *adapter, size_t cluster, DcError *error)
{
  if (cluster >= adapter->clusters.count)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "there is no cluster %zu; there are %zu", cluster,
                        adapter->clusters.count);
  return DC_OK;
}

DcStatus
dc_adapter_rename(DcAdapter *adapter, size_t cluster, const char *label, DcError *error)
{
  DcStatus status = check_cluster(adapter, cluster, error);
  if (status != DC_OK)
    return status;
  size_t length = strlen(label);
  if (length < 1 || dc_utf8_prefix(label, DC_LABEL_SIZE - 1) < length)
    return dc_error_set(
        error, DC_ERROR_ARGUMENT,
        "a label has 1 to %d bytes of UTF-8; this one has %zu bytes, or is not UTF-8",
        DC_LABEL_SIZE - 1, length);
  dc_cluster_set_label(&adapter->clusters.infos[cluster], label);
  adapter->clusters.infos[cluster].named = true;
  return dc_adapter_publish(adapter, error);
}

DcStatus
dc_adapter_pin(DcAdapter *adapter, size_t cluster, bool pinned, DcError *error)
{
  DcStatus status = check_cluster(adapter, cluster, error);
  if (status != DC_OK)
    return status;
  if (pinned)
    dc_clusters_pin(&adapter->clusters, cluster);
  else
    adapter->clusters.infos[cluster].pinned = false;
  return dc_adapter_publish(adapter, error);
}

DcStatus
dc_adapter_ignore(DcAdapter *adapter, size_t cluster, bool ignored, DcError *error)
{
  DcStatus status = check_cluster(adapter, cluster, error);
  if (status != DC_OK)
    return status;
  adapter->clusters.infos[cluster].ignored = ignored;
  return dc_adapter_publish(adapter, error);
}

/* ---- merging and splitting ---- */

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
dc_adapter_merge(DcAdapter *adapter, size_t cluster, size_t other, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  DcStatus status = check_cluster(adapter, cluster, error);
  if (status == DC_OK)
    status = check_cluster(adapter, other, error);
  if (status == DC_OK && cluster == other)
    status = dc_error_set(error, DC_ERROR_ARGUMENT,
                          "cluster %zu cannot be merged with itself: name another one", cluster);
  Plan plan;
  if (status == DC_OK)
    status = make_plan(clusters, clusters->count - 1, &plan, error);
  if (status != DC_OK)
    return status;
  for (size_t k = 0; k < clusters->count; k++)
    if (k != other)
      keep_cluster(clusters, &plan, k, k - (k > other));
  size_t joined = cluster - (cluster > other);
  plan.heirs[other][0] = plan.heirs[other][1] = (uint32_t)joined;
  join_centroids(clusters, cluster, other, plan.centroids + joined * clusters->dim);
  DcClusterInfo absorbed = clusters->infos[other];
  status = dc_adapter_regroup(adapter, &plan.regrouping, error);
  clear_plan(&plan);
  if (status != DC_OK)
    return status;
  inherit_name(&clusters->infos[joined], &absorbed);
  return dc_adapter_publish(adapter, error);
}

/* Where the members of `cluster` begin in a list of all that is remembered. */
static size_t
first_member(const DcClusters *clusters, size_t cluster)
{
  size_t first = 0;
  for (size_t k = 0; k < cluster; k++)
    first += dc_memory_stratum(clusters->memory, k).rows;
  return first;
}

/* 2-means of the members of `cluster`, oldest first: labels them 0 and 1, the larger part 0, and
 * finds the centres of both. */
static DcStatus
halve(DcAdapter *adapter, size_t cluster, uint8_t *part, float *centres, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  size_t dim = clusters->dim, count = dc_memory_stratum(clusters->memory, cluster).rows;
  float *rows = DC_NEW(float, count *dim);
  uint32_t *labels = DC_NEW(uint32_t, count);
  DcStatus status = DC_OK;
  if (!rows || !labels)
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to split a cluster");
  for (size_t i = 0; i < count && status == DC_OK; i++) {
    uint64_t time;
    memcpy(rows + i * dim, dc_memory_at(clusters->memory, cluster, i, &time), dim * sizeof *rows);
  }
  DcMatrix members = dc_matrix(rows, count, dim), found = dc_matrix(centres, 2, dim);
  DcKmeansOptions options = dc_kmeans_options(2);
  DcKmeansResult result;
  if (status == DC_OK)
    status = dc_kmeans(&members, NULL, &options, &adapter->random, &found, labels, &result, error);
  size_t second = 0;
  for (size_t i = 0; i < count && status == DC_OK; i++)
    second += labels[i];
  bool swap = 2 * second > count;
  for (size_t i = 0; i < count && status == DC_OK; i++)
    part[i] = (uint8_t)(labels[i] ^ (uint32_t)swap);
  for (size_t i = 0; i < dim && status == DC_OK && swap; i++) {
    float first = centres[i];
    centres[i] = centres[dim + i];
    centres[dim + i] = first;
  }
  dc_free(rows);
  dc_free(labels);
  return status;
}

static bool
members_differ(const DcClusters *clusters, size_t cluster)
{
  DcMatrix members = dc_memory_stratum(clusters->memory, cluster);
  for (size_t i = 1; i < members.rows; i++)
    if (memcmp(members.data, dc_matrix_row(&members, i), members.cols * sizeof(float)) != 0)
      return true;
  return false;
}

static DcStatus
check_split(const DcAdapter *adapter, size_t cluster, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  DcStatus status = check_cluster(adapter, cluster, error);
  if (status != DC_OK)
    return status;
  if (!members_differ(clusters, cluster))
    return dc_error_set(error, DC_ERROR_NOT_READY,
                        "cluster \"%s\" cannot be split: of %zu embeddings that it remembers no "
                        "two differ",
                        clusters->infos[cluster].label,
                        dc_memory_stratum(clusters->memory, cluster).rows);
  if (clusters->count >= adapter->config.window || clusters->count >= DC_MAX_CLUSTERS)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "there is no room for more than %zu clusters in a window of %zu embeddings",
                        clusters->count, adapter->config.window);
  return DC_OK;
}

DcStatus
dc_adapter_split(DcAdapter *adapter, size_t cluster, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  size_t dim = clusters->dim, last = clusters->count;
  DcStatus status = check_split(adapter, cluster, error);
  Plan plan;
  if (status == DC_OK)
    status = make_plan(clusters, clusters->count + 1, &plan, error);
  if (status != DC_OK)
    return status;
  for (size_t k = 0; k < clusters->count; k++)
    keep_cluster(clusters, &plan, k, k);
  plan.from[last] = DC_NEW_CLUSTER;
  plan.heirs[cluster][1] = (uint32_t)last;
  float *centres = DC_NEW(float, 2 * dim);
  if (!centres)
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to split a cluster");
  if (status == DC_OK)
    status = halve(adapter, cluster, plan.part + first_member(clusters, cluster), centres, error);
  if (status == DC_OK) {
    memcpy(plan.centroids + cluster * dim, centres, dim * sizeof *centres);
    memcpy(plan.centroids + last * dim, centres + dim, dim * sizeof *centres);
    status = dc_adapter_regroup(adapter, &plan.regrouping, error);
  }
  dc_free(centres);
  clear_plan(&plan);
  return status == DC_OK ? dc_adapter_publish(adapter, error) : status;
}
