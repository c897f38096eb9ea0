/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/matching.h"

#include "allocations.h"
#include "base/memory.h"
#include "base/random.h"
#include "test.h"

#include <float.h>
#include <stdbool.h>

/* The largest sum over rows row .. rows - 1 of one-to-one matchings that skip `skips` more rows. */
static double
best_sum(const double *gain, size_t rows, size_t cols, size_t row, size_t skips, uint32_t taken)
{
  if (row == rows)
    return skips == 0 ? 0 : -INFINITY;
  double best = -INFINITY;
  if (skips > 0)
    best = best_sum(gain, rows, cols, row + 1, skips - 1, taken);
  for (size_t col = 0; col < cols; col++)
    if (!(taken & (1u << col)))
      best = fmax(best, gain[row * cols + col] +
                            best_sum(gain, rows, cols, row + 1, skips, taken | (1u << col)));
  return best;
}

/* Checks that `match` is one-to-one with min(rows, cols) pairs; returns its sum. */
static double
sum_of_match(const double *gain, size_t rows, size_t cols, const uint32_t *match)
{
  double sum = 0;
  size_t pairs = 0;
  for (size_t row = 0; row < rows; row++) {
    if (match[row] == DC_UNMATCHED)
      continue;
    assert_true(match[row] < cols);
    for (size_t other = 0; other < row; other++)
      assert_int_not_equal(match[other], match[row]);
    sum += gain[row * cols + match[row]];
    pairs++;
  }
  assert_int_equal(pairs, rows < cols ? rows : cols);
  return sum;
}

static void
check_against_all_permutations(const double *gain, size_t rows, size_t cols)
{
  uint32_t match[64];
  assert_int_equal(dc_match(gain, rows, cols, match), DC_OK);
  double best = best_sum(gain, rows, cols, 0, rows > cols ? rows - cols : 0, 0);
  /* Both add at most 7 numbers below 100. */
  assert_near(sum_of_match(gain, rows, cols, match), best, 7 * 100 * DBL_EPSILON);
}

static void
matching_is_the_best_of_all_permutations(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  double gain[49];
  for (size_t rows = 1; rows <= 7; rows++)
    for (size_t cols = 1; cols <= 7; cols++)
      for (int run = 0; run < (rows + cols < 13 ? 20 : 4); run++) {
        for (size_t i = 0; i < rows * cols; i++)
          gain[i] = 20 * dc_random_normal(&random);
        check_against_all_permutations(gain, rows, cols);
        for (size_t i = 0; i < rows * cols; i++) /* counts with many ties */
          gain[i] = dc_random_below(&random, 4);
        check_against_all_permutations(gain, rows, cols);
      }
}

static void
matching_undoes_greedy_choices(void **state)
{
  (void)state;
  /* Row 0 alone would take column 0, and so would every other row. */
  static const double gain[] = {10, 9, 0, /**/ 10, 0, 8, /**/ 10, 1, 1};
  static const uint32_t expected[] = {1, 2, 0};
  uint32_t match[3];
  assert_int_equal(dc_match(gain, 3, 3, match), DC_OK);
  assert_memory_equal(match, expected, sizeof match);
}

static void
matching_pairs_up_negative_gains_too(void **state)
{
  (void)state;
  static const double gain[] = {-5, -1};
  uint32_t match[2];
  assert_int_equal(dc_match(gain, 1, 2, match), DC_OK);
  assert_int_equal(match[0], 1);
  assert_int_equal(dc_match(gain, 2, 1, match), DC_OK);
  assert_int_equal(match[0], DC_UNMATCHED);
  assert_int_equal(match[1], 0);
}

/* A permutation hidden in noise, at the size of many clusters. */
static void
matching_finds_a_hidden_permutation(void **state)
{
  (void)state;
  enum { N = 300 };
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  uint32_t hidden[N], match[N];
  double *gain = DC_NEW(double, N *N);
  for (uint32_t i = 0; i < N; i++)
    hidden[i] = i;
  dc_random_shuffle(&random, hidden, N);
  for (size_t i = 0; i < N; i++)
    for (size_t j = 0; j < N; j++)
      gain[i * N + j] = dc_random_uniform(&random) + (hidden[i] == j ? 1 : 0);
  assert_int_equal(dc_match(gain, N, N, match), DC_OK);
  assert_memory_equal(match, hidden, sizeof match);
  dc_free(gain);
}

static void
matching_of_nothing_leaves_all_unmatched(void **state)
{
  (void)state;
  uint32_t match[2] = {7, 7};
  assert_int_equal(dc_match(NULL, 0, 3, match), DC_OK);
  assert_int_equal(match[0], 7);
  assert_int_equal(dc_match(NULL, 2, 0, match), DC_OK);
  assert_int_equal(match[0], DC_UNMATCHED);
  assert_int_equal(match[1], DC_UNMATCHED);
}

static void
matching_stands_extreme_gains(void **state)
{
  (void)state;
  static const double gain[] = {DC_GAIN_MAX, -DC_GAIN_MAX, DC_GAIN_MAX, DC_GAIN_MAX};
  static const uint32_t expected[] = {0, 1};
  uint32_t match[2];
  assert_int_equal(dc_match(gain, 2, 2, match), DC_OK);
  assert_memory_equal(match, expected, sizeof match);
}

static void
matching_refuses_what_is_not_a_number(void **state)
{
  (void)state;
  static const double bad[] = {NAN, INFINITY, -INFINITY, 1e101};
  for (size_t b = 0; b < 4; b++) {
    double gain[] = {1, 2, 3, 4};
    gain[b] = bad[b];
    uint32_t match[2] = {7, 7};
    assert_int_equal(dc_match(gain, 2, 2, match), DC_ERROR_NOT_FINITE);
    assert_int_equal(match[0], 7);
  }
}

static void
matching_refuses_sizes_that_overflow(void **state)
{
  (void)state;
  uint32_t match;
  assert_int_equal(dc_match(NULL, SIZE_MAX / 2, 3, &match), DC_ERROR_ARGUMENT);
}

static void
matching_survives_every_failed_allocation(void **state)
{
  (void)state;
  static const double gain[] = {1, 2, 3, 4};
  uint32_t match[2] = {7, 7};
  fail_at = allocations; /* the only one */
  assert_int_equal(dc_match(gain, 2, 2, match), DC_ERROR_MEMORY);
  assert_int_equal(match[0], 7);
  fail_at = SIZE_MAX;
}

static void
matching_in_an_arena_allocates_nothing(void **state)
{
  (void)state;
  static const double gain[] = {1, 2, 3, 4, 5, 7};
  uint32_t match[3] = {7, 7, 7};
  DcArena arena;
  assert_true(dc_arena_init(&arena, dc_match_scratch(3, 3)));
  const size_t before = allocations;
  assert_int_equal(dc_match_in(&arena, gain, 2, 3, match), DC_OK);
  assert_int_equal(match[0] * 10 + match[1], 12); /* 2 + 7 beats all others */
  assert_int_equal(dc_match_in(&arena, gain, 3, 2, match), DC_OK);
  assert_int_equal(match[2], 1);
  assert_int_equal(allocations, before);
  assert_int_equal(arena.used, 0);
  dc_arena_clear(&arena);
  match[0] = 7;
  assert_true(dc_arena_init(&arena, 1));
  assert_int_equal(dc_match_in(&arena, gain, 2, 3, match), DC_ERROR_MEMORY);
  assert_int_equal(match[0], 7);
  dc_arena_clear(&arena);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matching_is_the_best_of_all_permutations),
      cmocka_unit_test(matching_undoes_greedy_choices),
      cmocka_unit_test(matching_pairs_up_negative_gains_too),
      cmocka_unit_test(matching_finds_a_hidden_permutation),
      cmocka_unit_test(matching_of_nothing_leaves_all_unmatched),
      cmocka_unit_test(matching_stands_extreme_gains),
      cmocka_unit_test(matching_refuses_what_is_not_a_number),
      cmocka_unit_test(matching_refuses_sizes_that_overflow),
      cmocka_unit_test(matching_survives_every_failed_allocation),
      cmocka_unit_test(matching_in_an_arena_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
