/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/rows.h"

#include "tensor/kernels.h"

#include <math.h>

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

static double
column_means(const DcMatrix *matrix, const float *weights, double *means)
{
  double total = 0;
  for (size_t j = 0; j < matrix->cols; j++)
    means[j] = 0;
  for (size_t i = 0; i < matrix->rows; i++) {
    const float *row = dc_matrix_row(matrix, i);
    double weight = weights ? weights[i] : 1;
    total += weight;
    for (size_t j = 0; j < matrix->cols; j++)
      means[j] += weight * row[j];
  }
  for (size_t j = 0; j < matrix->cols && total != 0; j++)
    means[j] /= total;
  return total;
}

double
dc_column_moments(const DcMatrix *matrix, const float *weights, double *means, double *variances)
{
  double total = column_means(matrix, weights, means);
  if (!variances)
    return total;
  for (size_t j = 0; j < matrix->cols; j++)
    variances[j] = 0;
  for (size_t i = 0; i < matrix->rows; i++) {
    const float *row = dc_matrix_row(matrix, i);
    double weight = weights ? weights[i] : 1;
    for (size_t j = 0; j < matrix->cols; j++)
      variances[j] += weight * (row[j] - means[j]) * (row[j] - means[j]);
  }
  for (size_t j = 0; j < matrix->cols && total != 0; j++)
    variances[j] /= total;
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
