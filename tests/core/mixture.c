/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/mixture.h"

#include "allocations.h"
#include "base/memory.h"
#include "matrices.h"
#include "tensor/rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const DcCovariance kinds[] = {DC_COVARIANCE_SPHERICAL, DC_COVARIANCE_TIED,
                                     DC_COVARIANCE_FULL};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* `groups` overlapping groups, stretched along the first axis, that lie `apart` from one another:
 * sample i is of group i % groups. */
static DcMatrix
stretched_groups(DcRandom *random, size_t count, size_t dim, size_t groups, float apart,
                 double offset)
{
  DcMatrix samples = random_matrix(random, count, dim, 0);
  for (size_t i = 0; i < count; i++) {
    float *row = dc_matrix_row(&samples, i);
    row[0] *= 2;
    row[i % groups % dim] += apart * (float)(i % groups);
    for (size_t k = 0; k < dim; k++)
      row[k] += (float)offset;
  }
  return samples;
}

static DcMixture *
fit(const DcMatrix *samples, const DcMixtureOptions *options, const DcMatrix *start,
    uint32_t *labels, DcMixtureResult *result)
{
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  DcMixture *mixture;
  DcError error = {0};
  if (dc_mixture_fit(samples, options, &random, start, &mixture, labels, result, &error) != DC_OK)
    fail_msg("%s", error.message);
  assert_non_null(mixture);
  return mixture;
}

static size_t
covariance_size(const DcMixture *mixture)
{
  size_t square = mixture->dim * mixture->dim;
  return mixture->covariance == DC_COVARIANCE_SPHERICAL ? mixture->clusters
         : mixture->covariance == DC_COVARIANCE_TIED    ? square
                                                        : mixture->clusters * square;
}

/* ---- against the definition ---- */

static double
mean_variance(const DcMatrix *samples)
{
  double *means = DC_NEW(double, 2 * samples->cols), sum = 0;
  dc_column_moments(samples, NULL, means, means + samples->cols);
  for (size_t k = 0; k < samples->cols; k++)
    sum += means[samples->cols + k] / (double)samples->cols;
  dc_free(means);
  return sum;
}

/* `iterations` of EM by the definitions from the nearest of the `start` centroids. */
static DcMixture *
fit_reference(const DcMatrix *samples, const DcMixtureOptions *options, const DcMatrix *start,
              double *log_likelihood)
{
  size_t clusters = start->rows;
  double ridge = options->regularisation * mean_variance(samples);
  DcMixture *mixture = dc_mixture_new(options->covariance, clusters, samples->cols);
  double *shares = DC_NEW(double, samples->rows *clusters);
  for (size_t i = 0; i < samples->rows; i++) {
    size_t nearest = 0;
    double least = INFINITY;
    for (size_t j = 0; j < clusters; j++) {
      double distance = 0;
      for (size_t k = 0; k < samples->cols; k++)
        distance +=
            pow((double)dc_matrix_row(samples, i)[k] - (double)dc_matrix_row(start, j)[k], 2);
      nearest = distance < least ? j : nearest;
      least = fmin(least, distance);
    }
    shares[i * clusters + nearest] = 1;
  }
  dc_mixture_maximise_reference(samples, shares, ridge, mixture);
  for (uint32_t i = 0; i <= options->max_iterations; i++) {
    assert_int_equal(dc_mixture_expect_reference(mixture, samples, shares, log_likelihood), DC_OK);
    if (i < options->max_iterations)
      dc_mixture_maximise_reference(samples, shares, ridge, mixture);
  }
  dc_free(shares);
  return mixture;
}

static void
assert_same_mixture(const DcMixture *a, const DcMixture *b, double tolerance)
{
  for (size_t j = 0; j < a->clusters; j++)
    assert_near(a->weights[j], b->weights[j], tolerance);
  for (size_t j = 0; j < a->clusters * a->dim; j++)
    assert_near(a->means[j], b->means[j], tolerance);
  for (size_t j = 0; j < covariance_size(a); j++)
    assert_near(a->covariances[j], b->covariances[j], tolerance);
}

static void
a_fit_equals_the_definition(void **state)
{
  (void)state;
  /* N, K, d: less than a block of samples, more than one, one cluster, one dimension */
  static const size_t shapes[][3] = {{40, 3, 2}, {700, 4, 5}, {300, 1, 3}, {260, 2, 1}};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (size_t kind = 0; kind < KINDS; kind++) {
      DcMatrix samples = stretched_groups(&random, shapes[s][0], shapes[s][2], shapes[s][1], 3, 5);
      DcMatrix start = dc_matrix_rows(&samples, 0, shapes[s][1]);
      DcMixtureOptions options = dc_mixture_options((uint32_t)shapes[s][1], kinds[kind]);
      options.max_iterations = 5;
      options.tolerance = 0;
      DcMixtureResult result;
      double expected;
      DcMixture *fast = fit(&samples, &options, &start, NULL, &result);
      DcMixture *plain = fit_reference(&samples, &options, &start, &expected);
      /* Sums of numbers below 400 in double, whose errors five iterations of EM may enlarge; a term
       * left out would show in the first digits. */
      assert_same_mixture(fast, plain, 1e-9);
      assert_near(result.log_likelihood, expected, 1e-9);
      assert_int_equal(result.iterations, 5);
      assert_false(result.converged);
      dc_mixture_free(fast);
      dc_mixture_free(plain);
      free_matrices(&samples);
    }
}

static void
use_equals_the_definition(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMatrix samples = stretched_groups(&random, 600, 4, 3, 2, -3);
    DcMixtureOptions options = dc_mixture_options(3, kinds[kind]);
    DcMixtureResult result;
    uint32_t fitted[600], assigned[600];
    double densities[600], shares[600 * 3], mean, sum = 0;
    DcMixture *mixture = fit(&samples, &options, NULL, fitted, &result);
    assert_int_equal(dc_mixture_assign(mixture, &samples, assigned, densities, NULL), DC_OK);
    assert_int_equal(dc_mixture_expect_reference(mixture, &samples, shares, &mean), DC_OK);
    for (size_t i = 0; i < 600; i++) {
      sum += densities[i] / 600;
      assert_int_equal(assigned[i], fitted[i]);
      for (size_t j = 0; j < 3; j++)
        assert_true(shares[i * 3 + assigned[i]] >= shares[i * 3 + j] - 1e-12);
    }
    assert_near(sum, mean, 1e-10);
    assert_near(result.log_likelihood, mean, 1e-10);
    dc_mixture_free(mixture);
    free_matrices(&samples);
  }
}

/* Without regularisation each M step maximises what each E step bounds from below. */
static void
the_likelihood_never_falls(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMatrix samples = stretched_groups(&random, 400, 3, 4, 1.5f, 0);
    DcMatrix start = dc_matrix_rows(&samples, 0, 4);
    DcMixtureOptions options = dc_mixture_options(4, kinds[kind]);
    options.tolerance = options.regularisation = 0;
    double before = -INFINITY, first = 0;
    for (options.max_iterations = 1; options.max_iterations <= 30; options.max_iterations++) {
      DcMixtureResult result;
      dc_mixture_free(fit(&samples, &options, &start, NULL, &result));
      assert_true(result.log_likelihood >= before - 1e-12); /* rounding of a mean of 400 */
      before = result.log_likelihood;
      first = options.max_iterations == 1 ? before : first;
    }
    assert_true(before > first + 1e-3);
    free_matrices(&samples);
  }
}

static void
stretched_clusters_are_told_apart_by_their_covariance(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  DcMatrix samples = random_matrix(&random, 1000, 2, 0);
  for (size_t i = 0; i < 1000; i++) { /* two lines of length 60, 8 apart */
    dc_matrix_row(&samples, i)[0] *= 15;
    dc_matrix_row(&samples, i)[1] += 8.0f * (float)(i % 2);
  }
  const float places[] = {0, -1, 0, 9};
  DcMatrix start = dc_matrix(places, 2, 2);
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMixtureOptions options = dc_mixture_options(2, kinds[kind]);
    options.tolerance = 1e-6;
    options.max_iterations = 500;
    uint32_t labels[1000];
    size_t wrong = 0;
    DcMixtureResult result;
    DcMixture *mixture = fit(&samples, &options, &start, labels, &result);
    for (size_t i = 0; i < 1000; i++)
      wrong += labels[i] != i % 2;
    assert_true(result.converged);
    /* The lines lie 8 standard deviations apart, and 4 from the middle: 1 sample in 30000 crosses
     * it. A sphere must cut the lines in two instead. */
    assert_true(kinds[kind] == DC_COVARIANCE_SPHERICAL ? wrong > 200 : wrong <= 1);
    if (kinds[kind] == DC_COVARIANCE_TIED) {
      /* standard errors: 225 sqrt(2/1000), 15 / sqrt(1000) */
      assert_near(mixture->covariances[0], 225, 4 * 225 * sqrt(2.0 / 1000));
      assert_near(mixture->covariances[1], 0, 4 * 15 / sqrt(1000));
      assert_near(mixture->covariances[3], 1, 4 * sqrt(2.0 / 1000));
    }
    dc_mixture_free(mixture);
  }
  free_matrices(&samples);
}

/* Sizes are multiplied by a power of 2, so that not even rounding differs. */
static void
the_unit_of_the_samples_does_not_matter(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcMatrix samples = stretched_groups(&random, 300, 2, 3, 2, 0), small = copy_of(&samples);
  for (size_t i = 0; i < 300; i++)
    for (size_t k = 0; k < 2; k++)
      dc_matrix_row(&small, i)[k] *= 0x1p-20f;
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMixtureOptions options = dc_mixture_options(3, kinds[kind]);
    DcMixtureResult result, shrunk;
    uint32_t labels[300], others[300];
    dc_mixture_free(fit(&samples, &options, NULL, labels, &result));
    dc_mixture_free(fit(&small, &options, NULL, others, &shrunk));
    assert_memory_equal(labels, others, sizeof labels);
    /* a density in 2 dimensions grows by 2^20 in each */
    assert_near(shrunk.log_likelihood, result.log_likelihood + 40 * log(2), 1e-9);
  }
  free_matrices(&samples, &small);
}

static void
far_from_the_origin_nothing_is_lost(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcMatrix samples = stretched_groups(&random, 300, 2, 3, 2, 0), far = copy_of(&samples);
  for (size_t i = 0; i < 300; i++)
    for (size_t k = 0; k < 2; k++) { /* multiples of 2^-8, which survive the offset exactly */
      dc_matrix_row(&samples, i)[k] = roundf(dc_matrix_row(&samples, i)[k] * 256) / 256;
      dc_matrix_row(&far, i)[k] = dc_matrix_row(&samples, i)[k] + 65536 / 4;
    }
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMixtureOptions options = dc_mixture_options(3, kinds[kind]);
    DcMatrix start = dc_matrix_rows(&samples, 0, 3), far_start = dc_matrix_rows(&far, 0, 3);
    DcMixtureResult result, moved;
    dc_mixture_free(fit(&samples, &options, &start, NULL, &result));
    dc_mixture_free(fit(&far, &options, &far_start, NULL, &moved));
    assert_near(moved.log_likelihood, result.log_likelihood, 1e-8);
  }
  free_matrices(&samples, &far);
}

static void
equal_arguments_give_equal_bytes(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  DcMatrix samples = stretched_groups(&random, 500, 3, 3, 2, 0);
  DcMixtureOptions options = dc_mixture_options(3, DC_COVARIANCE_FULL);
  DcMixtureResult results[2];
  DcMixture *a = fit(&samples, &options, NULL, NULL, &results[0]);
  DcMixture *b = fit(&samples, &options, NULL, NULL, &results[1]);
  assert_true(results[0].log_likelihood == results[1].log_likelihood);
  assert_memory_equal(a->means, b->means, 9 * sizeof(double));
  assert_memory_equal(a->covariances, b->covariances, 27 * sizeof(double));
  dc_mixture_free(a);
  dc_mixture_free(b);
  free_matrices(&samples);
}

/* ---- singular cases ---- */

static void
assert_sound(const DcMixture *mixture, const DcMixtureResult *result)
{
  double sum = 0;
  assert_true(isfinite(result->log_likelihood));
  for (size_t j = 0; j < mixture->clusters; j++)
    sum += mixture->weights[j];
  assert_near(sum, 1, 1e-12);
  for (size_t j = 0; j < mixture->clusters * mixture->dim; j++)
    assert_true(isfinite(mixture->means[j]));
  for (size_t j = 0; j < covariance_size(mixture); j++)
    assert_true(isfinite(mixture->covariances[j]));
}

static void
fit_soundly(const DcMatrix *samples, uint32_t clusters, uint32_t *labels)
{
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMixtureOptions options = dc_mixture_options(clusters, kinds[kind]);
    DcMixtureResult result;
    DcMixture *mixture = fit(samples, &options, NULL, labels, &result);
    assert_sound(mixture, &result);
    dc_mixture_free(mixture);
  }
}

static void
samples_that_are_all_equal_make_one_cluster(void **state)
{
  (void)state;
  float values[20];
  uint32_t labels[10];
  for (size_t i = 0; i < 20; i++)
    values[i] = 3;
  DcMatrix samples = dc_matrix(values, 10, 2);
  fit_soundly(&samples, 3, labels);
  for (size_t i = 1; i < 10; i++)
    assert_int_equal(labels[i], labels[0]);
}

static void
fewer_distinct_samples_than_clusters_are_grouped_as_they_are(void **state)
{
  (void)state;
  float values[30];
  uint32_t labels[30];
  for (size_t i = 0; i < 30; i++)
    values[i] = (float)(i % 2);
  DcMatrix samples = dc_matrix(values, 30, 1);
  fit_soundly(&samples, 5, labels);
  for (size_t i = 2; i < 30; i++)
    assert_int_equal(labels[i], labels[i % 2]);
  assert_int_not_equal(labels[0], labels[1]);
}

static void
a_cluster_of_one_sample_and_more_numbers_than_samples_are_survived(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 9, 0);
  DcMatrix samples = random_matrix(&random, 12, 40, 0);
  dc_matrix_row(&samples, 5)[3] = 1e4f;
  uint32_t labels[12];
  fit_soundly(&samples, 2, labels);
  for (size_t i = 0; i < 12; i++)
    assert_true((labels[i] == labels[5]) == (i == 5));
  fit_soundly(&samples, 12, labels);
  free_matrices(&samples);
}

static void
centroids_that_no_sample_is_near_keep_their_place(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 10, 0);
  DcMatrix samples = random_matrix(&random, 50, 2, 0);
  const float places[] = {0, 0, 1000, -1000};
  DcMatrix start = dc_matrix(places, 2, 2);
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMixtureOptions options = dc_mixture_options(2, kinds[kind]);
    DcMixtureResult result;
    DcMixture *mixture = fit(&samples, &options, &start, NULL, &result);
    assert_sound(mixture, &result);
    assert_true(mixture->weights[1] == 0);
    assert_true(mixture->means[2] == 1000 && mixture->means[3] == -1000);
    dc_mixture_free(mixture);
  }
  free_matrices(&samples);
}

/* ---- what is refused ---- */

static void
assert_refused(const DcMatrix *samples, const DcMixtureOptions *options, const DcMatrix *start,
               DcStatus expected)
{
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcMixture *mixture;
  DcMixtureResult result;
  DcError error = {0};
  assert_int_equal(
      dc_mixture_fit(samples, options, &random, start, &mixture, NULL, &result, &error), expected);
  assert_int_equal(error.status, expected);
  assert_null(mixture);
}

static void
data_that_cannot_be_fitted_are_refused(void **state)
{
  (void)state;
  float values[] = {0, 1, 2, 3, 4, 5};
  DcMatrix samples = dc_matrix(values, 3, 2), none = dc_matrix(values, 3, 0);
  DcMatrix wrong = dc_matrix(values, 2, 3), few = dc_matrix(values, 1, 2);
  DcMixtureOptions two = dc_mixture_options(2, DC_COVARIANCE_FULL);
  DcMixtureOptions four = dc_mixture_options(4, DC_COVARIANCE_TIED);
  assert_refused(&samples, &four, NULL, DC_ERROR_ARGUMENT);
  assert_refused(&none, &two, NULL, DC_ERROR_SHAPE);
  assert_refused(&samples, &two, &wrong, DC_ERROR_SHAPE);
  assert_refused(&samples, &two, &few, DC_ERROR_SHAPE);
  const float nan[] = {0, NAN, 1, 1};
  DcMatrix start = dc_matrix(nan, 2, 2);
  assert_refused(&samples, &two, &start, DC_ERROR_NOT_FINITE);
  values[3] = NAN;
  assert_refused(&samples, &two, NULL, DC_ERROR_NOT_FINITE);
  values[3] = -INFINITY;
  assert_refused(&samples, &two, NULL, DC_ERROR_NOT_FINITE);
}

static void
options_out_of_range_are_refused(void **state)
{
  (void)state;
  const float values[] = {0, 1, 2, 4};
  DcMatrix samples = dc_matrix(values, 4, 1);
  DcMixtureOptions standard = dc_mixture_options(2, DC_COVARIANCE_FULL), options = standard;
  options.clusters = 0;
  assert_refused(&samples, &options, NULL, DC_ERROR_ARGUMENT);
  options = standard;
  options.restarts = 0;
  assert_refused(&samples, &options, NULL, DC_ERROR_ARGUMENT);
  options = standard;
  options.max_iterations = 0;
  assert_refused(&samples, &options, NULL, DC_ERROR_ARGUMENT);
  options = standard;
  options.tolerance = NAN;
  assert_refused(&samples, &options, NULL, DC_ERROR_ARGUMENT);
  options = standard;
  options.regularisation = -1;
  assert_refused(&samples, &options, NULL, DC_ERROR_ARGUMENT);
  options.regularisation = INFINITY;
  assert_refused(&samples, &options, NULL, DC_ERROR_ARGUMENT);
}

static void
a_singular_covariance_without_regularisation_is_refused(void **state)
{
  (void)state;
  const float line[] = {0, 0, 1, 1, 5, 5, 6, 6}, pairs[] = {0, 0, 9, 9};
  DcMatrix samples = dc_matrix(line, 4, 2), twins = dc_matrix(pairs, 4, 1);
  for (size_t kind = 0; kind < KINDS; kind++) {
    DcMixtureOptions options = dc_mixture_options(2, kinds[kind]);
    options.regularisation = 0;
    bool spherical = kinds[kind] == DC_COVARIANCE_SPHERICAL;
    assert_refused(spherical ? &twins : &samples, &options, NULL, DC_ERROR_ARGUMENT);
  }
}

static void
samples_of_another_width_are_not_assigned(void **state)
{
  (void)state;
  const float values[] = {0, 1, 2, 4, NAN, 7};
  DcMatrix samples = dc_matrix(values, 4, 1), wide = dc_matrix(values, 2, 2);
  DcMatrix broken = dc_matrix(values + 3, 3, 1);
  DcMixtureOptions options = dc_mixture_options(2, DC_COVARIANCE_FULL);
  DcMixtureResult result;
  uint32_t labels[3];
  double densities[3];
  DcMixture *mixture = fit(&samples, &options, NULL, NULL, &result);
  assert_int_equal(dc_mixture_assign(mixture, &wide, labels, NULL, NULL), DC_ERROR_SHAPE);
  assert_int_equal(dc_mixture_assign(mixture, &broken, labels, densities, NULL), DC_OK);
  assert_int_equal(labels[1], 0);
  assert_true(isnan(densities[1]) && isfinite(densities[2]));
  dc_mixture_free(mixture);
}

static void
every_allocation_may_fail(void **state)
{
  (void)state;
  const float values[] = {0, 1, 2, 4, 9, 8};
  DcMatrix samples = dc_matrix(values, 6, 1);
  DcMixtureOptions options = dc_mixture_options(2, DC_COVARIANCE_TIED);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcMixture *mixture;
  DcMixtureResult result;
  DcStatus status = DC_ERROR_MEMORY;
  size_t failures = 0;
  for (; status == DC_ERROR_MEMORY; failures++) {
    fail_at = allocations + failures;
    status = dc_mixture_fit(&samples, &options, &random, NULL, &mixture, NULL, &result, NULL);
    fail_at = SIZE_MAX;
    assert_true((status == DC_OK) == (mixture != NULL));
  }
  assert_int_equal(status, DC_OK);
  assert_true(failures > 8);
  fail_at = allocations;
  assert_int_equal(dc_mixture_assign(mixture, &samples, NULL, NULL, NULL), DC_ERROR_MEMORY);
  fail_at = SIZE_MAX;
  dc_mixture_free(mixture);
  assert_null(dc_mixture_new(DC_COVARIANCE_FULL, SIZE_MAX / 4, 8));
  assert_null(dc_mixture_new(DC_COVARIANCE_TIED, 2, SIZE_MAX / 4));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_fit_equals_the_definition),
      cmocka_unit_test(use_equals_the_definition),
      cmocka_unit_test(the_likelihood_never_falls),
      cmocka_unit_test(stretched_clusters_are_told_apart_by_their_covariance),
      cmocka_unit_test(the_unit_of_the_samples_does_not_matter),
      cmocka_unit_test(far_from_the_origin_nothing_is_lost),
      cmocka_unit_test(equal_arguments_give_equal_bytes),
      cmocka_unit_test(samples_that_are_all_equal_make_one_cluster),
      cmocka_unit_test(fewer_distinct_samples_than_clusters_are_grouped_as_they_are),
      cmocka_unit_test(a_cluster_of_one_sample_and_more_numbers_than_samples_are_survived),
      cmocka_unit_test(centroids_that_no_sample_is_near_keep_their_place),
      cmocka_unit_test(data_that_cannot_be_fitted_are_refused),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(a_singular_covariance_without_regularisation_is_refused),
      cmocka_unit_test(samples_of_another_width_are_not_assigned),
      cmocka_unit_test(every_allocation_may_fail),
  };
  return cmocka_run_group_tests_name("mixture", tests, NULL, NULL);
}
