/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/choose.h"

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "tensor/rows.h"

#include <math.h>

#define SAMPLES_PER_CLUSTER 4 /* fewer members say nothing about a cluster */
#define RESTARTS            4 /* the number is wanted, not yet the best partition */
#define MAX_ITERATIONS      50

static double
distance(const float *a, const float *b, size_t dim)
{
  double sum = 0;
  for (size_t j = 0; j < dim; j++) {
    double difference = (double)a[j] - (double)b[j];
    sum += difference * difference;
  }
  return sqrt(sum);
}

double
dc_simplified_silhouette(const DcMatrix *samples, const DcMatrix *centroids)
{
  double total = 0;
  for (size_t i = 0; i < samples->rows; i++) {
    double nearest = INFINITY, second = INFINITY;
    for (size_t k = 0; k < centroids->rows; k++) {
      double d = distance(dc_matrix_row(samples, i), dc_matrix_row(centroids, k), samples->cols);
      second = fmin(second, fmax(nearest, d));
      nearest = fmin(nearest, d);
    }
    total += second > 0 ? (second - nearest) / second : 0;
  }
  return total / (double)samples->rows;
}

static bool
is_one_point(const DcMatrix *samples)
{
  for (size_t i = 1; i < samples->rows; i++)
    if (distance(dc_matrix_row(samples, 0), dc_matrix_row(samples, i), samples->cols) > 0)
      return false;
  return true;
}

DcStatus
dc_choose_clusters(const DcMatrix *samples, uint32_t max_clusters, DcRandom *random,
                   uint32_t *clusters, DcError *error)
{
  *clusters = 1;
  size_t bound = samples->rows / SAMPLES_PER_CLUSTER;
  uint32_t most = bound < max_clusters ? (uint32_t)bound : max_clusters;
  if (most < 2 || is_one_point(samples))
    return DC_OK;
  float *memory = DC_NEW(float, most * samples->cols);
  if (!memory)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to choose among %u clusters",
                        most);
  double best = -INFINITY;
  DcStatus status = DC_OK;
  for (uint32_t k = 2; k <= most && status == DC_OK; k++) {
    DcMatrix centroids = dc_matrix(memory, k, samples->cols);
    DcKmeansOptions options = dc_kmeans_options(k);
    DcKmeansResult result;
    options.restarts = RESTARTS;
    options.max_iterations = MAX_ITERATIONS;
    status = dc_kmeans(samples, NULL, &options, random, &centroids, NULL, &result, error);
    double silhouette = status == DC_OK ? dc_simplified_silhouette(samples, &centroids) : -INFINITY;
    if (silhouette > best) {
      best = silhouette;
      *clusters = k;
    }
  }
  dc_free(memory);
  return status;
}
