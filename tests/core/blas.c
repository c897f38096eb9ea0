/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* setenv() */

#include "tensor/blas.h"

#include "matrices.h"
#include "tensor/kernels.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
gemm_equals_its_definition(void **state)
{
  (void)state;
  static const size_t shapes[][3] = {{1, 1, 1}, {3, 5, 7}, {17, 1, 9}, {64, 33, 10}, {4, 4, 0}};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int form = 0; form < 8; form++) {
      DcTranspose ta = form & 1 ? DC_TRANSPOSED : DC_PLAIN;
      DcTranspose tb = form & 2 ? DC_TRANSPOSED : DC_PLAIN;
      float beta = form & 4 ? -0.5f : 0;
      size_t m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
      DcMatrix a = ta ? random_matrix(&random, k, m, 0) : random_matrix(&random, m, k, 0);
      DcMatrix b = tb ? random_matrix(&random, n, k, 0) : random_matrix(&random, k, n, 0);
      DcMatrix c = random_matrix(&random, m, n, 0);
      DcMatrix expected = copy_of(&c);
      dc_gemm(ta, tb, 1.5f, &a, &b, beta, &c);
      dc_gemm_reference(ta, tb, 1.5f, &a, &b, beta, &expected);
      /* k products of normal numbers, each rounded: k * eps, and a few for the largest of them. */
      assert_blocks_near(&c, &expected, (float)(k + 1) * 4 * FLT_EPSILON);
      free_matrices(&a, &b, &c, &expected);
    }
}

static void
gemm_with_beta_zero_ignores_what_was_there(void **state)
{
  (void)state;
  float one[] = {2}, result[] = {NAN};
  DcMatrix a = dc_matrix(one, 1, 1), c = dc_matrix(result, 1, 1);
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &a, &a, 0, &c);
  assert_near(result[0], 4, 0);
}

static void
gemm_passes_nan_on(void **state)
{
  (void)state;
  float left[] = {1, NAN, 0, 1}, right[] = {0, 0, 0, 0}, result[4];
  DcMatrix a = dc_matrix(left, 2, 2), b = dc_matrix(right, 2, 2), c = dc_matrix(result, 2, 2);
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &a, &b, 0, &c);
  assert_true(isnan(result[0]) && isnan(result[1]));
  assert_near(result[2], 0, 0);
  assert_near(result[3], 0, 0);
}

static void
gemv_equals_gemm_with_one_column(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  DcMatrix a = random_matrix(&random, 13, 29, 0);
  for (int transposed = 0; transposed < 2; transposed++) {
    DcTranspose transpose = transposed ? DC_TRANSPOSED : DC_PLAIN;
    float x[29], y[29], expected[29];
    for (size_t i = 0; i < 29; i++) {
      x[i] = (float)dc_random_normal(&random);
      y[i] = expected[i] = (float)dc_random_normal(&random);
    }
    size_t out = transposed ? 29 : 13, in = transposed ? 13 : 29;
    DcMatrix column = dc_matrix(x, in, 1), target = dc_matrix(expected, out, 1);
    dc_gemv(transpose, 2, &a, x, 0.5f, y);
    dc_gemm_reference(transpose, DC_PLAIN, 2, &a, &column, 0.5f, &target);
    for (size_t i = 0; i < 29; i++)
      assert_near(y[i], expected[i], 30 * 4 * FLT_EPSILON);
  }
  free_matrices(&a);
}

static void
gemv_of_an_empty_matrix_still_applies_beta(void **state)
{
  (void)state;
  float y[] = {3, NAN};
  DcMatrix empty = {NULL, 2, 0, 0};
  dc_gemv(DC_PLAIN, 1, &empty, NULL, 2, y);
  assert_near(y[0], 6, 0);
  assert_true(isnan(y[1]));
  dc_gemv(DC_PLAIN, 1, &empty, NULL, 0, y);
  assert_near(y[1], 0, 0);
}

static void
syrk_fills_both_triangles(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcMatrix a = random_matrix(&random, 11, 6, 0);
  for (int transposed = 0; transposed < 2; transposed++) {
    size_t n = transposed ? 6 : 11;
    DcMatrix c = random_matrix(&random, n, n, 0);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < i; j++)
        dc_matrix_row(&c, i)[j] = dc_matrix_row(&c, j)[i];
    DcMatrix expected = copy_of(&c);
    dc_syrk(transposed ? DC_TRANSPOSED : DC_PLAIN, 1, &a, 0.25f, &c);
    dc_gemm_reference(transposed ? DC_TRANSPOSED : DC_PLAIN, transposed ? DC_PLAIN : DC_TRANSPOSED,
                      1, &a, &a, 0.25f, &expected);
    assert_blocks_near(&c, &expected, 12 * 4 * FLT_EPSILON);
    free_matrices(&c, &expected);
  }
  free_matrices(&a);
}

static void
empty_products_leave_the_output_alone(void **state)
{
  (void)state;
  float guard[] = {7};
  DcMatrix empty = {guard, 0, 5, 5}, none = {guard, 5, 0, 0}, target = {guard, 0, 0, 0};
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &empty, &none, 0, &target);
  dc_syrk(DC_PLAIN, 1, &empty, 0, &target);
  assert_near(guard[0], 7, 0);
}

static void
blas_threads_are_set_and_never_below_one(void **state)
{
  (void)state;
  dc_blas_set_threads(0);
  assert_int_equal(dc_blas_threads(), 1);
  dc_blas_set_threads(-3);
  assert_int_equal(dc_blas_threads(), 1);
}

/* A CPU with AVX2 is not to run kernels that are older than AVX. */
static void
kernels_of_blas_are_chosen_by_what_the_cpu_can(void **state)
{
  (void)state;
  unsetenv("OPENBLAS_CORETYPE");
  const char *kernels = dc_blas_choose_kernels();
  const DcKernels *tables[DC_CPU_LEVELS];
  if (dc_kernels_usable(tables) > 1) {
    assert_string_not_equal(kernels, "Prescott");
    assert_string_not_equal(kernels, "Nehalem");
  }
  assert_string_equal(dc_blas_choose_kernels(), kernels);
  assert_null(getenv("OPENBLAS_CORETYPE"));
}

/* First of all tests, as the choice can be made once only. */
static void
kernels_of_blas_stay_those_that_the_user_chose(void **state)
{
  (void)state;
  char before[64];
  snprintf(before, sizeof before, "%s", openblas_get_corename());
  setenv("OPENBLAS_CORETYPE", before, 1);
  assert_string_equal(dc_blas_choose_kernels(), before);
  assert_string_equal(getenv("OPENBLAS_CORETYPE"), before);
  unsetenv("OPENBLAS_CORETYPE");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kernels_of_blas_stay_those_that_the_user_chose),
      cmocka_unit_test(gemm_equals_its_definition),
      cmocka_unit_test(gemm_with_beta_zero_ignores_what_was_there),
      cmocka_unit_test(gemm_passes_nan_on),
      cmocka_unit_test(gemv_equals_gemm_with_one_column),
      cmocka_unit_test(gemv_of_an_empty_matrix_still_applies_beta),
      cmocka_unit_test(syrk_fills_both_triangles),
      cmocka_unit_test(empty_products_leave_the_output_alone),
      cmocka_unit_test(blas_threads_are_set_and_never_below_one),
      cmocka_unit_test(kernels_of_blas_are_chosen_by_what_the_cpu_can),
      /* Once more with the kernels chosen. */
      cmocka_unit_test(gemm_equals_its_definition),
      cmocka_unit_test(gemm_with_beta_zero_ignores_what_was_there),
      cmocka_unit_test(gemm_passes_nan_on),
      cmocka_unit_test(gemv_equals_gemm_with_one_column),
      cmocka_unit_test(gemv_of_an_empty_matrix_still_applies_beta),
      cmocka_unit_test(syrk_fills_both_triangles),
      cmocka_unit_test(empty_products_leave_the_output_alone),
      cmocka_unit_test(blas_threads_are_set_and_never_below_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
