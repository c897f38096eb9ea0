/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/clusters.h"

#include "base/checked.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "stream/uuid.h"
#include "tensor/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Memory of the recent shares, in embeddings. */
#define SHARE_MEMORY 256.0
/* Members without which nothing is said about how far out the others lie. */
#define SURVIVAL_MEMBERS 16

/* ---- memory ---- */

void
dc_clusters_clear(DcClusters *clusters)
{
  dc_free(clusters->centroids);
  dc_free(clusters->reference);
  dc_free(clusters->pins);
  dc_free(clusters->reach);
  dc_free(clusters->proposal);
  dc_free(clusters->infos);
  dc_free(clusters->survival);
  dc_free(clusters->evidence);
  dc_free(clusters->shares);
  dc_free(clusters->history);
  dc_free(clusters->seen);
  dc_memory_free(clusters->memory);
  dc_attention_free(clusters->attention);
  dc_free(clusters->distances);
  *clusters = (DcClusters){0};
}

DcStatus
dc_clusters_allocate(DcClusters *clusters, size_t count, size_t dim, size_t window, DcError *error)
{
  size_t numbers = 0;
  bool fits = dc_checked_mul(count, dim, &numbers);
  DcClusters made = {
      .count = count,
      .dim = dim,
      .centroids = DC_NEW(float, numbers),
      .reference = DC_NEW(float, numbers),
      .pins = DC_NEW(float, numbers),
      .reach = DC_NEW(float, count),
      .proposal = DC_NEW(float, numbers),
      .infos = DC_NEW(DcClusterInfo, count),
      .survival = DC_NEW(DcSurvival, count),
      .evidence = DC_NEW(double, count),
      .shares = DC_NEW(double, count),
      .history = DC_NEW(DcClusterHistory, count),
      .seen = DC_NEW(uint64_t, count),
      .memory = dc_memory_new(count, dim, window),
      .attention = dc_attention_new(count, dim),
  };
  if (made.memory)
    made.distances = DC_NEW(float, dc_memory_capacity(made.memory));
  if (!fits || !made.centroids || !made.reference || !made.pins || !made.reach || !made.proposal ||
      !made.infos || !made.survival || !made.evidence || !made.shares || !made.history ||
      !made.seen || !made.attention || !made.distances) {
    dc_clusters_clear(&made);
    return dc_error_set(error, DC_ERROR_MEMORY,
                        "not enough memory for %zu clusters of %zu numbers and a window of %zu",
                        count, dim, window);
  }
  dc_clusters_clear(clusters);
  *clusters = made;
  return DC_OK;
}

/* ---- names ---- */

void
dc_cluster_set_label(DcClusterInfo *info, const char *label)
{
  size_t length = dc_utf8_prefix(label, DC_LABEL_SIZE - 1);
  memset(info->label, 0, sizeof info->label);
  memcpy(info->label, label, length);
}

void
dc_cluster_make(DcClusterInfo *info, size_t number, DcRandom *random)
{
  dc_uuid_make(random, info->uuid);
  memset(info->label, 0, sizeof info->label);
  snprintf(info->label, sizeof info->label, "cluster-%zu", number);
}

void
dc_clusters_name(DcClusters *clusters, const char *const *labels, DcRandom *random)
{
  for (size_t k = 0; k < clusters->count; k++) {
    DcClusterInfo *info = &clusters->infos[k];
    dc_cluster_make(info, k, random);
    if (labels && labels[k][0])
      dc_cluster_set_label(info, labels[k]);
    clusters->shares[k] = 1 / (double)clusters->count;
  }
}

/* ---- widths ---- */

/* A temperature that is never 0, also for embeddings that are all the same point. */
static float
temperature_from(const DcClusters *clusters, double variance)
{
  size_t numbers = clusters->count * clusters->dim;
  double square = 0;
  for (size_t i = 0; i < numbers; i++)
    square += (double)clusters->centroids[i] * clusters->centroids[i];
  double floor = 1e-6 * square / (double)numbers + 1e-12;
  return (float)fmin(2 * fmax(variance, floor), FLT_MAX);
}

/* Half the distance to the nearest other centroid: all that is known of a cluster's width before
 * its members are seen. */
static float
guess_spread(const DcClusters *clusters, size_t k)
{
  DcMatrix all = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
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

void
dc_clusters_guess_spread(DcClusters *clusters, const float *spread)
{
  double square = 0;
  for (size_t k = 0; k < clusters->count; k++) {
    clusters->infos[k].spread = spread ? spread[k] : guess_spread(clusters, k);
    square += (double)clusters->infos[k].spread * clusters->infos[k].spread;
  }
  clusters->temperature =
      temperature_from(clusters, square / (double)(clusters->count * clusters->dim));
}

/* Spread, distances of members and shift of cluster `k` from its stratum; returns the members'
 * summed squared distance. */
static double
measure_cluster(DcClusters *clusters, size_t k)
{
  DcMatrix members = dc_memory_stratum(clusters->memory, k);
  DcMatrix centroid = dc_matrix(clusters->centroids + k * clusters->dim, 1, clusters->dim);
  DcMatrix reference = dc_matrix(clusters->reference + k * clusters->dim, 1, clusters->dim);
  DcClusterInfo *info = &clusters->infos[k];
  double sum = 0;
  dc_squared_distances(&members, &centroid, NULL, clusters->distances);
  for (size_t i = 0; i < members.rows; i++) {
    sum += clusters->distances[i];
    clusters->distances[i] = sqrtf(clusters->distances[i]);
  }
  if (members.rows > 1)
    info->spread = (float)sqrt(sum / (double)members.rows);
  if (members.rows >= SURVIVAL_MEMBERS)
    dc_survival_measure(&clusters->survival[k], clusters->distances, members.rows);
  float moved;
  dc_squared_distances(&centroid, &reference, NULL, &moved);
  info->shift = info->spread > 0 ? fminf(sqrtf(moved) / info->spread, FLT_MAX) : 0;
  return sum;
}

void
dc_clusters_measure(DcClusters *clusters)
{
  double sum = 0;
  for (size_t k = 0; k < clusters->count; k++)
    sum += measure_cluster(clusters, k);
  size_t remembered = dc_memory_count(clusters->memory);
  if (remembered > clusters->count) /* else the clusters are single points, without any width */
    clusters->temperature = temperature_from(clusters, sum / (double)(remembered * clusters->dim));
}

/* ---- receiving ---- */

void
dc_clusters_count(DcClusters *clusters, uint64_t elapsed, const DcAssignment *assignment)
{
  size_t k = assignment->cluster;
  clusters->seen[k] = elapsed;
  clusters->infos[k].mass++;
  for (size_t j = 0; j < clusters->count; j++)
    clusters->shares[j] -= clusters->shares[j] / SHARE_MEMORY;
  clusters->shares[k] += 1 / SHARE_MEMORY;
}

void
dc_clusters_receive(DcClusters *clusters, const float *row, uint64_t time, uint64_t elapsed,
                    const DcAssignment *assignment)
{
  size_t k = assignment->cluster;
  dc_memory_push(clusters->memory, k, row, time);
  /* The fourth power: while one class fills the stream, the others receive its strays, which lie
   * between the clusters. */
  double sure = (double)assignment->confidence * assignment->confidence;
  clusters->evidence[k] += sure * sure;
  dc_clusters_count(clusters, elapsed, assignment);
}

/* ---- pins ---- */

void
dc_clusters_pin(DcClusters *clusters, size_t cluster)
{
  size_t start = cluster * clusters->dim;
  memcpy(clusters->pins + start, clusters->centroids + start, clusters->dim * sizeof(float));
  clusters->reach[cluster] = DC_PIN_REACH * clusters->infos[cluster].spread;
  clusters->infos[cluster].pinned = true;
}

static void
hold(DcClusters *clusters, size_t k)
{
  float *centroid = clusters->centroids + k * clusters->dim;
  const float *pin = clusters->pins + k * clusters->dim;
  DcMatrix here = dc_matrix(centroid, 1, clusters->dim), there = dc_matrix(pin, 1, clusters->dim);
  float squared;
  dc_squared_distances(&here, &there, NULL, &squared);
  double reach = (double)clusters->reach[k], distance = sqrt((double)squared);
  if (distance <= reach)
    return;
  for (size_t i = 0; i < clusters->dim; i++)
    centroid[i] = pin[i] + (float)(reach / distance) * (centroid[i] - pin[i]);
}

void
dc_clusters_hold_pinned(DcClusters *clusters)
{
  for (size_t k = 0; k < clusters->count; k++)
    if (clusters->infos[k].pinned)
      hold(clusters, k);
}
