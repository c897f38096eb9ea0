/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/residual_network.h"

#include "allocations.h"
#include "base/memory.h"
#include "networks.h"
#include "nn/fold.h"
#include "nn/loss.h"
#include "nn/optimiser.h"
#include "nn/plan.h"
#include "nn/trainer.h"

#include <string.h>

static DcNetwork *
residual(DcShape image, int width, int blocks, int stages, uint64_t seed)
{
  const DcResidualOptions options = {.width = width, .blocks = blocks, .stages = stages};
  DcNetwork *network;
  DcError error = {0};
  if (dc_residual_network_init(&network, image, &options, seed, &error))
    fail_msg("%s", error.message);
  return network;
}

static void
assert_shape(DcShape shape, int height, int width, int channels)
{
  assert_int_equal(shape.height, height);
  assert_int_equal(shape.width, width);
  assert_int_equal(shape.channels, channels);
}

/* He et al.'s ResNet-18 for 32 x 32: 11 173 962 parameters with a classifier of 10, which has 5130.
 */
static void
resnet_18_is_that_of_the_paper(void **state)
{
  (void)state;
  const DcResidualOptions options = {.width = 64, .blocks = 2, .stages = 4};
  DcNetwork *network;
  assert_int_equal(dc_residual_network_init(&network, (DcShape){32, 32, 3}, &options, 1, NULL),
                   DC_OK);
  size_t biases = 0; /* of convolutions, which the original does not have */
  uint64_t norms = 0;
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayer *layer = dc_network_layer_const(network, i);
    biases += layer->kind == DC_LAYER_CONV2D ? layer->bias_size : 0;
    norms += layer->kind == DC_LAYER_BATCH_NORM ? dc_shape_size(layer->output) : 0;
  }
  assert_int_equal(biases, 4800);
  assert_int_equal(dc_network_parameters(network) - biases, 11173962 - 5130);
  /* The sums of the convolutions alone, from the table of the method. */
  const uint64_t conv = 32 * 32 * (uint64_t)9 * 64 * 64; /* of every stage, the first one half */
  const uint64_t shortcut = 16 * 16 * (uint64_t)64 * 128;
  const uint64_t stem = 32 * 32 * (uint64_t)9 * 3 * 64;
  assert_int_equal(dc_network_multiply_adds(network) - norms,
                   stem + 4 * conv + 3 * (3 * conv + conv / 2 + shortcut));
  assert_shape(dc_network_output(network), 1, 1, 512);
  dc_network_free(network);
}

static void
stages_halve_the_picture_and_double_the_channels(void **state)
{
  (void)state;
  DcNetwork *network = residual((DcShape){9, 6, 1}, 4, 1, 3, 1);
  /* Stem 2 layers, a block 5, one with a shortcut 7. */
  assert_int_equal(dc_network_layer_count(network), 2 + 5 + 7 + 7 + 1);
  assert_shape(dc_network_layer_const(network, 6)->output, 9, 6, 4);
  assert_shape(dc_network_layer_const(network, 13)->output, 5, 3, 8);
  assert_shape(dc_network_layer_const(network, 20)->output, 3, 2, 16);
  assert_shape(dc_network_output(network), 1, 1, 16);
  /* The sums: of the stem and f; of f and the shortcut, which takes what f does. */
  assert_int_equal(dc_layer_second_source(dc_network_layer_const(network, 6), 6), 2);
  assert_int_equal(dc_layer_source(dc_network_layer_const(network, 7), 7), 7);
  assert_int_equal(dc_layer_source(dc_network_layer_const(network, 11), 11), 7);
  assert_int_equal(dc_layer_second_source(dc_network_layer_const(network, 13), 13), 11);
  assert_int_equal(dc_network_layer_const(network, 13)->activation, DC_ACTIVATION_RELU);
  dc_network_free(network);
}

static void
equal_seeds_give_equal_weights(void **state)
{
  (void)state;
  const DcShape image = {5, 5, 2};
  DcNetwork *networks[] = {residual(image, 3, 2, 2, 7), residual(image, 3, 2, 2, 7),
                           residual(image, 3, 2, 2, 8)};
  const DcLayer *layers[3];
  for (size_t i = 0; i < 3; i++)
    layers[i] = dc_network_layer_const(networks[i], 0);
  const size_t bytes = layers[0]->weight_size * sizeof(float);
  assert_memory_equal(layers[0]->weight, layers[1]->weight, bytes);
  assert_memory_not_equal(layers[0]->weight, layers[2]->weight, bytes);
  for (size_t i = 0; i < 3; i++)
    dc_network_free(networks[i]);
}

/* Moves the statistics to those of some batches, then folds: every norm joins a convolution. */
static void
it_folds_into_convolutions_and_sums(void **state)
{
  (void)state;
  enum { BATCH = 6 };
  DcNetwork *network = residual((DcShape){8, 8, 3}, 8, 2, 2, 3), *folded;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  float input[BATCH * 8 * 8 * 3], expected[BATCH * 16], actual[BATCH * 16];
  fill_uniform(&random, input, sizeof input / sizeof *input, 1);
  DcTrainer *trainer;
  assert_int_equal(dc_trainer_new(network, BATCH, false, &trainer, NULL), DC_OK);
  for (int i = 0; i < 10; i++) {
    dc_trainer_forward(trainer, input, BATCH);
    dc_trainer_update_statistics(trainer, network, 0.3);
  }
  assert_int_equal(dc_network_fold(network, &folded, NULL), DC_OK);
  for (size_t i = 0; i < dc_network_layer_count(folded); i++) {
    const DcLayerKind kind = dc_network_layer_const(folded, i)->kind;
    assert_true(kind == DC_LAYER_CONV2D || kind == DC_LAYER_ADD ||
                kind == DC_LAYER_GLOBAL_AVERAGE_POOL);
  }
  const DcNetwork *both[] = {network, folded};
  for (size_t i = 0; i < 2; i++) {
    DcPlan *plan;
    assert_int_equal(dc_plan_new(both[i], BATCH, &plan, NULL), DC_OK);
    assert_int_equal(dc_plan_run(plan, input, BATCH, i ? actual : expected), DC_OK);
    dc_plan_free(plan);
  }
  for (size_t i = 0; i < BATCH * 16; i++)
    assert_near(actual[i], expected[i], 1e-5 * (1 + fabs((double)expected[i]))); /* see fold.c */
  dc_trainer_free(trainer);
  dc_network_free(network);
  dc_network_free(folded);
}

/* Backbone and projector, chained, learn to send two patterns to two directions. */
static void
the_two_learn_together(void **state)
{
  (void)state;
  enum { BATCH = 8, SIZE = 6 * 6, OUTPUT = 4 };
  DcNetwork *networks[2] = {residual((DcShape){6, 6, 1}, 4, 1, 2, 3)};
  assert_int_equal(dc_projector_init(&networks[1], 8, OUTPUT, 4, NULL), DC_OK);
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  float input[BATCH * SIZE], target[BATCH * OUTPUT] = {0}, delta[BATCH * OUTPUT];
  fill_uniform(&random, input, BATCH * SIZE, 1);
  for (size_t i = 0; i < BATCH; i++) {
    target[i * OUTPUT + i % 2] = 1;
    for (size_t j = i % 2; j < SIZE; j += 2)
      input[i * SIZE + j] += 1;
  }
  DcTrainer *trainers[2];
  DcOptimiser *optimisers[2];
  const DcOptimiserOptions sgd = dc_optimiser_sgd(0.1, 0.9);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(dc_trainer_new(networks[i], BATCH, i > 0, &trainers[i], NULL), DC_OK);
    assert_int_equal(
        dc_optimiser_new(&sgd, dc_network_parameters(networks[i]), &optimisers[i], NULL), DC_OK);
  }
  double first = 0, loss = 0;
  for (int step = 0; step < 40; step++) {
    const float *flow = dc_trainer_forward(trainers[0], input, BATCH);
    flow = dc_trainer_forward(trainers[1], flow, BATCH);
    loss = dc_loss_mean_squared_error(flow, target, BATCH, OUTPUT, 1.0 / BATCH, delta, NULL);
    first = step ? first : loss;
    flow = dc_trainer_backward(trainers[1], delta);
    assert_null(dc_trainer_backward(trainers[0], flow));
    for (size_t i = 0; i < 2; i++) {
      DcParameters pieces[64];
      const size_t count = dc_network_pieces(networks[i], pieces, 64);
      assert_in_range(count, 1, 64);
      dc_optimiser_step(optimisers[i], pieces, count, dc_trainer_gradient(trainers[i]));
      dc_trainer_clear_gradient(trainers[i]);
    }
  }
  assert_true(first > 0.1 && loss < 0.05 * first);
  for (size_t i = 0; i < 2; i++) {
    dc_trainer_free(trainers[i]);
    dc_optimiser_free(optimisers[i]);
    dc_network_free(networks[i]);
  }
}

static void
the_projector_has_its_layers(void **state)
{
  (void)state;
  static const DcLayerKind kinds[] = {DC_LAYER_DENSE, DC_LAYER_BATCH_NORM, DC_LAYER_DENSE,
                                      DC_LAYER_L2_NORMALISE};
  DcNetwork *network;
  assert_int_equal(dc_projector_init(&network, 512, 128, 1, NULL), DC_OK);
  assert_int_equal(dc_network_layer_count(network), 4);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(dc_network_layer_const(network, i)->kind, kinds[i]);
  assert_int_equal(dc_network_layer_const(network, 1)->activation, DC_ACTIVATION_RELU);
  assert_int_equal(dc_network_parameters(network), 513 * 512 + 2 * 512 + 513 * 128);
  dc_network_free(network);
}

static void
options_out_of_range_are_refused(void **state)
{
  (void)state;
  const DcResidualOptions bad[] = {{0, 1, 1},  {-4, 1, 1},      {1, 0, 1},        {1, 257, 1},
                                   {1, 1, 0},  {1, 1, 17},      {1 << 16, 1, 2},  {1, 1, -1},
                                   {1, -1, 1}, {1 << 30, 1, 1}, {1, 1, INT32_MAX}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    DcNetwork *network;
    DcError error = {0};
    assert_int_equal(dc_residual_network_init(&network, (DcShape){4, 4, 1}, &bad[i], 1, &error),
                     DC_ERROR_ARGUMENT);
    assert_null(network);
    assert_non_null(strstr(error.message, "stages can be 1 to 16"));
  }
  DcNetwork *network;
  DcError error = {0};
  const DcResidualOptions options = {2, 1, 1};
  assert_int_equal(dc_residual_network_init(&network, (DcShape){4, 0, 1}, &options, 1, &error),
                   DC_ERROR_SHAPE);
  assert_null(network);
  assert_non_null(strstr(error.message, "layer 0"));
  assert_int_equal(dc_projector_init(&network, 0, 128, 1, &error), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_projector_init(&network, 8, -1, 1, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "from 8 to -1"));
  assert_null(network);
}

static void
building_survives_the_failure_of_any_allocation(void **state)
{
  (void)state;
  for (int what = 0; what < 2; what++) {
    const DcResidualOptions options = {2, 1, 2};
    size_t failures = 0;
    for (;; failures++) {
      DcNetwork *network;
      DcError error = {0};
      fail_at = allocations + failures;
      const DcStatus status =
          what ? dc_projector_init(&network, 4, 2, 1, &error)
               : dc_residual_network_init(&network, (DcShape){4, 4, 1}, &options, 1, &error);
      fail_at = SIZE_MAX;
      dc_network_free(network);
      if (!status)
        break;
      assert_int_equal(status, DC_ERROR_MEMORY);
      assert_non_null(strstr(error.message, "no memory"));
      assert_null(network);
    }
    assert_in_range(failures, 8, 60);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(resnet_18_is_that_of_the_paper),
      cmocka_unit_test(stages_halve_the_picture_and_double_the_channels),
      cmocka_unit_test(equal_seeds_give_equal_weights),
      cmocka_unit_test(it_folds_into_convolutions_and_sums),
      cmocka_unit_test(the_two_learn_together),
      cmocka_unit_test(the_projector_has_its_layers),
      cmocka_unit_test(options_out_of_range_are_refused),
      cmocka_unit_test(building_survives_the_failure_of_any_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
