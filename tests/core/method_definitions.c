/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each method of adapting does, beside its definition: mixture, secu, and attention with a
 * trained module. */
#include "base/memory.h"
#include "cluster/mixture.h"
#include "cluster/secu_stream.h"
#include "methods.h"

#include <string.h>

/* --- a half-life is stream time --- */

/* How far the responsibilities of mixture, or the counts of secu, still remember 600 embeddings
 * after 300 others, which took `step` ns each. */
static double
remembered(DcMethod method, uint64_t half_life, uint64_t step)
{
  Way how = {.method = method};
  DcAdapterConfig config = config_of(&how);
  config.half_life = half_life;
  DcAdapter *adapter = make(&config);
  DcRandom random;
  dc_random_seed(&random, 1, 1);
  float row[DIM];
  for (size_t i = 0; i < 900; i++) {
    draw(&random, i < 64 ? i % GROUPS : i < 600 ? 0 : 1, 0, row);
    push(adapter, row, i * step);
  }
  memset(row, 0, sizeof row);
  row[0] = 3;
  size_t old = assign(adapter, row).cluster;
  DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
  size_t count = adapter->method->arrays(adapter, arrays);
  const DcMethodArray *counts =
      dc_method_array_find(arrays, count,
                           method == DC_METHOD_SECU ? "secu.counts" : "mixture.responsibilities",
                           DC_METHOD_DOUBLES);
  double share = ((const double *)counts->data)[old];
  dc_adapter_free(adapter);
  return share;
}

static void
half_lives_count_stream_time(void **state)
{
  (void)state;
  const DcMethod methods[] = {DC_METHOD_MIXTURE, DC_METHOD_SECU};
  for (size_t m = 0; m < 2; m++) {
    /* 100 embeddings: three half-lives later an eighth of what was is left. */
    double fast = remembered(methods[m], 100 * 1000, 1000);
    double slow = remembered(methods[m], 100 * 40000000ull, 40000000);
    double longer = remembered(methods[m], 300 * 1000, 1000);
    assert_near(fast, 100 / log(2) / 8, 4); /* the sum of a geometric series, by batches of 32 */
    assert_near(slow, fast, 0.05);          /* the clock starts with the first embedding */
    assert_true(longer > 2 * fast);
  }
}

/* --- beside the definitions --- */

/* One full step of the mixture is the M step of EM with the weights that ran along. */
static void
mixture_is_a_step_of_em(void **state)
{
  (void)state;
  Way how = {.method = DC_METHOD_MIXTURE};
  DcAdapterConfig config = config_of(&how);
  DcAdapter *adapter = make(&config);
  run(adapter, 0, 333);
  run(adapter, 333, 352); /* an adaptation is due and made: 64 + 9 x 32 */
  DcClusters *clusters = &adapter->clusters;
  DcMixture *mixture = dc_mixture_new(DC_COVARIANCE_SPHERICAL, GROUPS, DIM);
  DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
  size_t count = adapter->method->arrays(adapter, arrays);
  const float *bias = dc_method_array_find(arrays, count, "mixture.bias", DC_METHOD_FLOATS)->data;
  double sum = 0;
  for (size_t k = 0; k < GROUPS; k++) {
    mixture->weights[k] = exp(bias[k]);
    mixture->covariances[k] = clusters->temperature / 2;
    sum += mixture->weights[k];
  }
  assert_near(sum, 1, 1e-6); /* single precision */
  for (size_t i = 0; i < GROUPS * DIM; i++)
    mixture->means[i] = clusters->centroids[i];
  /* What a reader sees is the posterior of that mixture. */
  float points[20 * DIM];
  double responsibilities[20 * GROUPS], likelihood;
  DcRandom random;
  dc_random_seed(&random, 4, 4);
  for (size_t i = 0; i < 20; i++)
    draw(&random, i % GROUPS, 0.5, points + i * DIM);
  DcMatrix rows = dc_matrix(points, 20, DIM);
  assert_int_equal(dc_mixture_expect_reference(mixture, &rows, responsibilities, &likelihood),
                   DC_OK);
  for (size_t i = 0; i < 20; i++) {
    DcAssignment found = assign(adapter, points + i * DIM);
    assert_near(found.confidence, responsibilities[i * GROUPS + found.cluster], 1e-4);
  }
  /* And the proposal is its M step over the memory, the strata one after the other. */
  DcMatrix memory = dc_memory_rows(clusters->memory);
  const float *weights = dc_memory_weights(clusters->memory, 0);
  float kept[256 * DIM];
  size_t filled = 0;
  for (size_t i = 0; i < memory.rows; i++)
    if (weights[i] > 0)
      memcpy(kept + DIM * filled++, dc_matrix_row(&memory, i), DIM * sizeof(float));
  DcMatrix members = dc_matrix(kept, filled, DIM);
  double *all = DC_NEW(double, filled *GROUPS);
  assert_int_equal(dc_mixture_expect_reference(mixture, &members, all, &likelihood), DC_OK);
  dc_mixture_maximise_reference(&members, all, 0, mixture);
  DcError error;
  assert_int_equal(dc_adapter_adapt(adapter, true, &error), DC_OK); /* nothing pending: only this */
  for (size_t i = 0; i < GROUPS * DIM; i++)
    assert_near(clusters->proposal[i], mixture->means[i], 1e-4); /* weights in single precision */
  dc_free(all);
  dc_mixture_free(mixture);
  dc_adapter_free(adapter);
}

static void
secu_is_its_definition(void **state)
{
  (void)state;
  enum { K = 5, BATCH = 32 };
  const DcSecuStreamOptions options = {
      .temperature = 0.05, .weight = 0.05, .horizon = 20, .half_life = 300, .most = 0.4};
  DcRandom random;
  dc_random_seed(&random, 2, 2);
  float start[K * DIM], batch[BATCH * DIM];
  double centres[K * DIM], lengths[K], counts[K] = {0};
  for (size_t i = 0; i < K * DIM; i++)
    start[i] = (float)dc_random_normal(&random);
  DcSecuStream *stream = dc_secu_stream_new(K, DIM, BATCH);
  DcMatrix centroids = dc_matrix(start, K, DIM);
  dc_secu_stream_start(stream, &centroids);
  for (size_t k = 0; k < K; k++) {
    lengths[k] = stream->lengths[k];
    for (size_t j = 0; j < DIM; j++)
      centres[k * DIM + j] = stream->centres[k * DIM + j];
  }
  for (size_t turn = 0; turn < 50; turn++) {
    DcMatrix rows = dc_matrix(batch, turn % 3 ? BATCH : 7, DIM);
    for (size_t i = 0; i < rows.rows; i++)
      draw(&random, dc_random_below(&random, K), 0.01 * (double)turn, batch + i * DIM);
    assert_int_equal(dc_secu_stream_step(stream, &options, &rows), DC_OK);
    assert_true(dc_secu_stream_reference(&options, &rows, K, centres, lengths, counts));
    for (size_t i = 0; i < K * DIM; i++)
      assert_near(stream->centres[i], centres[i], 1e-4); /* single precision, 50 steps */
    for (size_t k = 0; k < K; k++) {
      assert_near(stream->lengths[k], lengths[k], 1e-3);
      assert_near(stream->counts[k], counts[k], 1e-9);
    }
  }
  dc_secu_stream_free(stream);
}

static void
secu_steps_are_bounded(void **state)
{
  (void)state;
  const DcSecuStreamOptions options = {
      .temperature = 0.05, .weight = 0.01, .horizon = 1, .half_life = 10, .most = 0.25};
  const float start[2 * DIM] = {1, 0, 0, 0, 0, 0, /**/ 0, 0, 1, 0, 0, 0};
  DcSecuStream *stream = dc_secu_stream_new(2, DIM, 64);
  DcMatrix centroids = dc_matrix(start, 2, DIM);
  dc_secu_stream_start(stream, &centroids);
  float rows[64 * DIM] = {0};
  for (size_t i = 0; i < 64; i++)
    rows[i * DIM + 1] = 1e15f; /* as far from both, so hard */
  DcMatrix batch = dc_matrix(rows, 64, DIM);
  assert_int_equal(dc_secu_stream_step(stream, &options, &batch), DC_OK);
  /* u = 3/4 of the old and 1/4 of the new direction, at right angles: cos = 3 / sqrt(10) */
  size_t moved = stream->counts[0] > 0 ? 0 : 1;
  assert_near(stream->centres[moved * DIM + 2 * moved], 3 / sqrt(10), 1e-6);
  assert_true(stream->centres[(1 - moved) * DIM + 2 * (1 - moved)] == 1);
  rows[5] = NAN;
  assert_int_equal(dc_secu_stream_step(stream, &options, &batch), DC_ERROR_NOT_FINITE);
  assert_int_equal(stream->counts[moved], 64);
  DcMatrix wide = dc_matrix(rows, 64, DIM - 1), empty = dc_matrix(rows, 0, DIM);
  assert_int_equal(dc_secu_stream_step(stream, &options, &wide), DC_ERROR_SHAPE);
  assert_int_equal(dc_secu_stream_step(stream, &options, &empty), DC_ERROR_SHAPE);
  assert_null(dc_secu_stream_new(0, DIM, 64));
  assert_null(dc_secu_stream_new(SIZE_MAX / 2, DIM, 64));
  dc_secu_stream_free(stream);
}

/* Features and scores of the definition, by plain loops. */
static double
score_of(const DcTdcmModule *module, const double *z, const double *c)
{
  double product = 0, square = 0;
  for (size_t j = 0; j < DIM; j++) {
    double y = module->shift ? module->shift[j] : 0, e = y;
    for (size_t i = 0; i < DIM; i++) {
      y += z[i] * module->root[i * DIM + j];
      e += c[i] * module->root[i * DIM + j];
    }
    if (module->score == DC_TDCM_NONLINEAR) {
      y = asinh(y);
      e = asinh(e);
    }
    product += y * e;
    square += e * e;
  }
  return module->score == DC_TDCM_BILINEAR ? product : 2 * product - square;
}

/* The centroids go one block on and embeddings are read by the learned score. */
static void
attention_uses_its_module(void **state)
{
  (void)state;
  for (int number = 0; number < MODULES; number++) {
    DcTdcmModule *module = make_module((DcTdcmScore)number);
    Way how = {DC_METHOD_ATTENTION, module}, plain = {.method = DC_METHOD_ATTENTION};
    DcAdapterConfig config = config_of(&how), analytic = config_of(&plain);
    DcAdapter *adapter = make(&config), *other = make(&analytic);
    run(adapter, 0, 352);
    run(other, 0, 352);
    assert_memory_not_equal(adapter->clusters.centroids, other->clusters.centroids,
                            GROUPS * DIM * sizeof(float));
    DcMethodArray arrays[DC_METHOD_MAX_ARRAYS];
    size_t count = adapter->method->arrays(adapter, arrays);
    assert_int_equal(count, 4);
    const double *means = arrays[0].data, *mass = arrays[1].data;
    double scale = *(const double *)arrays[2].data, total = *(const double *)arrays[3].data;
    DcRandom random;
    dc_random_seed(&random, 6, 6);
    for (size_t n = 0; n < 40; n++) {
      float row[DIM];
      double z[DIM], c[DIM], scores[GROUPS], largest = -INFINITY, sum = 0;
      draw(&random, n % GROUPS, n % 3 * 0.5, row);
      for (size_t k = 0; k < GROUPS; k++) {
        for (size_t j = 0; j < DIM; j++) {
          z[j] = (row[j] - means[j]) / scale;
          c[j] = (adapter->clusters.centroids[k * DIM + j] - means[j]) / scale;
        }
        scores[k] = score_of(module, z, c);
        if (module->shares)
          scores[k] +=
              log(GROUPS * (mass[k] + module->epsilon) / (total + GROUPS * module->epsilon));
        largest = fmax(largest, scores[k]);
      }
      for (size_t k = 0; k < GROUPS; k++)
        sum += exp(scores[k] - largest);
      DcAssignment found = assign(adapter, row);
      /* Scores of some tens in single precision. */
      assert_near(found.confidence, exp(scores[found.cluster] - largest) / sum, 1e-4);
      assert_near(scores[found.cluster], largest, 1e-3);
    }
    dc_adapter_free(adapter);
    dc_adapter_free(other);
    dc_tdcm_free(module);
  }
}

/* From the centroids that dc_tdcm_apply() found with one block less, the last one is left to do. */
static void
a_module_goes_on_where_it_was(void **state)
{
  (void)state;
  enum { N = 200 };
  static float rows[N * DIM];
  DcRandom random;
  dc_random_seed(&random, 9, 9);
  for (size_t i = 0; i < N; i++)
    draw(&random, i % GROUPS, 0, rows + i * DIM);
  DcMatrix samples = dc_matrix(rows, N, DIM);
  for (int number = 0; number < MODULES; number++) {
    DcTdcmModule *module = make_module((DcTdcmScore)number);
    module->seeds = 1;
    module->shares = false; /* else the last block knows what the one before it saw */
    float whole[GROUPS * DIM], part[GROUPS * DIM], more[GROUPS * DIM];
    DcMatrix to = dc_matrix(whole, GROUPS, DIM), half = dc_matrix(part, GROUPS, DIM);
    DcMatrix end = dc_matrix(more, GROUPS, DIM);
    double means[DIM], mass[GROUPS];
    DcTdcmDomain domain = {.means = means, .mass = mass};
    DcTdcmScratch *scratch = dc_tdcm_scratch_new();
    module->blocks = 3;
    dc_random_seed(&random, 1, 1);
    assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &to, NULL, NULL, NULL), DC_OK);
    module->blocks = 1;
    dc_random_seed(&random, 1, 1);
    assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &half, NULL, NULL, NULL), DC_OK);
    assert_int_equal(
        dc_tdcm_continue(module, 2, &samples, NULL, &half, &end, &domain, scratch, NULL), DC_OK);
    for (size_t i = 0; i < GROUPS * DIM; i++)
      assert_near(more[i], whole[i], 1e-4); /* the centroids between were rounded */
    double sum = 0;
    for (size_t k = 0; k < GROUPS; k++)
      sum += mass[k];
    assert_near(sum, N, 1e-3);
    /* Samples of weight 0 are not there. */
    float weights[N];
    for (size_t i = 0; i < N; i++)
      weights[i] = i < N / 2;
    DcMatrix first = dc_matrix(rows, N / 2, DIM);
    assert_int_equal(dc_tdcm_continue(module, 1, &first, NULL, &half, &to, &domain, scratch, NULL),
                     DC_OK);
    assert_int_equal(
        dc_tdcm_continue(module, 1, &samples, weights, &half, &end, &domain, scratch, NULL), DC_OK);
    for (size_t i = 0; i < GROUPS * DIM; i++)
      assert_near(more[i], whole[i], 1e-5);
    rows[7] = NAN;
    DcError error;
    assert_int_equal(dc_tdcm_continue(module, 1, &samples, NULL, &half, &end, &domain, scratch,
                                      &error),
                     DC_ERROR_NOT_FINITE);
    rows[7] = 0.2f;
    DcMatrix narrow = {part, GROUPS, DIM - 1, DIM};
    assert_int_equal(dc_tdcm_continue(module, 1, &samples, NULL, &narrow, &end, &domain, scratch,
                                      &error),
                     DC_ERROR_SHAPE);
    dc_tdcm_scratch_free(scratch);
    dc_tdcm_free(module);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(half_lives_count_stream_time),
      cmocka_unit_test(mixture_is_a_step_of_em),
      cmocka_unit_test(secu_is_its_definition),
      cmocka_unit_test(secu_steps_are_bounded),
      cmocka_unit_test(attention_uses_its_module),
      cmocka_unit_test(a_module_goes_on_where_it_was),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
