/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TRANSPORT_LINEAR_H
#define DC_CLUSTER_TRANSPORT_LINEAR_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The linear algebra of transport tracking, where a map is a product of thousands of factors near
 * the identity, and of TDCM: dense row-major matrices of doubles, a few dozen columns. Sizes follow
 * the matrix that they belong to; nothing may overlap; nothing is allocated
 * but by dc_linear_allocate(). */

/* An array of `count` doubles wanted at `*target`. */
typedef struct {
  double **target;
  size_t count;
} DcLinearPiece;

/* Reserves `arena` for all pieces at once, zeroed, and places them. False when memory is short. */
bool dc_linear_allocate(DcArena *arena, const DcLinearPiece *pieces, size_t count);

/* c (m x n) = a (m x k) b (k x n). */
void dc_linear_multiply(const double *a, const double *b, size_t m, size_t k, size_t n, double *c);

/* c (m x n) = a (m x k) b^T, with b n x k. */
void dc_linear_multiply_transposed(const double *a, const double *b, size_t m, size_t k, size_t n,
                                   double *c);

/* c (m x n) += a^T b, with a k x m and b k x n: a sum over k samples. */
void dc_linear_add_products(const double *a, const double *b, size_t m, size_t k, size_t n,
                            double *c);

/* c (m x n) += a (m x k) b^T, with b n x k. */
void dc_linear_add_multiplied_transposed(const double *a, const double *b, size_t m, size_t k,
                                         size_t n, double *c);

void dc_linear_set_identity(double *a, size_t n);

void dc_linear_clear(double *a, size_t count);

/* sums[j] += the sum of column j of `a` (m x n). */
void dc_linear_add_columns(const double *a, size_t m, size_t n, double *sums);

double dc_linear_inner_product(const double *a, const double *b, size_t count);
double dc_linear_sum_of_squares(const double *a, size_t count);

/* Square root of the sum of squares of `count` numbers. */
double dc_linear_norm(const double *a, size_t count);

bool dc_linear_is_finite(const double *a, size_t count);

/* LU with partial pivoting of `a` (n x n) in place; pivot[i] is the row swapped with row i.
 * False when a pivot is not above `least` in magnitude, or not a number. */
bool dc_linear_factor(double *a, size_t n, double least, uint32_t *pivot);

/* log |det| of the matrix that dc_linear_factor() factored. */
double dc_linear_log_det(const double *factored, size_t n);

/* Solves A x = y in place for the `count` rows of `rows` (count x n), each one a right-hand side.
 */
void dc_linear_solve(const double *factored, const uint32_t *pivot, size_t n, double *rows,
                     size_t count);

/* Eigenvalues of the symmetric `a` (n x n), largest first, and their vectors as the rows of
 * `vectors` (n x n, may be `a`), each with its largest entry positive. `scratch` holds
 * dc_linear_eigen_scratch(n) doubles. False for NaN, infinity, or an iteration that fails. */
size_t dc_linear_eigen_scratch(size_t n);
bool dc_linear_eigen(const double *a, size_t n, double *values, double *vectors, double *scratch);

#endif
