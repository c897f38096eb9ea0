/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/adapter.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "cluster/choose.h"
#include "cluster/kmeans.h"
#include "stream/adapter_private.h"
#include "stream/snapshot_builder.h"
#include "stream/uuid.h"
#include "tensor/rows.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Embeddings that are assigned at once. */
#define CHUNK 256
/* A cluster takes 1 - 1/e of the proposed step when it received this many embeddings. */
#define EVIDENCE_SCALE 8.0
/* Of a proposed move, squared, so many times what chance alone makes of it is not believed. */
#define CHANCE_FACTOR 2.0
/* Memory of the recent shares, in embeddings. */
#define SHARE_MEMORY 256.0
/* k-means is attention in the limit of temperature 0; at this share of the temperature the second
 * centroid weighs nothing in single precision once it is an eighth of a spread farther away. */
#define HARD_SHARE 1e-4f
/* Members without which nothing is said about how far out the others lie. */
#define SURVIVAL_MEMBERS 16
#define EPSILON          1e-6

#define MAX_CLUSTERS 65536u
#define MAX_WINDOW   ((size_t)1 << 26)

DcAdapterConfig
dc_adapter_config(void)
{
  return (DcAdapterConfig){
      .method = DC_METHOD_TRANSPORT,
      .clusters = 0,
      .max_clusters = 32,
      .window = 2048,
      .interval = 64,
      .warm_up = 256,
      .adaptation_rate = 1,
      .half_life = 0,
      .seed = 0,
  };
}

DcStatus
dc_adapter_config_check(const DcAdapterConfig *config, DcError *error)
{
  if (config->method < 0 || config->method >= DC_METHOD_COUNT)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "method %d does not exist", (int)config->method);
  if (config->clusters > MAX_CLUSTERS || config->max_clusters < 1 ||
      config->max_clusters > MAX_CLUSTERS)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "clusters (%u) must be at most %u and max-clusters (%u) in 1..%u",
                        config->clusters, MAX_CLUSTERS, config->max_clusters, MAX_CLUSTERS);
  size_t most = config->clusters ? config->clusters : config->max_clusters;
  if (config->window < most || config->window > MAX_WINDOW)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a window of %zu embeddings has no room for %zu clusters; it must lie in "
                        "%zu..%zu",
                        config->window, most, most, MAX_WINDOW);
  if (config->interval < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "the interval must be at least 1 embedding");
  if (config->warm_up < 1 || config->warm_up < config->clusters || config->warm_up > MAX_WINDOW)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "a warm-up of %zu embeddings is too short for %u clusters or beyond %zu",
                        config->warm_up, config->clusters, MAX_WINDOW);
  if (!(config->adaptation_rate >= 0 && config->adaptation_rate <= 1))
    return dc_error_set(error, DC_ERROR_ARGUMENT, "the adaptation rate %g is not in 0..1",
                        config->adaptation_rate);
  return DC_OK;
}

/* --- making and freeing --- */

static void
free_clusters(DcClusters *clusters)
{
  dc_free(clusters->centroids);
  dc_free(clusters->reference);
  dc_free(clusters->proposal);
  dc_free(clusters->infos);
  dc_free(clusters->survival);
  dc_free(clusters->evidence);
  dc_free(clusters->shares);
  dc_memory_free(clusters->memory);
  dc_attention_free(clusters->attention);
  *clusters = (DcClusters){0};
}

DcStatus
dc_adapter_allocate_clusters(DcAdapter *adapter, size_t count, DcError *error)
{
  size_t numbers = 0;
  bool fits = dc_checked_mul(count, adapter->dim, &numbers);
  DcClusters made = {
      .count = count,
      .centroids = DC_NEW(float, numbers),
      .reference = DC_NEW(float, numbers),
      .proposal = DC_NEW(float, numbers),
      .infos = DC_NEW(DcClusterInfo, count),
      .survival = DC_NEW(DcSurvival, count),
      .evidence = DC_NEW(double, count),
      .shares = DC_NEW(double, count),
      .memory = dc_memory_new(count, adapter->dim, adapter->config.window),
      .attention = dc_attention_new(count, adapter->dim),
  };
  if (!fits || !made.centroids || !made.reference || !made.proposal || !made.infos ||
      !made.survival || !made.evidence || !made.shares || !made.memory || !made.attention) {
    free_clusters(&made);
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "not enough memory for %zu clusters of %zu numbers and a window of %zu",
                        count, adapter->dim, adapter->config.window);
  }
  float *distances = DC_NEW(float, dc_memory_capacity(made.memory));
  if (!distances) {
    free_clusters(&made);
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a window of %zu",
                        adapter->config.window);
  }
  dc_free(adapter->distances);
  adapter->distances = distances;
  free_clusters(&adapter->clusters);
  adapter->clusters = made;
  return DC_OK;
}

DcStatus
dc_adapter_new(const DcAdapterConfig *config, size_t dim, const char *encoder, DcAdapter **adapter,
               DcError *error)
{
  *adapter = NULL;
  DcStatus status = dc_adapter_config_check(config, error);
  if (status != DC_OK)
    return status;
  if (dim < 1 || strlen(encoder) >= DC_ENCODER_NAME_SIZE)
    return dc_error_set(
        error, DC_ERROR_ARGUMENT,
        "embeddings of %zu numbers by \"%.40s\" cannot be used: at least one number "
        "and a name below %d bytes are needed",
        dim, encoder, DC_ENCODER_NAME_SIZE);
  size_t numbers = 0;
  bool fits = dc_checked_mul(config->warm_up, dim, &numbers);
  DcAdapter *made = DC_NEW(DcAdapter, 1);
  if (made) {
    made->config = *config;
    made->dim = dim;
    strcpy(made->encoder, encoder);
    dc_random_seed(&made->random, config->seed, 0);
    made->sample = fits ? DC_NEW(float, numbers) : NULL;
    made->sample_times = DC_NEW(uint64_t, config->warm_up);
    made->assigner = dc_assigner_new();
    made->assignments = DC_NEW(DcAssignment, CHUNK);
  }
  if (!made || !made->sample || !made->sample_times || !made->assigner || !made->assignments ||
      !dc_adapter_transport_reserve(made)) {
    dc_adapter_free(made);
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "not enough memory for a warm-up of %zu embeddings of %zu numbers",
                        config->warm_up, dim);
  }
  *adapter = made;
  return DC_OK;
}

void
dc_adapter_free(DcAdapter *adapter)
{
  if (!adapter)
    return;
  dc_snapshot_unref(adapter->snapshot);
  dc_assigner_free(adapter->assigner);
  dc_free(adapter->assignments);
  dc_free(adapter->distances);
  dc_free(adapter->sample);
  dc_free(adapter->sample_times);
  dc_adapter_transport_clear(&adapter->transport);
  free_clusters(&adapter->clusters);
  dc_free(adapter);
}

DcStatus
dc_adapter_configure(DcAdapter *adapter, const DcAdapterConfig *config, DcError *error)
{
  DcStatus status = dc_adapter_config_check(config, error);
  if (status != DC_OK)
    return status;
  const DcAdapterConfig *old = &adapter->config;
  if (config->clusters != old->clusters || config->max_clusters != old->max_clusters ||
      config->window != old->window || config->warm_up != old->warm_up || config->seed != old->seed)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "clusters, max-clusters, window, warm-up and seed cannot change while "
                        "running");
  bool restart = config->method != old->method;
  adapter->config = *config;
  if (restart)
    dc_adapter_transport_restart(adapter);
  if (!dc_adapter_transport_reserve(adapter))
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for an interval of %zu",
                        config->interval);
  return DC_OK;
}

/* --- snapshots --- */

DcStatus
dc_adapter_publish(DcAdapter *adapter, DcError *error)
{
  const DcClusters *clusters = &adapter->clusters;
  DcSnapshotParts parts = {
      .version = adapter->version + 1,
      .encoder = adapter->encoder,
      .centroids = dc_matrix(clusters->centroids, clusters->count, adapter->dim),
      .infos = clusters->infos,
      .survival = clusters->survival,
      .temperature = adapter->temperature,
  };
  const DcTransportTracker *tracker = adapter->transport.tracker;
  if (tracker)
    parts.scorer = dc_transport_tracker_scorer(tracker);
  DcSnapshot *snapshot = tracker && !parts.scorer ? NULL : dc_snapshot_new(&parts);
  if (!snapshot)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a snapshot of %zu clusters",
                        clusters->count);
  dc_snapshot_unref(adapter->snapshot);
  adapter->snapshot = snapshot;
  adapter->version++;
  return DC_OK;
}

DcSnapshot *
dc_adapter_snapshot(DcAdapter *adapter)
{
  return adapter->snapshot ? dc_snapshot_ref(adapter->snapshot) : NULL;
}

/* --- statistics --- */

/* A temperature that is never 0, also for embeddings that are all the same point. */
static float
temperature_from(const DcAdapter *adapter, double variance)
{
  DcMatrix centroids =
      dc_matrix(adapter->clusters.centroids, adapter->clusters.count, adapter->dim);
  double square = 0;
  for (size_t i = 0; i < centroids.rows * centroids.cols; i++)
    square += (double)centroids.data[i] * centroids.data[i];
  double floor = 1e-6 * square / (double)(centroids.rows * centroids.cols) + 1e-12;
  return (float)fmin(2 * fmax(variance, floor), FLT_MAX);
}

/* Spread, distances of members and shift of cluster `k` from its stratum; returns the members'
 * summed squared distance. */
static double
measure_cluster(DcAdapter *adapter, size_t k)
{
  DcClusters *clusters = &adapter->clusters;
  DcMatrix members = dc_memory_stratum(clusters->memory, k);
  DcMatrix centroid = dc_matrix(clusters->centroids + k * adapter->dim, 1, adapter->dim);
  DcMatrix reference = dc_matrix(clusters->reference + k * adapter->dim, 1, adapter->dim);
  DcClusterInfo *info = &clusters->infos[k];
  double sum = 0;
  dc_squared_distances(&members, &centroid, NULL, adapter->distances);
  for (size_t i = 0; i < members.rows; i++) {
    sum += adapter->distances[i];
    adapter->distances[i] = sqrtf(adapter->distances[i]);
  }
  if (members.rows > 1)
    info->spread = (float)sqrt(sum / (double)members.rows);
  if (members.rows >= SURVIVAL_MEMBERS)
    dc_survival_measure(&clusters->survival[k], adapter->distances, members.rows, info->spread);
  float moved;
  dc_squared_distances(&centroid, &reference, NULL, &moved);
  info->shift = info->spread > 0 ? fminf(sqrtf(moved) / info->spread, FLT_MAX) : 0;
  return sum;
}

static void
measure_clusters(DcAdapter *adapter)
{
  DcClusters *clusters = &adapter->clusters;
  double sum = 0;
  for (size_t k = 0; k < clusters->count; k++)
    sum += measure_cluster(adapter, k);
  size_t remembered = dc_memory_count(clusters->memory);
  if (remembered > clusters->count) /* else the clusters are single points, without any width */
    adapter->temperature = temperature_from(adapter, sum / (double)(remembered * adapter->dim));
}

/* --- the first centroids --- */

/* How many rows from `first` on can be computed with: distances between them are numbers too. */
static size_t
usable_run(const DcMatrix *rows, size_t first)
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

/* Keeps what there is room for. */
static void
set_label(DcClusterInfo *info, const char *label)
{
  size_t length = dc_utf8_prefix(label, DC_LABEL_SIZE - 1);
  memset(info->label, 0, sizeof info->label);
  memcpy(info->label, label, length);
}

static void
name_clusters(DcAdapter *adapter, const char *const *labels)
{
  for (size_t k = 0; k < adapter->clusters.count; k++) {
    DcClusterInfo *info = &adapter->clusters.infos[k];
    dc_uuid_make(&adapter->random, info->uuid);
    if (labels && labels[k][0])
      set_label(info, labels[k]);
    else
      snprintf(info->label, sizeof info->label, "cluster-%zu", k);
    adapter->clusters.shares[k] = 1 / (double)adapter->clusters.count;
  }
}

/* Half the distance to the nearest other centroid: all that is known of a cluster's width before
 * its members are seen. */
static float
guess_spread(const DcAdapter *adapter, size_t k)
{
  DcMatrix all = dc_matrix(adapter->clusters.centroids, adapter->clusters.count, adapter->dim);
  DcMatrix own = dc_matrix_rows(&all, k, 1);
  float nearest = INFINITY;
  for (size_t other = 0; other < all.rows; other++) {
    DcMatrix row = dc_matrix_rows(&all, other, 1);
    float distance;
    dc_squared_distances(&row, &own, NULL, &distance);
    if (other != k && distance < nearest)
      nearest = distance;
  }
  return isinf(nearest) ? 1 : sqrtf(nearest) / 2;
}

DcStatus
dc_adapter_start(DcAdapter *adapter, const DcMatrix *centroids, const float *spread,
                 const char *const *labels, DcError *error)
{
  if (centroids->cols != adapter->dim || centroids->rows < 1 || centroids->rows > MAX_CLUSTERS)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%zu centroids of %zu numbers do not fit embeddings of %zu numbers",
                        centroids->rows, centroids->cols, adapter->dim);
  if (usable_run(centroids, 0) < centroids->rows)
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "a centroid holds NaN, infinity or numbers too large to compute with");
  for (size_t k = 0; k < centroids->rows && spread; k++)
    if (!(spread[k] >= 0 && spread[k] <= FLT_MAX))
      return dc_error_set(error, DC_ERROR_NOT_FINITE, "the spread of cluster %zu is %g", k,
                          (double)spread[k]);
  DcStatus status = dc_adapter_allocate_clusters(adapter, centroids->rows, error);
  if (status != DC_OK)
    return status;
  DcClusters *clusters = &adapter->clusters;
  DcMatrix own = dc_matrix(clusters->centroids, clusters->count, adapter->dim);
  DcMatrix reference = dc_matrix(clusters->reference, clusters->count, adapter->dim);
  dc_matrix_copy(centroids, &own);
  dc_matrix_copy(centroids, &reference);
  name_clusters(adapter, labels);
  double square = 0;
  for (size_t k = 0; k < clusters->count; k++) {
    clusters->infos[k].spread = spread ? spread[k] : guess_spread(adapter, k);
    square += (double)clusters->infos[k].spread * clusters->infos[k].spread;
  }
  adapter->temperature =
      temperature_from(adapter, square / (double)(clusters->count * adapter->dim));
  adapter->since_adaptation = 0;
  dc_adapter_transport_restart(adapter);
  return dc_adapter_publish(adapter, error);
}

static DcStatus push_running(DcAdapter *adapter, const DcMatrix *rows, const uint64_t *times,
                             uint64_t time);

/* Clusters the warm-up sample and gives it to the clusters as their first members. */
static DcStatus
end_warm_up(DcAdapter *adapter, DcError *error)
{
  size_t kept =
      adapter->sampled < adapter->config.warm_up ? adapter->sampled : adapter->config.warm_up;
  DcMatrix sample = dc_matrix(adapter->sample, kept, adapter->dim);
  uint32_t count = adapter->config.clusters;
  if (sample.rows < (count ? count : 1))
    return dc_error_set(error, DC_ERROR_NOT_READY,
                        "%zu embeddings are too few for %u clusters; at least one for each is "
                        "needed",
                        sample.rows, count ? count : 1);
  DcStatus status = DC_OK;
  if (count == 0)
    status =
        dc_choose_clusters(&sample, adapter->config.max_clusters, &adapter->random, &count, error);
  float *start = DC_NEW(float, count * adapter->dim);
  if (!start)
    status = dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for %u clusters", count);
  DcMatrix centroids = dc_matrix(start, count, adapter->dim);
  DcKmeansOptions options = dc_kmeans_options(count);
  DcKmeansResult result;
  if (status == DC_OK)
    status = dc_kmeans(&sample, NULL, &options, &adapter->random, &centroids, NULL, &result, error);
  if (status == DC_OK)
    status = dc_adapter_start(adapter, &centroids, NULL, NULL, error);
  if (status == DC_OK)
    status = push_running(adapter, &sample, adapter->sample_times, DC_TIME_UNKNOWN);
  if (status == DC_OK) {
    dc_adapter_transport_restart(adapter);
    status = dc_adapter_transport_describe(adapter, &sample, error);
  }
  dc_free(start);
  if (status != DC_OK)
    return status;
  adapter->sampled = 0;
  adapter->since_adaptation = 0;
  memset(adapter->clusters.evidence, 0, count * sizeof *adapter->clusters.evidence);
  measure_clusters(adapter);
  return dc_adapter_publish(adapter, error);
}

/* --- receiving --- */

static void
receive(DcAdapter *adapter, const float *row, uint64_t time, const DcAssignment *assignment)
{
  DcClusters *clusters = &adapter->clusters;
  size_t k = assignment->cluster;
  dc_memory_push(clusters->memory, k, row, time);
  /* The fourth power: while one class fills the stream, the others receive its strays, which lie
   * between the clusters. */
  double sure = (double)assignment->confidence * assignment->confidence;
  clusters->evidence[k] += sure * sure;
  clusters->infos[k].mass++;
  for (size_t j = 0; j < clusters->count; j++)
    clusters->shares[j] -= clusters->shares[j] / SHARE_MEMORY;
  clusters->shares[k] += 1 / SHARE_MEMORY;
}

/* Usable rows; `times` has one for each, or is NULL: all are of `time`. */
static DcStatus
push_running(DcAdapter *adapter, const DcMatrix *rows, const uint64_t *times, uint64_t time)
{
  for (size_t first = 0; first < rows->rows; first += CHUNK) {
    size_t left = rows->rows - first;
    DcMatrix chunk = dc_matrix_rows(rows, first, left < CHUNK ? left : CHUNK);
    DcStatus status =
        dc_snapshot_assign(adapter->snapshot, adapter->assigner, &chunk, 0, adapter->assignments);
    if (status != DC_OK)
      return status;
    for (size_t i = 0; i < chunk.rows; i++)
      receive(adapter, dc_matrix_row(&chunk, i), times ? times[first + i] : time,
              &adapter->assignments[i]);
  }
  adapter->since_adaptation += rows->rows;
  dc_adapter_transport_push(adapter, rows);
  return DC_OK;
}

/* The warm-up is not ended here, since that takes time: whoever asks dc_adapter_is_due() chooses
 * the moment. Until then the newest embeddings push out the oldest. */
static void
push_warm_up(DcAdapter *adapter, const DcMatrix *rows, uint64_t time)
{
  for (size_t i = 0; i < rows->rows; i++) {
    size_t slot = adapter->sampled++ % adapter->config.warm_up;
    memcpy(adapter->sample + slot * adapter->dim, dc_matrix_row(rows, i),
           adapter->dim * sizeof(float));
    adapter->sample_times[slot] = time;
  }
}

static DcStatus
push_usable(DcAdapter *adapter, const DcMatrix *rows, uint64_t time)
{
  if (adapter->clusters.count)
    return push_running(adapter, rows, NULL, time);
  push_warm_up(adapter, rows, time);
  return DC_OK;
}

DcStatus
dc_adapter_push(DcAdapter *adapter, const DcMatrix *embeddings, uint64_t time, DcPushResult *result)
{
  *result = (DcPushResult){0};
  if (embeddings->cols != adapter->dim)
    return DC_ERROR_SHAPE;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < embeddings->rows && status == DC_OK; i++) {
    size_t run = usable_run(embeddings, i);
    DcMatrix rows = dc_matrix_rows(embeddings, i, run);
    status = push_usable(adapter, &rows, time);
    dc_adapter_transport_note_time(adapter, run, time);
    result->accepted += run;
    i += run;
    result->rejected += i < embeddings->rows; /* what ended the run */
  }
  adapter->accepted += result->accepted;
  adapter->rejected += result->rejected;
  return status;
}

bool
dc_adapter_is_due(const DcAdapter *adapter)
{
  if (adapter->clusters.count == 0)
    return adapter->sampled >= adapter->config.warm_up;
  return adapter->since_adaptation >= adapter->config.interval;
}

/* --- adapting --- */

/* Where the method would put the centroids, given the memory. */
static DcStatus
propose(DcAdapter *adapter)
{
  DcClusters *clusters = &adapter->clusters;
  DcMatrix rows = dc_memory_rows(clusters->memory);
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, adapter->dim);
  DcMatrix proposal = dc_matrix(clusters->proposal, clusters->count, adapter->dim);
  bool hard = adapter->config.method == DC_METHOD_K_MEANS;
  DcAttentionOptions options = {
      .temperature = adapter->temperature * (hard ? HARD_SHARE : 1),
      .epsilon = EPSILON,
  };
  return dc_attention_update(clusters->attention, &options, &rows,
                             dc_memory_weights(clusters->memory, adapter->config.half_life),
                             &centroids, &proposal, NULL);
}

/* How many embeddings of equal weight tell as much as `count` of these weights. */
static double
effective_count(const float *weights, size_t count)
{
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    sum += weights[i];
    squares += (double)weights[i] * weights[i];
  }
  return squares > 0 ? sum * sum / squares : 1;
}

/* The share of the proposed move of cluster `k` that is more than chance, 0..1. The mean of n
 * members lies off by spread^2 / n, squared, when nothing drifts; a move of that size is not made
 * at all, and a larger one is shortened (positive-part shrinkage, James and Stein 1961). Without it
 * centroids wander along the directions in which one partition is as good as the next. */
static double
beyond_chance(const DcAdapter *adapter, size_t k, double members)
{
  const DcClusters *clusters = &adapter->clusters;
  DcMatrix centroid = dc_matrix(clusters->centroids + k * adapter->dim, 1, adapter->dim);
  DcMatrix proposal = dc_matrix(clusters->proposal + k * adapter->dim, 1, adapter->dim);
  float move;
  dc_squared_distances(&proposal, &centroid, NULL, &move);
  double spread = clusters->infos[k].spread;
  double chance = CHANCE_FACTOR * spread * spread / members;
  return move > chance ? 1 - chance / move : 0;
}

/* C <- C + r_k (C' - C), with r_k from the evidence that cluster k itself received: one that was
 * not seen stays bitwise where it is. */
static void
step(DcAdapter *adapter)
{
  DcClusters *clusters = &adapter->clusters;
  const float *weights = dc_memory_weights(clusters->memory, adapter->config.half_life);
  for (size_t k = 0; k < clusters->count; k++) {
    double members = effective_count(weights + k * dc_memory_capacity(clusters->memory),
                                     dc_memory_stratum(clusters->memory, k).rows);
    double rate = adapter->config.adaptation_rate *
                  (1 - exp(-clusters->evidence[k] / EVIDENCE_SCALE)) *
                  beyond_chance(adapter, k, members);
    float *centroid = clusters->centroids + k * adapter->dim;
    const float *proposal = clusters->proposal + k * adapter->dim;
    if (rate > 0)
      for (size_t j = 0; j < adapter->dim; j++)
        centroid[j] += (float)rate * (proposal[j] - centroid[j]);
  }
}

/* One step towards what the method proposes. */
static DcStatus
follow_proposal(DcAdapter *adapter, DcError *error)
{
  DcStatus status = propose(adapter);
  /* Numbers so far apart that no finite proposal exists: the centroids stay until they are gone. */
  if (status == DC_ERROR_NOT_FINITE)
    return DC_OK;
  if (status != DC_OK)
    return dc_error_set(error, status, "the centroids cannot be adapted: %s",
                        dc_status_text(status));
  step(adapter);
  return DC_OK;
}

static DcStatus
move_centroids(DcAdapter *adapter, DcError *error)
{
  DcStatus status = adapter->transport.tracker ? dc_adapter_transport_step(adapter, error)
                                               : follow_proposal(adapter, error);
  return status == DC_OK ? dc_adapter_transport_describe(adapter, NULL, error) : status;
}

DcStatus
dc_adapter_adapt(DcAdapter *adapter, bool adapt, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  if (clusters->count == 0)
    return end_warm_up(adapter, error);
  if (adapt && adapter->config.method != DC_METHOD_NONE && adapter->config.adaptation_rate > 0) {
    DcStatus status = move_centroids(adapter, error);
    if (status != DC_OK)
      return status;
  } else {
    dc_adapter_transport_skip(adapter);
  }
  measure_clusters(adapter);
  memset(clusters->evidence, 0, clusters->count * sizeof *clusters->evidence);
  adapter->since_adaptation = 0;
  adapter->adaptations++;
  return dc_adapter_publish(adapter, error);
}

/* --- names and statistics --- */

DcStatus
dc_adapter_rename(DcAdapter *adapter, size_t cluster, const char *label, DcError *error)
{
  if (cluster >= adapter->clusters.count)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "there is no cluster %zu; there are %zu", cluster,
                        adapter->clusters.count);
  size_t length = strlen(label);
  if (length < 1 || dc_utf8_prefix(label, DC_LABEL_SIZE - 1) < length)
    return dc_error_set(
        error, DC_ERROR_ARGUMENT,
        "a label has 1 to %d bytes of UTF-8; this one has %zu bytes, or is not UTF-8",
        DC_LABEL_SIZE - 1, length);
  set_label(&adapter->clusters.infos[cluster], label);
  adapter->clusters.infos[cluster].named = true;
  return dc_adapter_publish(adapter, error);
}

DcAdapterStats
dc_adapter_stats(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  DcAdapterStats stats = {
      .accepted = adapter->accepted,
      .rejected = adapter->rejected,
      .adaptations = adapter->adaptations,
      .clusters = clusters->count,
      .remembered = clusters->memory ? dc_memory_count(clusters->memory) : 0,
  };
  double mass = 0;
  for (size_t k = 0; k < clusters->count; k++) {
    double share = clusters->shares[k];
    stats.occupancy_entropy -= share > 0 ? share * log(share) : 0;
    stats.mean_shift += clusters->infos[k].mass * (double)clusters->infos[k].shift;
    mass += clusters->infos[k].mass;
  }
  stats.mean_shift = mass > 0 ? stats.mean_shift / mass : 0;
  if (adapter->transport.tracker) {
    DcTransportStats transport = dc_transport_tracker_stats(adapter->transport.tracker);
    stats.transported = true;
    stats.expert = transport.selected;
    stats.domains = transport.remembered;
    stats.calm = transport.calm;
    stats.displacement = transport.displacement;
    stats.jumps = transport.jumps;
  }
  return stats;
}
