/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "partition.h"

#include "cluster/kmeans.h"
#include "command.h"
#include "nn/encode.h"
#include "stream/adapter.h"

void
dc_partition_clear(DcPartition *partition)
{
  g_clear_pointer(&partition->clusters, g_free);
}

gboolean
dc_partition_score(DcPartition *partition, const guint32 *labels, gsize n, GError **error)
{
  DcStatus status = dc_scores(partition->clusters, labels, n, &partition->scores);
  if (status == DC_OK)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -(int)status, "%s cannot be scored: %s", partition->name,
              dc_status_text(status));
  return FALSE;
}

gsize *
dc_partition_sizes(const DcPartition *partition, gsize n)
{
  gsize *sizes = g_new0(gsize, partition->count);
  for (gsize i = 0; i < n; i++)
    sizes[partition->clusters[i]]++;
  return sizes;
}

/* --- common steps --- */

static gint64
begin(DcPartition *partition, const char *name, const DcPartitionInput *input)
{
  *partition = (DcPartition){
      .name = name,
      .clusters = g_new0(guint32, input->embeddings.rows),
      .count = input->centroids.rows,
  };
  return g_get_monotonic_time();
}

static gboolean
end(DcPartition *partition, gint64 start, DcStatus status, const DcError *core_error,
    GError **error)
{
  partition->seconds = (double)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
  if (status == DC_OK)
    return TRUE;
  dc_partition_clear(partition);
  return dc_tools_take_error(core_error, error);
}

static DcRandom
start_random(const DcPartitionInput *input)
{
  DcRandom random;
  dc_random_seed(&random, input->seed, 0);
  return random;
}

/* --- by the centroids to start from --- */

static DcStatus
assign_nearest(const DcPartitionInput *input, guint32 *clusters, DcError *error)
{
  gsize size = dc_nearest_scratch(input->centroids.rows, input->centroids.cols);
  g_autofree float *scratch = size ? g_try_new(float, size) : NULL;
  if (!scratch)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu centroids",
                        input->centroids.rows);
  dc_nearest(&input->embeddings, &input->centroids, scratch, clusters, NULL);
  return DC_OK;
}

gboolean
dc_partition_as_started(DcPartition *partition, const DcPartitionInput *input,
                        const DcNetwork *assigner, GError **error)
{
  gint64 start = begin(partition, input->trained ? "as trained" : "k-means", input);
  DcError core_error;
  DcStatus status =
      assigner ? dc_encode_largest(assigner, input->embeddings.data, input->embeddings.rows, 1,
                                   partition->clusters, &core_error)
               : assign_nearest(input, partition->clusters, &core_error);
  return end(partition, start, status, &core_error, error);
}

/* --- adapted as a stream --- */

static DcStatus
show_stream(DcAdapter *adapter, const DcMatrix *embeddings, gsize interval, DcError *error)
{
  DcStatus status = DC_OK;
  for (gsize first = 0; first < embeddings->rows && status == DC_OK; first += interval) {
    DcMatrix batch = dc_matrix_rows(embeddings, first, MIN(interval, embeddings->rows - first));
    DcPushResult result;
    status = dc_adapter_push(adapter, &batch, UINT64_MAX, &result);
    if (status != DC_OK)
      dc_error_set(error, status, "the embeddings cannot be adapted to: %s",
                   dc_status_text(status));
    else if (dc_adapter_is_due(adapter))
      status = dc_adapter_adapt(adapter, true, error);
  }
  return status;
}

static DcStatus
make_adapter(const DcPartitionInput *input, DcAdapter **adapter, gsize *interval, DcError *error)
{
  DcAdapterConfig config = dc_adapter_config();
  config.clusters = (uint32_t)input->centroids.rows;
  config.max_clusters = MAX(config.max_clusters, config.clusters);
  config.window = MAX(config.window, 8 * (gsize)config.clusters);
  config.seed = input->seed;
  *interval = config.interval;
  DcStatus status = dc_adapter_new(&config, input->centroids.cols, input->encoder, adapter, error);
  return status == DC_OK ? dc_adapter_start(*adapter, &input->centroids, NULL, NULL, error)
                         : status;
}

static DcStatus
assign_by_snapshot(DcAdapter *adapter, const DcMatrix *embeddings, guint32 *clusters,
                   DcError *error)
{
  g_autofree DcAssignment *assignments = g_new(DcAssignment, embeddings->rows);
  DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
  DcAssigner *assigner = dc_assigner_new();
  DcStatus status = dc_snapshot_assign(snapshot, assigner, embeddings, 0, assignments);
  if (status != DC_OK)
    dc_error_set(error, status, "the embeddings cannot be assigned: %s", dc_status_text(status));
  for (gsize i = 0; i < embeddings->rows && status == DC_OK; i++)
    clusters[i] = assignments[i].cluster;
  dc_assigner_free(assigner);
  dc_snapshot_unref(snapshot);
  return status;
}

gboolean
dc_partition_by_stream(DcPartition *partition, const DcPartitionInput *input, GError **error)
{
  gint64 start = begin(partition, "adapted", input);
  DcAdapter *adapter = NULL;
  gsize interval;
  DcError core_error;
  DcStatus status = make_adapter(input, &adapter, &interval, &core_error);
  if (status == DC_OK)
    status = show_stream(adapter, &input->embeddings, interval, &core_error);
  if (status == DC_OK)
    status = assign_by_snapshot(adapter, &input->embeddings, partition->clusters, &core_error);
  dc_adapter_free(adapter);
  return end(partition, start, status, &core_error, error);
}

/* --- all at once --- */

gboolean
dc_partition_by_attention(DcPartition *partition, const DcPartitionInput *input,
                          const DcTdcmModule *attention, GError **error)
{
  gint64 start = begin(partition, "adapted", input);
  DcRandom random = start_random(input);
  g_autofree float *values = g_new(float, input->centroids.rows * input->centroids.cols);
  DcMatrix centroids = dc_matrix(values, input->centroids.rows, input->centroids.cols);
  DcError core_error;
  DcStatus status = dc_tdcm_apply(attention, &input->embeddings, &random, 1, &centroids,
                                  partition->clusters, NULL, &core_error);
  return end(partition, start, status, &core_error, error);
}

gboolean
dc_partition_by_kmeans(DcPartition *partition, const DcPartitionInput *input, GError **error)
{
  gint64 start = begin(partition, "k-means anew", input);
  DcRandom random = start_random(input);
  g_autofree float *values = g_new(float, input->centroids.rows * input->centroids.cols);
  DcMatrix centroids = dc_matrix(values, input->centroids.rows, input->centroids.cols);
  DcKmeansOptions options = dc_kmeans_options((uint32_t)input->centroids.rows);
  DcKmeansResult result;
  DcError core_error;
  DcStatus status = dc_kmeans(&input->embeddings, NULL, &options, &random, &centroids,
                              partition->clusters, &result, &core_error);
  return end(partition, start, status, &core_error, error);
}

gboolean
dc_partition_by_mixture(DcPartition *partition, const DcPartitionInput *input,
                        DcCovariance covariance, GError **error)
{
  static const char *const names[] = {
      [DC_COVARIANCE_SPHERICAL] = "spherical mixture anew",
      [DC_COVARIANCE_TIED] = "tied mixture anew",
      [DC_COVARIANCE_FULL] = "full mixture anew",
  };
  gint64 start = begin(partition, names[covariance], input);
  DcRandom random = start_random(input);
  DcMixtureOptions options = dc_mixture_options((uint32_t)input->centroids.rows, covariance);
  DcMixture *mixture = NULL;
  DcMixtureResult result;
  DcError core_error;
  DcStatus status = dc_mixture_fit(&input->embeddings, &options, &random, NULL, &mixture,
                                   partition->clusters, &result, &core_error);
  dc_mixture_free(mixture);
  return end(partition, start, status, &core_error, error);
}
