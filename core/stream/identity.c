/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/identity.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "stream/adapter_private.h"
#include "stream/cluster_changes.h"

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

DcStatus
dc_adapter_merge(DcAdapter *adapter, size_t cluster, size_t other, DcError *error)
{
  DcStatus status = check_cluster(adapter, cluster, error);
  if (status == DC_OK)
    status = check_cluster(adapter, other, error);
  if (status == DC_OK && cluster == other)
    status = dc_error_set(error, DC_ERROR_ARGUMENT,
                          "cluster %zu cannot be merged with itself: name another one", cluster);
  if (status == DC_OK)
    status = dc_adapter_join_clusters(adapter, cluster, other, error);
  return status == DC_OK ? dc_adapter_publish(adapter, error) : status;
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
  DcStatus status = check_split(adapter, cluster, error);
  if (status != DC_OK)
    return status;
  uint8_t *part = DC_NEW(uint8_t, dc_memory_stratum(adapter->clusters.memory, cluster).rows);
  float *centres = DC_NEW(float, 2 * adapter->dim);
  if (!part || !centres)
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to split a cluster");
  if (status == DC_OK)
    status = dc_cluster_halve(adapter, cluster, &adapter->random, part, centres, error);
  if (status == DC_OK)
    status = dc_adapter_part_cluster(adapter, cluster, part, centres, error);
  dc_free(part);
  dc_free(centres);
  return status == DC_OK ? dc_adapter_publish(adapter, error) : status;
}
