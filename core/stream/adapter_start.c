/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/choose.h"
#include "cluster/kmeans.h"
#include "cluster/transport_source.h"
#include "stream/adapter_private.h"
#include "tensor/rows.h"

#include <string.h>

/* The first clusters: given, or found in the warm-up. */

size_t
dc_adapter_usable_run(const DcMatrix *rows, size_t first)
{
  size_t end = first;
  for (; end < rows->rows; end++) {
    DcMatrix row = dc_matrix_rows(rows, end, 1);
    float square;
    dc_squared_norms(&row, &square);
    if (!(square <= DC_MAX_SQUARED_LENGTH))
      break;
  }
  return end - first;
}

static DcStatus
check_start(const DcAdapter *adapter, const DcMatrix *centroids, const float *spread,
            DcError *error)
{
  if (centroids->cols != adapter->dim || centroids->rows < 1 || centroids->rows > DC_MAX_CLUSTERS)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%zu centroids of %zu numbers do not fit embeddings of %zu numbers",
                        centroids->rows, centroids->cols, adapter->dim);
  if (dc_adapter_usable_run(centroids, 0) < centroids->rows)
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "a centroid holds NaN, infinity or numbers too large to compute with");
  for (size_t k = 0; k < centroids->rows && spread; k++)
    if (!(spread[k] >= 0 && spread[k] <= FLT_MAX))
      return dc_error_set(error, DC_ERROR_NOT_FINITE, "the spread of cluster %zu is %g", k,
                          (double)spread[k]);
  return DC_OK;
}

/* A model that tells the variance along every direction tells that of each number too. */
static void
refer_to_source(DcAdapter *adapter)
{
  const DcTransportSource *source = adapter->config.source;
  double *variance = DC_NEW(double, adapter->dim);
  for (size_t j = 0; variance && j < adapter->dim; j++)
    for (size_t i = 0; i < source->dim; i++) {
      double share = source->basis[j * source->dim + i];
      variance[j] += share * share * source->variance[i];
    }
  if (variance) /* else the stream will tell them */
    dc_alignment_refer(adapter->alignment, source->mean, variance);
  dc_free(variance);
}

static DcStatus
restart_method(DcAdapter *adapter, DcError *error)
{
  return adapter->method->restart ? adapter->method->restart(adapter, error) : DC_OK;
}

DcStatus
dc_adapter_start(DcAdapter *adapter, const DcMatrix *centroids, const float *spread,
                 const char *const *labels, DcError *error)
{
  DcStatus status = check_start(adapter, centroids, spread, error);
  if (status == DC_OK)
    status = dc_adapter_allocate_clusters(adapter, centroids->rows, error);
  if (status != DC_OK)
    return status;
  DcClusters *clusters = &adapter->clusters;
  DcMatrix own = dc_matrix(clusters->centroids, clusters->count, adapter->dim);
  DcMatrix reference = dc_matrix(clusters->reference, clusters->count, adapter->dim);
  dc_matrix_copy(centroids, &own);
  dc_matrix_copy(centroids, &reference);
  dc_clusters_name(clusters, labels, &adapter->random);
  adapter->next_number = clusters->count;
  dc_clusters_guess_spread(clusters, spread);
  adapter->since_adaptation = 0;
  const DcTransportSource *source = adapter->config.source;
  if (adapter->alignment && source && source->dim == adapter->dim && !adapter->accepted)
    refer_to_source(adapter);
  status = restart_method(adapter, error);
  return status == DC_OK ? dc_adapter_publish(adapter, error) : status;
}

/* The clusters of `sample`: as many as the configuration says, or chosen. `centroids` has room for
 * the most. */
static DcStatus
find_clusters(DcAdapter *adapter, const DcMatrix *sample, DcMatrix *centroids, DcError *error)
{
  uint32_t count = adapter->config.clusters;
  DcStatus status;
  if (count) {
    DcKmeansOptions options = dc_kmeans_options(count);
    DcKmeansResult result;
    status = dc_kmeans(sample, NULL, &options, &adapter->random, centroids, NULL, &result, error);
  } else {
    status = dc_choose_clusters(sample, &adapter->random, &count, centroids, error);
  }
  centroids->rows = count;
  return status;
}

static DcStatus
check_sample(const DcAdapter *adapter, const DcMatrix *sample, DcError *error)
{
  size_t least = adapter->config.clusters ? adapter->config.clusters : 1;
  if (sample->rows < least)
    return dc_error_set(error, DC_ERROR_NOT_READY,
                        "%zu embeddings are too few for %zu clusters; at least one for each is "
                        "needed",
                        sample->rows, least);
  return DC_OK;
}

static DcStatus
start_from_sample(DcAdapter *adapter, const DcMatrix *sample, DcError *error)
{
  DcStatus status = check_sample(adapter, sample, error);
  if (status != DC_OK)
    return status;
  size_t most = adapter->config.clusters ? adapter->config.clusters : adapter->config.max_clusters;
  float *start = DC_NEW(float, most * adapter->dim);
  if (!start)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for %zu clusters", most);
  DcMatrix centroids = dc_matrix(start, most, adapter->dim);
  status = find_clusters(adapter, sample, &centroids, error);
  if (status == DC_OK)
    status = dc_adapter_start(adapter, &centroids, NULL, NULL, error);
  dc_free(start);
  return status;
}

/* Gives the sample to the clusters made of it, and the method its first look. */
static DcStatus
fill_from_sample(DcAdapter *adapter, const DcMatrix *sample, DcError *error)
{
  DcStatus status = dc_adapter_receive(adapter, sample, adapter->sample_times, DC_TIME_UNKNOWN);
  if (status == DC_OK)
    status = restart_method(adapter, error);
  if (status == DC_OK && adapter->method->warmed_up)
    status = adapter->method->warmed_up(adapter, sample, error);
  return status;
}

/* Back to the warm-up, whose sample is still there: half a start would know no members, and the
 * number of its clusters would not count as chosen. */
static void
take_back_start(DcAdapter *adapter)
{
  dc_clusters_clear(&adapter->clusters);
  dc_hierarchy_expire(&adapter->hierarchy);
  dc_snapshot_unref(adapter->snapshot);
  adapter->snapshot = NULL;
}

DcStatus
dc_adapter_end_warm_up(DcAdapter *adapter, DcError *error)
{
  size_t kept =
      adapter->sampled < adapter->config.warm_up ? adapter->sampled : adapter->config.warm_up;
  DcMatrix sample = dc_matrix(adapter->sample, kept, adapter->dim);
  DcStatus status = start_from_sample(adapter, &sample, error);
  if (status == DC_OK)
    status = fill_from_sample(adapter, &sample, error);
  if (status != DC_OK) {
    take_back_start(adapter);
    return status;
  }
  adapter->sampled = 0;
  adapter->open_world.chosen = adapter->config.clusters == 0;
  dc_separation_restart(&adapter->separation); /* the clusters fit their own sample too well */
  adapter->since_adaptation = 0;
  memset(adapter->clusters.evidence, 0,
         adapter->clusters.count * sizeof *adapter->clusters.evidence);
  dc_clusters_measure(&adapter->clusters);
  return dc_adapter_publish(adapter, error);
}
