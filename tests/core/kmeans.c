/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/kmeans.h"

#include "allocations.h"
#include "matrices.h"
#include "tensor/blas.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* `count` groups of standard normal samples whose means lie 20 apart on a line; sample i is of
 * group i % count. */
static DcMatrix
separate_groups(DcRandom *random, size_t samples, size_t dim, size_t count)
{
  DcMatrix matrix = random_matrix(random, samples, dim, 0);
  for (size_t i = 0; i < samples; i++)
    dc_matrix_row(&matrix, i)[0] += 20.0f * (float)(i % count);
  return matrix;
}

/* ---- nearest centroid ---- */

/* Labels may differ from the reference only where two distances are equal to rounding. */
static void
check_nearest(const DcMatrix *samples, const DcMatrix *centroids, double score_error)
{
  float *scratch = DC_NEW(float, dc_nearest_scratch(centroids->rows, centroids->cols));
  uint32_t *labels = DC_NEW(uint32_t, samples->rows), *expected = DC_NEW(uint32_t, samples->rows);
  float *distances = DC_NEW(float, samples->rows), *best = DC_NEW(float, samples->rows);
  dc_nearest(samples, centroids, scratch, labels, distances);
  dc_nearest_reference(samples, centroids, expected, best);
  size_t different = 0;
  for (size_t i = 0; i < samples->rows; i++) {
    /* Exact for the label chosen, and that label the nearest within the error of the scores. */
    double exact = 0;
    for (size_t k = 0; k < samples->cols; k++)
      exact +=
          pow((double)dc_matrix_row(samples, i)[k] - dc_matrix_row(centroids, labels[i])[k], 2);
    assert_near(distances[i], exact, 20 * FLT_EPSILON * exact);
    assert_near(distances[i], best[i], score_error + 20 * FLT_EPSILON * exact);
    different += labels[i] != expected[i];
  }
  assert_true(different <= samples->rows / 100);
  dc_free(scratch);
  dc_free(labels);
  dc_free(expected);
  dc_free(distances);
  dc_free(best);
}

static void
nearest_equals_its_definition(void **state)
{
  (void)state;
  static const size_t shapes[][3] = {{1, 1, 1},      {5, 3, 2},     {1500, 10, 64},
                                     {300, 130, 17}, {40, 1500, 8}, {2500, 2, 100}};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    DcMatrix samples = random_matrix(&random, shapes[s][0], shapes[s][2], 0);
    DcMatrix centroids = random_matrix(&random, shapes[s][1], shapes[s][2], 0);
    /* A score is a sum of d + 1 products of numbers below 10: d eps times their size. */
    check_nearest(&samples, &centroids, (double)(shapes[s][2] + 1) * 20 * FLT_EPSILON);
    free_matrices(&samples, &centroids);
  }
}

/* Without centring, squares of 1e4 would leave an error of several units in each distance. */
static void
nearest_loses_nothing_far_from_the_origin(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  DcMatrix samples = random_matrix(&random, 500, 16, 1e4);
  DcMatrix centroids = random_matrix(&random, 20, 16, 1e4);
  check_nearest(&samples, &centroids, 17 * 20 * FLT_EPSILON);
  free_matrices(&samples, &centroids);
}

static void
nearest_gives_ties_to_the_smallest_index_and_survives_nan(void **state)
{
  (void)state;
  const float data[] = {0, NAN, 4, INFINITY}, places[] = {-1, 1, -1, 1};
  DcMatrix samples = dc_matrix(data, 4, 1), centroids = dc_matrix(places, 4, 1);
  float *scratch = DC_NEW(float, dc_nearest_scratch(4, 1)), distances[4];
  uint32_t labels[4];
  dc_nearest(&samples, &centroids, scratch, labels, distances);
  assert_int_equal(labels[0], 0);
  assert_int_equal(labels[2], 1);
  assert_near(distances[2], 9, 0);
  assert_int_equal(labels[1], 0);
  assert_true(isnan(distances[1]));
  assert_true(labels[3] < 4);
  dc_nearest(&samples, &centroids, scratch, labels, NULL);
  assert_int_equal(labels[2], 1);
  dc_free(scratch);
}

static void
nearest_scratch_refuses_what_does_not_fit_in_memory(void **state)
{
  (void)state;
  assert_int_equal(dc_nearest_scratch(SIZE_MAX / 4, 8), 0);
  assert_int_equal(dc_nearest_scratch(8, SIZE_MAX), 0);
  assert_true(dc_nearest_scratch(1, 1) > 0);
}

/* ---- seeding ---- */

static bool
is_a_row_of(const DcMatrix *samples, const float *row, size_t *index)
{
  for (*index = 0; *index < samples->rows; ++*index)
    if (memcmp(dc_matrix_row(samples, *index), row, samples->cols * sizeof(float)) == 0)
      return true;
  return false;
}

static void
seeds_are_distinct_samples_one_in_each_far_group(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcMatrix samples = separate_groups(&random, 60, 4, 3), seeds = new_matrix(3, 4);
  size_t complete = 0;
  for (int run = 0; run < 100; run++) {
    assert_int_equal(dc_kmeans_seed(&samples, NULL, &random, &seeds), DC_OK);
    bool seen[3] = {false};
    for (size_t j = 0; j < 3; j++) {
      size_t index;
      assert_true(is_a_row_of(&samples, dc_matrix_row(&seeds, j), &index));
      seen[index % 3] = true;
    }
    complete += seen[0] && seen[1] && seen[2];
  }
  /* By squared distance a second seed falls into a new group with probability above 0.97; drawn
   * uniformly all three would be found in 22 of 100 runs. */
  assert_true(complete >= 85);
  free_matrices(&samples, &seeds);
}

/* Two samples at 0 and 3, one at 1: from a first seed at 0 the others are drawn as 9 : 1. */
static void
seeds_are_drawn_by_squared_distance_and_weight(void **state)
{
  (void)state;
  const float data[] = {0, 1, 3}, weights[] = {1e-30f, 1, 1}, weighted[] = {1e-30f, 9, 1};
  DcMatrix samples = dc_matrix(data, 3, 1);
  float places[2];
  DcMatrix seeds = dc_matrix(places, 2, 1);
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  enum { RUNS = 20000 };
  size_t first_is_1 = 0, first_is_1_weighted = 0;
  for (int run = 0; run < RUNS; run++) {
    dc_kmeans_seed(&samples, weights, &random, &seeds);
    first_is_1 += places[0] == 1;
    dc_kmeans_seed(&samples, weighted, &random, &seeds);
    first_is_1_weighted += places[0] == 1;
  }
  /* Five standard errors of a share p over RUNS draws. */
  assert_near((double)first_is_1 / RUNS, 0.5, 5 * sqrt(0.25 / RUNS));
  assert_near((double)first_is_1_weighted / RUNS, 0.9, 5 * sqrt(0.09 / RUNS));

  const float equal[] = {1, 1, 1};
  size_t second_is_3 = 0, first_is_0 = 0;
  for (int run = 0; run < RUNS; run++) {
    dc_kmeans_seed(&samples, equal, &random, &seeds);
    first_is_0 += places[0] == 0;
    second_is_3 += places[0] == 0 && places[1] == 3;
  }
  assert_near((double)second_is_3 / (double)first_is_0, 0.9, 5 * sqrt(0.09 * 3 / RUNS));
}

static void
surplus_seeds_repeat_samples_and_weight_zero_is_never_drawn(void **state)
{
  (void)state;
  const float data[] = {1, 1, 2, 2, 7}, weights[] = {1, 1, 1, 1, 0};
  DcMatrix samples = dc_matrix(data, 5, 1);
  float places[6];
  DcMatrix seeds = dc_matrix(places, 6, 1);
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (int run = 0; run < 100; run++) {
    assert_int_equal(dc_kmeans_seed(&samples, weights, &random, &seeds), DC_OK);
    bool seen[3] = {false};
    for (size_t j = 0; j < 6; j++) {
      assert_true(places[j] == 1 || places[j] == 2);
      seen[(int)places[j]] = true;
    }
    assert_true(seen[1] && seen[2]);
  }
}

/* ---- Lloyd and restarts ---- */

static void
kmeans_finds_separate_groups(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcMatrix samples = separate_groups(&random, 3000, 8, 5), centroids = new_matrix(5, 8);
  uint32_t *labels = DC_NEW(uint32_t, samples.rows);
  DcKmeansOptions options = dc_kmeans_options(5);
  DcKmeansResult result;
  assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroids, labels, &result, NULL),
                   DC_OK);
  for (size_t i = 5; i < samples.rows; i++)
    assert_int_equal(labels[i], labels[i % 5]);
  double inertia = 0;
  for (size_t g = 0; g < 5; g++) {
    for (size_t h = 0; h < g; h++)
      assert_int_not_equal(labels[g], labels[h]);
    for (size_t k = 0; k < 8; k++) { /* each centroid is the mean of its group */
      double mean = 0, square = 0;
      for (size_t i = g; i < samples.rows; i += 5) {
        mean += dc_matrix_row(&samples, i)[k] / 600.0;
        square += pow(dc_matrix_row(&samples, i)[k], 2);
      }
      inertia += square - 600 * mean * mean;
      assert_near(dc_matrix_row(&centroids, labels[g])[k], mean, 80 * FLT_EPSILON);
    }
  }
  assert_near(result.inertia, inertia, 1e-5 * inertia); /* 3000 distances in single precision */
  assert_int_equal(result.reseeded, 0);
  dc_free(labels);
  free_matrices(&samples, &centroids);
}

/* The weighted inertia of the best of all 3^N partitions. */
static double
best_inertia_of_all_partitions(const DcMatrix *samples, const float *weights)
{
  size_t partitions = 1;
  for (size_t i = 0; i < samples->rows; i++)
    partitions *= 3;
  double best = INFINITY;
  for (size_t code = 0; code < partitions; code++) {
    double mass[3] = {0}, sum[3][2] = {{0}}, square = 0;
    size_t rest = code;
    for (size_t i = 0; i < samples->rows; i++, rest /= 3) {
      const float *row = dc_matrix_row(samples, i);
      mass[rest % 3] += weights[i];
      for (size_t k = 0; k < 2; k++) {
        sum[rest % 3][k] += weights[i] * row[k];
        square += weights[i] * row[k] * row[k];
      }
    }
    for (size_t j = 0; j < 3; j++)
      if (mass[j] > 0)
        square -= (sum[j][0] * sum[j][0] + sum[j][1] * sum[j][1]) / mass[j];
    best = fmin(best, square);
  }
  return best;
}

static void
kmeans_finds_the_optimum_of_small_sets(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  for (int set = 0; set < 5; set++) {
    DcMatrix samples = random_matrix(&random, 9, 2, 3), centroids = new_matrix(3, 2);
    float weights[9];
    for (size_t i = 0; i < 9; i++)
      weights[i] = (float)(i % 4); /* three of them are 0 */
    DcKmeansOptions options = dc_kmeans_options(3);
    options.restarts = 50;
    DcKmeansResult result;
    assert_int_equal(
        dc_kmeans(&samples, weights, &options, &random, &centroids, NULL, &result, NULL), DC_OK);
    double best = best_inertia_of_all_partitions(&samples, weights);
    assert_near(result.inertia, best, 1e-4 * best);
    free_matrices(&samples, &centroids);
  }
}

static void
any_number_of_threads_gives_the_same_bytes(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 21, 0);
  DcMatrix samples = random_matrix(&random, 300, 4, 0);
  float places[4][6 * 4];
  uint32_t labels[4][300];
  static const uint32_t threads[] = {1, 2, 3, 40}; /* the last are more than restarts */
  for (size_t i = 0; i < 4; i++) {
    DcMatrix centroids = dc_matrix(places[i], 6, 4);
    DcKmeansOptions options = dc_kmeans_options(6);
    options.restarts = 7;
    options.threads = threads[i];
    DcKmeansResult result;
    dc_random_seed(&random, 22, 0);
    assert_int_equal(
        dc_kmeans(&samples, NULL, &options, &random, &centroids, labels[i], &result, NULL), DC_OK);
    assert_memory_equal(places[i], places[0], sizeof places[0]);
    assert_memory_equal(labels[i], labels[0], sizeof labels[0]);
  }
  free_matrices(&samples);
}

static void
weights_count_like_repeated_samples(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  DcMatrix samples = random_matrix(&random, 40, 3, 0), repeated = new_matrix(80, 3);
  float weights[40];
  for (size_t i = 0, next = 0; i < 40; i++) {
    weights[i] = (float)(i % 5);
    for (size_t copy = 0; copy < i % 5; copy++, next++)
      memcpy(dc_matrix_row(&repeated, next), dc_matrix_row(&samples, i), 3 * sizeof(float));
  }
  DcMatrix a = new_matrix(4, 3), b = new_matrix(4, 3);
  for (size_t j = 0; j < 4; j++)
    for (size_t k = 0; k < 3; k++)
      dc_matrix_row(&a, j)[k] = dc_matrix_row(&b, j)[k] = dc_matrix_row(&samples, j + 1)[k];
  DcKmeansOptions options = dc_kmeans_options(4);
  DcKmeansResult weighted, plain;
  assert_int_equal(dc_kmeans_lloyd(&samples, weights, &options, &a, NULL, &weighted), DC_OK);
  assert_int_equal(dc_kmeans_lloyd(&repeated, NULL, &options, &b, NULL, &plain), DC_OK);
  assert_near(weighted.inertia, plain.inertia, 1e-9 * plain.inertia);
  for (size_t j = 0; j < 4; j++)
    for (size_t k = 0; k < 3; k++)
      assert_near(dc_matrix_row(&a, j)[k], dc_matrix_row(&b, j)[k], 0);
  free_matrices(&samples, &repeated, &a, &b);
}

static void
an_empty_cluster_takes_the_farthest_sample_of_another(void **state)
{
  (void)state;
  /* The centroid at 100 gets nothing; of the cluster at 0 the sample at 5 lies farthest. */
  const float data[] = {-1, 0, 1, 5};
  float places[] = {0, 100};
  uint32_t labels[4];
  DcMatrix samples = dc_matrix(data, 4, 1), centroids = dc_matrix(places, 2, 1);
  DcKmeansOptions options = dc_kmeans_options(2);
  DcKmeansResult result;
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &options, &centroids, labels, &result), DC_OK);
  assert_int_equal(result.reseeded, 1);
  assert_near(places[0], 0, 0);
  assert_near(places[1], 5, 0);
  static const uint32_t expected[] = {0, 0, 0, 1};
  assert_memory_equal(labels, expected, sizeof labels);
  assert_near(result.inertia, 2, 1e-6);
}

static void
one_step_after_reseeding_leaves_the_donor_without_the_sample(void **state)
{
  (void)state;
  const float data[] = {-1, 0, 1, 5};
  float places[] = {0, 100};
  DcMatrix samples = dc_matrix(data, 4, 1), centroids = dc_matrix(places, 2, 1);
  DcKmeansOptions options = dc_kmeans_options(2);
  options.max_iterations = 1;
  DcKmeansResult result;
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &options, &centroids, NULL, &result), DC_OK);
  assert_int_equal(result.iterations, 1);
  assert_near(places[0], 0, 0); /* not 1.25, the mean with the sample that was given away */
}

static void
a_cluster_never_gives_its_last_sample_away(void **state)
{
  (void)state;
  const float data[] = {0, 10};
  float places[] = {5, 100, 200};
  DcMatrix samples = dc_matrix(data, 2, 1), centroids = dc_matrix(places, 3, 1);
  DcKmeansOptions options = dc_kmeans_options(3);
  options.max_iterations = 1;
  DcKmeansResult result;
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &options, &centroids, NULL, &result), DC_OK);
  assert_int_equal(result.reseeded, 1);
  static const float expected[] = {10, 0, 200};
  assert_memory_equal(places, expected, sizeof places);
}

static void
clusters_without_distinct_samples_stay_where_they_are(void **state)
{
  (void)state;
  const float data[] = {2, 2, 2};
  float places[] = {1, 2, 50, 60};
  uint32_t labels[3];
  DcMatrix samples = dc_matrix(data, 3, 1), centroids = dc_matrix(places, 4, 1);
  DcKmeansOptions options = dc_kmeans_options(4);
  DcKmeansResult result;
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &options, &centroids, labels, &result), DC_OK);
  assert_int_equal(result.reseeded, 0);
  assert_near(result.inertia, 0, 0);
  static const float expected[] = {1, 2, 50, 60};
  assert_memory_equal(places, expected, sizeof places);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(labels[i], 1);
}

static void
kmeans_of_fewer_distinct_samples_than_clusters_ends(void **state)
{
  (void)state;
  const float data[] = {0.1f, 0.1f, 0.1f, 0.7f, 0.7f};
  float places[4];
  DcMatrix samples = dc_matrix(data, 5, 1), centroids = dc_matrix(places, 4, 1);
  DcKmeansOptions options = dc_kmeans_options(4);
  DcKmeansResult result;
  DcRandom random;
  dc_random_seed(&random, 9, 0);
  assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroids, NULL, &result, NULL),
                   DC_OK);
  assert_near(result.inertia, 0, 0);
  for (size_t j = 0; j < 4; j++)
    assert_true(places[j] == 0.1f || places[j] == 0.7f);
}

static void
a_centroid_of_one_cluster_is_the_mean(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 10, 0);
  DcMatrix samples = random_matrix(&random, 1000, 3, 1e4), centroid = new_matrix(1, 3);
  DcKmeansOptions options = dc_kmeans_options(1);
  DcKmeansResult result;
  assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroid, NULL, &result, NULL),
                   DC_OK);
  for (size_t k = 0; k < 3; k++) {
    double mean = 0;
    for (size_t i = 0; i < 1000; i++)
      mean += dc_matrix_row(&samples, i)[k] / 1000.0;
    assert_near(centroid.data[k], mean, 1e4 * FLT_EPSILON); /* rounded once */
  }
  free_matrices(&samples, &centroid);
}

static void
inertia_never_rises_from_step_to_step(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 11, 0);
  DcMatrix samples = random_matrix(&random, 2000, 5, 0), centroids = new_matrix(12, 5);
  dc_kmeans_seed(&samples, NULL, &random, &centroids);
  DcKmeansOptions options = dc_kmeans_options(12);
  options.max_iterations = 1;
  double before = INFINITY;
  for (int step = 0; step < 20; step++) {
    DcKmeansResult result;
    dc_kmeans_lloyd(&samples, NULL, &options, &centroids, NULL, &result);
    assert_true(result.inertia <= before * (1 + 1e-6)); /* distances are in single precision */
    before = result.inertia;
  }
  free_matrices(&samples, &centroids);
}

/* A tolerance of zero ends only at a fixed point; a wide one earlier. */
static void
tolerance_decides_when_to_stop(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 12, 0);
  DcMatrix samples = random_matrix(&random, 2000, 4, 0), start = new_matrix(8, 4);
  DcMatrix centroids = new_matrix(8, 4);
  dc_kmeans_seed(&samples, NULL, &random, &start);
  DcKmeansOptions options = dc_kmeans_options(8);
  DcKmeansResult exact, again, rough;
  options.tolerance = 0;
  dc_matrix_copy(&start, &centroids);
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &options, &centroids, NULL, &exact), DC_OK);
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &options, &centroids, NULL, &again), DC_OK);
  assert_int_equal(again.iterations, 1);
  assert_near(again.inertia, exact.inertia, 1e-6 * exact.inertia);
  options.tolerance = 1;
  dc_matrix_copy(&start, &centroids);
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &options, &centroids, NULL, &rough), DC_OK);
  assert_true(rough.iterations < exact.iterations);
  free_matrices(&samples, &start, &centroids);
}

static void
equal_seeds_give_equal_bytes(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 13, 0);
  DcMatrix samples = random_matrix(&random, 1500, 10, 0);
  float places[2][70];
  uint32_t labels[2][1500];
  DcKmeansOptions options = dc_kmeans_options(7);
  DcKmeansResult result;
  for (size_t run = 0; run < 2; run++) {
    DcMatrix centroids = dc_matrix(places[run], 7, 10);
    dc_random_seed(&random, 99, 3);
    assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroids, labels[run], &result,
                               NULL),
                     DC_OK);
  }
  assert_memory_equal(places[0], places[1], sizeof places[0]);
  assert_memory_equal(labels[0], labels[1], sizeof labels[0]);
  free_matrices(&samples);
}

/* ---- bad arguments ---- */

typedef struct {
  float data[6], places[4], weights[3];
  DcMatrix samples, centroids;
  DcKmeansOptions options;
  DcRandom random;
} Call;

static Call *
good_call(void)
{
  static Call call;
  call = (Call){.data = {0, 0, 1, 1, 5, 5}, .weights = {1, 1, 1}, .options = dc_kmeans_options(2)};
  call.samples = dc_matrix(call.data, 3, 2);
  call.centroids = dc_matrix(call.places, 2, 2);
  dc_random_seed(&call.random, 1, 1);
  return &call;
}

static void
assert_refused(Call *call, DcStatus status, const char *says)
{
  DcKmeansResult result;
  DcError error = {0};
  float before[4];
  memcpy(before, call->places, sizeof before);
  assert_int_equal(dc_kmeans(&call->samples, call->weights, &call->options, &call->random,
                             &call->centroids, NULL, &result, &error),
                   status);
  assert_int_equal(error.status, status);
  assert_non_null(strstr(error.message, says));
  assert_int_equal(dc_kmeans(&call->samples, call->weights, &call->options, &call->random,
                             &call->centroids, NULL, &result, NULL),
                   status);
  assert_memory_equal(call->places, before, sizeof before);
}

static void
kmeans_accepts_the_call_that_the_refusals_vary(void **state)
{
  (void)state;
  Call *call = good_call();
  DcKmeansResult result;
  assert_int_equal(dc_kmeans(&call->samples, call->weights, &call->options, &call->random,
                             &call->centroids, NULL, &result, NULL),
                   DC_OK);
  assert_near(result.inertia, 1, 1e-6);
}

static void
kmeans_refuses_samples_that_are_not_numbers(void **state)
{
  (void)state;
  Call *call = good_call();
  call->data[3] = NAN;
  assert_refused(call, DC_ERROR_NOT_FINITE, "sample");
  call->data[3] = -INFINITY;
  assert_refused(call, DC_ERROR_NOT_FINITE, "sample");
}

static void
kmeans_refuses_weights_out_of_range(void **state)
{
  (void)state;
  Call *call = good_call();
  call->weights[2] = -1;
  assert_refused(call, DC_ERROR_ARGUMENT, "weight 2 is -1");
  call->weights[2] = NAN;
  assert_refused(call, DC_ERROR_NOT_FINITE, "weight 2");
  memset(call->weights, 0, sizeof call->weights);
  assert_refused(call, DC_ERROR_ARGUMENT, "all 3 weights are 0");
}

static void
kmeans_refuses_shapes_that_do_not_fit(void **state)
{
  (void)state;
  Call *call = good_call();
  call->centroids.cols = 1;
  assert_refused(call, DC_ERROR_SHAPE, "2 columns and centroids 1");
  call = good_call();
  call->options.clusters = 3;
  assert_refused(call, DC_ERROR_SHAPE, "3 clusters");
  call = good_call();
  call->samples.cols = call->centroids.cols = 0;
  assert_refused(call, DC_ERROR_SHAPE, "at least 1");
}

static void
kmeans_refuses_fewer_samples_than_clusters(void **state)
{
  (void)state;
  Call *call = good_call();
  call->samples.rows = 1;
  assert_refused(call, DC_ERROR_ARGUMENT, "1 samples for 2 clusters");
  call->samples.rows = 0;
  assert_refused(call, DC_ERROR_ARGUMENT, "0 samples");
  call = good_call();
  call->options.clusters = 0;
  call->centroids.rows = 0;
  assert_refused(call, DC_ERROR_ARGUMENT, "0 clusters");
}

static void
kmeans_refuses_options_out_of_range(void **state)
{
  (void)state;
  Call *call = good_call();
  call->options.restarts = 0;
  assert_refused(call, DC_ERROR_ARGUMENT, "0 restarts");
  call = good_call();
  call->options.max_iterations = 0;
  assert_refused(call, DC_ERROR_ARGUMENT, "0 iterations");
  call = good_call();
  call->options.threads = 0;
  assert_refused(call, DC_ERROR_ARGUMENT, "0 threads");
  call = good_call();
  call->options.tolerance = NAN;
  assert_refused(call, DC_ERROR_ARGUMENT, "tolerance");
  call->options.tolerance = -1;
  assert_refused(call, DC_ERROR_ARGUMENT, "tolerance is -1");
}

static void
lloyd_and_seeding_refuse_the_same(void **state)
{
  (void)state;
  Call *call = good_call();
  DcKmeansResult result;
  call->places[1] = NAN;
  assert_int_equal(dc_kmeans_lloyd(&call->samples, NULL, &call->options, &call->centroids, NULL,
                                   &result),
                   DC_ERROR_NOT_FINITE);
  call = good_call();
  call->data[0] = NAN;
  assert_int_equal(dc_kmeans_lloyd(&call->samples, NULL, &call->options, &call->centroids, NULL,
                                   &result),
                   DC_ERROR_NOT_FINITE);
  assert_int_equal(dc_kmeans_seed(&call->samples, NULL, &call->random, &call->centroids),
                   DC_ERROR_NOT_FINITE);
  call = good_call();
  call->weights[0] = -2;
  assert_int_equal(dc_kmeans_seed(&call->samples, call->weights, &call->random, &call->centroids),
                   DC_ERROR_ARGUMENT);
  call->options.clusters = 5;
  assert_int_equal(dc_kmeans_lloyd(&call->samples, NULL, &call->options, &call->centroids, NULL,
                                   &result),
                   DC_ERROR_SHAPE);
}

static void
kmeans_survives_every_failed_allocation(void **state)
{
  (void)state;
  Call *call = good_call();
  DcKmeansResult result;
  size_t before = allocations;
  assert_int_equal(dc_kmeans(&call->samples, NULL, &call->options, &call->random, &call->centroids,
                             NULL, &result, NULL),
                   DC_OK);
  size_t needed = allocations - before;
  for (size_t failing = 0; failing < needed; failing++) {
    fail_at = allocations + failing;
    assert_int_equal(dc_kmeans(&call->samples, NULL, &call->options, &call->random,
                               &call->centroids, NULL, &result, NULL),
                     DC_ERROR_MEMORY);
  }
  for (size_t failing = 0; failing < 8; failing++) {
    fail_at = allocations + failing;
    assert_int_equal(dc_kmeans_lloyd(&call->samples, NULL, &call->options, &call->centroids, NULL,
                                     &result),
                     DC_ERROR_MEMORY);
  }
  fail_at = allocations;
  assert_int_equal(dc_kmeans_seed(&call->samples, NULL, &call->random, &call->centroids),
                   DC_ERROR_MEMORY);
  fail_at = SIZE_MAX;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nearest_equals_its_definition),
      cmocka_unit_test(nearest_loses_nothing_far_from_the_origin),
      cmocka_unit_test(nearest_gives_ties_to_the_smallest_index_and_survives_nan),
      cmocka_unit_test(nearest_scratch_refuses_what_does_not_fit_in_memory),
      cmocka_unit_test(seeds_are_distinct_samples_one_in_each_far_group),
      cmocka_unit_test(seeds_are_drawn_by_squared_distance_and_weight),
      cmocka_unit_test(surplus_seeds_repeat_samples_and_weight_zero_is_never_drawn),
      cmocka_unit_test(kmeans_finds_separate_groups),
      cmocka_unit_test(kmeans_finds_the_optimum_of_small_sets),
      cmocka_unit_test(any_number_of_threads_gives_the_same_bytes),
      cmocka_unit_test(weights_count_like_repeated_samples),
      cmocka_unit_test(an_empty_cluster_takes_the_farthest_sample_of_another),
      cmocka_unit_test(one_step_after_reseeding_leaves_the_donor_without_the_sample),
      cmocka_unit_test(a_cluster_never_gives_its_last_sample_away),
      cmocka_unit_test(clusters_without_distinct_samples_stay_where_they_are),
      cmocka_unit_test(kmeans_of_fewer_distinct_samples_than_clusters_ends),
      cmocka_unit_test(a_centroid_of_one_cluster_is_the_mean),
      cmocka_unit_test(inertia_never_rises_from_step_to_step),
      cmocka_unit_test(tolerance_decides_when_to_stop),
      cmocka_unit_test(equal_seeds_give_equal_bytes),
      cmocka_unit_test(kmeans_accepts_the_call_that_the_refusals_vary),
      cmocka_unit_test(kmeans_refuses_samples_that_are_not_numbers),
      cmocka_unit_test(kmeans_refuses_weights_out_of_range),
      cmocka_unit_test(kmeans_refuses_shapes_that_do_not_fit),
      cmocka_unit_test(kmeans_refuses_fewer_samples_than_clusters),
      cmocka_unit_test(kmeans_refuses_options_out_of_range),
      cmocka_unit_test(lloyd_and_seeding_refuse_the_same),
      cmocka_unit_test(kmeans_survives_every_failed_allocation),
  };
  dc_blas_choose_kernels();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
