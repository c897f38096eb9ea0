/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attention.h"

#include "allocations.h"
#include "tensor/blas.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* The golden values are those of docs/methods/tdcm.md. */

/* ---- golden values ---- */

static float golden_samples[] = {0, 0, 1, 0, 0, 1, 4, 4, 5, 4, 4, 5};
static float golden_centroids[] = {1, 1, 3, 3};

/* Scores here are below 100, so that their rounding changes a weight by less than 1e-5 of
 * itself. */
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

/* What is averaged need not be what is scored. At the lower temperature nearly all weights vanish,
 * and sums are formed row by row. */
static void
values_are_averaged_in_place_of_samples(void **state)
{
  (void)state;
  enum { N = 1500, K = 40, D = 12 };
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcMatrix samples = random_matrix(&random, N, D, 0), centroids = random_matrix(&random, K, D, 0);
  const DcAttentionValues values = {random_matrix(&random, N, D, 0),
                                    random_matrix(&random, K, D, 0)};
  DcMatrix updated = new_matrix(K, D), expected = new_matrix(K, D);
  static const float temperatures[] = {2, 1e-3f};
  for (size_t t = 0; t < 2; t++) {
    const DcAttentionOptions options = {.temperature = temperatures[t],
                                        .epsilon = 0.01,
                                        .values = &values};
    double mass[2 * K];
    assert_int_equal(update(&options, &samples, NULL, &centroids, &updated, mass), DC_OK);
    assert_int_equal(dc_attention_update_reference(&options, &samples, NULL, &centroids, &expected,
                                                   mass + K),
                     DC_OK);
    /* Scores of some tens over the temperature, each weight off by the rounding of its score; at
     * 1e-3 a handful of samples lie between two clusters. */
    assert_rows_near(&updated, &expected, t ? 2e-3 : 3e-5);
    for (size_t j = 0; j < K; j++)
      assert_near(mass[j], mass[K + j], t ? 0.02 : 1e-4 * mass[K + j]);
  }
  free_matrices(&samples, &centroids, &updated, &expected, &values.samples, &values.centroids);
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
update_refuses_values_that_do_not_fit(void **state)
{
  (void)state;
  float data[6] = {1, 2, 3, 4, 5, 6}, places[4] = {0, 0, 1, 1};
  DcAttentionValues values = {dc_matrix(data, 3, 2), dc_matrix(places, 2, 2)};
  Call *call = good_call();
  call->options.values = &values;
  values.samples.rows = 2;
  assert_refused(call, DC_ERROR_SHAPE);
  values.samples.rows = 3;
  call = good_call();
  call->options.values = &values;
  values.centroids.cols = 1;
  assert_refused(call, DC_ERROR_SHAPE);
  values.centroids.cols = 2;
  call = good_call();
  call->options.values = &values;
  data[4] = NAN;
  assert_refused(call, DC_ERROR_NOT_FINITE);
  data[4] = 5;
  call = good_call();
  call->options.values = &values;
  places[0] = INFINITY;
  assert_refused(call, DC_ERROR_NOT_FINITE);
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
      cmocka_unit_test(values_are_averaged_in_place_of_samples),
      cmocka_unit_test(weights_and_update_agree),
      cmocka_unit_test(update_refuses_data_that_is_not_finite),
      cmocka_unit_test(update_refuses_values_that_do_not_fit),
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
