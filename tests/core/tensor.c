/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "base/random.h"
#include "tensor/blas.h"
#include "tensor/exp.h"
#include "tensor/kernels.h"
#include "tensor/matrix.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"
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
    assert_near(a->data[i], b->data[i], tolerance);
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
      assert_near(y[i], expected[i], 30 * 4 * FLT_EPSILON);
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

/* Every 97th number of the range in which the result is a normal number. */
static void
exp_is_accurate_to_its_stated_error(void **state)
{
  (void)state;
  double worst = 0;
  for (uint32_t bits = 0; bits < 0x42b0c000; bits += 97) { /* up to 88.375 */
    float x;
    memcpy(&x, &bits, sizeof x);
    if (x <= 88.37f)
      worst = fmax(worst, fabs(dc_exp(x) / exp(x) - 1));
    if (x <= 87.33f)
      worst = fmax(worst, fabs(dc_exp(-x) / exp(-x) - 1));
  }
  assert_true(worst < 2e-7);
  assert_true(worst > 1e-8); /* something was compared */
}

static void
exp_keeps_its_promises_at_the_ends(void **state)
{
  (void)state;
  assert_near(dc_exp(0), 1, 0);
  assert_near(dc_exp(-0.0f), 1, 0);
  assert_near(dc_exp(-88), 0, 0);
  assert_near(dc_exp(-FLT_MAX), 0, 0);
  assert_near(dc_exp(-INFINITY), 0, 0);
  assert_true(isinf(dc_exp(89)) && dc_exp(89) > 0);
  assert_true(isinf(dc_exp(FLT_MAX)));
  assert_true(isinf(dc_exp(INFINITY)));
  assert_true(isnan(dc_exp(NAN)));
  assert_true(isnan(dc_exp(-NAN)));
}

/* Scores up to +-20: the error of x - max is below 40 * eps / 2, that of a sum of n weights below
 * n * eps, so 1e-5 relative is safe for n = 300. */
static void
softmax_equals_its_definition(void **state)
{
  (void)state;
  static const size_t shapes[][2] = {{1, 1}, {5, 1}, {7, 10}, {3, 16}, {9, 300}, {2, 777}};
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    size_t n = shapes[s][0], k = shapes[s][1];
    DcMatrix rows = random_matrix(&random, n, k);
    for (size_t i = 0; i < n * rows.stride; i++)
      rows.data[i] *= 5;
    DcMatrix rows_reference = copy_of(&rows), columns = copy_of(&rows);
    DcMatrix columns_reference = copy_of(&rows);
    float sums[9], sums_reference[9], totals[777];
    for (size_t j = 0; j < k; j++)
      totals[j] = (float)j / 4;
    dc_softmax_rows(&rows, sums);
    dc_softmax_rows_reference(&rows_reference, sums_reference);
    dc_softmax_columns(&columns, totals);
    dc_softmax_columns_reference(&columns_reference, totals);
    for (size_t i = 0; i < n; i++) {
      assert_near(sums[i], sums_reference[i], 2e-5);
      for (size_t j = 0; j < k; j++) {
        float weight = dc_matrix_row(&rows_reference, i)[j];
        assert_near(dc_matrix_row(&rows, i)[j], weight, 1e-5f * weight + FLT_MIN);
        weight = dc_matrix_row(&columns_reference, i)[j];
        assert_near(dc_matrix_row(&columns, i)[j], weight, 1e-5f * weight + FLT_MIN);
      }
    }
    dc_free(rows.data);
    dc_free(rows_reference.data);
    dc_free(columns.data);
    dc_free(columns_reference.data);
  }
}

static void
softmax_of_large_scores_neither_overflows_nor_loses_the_winner(void **state)
{
  (void)state;
  float scores[] = {1e30f, -1e30f, 3e4f, 3e4f, -INFINITY, 0};
  DcMatrix rows = dc_matrix(scores, 3, 2);
  float sums[3];
  dc_softmax_rows(&rows, sums);
  static const float expected[] = {1, 0, 0.5f, 0.5f, 0, 1};
  for (size_t i = 0; i < 6; i++)
    assert_near(scores[i], expected[i], 0);
  assert_near(sums[0], 1e30f, 0);
  assert_near(sums[1], 3e4 + log(2), 0.004);
  assert_near(sums[2], 0, 0);
}

static void
softmax_makes_nan_of_a_row_without_meaning_and_of_no_other(void **state)
{
  (void)state;
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t b = 0; b < 3; b++)
    for (size_t place = 0; place < 20; place++) {
      float scores[2 * 20], turned[20 * 2], sums[2];
      for (size_t j = 0; j < 20; j++) {
        scores[j] = turned[2 * j] = 1;
        scores[20 + j] = turned[2 * j + 1] = b == 2 || j == place ? bad[b] : 0;
      }
      DcMatrix rows = dc_matrix(scores, 2, 20), columns = dc_matrix(turned, 20, 2);
      dc_softmax_rows(&rows, sums);
      dc_softmax_columns(&columns, NULL);
      assert_true(isnan(sums[1]));
      for (size_t j = 0; j < 20; j++) {
        assert_near(scores[j], 0.05f, 1e-8);
        assert_near(turned[2 * j], 0.05f, 1e-8);
        assert_true(isnan(scores[20 + j]));
        assert_true(isnan(turned[2 * j + 1]));
      }
    }
}

static void
distances_and_norms_equal_their_definition(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  static const size_t dims[] = {1, 2, 15, 16, 17, 64, 100};
  for (size_t s = 0; s < sizeof dims / sizeof *dims; s++) {
    DcMatrix a = random_matrix(&random, 6, dims[s]), b = random_matrix(&random, 3, dims[s]);
    static const uint32_t rows[] = {2, 0, 1, 1, 2, 0};
    float distances[6], expected[6], norms[6];
    for (int form = 0; form < 2; form++) {
      dc_squared_distances(&a, &b, form ? rows : NULL, distances);
      dc_squared_distances_reference(&a, &b, form ? rows : NULL, expected);
      for (size_t i = 0; i < 6; i++) /* d/16 additions in a lane, 4 across, 3 roundings a term */
        assert_near(distances[i], expected[i], 14 * FLT_EPSILON * expected[i]);
    }
    memset(b.data, 0, b.rows * b.stride * sizeof(float));
    dc_squared_norms(&a, norms);
    dc_squared_distances_reference(&a, &b, NULL, expected);
    for (size_t i = 0; i < 6; i++)
      assert_near(norms[i], expected[i], 14 * FLT_EPSILON * expected[i]);
    dc_free(a.data);
    dc_free(b.data);
  }
}

static void
distances_keep_nan_in_its_row(void **state)
{
  (void)state;
  float a[3 * 20] = {0}, b[20] = {0}, distances[3], norms[3];
  a[20 + 17] = NAN;
  DcMatrix left = dc_matrix(a, 3, 20), right = dc_matrix(b, 1, 20);
  dc_squared_distances(&left, &right, NULL, distances);
  dc_squared_norms(&left, norms);
  assert_true(isnan(distances[1]) && isnan(norms[1]));
  assert_near(distances[0] + distances[2] + norms[0] + norms[2], 0, 0);
}

static void
normalising_makes_unit_rows_and_spares_zeros(void **state)
{
  (void)state;
  float data[] = {3, 4, 0, 0, 1e-30f, 0, -1e30f, 1e30f, NAN, 1};
  DcMatrix matrix = dc_matrix(data, 5, 2);
  dc_normalise_rows(&matrix);
  static const float expected[] = {0.6f, 0.8f, 0, 0, 1, 0, -0.70710678f, 0.70710678f};
  for (size_t i = 0; i < 8; i++)
    assert_near(data[i], expected[i], FLT_EPSILON);
  assert_true(isnan(data[8]) && isnan(data[9]));
}

static void
column_moments_are_exact_far_from_zero(void **state)
{
  (void)state;
  /* Sums in single precision would lose all digits of the variance here. */
  float data[] = {8388608, 1, 8388610, 1, 8388612, 4};
  DcMatrix matrix = dc_matrix(data, 3, 2);
  double means[2], variances[2];
  assert_near(dc_column_moments(&matrix, NULL, means, variances), 3, 0);
  assert_near(means[0], 8388610, 0);
  assert_near(variances[0], 8.0 / 3, 1e-15);
  assert_near(variances[1], 2, 1e-15);
  static const float weights[] = {1, 0, 3};
  assert_near(dc_column_moments(&matrix, weights, means, variances), 4, 0);
  assert_near(means[0], 8388611, 0);
  assert_near(variances[0], 3, 1e-15);
  assert_near(means[1], 3.25, 1e-15);
}

static void
column_moments_without_weight_are_zero(void **state)
{
  (void)state;
  float data[] = {1, 2};
  static const float none[] = {0};
  DcMatrix matrix = dc_matrix(data, 1, 2), empty = dc_matrix(data, 0, 2);
  double means[2] = {9, 9}, variances[2] = {9, 9};
  assert_near(dc_column_moments(&empty, NULL, means, variances), 0, 0);
  assert_near(fabs(means[0]) + fabs(means[1]) + variances[0] + variances[1], 0, 0);
  means[0] = variances[1] = 9;
  assert_near(dc_column_moments(&matrix, none, means, variances), 0, 0);
  assert_near(fabs(means[0]) + fabs(means[1]) + variances[0] + variances[1], 0, 0);
}

static void
largest_in_columns_takes_the_first_of_equals_and_passes_nan_over(void **state)
{
  (void)state;
  static const float nothing = -INFINITY;
  const float data[] = {1, 5, NAN, NAN, nothing, /**/
                        3, 5, 2,   NAN, nothing, /**/
                        3, 4, NAN, NAN, nothing};
  DcMatrix scores = dc_matrix(data, 3, 5);
  uint32_t rows[5] = {9, 9, 9, 9, 9};
  static const uint32_t expected[] = {1, 0, 1, 0, 0};
  dc_largest_in_columns(&scores, rows);
  for (size_t i = 0; i < 5; i++)
    assert_int_equal(rows[i], expected[i]);
}

static void
largest_in_columns_equals_its_definition(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcMatrix scores = random_matrix(&random, 13, 600);
  for (size_t i = 0; i < scores.rows * scores.stride; i++)
    scores.data[i] = rintf(scores.data[i]); /* many ties */
  uint32_t rows[600], expected[600];
  dc_largest_in_columns(&scores, rows);
  dc_largest_in_columns_reference(&scores, expected);
  assert_memory_equal(rows, expected, sizeof rows);
  dc_free(scores.data);
}

/* Runs all kernels of one table on fixed data and returns what they wrote, as one block. */
static float *
kernel_results(const DcKernels *table, size_t cols)
{
  enum { ROWS = 23 };
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  DcMatrix a = random_matrix(&random, ROWS, cols), b = random_matrix(&random, ROWS, cols);
  DcMatrix turned = copy_of(&a);
  size_t block = ROWS * a.stride;
  float *results = DC_NEW(float, 2 * block + 3 * ROWS + cols);
  assert_non_null(results);
  float *next = results + 2 * block;
  uint32_t rows[ROWS];
  for (uint32_t i = 0; i < ROWS; i++)
    rows[i] = i * 7 % ROWS;
  table->squared_norms(&a, next);
  table->squared_distances(&a, &b, rows, next + ROWS);
  table->largest_in_columns(&a, (uint32_t *)(next + 3 * ROWS));
  table->softmax_rows(&a, next + 2 * ROWS);
  table->softmax_columns(&turned, dc_matrix_row(&b, 0));
  memcpy(results, a.data, block * sizeof(float));
  memcpy(results + block, turned.data, block * sizeof(float));
  dc_free(a.data);
  dc_free(b.data);
  dc_free(turned.data);
  return results;
}

static void
kernels_of_all_levels_give_the_same_bytes(void **state)
{
  (void)state;
  static const size_t widths[] = {1, 3, 8, 15, 16, 31, 64, 255, 256, 700};
  const DcKernels *tables[DC_KERNEL_LEVELS];
  size_t levels = dc_kernels_usable(tables);
  assert_ptr_equal(dc_kernels(), tables[levels - 1]);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    float *expected = kernel_results(tables[0], widths[w]);
    for (size_t level = 1; level < levels; level++) {
      float *results = kernel_results(tables[level], widths[w]);
      size_t count = 2 * 23 * (widths[w] + 3) + 3 * 23 + widths[w];
      assert_memory_equal(results, expected, count * sizeof(float));
      dc_free(results);
    }
    dc_free(expected);
  }
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
      cmocka_unit_test(exp_is_accurate_to_its_stated_error),
      cmocka_unit_test(exp_keeps_its_promises_at_the_ends),
      cmocka_unit_test(softmax_equals_its_definition),
      cmocka_unit_test(softmax_of_large_scores_neither_overflows_nor_loses_the_winner),
      cmocka_unit_test(softmax_makes_nan_of_a_row_without_meaning_and_of_no_other),
      cmocka_unit_test(distances_and_norms_equal_their_definition),
      cmocka_unit_test(distances_keep_nan_in_its_row),
      cmocka_unit_test(normalising_makes_unit_rows_and_spares_zeros),
      cmocka_unit_test(column_moments_are_exact_far_from_zero),
      cmocka_unit_test(column_moments_without_weight_are_zero),
      cmocka_unit_test(largest_in_columns_takes_the_first_of_equals_and_passes_nan_over),
      cmocka_unit_test(largest_in_columns_equals_its_definition),
      cmocka_unit_test(kernels_of_all_levels_give_the_same_bytes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
