/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_linear.h"

#include "base/checked.h"
#include "base/memory.h"
#include "tensor/eigen.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

bool
dc_linear_allocate(DcArena *arena, const DcLinearPiece *pieces, size_t count)
{
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) {
    size_t piece;
    if (!dc_checked_mul(pieces[i].count, sizeof(double), &piece) ||
        !dc_checked_round_up(piece, DC_ALIGNMENT, &piece) || !dc_checked_add(bytes, piece, &bytes))
      return false;
  }
  if (!dc_arena_init(arena, bytes))
    return false;
  for (size_t i = 0; i < count; i++)
    *pieces[i].target = dc_arena_take(arena, pieces[i].count, sizeof(double));
  return true;
}

void
dc_linear_multiply(const double *a, const double *b, size_t m, size_t k, size_t n, double *c)
{
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b,
              (int)n, 0, c, (int)n);
}

void
dc_linear_multiply_transposed(const double *a, const double *b, size_t m, size_t k, size_t n,
                              double *c)
{
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b,
              (int)k, 0, c, (int)n);
}

void
dc_linear_add_products(const double *a, const double *b, size_t m, size_t k, size_t n, double *c)
{
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)m, b,
              (int)n, 1, c, (int)n);
}

void
dc_linear_add_multiplied_transposed(const double *a, const double *b, size_t m, size_t k, size_t n,
                                    double *c)
{
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b,
              (int)k, 1, c, (int)n);
}

void
dc_linear_set_identity(double *a, size_t n)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      a[i * n + j] = i == j;
}

void
dc_linear_clear(double *a, size_t count)
{
  memset(a, 0, count * sizeof *a);
}

void
dc_linear_add_columns(const double *a, size_t m, size_t n, double *sums)
{
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < n; j++)
      sums[j] += a[i * n + j];
}

double
dc_linear_inner_product(const double *a, const double *b, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += a[i] * b[i];
  return sum;
}

double
dc_linear_sum_of_squares(const double *a, size_t count)
{
  return dc_linear_inner_product(a, a, count);
}

double
dc_linear_norm(const double *a, size_t count)
{
  return sqrt(dc_linear_sum_of_squares(a, count));
}

bool
dc_linear_is_finite(const double *a, size_t count)
{
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += a[i] - a[i];
  return !isnan(sum);
}

static size_t
row_of_pivot(const double *a, size_t n, size_t column)
{
  size_t best = column;
  for (size_t i = column + 1; i < n; i++)
    if (fabs(a[i * n + column]) > fabs(a[best * n + column]))
      best = i;
  return best;
}

static void
swap(double *a, double *b, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    double kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

bool
dc_linear_factor(double *a, size_t n, double least, uint32_t *pivot)
{
  for (size_t k = 0; k < n; k++) {
    size_t row = row_of_pivot(a, n, k);
    pivot[k] = (uint32_t)row;
    if (row != k)
      swap(a + row * n, a + k * n, n);
    if (!(fabs(a[k * n + k]) > least))
      return false;
    for (size_t i = k + 1; i < n; i++) {
      double factor = a[i * n + k] / a[k * n + k];
      a[i * n + k] = factor;
      for (size_t j = k + 1; j < n; j++)
        a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return dc_linear_is_finite(a, n * n);
}

double
dc_linear_log_det(const double *factored, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += log(fabs(factored[i * n + i]));
  return sum;
}

static void
solve_one(const double *lu, const uint32_t *pivot, size_t n, double *x)
{
  for (size_t i = 0; i < n; i++)
    swap(x + i, x + pivot[i], 1);
  for (size_t i = 1; i < n; i++)
    for (size_t j = 0; j < i; j++)
      x[i] -= lu[i * n + j] * x[j];
  for (size_t i = n; i-- > 0;) {
    for (size_t j = i + 1; j < n; j++)
      x[i] -= lu[i * n + j] * x[j];
    x[i] /= lu[i * n + i];
  }
}

void
dc_linear_solve(const double *factored, const uint32_t *pivot, size_t n, double *rows, size_t count)
{
  for (size_t i = 0; i < count; i++)
    solve_one(factored, pivot, n, rows + i * n);
}

size_t
dc_linear_eigen_scratch(size_t n)
{
  return dc_eigen_scratch(n) / sizeof(double) + 1;
}

bool
dc_linear_eigen(const double *a, size_t n, double *values, double *vectors, double *scratch)
{
  if (dc_eigen_symmetric_in(scratch, a, n, values, vectors))
    return false;
  for (size_t i = 0; i < n / 2; i++) {
    swap(values + i, values + n - 1 - i, 1);
    swap(vectors + i * n, vectors + (n - 1 - i) * n, n);
  }
  return true;
}
