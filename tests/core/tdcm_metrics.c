/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm_metrics.h"

#include "allocations.h"
#include "cluster/tdcm_source.h"
#include "eval/scores.h"
#include "matrices.h"

#include <math.h>
#include <string.h>

enum { D = 3, K = 3, N = 900 };

/* Group j of three lies around (0, 0, 3 j), long in the direction of axis j and thin in the others:
 * no metric fits all of them. Sample i is of group i % 3. */
static DcMatrix
crossed_groups(DcRandom *random, size_t count)
{
  DcMatrix samples = new_matrix(count, D);
  for (size_t i = 0; i < count; i++) {
    float *row = dc_matrix_row(&samples, i);
    for (size_t k = 0; k < D; k++)
      row[k] = (float)((k == i % K ? 3 : 0.3) * dc_random_normal(random));
    row[2] += 3 * (float)(i % K);
  }
  return samples;
}

static double
accuracy(const uint32_t *labels, size_t count)
{
  uint32_t truth[N];
  DcScores scores;
  for (size_t i = 0; i < count; i++)
    truth[i] = (uint32_t)(i % K);
  assert_int_equal(dc_scores(labels, truth, count, &scores), DC_OK);
  return scores.acc;
}

/* Clusters of unequal weights and tilted covariances. */
static DcMixture *
new_clusters(DcRandom *random)
{
  DcMixture *mixture = dc_mixture_new(DC_COVARIANCE_FULL, K, D);
  assert_non_null(mixture);
  for (size_t j = 0; j < K; j++) {
    mixture->weights[j] = (double)(j + 1) / 6;
    for (size_t k = 0; k < D; k++) {
      mixture->means[j * D + k] = dc_random_normal(random);
      for (size_t l = 0; l < D; l++)
        mixture->covariances[(j * D + k) * D + l] = k == l ? 1 + 0.3 * (double)j : 0.2;
    }
  }
  return mixture;
}

static void
assert_all_near(const double *a, const double *b, size_t count, double tolerance)
{
  for (size_t i = 0; i < count; i++)
    assert_near(a[i], b[i], tolerance);
}

/* ---- blocks ---- */

/* Doubles on both sides; the moments of 900 samples about the origin lose two or three digits. */
static void
a_block_is_as_defined(void **state)
{
  (void)state;
  const double shrinkages[] = {0, 0.1, 5};
  for (size_t s = 0; s < 3; s++) {
    DcRandom random;
    dc_random_seed(&random, 3, s);
    DcMatrix samples = random_matrix(&random, N, D, 0.2);
    DcMixture *fast = new_clusters(&random);
    dc_random_seed(&random, 3, s);
    free_matrices(&samples);
    samples = random_matrix(&random, N, D, 0.2);
    DcMixture *plain = new_clusters(&random);
    DcTdcmMetricsOptions options = dc_tdcm_metrics_options();
    options.shrinkage = shrinkages[s];
    options.blocks = 1;
    double found, wanted;
    assert_int_equal(dc_tdcm_metrics_run(&options, &samples, fast, &found), DC_OK);
    assert_int_equal(dc_tdcm_metrics_block_reference(&options, &samples, plain, &wanted), DC_OK);
    assert_near(found, wanted, 1e-11);
    assert_all_near(fast->weights, plain->weights, K, 1e-11);
    assert_all_near(fast->means, plain->means, K * D, 1e-10);
    assert_all_near(fast->covariances, plain->covariances, K * D * D, 1e-10);
    dc_mixture_free(fast);
    dc_mixture_free(plain);
    free_matrices(&samples);
  }
}

/* Expectation maximisation, up to the ridge of 1e-6 on variances of about 1. */
static void
blocks_do_not_lose_likelihood(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  DcMatrix samples = crossed_groups(&random, N);
  DcMixture *mixture = new_clusters(&random);
  const DcTdcmMetricsOptions options = {.blocks = 1};
  double before = -INFINITY, now;
  for (int block = 0; block < 30; block++) {
    assert_int_equal(dc_tdcm_metrics_run(&options, &samples, mixture, &now), DC_OK);
    assert_true(now >= before - 1e-5);
    before = now;
  }
  dc_mixture_free(mixture);
  free_matrices(&samples);
}

static void
blocks_stop_when_nothing_is_gained(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcMatrix samples = crossed_groups(&random, N);
  DcMixture *once = new_clusters(&random), *twice = new_clusters(&random);
  DcTdcmMetricsOptions options = dc_tdcm_metrics_options();
  options.blocks = 1000;
  options.tolerance = 1e-9;
  double first, again;
  assert_int_equal(dc_tdcm_metrics_run(&options, &samples, once, &first), DC_OK);
  assert_int_equal(dc_tdcm_metrics_run(&options, &samples, once, &again), DC_OK);
  assert_near(first, again, 1e-8);
  options.blocks = 0; /* nothing happens */
  memcpy(twice->means, once->means, K * D * sizeof(double));
  assert_int_equal(dc_tdcm_metrics_run(&options, &samples, once, NULL), DC_OK);
  assert_memory_equal(twice->means, once->means, K * D * sizeof(double));
  dc_mixture_free(once);
  dc_mixture_free(twice);
  free_matrices(&samples);
}

static void
a_cluster_without_samples_keeps_its_place(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcMatrix samples = random_matrix(&random, N, D, 0);
  DcMixture *mixture = new_clusters(&random);
  const DcTdcmMetricsOptions options = dc_tdcm_metrics_options();
  double log_density;
  mixture->means[0] = mixture->means[1] = mixture->means[2] = 1e4;
  assert_int_equal(dc_tdcm_metrics_run(&options, &samples, mixture, &log_density), DC_OK);
  assert_near(mixture->weights[0], 0, 0);
  assert_near(mixture->means[0], 1e4, 0);
  assert_near(mixture->covariances[0], 1, 0);
  assert_true(isfinite(log_density));
  dc_mixture_free(mixture);
  free_matrices(&samples);
}

static void
blocks_refuse_what_has_no_inverse_or_number(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  DcMatrix samples = random_matrix(&random, N, D, 0);
  DcMixture *mixture = new_clusters(&random);
  const DcTdcmMetricsOptions options = dc_tdcm_metrics_options();
  double log_density;
  dc_matrix_row(&samples, N - 1)[1] = NAN;
  assert_int_equal(dc_tdcm_metrics_run(&options, &samples, mixture, NULL), DC_ERROR_NOT_FINITE);
  assert_int_equal(dc_tdcm_metrics_assign(mixture, &samples, NULL, &log_density),
                   DC_ERROR_NOT_FINITE);
  dc_matrix_row(&samples, N - 1)[1] = 0;
  memset(mixture->covariances, 0, D * D * sizeof(double));
  assert_int_equal(dc_tdcm_metrics_run(&options, &samples, mixture, NULL), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_tdcm_metrics_assign(mixture, &samples, NULL, &log_density),
                   DC_ERROR_ARGUMENT);
  dc_mixture_free(mixture);
  free_matrices(&samples);
}

/* ---- source and use ---- */

static DcTdcmModule *
learned_module(const DcMatrix *samples, DcRandom *random)
{
  DcError error;
  DcTdcmModule *module = dc_tdcm_new(D, DC_TDCM_QUADRATIC);
  assert_non_null(module);
  if (dc_tdcm_learn_source(module, samples, K, 10, random, &error) != DC_OK)
    fail_msg("%s", error.message);
  assert_non_null(module->source);
  return module;
}

/* Metrics of their own get 92 % of these groups right, one metric for all 74 %. */
static void
crossed_groups_need_metrics_of_their_own(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  DcMatrix samples = crossed_groups(&random, N), centroids = new_matrix(K, D);
  DcTdcmModule *module = learned_module(&samples, &random);
  uint32_t labels[N];
  DcTdcmFit fit;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, labels, &fit, NULL),
                   DC_OK);
  assert_true(accuracy(labels, N) > 0.9);
  const double loss = fit.loss;
  dc_mixture_free(module->source);
  module->source = NULL;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, labels, &fit, NULL),
                   DC_OK);
  assert_true(accuracy(labels, N) < 0.8);
  assert_true(loss < fit.loss - 0.5);
  dc_tdcm_free(module);
  free_matrices(&samples, &centroids);
}

/* The loss plus log K + d/2 log pi is the mean negative log-likelihood of the samples, in
 * standardised units, under the mixture; here that of a Gaussian, K = 1: d/2 log(2 pi e) + half the
 * log det of the standardised covariance. */
static void
the_loss_is_a_likelihood(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 9, 0);
  DcMatrix samples = random_matrix(&random, 4000, 1, 0), centroids = new_matrix(1, 1);
  DcTdcmModule *module = dc_tdcm_new(1, DC_TDCM_QUADRATIC);
  DcTdcmFit fit;
  assert_int_equal(dc_tdcm_learn_source(module, &samples, 1, 1, &random, NULL), DC_OK);
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, NULL, &fit, NULL),
                   DC_OK);
  const double pi = acos(-1); /* variance 1 by standardising; the last blocks start from an estimate
                                 on some of the samples, hence the tolerance */
  assert_near(fit.loss + 0.5 * log(pi), 0.5 * log(2 * pi * exp(1)), 1e-4);
  dc_tdcm_free(module);
  free_matrices(&samples, &centroids);
}

/* Groups that are moved, scaled and turned a little keep the numbers of the source's clusters. */
static void
clusters_keep_their_numbers_in_another_domain(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 10, 0);
  DcMatrix source = crossed_groups(&random, N), target = crossed_groups(&random, N);
  DcMatrix centroids = new_matrix(K, D);
  DcTdcmModule *module = learned_module(&source, &random);
  uint32_t before[N], after[N];
  assert_int_equal(dc_tdcm_apply(module, &source, &random, 1, &centroids, before, NULL, NULL),
                   DC_OK);
  for (size_t i = 0; i < N; i++) {
    float *row = dc_matrix_row(&target, i), x = row[0], y = row[1];
    row[0] = 5 * (0.98f * x - 0.2f * y) + 40;
    row[1] = 5 * (0.2f * x + 0.98f * y) - 7;
    row[2] *= 5;
  }
  assert_int_equal(dc_tdcm_apply(module, &target, &random, 1, &centroids, after, NULL, NULL),
                   DC_OK);
  size_t same = 0;
  for (size_t i = 0; i < N; i++)
    same += before[i] == after[i]; /* sample i is of the same group in both */
  assert_true(same > 0.8 * N);     /* 92 % right twice; below 40 % if two numbers were exchanged */
  dc_tdcm_free(module);
  free_matrices(&source, &target, &centroids);
}

static void
another_number_of_clusters_has_starts_of_its_own(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 11, 0);
  DcMatrix samples = crossed_groups(&random, N), four = new_matrix(4, D);
  DcTdcmModule *module = learned_module(&samples, &random);
  uint32_t labels[N], seen = 0;
  DcRandom again = random;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &four, labels, NULL, NULL), DC_OK);
  for (size_t i = 0; i < N; i++)
    seen |= 1u << labels[i];
  assert_int_equal(seen, 15);
  uint32_t other[N];
  assert_int_equal(dc_tdcm_apply(module, &samples, &again, 2, &four, other, NULL, NULL), DC_OK);
  assert_memory_equal(labels, other, sizeof labels); /* whatever the threads */
  const DcMatrix two = dc_matrix_rows(&samples, 0, 2);
  assert_int_equal(dc_tdcm_apply(module, &two, &random, 1, &four, labels, NULL, NULL), DC_OK);
  for (size_t i = 0; i < N * D; i++)
    dc_matrix_row(&samples, i / D)[i % D] = 7; /* all the same */
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &four, labels, NULL, NULL), DC_OK);
  assert_near(dc_matrix_row(&four, 0)[0], 7, 1e-6);
  dc_tdcm_free(module);
  free_matrices(&samples, &four);
}

static void
learning_refuses_what_does_not_fit(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 12, 0);
  DcMatrix samples = crossed_groups(&random, 30);
  const DcMatrix two = dc_matrix_rows(&samples, 0, 2);
  DcTdcmModule *module = learned_module(&samples, &random);
  DcTdcmModule *bilinear = dc_tdcm_new(D, DC_TDCM_BILINEAR);
  const DcMixture *kept = module->source;
  DcError error;
  assert_int_equal(dc_tdcm_learn_source(bilinear, &samples, K, 1, &random, &error),
                   DC_ERROR_ARGUMENT);
  assert_int_equal(dc_tdcm_learn_source(module, &samples, K, 0, &random, &error),
                   DC_ERROR_ARGUMENT);
  assert_int_equal(dc_tdcm_learn_source(module, &samples, 0, 1, &random, &error),
                   DC_ERROR_ARGUMENT);
  assert_int_equal(dc_tdcm_learn_source(module, &two, K, 1, &random, &error), DC_ERROR_ARGUMENT);
  dc_matrix_row(&samples, 3)[1] = INFINITY;
  assert_int_equal(dc_tdcm_learn_source(module, &samples, K, 1, &random, &error),
                   DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "infinity"));
  assert_ptr_equal(module->source, kept);
  dc_tdcm_free(module);
  dc_tdcm_free(bilinear);
  free_matrices(&samples);
}

static void
a_broken_source_is_refused(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 13, 0);
  DcMatrix samples = crossed_groups(&random, 60), centroids = new_matrix(K, D);
  DcTdcmModule *module = learned_module(&samples, &random);
  DcMixture *source = module->source;
  DcError error;
  source->weights[1] = -0.1;
  assert_int_equal(dc_tdcm_check(module, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "share"));
  source->weights[1] = 0.1;
  source->means[2] = NAN;
  assert_int_equal(dc_tdcm_check(module, &error), DC_ERROR_NOT_FINITE);
  source->means[2] = 0;
  source->dim = D - 1;
  assert_int_equal(dc_tdcm_check(module, &error), DC_ERROR_ARGUMENT);
  source->dim = D;
  memset(source->covariances, 0, D * D * sizeof(double));
  assert_int_equal(dc_tdcm_check(module, &error), DC_OK); /* seen where it is used */
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, NULL, NULL, &error),
                   DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "inverted"));
  dc_tdcm_free(module);
  free_matrices(&samples, &centroids);
}

static void
a_copy_has_a_source_of_its_own(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 14, 0);
  DcMatrix samples = crossed_groups(&random, 60);
  DcTdcmModule *module = learned_module(&samples, &random), *copy = dc_tdcm_copy(module);
  const double mean = module->source->means[0];
  assert_ptr_not_equal(copy->source, module->source);
  dc_tdcm_free(module);
  assert_near(copy->source->means[0], mean, 0);
  dc_tdcm_free(copy);
  free_matrices(&samples);
}

static void
every_lack_of_memory_is_said(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 15, 0);
  DcMatrix samples = crossed_groups(&random, 60), centroids = new_matrix(K, D);
  DcTdcmModule *module = learned_module(&samples, &random);
  uint32_t labels[60];
  module->seeds = 1;
  size_t before = allocations;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, labels, NULL, NULL),
                   DC_OK);
  const size_t needed = allocations - before;
  assert_true(needed > 20);
  for (size_t failing = 0; failing < needed; failing++) {
    DcError error = {0};
    fail_at = allocations + failing;
    DcStatus status = dc_tdcm_apply(module, &samples, &random, 1, &centroids, labels, NULL, &error);
    DcStatus learning = status ? status : DC_ERROR_MEMORY;
    fail_at = SIZE_MAX;
    assert_int_equal(learning, DC_ERROR_MEMORY);
    assert_true(status == DC_OK || strstr(error.message, "memory"));
  }
  dc_tdcm_free(module);
  free_matrices(&samples, &centroids);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_block_is_as_defined),
      cmocka_unit_test(blocks_do_not_lose_likelihood),
      cmocka_unit_test(blocks_stop_when_nothing_is_gained),
      cmocka_unit_test(a_cluster_without_samples_keeps_its_place),
      cmocka_unit_test(blocks_refuse_what_has_no_inverse_or_number),
      cmocka_unit_test(crossed_groups_need_metrics_of_their_own),
      cmocka_unit_test(the_loss_is_a_likelihood),
      cmocka_unit_test(clusters_keep_their_numbers_in_another_domain),
      cmocka_unit_test(another_number_of_clusters_has_starts_of_its_own),
      cmocka_unit_test(learning_refuses_what_does_not_fit),
      cmocka_unit_test(a_broken_source_is_refused),
      cmocka_unit_test(a_copy_has_a_source_of_its_own),
      cmocka_unit_test(every_lack_of_memory_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
