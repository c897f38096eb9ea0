/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* setenv() */

#include "allocations.h"
#include "matrices.h"
#include "tensor/asinh.h"
#include "tensor/blas.h"
#include "tensor/eigen.h"
#include "tensor/exp.h"
#include "tensor/kernels.h"
#include "tensor/matrix.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* A million steps that are no multiple of log 2. */
static void
exp_in_double_is_accurate_to_its_stated_error(void **state)
{
  (void)state;
  double worst = 0;
  for (int i = 0; i <= 1000000; i++) {
    const double x = -708 + i * 0.001417;
    worst = fmax(worst, fabs(dc_exp_double(x) / exp(x) - 1));
  }
  assert_true(worst < 1e-15);
  assert_true(worst > 1e-17); /* something was compared */
}

static void
exp_in_double_keeps_its_promises_at_the_ends(void **state)
{
  (void)state;
  assert_near(dc_exp_double(0), 1, 0);
  assert_near(dc_exp_double(-0.0), 1, 0);
  assert_near(dc_exp_double(-709), 0, 0);
  assert_near(dc_exp_double(-DBL_MAX), 0, 0);
  assert_near(dc_exp_double(-INFINITY), 0, 0);
  assert_true(isinf(dc_exp_double(710)) && dc_exp_double(710) > 0);
  assert_true(isinf(dc_exp_double(DBL_MAX)));
  assert_true(isinf(dc_exp_double(INFINITY)));
  assert_true(isnan(dc_exp_double((double)NAN)));
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

/* Every 97th finite number. */
static void
asinh_is_accurate_to_its_stated_error(void **state)
{
  (void)state;
  double worst = 0;
  for (uint32_t bits = 0x00800000; bits < 0x7f800000; bits += 97) {
    float x;
    memcpy(&x, &bits, sizeof x);
    worst = fmax(worst, fabs(dc_asinh(x) / asinh(x) - 1));
  }
  assert_true(worst < 2e-7);
  assert_true(worst > 1e-8); /* something was compared */
}

static void
asinh_keeps_its_promises_at_the_ends(void **state)
{
  (void)state;
  static const float odd[] = {1e-20f, 0.3f, 1, 7, 1e9f, 1.1e9f, 1e30f, FLT_MAX};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    assert_near(dc_asinh(-odd[i]), -dc_asinh(odd[i]), 0);
  assert_near(dc_asinh(0), 0, 0);
  assert_true(signbit(dc_asinh(-0.0f)));
  assert_near(dc_asinh(FLT_MIN / 4), FLT_MIN / 4, 0); /* a denormal number */
  assert_true(isinf(dc_asinh(INFINITY)) && dc_asinh(INFINITY) > 0);
  assert_true(isinf(dc_asinh(-INFINITY)) && dc_asinh(-INFINITY) < 0);
  assert_true(isnan(dc_asinh(NAN)));
}

static void
asinh_of_rows_shifts_each_column_and_no_other(void **state)
{
  (void)state;
  float data[] = {1, NAN, 0, 9, -3, 2, INFINITY, 9};
  const float shift[] = {0.5f, 1, -1};
  const DcMatrix matrix = {data, 2, 3, 4};
  dc_asinh_rows(&matrix, shift);
  assert_near(data[0], asinh(1.5), 2e-7);
  assert_true(isnan(data[1]));
  assert_near(data[2], asinh(-1), 2e-7);
  assert_near(data[3] + data[7], 18, 0);
  assert_near(data[4], asinh(-2.5), 4e-7);
  assert_near(data[5], asinh(3), 4e-7);
  assert_true(isinf(data[6]));
}

/* In single precision the difference to the mean would keep no digit here. */
static void
standardising_is_exact_far_from_zero(void **state)
{
  (void)state;
  float data[] = {8388608, 7, 8388611, 7}, target[] = {9, 9, 9, 9};
  const double means[] = {8388609.5};
  const DcMatrix source = {data, 2, 1, 2}, z = {target, 2, 1, 2};
  dc_standardise_rows(&source, means, 3, &z);
  assert_near(target[0], -0.5, FLT_EPSILON);
  assert_near(target[2], 0.5, FLT_EPSILON);
  assert_near(target[1] + target[3], 18, 0);
  dc_standardise_rows(&source, means, 3, &source);
  assert_near(data[0], -0.5, FLT_EPSILON);
  data[0] = NAN;
  dc_standardise_rows(&source, means, 3, &z);
  assert_true(isnan(target[0]));
}

/* A few percent of A, in rows and columns that no vector register fits. */
static void
sparse_product_equals_its_definition(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  static const size_t shapes[][3] = {{1, 1, 1}, {5, 300, 17}, {40, 33, 64}, {3, 0, 2}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    const size_t m = shapes[s][0], k = shapes[s][1], n = shapes[s][2];
    DcMatrix a = random_matrix(&random, m, k, 0), b = random_matrix(&random, k, n, 0);
    DcMatrix c = random_matrix(&random, m, n, 0), expected = copy_of(&c);
    size_t nonzero = 0;
    for (size_t i = 0; i < m; i++)
      for (size_t j = 0; j < k; j++) {
        if ((i + j) % 20)
          dc_matrix_row(&a, i)[j] = 0;
        else
          nonzero++;
      }
    assert_int_equal(dc_count_nonzero(&a), nonzero);
    dc_add_sparse_product(&a, &b, &c);
    dc_gemm_reference(DC_PLAIN, DC_PLAIN, 1, &a, &b, 1, &expected);
    /* 15 products of normal numbers in a sum, as for gemm above. */
    assert_blocks_near(&c, &expected, 16 * 4 * FLT_EPSILON);
    free_matrices(&a, &b, &c, &expected);
  }
}

static void
sparse_product_spreads_nan_of_what_it_reads_only(void **state)
{
  (void)state;
  float a[] = {0, 1, NAN, 0}, b[] = {NAN, NAN, 2, 3}, c[] = {1, 1, 1, 1};
  const DcMatrix left = dc_matrix(a, 2, 2), right = dc_matrix(b, 2, 2), sums = dc_matrix(c, 2, 2);
  assert_int_equal(dc_count_nonzero(&left), 2);
  dc_add_sparse_product(&left, &right, &sums);
  assert_near(c[0], 3, 0);
  assert_near(c[1], 4, 0);
  assert_true(isnan(c[2]) && isnan(c[3]));
}

static void
finite_matrices_are_told_from_others(void **state)
{
  (void)state;
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  float data[3 * 40];
  const DcMatrix matrix = {data, 3, 37, 40};
  for (size_t i = 0; i < 3 * 40; i++)
    data[i] = i % 40 < 37 ? FLT_MAX : NAN; /* beside the columns nobody looks */
  assert_true(dc_matrix_is_finite(&matrix));
  for (size_t b = 0; b < 3; b++)
    for (size_t place = 0; place < 3 * 37; place++) {
      float *number = data + place / 37 * 40 + place % 37;
      *number = bad[b];
      assert_false(dc_matrix_is_finite(&matrix));
      *number = 0;
    }
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
    DcMatrix rows = random_matrix(&random, n, k, 0);
    for (size_t i = 0; i < n * rows.stride; i++)
      rows.data[i] *= 5;
    DcMatrix rows_reference = copy_of(&rows), columns = copy_of(&rows);
    DcMatrix columns_reference = copy_of(&rows);
    float sums[9], sums_reference[9], totals[777];
    double row_sums[9], row_sums_reference[9];
    for (size_t j = 0; j < k; j++)
      totals[j] = (float)j / 4;
    dc_softmax_rows(&rows, sums);
    dc_softmax_rows_reference(&rows_reference, sums_reference);
    dc_softmax_columns(&columns, totals, row_sums);
    dc_softmax_columns_reference(&columns_reference, totals, row_sums_reference);
    for (size_t i = 0; i < n; i++) {
      assert_near(sums[i], sums_reference[i], 2e-5);
      assert_near(row_sums[i], row_sums_reference[i], 1e-5 * row_sums_reference[i]);
      for (size_t j = 0; j < k; j++) {
        float weight = dc_matrix_row(&rows_reference, i)[j];
        assert_near(dc_matrix_row(&rows, i)[j], weight, 1e-5f * weight + FLT_MIN);
        weight = dc_matrix_row(&columns_reference, i)[j];
        assert_near(dc_matrix_row(&columns, i)[j], weight, 1e-5f * weight + FLT_MIN);
      }
    }
    free_matrices(&rows, &rows_reference, &columns, &columns_reference);
  }
}

/* Both sides round an exponential of a score about 30 below the largest, whose last digit is 4e-15,
 * and sums of 21 terms: 1e-13 is safe. */
static void
softmax_in_double_equals_its_definition(void **state)
{
  (void)state;
  enum { ROWS = 21, MOST = 600 };
  static const size_t widths[] = {1, 7, 256, MOST};
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    const size_t cols = widths[w];
    double scores[ROWS * MOST], weights[ROWS * MOST], log_sums = 0;
    for (size_t i = 0; i < ROWS * cols; i++)
      scores[i] = weights[i] = 10 * dc_random_normal(&random);
    const double found = dc_softmax_columns_double(weights, ROWS, cols);
    for (size_t i = 0; i < cols; i++) {
      double sum = 0;
      for (size_t j = 0; j < ROWS; j++)
        sum += exp(scores[j * cols + i]);
      log_sums += log(sum);
      for (size_t j = 0; j < ROWS; j++) {
        const double weight = exp(scores[j * cols + i] - log(sum));
        assert_near(weights[j * cols + i], weight, 1e-13 * weight);
      }
    }
    assert_near(found, log_sums, 1e-13 * log_sums);
  }
}

/* A column at a time: what is beyond the range of exp, a cluster that is impossible, nothing but
 * these, and NaN. */
static void
softmax_in_double_of_extremes(void **state)
{
  (void)state;
  double far[] = {1e4, -1e4, 1e4}, impossible[] = {-INFINITY, 2, 2};
  assert_near(dc_softmax_columns_double(far, 3, 1), 1e4 + log(2), 1e-11);
  assert_near(dc_softmax_columns_double(impossible, 3, 1), 2 + log(2), 1e-14);
  assert_near(far[0], 0.5, 0);
  assert_near(far[1], 0, 0);
  assert_near(far[2], 0.5, 0);
  assert_near(impossible[0], 0, 0);
  assert_near(impossible[1], 0.5, 0);
  double without_meaning[3][3] = {{-INFINITY, NAN, 1}, {-INFINITY, 0, 2}, {-INFINITY, 0, 3}};
  assert_true(isnan(dc_softmax_columns_double(without_meaning[0], 3, 3)));
  for (size_t j = 0; j < 3; j++) {
    assert_true(isnan(without_meaning[j][0]));
    assert_true(isnan(without_meaning[j][1]));
    assert_false(isnan(without_meaning[j][2]));
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
      dc_softmax_columns(&columns, NULL, NULL);
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
    DcMatrix a = random_matrix(&random, 6, dims[s], 0), b = random_matrix(&random, 3, dims[s], 0);
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
    free_matrices(&a, &b);
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
  DcMatrix scores = random_matrix(&random, 13, 600, 0);
  for (size_t i = 0; i < scores.rows * scores.stride; i++)
    scores.data[i] = rintf(scores.data[i]); /* many ties */
  uint32_t rows[600], expected[600];
  dc_largest_in_columns(&scores, rows);
  dc_largest_in_columns_reference(&scores, expected);
  assert_memory_equal(rows, expected, sizeof rows);
  free_matrices(&scores);
}

/* What the kernels of one table make of fixed data. */
typedef struct {
  DcMatrix by_rows, by_columns, centred, bent, standard, product;
  float log_sums[23], norms[23], distances[23];
  double row_sums[23], sums[700], squares[700];
  double squared[700], weights[700], log_density;
  uint32_t largest[700];
} KernelResults;

static void
run_kernels(const DcKernels *table, size_t cols, KernelResults *results)
{
  enum { ROWS = 23 };
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  DcMatrix a = random_matrix(&random, ROWS, cols, 0), b = random_matrix(&random, ROWS, cols, 0);
  *results = (KernelResults){.by_rows = copy_of(&a),
                             .by_columns = copy_of(&a),
                             .centred = copy_of(&a),
                             .bent = copy_of(&a),
                             .standard = copy_of(&a),
                             .product = copy_of(&a)};
  uint32_t rows[ROWS];
  for (uint32_t i = 0; i < ROWS; i++)
    rows[i] = i * 7 % ROWS;
  table->squared_norms(&a, results->norms);
  table->squared_distances(&a, &b, rows, results->distances);
  table->largest_in_columns(&a, results->largest);
  table->softmax_rows(&results->by_rows, results->log_sums);
  table->softmax_columns(&results->by_columns, dc_matrix_row(&b, 0), results->row_sums);
  table->centre_rows(&a, dc_matrix_row(&b, 1), &results->centred);
  table->asinh_rows(&results->bent, dc_matrix_row(&b, 2));
  table->add_rows(&a, NULL, results->sums);
  table->add_squares(&a, NULL, results->sums, results->squares);
  for (size_t i = 0; i < cols; i++)
    results->weights[i] = a.data[i];
  table->multiply_each(results->weights, results->weights, cols, results->squared);
  results->log_density = table->softmax_columns_double(results->weights, 3, cols / 3);
  table->standardise_rows(&a, results->sums, 3, &results->standard);
  DcMatrix few = dc_matrix_rows(&a, 0, cols < ROWS ? cols : ROWS);
  few.cols = few.rows;
  DcMatrix factors = dc_matrix_rows(&b, 0, few.rows),
           product = dc_matrix_rows(&results->product, 0, few.rows);
  table->add_sparse_product(&few, &factors, &product);
  assert_int_equal(table->count_nonzero(&a), ROWS * cols);
  assert_true(table->is_finite(&a));
  free_matrices(&a, &b);
}

static void
free_results(const KernelResults *results)
{
  free_matrices(&results->by_rows, &results->by_columns, &results->centred, &results->bent,
                &results->standard, &results->product);
}

/* Levels differ in rounding only: a few eps, for sums of up to 700 terms in 16 lanes. */
static void
assert_same_results(const KernelResults *a, const KernelResults *b)
{
  const float eps = 64 * FLT_EPSILON;
  assert_blocks_near(&a->by_rows, &b->by_rows, eps);
  assert_blocks_near(&a->by_columns, &b->by_columns, eps);
  assert_blocks_near(&a->centred, &b->centred, 0);
  assert_blocks_near(&a->bent, &b->bent, eps);
  assert_blocks_near(&a->standard, &b->standard, eps);
  assert_blocks_near(&a->product, &b->product, eps);
  for (size_t i = 0; i < 700; i++) {
    /* 23 terms in double */
    assert_near(a->sums[i], b->sums[i], 100 * DBL_EPSILON);
    assert_near(a->squares[i], b->squares[i], 100 * DBL_EPSILON * b->squares[i]);
    assert_near(a->squared[i], b->squared[i], 0);
    assert_near(a->weights[i], b->weights[i], 100 * DBL_EPSILON);
  }
  for (size_t i = 0; i < 23; i++) {
    assert_near(a->log_sums[i], b->log_sums[i], eps);
    assert_near(a->norms[i], b->norms[i], eps * b->norms[i]);
    assert_near(a->distances[i], b->distances[i], eps * b->distances[i]);
    assert_near(a->row_sums[i], b->row_sums[i], 700 * eps);
  }
  assert_near(a->log_density, b->log_density, 700 * DBL_EPSILON * fabs(b->log_density));
  assert_memory_equal(a->largest, b->largest, sizeof a->largest);
}

static void
kernels_of_all_levels_agree(void **state)
{
  (void)state;
  static const size_t widths[] = {1, 3, 8, 15, 16, 31, 64, 255, 256, 700};
  const DcKernels *tables[DC_CPU_LEVELS];
  size_t levels = dc_kernels_usable(tables);
  assert_ptr_equal(dc_kernels(), tables[levels - 1]);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
    KernelResults expected, results;
    run_kernels(tables[0], widths[w], &expected);
    for (size_t level = 1; level < levels; level++) {
      run_kernels(tables[level], widths[w], &results);
      assert_same_results(&results, &expected);
      free_results(&results);
    }
    free_results(&expected);
  }
}

static void
centring_subtracts_and_leaves_further_columns_alone(void **state)
{
  (void)state;
  const float data[] = {1, 2, 3, 4}, centre[] = {1, -1};
  float target[] = {0, 0, 7, 0, 0, 7};
  DcMatrix source = dc_matrix(data, 2, 2), wide = dc_matrix(target, 2, 3);
  dc_centre_rows(&source, centre, &wide);
  static const float expected[] = {0, 3, 7, 2, 5, 7};
  assert_memory_equal(target, expected, sizeof target);
}

/* ---- eigenvalues ---- */

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

static void
kernels_allocate_nothing(void **state)
{
  (void)state;
  float data[] = {1, 2, 3, 4}, results[2];
  uint32_t rows[2] = {1, 0};
  DcMatrix matrix = dc_matrix(data, 2, 2);
  size_t before = allocations;
  dc_squared_norms(&matrix, results);
  dc_squared_distances(&matrix, &matrix, rows, results);
  dc_largest_in_columns(&matrix, rows);
  dc_normalise_rows(&matrix);
  dc_softmax_rows(&matrix, results);
  dc_softmax_columns(&matrix, NULL, NULL);
  assert_int_equal(allocations, before);
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
      cmocka_unit_test(exp_is_accurate_to_its_stated_error),
      cmocka_unit_test(exp_keeps_its_promises_at_the_ends),
      cmocka_unit_test(exp_in_double_is_accurate_to_its_stated_error),
      cmocka_unit_test(exp_in_double_keeps_its_promises_at_the_ends),
      cmocka_unit_test(asinh_is_accurate_to_its_stated_error),
      cmocka_unit_test(asinh_keeps_its_promises_at_the_ends),
      cmocka_unit_test(asinh_of_rows_shifts_each_column_and_no_other),
      cmocka_unit_test(standardising_is_exact_far_from_zero),
      cmocka_unit_test(sparse_product_equals_its_definition),
      cmocka_unit_test(sparse_product_spreads_nan_of_what_it_reads_only),
      cmocka_unit_test(finite_matrices_are_told_from_others),
      cmocka_unit_test(softmax_equals_its_definition),
      cmocka_unit_test(softmax_in_double_equals_its_definition),
      cmocka_unit_test(softmax_in_double_of_extremes),
      cmocka_unit_test(softmax_of_large_scores_neither_overflows_nor_loses_the_winner),
      cmocka_unit_test(softmax_makes_nan_of_a_row_without_meaning_and_of_no_other),
      cmocka_unit_test(distances_and_norms_equal_their_definition),
      cmocka_unit_test(distances_keep_nan_in_its_row),
      cmocka_unit_test(normalising_makes_unit_rows_and_spares_zeros),
      cmocka_unit_test(column_moments_are_exact_far_from_zero),
      cmocka_unit_test(column_moments_without_weight_are_zero),
      cmocka_unit_test(largest_in_columns_takes_the_first_of_equals_and_passes_nan_over),
      cmocka_unit_test(largest_in_columns_equals_its_definition),
      cmocka_unit_test(kernels_of_all_levels_agree),
      cmocka_unit_test(centring_subtracts_and_leaves_further_columns_alone),
      cmocka_unit_test(eigenpairs_hold_and_equal_those_of_jacobi),
      cmocka_unit_test(leading_eigenpairs_are_the_last_of_all),
      cmocka_unit_test(eigenpairs_of_a_known_matrix),
      cmocka_unit_test(eigenpairs_of_degenerate_matrices),
      cmocka_unit_test(eigenpairs_refuse_what_is_not_finite_or_too_large),
      cmocka_unit_test(eigenpairs_survive_every_failed_allocation),
      cmocka_unit_test(eigenpairs_in_given_scratch_are_the_same),
      cmocka_unit_test(kernels_allocate_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
