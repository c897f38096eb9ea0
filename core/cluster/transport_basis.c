/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_basis.h"

#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

#define LEAST_SHARE 1e-6 /* of the largest variance, below which a direction is numerical dust */
#define CHUNK       64   /* samples centred at once */

void
dc_transport_centre(const DcMatrix *matrix, const double *mean, double *centred)
{
  for (size_t n = 0; n < matrix->rows; n++)
    for (size_t j = 0; j < matrix->cols; j++)
      centred[n * matrix->cols + j] = dc_matrix_row(matrix, n)[j] - mean[j];
}

static void
find_mean(const DcMatrix *samples, double *mean)
{
  memset(mean, 0, samples->cols * sizeof *mean);
  for (size_t n = 0; n < samples->rows; n++)
    for (size_t j = 0; j < samples->cols; j++)
      mean[j] += dc_matrix_row(samples, n)[j];
  for (size_t j = 0; j < samples->cols; j++)
    mean[j] /= (double)samples->rows;
}

/* How many of the leading `wanted` directions carry variance. */
static size_t
count_directions(const double *variance, size_t wanted)
{
  size_t found = 0;
  while (found < wanted && variance[found] > LEAST_SHARE * variance[0] && variance[found] > 0)
    found++;
  return found;
}

/* The sign of an eigenvector is arbitrary; its largest entry shall be positive. */
static void
fix_signs(double *basis, size_t rows, size_t dim)
{
  for (size_t j = 0; j < dim; j++) {
    size_t largest = 0;
    for (size_t i = 1; i < rows; i++)
      if (fabs(basis[i * dim + j]) > fabs(basis[largest * dim + j]))
        largest = i;
    if (basis[largest * dim + j] < 0)
      for (size_t i = 0; i < rows; i++)
        basis[i * dim + j] = -basis[i * dim + j];
  }
}

static void
add_covariance(const DcMatrix *samples, const double *mean, double *chunk, double *covariance)
{
  size_t dim = samples->cols, count = samples->rows;
  for (size_t row = 0; row < count; row += CHUNK) {
    size_t rows = count - row < CHUNK ? count - row : CHUNK;
    DcMatrix part = dc_matrix_rows(samples, row, rows);
    dc_transport_centre(&part, mean, chunk);
    dc_linear_add_products(chunk, chunk, dim, rows, dim, covariance);
  }
  for (size_t i = 0; i < dim * dim; i++)
    covariance[i] /= (double)count;
}

static DcStatus
basis_by_covariance(const DcMatrix *samples, size_t wanted, const double *mean, double *basis,
                    size_t *dim)
{
  size_t all = samples->cols;
  double *covariance, *values, *scratch, *chunk;
  DcArena memory;
  const DcLinearPiece pieces[] = {{&covariance, all * all},
                                  {&values, all},
                                  {&scratch, dc_linear_eigen_scratch(all)},
                                  {&chunk, CHUNK * all}};
  if (!dc_linear_allocate(&memory, pieces, sizeof pieces / sizeof *pieces))
    return DC_ERROR_MEMORY;
  add_covariance(samples, mean, chunk, covariance);
  *dim = dc_linear_eigen(covariance, all, values, covariance, scratch)
             ? count_directions(values, wanted)
             : 0;
  for (size_t i = 0; i < all; i++)
    for (size_t j = 0; j < *dim; j++)
      basis[i * *dim + j] = covariance[j * all + i];
  dc_arena_clear(&memory);
  return DC_OK;
}

/* The same directions from the products of the samples with each other, where there are fewer
 * samples than numbers in one: u = X^T v / |X^T v|. */
static DcStatus
basis_by_products(const DcMatrix *samples, size_t wanted, const double *mean, double *basis,
                  size_t *dim)
{
  size_t all = samples->cols, count = samples->rows;
  double *centred, *products, *values, *scratch;
  DcArena memory;
  const DcLinearPiece pieces[] = {{&centred, count * all},
                                  {&products, count * count},
                                  {&values, count},
                                  {&scratch, dc_linear_eigen_scratch(count)}};
  if (!dc_linear_allocate(&memory, pieces, sizeof pieces / sizeof *pieces))
    return DC_ERROR_MEMORY;
  dc_transport_centre(samples, mean, centred);
  dc_linear_multiply_transposed(centred, centred, count, all, count, products);
  *dim = dc_linear_eigen(products, count, values, products, scratch)
             ? count_directions(values, wanted < count ? wanted : count)
             : 0;
  for (size_t i = 0; i < all; i++)
    for (size_t j = 0; j < *dim; j++) {
      double sum = 0;
      for (size_t n = 0; n < count; n++)
        sum += centred[n * all + i] * products[j * count + n];
      basis[i * *dim + j] = sum / sqrt(values[j]);
    }
  dc_arena_clear(&memory);
  return DC_OK;
}

DcStatus
dc_transport_basis(const DcMatrix *samples, size_t wanted, double *mean, double *basis, size_t *dim)
{
  find_mean(samples, mean);
  DcStatus status = samples->rows < samples->cols
                        ? basis_by_products(samples, wanted, mean, basis, dim)
                        : basis_by_covariance(samples, wanted, mean, basis, dim);
  if (!status)
    fix_signs(basis, samples->cols, *dim);
  return status;
}
