/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/rows.h"

#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

void
dc_squared_norms(const DcMatrix *matrix, float *norms)
{
  dc_kernels()->squared_norms(matrix, norms);
}

void
dc_squared_distances(const DcMatrix *a, const DcMatrix *b, const uint32_t *rows, float *distances)
{
  dc_kernels()->squared_distances(a, b, rows, distances);
}

void
dc_largest_in_columns(const DcMatrix *scores, uint32_t *rows)
{
  dc_kernels()->largest_in_columns(scores, rows);
}

void
dc_centre_rows(const DcMatrix *source, const float *centre, const DcMatrix *target)
{
  dc_kernels()->centre_rows(source, centre, target);
}

void
dc_normalise_rows(const DcMatrix *matrix)
{
  for (size_t i = 0; i < matrix->rows; i++) {
    float *row = dc_matrix_row(matrix, i);
    /* In double: the square of any float fits. */
    double square = 0;
    for (size_t j = 0; j < matrix->cols; j++)
      square += (double)row[j] * row[j];
    double factor = square == 0 ? 0 : 1 / sqrt(square);
    for (size_t j = 0; j < matrix->cols; j++)
      row[j] = (float)(row[j] * factor);
  }
}

void
dc_asinh_rows(const DcMatrix *matrix, const float *shift)
{
  dc_kernels()->asinh_rows(matrix, shift);
}

void
dc_multiply_each(const double *a, const double *b, size_t count, double *products)
{
  dc_kernels()->multiply_each(a, b, count, products);
}

void
dc_standardise_rows(const DcMatrix *source, const double *means, double scale,
                    const DcMatrix *target)
{
  dc_kernels()->standardise_rows(source, means, scale, target);
}

size_t
dc_count_nonzero(const DcMatrix *matrix)
{
  return dc_kernels()->count_nonzero(matrix);
}

void
dc_add_sparse_product(const DcMatrix *a, const DcMatrix *b, const DcMatrix *c)
{
  dc_kernels()->add_sparse_product(a, b, c);
}

static double
total_weight(const float *weights, size_t count)
{
  double total = weights ? 0 : (double)count;
  for (size_t i = 0; weights && i < count; i++)
    total += weights[i];
  return total;
}

/* Sums become means; those of nothing stay 0. */
static void
divide(double *sums, size_t count, double total)
{
  for (size_t j = 0; j < count && total != 0; j++)
    sums[j] /= total;
}

double
dc_column_moments(const DcMatrix *matrix, const float *weights, double *means, double *variances)
{
  const DcKernels *kernels = dc_kernels();
  const double total = total_weight(weights, matrix->rows);
  memset(means, 0, matrix->cols * sizeof *means);
  kernels->add_rows(matrix, weights, means);
  divide(means, matrix->cols, total);
  if (!variances)
    return total;
  memset(variances, 0, matrix->cols * sizeof *variances);
  kernels->add_squares(matrix, weights, means, variances);
  divide(variances, matrix->cols, total);
  return total;
}

void
dc_squared_distances_reference(const DcMatrix *a, const DcMatrix *b, const uint32_t *rows,
                               float *distances)
{
  for (size_t i = 0; i < a->rows; i++) {
    const float *left = dc_matrix_row(a, i);
    const float *right = dc_matrix_row(b, rows ? rows[i] : 0);
    double sum = 0;
    for (size_t j = 0; j < a->cols; j++)
      sum += ((double)left[j] - right[j]) * ((double)left[j] - right[j]);
    distances[i] = (float)sum;
  }
}

void
dc_largest_in_columns_reference(const DcMatrix *scores, uint32_t *rows)
{
  for (size_t i = 0; i < scores->cols; i++) {
    float best = -INFINITY;
    rows[i] = 0;
    for (size_t j = 0; j < scores->rows; j++)
      if (dc_matrix_row(scores, j)[i] > best) {
        best = dc_matrix_row(scores, j)[i];
        rows[i] = (uint32_t)j;
      }
  }
}
