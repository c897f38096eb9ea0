/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/eigen.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* OpenBLAS brings LAPACK along, but distributions package its C header elsewhere or not at all. The
 * last two arguments are the lengths of the two strings, as Fortran compilers pass them. */
void dsyevd_(const char *job, const char *triangle, const int *n, double *matrix,
             const int *leading, double *values, double *work, const int *work_size,
             int *integer_work, const int *integer_work_size, int *info, size_t job_length,
             size_t triangle_length);
void dsyevr_(const char *job, const char *range, const char *triangle, const int *n, double *matrix,
             const int *leading, const double *lowest, const double *highest, const int *first,
             const int *last, const double *tolerance, int *found, double *values, double *vectors,
             const int *vectors_leading, int *support, double *work, const int *work_size,
             int *integer_work, const int *integer_work_size, int *info, size_t job_length,
             size_t range_length, size_t triangle_length);

static void
swap(double *a, double *b, size_t count)
{
  for (size_t k = 0; k < count; k++) {
    double old = a[k];
    a[k] = b[k];
    b[k] = old;
  }
}

static DcStatus
check(const double *matrix, size_t n)
{
  if (n == 0 || n > DC_EIGEN_MAX)
    return DC_ERROR_ARGUMENT;
  for (size_t i = 0; i < n * n; i++)
    if (!isfinite(matrix[i]))
      return DC_ERROR_NOT_FINITE;
  return DC_OK;
}

/* Turns the `count` rows of `vectors` so that their largest entries are positive. */
static void
fix_signs(double *vectors, size_t count, size_t n)
{
  for (size_t i = 0; i < count; i++) {
    double *vector = vectors + i * n, largest = 0;
    for (size_t k = 0; k < n; k++)
      if (fabs(vector[k]) > fabs(largest))
        largest = vector[k];
    for (size_t k = 0; k < n && largest < 0; k++)
      vector[k] = -vector[k];
  }
}

/* What dsyevd asks for, in doubles and in integers. */
static size_t
work_size(size_t n)
{
  return 1 + 6 * n + 2 * n * n;
}

static size_t
integer_work_size(size_t n)
{
  return 3 + 5 * n;
}

size_t
dc_eigen_scratch(size_t n)
{
  return work_size(n) * sizeof(double) + integer_work_size(n) * sizeof(int);
}

/* Overwrites the symmetric `vectors` with its eigenvectors. LAPACK stores matrices by columns: the
 * symmetric input is the same, and the columns of its result are our rows. */
static DcStatus
solve(void *scratch, size_t size, double *values, double *vectors)
{
  int n = (int)size, doubles = (int)work_size(size), integers = (int)integer_work_size(size), info;
  double *work = scratch;
  int *integer_work = (int *)(work + work_size(size));
  dsyevd_("V", "L", &n, vectors, &n, values, work, &doubles, integer_work, &integers, &info, 1, 1);
  return info == 0 ? DC_OK : DC_ERROR_UNSUPPORTED;
}

DcStatus
dc_eigen_symmetric_in(void *scratch, const double *matrix, size_t n, double *values,
                      double *vectors)
{
  DcStatus status = check(matrix, n);
  if (status != DC_OK)
    return status;
  memmove(vectors, matrix, n * n * sizeof *vectors);
  status = solve(scratch, n, values, vectors);
  if (status == DC_OK)
    fix_signs(vectors, n, n);
  return status;
}

DcStatus
dc_eigen_symmetric(const double *matrix, size_t n, double *values, double *vectors)
{
  DcStatus status = check(matrix, n);
  if (status != DC_OK)
    return status;
  void *scratch = dc_alloc(dc_eigen_scratch(n), 1);
  if (!scratch)
    return DC_ERROR_MEMORY;
  status = dc_eigen_symmetric_in(scratch, matrix, n, values, vectors);
  dc_free(scratch);
  return status;
}

/* ---- some eigenvalues ---- */

typedef struct {
  double *matrix; /* n x n, destroyed */
  double *values; /* n, of which `count` are used */
  double *work;
  int *integers, *support;
} Leading;

/* dsyevr asks for 26 n doubles at least, and for a block of 32 and more columns where it can. */
static size_t
leading_work_size(size_t n)
{
  return 64 * n;
}

static bool
reserve_leading(Leading *leading, size_t n)
{
  leading->matrix = DC_NEW(double, n *n);
  leading->values = DC_NEW(double, n);
  leading->work = DC_NEW(double, leading_work_size(n));
  leading->integers = DC_NEW(int, 10 * n);
  leading->support = DC_NEW(int, 2 * n);
  return leading->matrix && leading->values && leading->work && leading->integers &&
         leading->support;
}

static void
clear_leading(Leading *leading)
{
  dc_free(leading->matrix);
  dc_free(leading->values);
  dc_free(leading->work);
  dc_free(leading->integers);
  dc_free(leading->support);
}

/* Finds them ascending. */
static DcStatus
solve_leading(Leading *leading, size_t size, size_t count, double *vectors)
{
  int n = (int)size, first = n - (int)count + 1, found, info;
  int doubles = (int)leading_work_size(size), integers = 10 * n;
  const double tolerance = 0, unused = 0;
  dsyevr_("V", "I", "L", &n, leading->matrix, &n, &unused, &unused, &first, &n, &tolerance, &found,
          leading->values, vectors, &n, leading->support, leading->work, &doubles,
          leading->integers, &integers, &info, 1, 1, 1);
  return info == 0 && found == (int)count ? DC_OK : DC_ERROR_UNSUPPORTED;
}

DcStatus
dc_eigen_leading(const double *matrix, size_t n, size_t count, double *values, double *vectors)
{
  DcStatus status = check(matrix, n);
  if (status == DC_OK && (count == 0 || count > n))
    status = DC_ERROR_ARGUMENT;
  if (status != DC_OK)
    return status;
  Leading leading = {0};
  status = DC_ERROR_MEMORY;
  if (reserve_leading(&leading, n)) {
    memcpy(leading.matrix, matrix, n * n * sizeof *matrix);
    status = solve_leading(&leading, n, count, vectors);
  }
  for (size_t i = 0; i < count && status == DC_OK; i++)
    values[i] = leading.values[count - 1 - i];
  for (size_t i = 0; i < count / 2 && status == DC_OK; i++)
    swap(vectors + i * n, vectors + (count - 1 - i) * n, n);
  if (status == DC_OK)
    fix_signs(vectors, count, n);
  clear_leading(&leading);
  return status;
}

/* ---- reference: cyclic Jacobi (Golub and Van Loan, Matrix Computations, section 8.5) ---- */

/* The rotation that makes a_pq zero: cosine in *c, sine in *s. */
static void
find_rotation(const double *a, size_t n, size_t p, size_t q, double *c, double *s)
{
  double tau = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
  double tangent = copysign(1, tau) / (fabs(tau) + sqrt(1 + tau * tau));
  *c = 1 / sqrt(1 + tangent * tangent);
  *s = tangent * *c;
}

/* (x, y) -> (c x - s y, s x + c y) for the n pairs that lie `step` apart. */
static void
rotate(double *x, double *y, size_t n, size_t step, double c, double s)
{
  for (size_t k = 0; k < n * step; k += step) {
    double old = x[k];
    x[k] = c * old - s * y[k];
    y[k] = s * old + c * y[k];
  }
}

/* One rotation of each pair; false when nothing was left to rotate. */
static bool
sweep(double *a, double *vectors, size_t n)
{
  bool rotated = false;
  for (size_t p = 0; p < n; p++)
    for (size_t q = p + 1; q < n; q++) {
      if (fabs(a[p * n + q]) <= 1e-17 * sqrt(fabs(a[p * n + p] * a[q * n + q])))
        continue;
      double c, s;
      find_rotation(a, n, p, q, &c, &s);
      rotate(a + p * n, a + q * n, n, 1, c, s);
      rotate(a + p, a + q, n, n, c, s);
      a[p * n + q] = a[q * n + p] = 0;
      rotate(vectors + p * n, vectors + q * n, n, 1, c, s);
      rotated = true;
    }
  return rotated;
}

static void
sort_ascending(double *values, double *vectors, size_t n)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++)
      if (values[j] < values[i]) {
        swap(values + i, values + j, 1);
        swap(vectors + i * n, vectors + j * n, n);
      }
}

DcStatus
dc_eigen_symmetric_reference(const double *matrix, size_t n, double *values, double *vectors)
{
  DcStatus status = check(matrix, n);
  if (status != DC_OK)
    return status;
  double *a = DC_NEW(double, n *n);
  if (!a)
    return DC_ERROR_MEMORY;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i; j < n; j++)
      a[i * n + j] = a[j * n + i] = matrix[i * n + j];
  memset(vectors, 0, n * n * sizeof *vectors);
  for (size_t i = 0; i < n; i++)
    vectors[i * n + i] = 1;
  enum { SWEEPS = 60 }; /* a dozen is usual */
  size_t sweeps = 0;
  while (sweeps < SWEEPS && sweep(a, vectors, n))
    sweeps++;
  for (size_t i = 0; i < n; i++)
    values[i] = a[i * n + i];
  sort_ascending(values, vectors, n);
  fix_signs(vectors, n, n);
  dc_free(a);
  return DC_OK;
}
