/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/softmax.h"

#include "tensor/kernels.h"

#include <math.h>

void
dc_softmax_rows(const DcMatrix *scores, float *log_sums)
{
  dc_kernels()->softmax_rows(scores, log_sums);
}

void
dc_softmax_columns(const DcMatrix *scores, const float *totals, double *row_sums)
{
  dc_kernels()->softmax_columns(scores, totals, row_sums);
}

double
dc_softmax_columns_double(double *scores, size_t rows, size_t cols)
{
  return dc_kernels()->softmax_columns_double(scores, rows, cols);
}

/* `count` scores that lie `step` floats apart; returns the logarithm of the sum. */
static double
softmax_reference(float *scores, size_t count, size_t step, double total)
{
  double largest = -INFINITY, sum = 0;
  for (size_t i = 0; i < count; i++)
    largest = fmax(largest, scores[i * step]);
  for (size_t i = 0; i < count; i++)
    sum += exp(scores[i * step] - largest);
  for (size_t i = 0; i < count; i++)
    scores[i * step] = (float)(total * exp(scores[i * step] - largest) / sum);
  return largest + log(sum);
}

void
dc_softmax_rows_reference(const DcMatrix *scores, float *log_sums)
{
  for (size_t i = 0; i < scores->rows; i++) {
    double log_sum = softmax_reference(dc_matrix_row(scores, i), scores->cols, 1, 1);
    if (log_sums)
      log_sums[i] = (float)log_sum;
  }
}

void
dc_softmax_columns_reference(const DcMatrix *scores, const float *totals, double *row_sums)
{
  for (size_t i = 0; i < scores->cols; i++)
    softmax_reference(scores->data + i, scores->rows, scores->stride, totals ? totals[i] : 1);
  for (size_t j = 0; j < scores->rows && row_sums; j++) {
    row_sums[j] = 0;
    for (size_t i = 0; i < scores->cols; i++)
      row_sums[j] += dc_matrix_row(scores, j)[i];
  }
}
