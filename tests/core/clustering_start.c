/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the clustering module starts from: centroids and their inverse, or a mixture. */
#include "allocations.h"
#include "base/memory.h"
#include "base/random.h"
#include "clustering_weights.h"
#include "matrices.h"

#include <string.h>

/* The four conditions of Penrose; U may have more rows than columns, or none independent. */
static void
check_start(size_t clusters, size_t width, size_t distinct)
{
  DcRandom random;
  dc_random_seed(&random, clusters, 0);
  DcMatrix centroids = random_matrix(&random, clusters, width, 1);
  for (size_t k = distinct; k < clusters; k++)
    memcpy(dc_matrix_row(&centroids, k), dc_matrix_row(&centroids, k - distinct),
           width * sizeof(float));
  float values[MOST_WEIGHTS], uv[MOST_CLUSTERS * MOST_CLUSTERS];
  float vu[MOST_WIDTH * MOST_WIDTH], uvu[MOST_CLUSTERS * MOST_WIDTH];
  const DcClusteringWeights weights = place_weights(values, clusters, width);
  assert_int_equal(dc_clustering_start(&centroids, &weights, NULL), DC_OK);
  DcMatrix actual = new_matrix(clusters, width);
  dc_clustering_centroids(&weights, &actual);
  assert_rows_near(&actual, &centroids, 0);
  for (size_t k = 0; k < clusters; k++) {
    assert_true(weights.b[k] == 0);
    for (size_t l = 0; l < clusters; l++) {
      uv[k * clusters + l] = 0;
      for (size_t j = 0; j < width; j++)
        uv[k * clusters + l] += dc_matrix_row(&centroids, k)[j] * weights.v[j * clusters + l];
    }
  }
  for (size_t i = 0; i < width; i++) {
    for (size_t j = 0; j < width; j++) {
      vu[i * width + j] = 0;
      for (size_t k = 0; k < clusters; k++)
        vu[i * width + j] += weights.v[i * clusters + k] * dc_matrix_row(&centroids, k)[j];
    }
  }
  for (size_t k = 0; k < clusters; k++) {
    for (size_t j = 0; j < width; j++) {
      uvu[k * width + j] = 0;
      for (size_t l = 0; l < clusters; l++)
        uvu[k * width + j] += uv[k * clusters + l] * dc_matrix_row(&centroids, l)[j];
      assert_near(uvu[k * width + j], dc_matrix_row(&centroids, k)[j], 1e-4);
    }
    for (size_t l = 0; l < clusters; l++)
      assert_near(uv[k * clusters + l], uv[l * clusters + k], 1e-4);
  }
  for (size_t i = 0; i < width * width; i++)
    assert_near(vu[i], vu[i % width * width + i / width], 1e-4);
  free_matrices(&centroids, &actual);
}

static void
it_starts_from_centroids_and_their_inverse(void **state)
{
  (void)state;
  check_start(3, 5, 3);
  check_start(4, 4, 4);
  check_start(6, 3, 6);
  check_start(4, 6, 2);
  check_start(1, 3, 1);
}

static void
centroids_of_zeros_have_the_inverse_zero(void **state)
{
  (void)state;
  const float zeros[6] = {0};
  const DcMatrix centroids = dc_matrix(zeros, 2, 3);
  float values[MOST_WEIGHTS];
  const DcClusteringWeights weights = place_weights(values, 2, 3);
  assert_int_equal(dc_clustering_start(&centroids, &weights, NULL), DC_OK);
  for (size_t i = 0; i < 17; i++)
    assert_true(values[i] == 0);
}

static double
squared_distance(const float *a, const float *b, size_t width)
{
  double sum = 0;
  for (size_t j = 0; j < width; j++)
    sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return sum;
}

/* What differs between two scores is the logarithm of the ratio of the densities. V and b are
 * single precision, of order 10. */
static void
it_starts_as_a_mixture(void **state)
{
  (void)state;
  const double variance = 0.3;
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  DcMatrix centroids = random_matrix(&random, 3, 4, 1), samples = random_matrix(&random, 9, 4, 1);
  DcMatrix actual = new_matrix(3, 4);
  float values[MOST_WEIGHTS];
  const DcClusteringWeights weights = place_weights(values, 3, 4);
  assert_int_equal(dc_clustering_start_as_mixture(&centroids, variance, &weights, NULL), DC_OK);
  dc_clustering_centroids(&weights, &actual);
  assert_rows_near(&actual, &centroids, 0);
  for (size_t i = 0; i < 9; i++) {
    const float *sample = dc_matrix_row(&samples, i);
    double above_density[3];
    for (size_t k = 0; k < 3; k++) {
      above_density[k] =
          weights.b[k] + squared_distance(sample, dc_matrix_row(&centroids, k), 4) / (2 * variance);
      for (size_t j = 0; j < 4; j++)
        above_density[k] += (double)sample[j] * weights.v[j * 3 + k];
      assert_near(above_density[k], above_density[0], 1e-5);
    }
  }
  free_matrices(&centroids, &samples, &actual);
}

/* Of samples that are equal in each cluster: V may be large, but it and b are numbers. */
static void
a_mixture_of_no_width_stays_finite(void **state)
{
  (void)state;
  const float apart[] = {1, 2, 3, 4}, zeros[4] = {0};
  const float *const cases[] = {apart, zeros};
  float values[MOST_WEIGHTS];
  const DcClusteringWeights weights = place_weights(values, 2, 2);
  for (size_t c = 0; c < 2; c++) {
    const DcMatrix centroids = dc_matrix((float *)cases[c], 2, 2);
    assert_int_equal(dc_clustering_start_as_mixture(&centroids, 0, &weights, NULL), DC_OK);
    for (size_t i = 0; i < 12; i++)
      assert_true(isfinite(values[i]));
  }
}

/* --- what is refused --- */

static void
a_mixture_that_is_not_finite_is_refused(void **state)
{
  (void)state;
  const float good[] = {1, 2, 3, 4}, bad[] = {1, 2, NAN, 4};
  const struct {
    const float *centroids;
    double variance;
  } cases[] = {{bad, 1}, {good, NAN}, {good, INFINITY}};
  float values[MOST_WEIGHTS];
  const DcClusteringWeights weights = place_weights(values, 2, 2);
  for (size_t i = 0; i < 3; i++) {
    const DcMatrix centroids = dc_matrix((float *)cases[i].centroids, 2, 2);
    DcError error = {0};
    assert_int_equal(dc_clustering_start_as_mixture(&centroids, cases[i].variance, &weights,
                                                    &error),
                     DC_ERROR_NOT_FINITE);
    assert_non_null(strstr(error.message, "2 centroids"));
  }
}

static void
centroids_that_are_not_finite_are_refused(void **state)
{
  (void)state;
  const float bad[] = {1, 2, NAN, 4};
  const DcMatrix centroids = dc_matrix(bad, 2, 2);
  float values[MOST_WEIGHTS];
  const DcClusteringWeights weights = place_weights(values, 2, 2);
  DcError error = {0};
  assert_int_equal(dc_clustering_start(&centroids, &weights, &error), DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "pseudo-inverse"));
}

static void
missing_memory_to_start_is_reported(void **state)
{
  (void)state;
  const float numbers[] = {1, 2, 3, 4};
  const DcMatrix centroids = dc_matrix(numbers, 2, 2);
  float values[MOST_WEIGHTS];
  const DcClusteringWeights weights = place_weights(values, 2, 2);
  for (size_t i = 0; i < 2; i++) {
    DcError error = {0};
    fail_at = allocations + i;
    assert_int_equal(dc_clustering_start(&centroids, &weights, &error), DC_ERROR_MEMORY);
    fail_at = SIZE_MAX;
    assert_true(error.message[0] != 0);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(it_starts_from_centroids_and_their_inverse),
      cmocka_unit_test(centroids_of_zeros_have_the_inverse_zero),
      cmocka_unit_test(it_starts_as_a_mixture),
      cmocka_unit_test(a_mixture_of_no_width_stays_finite),
      cmocka_unit_test(a_mixture_that_is_not_finite_is_refused),
      cmocka_unit_test(centroids_that_are_not_finite_are_refused),
      cmocka_unit_test(missing_memory_to_start_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
