/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attention.h"

#include "cluster/kmeans.h"
#include "tensor/blas.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The numbering of properties is that of docs/methods/tdcm.md. */

/* Property 1, up to samples of size 1e4. */
static void
weights_are_probabilities(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  for (float size = 1; size <= 1e4f; size *= 100) {
    DcMatrix samples = random_matrix(&random, 1200, 5, 0),
             centroids = random_matrix(&random, 7, 5, 0);
    DcMatrix assignment = new_matrix(1200, 7);
    for (size_t i = 0; i < samples.rows * samples.stride; i++)
      samples.data[i] *= size;
    for (size_t i = 0; i < centroids.rows * centroids.stride; i++)
      centroids.data[i] *= size;
    assign(&(DcAttentionOptions){.temperature = 1}, &samples, &centroids, &assignment);
    for (size_t i = 0; i < 1200; i++) {
      double sum = 0;
      for (size_t j = 0; j < 7; j++) {
        float weight = dc_matrix_row(&assignment, i)[j];
        assert_true(weight >= 0 && weight <= 1 + FLT_EPSILON);
        sum += weight;
      }
      assert_near(sum, 1, 1e-6);
    }
    free_matrices(&samples, &centroids, &assignment);
  }
}

/* Property 2. */
static void
means_keep_the_box_and_the_total_of_the_samples(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  DcMatrix samples = random_matrix(&random, 1000, 4, 2),
           centroids = random_matrix(&random, 6, 4, 2);
  double mass[6];
  assert_int_equal(update(&(DcAttentionOptions){.temperature = 1}, &samples, NULL, &centroids,
                          &centroids, mass),
                   DC_OK);
  double count = 0;
  for (size_t j = 0; j < 6; j++)
    count += mass[j];
  assert_near(count, 1000, 1000 * 1e-6);
  for (size_t k = 0; k < 4; k++) {
    double total = 0, expected = 0;
    float low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < 1000; i++) {
      float x = dc_matrix_row(&samples, i)[k];
      expected += x;
      low = fminf(low, x);
      high = fmaxf(high, x);
    }
    for (size_t j = 0; j < 6; j++) {
      float c = dc_matrix_row(&centroids, j)[k];
      assert_true(c >= low && c <= high);
      total += mass[j] * c;
    }
    assert_near(total, expected, 1e-6 * 1000 * 5); /* 1000 samples below 5 or so, each to 1e-6 */
  }
  free_matrices(&samples, &centroids);
}

/* Property 3. */
static void
one_cluster_takes_the_mean_and_one_sample_all_clusters(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcMatrix samples = random_matrix(&random, 1500, 3, 7),
           centroid = random_matrix(&random, 1, 3, -2);
  float metric[9];
  random_metric(&random, 3, metric);
  assert_int_equal(update(&(DcAttentionOptions){.metric = metric}, &samples, NULL, &centroid,
                          &centroid, NULL),
                   DC_OK);
  for (size_t k = 0; k < 3; k++) {
    double mean = 0;
    for (size_t i = 0; i < 1500; i++)
      mean += dc_matrix_row(&samples, i)[k] / 1500.0;
    assert_near(centroid.data[k], mean, 1e-5);
  }
  DcMatrix one = dc_matrix_rows(&samples, 0, 1), centroids = random_matrix(&random, 4, 3, 7);
  assert_int_equal(update(&(DcAttentionOptions){.metric = metric}, &one, NULL, &centroids,
                          &centroids, NULL),
                   DC_OK);
  for (size_t j = 0; j < 4; j++)
    for (size_t k = 0; k < 3; k++)
      assert_near(dc_matrix_row(&centroids, j)[k], one.data[k], 4e-6);
  free_matrices(&samples, &centroid, &centroids);
}

static DcMatrix
permuted_rows(const DcMatrix *matrix, const uint32_t *order)
{
  DcMatrix permuted = new_matrix(matrix->rows, matrix->cols);
  for (size_t i = 0; i < matrix->rows; i++)
    memcpy(dc_matrix_row(&permuted, i), dc_matrix_row(matrix, order[i]),
           matrix->cols * sizeof(float));
  return permuted;
}

/* Property 4. */
static void
order_of_samples_and_centroids_does_not_matter(void **state)
{
  (void)state;
  enum { N = 1300, K = 8 };
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  uint32_t order[N], turn[K];
  for (uint32_t i = 0; i < N; i++)
    order[i] = i;
  for (uint32_t j = 0; j < K; j++)
    turn[j] = (j + 3) % K;
  dc_random_shuffle(&random, order, N);
  DcMatrix samples = random_matrix(&random, N, 5, 0), centroids = random_matrix(&random, K, 5, 0);
  DcMatrix shuffled = permuted_rows(&samples, order), turned = permuted_rows(&centroids, turn);
  DcAttentionOptions options = {.temperature = 1};
  update(&options, &samples, NULL, &centroids, &centroids, NULL);
  update(&options, &shuffled, NULL, &turned, &turned, NULL);
  DcMatrix expected = permuted_rows(&centroids, turn);
  assert_rows_near(&turned, &expected, 1e-5);
  free_matrices(&samples, &centroids, &shuffled, &turned, &expected);
}

/* Property 5, with an offset that is exact in single precision and would cost 5 digits of the
 * scores if they were taken relative to the origin. */
static void
translation_moves_the_result_and_nothing_else(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  DcMatrix samples = random_matrix(&random, 1200, 4, 0),
           centroids = random_matrix(&random, 6, 4, 0);
  DcMatrix updated = new_matrix(6, 4), moved_updated = new_matrix(6, 4);
  for (size_t i = 0; i < 1200 * samples.stride; i++)
    samples.data[i] = rintf(samples.data[i] * 256) / 256;
  for (size_t i = 0; i < 6 * centroids.stride; i++)
    centroids.data[i] = rintf(centroids.data[i] * 256) / 256;
  double mass[6], moved_mass[6];
  DcAttentionOptions options = {.temperature = 1};
  update(&options, &samples, NULL, &centroids, &updated, mass);
  const float offset = 4096;
  for (size_t i = 0; i < 1200 * samples.stride; i++)
    samples.data[i] += offset;
  for (size_t i = 0; i < 6 * centroids.stride; i++)
    centroids.data[i] += offset;
  update(&options, &samples, NULL, &centroids, &moved_updated, moved_mass);
  for (size_t j = 0; j < 6; j++) {
    assert_near(moved_mass[j], mass[j], 0.01); /* the centre is rounded to 4096 eps */
    for (size_t k = 0; k < 4; k++)
      assert_near(dc_matrix_row(&moved_updated, j)[k], dc_matrix_row(&updated, j)[k] + offset,
                  4096 * FLT_EPSILON);
  }
  free_matrices(&samples, &centroids, &updated, &moved_updated);
}

/* `matrix` times `factor` (d x d). */
static DcMatrix
times(const DcMatrix *matrix, const float *factor)
{
  size_t d = matrix->cols;
  DcMatrix product = new_matrix(matrix->rows, d);
  for (size_t i = 0; i < matrix->rows; i++)
    for (size_t k = 0; k < d; k++) {
      double sum = 0;
      for (size_t l = 0; l < d; l++)
        sum += (double)dc_matrix_row(matrix, i)[l] * factor[l * d + k];
      dc_matrix_row(&product, i)[k] = (float)sum;
    }
  return product;
}

/* Property 6, the equivalence with G-space: block(Z, C; G G^T) G = block(Z G, C G; I). */
static void
metric_equals_a_change_of_space(void **state)
{
  (void)state;
  static const float g[] = {1.5f, 0, 0, -0.5f, 0.75f, 0, 0.25f, 1, 0.5f};
  float metric[9];
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 3; j++) {
      metric[i * 3 + j] = 0;
      for (size_t k = 0; k < 3; k++)
        metric[i * 3 + j] += g[i * 3 + k] * g[j * 3 + k];
    }
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  DcMatrix samples = random_matrix(&random, 1100, 3, 0),
           centroids = random_matrix(&random, 5, 3, 0);
  DcMatrix samples_g = times(&samples, g), centroids_g = times(&centroids, g);
  update(&(DcAttentionOptions){.metric = metric}, &samples, NULL, &centroids, &centroids, NULL);
  update(&(DcAttentionOptions){.temperature = 1}, &samples_g, NULL, &centroids_g, &centroids_g,
         NULL);
  DcMatrix expected = times(&centroids, g);
  assert_rows_near(&centroids_g, &expected, 2e-5);
  free_matrices(&samples, &centroids, &samples_g, &centroids_g, &expected);
}

/* Property 7: one step of Lloyd, as k-means makes it. */
static void
cold_attention_is_one_step_of_lloyd(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 9, 0);
  DcMatrix samples = random_matrix(&random, 2000, 8, 1),
           centroids = random_matrix(&random, 12, 8, 1);
  DcMatrix updated = new_matrix(12, 8);
  DcAttentionOptions options = {.temperature = 1e-6f};
  DcKmeansOptions lloyd = dc_kmeans_options(12);
  lloyd.max_iterations = 1;
  DcKmeansResult result;
  assert_int_equal(update(&options, &samples, NULL, &centroids, &updated, NULL), DC_OK);
  assert_int_equal(dc_kmeans_lloyd(&samples, NULL, &lloyd, &centroids, NULL, &result), DC_OK);
  assert_int_equal(result.reseeded, 0);
  assert_rows_near(&updated, &centroids, 2e-6);
  free_matrices(&samples, &centroids, &updated);
}

/* Property 8. */
static void
cold_attention_leaves_converged_centroids_alone(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 10, 0);
  DcMatrix samples = random_matrix(&random, 1500, 4, 0), centroids = new_matrix(5, 4);
  DcMatrix updated = new_matrix(5, 4);
  DcKmeansOptions options = dc_kmeans_options(5);
  options.tolerance = 0;
  DcKmeansResult result;
  assert_int_equal(dc_kmeans(&samples, NULL, &options, &random, &centroids, NULL, &result, NULL),
                   DC_OK);
  assert_int_equal(update(&(DcAttentionOptions){.temperature = 1e-6f}, &samples, NULL, &centroids,
                          &updated, NULL),
                   DC_OK);
  assert_rows_near(&updated, &centroids, 1e-6);
  free_matrices(&samples, &centroids, &updated);
}

/* exp(-(x - m)^T Sigma^-1 (x - m) / 2) times `share`; the common factor cancels. */
static double
density(const float *x, const float *mean, const double precision[3], double share)
{
  double a = (double)x[0] - mean[0], b = (double)x[1] - mean[1];
  return share * exp(-(precision[0] * a * a + 2 * precision[1] * a * b + precision[2] * b * b) / 2);
}

/* Property 9: W = Sigma^-1 / 2 and bias log pi make one EM step of a mixture with shared
 * covariance. */
static void
attention_contains_em(void **state)
{
  (void)state;
  enum { N = 400, K = 3 };
  static const double precision[] = {2, -0.6, 0.8}, shares[K] = {0.5, 0.3, 0.2};
  static const float metric[] = {1, -0.3f, -0.3f, 0.4f};
  float bias[K];
  DcRandom random;
  dc_random_seed(&random, 11, 0);
  DcMatrix samples = random_matrix(&random, N, 2, 0), centroids = random_matrix(&random, K, 2, 0);
  DcMatrix assignment = new_matrix(N, K), updated = new_matrix(K, 2);
  for (size_t j = 0; j < K; j++)
    bias[j] = (float)log(shares[j]);
  DcAttentionOptions options = {.metric = metric, .bias = bias};
  double mass[K], total[K] = {0}, sum[K][2] = {{0}};
  assign(&options, &samples, &centroids, &assignment);
  update(&options, &samples, NULL, &centroids, &updated, mass);
  for (size_t i = 0; i < N; i++) {
    double posterior[K], evidence = 0;
    const float *x = dc_matrix_row(&samples, i);
    for (size_t j = 0; j < K; j++)
      evidence += posterior[j] = density(x, dc_matrix_row(&centroids, j), precision, shares[j]);
    for (size_t j = 0; j < K; j++) {
      assert_near(dc_matrix_row(&assignment, i)[j], posterior[j] / evidence, 2e-6);
      total[j] += posterior[j] / evidence;
      for (size_t k = 0; k < 2; k++)
        sum[j][k] += posterior[j] / evidence * x[k];
    }
  }
  for (size_t j = 0; j < K; j++) {
    assert_near(mass[j], total[j], 1e-6 * N);
    for (size_t k = 0; k < 2; k++)
      assert_near(dc_matrix_row(&updated, j)[k], sum[j][k] / total[j], 1e-5);
  }
  free_matrices(&samples, &centroids, &assignment, &updated);
}

/* Property 13, with and without epsilon. */
static void
a_cluster_far_away_stays_where_it_is(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 12, 0);
  for (int form = 0; form < 2; form++) {
    DcMatrix samples = random_matrix(&random, 500, 3, 0),
             centroids = random_matrix(&random, 3, 3, 0);
    for (size_t k = 0; k < 3; k++)
      dc_matrix_row(&centroids, 1)[k] = 1000.7f;
    double mass[3];
    DcAttentionOptions options = {.temperature = 1, .epsilon = form ? 1e-6 : 0};
    assert_int_equal(update(&options, &samples, NULL, &centroids, &centroids, mass), DC_OK);
    assert_near(mass[1], 0, 0);
    for (size_t k = 0; k < 3; k++)
      assert_near(dc_matrix_row(&centroids, 1)[k], 1000.7f, 0);
    assert_true(dc_matrix_is_finite(&centroids));
    free_matrices(&samples, &centroids);
  }
}

/* 1024 times 1e6 is exact in single precision, but there it swallows what comes before its
 * opposite. */
static void
sums_across_chunks_are_in_double(void **state)
{
  (void)state;
  enum { PART = 1024 };
  static float data[3 * PART];
  for (size_t i = 0; i < PART; i++) {
    data[i] = 1e6f;
    data[PART + i] = 0.01f;
    data[2 * PART + i] = -1e6f;
  }
  float place = 0;
  DcMatrix samples = dc_matrix(data, 3 * PART, 1), centroid = dc_matrix(&place, 1, 1);
  assert_int_equal(update(&(DcAttentionOptions){.temperature = 1}, &samples, NULL, &centroid,
                          &centroid, NULL),
                   DC_OK);
  assert_near(place, 0.01 / 3, 1e-7);
}

static void
no_samples_leave_centroids_where_they_are(void **state)
{
  (void)state;
  float places[] = {0.1f, 0.7f, -3e8f};
  double mass[] = {5, 5, 5};
  DcMatrix samples = dc_matrix(places, 0, 1), centroids = dc_matrix(places, 3, 1);
  assert_int_equal(update(&(DcAttentionOptions){.temperature = 1, .epsilon = 1e-6}, &samples, NULL,
                          &centroids, &centroids, mass),
                   DC_OK);
  assert_near(places[0], 0.1f, 0);
  assert_near(places[1], 0.7f, 0);
  assert_near(places[2], -3e8f, 0);
  assert_near(mass[0] + mass[1] + mass[2], 0, 0);
}

static void
weights_count_like_repeated_samples(void **state)
{
  (void)state;
  const float data[] = {0, 1, 5}, repeated[] = {0, 1, 1, 1}, weights[] = {1, 3, 0};
  DcMatrix samples = dc_matrix(data, 3, 1), copies = dc_matrix(repeated, 4, 1);
  float a[] = {0.25f, 2}, b[] = {0.25f, 2};
  DcMatrix centroids_a = dc_matrix(a, 2, 1), centroids_b = dc_matrix(b, 2, 1);
  DcAttentionOptions options = {.temperature = 1};
  double mass_a[2], mass_b[2];
  update(&options, &samples, weights, &centroids_a, &centroids_a, mass_a);
  update(&options, &copies, NULL, &centroids_b, &centroids_b, mass_b);
  for (size_t j = 0; j < 2; j++) {
    assert_near(a[j], b[j], 4 * FLT_EPSILON);
    assert_near(mass_a[j], mass_b[j], 8 * FLT_EPSILON);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(weights_are_probabilities),
      cmocka_unit_test(means_keep_the_box_and_the_total_of_the_samples),
      cmocka_unit_test(one_cluster_takes_the_mean_and_one_sample_all_clusters),
      cmocka_unit_test(order_of_samples_and_centroids_does_not_matter),
      cmocka_unit_test(translation_moves_the_result_and_nothing_else),
      cmocka_unit_test(metric_equals_a_change_of_space),
      cmocka_unit_test(cold_attention_is_one_step_of_lloyd),
      cmocka_unit_test(cold_attention_leaves_converged_centroids_alone),
      cmocka_unit_test(attention_contains_em),
      cmocka_unit_test(a_cluster_far_away_stays_where_it_is),
      cmocka_unit_test(sums_across_chunks_are_in_double),
      cmocka_unit_test(no_samples_leave_centroids_where_they_are),
      cmocka_unit_test(weights_count_like_repeated_samples),
  };
  dc_blas_choose_kernels();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
