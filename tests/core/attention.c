/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/attention.h"

#include "allocations.h"
#include "cluster/kmeans.h"
#include "matrices.h"
#include "tensor/blas.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The numbering of properties and the golden values are those of docs/methods/tdcm.md. */

/* One update with scratch of its own. */
static DcStatus
update(const DcAttentionOptions *options, const DcMatrix *samples, const float *weights,
       const DcMatrix *centroids, const DcMatrix *updated, double *mass)
{
  DcAttention *attention = dc_attention_new(centroids->rows, centroids->cols);
  assert_non_null(attention);
  DcStatus status =
      dc_attention_update(attention, options, samples, weights, centroids, updated, mass);
  dc_attention_free(attention);
  return status;
}

static void
assign(const DcAttentionOptions *options, const DcMatrix *samples, const DcMatrix *centroids,
       const DcMatrix *assignment)
{
  DcAttention *attention = dc_attention_new(centroids->rows, centroids->cols);
  assert_non_null(attention);
  assert_int_equal(dc_attention_weights(attention, options, samples, centroids, assignment), DC_OK);
  dc_attention_free(attention);
}

/* W = B B^T / d + I / 4 for a random B. */
static void
random_metric(DcRandom *random, size_t dim, float *metric)
{
  DcMatrix b = random_matrix(random, dim, dim, 0);
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j <= i; j++) {
      double sum = i == j ? 0.25 : 0;
      for (size_t k = 0; k < dim; k++)
        sum += (double)dc_matrix_row(&b, i)[k] * dc_matrix_row(&b, j)[k] / (double)dim;
      metric[i * dim + j] = metric[j * dim + i] = (float)sum;
    }
  free_matrices(&b);
}

/* ---- golden values ---- */

static float golden_samples[] = {0, 0, 1, 0, 0, 1, 4, 4, 5, 4, 4, 5};
static float golden_centroids[] = {1, 1, 3, 3};

/* Scores here are below 100, so that their rounding changes a weight by less than 1e-5 of itself.
 */
static void
one_block_gives_the_golden_values(void **state)
{
  (void)state;
  static const struct {
    float metric[4];
    double weights[6], mass[2], centroids[4];
  } cases[] = {
      {{1, 0, 0, 1},
       {.9999998875, .9999938558, .9999938558, .0000001125, .0000000021, .0000000021},
       {2.9999877158, 3.0000122842},
       {.3333328064, .3333328064, 4.3333174813, 4.3333174813}},
      {{.1f, 0, 0, .1f},
       {.8320183851, .7685247835, .7685247835, .1679816149, .1192029220, .1192029220},
       {2.7754554110, 3.2245445890},
       {.9055369909, .9055369909, 3.5622774448, 3.5622774448}},
      {{1000, 0, 0, 1000}, {1, 1, 1, 0, 0, 0}, {3, 3}, {1.0 / 3, 1.0 / 3, 13.0 / 3, 13.0 / 3}},
      {{.29f, .06f, .06f, .09f},
       {.9820137900, .9308615797, .9677045353, .0179862100, .0044962732, .0099518019},
       {2.9130141900, 3.0869858100},
       {.3656333005, .3801538217, 4.1901407403, 4.1764385444}},
  };
  DcMatrix samples = dc_matrix(golden_samples, 6, 2), centroids = dc_matrix(golden_centroids, 2, 2);
  for (size_t c = 0; c < 4; c++) {
    float assignment[12], places[4];
    double mass[2];
    DcMatrix a = dc_matrix(assignment, 6, 2), updated = dc_matrix(places, 2, 2);
    DcAttentionOptions options = {.metric = cases[c].metric};
    assign(&options, &samples, &centroids, &a);
    assert_int_equal(update(&options, &samples, NULL, &centroids, &updated, mass), DC_OK);
    for (size_t i = 0; i < 6; i++)
      assert_near(assignment[2 * i], cases[c].weights[i], 1e-5 * cases[c].weights[i] + 6e-11);
    for (size_t j = 0; j < 2; j++)
      assert_near(mass[j], cases[c].mass[j], 2e-6);
    for (size_t k = 0; k < 4; k++)
      assert_near(places[k], cases[c].centroids[k], 2e-6);
  }
}

static void
two_blocks_give_the_golden_values(void **state)
{
  (void)state;
  static const float metric[] = {.25f, .1f, .1f, .13f};
  static const double first[] = {.349011196, .354269653, 4.246029953, 4.240961304};
  static const double second[] = {.333951965, .334063905, 4.332542235, 4.332430305};
  static const double weights[] = {.999980049, .999672352, .999874480,
                                   .000438884, .000026727, .000069777};
  float places[4], assignment[12];
  memcpy(places, golden_centroids, sizeof places);
  DcMatrix samples = dc_matrix(golden_samples, 6, 2), centroids = dc_matrix(places, 2, 2);
  DcMatrix a = dc_matrix(assignment, 6, 2);
  DcAttentionOptions options = {.metric = metric, .epsilon = 1e-6};
  assert_int_equal(update(&options, &samples, NULL, &centroids, &centroids, NULL), DC_OK);
  for (size_t k = 0; k < 4; k++)
    assert_near(places[k], first[k], 2e-6);
  assert_int_equal(update(&options, &samples, NULL, &centroids, &centroids, NULL), DC_OK);
  for (size_t k = 0; k < 4; k++)
    assert_near(places[k], second[k], 2e-6);
  assign(&options, &samples, &centroids, &a);
  for (size_t i = 0; i < 6; i++)
    assert_near(assignment[2 * i], weights[i], 1e-5 * weights[i] + 1e-9);
}

/* ---- against the reference ---- */

/* Weights follow scores: an error e of a score changes its weight by e of itself. Scores are sums
 * of d products, up to a few hundred here, so that a rounding or two of the largest is 5e-5; it
 * counts in full for a mass that comes from a few samples. Property 12 is contained: the larger
 * sets fill several chunks. */
static void
update_equals_the_reference(void **state)
{
  (void)state;
  static const size_t shapes[][3] = {{1, 1, 1},      {7, 3, 2},      {3000, 10, 16},
                                     {300, 200, 33}, {500, 1100, 8}, {0, 2, 3}};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int form = 0; form < 8; form++) {
      size_t n = shapes[s][0], k = shapes[s][1], d = shapes[s][2];
      DcMatrix samples = random_matrix(&random, n, d, 0);
      DcMatrix centroids = random_matrix(&random, k, d, 0);
      DcMatrix updated = new_matrix(k, d), expected = new_matrix(k, d);
      double *mass = DC_NEW(double, 2 * k);
      float *metric = DC_NEW(float, d *d), *bias = DC_NEW(float, k), *weights = DC_NEW(float, n);
      random_metric(&random, d, metric);
      for (size_t j = 0; j < k; j++)
        bias[j] = (float)dc_random_normal(&random);
      for (size_t i = 0; i < n; i++)
        weights[i] = (float)(i % 3);
      DcAttentionOptions options = {.metric = form & 1 ? metric : NULL,
                                    .temperature = 2,
                                    .bias = form & 2 ? bias : NULL,
                                    .epsilon = 0.01};
      const float *used = form & 4 ? weights : NULL;
      assert_int_equal(update(&options, &samples, used, &centroids, &updated, mass), DC_OK);
      assert_int_equal(dc_attention_update_reference(&options, &samples, used, &centroids,
                                                     &expected, mass + k),
                       DC_OK);
      assert_rows_near(&updated, &expected, 3e-5);
      for (size_t j = 0; j < k; j++)
        assert_near(mass[j], mass[k + j], 1e-4 * mass[k + j] + 1e-9);
      free_matrices(&samples, &centroids, &updated, &expected);
      dc_free(mass);
      dc_free(metric);
      dc_free(bias);
      dc_free(weights);
    }
}

/* The sums of the update are those that its own weights give. */
static void
weights_and_update_agree(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  DcMatrix samples = random_matrix(&random, 2500, 6, 0),
           centroids = random_matrix(&random, 9, 6, 0);
  DcMatrix updated = new_matrix(9, 6), assignment = new_matrix(2500, 9);
  double mass[9];
  DcAttentionOptions options = {.temperature = 1};
  assign(&options, &samples, &centroids, &assignment);
  update(&options, &samples, NULL, &centroids, &updated, mass);
  for (size_t j = 0; j < 9; j++) {
    double total = 0, sum = 0;
    for (size_t i = 0; i < 2500; i++) {
      total += dc_matrix_row(&assignment, i)[j];
      sum += (double)dc_matrix_row(&assignment, i)[j] * dc_matrix_row(&samples, i)[3];
    }
    assert_near(mass[j], total, 1e-5 * total);
    assert_near(dc_matrix_row(&updated, j)[3], sum / total, 1e-5);
  }
  free_matrices(&samples, &centroids, &updated, &assignment);
}

/* ---- properties ---- */

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

/* ---- bad arguments ---- */

typedef struct {
  float data[6], places[4], weights[3], metric[4];
  DcMatrix samples, centroids;
  DcAttentionOptions options;
} Call;

static Call *
good_call(void)
{
  static Call call;
  call = (Call){.data = {0, 0, 1, 1, 5, 5},
                .places = {0, 0, 5, 5},
                .weights = {1, 1, 1},
                .metric = {1, 0, 0, 1},
                .options = {.temperature = 1}};
  call.samples = dc_matrix(call.data, 3, 2);
  call.centroids = dc_matrix(call.places, 2, 2);
  return &call;
}

static void
assert_refused(Call *call, DcStatus status)
{
  float before[4];
  double mass[2] = {7, 7};
  DcAttention *attention = dc_attention_new(2, 2);
  memcpy(before, call->places, sizeof before);
  assert_int_equal(dc_attention_update(attention, &call->options, &call->samples, call->weights,
                                       &call->centroids, &call->centroids, mass),
                   status);
  assert_memory_equal(call->places, before, sizeof before);
  assert_near(mass[0] + mass[1], 14, 0);
  /* The scratch holds nothing that would harm the next call. */
  call = good_call();
  assert_int_equal(dc_attention_update(attention, &call->options, &call->samples, call->weights,
                                       &call->centroids, &call->centroids, mass),
                   DC_OK);
  assert_near(mass[0] + mass[1], 3, 1e-6);
  dc_attention_free(attention);
}

static void
update_refuses_data_that_is_not_finite(void **state)
{
  (void)state;
  static const float bad[] = {NAN, INFINITY, -INFINITY};
  for (size_t b = 0; b < 3; b++) {
    Call *call = good_call();
    call->data[3] = bad[b];
    assert_refused(call, DC_ERROR_NOT_FINITE);
    call = good_call();
    call->places[3] = bad[b];
    assert_refused(call, DC_ERROR_NOT_FINITE);
    call = good_call();
    call->metric[3] = bad[b];
    call->options.metric = call->metric;
    assert_refused(call, DC_ERROR_NOT_FINITE);
  }
}

static void
update_refuses_scores_that_overflow(void **state)
{
  (void)state;
  Call *call = good_call();
  call->data[0] = 3e38f;
  call->options.temperature = 1e-30f;
  assert_refused(call, DC_ERROR_NOT_FINITE);
}

static void
update_refuses_options_out_of_range(void **state)
{
  (void)state;
  static const float temperatures[] = {0, -1, NAN, INFINITY};
  for (size_t t = 0; t < 4; t++) {
    Call *call = good_call();
    call->options.temperature = temperatures[t];
    assert_refused(call, DC_ERROR_ARGUMENT);
  }
  static const double epsilons[] = {-1e-9, NAN, INFINITY};
  for (size_t e = 0; e < 3; e++) {
    Call *call = good_call();
    call->options.epsilon = epsilons[e];
    assert_refused(call, DC_ERROR_ARGUMENT);
  }
}

static void
update_refuses_weights_out_of_range(void **state)
{
  (void)state;
  static const float weights[] = {-1, NAN, INFINITY};
  for (size_t w = 0; w < 3; w++) {
    Call *call = good_call();
    call->weights[2] = weights[w];
    assert_refused(call, DC_ERROR_ARGUMENT);
  }
}

static void
update_and_weights_refuse_shapes_that_do_not_fit(void **state)
{
  (void)state;
  Call *call = good_call();
  call->samples.cols = 1;
  assert_refused(call, DC_ERROR_SHAPE);
  call = good_call();
  call->centroids.rows = 1;
  assert_refused(call, DC_ERROR_SHAPE);

  call = good_call();
  float room[6];
  DcMatrix assignment = dc_matrix(room, 3, 2), narrow = dc_matrix(room, 3, 1);
  DcAttention *attention = dc_attention_new(2, 2);
  assert_int_equal(dc_attention_weights(attention, &call->options, &call->samples, &call->centroids,
                                        &narrow),
                   DC_ERROR_SHAPE);
  call->options.temperature = 0;
  assert_int_equal(dc_attention_weights(attention, &call->options, &call->samples, &call->centroids,
                                        &assignment),
                   DC_ERROR_ARGUMENT);
  dc_attention_free(attention);
}

static void
weights_of_a_sample_that_is_not_finite_are_nan_and_of_no_other(void **state)
{
  (void)state;
  Call *call = good_call();
  float room[6];
  DcMatrix assignment = dc_matrix(room, 3, 2);
  call->data[2] = NAN;
  assign(&call->options, &call->samples, &call->centroids, &assignment);
  assert_near(room[0], 1, 1e-6);
  assert_true(isnan(room[2]) && isnan(room[3]));
  assert_near(room[5], 1, 1e-6);
}

static void
scratch_refuses_sizes_that_do_not_fit(void **state)
{
  (void)state;
  assert_null(dc_attention_new(0, 3));
  assert_null(dc_attention_new(3, 0));
  assert_null(dc_attention_new(SIZE_MAX / 8, 64));
  dc_attention_free(NULL);
}

static void
update_and_weights_allocate_nothing(void **state)
{
  (void)state;
  Call *call = good_call();
  float room[6];
  DcMatrix assignment = dc_matrix(room, 3, 2);
  DcAttention *attention = dc_attention_new(2, 2);
  size_t before = allocations;
  dc_attention_update(attention, &call->options, &call->samples, call->weights, &call->centroids,
                      &call->centroids, NULL);
  dc_attention_weights(attention, &call->options, &call->samples, &call->centroids, &assignment);
  assert_int_equal(allocations, before);
  dc_attention_free(attention);
}

static void
scratch_survives_every_failed_allocation(void **state)
{
  (void)state;
  for (size_t failing = 0; failing < 6; failing++) {
    fail_at = allocations + failing;
    assert_null(dc_attention_new(3, 2));
  }
  fail_at = SIZE_MAX;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_block_gives_the_golden_values),
      cmocka_unit_test(two_blocks_give_the_golden_values),
      cmocka_unit_test(update_equals_the_reference),
      cmocka_unit_test(weights_and_update_agree),
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
      cmocka_unit_test(update_refuses_data_that_is_not_finite),
      cmocka_unit_test(update_refuses_scores_that_overflow),
      cmocka_unit_test(update_refuses_options_out_of_range),
      cmocka_unit_test(update_refuses_weights_out_of_range),
      cmocka_unit_test(update_and_weights_refuse_shapes_that_do_not_fit),
      cmocka_unit_test(weights_of_a_sample_that_is_not_finite_are_nan_and_of_no_other),
      cmocka_unit_test(scratch_refuses_sizes_that_do_not_fit),
      cmocka_unit_test(update_and_weights_allocate_nothing),
      cmocka_unit_test(scratch_survives_every_failed_allocation),
  };
  dc_blas_choose_kernels();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
