/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Steps of the clustering module, alone and joined to an autoencoder. */
#include "cluster/clustering_fit.h"
#include "allocations.h"
#include "base/memory.h"
#include "networks.h"

#include <string.h>

#define INPUTS   4
#define HIDDEN   5
#define WIDTH    3
#define CLUSTERS 3
#define SAMPLES  7
#define NETWORKS 4

/* Small networks with random weights, and samples. */
typedef struct {
  DcNetwork *networks[NETWORKS]; /* encoder, decoder, assigner, centroid layer */
  DcClusteringFitOptions options;
  float samples[SAMPLES * INPUTS];
} Lesson;

static DcNetwork *
two_layers(int inputs, int outputs, DcRandom *random)
{
  /* Smooth, so that finite differences cross no bend. */
  const DcLayer hidden = {.kind = DC_LAYER_DENSE,
                          .activation = DC_ACTIVATION_GELU,
                          .output = {.channels = HIDDEN}};
  DcNetwork *network = single_layer((DcShape){1, 1, inputs}, hidden, random);
  add_random(network, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = outputs}}, random);
  return network;
}

static DcNetwork *
one_layer(int inputs, int outputs, DcRandom *random)
{
  return single_layer((DcShape){1, 1, inputs},
                      (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = outputs}}, random);
}

/* With the module alone the samples are INPUTS wide, else the code is WIDTH. */
static Lesson
make_lesson(DcClusteringLoss loss)
{
  const bool alone = loss == DC_CLUSTERING_ALONE;
  const int width = alone ? INPUTS : WIDTH;
  Lesson lesson = {0};
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  if (!alone) {
    lesson.networks[0] = two_layers(INPUTS, WIDTH, &random);
    lesson.networks[1] = two_layers(WIDTH, INPUTS, &random);
  }
  lesson.networks[2] = one_layer(width, CLUSTERS, &random);
  lesson.networks[3] = one_layer(CLUSTERS, width, &random);
  fill_uniform(&random, lesson.samples, SAMPLES * INPUTS, 1);
  lesson.options = (DcClusteringFitOptions){
      .autoencoder = {lesson.networks[0], lesson.networks[1]},
      .assigner = lesson.networks[2],
      .centroid_layer = lesson.networks[3],
      .module = {.clusters = CLUSTERS,
                 .width = (size_t)width,
                 .max_batch = SAMPLES,
                 .loss = loss,
                 .alpha = 2,
                 .lambda = 0.5,
                 .biases = true},
      .beta = 0.7,
      .optimiser = dc_optimiser_sgd(1, 0),
      .threads = 2,
  };
  return lesson;
}

static void
free_lesson(Lesson *lesson)
{
  for (size_t i = 0; i < NETWORKS; i++)
    dc_network_free(lesson->networks[i]);
}

static DcClusteringFit *
new_fit(const Lesson *lesson)
{
  DcClusteringFit *fit;
  DcError error = {0};
  if (dc_clustering_fit_new(&lesson->options, &fit, &error))
    fail_msg("%s", error.message);
  return fit;
}

static DcClusteringLosses
step(DcClusteringFit *fit, const Lesson *lesson)
{
  DcClusteringLosses losses;
  assert_int_equal(dc_clustering_fit_step(fit, lesson->samples, SAMPLES, &losses), DC_OK);
  return losses;
}

/* --- all parameters as one row of numbers --- */

#define MOST_PARAMETERS 256

static size_t
parameters(const Lesson *lesson, float *values)
{
  size_t count = 0;
  for (size_t i = 0; i < NETWORKS; i++) {
    for (size_t j = 0; lesson->networks[i] && j < dc_network_layer_count(lesson->networks[i]);
         j++) {
      const DcLayer *layer = dc_network_layer_const(lesson->networks[i], j);
      memcpy(values + count, layer->weight, layer->weight_size * sizeof(float));
      count += layer->weight_size;
      memcpy(values + count, layer->bias, layer->bias_size * sizeof(float));
      count += layer->bias_size;
    }
  }
  assert_true(count <= MOST_PARAMETERS);
  return count;
}

static void
set_parameters(const Lesson *lesson, const float *values)
{
  for (size_t i = 0; i < NETWORKS; i++) {
    for (size_t j = 0; lesson->networks[i] && j < dc_network_layer_count(lesson->networks[i]);
         j++) {
      DcLayer *layer = dc_network_layer(lesson->networks[i], j);
      memcpy(layer->weight, values, layer->weight_size * sizeof(float));
      values += layer->weight_size;
      memcpy(layer->bias, values, layer->bias_size * sizeof(float));
      values += layer->bias_size;
    }
  }
}

/* --- gradients --- */

/* The loss with parameter `index` moved by `by`; all are put back. */
static double
loss_beside(DcClusteringFit *fit, const Lesson *lesson, const float *values, size_t index, float by)
{
  float moved[MOST_PARAMETERS];
  memcpy(moved, values, sizeof moved);
  moved[index] += by;
  set_parameters(lesson, moved);
  const double loss = step(fit, lesson).total;
  set_parameters(lesson, values);
  return loss;
}

/* A step of gradient descent with rate 1 is the gradient. */
static void
check_gradient(const Lesson *lesson)
{
  const float way = 1.0f / 256;
  float before[MOST_PARAMETERS] = {0}, after[MOST_PARAMETERS];
  DcClusteringFit *fit = new_fit(lesson);
  const size_t count = parameters(lesson, before);
  step(fit, lesson);
  parameters(lesson, after);
  set_parameters(lesson, before);
  for (size_t i = 0; i < count; i++) {
    const double gradient = (double)before[i] - after[i];
    const double slope =
        (loss_beside(fit, lesson, before, i, way) - loss_beside(fit, lesson, before, i, -way)) /
        (2 * (double)way);
    /* Third derivatives times 2e-6, and losses of some ten in single precision, divided by 1/128.
     */
    assert_near(gradient, slope, 1e-3 + 1e-3 * fabs(slope));
  }
  dc_clustering_fit_free(fit);
}

static const DcClusteringLoss losses[] = {DC_CLUSTERING_ALONE, DC_CLUSTERING_ABSOLUTE,
                                          DC_CLUSTERING_SQUARED};

static void
steps_go_down_the_joint_loss(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    for (int normalised = 0; normalised < 2; normalised++) {
      Lesson lesson = make_lesson(losses[i]);
      lesson.options.module.normalised = normalised;
      check_gradient(&lesson);
      free_lesson(&lesson);
    }
  }
}

static void
the_loss_is_made_of_its_terms(void **state)
{
  (void)state;
  Lesson lesson = make_lesson(DC_CLUSTERING_SQUARED);
  DcClusteringFit *fit = new_fit(&lesson);
  const DcClusteringLosses l = step(fit, &lesson);
  assert_true(l.reconstruction > 0);
  assert_near(l.total, l.module.total + 0.7 * l.reconstruction, 1e-9);
  assert_near(l.module.total,
              l.module.reconstruction + l.module.sparsity + 0.5 * l.module.orthonormality +
                  l.module.prior,
              1e-9);
  dc_clustering_fit_free(fit);
  free_lesson(&lesson);
  lesson = make_lesson(DC_CLUSTERING_SQUARED);
  lesson.options.module.normalised = true;
  fit = new_fit(&lesson);
  const DcClusteringLosses n = step(fit, &lesson);
  assert_near(n.reconstruction, l.reconstruction, 1e-6); /* beside the same parameters */
  assert_near(n.total,
              (n.module.reconstruction + n.module.sparsity) / (SAMPLES * WIDTH) +
                  0.5 * n.module.orthonormality + n.module.prior +
                  0.7 * n.reconstruction / (SAMPLES * INPUTS),
              1e-6); /* weights in single precision */
  dc_clustering_fit_free(fit);
  free_lesson(&lesson);
}

/* With epsilon outside the bias correction, the first step is rate g / (|g| + 31.6 epsilon). */
static void
adam_has_its_epsilon_outside_the_correction(void **state)
{
  (void)state;
  Lesson descent = make_lesson(DC_CLUSTERING_ABSOLUTE), adam = make_lesson(DC_CLUSTERING_ABSOLUTE);
  adam.options.optimiser = dc_optimiser_adam(1e-3);
  adam.options.optimiser.epsilon = 1e-3;
  DcClusteringFit *down = new_fit(&descent), *fit = new_fit(&adam);
  float before[MOST_PARAMETERS], gradient[MOST_PARAMETERS], after[MOST_PARAMETERS];
  const size_t count = parameters(&descent, before);
  step(down, &descent);
  step(fit, &adam);
  parameters(&descent, gradient);
  parameters(&adam, after);
  for (size_t i = 0; i < count; i++) {
    const double g = (double)before[i] - gradient[i];
    assert_near((double)before[i] - after[i], 1e-3 * g / (fabs(g) + 1e-3 / sqrt(1e-3)), 1e-6);
  }
  dc_clustering_fit_free(down);
  dc_clustering_fit_free(fit);
  free_lesson(&descent);
  free_lesson(&adam);
}

/* --- threads --- */

static size_t
train(DcClusteringLoss loss, size_t threads, float *values)
{
  Lesson lesson = make_lesson(loss);
  lesson.options.threads = threads;
  lesson.options.optimiser = dc_optimiser_sgd(1e-2, 0.9);
  DcClusteringFit *fit = new_fit(&lesson);
  DcClusteringLosses terms;
  for (size_t i = 0; i < 10; i++)
    assert_int_equal(dc_clustering_fit_step(fit, lesson.samples, 1 + i % SAMPLES, &terms), DC_OK);
  const size_t count = parameters(&lesson, values);
  dc_clustering_fit_free(fit);
  free_lesson(&lesson);
  return count;
}

/* Also batches of fewer samples than threads. */
static void
equal_threads_give_equal_bytes(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    float single[MOST_PARAMETERS], one[MOST_PARAMETERS], other[MOST_PARAMETERS];
    const size_t count = train(losses[i], 1, single);
    for (size_t threads = 1; threads <= 5; threads++) {
      train(losses[i], threads, one);
      train(losses[i], threads, other);
      assert_memory_equal(one, other, count * sizeof(float));
      for (size_t j = 0; j < count; j++)
        assert_near(one[j], single[j], 1e-3); /* ten steps that amplify single precision */
    }
  }
}

static void
steps_allocate_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    Lesson lesson = make_lesson(losses[i]);
    DcClusteringFit *fit = new_fit(&lesson);
    step(fit, &lesson);
    const size_t before = allocations;
    step(fit, &lesson);
    dc_clustering_fit_add_to_mean(fit);
    dc_clustering_fit_take_mean(fit);
    assert_int_equal(allocations, before);
    dc_clustering_fit_free(fit);
    free_lesson(&lesson);
  }
}

/* --- the mean --- */

static void
the_mean_is_that_of_the_parameters_added(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    Lesson lesson = make_lesson(losses[i]);
    lesson.options.optimiser = dc_optimiser_adam(0.01);
    DcClusteringFit *fit = new_fit(&lesson);
    double sums[MOST_PARAMETERS] = {0};
    float values[MOST_PARAMETERS];
    size_t count = 0;
    for (size_t round = 0; round < 2; round++) { /* the sum starts anew */
      memset(sums, 0, sizeof sums);
      for (size_t j = 0; j < 5; j++) {
        step(fit, &lesson);
        dc_clustering_fit_add_to_mean(fit);
        count = parameters(&lesson, values);
        for (size_t k = 0; k < count; k++)
          sums[k] += values[k];
      }
      dc_clustering_fit_take_mean(fit);
      parameters(&lesson, values);
      for (size_t k = 0; k < count; k++)
        assert_near(values[k], (float)(sums[k] / 5), 0);
    }
    dc_clustering_fit_free(fit);
    free_lesson(&lesson);
  }
}

static void
the_mean_of_what_stands_still_is_itself(void **state)
{
  (void)state;
  Lesson lesson = make_lesson(DC_CLUSTERING_ABSOLUTE);
  lesson.options.optimiser = dc_optimiser_adam(1e-30);
  DcClusteringFit *fit = new_fit(&lesson);
  float before[MOST_PARAMETERS], after[MOST_PARAMETERS];
  const size_t count = parameters(&lesson, before);
  for (size_t i = 0; i < 7; i++) {
    step(fit, &lesson);
    dc_clustering_fit_add_to_mean(fit);
  }
  dc_clustering_fit_take_mean(fit);
  parameters(&lesson, after);
  assert_memory_equal(before, after, count * sizeof(float));
  dc_clustering_fit_free(fit);
  free_lesson(&lesson);
}

/* --- failures --- */

static void
what_is_not_finite_changes_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    Lesson lesson = make_lesson(losses[i]);
    DcClusteringFit *fit = new_fit(&lesson);
    float before[MOST_PARAMETERS], after[MOST_PARAMETERS];
    const size_t count = parameters(&lesson, before);
    DcClusteringLosses terms;
    for (int infinite = 0; infinite < 2; infinite++) {
      lesson.samples[SAMPLES * INPUTS - 1] = infinite ? INFINITY : NAN;
      assert_int_equal(dc_clustering_fit_step(fit, lesson.samples, SAMPLES, &terms),
                       DC_ERROR_NOT_FINITE);
    }
    parameters(&lesson, after);
    assert_memory_equal(before, after, count * sizeof(float));
    dc_clustering_fit_free(fit);
    free_lesson(&lesson);
  }
}

static void
batches_out_of_range_are_refused(void **state)
{
  (void)state;
  Lesson lesson = make_lesson(DC_CLUSTERING_ABSOLUTE);
  DcClusteringFit *fit = new_fit(&lesson);
  DcClusteringLosses terms;
  assert_int_equal(dc_clustering_fit_step(fit, lesson.samples, 0, &terms), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_clustering_fit_step(fit, lesson.samples, SAMPLES + 1, &terms),
                   DC_ERROR_ARGUMENT);
  dc_clustering_fit_free(fit);
  free_lesson(&lesson);
}

static void
expect_refusal(const DcClusteringFitOptions *options, DcStatus status, const char *text)
{
  DcClusteringFit *fit;
  DcError error = {0};
  assert_int_equal(dc_clustering_fit_new(options, &fit, &error), status);
  assert_null(fit);
  if (!strstr(error.message, text))
    fail_msg("\"%s\" does not say \"%s\"", error.message, text);
}

static void
options_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  Lesson lesson = make_lesson(DC_CLUSTERING_ABSOLUTE);
  DcClusteringFitOptions bad = lesson.options;
  bad.threads = 0;
  expect_refusal(&bad, DC_ERROR_ARGUMENT, "0 threads");
  bad = lesson.options;
  bad.beta = -1;
  expect_refusal(&bad, DC_ERROR_ARGUMENT, "beta");
  bad.beta = NAN;
  expect_refusal(&bad, DC_ERROR_ARGUMENT, "beta");
  bad = lesson.options;
  bad.optimiser.learning_rate = 0;
  expect_refusal(&bad, DC_ERROR_ARGUMENT, "learning rate");
  bad = lesson.options;
  bad.module.alpha = 0;
  expect_refusal(&bad, DC_ERROR_ARGUMENT, "alpha");
  bad = lesson.options;
  bad.assigner = lesson.networks[0]; /* two layers */
  expect_refusal(&bad, DC_ERROR_SHAPE, "assigner");
  bad = lesson.options;
  bad.autoencoder = (DcAutoencoder){lesson.networks[0], lesson.networks[0]};
  expect_refusal(&bad, DC_ERROR_SHAPE, "autoencoder");
  free_lesson(&lesson);
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  lesson = make_lesson(DC_CLUSTERING_ALONE);
  DcNetwork *wide = one_layer(INPUTS, CLUSTERS + 1, &random);
  bad = lesson.options;
  bad.centroid_layer = wide;
  expect_refusal(&bad, DC_ERROR_SHAPE, "one dense layer");
  dc_network_free(wide);
  free_lesson(&lesson);
}

static void
missing_memory_is_reported(void **state)
{
  (void)state;
  Lesson lesson = make_lesson(DC_CLUSTERING_ABSOLUTE);
  DcClusteringFit *fit = NULL;
  DcStatus status = DC_ERROR_MEMORY;
  size_t failures = 0;
  for (; status && failures < 500; failures++) {
    DcError error = {0};
    fail_at = allocations + failures;
    status = dc_clustering_fit_new(&lesson.options, &fit, &error);
    fail_at = SIZE_MAX;
    assert_true(!status || (status == DC_ERROR_MEMORY && !fit && error.message[0]));
  }
  assert_int_equal(status, DC_OK);
  assert_true(failures > 30);
  dc_clustering_fit_free(fit);
  free_lesson(&lesson);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steps_go_down_the_joint_loss),
      cmocka_unit_test(the_loss_is_made_of_its_terms),
      cmocka_unit_test(adam_has_its_epsilon_outside_the_correction),
      cmocka_unit_test(equal_threads_give_equal_bytes),
      cmocka_unit_test(steps_allocate_nothing),
      cmocka_unit_test(the_mean_is_that_of_the_parameters_added),
      cmocka_unit_test(the_mean_of_what_stands_still_is_itself),
      cmocka_unit_test(what_is_not_finite_changes_nothing),
      cmocka_unit_test(batches_out_of_range_are_refused),
      cmocka_unit_test(options_that_do_not_fit_are_refused),
      cmocka_unit_test(missing_memory_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
