/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tensor/kernels.h"

#include "matrices.h"

#include <float.h>
#include <math.h>
#include <string.h>

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

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kernels_of_all_levels_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
