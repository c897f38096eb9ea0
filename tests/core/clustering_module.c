/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clustering module against worked values, its reference and the properties of its losses. */
#include "cluster/clustering_module.h"
#include "allocations.h"
#include "base/memory.h"
#include "base/random.h"
#include "clustering_weights.h"
#include "matrices.h"

#include <string.h>

#define MOST_SAMPLES 20

/* A module with its parameters (V, b, Wm, c one after the other), a batch, and what came out. */
typedef struct {
  DcClusteringOptions options;
  size_t samples;
  double weights[MOST_WEIGHTS], batch[MOST_SAMPLES * MOST_WIDTH];
  DcClusteringTerms terms;
  double gradient[MOST_WEIGHTS], batch_gradient[MOST_SAMPLES * MOST_WIDTH];
} Case;

static DcClusteringOptions
options_for(size_t clusters, size_t width, DcClusteringLoss loss)
{
  return (DcClusteringOptions){.clusters = clusters,
                               .width = width,
                               .max_batch = MOST_SAMPLES,
                               .loss = loss,
                               .alpha = 3,
                               .lambda = 1,
                               .biases = true};
}

static size_t
weights_of(const Case *c)
{
  return 2 * c->options.clusters * c->options.width + c->options.clusters + c->options.width;
}

static double *
v_of(Case *c)
{
  return c->weights;
}

static double *
b_of(Case *c)
{
  return v_of(c) + c->options.clusters * c->options.width;
}

static double *
w_of(Case *c)
{
  return b_of(c) + c->options.clusters;
}

static double *
c_of(Case *c)
{
  return w_of(c) + c->options.clusters * c->options.width;
}

static double
centroid(const Case *c, size_t k, size_t j)
{
  Case *any = (Case *)c;
  return w_of(any)[k * c->options.width + j] + c_of(any)[j];
}

static Case
random_case(size_t clusters, size_t width, DcClusteringLoss loss, uint64_t seed)
{
  Case c = {.options = options_for(clusters, width, loss), .samples = 17};
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  for (size_t i = 0; i < weights_of(&c); i++)
    c.weights[i] = dc_random_normal(&random);
  for (size_t i = 0; i < c.samples * width; i++)
    c.batch[i] = dc_random_normal(&random);
  return c;
}

static void
run_reference(Case *c)
{
  assert_true(dc_clustering_module_reference(&c->options, c->weights, c->batch, c->samples,
                                             &c->terms, c->gradient, c->batch_gradient));
}

static DcClusteringModule *
new_module(const DcClusteringOptions *options)
{
  DcClusteringModule *module;
  DcError error = {0};
  if (dc_clustering_module_new(options, &module, &error))
    fail_msg("%s", error.message);
  return module;
}

/* Runs the module in single precision; overwrites what came out. */
static void
run_module(Case *c)
{
  const size_t clusters = c->options.clusters, width = c->options.width;
  float values[MOST_WEIGHTS], slopes[MOST_WEIGHTS];
  DcMatrix batch = new_matrix(c->samples, width), slope = new_matrix(c->samples, width);
  for (size_t i = 0; i < weights_of(c); i++) {
    values[i] = (float)c->weights[i];
    slopes[i] = NAN;
  }
  for (size_t i = 0; i < c->samples * width; i++)
    dc_matrix_row(&batch, i / width)[i % width] = (float)c->batch[i];
  const DcClusteringWeights weights = place_weights(values, clusters, width);
  const DcClusteringWeights gradient = place_weights(slopes, clusters, width);
  DcClusteringModule *module = new_module(&c->options);
  const size_t before = allocations;
  dc_clustering_module_run(module, &weights, &batch, &c->terms, &gradient, &slope);
  assert_int_equal(allocations, before);
  for (size_t i = 0; i < weights_of(c); i++)
    c->gradient[i] = slopes[i];
  for (size_t i = 0; i < c->samples * width; i++)
    c->batch_gradient[i] = dc_matrix_row(&slope, i / width)[i % width];
  dc_clustering_module_free(module);
  free_matrices(&batch, &slope);
}

/* --- worked values --- */

static Case
worked_case(DcClusteringLoss loss, const double centroids[4])
{
  static const double batch[] = {0, 0, 1, 0, 0, 1, 4, 4, 5, 4, 4, 5};
  static const double assigner[] = {-.5, .5, -.5, .5, 2, -2};
  Case c = {.options = options_for(2, 2, loss), .samples = 6};
  memcpy(c.batch, batch, sizeof batch);
  memcpy(c.weights, assigner, sizeof assigner);
  memcpy(w_of(&c), centroids, 4 * sizeof *centroids);
  return c;
}

static void
assert_all_near(const double *actual, const double *expected, size_t count, double tolerance)
{
  for (size_t i = 0; i < count; i++)
    assert_near(actual[i], expected[i], tolerance);
}

/* V, b and Wm of the gradient; and the first coordinates of the batch's. */
static void
check_alone(const Case *c, double tolerance)
{
  static const double gradient[] = {2.545773397,   -2.545773397, 2.6235104716, -2.6235104716,
                                    -2.2767141775, 2.2767141775, .7490247055,  -.7102422722,
                                    -1.178762394,  1.9027036505, -.4297376885, 1.1924613783};
  static const double first[] = {-.4905099773, -.0174892923},
                      fifth[] = {1.8272894675, -1.1626712561};
  assert_near(c->terms.reconstruction, 3.2162076657557908, tolerance);
  assert_near(c->terms.sparsity, 5.081267778721383, tolerance);
  assert_near(c->terms.merging, -0.8685927826874176, tolerance);
  assert_near(c->terms.prior, 2.7740640913528436, tolerance);
  assert_near(c->terms.total, 7.428882661789756 + 2.7740640913528436, 2 * tolerance);
  assert_near(c->terms.orthonormality, 0, 0);
  assert_all_near(c->gradient, gradient, 12, tolerance);
  assert_all_near(c->batch_gradient, first, 2, tolerance);
  assert_all_near(c->batch_gradient + 8, fifth, 2, tolerance);
}

static void
the_module_alone_has_its_worked_values(void **state)
{
  (void)state;
  Case c = worked_case(DC_CLUSTERING_ALONE, (const double[]){.5, .25, 4, 4.5});
  run_reference(&c);
  check_alone(&c, 1e-9); /* the digits that are given */
  run_module(&c);
  check_alone(&c, 2e-5); /* numbers up to 80 cancel, in single precision */
}

static void
check_joined(const Case *c, double orthonormality, const double centroids[4], double tolerance)
{
  static const double assigner[] = {-2.0014508386, 2.0014508386, -1.8874364625,
                                    1.8874364625,  -.5835590918, .5835590918};
  static const double first[] = {-1.1517928887, -1.5913625507};
  assert_near(c->terms.reconstruction, 126.0879745774, 10 * tolerance);
  assert_near(c->terms.sparsity, 0.2779496905, tolerance);
  assert_near(c->terms.merging, 0, 0);
  assert_near(c->terms.orthonormality, orthonormality, tolerance);
  assert_near(c->terms.prior, 2.7740640914, tolerance);
  assert_near(c->terms.total, 126.0879745774 + 0.2779496905 + orthonormality + 2.7740640914,
              10 * tolerance);
  assert_all_near(c->gradient, assigner, 6, tolerance);
  assert_all_near(c->gradient + 6, centroids, 4, tolerance);
  assert_all_near(c->batch_gradient, first, 2, tolerance);
}

static void
the_joined_module_has_its_worked_values(void **state)
{
  (void)state;
  static const double absolute[] = {2.54360193, 1.4167601717, -29.9717068546, -25.2656397984};
  static const double squared[] = {1.19960193, 2.2567601717, -30.2117068546, -23.1416397984};
  const double centroids[] = {.6, .8, -.8, .5};
  for (int i = 0; i < 2; i++) {
    Case c = worked_case(i ? DC_CLUSTERING_SQUARED : DC_CLUSTERING_ABSOLUTE, centroids);
    run_reference(&c);
    check_joined(&c, i ? 0.0249 : 0.27, i ? squared : absolute, 1e-9);
    run_module(&c);
    check_joined(&c, i ? 0.0249 : 0.27, i ? squared : absolute, 2e-5);
  }
}

/* --- gradients --- */

static const DcClusteringLoss losses[] = {DC_CLUSTERING_ALONE, DC_CLUSTERING_ABSOLUTE,
                                          DC_CLUSTERING_SQUARED};

static double
loss_at(const Case *c)
{
  Case copy = *c;
  run_reference(&copy);
  return copy.terms.total;
}

/* Moves `value`, which belongs to `c`, both ways. */
static double
slope_at(const Case *c, double *value)
{
  const double step = 1e-6, here = *value;
  *value = here + step;
  const double above = loss_at(c);
  *value = here - step;
  const double below = loss_at(c);
  *value = here;
  return (above - below) / (2 * step);
}

/* With step 1e-6, losses of some hundred are known to 1e-13 of themselves: slopes to 1e-5. */
static void
check_slopes(Case *c)
{
  run_reference(c);
  for (size_t i = 0; i < weights_of(c); i++)
    assert_near(slope_at(c, &c->weights[i]), c->gradient[i], 1e-5 + 1e-6 * fabs(c->gradient[i]));
  for (size_t i = 0; i < c->samples * c->options.width; i++)
    assert_near(slope_at(c, &c->batch[i]), c->batch_gradient[i],
                1e-5 + 1e-6 * fabs(c->batch_gradient[i]));
}

static void
gradients_are_those_of_the_losses(void **state)
{
  (void)state;
  static const double alphas[] = {4, 0.5, 2, 1};
  for (size_t i = 0; i < 3; i++) {
    for (int variant = 0; variant < 3; variant++) {
      Case c = random_case(4, 5, losses[i], i);
      c.options.lambda = 0.7;
      c.options.alphas = variant == 1 ? alphas : NULL;
      c.options.normalised = variant == 2;
      check_slopes(&c);
    }
  }
}

/* Sums of up to 17 x 8 products of the order of 10, in single precision. */
static void
assert_close(const double *actual, const double *expected, size_t count)
{
  for (size_t i = 0; i < count; i++)
    assert_near(actual[i], expected[i], 1e-4 + 1e-6 * fabs(expected[i]));
}

static void
single_precision_is_near_the_reference(void **state)
{
  (void)state;
  static const double alphas[] = {4, 0.5, 2, 1, 7, 3};
  for (size_t clusters = 1; clusters <= MOST_CLUSTERS; clusters++) {
    for (size_t i = 0; i < 12; i++) {
      const size_t width = losses[i % 3] == DC_CLUSTERING_ALONE ? 3 : clusters + i / 6;
      Case c = random_case(clusters, width, losses[i % 3], clusters);
      c.options.alphas = i / 3 == 1 ? alphas : NULL;
      c.options.normalised = i / 3 == 2;
      c.options.biases = i / 3 != 3;
      Case fast = c;
      run_reference(&c);
      run_module(&fast);
      assert_close(&fast.terms.reconstruction, &c.terms.reconstruction, 1);
      assert_close(&fast.terms.sparsity, &c.terms.sparsity, 1);
      assert_close(&fast.terms.merging, &c.terms.merging, 1);
      assert_close(&fast.terms.orthonormality, &c.terms.orthonormality, 1);
      assert_close(&fast.terms.prior, &c.terms.prior, 1);
      assert_close(&fast.terms.total, &c.terms.total, 1);
      assert_close(fast.gradient, c.gradient, weights_of(&c));
      assert_close(fast.batch_gradient, c.batch_gradient, c.samples * width);
    }
  }
}

static void
without_biases_they_have_no_gradient(void **state)
{
  (void)state;
  Case c = random_case(3, 4, DC_CLUSTERING_SQUARED, 1), with = c;
  c.options.biases = false;
  run_module(&c);
  run_module(&with);
  for (size_t i = 0; i < weights_of(&c); i++) {
    const bool bias = (i >= 12 && i < 15) || i >= 27;
    assert_true(c.gradient[i] == (bias ? 0 : with.gradient[i]));
    assert_true(!bias || with.gradient[i] != 0);
  }
}

/* --- what the losses mean --- */

/* Gam, written out again. */
static void
assign(const Case *c, double *gam)
{
  const size_t clusters = c->options.clusters, width = c->options.width;
  Case *any = (Case *)c;
  for (size_t i = 0; i < c->samples; i++) {
    double total = 0;
    for (size_t k = 0; k < clusters; k++) {
      double score = b_of(any)[k];
      for (size_t j = 0; j < width; j++)
        score += c->batch[i * width + j] * v_of(any)[j * clusters + k];
      total += gam[i * clusters + k] = exp(score);
    }
    for (size_t k = 0; k < clusters; k++)
      gam[i * clusters + k] /= total;
  }
}

static double
squared_distance(const Case *c, size_t i, size_t k)
{
  double sum = 0;
  for (size_t j = 0; j < c->options.width; j++) {
    const double d = c->batch[i * c->options.width + j] - centroid(c, k, j);
    sum += d * d;
  }
  return sum;
}

static double
first_three(const Case *c)
{
  return c->terms.reconstruction + c->terms.sparsity + c->terms.merging;
}

static void
the_first_three_terms_are_expected_distances(void **state)
{
  (void)state;
  for (uint64_t seed = 0; seed < 5; seed++) {
    Case c = random_case(5, 3, DC_CLUSTERING_ALONE, seed);
    double gam[MOST_SAMPLES * MOST_CLUSTERS], sum = 0, nearest = 0;
    run_reference(&c);
    assign(&c, gam);
    for (size_t i = 0; i < c.samples; i++) {
      double least = INFINITY;
      for (size_t k = 0; k < 5; k++) {
        sum += gam[i * 5 + k] * squared_distance(&c, i, k);
        least = fmin(least, squared_distance(&c, i, k));
      }
      nearest += least;
    }
    assert_near(first_three(&c), sum, 1e-12 * sum);
    assert_true(sum > nearest);
  }
}

/* V and b of the posterior of an isotropic mixture with centroids U and `log_weights` (NULL: equal
 * ones). */
static void
set_posterior(Case *c, double variance, const double *log_weights)
{
  const size_t clusters = c->options.clusters, width = c->options.width;
  for (size_t k = 0; k < clusters; k++) {
    double norm = 0;
    for (size_t j = 0; j < width; j++) {
      v_of(c)[j * clusters + k] = centroid(c, k, j) / variance;
      norm += centroid(c, k, j) * centroid(c, k, j);
    }
    b_of(c)[k] = (log_weights ? log_weights[k] : 0) - norm / (2 * variance);
  }
}

static void
a_hard_assignment_to_the_nearest_is_k_means(void **state)
{
  (void)state;
  Case c = random_case(4, 3, DC_CLUSTERING_ALONE, 3);
  set_posterior(&c, 1e-5, NULL);
  double inertia = 0;
  for (size_t i = 0; i < c.samples; i++) {
    double least = INFINITY;
    for (size_t k = 0; k < 4; k++)
      least = fmin(least, squared_distance(&c, i, k));
    inertia += least;
  }
  run_reference(&c);
  assert_near(first_three(&c), inertia, 1e-9 * inertia);
  assert_near(c.terms.sparsity, 0, 1e-9);
  assert_near(c.terms.merging, 0, 1e-9);
}

static void
it_can_be_the_posterior_of_a_mixture(void **state)
{
  (void)state;
  static const double log_weights[] = {-0.1, -2, -1.5};
  const double variance = 0.8;
  Case c = random_case(3, 4, DC_CLUSTERING_ALONE, 4);
  double gam[MOST_SAMPLES * MOST_CLUSTERS];
  set_posterior(&c, variance, log_weights);
  assign(&c, gam);
  for (size_t i = 0; i < c.samples; i++) {
    double density[3], total = 0;
    for (size_t k = 0; k < 3; k++)
      total += density[k] = exp(log_weights[k] - squared_distance(&c, i, k) / (2 * variance));
    for (size_t k = 0; k < 3; k++)
      assert_near(gam[i * 3 + k], density[k] / total, 1e-12);
  }
}

/* u_k - dU_k / (2 n_k) is the mean of the samples by their weights, from any U. */
static void
a_step_of_the_centroids_is_that_of_the_mixture(void **state)
{
  (void)state;
  Case c = random_case(3, 4, DC_CLUSTERING_ALONE, 5);
  const double *slope = c.gradient + 3 * 4 + 3;
  double gam[MOST_SAMPLES * MOST_CLUSTERS];
  run_reference(&c);
  assign(&c, gam);
  for (size_t k = 0; k < 3; k++) {
    double mass = 0, means[4] = {0};
    for (size_t i = 0; i < c.samples; i++) {
      mass += gam[i * 3 + k];
      for (size_t j = 0; j < 4; j++)
        means[j] += gam[i * 3 + k] * c.batch[i * 4 + j];
    }
    for (size_t j = 0; j < 4; j++) {
      means[j] /= mass;
      assert_near(centroid(&c, k, j) - slope[k * 4 + j] / (2 * mass), means[j], 1e-12);
      w_of(&c)[k * 4 + j] = means[j];
    }
  }
  memset(c_of(&c), 0, 4 * sizeof(double));
  run_reference(&c); /* V and b as before, and so the weights */
  for (size_t i = 0; i < 12; i++)
    assert_near(slope[i], 0, 1e-12);
}

static void
the_prior_rewards_balance(void **state)
{
  (void)state;
  Case c = random_case(4, 3, DC_CLUSTERING_ALONE, 6);
  c.options.alpha = 1;
  run_reference(&c);
  assert_near(c.terms.prior, 0, 0);
  c.options.alpha = 5;
  const double least = 4 * (5 - 1) * log(4);
  run_reference(&c);
  assert_true(c.terms.prior > least + 1e-3);
  const double alphas[] = {5, 5, 5, 5}, before = c.terms.prior;
  c.options.alphas = alphas;
  run_reference(&c);
  assert_near(c.terms.prior, before, 0);
  memset(c.weights, 0, (12 + 4) * sizeof(double)); /* every sample a quarter to each */
  run_reference(&c);
  assert_near(c.terms.prior, least, 1e-7); /* the 1e-10 in the logarithm */
}

/* The greatest alpha goes with the greatest share, whichever clusters have them. */
static void
alphas_are_paired_by_rank(void **state)
{
  (void)state;
  static const double mixed[] = {2, 9, 4}, ascending[] = {2, 4, 9};
  Case c = random_case(3, 3, DC_CLUSTERING_ALONE, 7), other = c;
  c.options.alphas = mixed;
  other.options.alphas = ascending;
  double gam[MOST_SAMPLES * MOST_CLUSTERS], shares[3] = {0}, expected = 0;
  run_module(&c);
  run_module(&other);
  assert_near(c.terms.prior, other.terms.prior, 0);
  assign(&c, gam);
  for (size_t i = 0; i < 3 * c.samples; i++)
    shares[i % 3] += gam[i] / (double)c.samples;
  for (size_t k = 0; k < 3; k++) {
    size_t rank = 0;
    for (size_t l = 0; l < 3; l++)
      rank += shares[l] < shares[k];
    expected += (1 - ascending[rank]) * log(shares[k]);
  }
  assert_near(c.terms.prior, expected, 1e-5); /* shares are of single precision */
}

/* --- symmetries --- */

static void
assert_same_terms(const Case *a, const Case *b, double tolerance)
{
  assert_near(a->terms.reconstruction, b->terms.reconstruction, tolerance);
  assert_near(a->terms.sparsity, b->terms.sparsity, tolerance);
  assert_near(a->terms.merging, b->terms.merging, tolerance);
  assert_near(a->terms.orthonormality, b->terms.orthonormality, tolerance);
  assert_near(a->terms.prior, b->terms.prior, tolerance);
  assert_near(a->terms.total, b->terms.total, tolerance);
}

static void
redundant_parameters_change_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    Case c = random_case(3, 4, losses[i], 8), moved = c;
    for (size_t j = 0; j < 4; j++) {
      c_of(&moved)[j] -= 0.3 * (double)j;
      for (size_t k = 0; k < 3; k++) {
        v_of(&moved)[j * 3 + k] += 0.2 - (double)j;
        w_of(&moved)[k * 4 + j] += 0.3 * (double)j;
        b_of(&moved)[k] += 0.1; /* four times the same for all */
      }
    }
    run_reference(&c);
    run_reference(&moved);
    assert_same_terms(&c, &moved, 1e-11);
  }
}

static void
translation_leaves_the_distances(void **state)
{
  (void)state;
  static const double by[] = {3, -2, 1, 0.5};
  Case c = random_case(3, 4, DC_CLUSTERING_ALONE, 9), moved = c;
  for (size_t j = 0; j < 4; j++) {
    c_of(&moved)[j] += by[j];
    for (size_t i = 0; i < c.samples; i++)
      moved.batch[i * 4 + j] += by[j];
    for (size_t k = 0; k < 3; k++)
      b_of(&moved)[k] -= v_of(&c)[j * 3 + k] * by[j];
  }
  run_reference(&c);
  run_reference(&moved);
  assert_near(first_three(&moved), first_three(&c), 1e-11);
  assert_near(moved.terms.prior, c.terms.prior, 1e-12);
  assert_true(fabs(moved.terms.merging - c.terms.merging) > 1); /* alone, it is not invariant */
}

static void
orthonormal_centroids_make_both_losses_one(void **state)
{
  (void)state;
  Case alone = random_case(3, 5, DC_CLUSTERING_ALONE, 10);
  const double s = sqrt(0.5);
  const double rows[] = {s, s, 0, 0, 0, s, -s, 0, 0, 0, 0, 0, 0.6, 0, 0.8};
  memcpy(w_of(&alone), rows, sizeof rows);
  memset(c_of(&alone), 0, 5 * sizeof(double));
  run_reference(&alone);
  for (size_t i = 1; i < 3; i++) {
    Case joined = alone;
    joined.options.loss = losses[i];
    run_reference(&joined);
    assert_near(joined.terms.orthonormality, 0, 1e-14);
    assert_near(joined.terms.total, alone.terms.total, 1e-11);
    assert_near(joined.terms.sparsity, alone.terms.sparsity, 1e-12);
    assert_near(alone.terms.merging, 0, 1e-12);
  }
}

static void
order_changes_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    Case c = random_case(3, 4, losses[i], 11), turned = c;
    for (size_t j = 0; j < 4; j++) {
      for (size_t k = 0; k < 3; k++) { /* cluster k becomes k + 1 */
        v_of(&turned)[j * 3 + (k + 1) % 3] = v_of(&c)[j * 3 + k];
        w_of(&turned)[(k + 1) % 3 * 4 + j] = w_of(&c)[k * 4 + j];
        b_of(&turned)[(k + 1) % 3] = b_of(&c)[k];
      }
      for (size_t s = 0; s < c.samples; s++) /* and the samples the other way round */
        turned.batch[(c.samples - 1 - s) * 4 + j] = c.batch[s * 4 + j];
    }
    run_reference(&c);
    run_reference(&turned);
    assert_same_terms(&c, &turned, 1e-11);
    for (size_t k = 0; k < 3; k++) {
      for (size_t j = 0; j < 4; j++)
        assert_near(turned.gradient[j * 3 + (k + 1) % 3], c.gradient[j * 3 + k], 1e-11);
    }
  }
}

/* --- what is refused, and what is survived --- */

static void
options_out_of_range_are_refused(void **state)
{
  (void)state;
  static const double alphas[] = {1, 1, 0};
  DcClusteringOptions bad[9];
  for (size_t i = 0; i < 9; i++)
    bad[i] = options_for(3, 3, DC_CLUSTERING_SQUARED);
  bad[0].clusters = 0;
  bad[1].width = 0;
  bad[2].max_batch = 0;
  bad[3].alpha = 0;
  bad[4].alpha = NAN;
  bad[5].alphas = alphas;
  bad[6].lambda = -1;
  bad[7].lambda = INFINITY;
  bad[8].max_batch = SIZE_MAX / 2;
  for (size_t i = 0; i < 9; i++) {
    DcClusteringModule *module;
    DcError error = {0};
    assert_int_equal(dc_clustering_module_new(&bad[i], &module, &error),
                     i == 8 ? DC_ERROR_MEMORY : DC_ERROR_ARGUMENT);
    assert_null(module);
    assert_true(error.message[0] != 0);
  }
}

/* |U U^T - I|_F^2 >= K - p: what the joined losses ask for cannot be had. */
static void
a_code_narrower_than_the_clusters_is_refused(void **state)
{
  (void)state;
  DcClusteringModule *module;
  for (size_t i = 0; i < 3; i++) {
    const DcClusteringOptions options = options_for(4, 3, losses[i]);
    DcError error = {0};
    const DcStatus status = dc_clustering_module_new(&options, &module, &error);
    assert_int_equal(status, losses[i] == DC_CLUSTERING_ALONE ? DC_OK : DC_ERROR_ARGUMENT);
    assert_true(!status || strstr(error.message, "at least the number of clusters"));
    dc_clustering_module_free(module);
  }
  for (uint64_t seed = 0; seed < 5; seed++) {
    Case c = random_case(5, 2, DC_CLUSTERING_SQUARED, seed);
    run_reference(&c);
    assert_true(c.terms.orthonormality >= 5 - 2);
  }
}

static void
missing_memory_is_reported(void **state)
{
  (void)state;
  const DcClusteringOptions options = options_for(3, 3, DC_CLUSTERING_ALONE);
  DcClusteringModule *module = NULL;
  DcStatus status = DC_ERROR_MEMORY;
  size_t failures = 0;
  for (; status && failures < 100; failures++) {
    DcError error = {0};
    fail_at = allocations + failures;
    status = dc_clustering_module_new(&options, &module, &error);
    fail_at = SIZE_MAX;
    assert_true(!status || (status == DC_ERROR_MEMORY && !module && error.message[0]));
  }
  assert_true(failures == 12); /* eleven blocks */
  dc_clustering_module_free(module);
}

/* A cluster that no sample has any share of keeps loss and gradient finite. */
static void
a_dead_cluster_is_survived(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    Case c = random_case(3, 4, losses[i], 12);
    b_of(&c)[1] = -1000;
    run_module(&c);
    assert_near(c.terms.prior, c.terms.prior, 0);
    assert_true(c.terms.prior > 2 * 20); /* (alpha - 1) log 1e-10 of it alone is 46 */
    for (size_t j = 0; j < weights_of(&c); j++)
      assert_true(isfinite(c.gradient[j]));
  }
}

static void
nan_is_seen(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    Case c = random_case(3, 4, losses[i], 13);
    c.batch[5] = NAN;
    run_module(&c);
    assert_true(isnan(c.terms.total));
    Case far = random_case(3, 4, losses[i], 13);
    w_of(&far)[2] = 1e30; /* its square is beyond single precision */
    run_module(&far);
    assert_false(isfinite(far.terms.total));
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_module_alone_has_its_worked_values),
      cmocka_unit_test(the_joined_module_has_its_worked_values),
      cmocka_unit_test(gradients_are_those_of_the_losses),
      cmocka_unit_test(single_precision_is_near_the_reference),
      cmocka_unit_test(without_biases_they_have_no_gradient),
      cmocka_unit_test(the_first_three_terms_are_expected_distances),
      cmocka_unit_test(a_hard_assignment_to_the_nearest_is_k_means),
      cmocka_unit_test(it_can_be_the_posterior_of_a_mixture),
      cmocka_unit_test(a_step_of_the_centroids_is_that_of_the_mixture),
      cmocka_unit_test(the_prior_rewards_balance),
      cmocka_unit_test(alphas_are_paired_by_rank),
      cmocka_unit_test(redundant_parameters_change_nothing),
      cmocka_unit_test(translation_leaves_the_distances),
      cmocka_unit_test(orthonormal_centroids_make_both_losses_one),
      cmocka_unit_test(order_changes_nothing),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(a_code_narrower_than_the_clusters_is_refused),
      cmocka_unit_test(missing_memory_is_reported),
      cmocka_unit_test(a_dead_cluster_is_survived),
      cmocka_unit_test(nan_is_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
