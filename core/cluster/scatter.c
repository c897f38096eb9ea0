/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/scatter.h"

#include "base/memory.h"
#include "tensor/blas.h"
#include "tensor/eigen.h"
#include "tensor/rows.h"

#include <string.h>

/* Residuals that one product takes. */
#define BLOCK ((size_t)1024)

static void
fill_residuals(const DcMatrix *embeddings, const DcMatrix *centroids, const uint32_t *labels,
               const DcMatrix *residuals)
{
  for (size_t i = 0; i < embeddings->rows; i++) {
    const float *embedding = dc_matrix_row(embeddings, i);
    const float *centroid = dc_matrix_row(centroids, labels[i]);
    float *residual = dc_matrix_row(residuals, i);
    for (size_t j = 0; j < embeddings->cols; j++)
      residual[j] = embedding[j] - centroid[j];
  }
}

DcStatus
dc_within_scatter(const DcMatrix *embeddings, const DcMatrix *centroids, const uint32_t *labels,
                  double *scatter)
{
  const size_t dim = embeddings->cols;
  float *residuals = DC_NEW(float, BLOCK *dim), *products = DC_NEW(float, dim *dim);
  memset(scatter, 0, dim * dim * sizeof *scatter);
  for (size_t first = 0; residuals && products && first < embeddings->rows; first += BLOCK) {
    const size_t left = embeddings->rows - first, count = left < BLOCK ? left : BLOCK;
    const DcMatrix block = dc_matrix_rows(embeddings, first, count);
    const DcMatrix rows = dc_matrix(residuals, count, dim), sum = dc_matrix(products, dim, dim);
    fill_residuals(&block, centroids, labels + first, &rows);
    dc_syrk(DC_TRANSPOSED, 1, &rows, 0, &sum);
    for (size_t j = 0; j < dim * dim; j++)
      scatter[j] += products[j];
  }
  const DcStatus status = residuals && products ? DC_OK : DC_ERROR_MEMORY;
  dc_free(residuals);
  dc_free(products);
  return status;
}

DcStatus
dc_total_scatter(const DcMatrix *embeddings, double *trace)
{
  double *moments = DC_NEW(double, 2 * embeddings->cols);
  if (!moments)
    return DC_ERROR_MEMORY;
  dc_column_moments(embeddings, NULL, moments, moments + embeddings->cols);
  *trace = 0;
  for (size_t j = 0; j < embeddings->cols; j++)
    *trace += (double)embeddings->rows * moments[embeddings->cols + j];
  dc_free(moments);
  return DC_OK;
}

DcStatus
dc_worst_direction(const double *scatter, size_t dim, double *direction, double *eigenvalue)
{
  double *values = DC_NEW(double, dim), *vectors = DC_NEW(double, dim *dim);
  DcStatus status =
      values && vectors ? dc_eigen_symmetric(scatter, dim, values, vectors) : DC_ERROR_MEMORY;
  if (!status) {
    memcpy(direction, vectors + (dim - 1) * dim, dim * sizeof *direction);
    *eigenvalue = values[dim - 1];
  }
  dc_free(values);
  dc_free(vectors);
  return status;
}

void
dc_greedy_targets(const DcMatrix *embeddings, const DcMatrix *centroids, const uint32_t *labels,
                  const double *direction, const DcMatrix *targets)
{
  for (size_t i = 0; i < embeddings->rows; i++) {
    const float *embedding = dc_matrix_row(embeddings, i);
    const float *centroid = dc_matrix_row(centroids, labels[i]);
    float *target = dc_matrix_row(targets, i);
    double along = 0;
    for (size_t j = 0; j < embeddings->cols; j++)
      along += ((double)embedding[j] - centroid[j]) * direction[j];
    for (size_t j = 0; j < embeddings->cols; j++)
      target[j] = (float)(embedding[j] - along * direction[j]);
  }
}
