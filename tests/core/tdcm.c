/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm.h"

#include "allocations.h"
#include "cluster/tdcm_pass.h"
#include "matrices.h"
#include "tensor/blas.h"

#include <math.h>
#include <string.h>

/* The golden values were computed independently, in double; they are given to 9 decimals, hence
 * the tolerance where nothing else is said. */
#define PRINTED 6e-10

static const DcTdcmObjective standard = {.criterion = DC_TDCM_LIKELIHOOD, .balance = 0.5};

static const double golden_samples[] = {0, 0, 1, 0, 0, 1, 4, 4, 5, 4, 4, 5};

static DcTdcmModule *
new_module(size_t dim, DcTdcmScore score, uint32_t blocks)
{
  DcTdcmModule *module = dc_tdcm_new(dim, score);
  assert_non_null(module);
  module->blocks = blocks;
  return module;
}

static DcTdcmPass *
new_pass(const DcTdcmModule *module, const DcTdcmObjective *objective, size_t samples,
         size_t clusters)
{
  DcTdcmPass *pass = dc_tdcm_pass_new(module, objective, samples, clusters);
  assert_non_null(pass);
  return pass;
}

static DcTdcmModule *
golden_module(void)
{
  static const double root[] = {.5, 0, .2, .3};
  DcTdcmModule *module = new_module(2, DC_TDCM_QUADRATIC, 2);
  memcpy(module->root, root, sizeof root);
  return module;
}

static DcTdcmPass *
golden_pass(const DcTdcmModule *module, bool standardise)
{
  DcTdcmPass *pass = new_pass(module, &standard, 6, 2);
  memcpy(dc_tdcm_pass_samples(pass), golden_samples, sizeof golden_samples);
  dc_tdcm_pass_take(pass, 6, standardise);
  return pass;
}

static void
assert_all_near(const double *actual, const double *expected, size_t count, double tolerance)
{
  for (size_t i = 0; i < count; i++)
    assert_near(actual[i], expected[i], tolerance);
}

/* ---- golden values ---- */

static void
a_run_gives_the_golden_values(void **state)
{
  (void)state;
  static const double first[] = {1, 1, 3, 3};
  static const double after_one[] = {.349011196, .354269653, 4.246029953, 4.240961304};
  static const double after_two[] = {.333951965, .334063905, 4.332542235, 4.332430305};
  static const double weights[] = {.999980049, .999672352, .999874480,
                                   .000438884, .000026727, .000069777};
  static const double by_parameter[] = {-0.909497872, -0.018767300, -0.959534817};
  static const double by_sample[] = {-.038971665, -.025611700, .044218374,  .007627469,
                                     -.005687486, .017689332,  -.038620442, -.025377400,
                                     .044520606,  .007829576,  -.005459312, .017842772};
  DcTdcmModule *module = golden_module();
  DcTdcmPass *pass = golden_pass(module, false);
  double gradient[3], sample_gradient[12];
  const DcTdcmLoss loss = dc_tdcm_pass_run(pass, first);
  assert_all_near(dc_tdcm_pass_centroids(pass, 0), first, 4, 0);
  assert_all_near(dc_tdcm_pass_centroids(pass, 1), after_one, 4, PRINTED);
  assert_all_near(dc_tdcm_pass_centroids(pass, 2), after_two, 4, PRINTED);
  for (size_t i = 0; i < 6; i++)
    assert_near(dc_tdcm_pass_assignment(pass)[2 * i], weights[i], PRINTED);
  assert_near(loss.criterion, 1.959174425981363, 1e-14);
  assert_near(loss.balance, -0.6931471803445314, 1e-14);
  assert_near(loss.loss, 1.6126008358090973, 1e-14);
  dc_tdcm_pass_backward(pass, gradient, sample_gradient);
  assert_all_near(gradient, by_parameter, 3, PRINTED);
  assert_all_near(sample_gradient, by_sample, 12, PRINTED);
  dc_tdcm_pass_free(pass);
  dc_tdcm_free(module);
}

static void
a_standardised_run_gives_the_golden_values(void **state)
{
  (void)state;
  static const double first[] = {-1, -1, 1, 1};
  static const double after_two[] = {-.698533557, -.691097227, .698648428, .691210876};
  static const double by_parameter[] = {-.557118765, .845309315, -.880537348};
  static const double row_1[] = {-.008312631, .005835514}, row_6[] = {.009331397, -.011044456};
  static const double z[] = {-1.135549948, -1.135549948, -.648885685, -1.135549948};
  DcTdcmModule *module = golden_module();
  DcTdcmPass *pass = golden_pass(module, true);
  double gradient[3], sample_gradient[12];
  assert_all_near(dc_tdcm_pass_samples(pass), z, 4, PRINTED);
  const DcTdcmLoss loss = dc_tdcm_pass_run(pass, first);
  assert_all_near(dc_tdcm_pass_centroids(pass, 2), after_two, 4, PRINTED);
  assert_near(loss.criterion, 1.7649632726832207, 1e-14);
  assert_near(loss.loss, 1.418389682902646, 1e-14);
  dc_tdcm_pass_backward(pass, gradient, sample_gradient);
  assert_all_near(gradient, by_parameter, 3, PRINTED);
  assert_all_near(sample_gradient, row_1, 2, PRINTED);
  assert_all_near(sample_gradient + 10, row_6, 2, PRINTED);
  dc_tdcm_pass_free(pass);
  dc_tdcm_free(module);
}

/* ---- gradients ---- */

#define PI 3.14159265358979323846

enum { N = 40, K = 3, D = 4 };

typedef struct {
  DcTdcmModule *module;
  DcTdcmPass *pass;
  double samples[N * D], first[K * D];
  bool standardise;
} Case;

static void
fill_case(Case *c, DcTdcmScore score, bool shares, const DcTdcmObjective *objective)
{
  DcRandom random;
  dc_random_seed(&random, 7, 0);
  c->module = new_module(D, score, 2);
  c->module->shares = shares;
  c->module->epsilon = 0.01; /* large enough for its part of the gradient to be seen */
  for (size_t k = 0; k < D; k++) {
    double *row = c->module->root + k * D;
    for (size_t l = 0; l < k; l++)
      row[l] = 0.3 * dc_random_normal(&random);
    row[k] = exp(0.3 * dc_random_normal(&random));
  }
  for (size_t k = 0; c->module->shift && k < D; k++)
    c->module->shift[k] = 0.5 * dc_random_normal(&random);
  for (size_t i = 0; i < N * D; i++)
    c->samples[i] = dc_random_normal(&random) + (double)(i / D % K);
  for (size_t i = 0; i < K * D; i++)
    c->first[i] = dc_random_normal(&random);
  c->pass = new_pass(c->module, objective, N, K);
}

static double
loss_of(Case *c)
{
  memcpy(dc_tdcm_pass_samples(c->pass), c->samples, sizeof c->samples);
  dc_tdcm_pass_take(c->pass, N, c->standardise);
  return dc_tdcm_pass_run(c->pass, c->first).loss;
}

/* The central difference of the loss by `*number`, or by its logarithm. */
static double
difference(Case *c, double *number, bool logarithm)
{
  const double step = 1e-6, before = *number;
  *number = logarithm ? before * exp(step) : before + step;
  const double above = loss_of(c);
  *number = logarithm ? before * exp(-step) : before - step;
  const double below = loss_of(c);
  *number = before;
  return (above - below) / (2 * step);
}

/* The loss is made of numbers of up to 10, whose rounding of some 1e-15 over a step of 1e-6 makes a
 * few 1e-9; the step squared times the third derivative is less. */
static void
assert_gradient(double actual, double expected)
{
  assert_near(actual, expected, 1e-6 * fabs(expected) + 5e-9);
}

static void
check_gradients(Case *c)
{
  double gradient[D * (D + 1) / 2 + D], samples[N * D];
  size_t index = 0;
  loss_of(c);
  dc_tdcm_pass_backward(c->pass, gradient, samples);
  for (size_t k = 0; k < D; k++) {
    for (size_t l = 0; l < k; l++)
      assert_gradient(gradient[index++], difference(c, c->module->root + k * D + l, false));
    assert_int_equal(index, dc_tdcm_diagonal(k));
    assert_gradient(gradient[index++], difference(c, c->module->root + k * D + k, true));
  }
  for (size_t k = 0; c->module->shift && k < D; k++)
    assert_gradient(gradient[index++], difference(c, c->module->shift + k, false));
  assert_int_equal(index, dc_tdcm_parameter_count(c->module));
  for (size_t i = 0; i < N * D; i++)
    assert_gradient(samples[i], difference(c, c->samples + i, false));
}

/* Property 14, for every score, criterion and switch. */
static void
gradients_are_those_of_the_loss(void **state)
{
  (void)state;
  for (int form = 0; form < 2 * 2 * 2 * DC_TDCM_SCORES; form++) {
    const DcTdcmObjective objective = {.criterion = (DcTdcmCriterion)(form & 1), .balance = 0.7};
    Case c = {.standardise = form & 2};
    fill_case(&c, (DcTdcmScore)(form / 8), form & 4, &objective);
    check_gradients(&c);
    dc_tdcm_pass_free(c.pass);
    dc_tdcm_free(c.module);
  }
}

static void
without_blocks_the_first_centroids_count(void **state)
{
  (void)state;
  Case c = {.standardise = true};
  fill_case(&c, DC_TDCM_QUADRATIC, true, &standard);
  dc_tdcm_pass_free(c.pass);
  c.module->blocks = 0;
  c.pass = new_pass(c.module, &standard, N, K);
  check_gradients(&c);
  assert_all_near(dc_tdcm_pass_centroids(c.pass, 0), c.first, K * D, 0);
  dc_tdcm_pass_free(c.pass);
  dc_tdcm_free(c.module);
}

/* ---- what the loss means ---- */

/* Minus the mean log density of the samples under equal normals with covariance (2 W)^-1, by
 * definition; |2 W| = 2^d |G|^2. */
static double
negative_log_likelihood(const Case *c, const double *z, const double *centroids)
{
  double metric[D * D], log_root = 0, total = 0;
  dc_tdcm_metric(c->module, metric);
  for (size_t k = 0; k < D; k++)
    log_root += log(c->module->root[k * D + k]);
  for (size_t i = 0; i < N; i++) {
    double density = 0;
    for (size_t j = 0; j < K; j++) {
      double square = 0;
      for (size_t k = 0; k < D; k++)
        for (size_t l = 0; l < D; l++)
          square += (z[i * D + k] - centroids[j * D + k]) * metric[k * D + l] *
                    (z[i * D + l] - centroids[j * D + l]);
      density += exp(-square) / K;
    }
    /* (2 pi)^(-d/2) |2 W|^(1/2) = pi^(-d/2) |G| */
    total -= log(density) + log_root - D / 2.0 * log(PI);
  }
  return total / N;
}

/* Property 11. */
static void
likelihood_is_that_of_a_mixture(void **state)
{
  (void)state;
  Case c = {.standardise = true};
  fill_case(&c, DC_TDCM_QUADRATIC, false, &standard);
  loss_of(&c);
  const DcTdcmLoss loss = dc_tdcm_pass_run(c.pass, c.first);
  const double expected =
      negative_log_likelihood(&c, dc_tdcm_pass_samples(c.pass), dc_tdcm_pass_centroids(c.pass, 2));
  assert_near(loss.criterion + log(K) + D / 2.0 * log(PI), expected, 1e-12);
  dc_tdcm_pass_free(c.pass);
  dc_tdcm_free(c.module);
}

/* Property 10; with equal shares taken into account too it is EM, which never loses likelihood. */
static void
every_block_raises_the_likelihood(void **state)
{
  (void)state;
  for (int shares = 0; shares < 2; shares++) {
    double before = INFINITY;
    for (uint32_t blocks = 0; blocks < 8; blocks++) {
      Case c = {.standardise = true};
      fill_case(&c, DC_TDCM_QUADRATIC, shares, &standard);
      dc_tdcm_pass_free(c.pass);
      c.module->blocks = blocks;
      c.module->epsilon = 0;
      c.pass = new_pass(c.module, &standard, N, K);
      loss_of(&c);
      const double after = dc_tdcm_pass_run(c.pass, c.first).criterion;
      assert_true(after <= before + 1e-14);
      if (blocks < 3)
        assert_true(after < before - 1e-4);
      before = after;
      dc_tdcm_pass_free(c.pass);
      dc_tdcm_free(c.module);
    }
  }
}

/* asinh(x) is x for small x, up to a part of x^2 / 6, so that small features make the scores of
 * QUADRATIC. */
static void
nonlinear_score_contains_the_quadratic(void **state)
{
  (void)state;
  double loss[2];
  for (int form = 0; form < 2; form++) {
    Case c = {.standardise = true};
    fill_case(&c, form ? DC_TDCM_NONLINEAR : DC_TDCM_QUADRATIC, false, &standard);
    for (size_t i = 0; i < D * D; i++)
      c.module->root[i] *= 1e-4;
    for (size_t k = 0; k < D && form; k++)
      c.module->shift[k] = 0;
    loss[form] = loss_of(&c);
    dc_tdcm_pass_free(c.pass);
    dc_tdcm_free(c.module);
  }
  assert_near(loss[0], loss[1], 1e-6);
}

/* Property 15: shares that are equal add nothing. Mirrored samples make them equal. */
static void
equal_shares_change_nothing(void **state)
{
  (void)state;
  double loss[2];
  const double first[] = {-1, -1, 1, 1};
  for (int shares = 0; shares < 2; shares++) {
    DcTdcmModule *module = golden_module();
    module->shares = shares;
    DcTdcmPass *pass = new_pass(module, &standard, 6, 2);
    const double samples[] = {-1, 0, 0, -2, 1, .5, 1, 0, 0, 2, -1, -.5};
    memcpy(dc_tdcm_pass_samples(pass), samples, sizeof samples);
    dc_tdcm_pass_take(pass, 6, false);
    loss[shares] = dc_tdcm_pass_run(pass, first).loss;
    dc_tdcm_pass_free(pass);
    dc_tdcm_free(module);
  }
  assert_near(loss[0], loss[1], 1e-14);
}

/* ---- edges of the pass ---- */

static void
search_keeps_the_best_start(void **state)
{
  (void)state;
  Case c = {.standardise = true};
  fill_case(&c, DC_TDCM_QUADRATIC, false, &standard);
  loss_of(&c);
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcRandom again = random;
  double best = INFINITY;
  for (int start = 0; start < 6; start++)
    best = fmin(best, dc_tdcm_pass_search(c.pass, 1, &again).loss);
  assert_near(dc_tdcm_pass_search(c.pass, 6, &random).loss, best, 0);
  /* What was kept, the gradient included, is that run and no other. */
  double kept[D * (D + 1) / 2], expected[D * (D + 1) / 2], first[K * D];
  dc_tdcm_pass_backward(c.pass, kept, NULL);
  memcpy(first, dc_tdcm_pass_centroids(c.pass, 0), sizeof first);
  assert_near(dc_tdcm_pass_run(c.pass, first).loss, best, 0);
  dc_tdcm_pass_backward(c.pass, expected, NULL);
  assert_all_near(kept, expected, D * (D + 1) / 2, 0);
  dc_tdcm_pass_free(c.pass);
  dc_tdcm_free(c.module);
}

/* One cluster begins at one of three samples. The square of the last one is finite, twice it is
 * not: from there the loss is no number, from the others it is. */
static void
search_goes_on_after_a_start_without_a_loss(void **state)
{
  (void)state;
  static const double samples[] = {0, 1, 1.2e154};
  DcTdcmModule *module = new_module(1, DC_TDCM_QUADRATIC, 0);
  module->root[0] = 1;
  DcTdcmPass *pass = new_pass(module, &standard, 3, 1);
  memcpy(dc_tdcm_pass_samples(pass), samples, sizeof samples);
  dc_tdcm_pass_take(pass, 3, false);
  size_t rescued = 0;
  for (uint64_t seed = 0; seed < 50; seed++) {
    DcRandom random;
    dc_random_seed(&random, seed, 0);
    DcRandom again = random;
    const bool first = isfinite(dc_tdcm_pass_search(pass, 1, &again).loss);
    const bool second = isfinite(dc_tdcm_pass_search(pass, 1, &again).loss);
    const double loss = dc_tdcm_pass_search(pass, 2, &random).loss;
    assert_int_equal(isfinite(loss) != 0, first || second);
    rescued += !first && second;
  }
  assert_true(rescued > 0);
  dc_tdcm_pass_free(pass);
  dc_tdcm_free(module);
}

/* Properties 3 and 13, and equal samples, which have no scale. */
static void
degenerate_batches_have_finite_gradients(void **state)
{
  (void)state;
  DcTdcmModule *module = golden_module();
  module->epsilon = 0;
  double gradient[3], samples[12];
  DcTdcmPass *pass = new_pass(module, &standard, 6, 1);
  memcpy(dc_tdcm_pass_samples(pass), golden_samples, sizeof golden_samples);
  dc_tdcm_pass_take(pass, 6, false);
  dc_tdcm_pass_run(pass, (double[]){50, -3});
  assert_near(dc_tdcm_pass_centroids(pass, 1)[0], 14.0 / 6, 1e-15);
  assert_near(dc_tdcm_pass_centroids(pass, 1)[1], 14.0 / 6, 1e-15);
  dc_tdcm_pass_free(pass);

  pass = new_pass(module, &standard, 6, 2);
  memcpy(dc_tdcm_pass_samples(pass), golden_samples, sizeof golden_samples);
  dc_tdcm_pass_take(pass, 1, true);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  assert_true(isfinite(dc_tdcm_pass_search(pass, 2, &random).loss));
  dc_tdcm_pass_backward(pass, gradient, samples);
  for (size_t i = 0; i < 2; i++)
    assert_true(isfinite(gradient[i]) && samples[i] == 0);

  module->shares = true;
  memcpy(dc_tdcm_pass_samples(pass), golden_samples, sizeof golden_samples);
  dc_tdcm_pass_take(pass, 6, false);
  assert_true(isfinite(dc_tdcm_pass_run(pass, (double[]){1, 1, 1000, 1000}).loss));
  assert_near(dc_tdcm_pass_centroids(pass, 2)[2], 1000, 0);
  dc_tdcm_pass_backward(pass, gradient, samples);
  for (size_t i = 0; i < 3; i++)
    assert_true(isfinite(gradient[i]));
  dc_tdcm_pass_free(pass);
  dc_tdcm_free(module);
}

static void
a_pass_allocates_nothing_and_may_fail_to_start(void **state)
{
  (void)state;
  Case c = {.standardise = true};
  fill_case(&c, DC_TDCM_NONLINEAR, true, &standard);
  DcRandom random;
  double gradient[D * (D + 1) / 2 + D];
  dc_random_seed(&random, 1, 0);
  loss_of(&c);
  size_t before = allocations;
  dc_tdcm_pass_search(c.pass, 3, &random);
  dc_tdcm_pass_backward(c.pass, gradient, NULL);
  assert_int_equal(allocations, before);
  for (size_t failing = 0; failing < 5; failing++) {
    fail_at = allocations + failing;
    assert_null(dc_tdcm_pass_new(c.module, &standard, N, K));
  }
  fail_at = SIZE_MAX;
  assert_null(dc_tdcm_pass_new(c.module, &standard, 0, K));
  assert_null(dc_tdcm_pass_new(c.module, &standard, N, 0));
  assert_null(dc_tdcm_pass_new(c.module, &standard, SIZE_MAX / 2, K));
  dc_tdcm_pass_free(c.pass);
  dc_tdcm_free(c.module);
}

/* ---- the module ---- */

static void
parameters_come_back(void **state)
{
  (void)state;
  Case c = {0};
  fill_case(&c, DC_TDCM_NONLINEAR, true, &standard);
  float parameters[D * (D + 1) / 2 + D], again[D * (D + 1) / 2 + D];
  DcTdcmModule *copy = dc_tdcm_copy(c.module);
  assert_non_null(copy);
  assert_true(copy->shares && copy->blocks == 2 && copy->epsilon == 0.01 && copy->seeds == 10);
  assert_memory_equal(copy->root, c.module->root, D * D * sizeof(double));
  assert_memory_equal(copy->shift, c.module->shift, D * sizeof(double));
  dc_tdcm_get_parameters(c.module, parameters);
  parameters[1] += 1;
  dc_tdcm_set_parameters(copy, parameters);
  assert_int_equal(dc_tdcm_check(copy, NULL), DC_OK);
  assert_near(copy->root[D], parameters[1], 0);
  dc_tdcm_get_parameters(copy, again);
  /* A logarithm of an exponential, in double, then rounded: at most the last bit. */
  for (size_t i = 0; i < D * (D + 1) / 2 + D; i++)
    assert_near(again[i], parameters[i], 1e-7 * fabs(parameters[i]));
  dc_tdcm_free(copy);
  dc_tdcm_pass_free(c.pass);
  dc_tdcm_free(c.module);
}

static void
modules_out_of_range_are_refused(void **state)
{
  (void)state;
  assert_null(dc_tdcm_new(0, DC_TDCM_QUADRATIC));
  assert_null(dc_tdcm_new(DC_TDCM_MOST_DIM + 1, DC_TDCM_QUADRATIC));
  assert_null(dc_tdcm_new(2, DC_TDCM_SCORES));
  const struct {
    size_t entry;
    double value;
    DcStatus status;
    const char *part;
  } entries[] = {
      {1, 0.5, DC_ERROR_ARGUMENT, "triangular"}, {3, 0, DC_ERROR_ARGUMENT, "diagonal"},
      {0, -1, DC_ERROR_ARGUMENT, "diagonal"},    {2, NAN, DC_ERROR_NOT_FINITE, "NaN"},
      {0, INFINITY, DC_ERROR_NOT_FINITE, "NaN"},
  };
  DcError error;
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
    DcTdcmModule *module = golden_module();
    module->root[entries[i].entry] = entries[i].value;
    assert_int_equal(dc_tdcm_check(module, &error), entries[i].status);
    assert_non_null(strstr(error.message, entries[i].part));
    dc_tdcm_free(module);
  }
  DcTdcmModule *module = golden_module();
  module->blocks = DC_TDCM_MOST_BLOCKS + 1;
  assert_int_equal(dc_tdcm_check(module, NULL), DC_ERROR_ARGUMENT);
  module->blocks = 0;
  assert_int_equal(dc_tdcm_check(module, NULL), DC_OK);
  module->seeds = 0;
  assert_int_equal(dc_tdcm_check(module, NULL), DC_ERROR_ARGUMENT);
  module->seeds = 1;
  module->epsilon = -1;
  assert_int_equal(dc_tdcm_check(module, NULL), DC_ERROR_ARGUMENT);
  module->epsilon = 0;
  module->score = DC_TDCM_NONLINEAR; /* without a shift */
  assert_int_equal(dc_tdcm_check(module, NULL), DC_ERROR_ARGUMENT);
  dc_tdcm_free(module);
}

static void
modules_need_memory(void **state)
{
  (void)state;
  DcTdcmModule *module = new_module(3, DC_TDCM_NONLINEAR, 1);
  for (size_t failing = 0; failing < 3; failing++) {
    fail_at = allocations + failing;
    assert_null(dc_tdcm_new(3, DC_TDCM_NONLINEAR));
    fail_at = allocations + failing;
    assert_null(dc_tdcm_copy(module));
  }
  fail_at = SIZE_MAX;
  dc_tdcm_free(module);
}

/* ---- use ---- */

enum { MANY = 2500 };

/* K groups of different size around the corners of a simplex, far from the origin. */
static void
draw_groups(DcRandom *random, size_t count, DcMatrix *samples)
{
  *samples = new_matrix(count, D);
  for (size_t i = 0; i < count; i++) {
    const size_t group = i % 7 < 4 ? 0 : i % 7 < 6 ? 1 : 2;
    for (size_t k = 0; k < D; k++)
      dc_matrix_row(samples, i)[k] =
          (float)(100 + (k == group ? 6 : 0) + (k == 3 ? 3 : 0.7) * dc_random_normal(random));
  }
}

/* The pass in double finds the same centroids, labels and loss from the start that apply() chose;
 * that it is the best of all is seen from the losses. Single precision over scores of up to a few
 * hundred. */
static void
use_agrees_with_the_pass(void **state)
{
  (void)state;
  for (int form = 0; form < 2 * DC_TDCM_SCORES; form++) {
    Case c = {0};
    fill_case(&c, (DcTdcmScore)(form / 2), form & 1, &standard);
    c.module->blocks = 30;
    c.module->seeds = 1;
    dc_tdcm_pass_free(c.pass);
    c.pass = new_pass(c.module, &standard, MANY, K);
    DcRandom random, same;
    dc_random_seed(&random, 11, 0);
    DcMatrix samples, centroids = new_matrix(K, D);
    draw_groups(&random, MANY, &samples);
    same = random;
    uint32_t labels[MANY];
    DcTdcmFit fit;
    assert_int_equal(dc_tdcm_apply(c.module, &samples, &random, 1, &centroids, labels, &fit, NULL),
                     DC_OK);
    for (size_t i = 0; i < MANY * D; i++)
      dc_tdcm_pass_samples(c.pass)[i] = dc_matrix_row(&samples, i / D)[i % D];
    dc_tdcm_pass_take(c.pass, MANY, true);
    assert_near(fit.loss, dc_tdcm_pass_search(c.pass, 1, &same).criterion, 2e-5);
    const double *p = dc_tdcm_pass_assignment(c.pass);
    for (size_t i = 0; i < MANY; i++)
      for (size_t j = 0; j < K; j++)
        assert_true(p[i * K + labels[i]] >= p[i * K + j] - 1e-4);
    double mean[D] = {0};
    for (size_t i = 0; i < MANY * D; i++)
      mean[i % D] += dc_matrix_row(&samples, i / D)[i % D] / (double)MANY;
    for (size_t i = 0; i < K * D; i++)
      assert_near(dc_matrix_row(&centroids, i / D)[i % D],
                  mean[i % D] + fit.scale * dc_tdcm_pass_centroids(c.pass, 30)[i], 2e-4);
    free_matrices(&samples, &centroids);
    dc_tdcm_pass_free(c.pass);
    dc_tdcm_free(c.module);
  }
}

static void
use_keeps_the_best_start_whatever_the_threads(void **state)
{
  (void)state;
  DcTdcmModule *module = new_module(D, DC_TDCM_QUADRATIC, 1);
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcMatrix samples, centroids = new_matrix(K, D), others = new_matrix(K, D);
  draw_groups(&random, 700, &samples);
  uint32_t labels[700], other_labels[700];
  DcTdcmFit fit, other;
  DcRandom one = random, three = random, single = random;
  module->seeds = 9;
  assert_int_equal(dc_tdcm_apply(module, &samples, &one, 1, &centroids, labels, &fit, NULL), DC_OK);
  assert_int_equal(dc_tdcm_apply(module, &samples, &three, 3, &others, other_labels, &other, NULL),
                   DC_OK);
  assert_memory_equal(labels, other_labels, sizeof labels);
  assert_rows_near(&centroids, &others, 0);
  assert_near(fit.loss, other.loss, 0);
  module->seeds = 1;
  double best = INFINITY;
  for (int start = 0; start < 9; start++) {
    assert_int_equal(dc_tdcm_apply(module, &samples, &single, 1, &others, NULL, &other, NULL),
                     DC_OK);
    best = fmin(best, other.loss);
  }
  assert_near(fit.loss, best, 0);
  free_matrices(&samples, &centroids, &others);
  dc_tdcm_free(module);
}

/* Standardising takes a shift and a scale away. */
static void
use_follows_shift_and_scale(void **state)
{
  (void)state;
  DcTdcmModule *module = new_module(D, DC_TDCM_QUADRATIC, 4);
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  DcMatrix samples, centroids = new_matrix(K, D), moved = new_matrix(K, D);
  draw_groups(&random, 700, &samples);
  uint32_t labels[700], moved_labels[700];
  DcRandom again = random;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, labels, NULL, NULL),
                   DC_OK);
  for (size_t i = 0; i < 700 * D; i++) {
    float *number = dc_matrix_row(&samples, i / D) + i % D;
    *number = 8 * *number - 800;
  }
  assert_int_equal(dc_tdcm_apply(module, &samples, &again, 1, &moved, moved_labels, NULL, NULL),
                   DC_OK);
  assert_memory_equal(labels, moved_labels, sizeof labels);
  for (size_t i = 0; i < K * D; i++)
    assert_near(dc_matrix_row(&moved, i / D)[i % D],
                8 * dc_matrix_row(&centroids, i / D)[i % D] - 800, 1e-3);
  free_matrices(&samples, &centroids, &moved);
  dc_tdcm_free(module);
}

static void
use_has_a_result_for_few_or_equal_samples(void **state)
{
  (void)state;
  DcTdcmModule *module = new_module(2, DC_TDCM_NONLINEAR, 3);
  float data[] = {3, 4, 3, 4, 3, 4, 3, 4}, places[6];
  DcMatrix centroids = dc_matrix(places, 3, 2);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  for (size_t n = 1; n <= 4; n++) {
    DcMatrix samples = dc_matrix(data, n, 2);
    uint32_t labels[4];
    DcTdcmFit fit;
    assert_int_equal(dc_tdcm_apply(module, &samples, &random, 2, &centroids, labels, &fit, NULL),
                     DC_OK);
    for (size_t i = 0; i < 6; i++)
      assert_near(places[i], i % 2 ? 4 : 3, 1e-6);
    for (size_t i = 0; i < n; i++)
      assert_int_equal(labels[i], 0);
    assert_near(fit.scale, 1, 0);
  }
  dc_tdcm_free(module);
}

static void
use_refuses_what_does_not_fit(void **state)
{
  (void)state;
  DcTdcmModule *module = golden_module();
  float data[] = {1, 2, 3, 4, 5, 6}, places[6];
  DcMatrix samples = dc_matrix(data, 3, 2), centroids = dc_matrix(places, 3, 2);
  DcMatrix wide = dc_matrix(data, 2, 3), none = dc_matrix(data, 0, 2);
  DcRandom random;
  DcError error;
  dc_random_seed(&random, 1, 0);
  assert_int_equal(dc_tdcm_apply(module, &wide, &random, 1, &centroids, NULL, NULL, &error),
                   DC_ERROR_SHAPE);
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &wide, NULL, NULL, &error),
                   DC_ERROR_SHAPE);
  assert_int_equal(dc_tdcm_apply(module, &none, &random, 1, &centroids, NULL, NULL, &error),
                   DC_ERROR_SHAPE);
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &none, NULL, NULL, &error),
                   DC_ERROR_SHAPE);
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 0, &centroids, NULL, NULL, &error),
                   DC_ERROR_ARGUMENT);
  data[3] = NAN;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, NULL, NULL, &error),
                   DC_ERROR_NOT_FINITE);
  assert_non_null(strstr(error.message, "NaN"));
  data[3] = INFINITY;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, NULL, NULL, &error),
                   DC_ERROR_NOT_FINITE);
  data[3] = 4;
  module->root[0] = 1e30; /* W overflows in single precision */
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, NULL, NULL, &error),
                   DC_ERROR_NOT_FINITE);
  module->root[0] = -1;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 1, &centroids, NULL, NULL, &error),
                   DC_ERROR_ARGUMENT);
  dc_tdcm_free(module);
}

static void
use_survives_a_lack_of_memory(void **state)
{
  (void)state;
  DcTdcmModule *module = golden_module();
  float data[] = {1, 2, 3, 4, 5, 6}, places[4];
  DcMatrix samples = dc_matrix(data, 3, 2), centroids = dc_matrix(places, 2, 2);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  size_t before = allocations;
  assert_int_equal(dc_tdcm_apply(module, &samples, &random, 2, &centroids, NULL, NULL, NULL),
                   DC_OK);
  const size_t needed = allocations - before;
  size_t refused = 0;
  for (size_t failing = 0; failing < needed; failing++) {
    DcError error = {0};
    fail_at = allocations + failing;
    DcStatus status = dc_tdcm_apply(module, &samples, &random, 2, &centroids, NULL, NULL, &error);
    fail_at = SIZE_MAX;
    /* Starting a thread allocates outside the core, where nothing fails. */
    assert_true(status == DC_ERROR_MEMORY || status == DC_OK);
    refused += status == DC_ERROR_MEMORY && strstr(error.message, "memory");
  }
  assert_true(refused > 20);
  dc_tdcm_free(module);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_run_gives_the_golden_values),
      cmocka_unit_test(a_standardised_run_gives_the_golden_values),
      cmocka_unit_test(gradients_are_those_of_the_loss),
      cmocka_unit_test(without_blocks_the_first_centroids_count),
      cmocka_unit_test(likelihood_is_that_of_a_mixture),
      cmocka_unit_test(every_block_raises_the_likelihood),
      cmocka_unit_test(nonlinear_score_contains_the_quadratic),
      cmocka_unit_test(equal_shares_change_nothing),
      cmocka_unit_test(search_keeps_the_best_start),
      cmocka_unit_test(search_goes_on_after_a_start_without_a_loss),
      cmocka_unit_test(degenerate_batches_have_finite_gradients),
      cmocka_unit_test(a_pass_allocates_nothing_and_may_fail_to_start),
      cmocka_unit_test(parameters_come_back),
      cmocka_unit_test(modules_out_of_range_are_refused),
      cmocka_unit_test(modules_need_memory),
      cmocka_unit_test(use_agrees_with_the_pass),
      cmocka_unit_test(use_keeps_the_best_start_whatever_the_threads),
      cmocka_unit_test(use_follows_shift_and_scale),
      cmocka_unit_test(use_has_a_result_for_few_or_equal_samples),
      cmocka_unit_test(use_refuses_what_does_not_fit),
      cmocka_unit_test(use_survives_a_lack_of_memory),
  };
  dc_blas_choose_kernels();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
