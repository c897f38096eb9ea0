/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/rows.h"

#include "allocations.h"
#include "matrices.h"
#include "tensor/blas.h"
#include "tensor/softmax.h"

#include <float.h>
#include <math.h>
#include <string.h>

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

static void
kernels_allocate_nothing(void **state)
{
  (void)state;
  float data[] = {1, 2, 3, 4}, results[2];
  double scores[] = {1, 2, 3, 4}, products[2];
  uint32_t rows[2] = {1, 0};
  DcMatrix matrix = dc_matrix(data, 2, 2);
  size_t before = allocations;
  dc_squared_norms(&matrix, results);
  dc_squared_distances(&matrix, &matrix, rows, results);
  dc_largest_in_columns(&matrix, rows);
  dc_normalise_rows(&matrix);
  dc_softmax_rows(&matrix, results);
  dc_softmax_columns(&matrix, NULL, NULL);
  dc_softmax_columns_double(scores, 2, 2);
  dc_multiply_each(scores, scores + 2, 2, products);
  assert_int_equal(allocations, before);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(standardising_is_exact_far_from_zero),
      cmocka_unit_test(sparse_product_equals_its_definition),
      cmocka_unit_test(sparse_product_spreads_nan_of_what_it_reads_only),
      cmocka_unit_test(finite_matrices_are_told_from_others),
      cmocka_unit_test(distances_and_norms_equal_their_definition),
      cmocka_unit_test(distances_keep_nan_in_its_row),
      cmocka_unit_test(normalising_makes_unit_rows_and_spares_zeros),
      cmocka_unit_test(column_moments_are_exact_far_from_zero),
      cmocka_unit_test(column_moments_without_weight_are_zero),
      cmocka_unit_test(largest_in_columns_takes_the_first_of_equals_and_passes_nan_over),
      cmocka_unit_test(largest_in_columns_equals_its_definition),
      cmocka_unit_test(centring_subtracts_and_leaves_further_columns_alone),
      cmocka_unit_test(kernels_allocate_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
