/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TENSOR_ROWS_H
#define DC_TENSOR_ROWS_H

#include "tensor/matrix.h"

#include <stdint.h>

/* Norms, distances and moments of the rows of a matrix. Any thread; nothing is allocated; NaN in a
 * row (in a column, for moments) makes its result NaN. */

/* norms[i] = |row i|^2. */
void dc_squared_norms(const DcMatrix *matrix, float *norms);

/* distances[i] = |a_i - b_rows[i]|^2, from the differences, so that near points lose no digits.
 * `rows` NULL: every row of `a` to row 0 of `b`. */
void dc_squared_distances(const DcMatrix *a, const DcMatrix *b, const uint32_t *rows,
                          float *distances);

/* Row i of `target` is row i of `source` minus `centre` (cols(source) numbers); further columns of
 * `target` are left alone. `target` may be `source`. */
void dc_centre_rows(const DcMatrix *source, const float *centre, const DcMatrix *target);

/* Each number x of column j becomes asinh(x + shift[j]): within 2e-7 of it, relative, and NaN and
 * infinity stay what they are. */
void dc_asinh_rows(const DcMatrix *matrix, const float *shift);

/* Row i of `target` is (row i of `source` - means) / scale, from the differences in double.
 * `target` may be `source`; further columns of it are left alone. */
void dc_standardise_rows(const DcMatrix *source, const double *means, double scale,
                         const DcMatrix *target);

/* products[i] = a[i] b[i], `count` of them in double; `products` overlaps neither. */
void dc_multiply_each(const double *a, const double *b, size_t count, double *products);

/* How many numbers are not 0; NaN is not. */
size_t dc_count_nonzero(const DcMatrix *matrix);

/* C += A B, where a number of A that is 0 costs nothing, whatever stands in that row of B. Faster
 * than dc_gemm() where few are not. C overlaps neither. */
void dc_add_sparse_product(const DcMatrix *a, const DcMatrix *b, const DcMatrix *c);

/* Scales each row to unit length; a row of zeros stays zero. */
void dc_normalise_rows(const DcMatrix *matrix);

/* Mean and, unless NULL, variance (divided by the sum of weights) of each column, in double and in
 * two passes; `weights` NULL: all 1. Returns the sum of the weights; when it is 0 (no rows, for
 * instance) means and variances are 0. */
double dc_column_moments(const DcMatrix *matrix, const float *weights, double *means,
                         double *variances);

/* The index of the largest score of each column; ties go to the smallest index. NaN is never the
 * largest; a column of nothing else, or of -infinity, gives 0. */
void dc_largest_in_columns(const DcMatrix *scores, uint32_t *rows);

/* The definitions, in double; for tests. */
void dc_squared_distances_reference(const DcMatrix *a, const DcMatrix *b, const uint32_t *rows,
                                    float *distances);
void dc_largest_in_columns_reference(const DcMatrix *scores, uint32_t *rows);

#endif
