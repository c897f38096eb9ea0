/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The seeds of k-means, one candidate for each or several. */
#include "cluster/kmeans.h"

#include "allocations.h"
#include "cluster/seeding.h"
#include "matrices.h"
#include "tensor/blas.h"

#include <math.h>
#include <string.h>

enum { GROUPS = 16, SAMPLES = 320, DIM = 4, STARTS = 60 };

/* Sample i is of group i % GROUPS; the groups lie on a grid, 12 deviations apart. */
static DcMatrix
grid(DcRandom *random)
{
  DcMatrix samples = random_matrix(random, SAMPLES, DIM, 0);
  for (size_t i = 0; i < SAMPLES; i++) {
    dc_matrix_row(&samples, i)[0] += 12.0f * (float)(i % GROUPS % 4);
    dc_matrix_row(&samples, i)[1] += 12.0f * (float)(i % GROUPS / 4);
  }
  return samples;
}

/* In how many of the starts every group got a seed. */
static int
complete_starts(size_t candidates)
{
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcMatrix samples = grid(&random);
  float rows[3][SAMPLES];
  DcSeeding seeding = {.samples = &samples,
                       .candidates = candidates,
                       .nearest = rows[0],
                       .newest = rows[1],
                       .other = candidates > 1 ? rows[2] : NULL};
  int complete = 0;
  for (int start = 0; start < STARTS; start++) {
    bool seen[GROUPS] = {false};
    size_t groups = 0;
    for (size_t j = 0; j < GROUPS; j++) {
      size_t group = dc_seeding_next(&seeding, &random, j == 0) % GROUPS;
      groups += !seen[group];
      seen[group] = true;
    }
    complete += groups == GROUPS;
  }
  free_matrices(&samples);
  return complete;
}

static void
more_candidates_reach_more_groups(void **state)
{
  (void)state;
  int plain = complete_starts(1), greedy = complete_starts(4);
  print_message("# all groups have a seed in %d of %d starts, in %d with four candidates\n", plain,
                STARTS, greedy);
  assert_true(greedy >= 2 * plain);
  assert_true(greedy >= STARTS / 2);
}

static void
the_candidate_that_leaves_least_is_taken(void **state)
{
  (void)state;
  /* Two pairs: a seed in each leaves 1 + 1. So many candidates have seen all. */
  const float data[] = {-1, 0, 10, 11};
  DcMatrix samples = dc_matrix(data, 4, 1);
  float rows[3][4];
  DcSeeding seeding = {.samples = &samples,
                       .candidates = 64,
                       .nearest = rows[0],
                       .newest = rows[1],
                       .other = rows[2]};
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  for (int start = 0; start < 50; start++) {
    size_t first = dc_seeding_next(&seeding, &random, true);
    size_t second = dc_seeding_next(&seeding, &random, false);
    assert_true((first < 2) != (second < 2));
    double sum = 0;
    for (size_t i = 0; i < 4; i++)
      sum += seeding.nearest[i];
    assert_true(sum == 2);
  }
}

static void
weight_zero_is_never_drawn_and_seeds_may_run_out(void **state)
{
  (void)state;
  const float data[] = {0, 3, 3, 9}, weights[] = {1, 2, 1, 0};
  DcMatrix samples = dc_matrix(data, 4, 1);
  float rows[3][4];
  DcSeeding seeding = {.samples = &samples,
                       .weights = weights,
                       .candidates = 5,
                       .nearest = rows[0],
                       .newest = rows[1],
                       .other = rows[2]};
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  for (int start = 0; start < 50; start++)
    for (size_t j = 0; j < 6; j++) /* two places that differ, and then again some of them */
      assert_true(dc_seeding_next(&seeding, &random, j == 0) < 3);
}

/* The inertia of k-means of one start, in `places`. */
static double
one_start(const DcMatrix *samples, uint32_t candidates, uint32_t restarts, uint32_t threads,
          uint64_t seed, float *places)
{
  DcMatrix centroids = dc_matrix(places, GROUPS, DIM);
  DcKmeansOptions options = dc_kmeans_options(GROUPS);
  options.candidates = candidates;
  options.restarts = restarts;
  options.threads = threads;
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  DcKmeansResult result;
  assert_int_equal(dc_kmeans(samples, NULL, &options, &random, &centroids, NULL, &result, NULL),
                   DC_OK);
  return result.inertia;
}

static void
kmeans_of_several_candidates_ends_better(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcMatrix samples = grid(&random);
  float places[GROUPS * DIM];
  double plain = 0, greedy = 0;
  for (uint64_t start = 0; start < STARTS; start++) {
    plain += one_start(&samples, 1, 1, 1, start, places) / STARTS;
    greedy += one_start(&samples, 4, 1, 1, start, places) / STARTS;
  }
  print_message("# mean inertia %.0f, with four candidates %.0f\n", plain, greedy);
  assert_true(greedy < 0.7 * plain);
  free_matrices(&samples);
}

static void
any_number_of_threads_gives_the_same_bytes(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  DcMatrix samples = grid(&random);
  float places[2][GROUPS * DIM];
  for (uint32_t threads = 1; threads <= 4; threads++) {
    one_start(&samples, 3, 7, threads, 9, places[threads > 1]);
    if (threads > 1)
      assert_memory_equal(places[0], places[1], sizeof places[0]);
  }
  free_matrices(&samples);
}

static void
no_candidates_are_refused_and_memory_may_be_short(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  DcMatrix samples = grid(&random);
  float places[GROUPS * DIM];
  DcMatrix centroids = dc_matrix(places, GROUPS, DIM);
  DcKmeansOptions options = dc_kmeans_options(GROUPS);
  DcKmeansResult result;
  DcError error = {0};
  options.candidates = 0;
  assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroids, NULL, &result, &error),
                   DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "candidates"));
  options.candidates = 3;
  size_t before = allocations;
  assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroids, NULL, &result, NULL),
                   DC_OK);
  size_t needed = allocations - before;
  for (size_t failing = 0; failing < needed; failing++) {
    fail_at = allocations + failing;
    assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroids, NULL, &result, NULL),
                     DC_ERROR_MEMORY);
  }
  fail_at = SIZE_MAX;
  free_matrices(&samples);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(more_candidates_reach_more_groups),
      cmocka_unit_test(the_candidate_that_leaves_least_is_taken),
      cmocka_unit_test(weight_zero_is_never_drawn_and_seeds_may_run_out),
      cmocka_unit_test(kmeans_of_several_candidates_ends_better),
      cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
      cmocka_unit_test(no_candidates_are_refused_and_memory_may_be_short),
  };
  dc_blas_choose_kernels();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
