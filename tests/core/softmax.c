/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/softmax.h"

#include "matrices.h"

#include <float.h>
#include <math.h>

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

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(softmax_equals_its_definition),
      cmocka_unit_test(softmax_in_double_equals_its_definition),
      cmocka_unit_test(softmax_in_double_of_extremes),
      cmocka_unit_test(softmax_of_large_scores_neither_overflows_nor_loses_the_winner),
      cmocka_unit_test(softmax_makes_nan_of_a_row_without_meaning_and_of_no_other),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
