/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/eigen.h"

#include "allocations.h"
#include "matrices.h"

#include <math.h>
#include <string.h>

/* A symmetric matrix with entries around 1. */
static void
random_symmetric(DcRandom *random, size_t n, double *matrix)
{
  for (size_t i = 0; i < n; i++)
    for (size_t j = i; j < n; j++)
      matrix[i * n + j] = matrix[j * n + i] = dc_random_normal(random);
}

static double
dot(const double *a, const double *b, size_t n)
{
  double sum = 0;
  for (size_t k = 0; k < n; k++)
    sum += a[k] * b[k];
  return sum;
}

/* A v = lambda v, orthonormal, ascending, of the promised sign. */
static void
assert_eigenpairs(const double *matrix, size_t n, const double *values, const double *vectors)
{
  double tolerance = 1e-14 * (double)n * fmax(fabs(values[0]), fabs(values[n - 1])) + 1e-300;
  for (size_t i = 0; i < n; i++) {
    const double *v = vectors + i * n;
    double largest = 0;
    for (size_t k = 0; k < n; k++) {
      assert_near(dot(matrix + k * n, v, n), values[i] * v[k], tolerance);
      assert_near(dot(v, vectors + k * n, n), i == k, 1e-14 * (double)n);
      largest = fabs(v[k]) > fabs(largest) ? v[k] : largest;
    }
    assert_true(largest > 0);
    assert_true(i == 0 || values[i] >= values[i - 1]);
  }
}

static void
eigenpairs_hold_and_equal_those_of_jacobi(void **state)
{
  (void)state;
  static const size_t sizes[] = {1, 2, 3, 10, 33, 64};
  static double matrix[64 * 64], values[64], vectors[64 * 64], expected[64], others[64 * 64];
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    size_t n = sizes[s];
    random_symmetric(&random, n, matrix);
    assert_int_equal(dc_eigen_symmetric(matrix, n, values, vectors), DC_OK);
    assert_int_equal(dc_eigen_symmetric_reference(matrix, n, expected, others), DC_OK);
    assert_eigenpairs(matrix, n, values, vectors);
    assert_eigenpairs(matrix, n, expected, others);
    for (size_t i = 0; i < n; i++) /* n eps times the norm, about 2 sqrt(n) */
      assert_near(values[i], expected[i], 2.2e-16 * (double)n * 16);
    memmove(others, matrix, n * n * sizeof *matrix); /* in place */
    assert_int_equal(dc_eigen_symmetric(others, n, values, others), DC_OK);
    assert_memory_equal(others, vectors, n * n * sizeof *vectors);
  }
}

/* The largest few are the last of all, and as long as no two are equal their vectors are the same.
 */
static void
leading_eigenpairs_are_the_last_of_all(void **state)
{
  (void)state;
  enum { N = 40 };
  static const size_t counts[] = {1, 7, N};
  static double matrix[N * N], values[N], vectors[N * N], all[N], others[N * N];
  DcRandom random;
  dc_random_seed(&random, 9, 0);
  random_symmetric(&random, N, matrix);
  assert_int_equal(dc_eigen_symmetric(matrix, N, all, others), DC_OK);
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    assert_int_equal(dc_eigen_leading(matrix, N, counts[c], values, vectors), DC_OK);
    for (size_t i = 0; i < counts[c]; i++) {
      assert_near(values[i], all[N - 1 - i], 2.2e-16 * N * 16);
      /* Gaps are about 2 sqrt(N) / N of the norm: vectors lose that factor, not more. */
      for (size_t k = 0; k < N; k++)
        assert_near(vectors[i * N + k], others[(N - 1 - i) * N + k], 1e-11);
    }
  }
  assert_int_equal(dc_eigen_leading(matrix, N, 0, values, vectors), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_eigen_leading(matrix, N, N + 1, values, vectors), DC_ERROR_ARGUMENT);
  matrix[N] = NAN;
  assert_int_equal(dc_eigen_leading(matrix, N, 2, values, vectors), DC_ERROR_NOT_FINITE);
}

static void
eigenpairs_of_a_known_matrix(void **state)
{
  (void)state;
  static const double matrix[] = {2, -1, 0, -1, 2, -1, 0, -1, 2};
  double values[3], vectors[9];
  assert_int_equal(dc_eigen_symmetric(matrix, 3, values, vectors), DC_OK);
  assert_near(values[0], 2 - sqrt(2), 1e-15);
  assert_near(values[1], 2, 1e-15);
  assert_near(values[2], 2 + sqrt(2), 2e-15);
  static const double first[] = {0.5, 0.70710678118654752, 0.5};
  for (size_t k = 0; k < 3; k++)
    assert_near(vectors[k], first[k], 1e-15);
  assert_near(vectors[7], 0.70710678118654752, 1e-15);
  assert_near(vectors[6], -0.5, 1e-15);
}

static void
eigenpairs_of_degenerate_matrices(void **state)
{
  (void)state;
  static double matrix[400], values[20], vectors[400];
  assert_int_equal(dc_eigen_symmetric(matrix, 20, values, vectors), DC_OK); /* zeros */
  assert_eigenpairs(matrix, 20, values, vectors);
  assert_int_equal(dc_eigen_symmetric_reference(matrix, 20, values, vectors), DC_OK);
  assert_eigenpairs(matrix, 20, values, vectors);
  for (size_t i = 0; i < 400; i++)
    matrix[i] = 1; /* rank 1: 19 times 0, and 20 */
  assert_int_equal(dc_eigen_symmetric(matrix, 20, values, vectors), DC_OK);
  assert_eigenpairs(matrix, 20, values, vectors);
  assert_near(values[19], 20, 1e-13);
  assert_near(values[18], 0, 1e-13);
}

static void
eigenpairs_refuse_what_is_not_finite_or_too_large(void **state)
{
  (void)state;
  static const double bad[] = {NAN, INFINITY, -INFINITY};
  double values[2], vectors[4];
  for (size_t b = 0; b < 3; b++)
    for (size_t place = 0; place < 4; place++) {
      double matrix[] = {1, 2, 2, 1};
      matrix[place] = bad[b];
      assert_int_equal(dc_eigen_symmetric(matrix, 2, values, vectors), DC_ERROR_NOT_FINITE);
      assert_int_equal(dc_eigen_symmetric_reference(matrix, 2, values, vectors),
                       DC_ERROR_NOT_FINITE);
    }
  assert_int_equal(dc_eigen_symmetric(NULL, 0, NULL, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_eigen_symmetric(NULL, DC_EIGEN_MAX + 1, NULL, NULL), DC_ERROR_ARGUMENT);
}

static void
eigenpairs_survive_every_failed_allocation(void **state)
{
  (void)state;
  static const double matrix[] = {1, 2, 2, 1};
  double values[2], vectors[4];
  fail_at = allocations;
  assert_int_equal(dc_eigen_symmetric(matrix, 2, values, vectors), DC_ERROR_MEMORY);
  fail_at = allocations;
  assert_int_equal(dc_eigen_symmetric_reference(matrix, 2, values, vectors), DC_ERROR_MEMORY);
  fail_at = SIZE_MAX;
}

static void
eigenpairs_in_given_scratch_are_the_same(void **state)
{
  (void)state;
  static const double matrix[] = {4, 1, 0.5, 1, 3, -1, 0.5, -1, 2};
  double values[3], vectors[9], again[3], vectors_again[9];
  assert_int_equal(dc_eigen_symmetric(matrix, 3, values, vectors), DC_OK);
  void *scratch = dc_alloc(dc_eigen_scratch(3), 1);
  size_t before = allocations;
  assert_int_equal(dc_eigen_symmetric_in(scratch, matrix, 3, again, vectors_again), DC_OK);
  assert_int_equal(allocations, before);
  assert_memory_equal(values, again, sizeof again);
  assert_memory_equal(vectors, vectors_again, sizeof vectors_again);
  double bad[] = {NAN};
  assert_int_equal(dc_eigen_symmetric_in(scratch, bad, 1, again, vectors_again),
                   DC_ERROR_NOT_FINITE);
  dc_free(scratch);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(eigenpairs_hold_and_equal_those_of_jacobi),
      cmocka_unit_test(leading_eigenpairs_are_the_last_of_all),
      cmocka_unit_test(eigenpairs_of_a_known_matrix),
      cmocka_unit_test(eigenpairs_of_degenerate_matrices),
      cmocka_unit_test(eigenpairs_refuse_what_is_not_finite_or_too_large),
      cmocka_unit_test(eigenpairs_survive_every_failed_allocation),
      cmocka_unit_test(eigenpairs_in_given_scratch_are_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
