/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_SOFTMAX_H
#define DC_TENSOR_SOFTMAX_H

#include "tensor/matrix.h"

/* Softmax in place, the largest score subtracted first. Scores may be -infinity (weight 0); a row
 * (column) that holds NaN or +infinity, or nothing but -infinity, becomes NaN as a whole. Relative
 * error of a weight below 1e-6 + 1e-7 times the distance of its score to the largest one. */

/* Each row to weights that sum to 1. `log_sums` (rows, NULL: not wanted) receives the logarithm of
 * the sum of the row's exponentials. */
void dc_softmax_rows(const DcMatrix *scores, float *log_sums);

/* Each column to weights that sum to totals[column] (NULL: to 1); `row_sums` (rows, NULL: not
 * wanted) receives the sum of the weights of each row. The faster form by far where rows are many
 * and short: keep such scores transposed. */
void dc_softmax_columns(const DcMatrix *scores, const float *totals, double *row_sums);

/* Each column of `scores` (rows x cols, without gaps) to weights that sum to 1, in double: relative
 * error of a weight below 1e-13, and 0 where it is below e^-708. Returns the sum over the columns
 * of the logarithms of the sums of their exponentials. */
double dc_softmax_columns_double(double *scores, size_t rows, size_t cols);

/* The definitions, in double; for tests. */
void dc_softmax_rows_reference(const DcMatrix *scores, float *log_sums);
void dc_softmax_columns_reference(const DcMatrix *scores, const float *totals, double *row_sums);

#endif
