/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Back-propagation against central differences of the double reference. The differences carry no
 * rounding that matters: the loss is computed in double, moved by 1e-6, so they are off by 1e-10
 * from rounding and by the square of the step from curvature, and a kink of ReLU or of a maximum
 * lies in so short a step once in a million. What is left is the float32 of the gradient under
 * test. */
#include "base/memory.h"
#include "networks.h"
#include "nn/loss.h"
#include "nn/plan.h"
#include "nn/reference.h"
#include "nn/residual_network.h"
#include "nn/trainer.h"

#include <string.h>

#define BATCH 3
#define STEP  1e-6
/* Relative to the largest number of the same piece of the gradient: sums of up to some hundred
 * products, rounded to 2^-24 each, through up to seven layers. */
#define TOLERANCE 2e-5
/* A loss in double, as the definition has it. */
typedef double (*DoubleLoss)(const double *output, const float *target, size_t samples,
                             size_t size);

static double
linear_in_double(const double *output, const float *target, size_t samples, size_t size)
{
  double sum = 0;
  for (size_t i = 0; i < samples * size; i++)
    sum += output[i] * target[i];
  return sum / (double)samples;
}

/* The gradient of this one is the target: what a layer is tested with alone. */
static double
linear(const float *output, const float *target, size_t samples, size_t size, double scale,
       float *gradient, void *data)
{
  (void)data;
  double sum = 0;
  for (size_t i = 0; i < samples * size; i++) {
    sum += (double)output[i] * target[i];
    gradient[i] = (float)(scale * target[i]);
  }
  return scale * sum;
}

static double
squared_in_double(const double *output, const float *target, size_t samples, size_t size)
{
  double sum = 0;
  for (size_t i = 0; i < samples * size; i++)
    sum += (output[i] - target[i]) * (output[i] - target[i]);
  return sum / (double)(samples * size);
}

/* A network, a batch, and the gradients of both kinds. */
typedef struct {
  const DcNetwork *network;
  DoubleLoss loss;
  double *input;
  float *target;
  DcRandom random;
} Subject;

static double
loss_now(const Subject *subject)
{
  const size_t size = dc_shape_size(dc_network_output(subject->network));
  double *output = DC_NEW(double, BATCH *size);
  assert_int_equal(dc_network_train_double(subject->network, subject->input, BATCH, output), DC_OK);
  const double loss = subject->loss(output, subject->target, BATCH, size);
  dc_free(output);
  return loss;
}

static double
slope_of_weight(const Subject *subject, float *weight)
{
  const float middle = *weight;
  *weight = middle + (float)STEP;
  const double right = loss_now(subject), above = *weight;
  *weight = middle - (float)STEP;
  const double left = loss_now(subject), below = *weight;
  *weight = middle;
  return (right - left) / (above - below); /* by the step that float made of it */
}

static double
slope_of_input(const Subject *subject, size_t index)
{
  const double middle = subject->input[index];
  subject->input[index] = middle + STEP;
  const double right = loss_now(subject);
  subject->input[index] = middle - STEP;
  const double left = loss_now(subject);
  subject->input[index] = middle;
  return (right - left) / (2 * STEP);
}

static double
largest(const float *values, size_t count)
{
  double most = 0;
  for (size_t i = 0; i < count; i++)
    most = fabs((double)values[i]) > most ? fabs((double)values[i]) : most;
  return most;
}

/* `size`: what the tolerance is relative to. */
static void
compare(const Subject *subject, size_t layer, const char *what, size_t index, double slope,
        const float *gradient, size_t count, double size)
{
  const double tolerance = TOLERANCE * size + 1e-7;
  if (!(fabs(slope - (double)gradient[index]) <= tolerance))
    fail_msg("layer %zu (%s, %s), %s %zu of %zu: %.9g is not %.9g", layer,
             dc_layer_kind_name(dc_network_layer_const(subject->network, layer)->kind),
             dc_activation_name(dc_network_layer_const(subject->network, layer)->activation), what,
             index, count, (double)gradient[index], slope);
}

/* Some of a piece's weights; all of a small one. */
static void
compare_weights(Subject *subject, size_t layer, const char *what, float *weights, size_t count,
                const float *gradient, double size)
{
  const size_t checks = count < 6 ? count : 6;
  for (size_t i = 0; i < checks; i++) {
    const size_t index = checks == count ? i : dc_random_below(&subject->random, (uint32_t)count);
    compare(subject, layer, what, index, slope_of_weight(subject, weights + index), gradient, count,
            size);
  }
}

static void
compare_inputs(Subject *subject, const float *gradient)
{
  const size_t count = BATCH * dc_shape_size(dc_network_input(subject->network));
  for (size_t i = 0; i < 6; i++) {
    const size_t index = dc_random_below(&subject->random, (uint32_t)count);
    compare(subject, 0, "input", index, slope_of_input(subject, index), gradient, count,
            largest(gradient, count));
  }
}

/* Batch normalisation takes away what a bias before it adds: its gradient is 0, or here the
 * rounding of terms that cancel, which are of the size of those of the weight. */
static bool
bias_is_taken_away(const DcNetwork *network, size_t layer)
{
  return layer + 1 < dc_network_layer_count(network) &&
         dc_network_layer_const(network, layer + 1)->kind == DC_LAYER_BATCH_NORM;
}

static void
check_gradients(const DcNetwork *network, DcLoss loss, DoubleLoss double_loss)
{
  const size_t in = BATCH * dc_shape_size(dc_network_input(network));
  const size_t size = dc_shape_size(dc_network_output(network));
  Subject subject = {.network = network,
                     .loss = double_loss,
                     .input = DC_NEW(double, in),
                     .target = DC_NEW(float, BATCH *size)};
  float *input = DC_NEW(float, in), *delta = DC_NEW(float, BATCH *size);
  dc_random_seed(&subject.random, 99, in);
  fill_uniform(&subject.random, input, in, 1);
  fill_uniform(&subject.random, subject.target, BATCH * size, 1);
  for (size_t i = 0; i < in; i++)
    subject.input[i] = input[i];
  DcTrainer *trainer;
  assert_int_equal(dc_trainer_new(network, BATCH, true, &trainer, NULL), DC_OK);
  const float *output = dc_trainer_forward(trainer, input, BATCH);
  const double value = loss(output, subject.target, BATCH, size, 1.0 / BATCH, delta, NULL);
  assert_near(value, loss_now(&subject), 1e-5 * (1 + fabs(value)));
  const float *input_gradient = dc_trainer_backward(trainer, delta);
  const float *gradient = dc_trainer_gradient(trainer);
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    const double largest_weight = largest(gradient, layer->weight_size);
    compare_weights(&subject, i, "weight", layer->weight, layer->weight_size, gradient,
                    largest_weight);
    gradient += layer->weight_size;
    compare_weights(&subject, i, "bias", layer->bias, layer->bias_size, gradient,
                    bias_is_taken_away(network, i) ? largest_weight
                                                   : largest(gradient, layer->bias_size));
    gradient += layer->bias_size;
  }
  compare_inputs(&subject, input_gradient);
  dc_trainer_free(trainer);
  dc_free(subject.input);
  dc_free(subject.target);
  dc_free(input);
  dc_free(delta);
}

static void
check_layer(const DcNetwork *network)
{
  check_gradients(network, linear, linear_in_double);
}

static void
every_layer_and_activation(void **state)
{
  (void)state;
  for_each_layer(check_layer);
}

/* Every kind in one network, so that gradients pass from each to the next. */
static DcNetwork *
mixed_network(void)
{
  static const int same[4] = {1, 2, 1, 2}, one[4] = {1, 1, 1, 1}, none[4] = {0, 0, 0, 0};
  DcRandom random;
  dc_random_seed(&random, 21, 0);
  DcNetwork *network = dc_network_new((DcShape){9, 10, 2});
  DcLayer layers[] = {window_layer(DC_LAYER_CONV2D, 5, 5, 2, same, 35),
                      window_layer(DC_LAYER_DEPTHWISE_CONV2D, 3, 3, 1, one, 0),
                      {.kind = DC_LAYER_AFFINE},
                      window_layer(DC_LAYER_MAX_POOL, 2, 2, 1, none, 0),
                      {.kind = DC_LAYER_RESHAPE, .output = {1, 1, 0}},
                      {.kind = DC_LAYER_DENSE, .output = {.channels = 18}},
                      {.kind = DC_LAYER_RESHAPE, .output = {3, 3, 2}},
                      window_layer(DC_LAYER_TRANSPOSED_CONV2D, 3, 3, 2, one, 0),
                      window_layer(DC_LAYER_AVERAGE_POOL, 2, 2, 1, none, 0),
                      {.kind = DC_LAYER_DENSE, .output = {.channels = 6}},
                      {.kind = DC_LAYER_L2_NORMALISE}};
  layers[7].stride_across = 1;
  layers[7].output = (DcShape){5, 3, 4};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    if (i == 4)
      layers[i].output.channels = (int)dc_shape_size(dc_network_output(network));
    layers[i].activation = i < 9 ? (DcActivation)(i % 4) : DC_ACTIVATION_NONE;
    layers[i].slope = 0.1f;
    add_random(network, layers[i], &random);
  }
  return network;
}

static void
whole_network_under_its_loss(void **state)
{
  (void)state;
  DcNetwork *network = mixed_network();
  check_gradients(network, dc_loss_mean_squared_error, squared_in_double);
  dc_network_free(network);
}

static void
branches_under_their_loss(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 23, 0);
  DcNetwork *network = branching_network(&random);
  check_gradients(network, dc_loss_mean_squared_error, squared_in_double);
  dc_network_free(network);
}

/* A plain block, one with a shortcut, and a second one after it. */
static void
residual_network_under_its_loss(void **state)
{
  (void)state;
  const DcResidualOptions options = {.width = 3, .blocks = 2, .stages = 2};
  DcNetwork *network, *projector;
  assert_int_equal(dc_residual_network_init(&network, (DcShape){6, 5, 2}, &options, 9, NULL),
                   DC_OK);
  check_gradients(network, dc_loss_mean_squared_error, squared_in_double);
  dc_network_free(network);
  assert_int_equal(dc_projector_init(&projector, 7, 5, 9, NULL), DC_OK);
  check_gradients(projector, dc_loss_mean_squared_error, squared_in_double);
  dc_network_free(projector);
}

/* --- what a trainer promises beside the numbers --- */

typedef struct {
  DcNetwork *network;
  DcTrainer *trainer;
  float *input, *delta;
} Pass;

static Pass
make_pass(void)
{
  Pass pass = {.network = mixed_network()};
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  pass.input = DC_NEW(float, 8 * dc_shape_size(dc_network_input(pass.network)));
  pass.delta = DC_NEW(float, 8 * 6);
  fill_uniform(&random, pass.input, 8 * dc_shape_size(dc_network_input(pass.network)), 1);
  fill_uniform(&random, pass.delta, 8 * 6, 1);
  assert_int_equal(dc_trainer_new(pass.network, 8, false, &pass.trainer, NULL), DC_OK);
  return pass;
}

static void
free_pass(Pass *pass)
{
  dc_trainer_free(pass->trainer);
  dc_network_free(pass->network);
  dc_free(pass->input);
  dc_free(pass->delta);
}

static void
the_way_forward_is_that_of_a_plan(void **state)
{
  (void)state;
  Pass pass = make_pass();
  float expected[8 * 6];
  DcPlan *plan;
  assert_int_equal(dc_plan_new(pass.network, 8, &plan, NULL), DC_OK);
  assert_int_equal(dc_plan_run(plan, pass.input, 8, expected), DC_OK);
  assert_memory_equal(dc_trainer_forward(pass.trainer, pass.input, 8), expected, sizeof expected);
  dc_plan_free(plan);
  free_pass(&pass);
}

static void
gradients_add_up_until_cleared(void **state)
{
  (void)state;
  Pass pass = make_pass();
  const size_t count = dc_network_parameters(pass.network);
  const size_t in = dc_shape_size(dc_network_input(pass.network));
  float *whole = DC_NEW(float, count), *gradient = dc_trainer_gradient(pass.trainer);
  dc_trainer_forward(pass.trainer, pass.input, 8);
  assert_null(dc_trainer_backward(pass.trainer, pass.delta)); /* input gradient not planned */
  memcpy(whole, gradient, count * sizeof *whole);
  assert_true(largest(whole, count) > 0);
  dc_trainer_clear_gradient(pass.trainer);
  assert_true(largest(gradient, count) == 0);
  /* The same batch in two parts gives the same sum, but for rounding. */
  dc_trainer_forward(pass.trainer, pass.input, 3);
  dc_trainer_backward(pass.trainer, pass.delta);
  dc_trainer_forward(pass.trainer, pass.input + 3 * in, 5);
  dc_trainer_backward(pass.trainer, pass.delta + (ptrdiff_t)3 * 6);
  for (size_t i = 0; i < count; i++)
    assert_near(gradient[i], whole[i], TOLERANCE * largest(whole, count));
  dc_free(whole);
  free_pass(&pass);
}

static void
changed_weights_are_seen_by_the_next_pass(void **state)
{
  (void)state;
  Pass pass = make_pass();
  float before[6];
  memcpy(before, dc_trainer_forward(pass.trainer, pass.input, 1), sizeof before);
  dc_network_layer(pass.network, 0)->weight[0] += 1;
  const float *after = dc_trainer_forward(pass.trainer, pass.input, 1);
  assert_memory_not_equal(before, after, sizeof before);
  dc_network_layer(pass.network, 0)->weight[0] -= 1;
  free_pass(&pass);
}

static void
pieces_are_the_parameters_in_order(void **state)
{
  (void)state;
  DcNetwork *network = mixed_network();
  DcParameters pieces[22];
  const uint64_t revision = dc_network_revision(network);
  assert_int_equal(dc_network_pieces(network, pieces, 22), 22);
  assert_true(dc_network_revision(network) > revision);
  size_t sum = 0;
  for (size_t i = 0; i < 22; i++)
    sum += pieces[i].count;
  assert_int_equal(sum, dc_network_parameters(network));
  assert_ptr_equal(pieces[1].values, dc_network_layer_const(network, 0)->bias);
  assert_int_equal(dc_network_pieces(network, pieces, 2), 22);
  dc_network_free(network);
}

static void
trainers_of_nothing_are_refused(void **state)
{
  (void)state;
  DcNetwork *network = mixed_network(), *empty = dc_network_new((DcShape){1, 1, 1});
  DcTrainer *trainer;
  DcError error = {0};
  assert_int_equal(dc_trainer_new(network, 0, false, &trainer, &error), DC_ERROR_ARGUMENT);
  assert_null(trainer);
  assert_non_null(strstr(error.message, "0 samples"));
  assert_int_equal(dc_trainer_new(empty, 1, false, &trainer, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "without layers"));
  assert_int_equal(dc_trainer_new(network, SIZE_MAX / 8, false, &trainer, &error), DC_ERROR_MEMORY);
  assert_null(trainer);
  assert_non_null(strstr(error.message, "no memory"));
  dc_network_free(network);
  dc_network_free(empty);
}

/* --- losses --- */

static void
the_loss_has_its_closed_value(void **state)
{
  (void)state;
  const float output[] = {1, 2, 3, 4}, target[] = {1, 0, 3, 1};
  float gradient[4];
  /* Two samples: (0 + 4) / 2 and (0 + 9) / 2, each half. */
  assert_near(dc_loss_mean_squared_error(output, target, 2, 2, 0.5, gradient, NULL), 3.25, 0);
  const float expected[] = {0, 1, 0, 1.5f};
  assert_memory_equal(gradient, expected, sizeof expected);
}

static void
the_loss_of_nan_is_nan(void **state)
{
  (void)state;
  const float output[] = {1, NAN}, target[] = {0, 1};
  float gradient[2];
  assert_true(isnan(dc_loss_mean_squared_error(output, target, 1, 2, 1, gradient, NULL)));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_layer_and_activation),
      cmocka_unit_test(whole_network_under_its_loss),
      cmocka_unit_test(branches_under_their_loss),
      cmocka_unit_test(residual_network_under_its_loss),
      cmocka_unit_test(the_way_forward_is_that_of_a_plan),
      cmocka_unit_test(gradients_add_up_until_cleared),
      cmocka_unit_test(changed_weights_are_seen_by_the_next_pass),
      cmocka_unit_test(pieces_are_the_parameters_in_order),
      cmocka_unit_test(trainers_of_nothing_are_refused),
      cmocka_unit_test(the_loss_has_its_closed_value),
      cmocka_unit_test(the_loss_of_nan_is_nan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
