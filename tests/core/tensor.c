/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "base/random.h"
#include "tensor/blas.h"
#include "tensor/matrix.h"
#include "test.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* A rows x cols view into a wider block, so that a stride taken for a width shows. */
static DcMatrix
random_matrix(DcRandom *random, size_t rows, size_t cols)
{
  size_t stride = cols + 3;
  float *data = DC_NEW(float, rows *stride);
  assert_non_null(data);
  for (size_t i = 0; i < rows * stride; i++)
    data[i] = (float)dc_random_normal(random);
  return (DcMatrix){data, rows, cols, stride};
}

static DcMatrix
copy_of(const DcMatrix *matrix)
{
  DcMatrix copy = *matrix;
  copy.data = DC_NEW(float, matrix->rows * matrix->stride);
  assert_non_null(copy.data);
  memcpy(copy.data, matrix->data, matrix->rows * matrix->stride * sizeof(float));
  return copy;
}

/* Compares all of the block, the gaps between rows too. */
static void
assert_blocks_near(const DcMatrix *a, const DcMatrix *b, float tolerance)
{
  for (size_t i = 0; i < a->rows * a->stride; i++)
    assert_float_equal(a->data[i], b->data[i], tolerance);
}

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
      DcMatrix a = ta ? random_matrix(&random, k, m) : random_matrix(&random, m, k);
      DcMatrix b = tb ? random_matrix(&random, n, k) : random_matrix(&random, k, n);
      DcMatrix c = random_matrix(&random, m, n);
      DcMatrix expected = copy_of(&c);
      dc_gemm(ta, tb, 1.5f, &a, &b, beta, &c);
      dc_gemm_reference(ta, tb, 1.5f, &a, &b, beta, &expected);
      /* k products of normal numbers, each rounded: k * eps, and a few for the largest of them. */
      assert_blocks_near(&c, &expected, (float)(k + 1) * 4 * FLT_EPSILON);
      dc_free(a.data);
      dc_free(b.data);
      dc_free(c.data);
      dc_free(expected.data);
    }
}

static void
gemm_with_beta_zero_ignores_what_was_there(void **state)
{
  (void)state;
  float one[] = {2}, result[] = {NAN};
  DcMatrix a = dc_matrix(one, 1, 1), c = dc_matrix(result, 1, 1);
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &a, &a, 0, &c);
  assert_float_equal(result[0], 4, 0);
}

static void
gemm_passes_nan_on(void **state)
{
  (void)state;
  float left[] = {1, NAN, 0, 1}, right[] = {0, 0, 0, 0}, result[4];
  DcMatrix a = dc_matrix(left, 2, 2), b = dc_matrix(right, 2, 2), c = dc_matrix(result, 2, 2);
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &a, &b, 0, &c);
  assert_true(isnan(result[0]) && isnan(result[1]));
  assert_float_equal(result[2], 0, 0);
  assert_float_equal(result[3], 0, 0);
}

static void
gemv_equals_gemm_with_one_column(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  DcMatrix a = random_matrix(&random, 13, 29);
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
      assert_float_equal(y[i], expected[i], 30 * 4 * FLT_EPSILON);
  }
  dc_free(a.data);
}

static void
gemv_of_an_empty_matrix_still_applies_beta(void **state)
{
  (void)state;
  float y[] = {3, NAN};
  DcMatrix empty = {NULL, 2, 0, 0};
  dc_gemv(DC_PLAIN, 1, &empty, NULL, 2, y);
  assert_float_equal(y[0], 6, 0);
  assert_true(isnan(y[1]));
  dc_gemv(DC_PLAIN, 1, &empty, NULL, 0, y);
  assert_float_equal(y[1], 0, 0);
}

static void
syrk_fills_both_triangles(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcMatrix a = random_matrix(&random, 11, 6);
  for (int transposed = 0; transposed < 2; transposed++) {
    size_t n = transposed ? 6 : 11;
    DcMatrix c = random_matrix(&random, n, n);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < i; j++)
        dc_matrix_row(&c, i)[j] = dc_matrix_row(&c, j)[i];
    DcMatrix expected = copy_of(&c);
    dc_syrk(transposed ? DC_TRANSPOSED : DC_PLAIN, 1, &a, 0.25f, &c);
    dc_gemm_reference(transposed ? DC_TRANSPOSED : DC_PLAIN, transposed ? DC_PLAIN : DC_TRANSPOSED,
                      1, &a, &a, 0.25f, &expected);
    assert_blocks_near(&c, &expected, 12 * 4 * FLT_EPSILON);
    dc_free(c.data);
    dc_free(expected.data);
  }
  dc_free(a.data);
}

static void
empty_products_leave_the_output_alone(void **state)
{
  (void)state;
  float guard[] = {7};
  DcMatrix empty = {guard, 0, 5, 5}, none = {guard, 5, 0, 0}, target = {guard, 0, 0, 0};
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &empty, &none, 0, &target);
  dc_syrk(DC_PLAIN, 1, &empty, 0, &target);
  assert_float_equal(guard[0], 7, 0);
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

int
main(void)
{
  const struct CMUnitTest tests[] = {
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
