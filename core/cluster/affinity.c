/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/affinity.h"

#include "base/checked.h"
#include "tensor/blas.h"
#include "tensor/rows.h"

/* A chunk is large enough for the products to run at full speed and small enough for its scores to
 * stay in the second level cache. */
enum { CHUNK_MIN = 128, CHUNK_MAX = 1024, CHUNK_SCORES = 1 << 18 };

static size_t
chunk_rows(size_t clusters)
{
  size_t rows = CHUNK_SCORES / clusters / CHUNK_MIN * CHUNK_MIN;
  if (rows > CHUNK_MAX)
    return CHUNK_MAX;
  return rows < CHUNK_MIN ? CHUNK_MIN : rows;
}

size_t
dc_affinity_size(size_t clusters, size_t dim)
{
  size_t chunk = chunk_rows(clusters), rows, width, size, scores;
  if (!dc_checked_add(clusters, chunk, &rows) || !dc_checked_add(dim, 1, &width) ||
      !dc_checked_mul(rows, width, &size) || !dc_checked_mul(clusters, chunk, &scores) ||
      !dc_checked_add(size, scores, &size) || !dc_checked_add(size, dim, &size))
    return 0;
  return size;
}

DcAffinity
dc_affinity_place(float *memory, size_t clusters, size_t dim)
{
  size_t chunk = chunk_rows(clusters);
  DcAffinity affinity;
  affinity.scores = dc_matrix(memory, clusters, chunk);
  affinity.targets = dc_matrix(memory + clusters * chunk, clusters, dim + 1);
  affinity.samples = dc_matrix(dc_matrix_row(&affinity.targets, clusters), chunk, dim + 1);
  affinity.origin = dc_matrix_row(&affinity.samples, chunk);
  return affinity;
}

/* The first `count` columns of `matrix`. */
static DcMatrix
columns(const DcMatrix *matrix, size_t count)
{
  return (DcMatrix){matrix->data, matrix->rows, count, matrix->stride};
}

static void
find_origin(const DcMatrix *centroids, float *origin)
{
  for (size_t k = 0; k < centroids->cols; k++) {
    double sum = 0;
    for (size_t j = 0; j < centroids->rows; j++)
      sum += dc_matrix_row(centroids, j)[k];
    origin[k] = (float)(sum / (double)centroids->rows);
  }
}

/* targets = 2 W c for centred centroids. */
static void
transform(const DcMatrix *centred, const DcAffinityMetric *metric, const DcMatrix *targets)
{
  if (metric->metric) {
    DcMatrix w = dc_matrix(metric->metric, centred->cols, centred->cols);
    dc_gemm(DC_PLAIN, DC_PLAIN, 2, centred, &w, 0, targets);
    return;
  }
  for (size_t j = 0; j < centred->rows; j++)
    for (size_t k = 0; k < centred->cols; k++)
      dc_matrix_row(targets, j)[k] = 2 * metric->scale * dc_matrix_row(centred, j)[k];
}

/* c^T W c, given c and 2 W c. */
static double
squared_length(const float *c, const float *target, size_t dim)
{
  double sum = 0;
  for (size_t k = 0; k < dim; k++)
    sum += (double)c[k] * target[k];
  return sum / 2;
}

void
dc_affinity_aim(DcAffinity *affinity, const DcMatrix *centroids, const DcAffinityMetric *metric)
{
  size_t dim = centroids->cols, chunk = dc_affinity_chunk(affinity);
  find_origin(centroids, affinity->origin);
  /* The chunk of samples serves as scratch for the centred centroids, as many at a time. */
  for (size_t first = 0; first < centroids->rows; first += chunk) {
    size_t count = centroids->rows - first < chunk ? centroids->rows - first : chunk;
    DcMatrix source = dc_matrix_rows(centroids, first, count);
    DcMatrix centred = dc_matrix_rows(&affinity->samples, 0, count);
    DcMatrix target = dc_matrix_rows(&affinity->targets, first, count);
    dc_centre_rows(&source, affinity->origin, &centred);
    centred = columns(&centred, dim);
    DcMatrix target_columns = columns(&target, dim);
    transform(&centred, metric, &target_columns);
    for (size_t j = 0; j < count; j++) {
      float *row = dc_matrix_row(&target, j);
      double bias = metric->bias ? metric->bias[first + j] : 0;
      row[dim] = (float)(bias - squared_length(dc_matrix_row(&centred, j), row, dim));
    }
  }
}

DcMatrix
dc_affinity_score(DcAffinity *affinity, const DcMatrix *samples)
{
  DcMatrix centred = dc_matrix_rows(&affinity->samples, 0, samples->rows);
  DcMatrix scores = columns(&affinity->scores, samples->rows);
  dc_centre_rows(samples, affinity->origin, &centred);
  for (size_t i = 0; i < samples->rows; i++)
    dc_matrix_row(&centred, i)[samples->cols] = 1;
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &affinity->targets, &centred, 0, &scores);
  return scores;
}
