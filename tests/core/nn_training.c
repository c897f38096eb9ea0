/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Optimisers, first weights, and steps of nn/fit.h. */
#include "allocations.h"
#include "base/memory.h"
#include "networks.h"
#include "nn/fit.h"
#include "nn/initialise.h"
#include "nn/plan.h"
#include "nn/trainer.h"

#include <string.h>

static DcStatus
step_once(DcOptimiserOptions options, float *values, size_t count, const float *gradients,
          size_t steps)
{
  DcOptimiser *optimiser;
  DcStatus status = dc_optimiser_new(&options, count, &optimiser, NULL);
  const DcParameters pieces[] = {{values, 1}, {values + 1, count - 1}};
  for (size_t i = 0; !status && i < steps; i++)
    dc_optimiser_step(optimiser, pieces, 2, gradients + i * count);
  dc_optimiser_free(optimiser);
  return status;
}

/* With zero moments before, Adam's first step is rate * g / (|g| + epsilon / sqrt(1 - beta2)). */
static void
adam_steps_are_those_of_its_formula(void **state)
{
  (void)state;
  DcOptimiserOptions options = dc_optimiser_adam(0.1);
  options.epsilon = 1e-3;
  float values[] = {1, 1, 1};
  const float gradients[] = {0.02f, -5, 0, 0.04f, 1, 0};
  assert_int_equal(step_once(options, values, 3, gradients, 1), DC_OK);
  const double shift = 1e-3 / sqrt(0.001);
  assert_near(values[0], 1 - 0.1 * 0.02 / (0.02 + shift), 1e-6);
  assert_near(values[1], 1 + 0.1 * 5 / (5 + shift), 1e-6);
  assert_near(values[2], 1, 0);
  /* Two steps of the first: m = 0.9 * 0.002 + 0.004, v = 0.999 * 4e-7 + 1.6e-6. */
  float two[] = {0, 0, 0};
  assert_int_equal(step_once(options, two, 3, gradients, 2), DC_OK);
  const double m = 0.9 * 0.1 * 0.02 + 0.1 * 0.04;
  const double v = 0.999 * 0.001 * 0.02 * 0.02 + 0.001 * 0.04 * 0.04;
  const double second = 0.1 * sqrt(1 - 0.999 * 0.999) / (1 - 0.81) * m / (sqrt(v) + 1e-3);
  assert_near(two[0], -0.1 * 0.02 / (0.02 + shift) - second, 1e-6);
}

static void
adam_has_the_defaults_of_keras(void **state)
{
  (void)state;
  const DcOptimiserOptions options = dc_optimiser_adam(0.5);
  assert_true(options.beta1 == 0.9 && options.beta2 == 0.999 && options.epsilon == 1e-7 &&
              options.learning_rate == 0.5 && options.weight_decay == 0);
}

static void
sgd_steps_are_those_of_its_formula(void **state)
{
  (void)state;
  DcOptimiserOptions options = dc_optimiser_sgd(0.5, 0.5);
  float values[] = {1, 2};
  const float gradients[] = {2, 4, -2, 0};
  assert_int_equal(step_once(options, values, 2, gradients, 2), DC_OK);
  /* v = 2 then -1: 1 - 1 + 0.5; v = 4 then 2: 2 - 2 - 1. */
  assert_near(values[0], 0.5, 0);
  assert_near(values[1], -1, 0);
  options = dc_optimiser_sgd(0.5, 0);
  options.weight_decay = 0.5;
  float decayed[] = {4, 8};
  assert_int_equal(step_once(options, decayed, 2, gradients, 1), DC_OK);
  assert_near(decayed[0], 4 - 0.5 * (2 + 2), 0);
  assert_near(decayed[1], 8 - 0.5 * (4 + 4), 0);
}

static void
shares_of_a_step_are_the_whole(void **state)
{
  (void)state;
  const size_t ends[] = {0, 2, 3, 4, 4, 9};
  float gradient[9];
  for (size_t i = 0; i < 9; i++)
    gradient[i] = (float)i - 3.5f;
  for (int sgd = 0; sgd < 2; sgd++) {
    const DcOptimiserOptions options = sgd ? dc_optimiser_sgd(0.1, 0.9) : dc_optimiser_adam(0.1);
    float whole[9] = {0}, shared[9] = {0};
    const DcParameters pieces[] = {{whole, 3}, {whole + 3, 0}, {whole + 3, 6}};
    const DcParameters parts[] = {{shared, 3}, {shared + 3, 0}, {shared + 3, 6}};
    DcOptimiser *one, *other;
    assert_int_equal(dc_optimiser_new(&options, 9, &one, NULL), DC_OK);
    assert_int_equal(dc_optimiser_new(&options, 9, &other, NULL), DC_OK);
    for (size_t step = 0; step < 3; step++) {
      dc_optimiser_step(one, pieces, 3, gradient);
      dc_optimiser_begin(other);
      for (size_t i = 5; i > 0; i--)
        dc_optimiser_step_range(other, parts, 3, gradient, ends[i - 1], ends[i]);
    }
    assert_memory_equal(whole, shared, sizeof whole);
    assert_true(whole[8] < 0 && whole[0] > 0);
    dc_optimiser_free(one);
    dc_optimiser_free(other);
  }
}

static void
weight_decay_of_adam_is_decoupled(void **state)
{
  (void)state;
  DcOptimiserOptions options = dc_optimiser_adam(0.1);
  options.weight_decay = 0.5;
  float values[] = {4, 4};
  const float gradients[] = {0, 0};
  assert_int_equal(step_once(options, values, 2, gradients, 1), DC_OK);
  assert_near(values[0], 4 * (1 - 0.1 * 0.5), 1e-6);
}

static void
optimiser_options_out_of_range_are_refused(void **state)
{
  (void)state;
  DcOptimiserOptions bad[9];
  for (size_t i = 0; i < 5; i++)
    bad[i] = dc_optimiser_adam(0.1);
  for (size_t i = 5; i < 9; i++)
    bad[i] = dc_optimiser_sgd(0.1, 0.9);
  bad[0].learning_rate = 0;
  bad[1].learning_rate = NAN;
  bad[2].beta1 = 1;
  bad[3].beta2 = -0.1;
  bad[4].epsilon = 0;
  bad[5].momentum = 1;
  bad[6].momentum = NAN;
  bad[7].weight_decay = -1;
  bad[8].learning_rate = INFINITY;
  for (size_t i = 0; i < 9; i++) {
    DcOptimiser *optimiser;
    DcError error = {0};
    assert_int_equal(dc_optimiser_new(&bad[i], 1, &optimiser, &error), DC_ERROR_ARGUMENT);
    assert_null(optimiser);
    assert_non_null(strstr(error.message, "must be"));
  }
}

/* --- first weights --- */

static void
measure(const float *values, size_t count, double *square, double *most)
{
  *square = *most = 0;
  for (size_t i = 0; i < count; i++) {
    *square += (double)values[i] * values[i];
    *most = fmax(*most, fabs((double)values[i]));
  }
}

static void
check_range(const DcLayer *layer, double range)
{
  double square, most;
  measure(layer->weight, layer->weight_size, &square, &most);
  /* The largest of thousands comes close to the border; the variance of U(-r, r) is r^2 / 3, known
   * to a few per cent. */
  assert_true(most <= range * (1 + 1e-6) && most > 0.99 * range);
  assert_near(square / (double)layer->weight_size, range * range / 3, 0.05 * range * range);
  for (size_t i = 0; i < layer->bias_size; i++)
    assert_true(layer->bias[i] == 0);
}

static void
first_weights_have_their_ranges(void **state)
{
  (void)state;
  static const int none[4] = {0, 0, 0, 0};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcNetwork *network = dc_network_new((DcShape){6, 6, 8});
  add_random(network, window_layer(DC_LAYER_CONV2D, 3, 3, 1, none, 24), &random);
  add_random(network, (DcLayer){.kind = DC_LAYER_AFFINE}, &random);
  add_random(network, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = 10}}, &random);
  dc_initialise_uniform(network, 0, 0.05f, &random);
  check_range(dc_network_layer_const(network, 0), 0.05);
  dc_initialise_glorot(network, 0, &random);
  check_range(dc_network_layer_const(network, 0), sqrt(6.0 / (9 * 8 + 9 * 24)));
  dc_initialise_glorot(network, 2, &random);
  check_range(dc_network_layer_const(network, 2), sqrt(6.0 / (4 * 4 * 24 + 10)));
  dc_initialise_glorot(network, 1, &random);
  for (size_t i = 0; i < 24; i++)
    assert_true(dc_network_layer_const(network, 1)->weight[i] == 1);
  dc_network_free(network);
}

static void
kaiming_weights_are_normal_by_the_fan_out(void **state)
{
  (void)state;
  static const int none[4] = {0, 0, 0, 0};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcNetwork *network =
      single_layer((DcShape){6, 6, 8}, window_layer(DC_LAYER_CONV2D, 3, 3, 1, none, 24), &random);
  dc_initialise_kaiming(network, 0, &random);
  const DcLayer *layer = dc_network_layer_const(network, 0);
  double square, most;
  measure(layer->weight, layer->weight_size, &square, &most);
  /* The variance of 1728 normal numbers is known to sqrt(2 / 1728), 3.4 %; three times that. */
  const double variance = 2.0 / (9 * 24);
  assert_near(square / (double)layer->weight_size, variance, 0.1 * variance);
  assert_true(most > 2.5 * sqrt(variance)); /* no uniform numbers */
  for (size_t i = 0; i < 24; i++)
    assert_true(layer->bias[i] == 0);
  dc_network_free(network);
}

static void
fan_in_draws_the_biases_too(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcNetwork *network =
      single_layer((DcShape){2, 2, 16}, (DcLayer){.kind = DC_LAYER_DENSE, .output = {1, 1, 900}},
                   &random);
  add_random(network, (DcLayer){.kind = DC_LAYER_BATCH_NORM}, &random);
  dc_initialise_fan_in(network, 0, &random);
  dc_initialise_fan_in(network, 1, &random);
  const DcLayer *dense = dc_network_layer_const(network, 0);
  const DcLayer *norm = dc_network_layer_const(network, 1);
  double square, most;
  measure(dense->weight, dense->weight_size, &square, &most);
  assert_true(most <= 0.125f && most > 0.124);
  measure(dense->bias, dense->bias_size, &square, &most);
  assert_true(most <= 0.125f && most > 0.12);
  /* The variance of 900 uniform numbers is known to sqrt(0.8 / 900), 3 %. */
  assert_near(square / 900, 0.125 * 0.125 / 3, 0.1 * 0.125 * 0.125 / 3);
  for (size_t i = 0; i < 900; i++)
    assert_true(norm->weight[i] == 1 && norm->bias[i] == 0);
  dc_network_free(network);
}

static void
truncated_biases_end_at_two_sigma(void **state)
{
  (void)state;
  enum { COUNT = 4000 };
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcNetwork *network =
      single_layer((DcShape){1, 1, 2}, (DcLayer){.kind = DC_LAYER_DENSE, .output = {1, 1, COUNT}},
                   &random);
  const DcLayer *layer = dc_network_layer_const(network, 0);
  const float weight = layer->weight[5];
  dc_initialise_truncated_biases(network, 0, &random);
  double square, most;
  measure(layer->bias, COUNT, &square, &most);
  const double sigma = sqrt(1.0 / COUNT) / 0.87962566103423978;
  assert_true(most <= 2.0001 * sigma && most > 1.98 * sigma);
  assert_near(square, 1, 0.06); /* COUNT times 1 / COUNT, known to less than sqrt(2 / 4000) */
  assert_true(layer->weight[5] == weight);
  dc_network_free(network);
}

/* --- fit --- */

#define SAMPLES 50
#define INPUTS  6

/* Two networks of one layer each that are to learn a fixed linear map. */
typedef struct {
  DcNetwork *networks[2];
  float samples[SAMPLES * INPUTS], targets[SAMPLES * 2];
  uint32_t rows[SAMPLES];
} Lesson;

static Lesson
make_lesson(void)
{
  Lesson lesson;
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  lesson.networks[0] = single_layer((DcShape){1, 1, INPUTS},
                                    (DcLayer){.kind = DC_LAYER_DENSE,
                                              .activation = DC_ACTIVATION_LEAKY_RELU,
                                              .slope = 0.5f,
                                              .output = {.channels = 8}},
                                    &random);
  lesson.networks[1] =
      single_layer((DcShape){1, 1, 8}, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = 2}},
                   &random);
  fill_uniform(&random, lesson.samples, SAMPLES * INPUTS, 1);
  for (size_t i = 0; i < SAMPLES; i++) {
    const float *x = lesson.samples + i * INPUTS;
    lesson.targets[2 * i] = x[0] + 2 * x[1] - x[2];
    lesson.targets[2 * i + 1] = x[3] - x[4] + 0.5f * x[5];
    lesson.rows[i] = (uint32_t)i;
  }
  return lesson;
}

static void
free_lesson(Lesson *lesson)
{
  dc_network_free(lesson->networks[0]);
  dc_network_free(lesson->networks[1]);
}

static DcFitOptions
options_of(Lesson *lesson, size_t threads)
{
  return (DcFitOptions){.networks = lesson->networks,
                        .network_count = 2,
                        .loss = dc_loss_mean_squared_error,
                        .optimiser = dc_optimiser_adam(0.01),
                        .threads = threads};
}

static double
fit_for(Lesson *lesson, size_t threads, size_t steps, size_t batch)
{
  const DcFitOptions options = options_of(lesson, threads);
  DcFit *fit;
  double loss = 0;
  assert_int_equal(dc_fit_new(&options, &fit, NULL), DC_OK);
  for (size_t i = 0; i < steps; i++)
    assert_int_equal(dc_fit_step(fit, lesson->samples, lesson->targets, lesson->rows, batch, &loss),
                     DC_OK);
  dc_fit_free(fit);
  return loss;
}

static void
steps_learn_a_linear_map(void **state)
{
  (void)state;
  Lesson lesson = make_lesson();
  const double first = fit_for(&lesson, 2, 1, SAMPLES);
  const double last = fit_for(&lesson, 2, 800, SAMPLES);
  assert_true(first > 1 && last < 1e-2 * first);
  free_lesson(&lesson);
}

/* One step on the mean over the batch, against a trainer and an optimiser by hand. */
static void
a_step_is_one_optimiser_step_on_the_mean(void **state)
{
  (void)state;
  Lesson lesson = make_lesson(), by_hand = make_lesson();
  DcFitOptions options = options_of(&lesson, 3);
  options.network_count = 1;
  options.optimiser = dc_optimiser_sgd(0.1, 0);
  float targets[SAMPLES * 8], delta[SAMPLES * 8];
  for (size_t i = 0; i < SAMPLES * 8; i++)
    targets[i] = (float)(i % 7);
  DcFit *fit;
  double loss;
  assert_int_equal(dc_fit_new(&options, &fit, NULL), DC_OK);
  assert_int_equal(dc_fit_step(fit, lesson.samples, targets, lesson.rows, SAMPLES, &loss), DC_OK);
  DcTrainer *trainer;
  assert_int_equal(dc_trainer_new(by_hand.networks[0], SAMPLES, false, &trainer, NULL), DC_OK);
  const float *output = dc_trainer_forward(trainer, by_hand.samples, SAMPLES);
  const double expected =
      dc_loss_mean_squared_error(output, targets, SAMPLES, 8, 1.0 / SAMPLES, delta, NULL);
  dc_trainer_backward(trainer, delta);
  assert_near(loss, expected, 1e-6 * expected);
  const DcLayer *actual = dc_network_layer_const(lesson.networks[0], 0);
  const DcLayer *start = dc_network_layer_const(by_hand.networks[0], 0);
  const float *gradient = dc_trainer_gradient(trainer);
  for (size_t i = 0; i < actual->weight_size; i++)
    assert_near(actual->weight[i], start->weight[i] - 0.1f * gradient[i], 1e-6);
  dc_trainer_free(trainer);
  dc_fit_free(fit);
  free_lesson(&lesson);
  free_lesson(&by_hand);
}

static void
equal_threads_give_equal_bytes(void **state)
{
  (void)state;
  for (size_t threads = 1; threads <= 3; threads++) {
    Lesson a = make_lesson(), b = make_lesson(), c = make_lesson();
    fit_for(&a, threads, 20, 37);
    fit_for(&b, threads, 20, 37);
    fit_for(&c, threads + 1, 20, 37);
    for (size_t i = 0; i < 2; i++) {
      const DcLayer *left = dc_network_layer_const(a.networks[i], 0);
      const DcLayer *right = dc_network_layer_const(b.networks[i], 0);
      const DcLayer *other = dc_network_layer_const(c.networks[i], 0);
      assert_memory_equal(left->weight, right->weight, left->weight_size * sizeof(float));
      /* Another number of threads sums in another order. Adam turns a rounding error of a gradient
       * near zero into a fraction of a step of 0.01, twenty times. */
      for (size_t j = 0; j < left->weight_size; j++)
        assert_near(left->weight[j], other->weight[j], 1e-3);
    }
    free_lesson(&a);
    free_lesson(&b);
    free_lesson(&c);
  }
}

static void
more_threads_than_samples_are_no_harm(void **state)
{
  (void)state;
  Lesson a = make_lesson(), b = make_lesson();
  assert_near(fit_for(&a, 5, 3, 2), fit_for(&b, 1, 3, 2), 1e-5);
  free_lesson(&a);
  free_lesson(&b);
}

static void
a_loss_that_is_no_number_changes_nothing(void **state)
{
  (void)state;
  Lesson lesson = make_lesson(), untouched = make_lesson();
  const DcFitOptions options = options_of(&lesson, 2);
  DcFit *fit;
  double loss;
  assert_int_equal(dc_fit_new(&options, &fit, NULL), DC_OK);
  lesson.samples[17 * INPUTS] = NAN;
  assert_int_equal(dc_fit_step(fit, lesson.samples, lesson.targets, lesson.rows, SAMPLES, &loss),
                   DC_ERROR_NOT_FINITE);
  assert_int_equal(dc_fit_step(fit, lesson.samples, lesson.targets, lesson.rows, 0, &loss),
                   DC_ERROR_ARGUMENT);
  for (size_t i = 0; i < 2; i++) {
    const DcLayer *left = dc_network_layer_const(lesson.networks[i], 0);
    const DcLayer *right = dc_network_layer_const(untouched.networks[i], 0);
    assert_memory_equal(left->weight, right->weight, left->weight_size * sizeof(float));
  }
  /* The next step, without that sample, goes on as if nothing had been. */
  assert_int_equal(dc_fit_step(fit, lesson.samples, lesson.targets, lesson.rows, 17, &loss), DC_OK);
  assert_near(loss, fit_for(&untouched, 2, 1, 17), 0);
  dc_fit_free(fit);
  free_lesson(&lesson);
  free_lesson(&untouched);
}

/* --- saving and restoring --- */

static void
list_all(Lesson *lesson, DcFit *fit, DcStateList *list)
{
  dc_network_list_state(lesson->networks[0], "encoder", list);
  dc_network_list_state(lesson->networks[1], "decoder", list);
  dc_fit_list_state(fit, "fit", list);
  assert_false(list->failed);
}

static size_t
array_bytes(const DcStateArray *array)
{
  return array->count * dc_state_type_size(array->type);
}

/* What a checkpoint does: every array of one course into the array of that name of another. */
static void
transfer(const DcStateList *from, DcStateList *to)
{
  assert_int_equal(from->count, to->count);
  for (size_t i = 0; i < from->count; i++) {
    assert_string_equal(from->arrays[i].name, to->arrays[i].name);
    assert_int_equal(array_bytes(&from->arrays[i]), array_bytes(&to->arrays[i]));
    memcpy(to->arrays[i].data, from->arrays[i].data, array_bytes(&from->arrays[i]));
  }
}

static void
step_again(DcFit *fit, const Lesson *lesson, size_t steps)
{
  double loss;
  for (size_t i = 0; i < steps; i++)
    assert_int_equal(dc_fit_step(fit, lesson->samples, lesson->targets, lesson->rows, 20, &loss),
                     DC_OK);
}

static void
check_restored_goes_on(DcOptimiserOptions optimiser)
{
  Lesson saved = make_lesson(), restored = make_lesson();
  DcFitOptions options = options_of(&saved, 2);
  options.optimiser = optimiser;
  DcFit *fit, *other;
  assert_int_equal(dc_fit_new(&options, &fit, NULL), DC_OK);
  options.networks = restored.networks;
  assert_int_equal(dc_fit_new(&options, &other, NULL), DC_OK);
  step_again(fit, &saved, 3);
  step_again(other, &restored, 1); /* so that there is something to be wrong */
  DcStateList from = {0}, to = {0};
  list_all(&saved, fit, &from);
  list_all(&restored, other, &to);
  transfer(&from, &to);
  step_again(fit, &saved, 4);
  step_again(other, &restored, 4);
  for (size_t i = 0; i < from.count; i++)
    assert_memory_equal(from.arrays[i].data, to.arrays[i].data, array_bytes(&from.arrays[i]));
  dc_state_list_clear(&from);
  dc_state_list_clear(&to);
  dc_fit_free(fit);
  dc_fit_free(other);
  free_lesson(&saved);
  free_lesson(&restored);
}

static void
a_restored_fit_goes_on_to_the_same_bytes(void **state)
{
  (void)state;
  check_restored_goes_on(dc_optimiser_adam(0.01));
  check_restored_goes_on(dc_optimiser_sgd(0.01, 0.9));
}

static void
the_state_lists_everything_by_name(void **state)
{
  (void)state;
  Lesson lesson = make_lesson();
  DcFitOptions options = options_of(&lesson, 1);
  DcFit *fit;
  DcStateList list = {0};
  const uint64_t revision = dc_network_revision(lesson.networks[0]);
  assert_int_equal(dc_fit_new(&options, &fit, NULL), DC_OK);
  list_all(&lesson, fit, &list);
  assert_true(dc_network_revision(lesson.networks[0]) > revision);
  static const char *const names[] = {"encoder.0.weight", "encoder.0.bias", "decoder.0.weight",
                                      "decoder.0.bias",   "fit.0.steps",    "fit.0.first",
                                      "fit.0.second",     "fit.1.steps",    "fit.1.first",
                                      "fit.1.second"};
  assert_int_equal(list.count, 10);
  for (size_t i = 0; i < 10; i++)
    assert_string_equal(list.arrays[i].name, names[i]);
  dc_state_list_clear(&list);
  dc_fit_free(fit);
  free_lesson(&lesson);
}

static void
state_under_too_long_a_name_is_seen_to_fail(void **state)
{
  (void)state;
  char prefix[DC_STATE_NAME_SIZE];
  memset(prefix, 'x', sizeof prefix - 1);
  prefix[sizeof prefix - 1] = 0;
  Lesson lesson = make_lesson();
  const DcFitOptions options = options_of(&lesson, 1);
  DcFit *fit;
  DcStateList of_network = {0}, of_fit = {0};
  assert_int_equal(dc_fit_new(&options, &fit, NULL), DC_OK);
  dc_network_list_state(lesson.networks[0], prefix, &of_network);
  dc_fit_list_state(fit, prefix, &of_fit);
  assert_true(of_network.failed && of_fit.failed);
  dc_state_list_clear(&of_network);
  dc_state_list_clear(&of_fit);
  dc_fit_free(fit);
  free_lesson(&lesson);
}

static void
fits_of_what_does_not_fit_are_refused(void **state)
{
  (void)state;
  Lesson lesson = make_lesson();
  DcFit *fit;
  DcError error = {0};
  DcFitOptions options = options_of(&lesson, 0);
  assert_int_equal(dc_fit_new(&options, &fit, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "0 threads"));
  options = options_of(&lesson, 1);
  options.network_count = 0;
  assert_int_equal(dc_fit_new(&options, &fit, &error), DC_ERROR_ARGUMENT);
  options = options_of(&lesson, 1);
  options.optimiser.learning_rate = -1;
  assert_int_equal(dc_fit_new(&options, &fit, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "learning rate"));
  DcNetwork *swapped[] = {lesson.networks[1], lesson.networks[0]};
  options = options_of(&lesson, 1);
  options.networks = swapped;
  assert_int_equal(dc_fit_new(&options, &fit, &error), DC_ERROR_SHAPE);
  assert_non_null(strstr(error.message, "network 0 gives 2 numbers"));
  add_random(lesson.networks[1], (DcLayer){.kind = DC_LAYER_BATCH_NORM}, &(DcRandom){0});
  options = options_of(&lesson, 1);
  assert_int_equal(dc_fit_new(&options, &fit, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "network 1, layer 1: batch normalisation"));
  assert_null(fit);
  free_lesson(&lesson);
}

static void
a_step_allocates_nothing(void **state)
{
  (void)state;
  Lesson lesson = make_lesson();
  const DcFitOptions options = options_of(&lesson, 2);
  DcFit *fit;
  double loss;
  assert_int_equal(dc_fit_new(&options, &fit, NULL), DC_OK);
  const size_t before = allocations;
  for (size_t batch = 1; batch <= SAMPLES; batch += 7)
    assert_int_equal(dc_fit_step(fit, lesson.samples, lesson.targets, lesson.rows, batch, &loss),
                     DC_OK);
  assert_int_equal(allocations, before);
  assert_true(before > 0);
  dc_fit_free(fit);
  free_lesson(&lesson);
}

static void
a_fit_survives_the_failure_of_any_allocation(void **state)
{
  (void)state;
  Lesson lesson = make_lesson();
  const DcFitOptions options = options_of(&lesson, 2);
  DcFit *fit;
  size_t failures = 0;
  for (;; failures++) {
    fail_at = allocations + failures;
    DcError error = {0};
    const DcStatus status = dc_fit_new(&options, &fit, &error);
    fail_at = SIZE_MAX;
    if (!status)
      break;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_true(error.message[0]);
    assert_null(fit);
  }
  assert_in_range(failures, 30, 300);
  dc_fit_free(fit);
  free_lesson(&lesson);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(adam_steps_are_those_of_its_formula),
      cmocka_unit_test(adam_has_the_defaults_of_keras),
      cmocka_unit_test(sgd_steps_are_those_of_its_formula),
      cmocka_unit_test(shares_of_a_step_are_the_whole),
      cmocka_unit_test(weight_decay_of_adam_is_decoupled),
      cmocka_unit_test(optimiser_options_out_of_range_are_refused),
      cmocka_unit_test(first_weights_have_their_ranges),
      cmocka_unit_test(kaiming_weights_are_normal_by_the_fan_out),
      cmocka_unit_test(fan_in_draws_the_biases_too),
      cmocka_unit_test(truncated_biases_end_at_two_sigma),
      cmocka_unit_test(steps_learn_a_linear_map),
      cmocka_unit_test(a_step_is_one_optimiser_step_on_the_mean),
      cmocka_unit_test(equal_threads_give_equal_bytes),
      cmocka_unit_test(more_threads_than_samples_are_no_harm),
      cmocka_unit_test(a_loss_that_is_no_number_changes_nothing),
      cmocka_unit_test(a_step_allocates_nothing),
      cmocka_unit_test(a_restored_fit_goes_on_to_the_same_bytes),
      cmocka_unit_test(the_state_lists_everything_by_name),
      cmocka_unit_test(state_under_too_long_a_name_is_seen_to_fail),
      cmocka_unit_test(a_fit_survives_the_failure_of_any_allocation),
      cmocka_unit_test(fits_of_what_does_not_fit_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
