/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/batch_norm.h"

#include "allocations.h"
#include "base/memory.h"
#include "networks.h"
#include "nn/plan.h"
#include "nn/reference.h"
#include "nn/trainer.h"

#include <string.h>

static DcNetwork *
norm_network(DcShape input, DcActivation activation)
{
  DcNetwork *network = dc_network_new(input);
  assert_int_equal(dc_network_add(network,
                                  &(DcLayer){.kind = DC_LAYER_BATCH_NORM, .activation = activation},
                                  NULL),
                   DC_OK);
  return network;
}

static DcTrainer *
trainer_of(const DcNetwork *network, size_t batch)
{
  DcTrainer *trainer;
  DcError error = {0};
  if (dc_trainer_new(network, batch, true, &trainer, &error))
    fail_msg("%s", error.message);
  return trainer;
}

static void
run_plan(const DcNetwork *network, const float *input, size_t batch, float *output)
{
  DcPlan *plan;
  assert_int_equal(dc_plan_new(network, batch, &plan, NULL), DC_OK);
  assert_int_equal(dc_plan_run(plan, input, batch, output), DC_OK);
  dc_plan_free(plan);
}

static void
a_new_one_changes_next_to_nothing(void **state)
{
  (void)state;
  DcNetwork *network = norm_network((DcShape){1, 1, 3}, DC_ACTIVATION_NONE);
  const float input[] = {1, -2, 100};
  float output[3];
  run_plan(network, input, 1, output);
  for (size_t i = 0; i < 3; i++)
    assert_near(output[i], input[i], 1e-5 * fabs((double)input[i])); /* epsilon under the root */
  const DcLayer *layer = dc_network_layer_const(network, 0);
  assert_int_equal(layer->statistics_size, 6);
  assert_int_equal(dc_network_parameters(network), 6);
  dc_network_free(network);
}

/* Two samples: means 2 and 12, biased variances 1 and 4, unbiased 2 and 8. */
static const float by_hand[] = {1, 10, 3, 14};

static void
forward_and_statistics_are_those_computed_by_hand(void **state)
{
  (void)state;
  DcNetwork *network = norm_network((DcShape){1, 1, 2}, DC_ACTIVATION_NONE);
  DcLayer *layer = dc_network_layer(network, 0);
  layer->weight[1] = 3;
  layer->bias[1] = 5;
  DcTrainer *trainer = trainer_of(network, 2);
  const float *output = dc_trainer_forward(trainer, by_hand, 2);
  const double first = 1 / sqrt(1 + 1e-5), second = 3 * 2 / sqrt(4 + 1e-5);
  assert_near(output[0], -first, 1e-6);
  assert_near(output[1], 5 - second, 1e-6);
  assert_near(output[2], first, 1e-6);
  assert_near(output[3], 5 + second, 1e-6);
  /* A pass alone moves nothing. */
  assert_true(layer->statistics[0] == 0 && layer->statistics[2] == 1);
  const uint64_t revision = dc_network_revision(network);
  dc_trainer_update_statistics(trainer, network, 0.25);
  assert_true(dc_network_revision(network) > revision);
  const double expected[] = {0.25 * 2, 0.25 * 12, 0.75 + 0.25 * 2, 0.75 + 0.25 * 8};
  for (size_t i = 0; i < 4; i++)
    assert_near(layer->statistics[i], expected[i], 1e-6);
  dc_trainer_update_statistics(trainer, network, 1);
  assert_near(layer->statistics[3], 8, 1e-6);
  dc_trainer_free(trainer);
  dc_network_free(network);
}

static void
a_plan_uses_the_running_statistics_of_its_time(void **state)
{
  (void)state;
  DcNetwork *network = norm_network((DcShape){1, 1, 2}, DC_ACTIVATION_NONE);
  DcTrainer *trainer = trainer_of(network, 2);
  dc_trainer_forward(trainer, by_hand, 2);
  dc_trainer_update_statistics(trainer, network, 1);
  float output[4];
  run_plan(network, by_hand, 2, output);
  assert_near(output[0], -1 / sqrt(2 + 1e-5), 1e-6);
  assert_near(output[3], 2 / sqrt(8 + 1e-5), 1e-6);
  dc_trainer_free(trainer);
  dc_network_free(network);
}

static void
one_row_has_a_mean_but_no_variance(void **state)
{
  (void)state;
  DcNetwork *network = norm_network((DcShape){1, 1, 2}, DC_ACTIVATION_NONE);
  DcTrainer *trainer = trainer_of(network, 2);
  const float *output = dc_trainer_forward(trainer, by_hand, 1), delta[] = {1, 1};
  assert_true(output[0] == 0 && output[1] == 0);
  const float *gradient = dc_trainer_backward(trainer, delta);
  assert_true(gradient[0] == 0 && gradient[1] == 0);
  dc_trainer_update_statistics(trainer, network, 0.5);
  const DcLayer *layer = dc_network_layer_const(network, 0);
  assert_near(layer->statistics[0], 0.5, 0);
  assert_near(layer->statistics[1], 5, 0);
  assert_true(layer->statistics[2] == 1 && layer->statistics[3] == 1);
  dc_trainer_free(trainer);
  dc_network_free(network);
}

/* Many rows, counts on both sides of the blocks and groups that sums are taken in, and means far
 * from zero: where sums of squares in float would lose all digits. */
static void
check_far_from_zero(DcShape shape, size_t batch, DcActivation activation)
{
  DcRandom random;
  dc_random_seed(&random, batch, 0);
  DcNetwork *network = norm_network(shape, activation);
  const size_t size = dc_shape_size(shape), count = batch * size;
  float *input = DC_NEW(float, count);
  double *exact = DC_NEW(double, count), *expected = DC_NEW(double, count);
  for (size_t i = 0; i < count; i++)
    exact[i] = input[i] =
        (float)(1000 * (double)(i % (size_t)shape.channels) + dc_random_normal(&random));
  DcTrainer *trainer = trainer_of(network, batch);
  const float *output = dc_trainer_forward(trainer, input, batch);
  assert_int_equal(dc_network_train_double(network, exact, batch, expected), DC_OK);
  for (size_t i = 0; i < count; i++) {
    /* The mean of a channel, up to 1000 * channels, is subtracted as a float: off by 2^-24 of it.
     */
    assert_near(output[i], expected[i], 1e-5 + 1e-7 * 1000 * shape.channels);
  }
  dc_trainer_free(trainer);
  dc_network_free(network);
  dc_free(input);
  dc_free(exact);
  dc_free(expected);
}

static void
means_far_from_zero_lose_no_digits(void **state)
{
  (void)state;
  check_far_from_zero((DcShape){13, 11, 5}, 40, DC_ACTIVATION_NONE);
  check_far_from_zero((DcShape){1, 1, 3}, 63, DC_ACTIVATION_RELU);
  check_far_from_zero((DcShape){1, 1, 3}, 64, DC_ACTIVATION_NONE);
  check_far_from_zero((DcShape){1, 1, 17}, 66, DC_ACTIVATION_GELU);
  check_far_from_zero((DcShape){1, 3, 33}, 43, DC_ACTIVATION_LEAKY_RELU);
}

/* Adding a constant to a channel changes nothing after it, so the gradient sums to nothing. */
static void
the_gradient_has_no_part_along_constants(void **state)
{
  (void)state;
  enum { BATCH = 70, CHANNELS = 19, COUNT = BATCH * CHANNELS };
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcNetwork *network = norm_network((DcShape){1, 1, CHANNELS}, DC_ACTIVATION_NONE);
  float input[COUNT], delta[COUNT];
  fill_uniform(&random, input, COUNT, 3);
  fill_uniform(&random, delta, COUNT, 1);
  DcTrainer *trainer = trainer_of(network, BATCH);
  dc_trainer_forward(trainer, input, BATCH);
  const float *gradient = dc_trainer_backward(trainer, delta);
  for (size_t c = 0; c < CHANNELS; c++) {
    double sum = 0, size = 0;
    for (size_t i = c; i < COUNT; i += CHANNELS) {
      sum += gradient[i];
      size += fabs((double)gradient[i]);
    }
    assert_true(size > 1);
    assert_near(sum, 0, 1e-6 * size); /* 70 roundings of 2^-24 each, that hardly add up */
  }
  dc_trainer_free(trainer);
  dc_network_free(network);
}

static void
nan_is_seen(void **state)
{
  (void)state;
  DcNetwork *network = norm_network((DcShape){1, 1, 2}, DC_ACTIVATION_RELU);
  float input[] = {1, 10, NAN, 14}, output[4];
  run_plan(network, input, 2, output);
  assert_true(isnan(output[2]) && !isnan(output[0]));
  DcTrainer *trainer = trainer_of(network, 2);
  const float *trained = dc_trainer_forward(trainer, input, 2);
  assert_true(isnan(trained[0]) && isnan(trained[2]) && !isnan(trained[1]));
  dc_trainer_update_statistics(trainer, network, 0.1);
  assert_true(isnan(dc_network_layer_const(network, 0)->statistics[0]));
  dc_trainer_free(trainer);
  /* A variance that none can be. */
  dc_network_layer(network, 0)->statistics[3] = -1;
  run_plan(network, by_hand, 2, output);
  assert_true(isnan(output[1]));
  dc_network_free(network);
}

static void
sums_see_nan(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  DcNetwork *network = sum_network((DcShape){1, 1, 2}, DC_ACTIVATION_RELU, &random);
  const float input[] = {NAN, 1};
  float output[2];
  run_plan(network, input, 1, output);
  assert_true(isnan(output[0]) && !isnan(output[1]));
  dc_network_free(network);
}

static void
statistics_are_copied_and_listed(void **state)
{
  (void)state;
  DcNetwork *network = norm_network((DcShape){1, 1, 2}, DC_ACTIVATION_NONE);
  dc_network_layer(network, 0)->statistics[1] = 7;
  DcNetwork *copy = dc_network_copy(network);
  assert_non_null(copy);
  dc_network_layer(network, 0)->statistics[1] = 8;
  assert_true(dc_network_layer_const(copy, 0)->statistics[1] == 7);
  DcStateList list = {0};
  dc_network_list_state(copy, "encoder", &list);
  assert_int_equal(list.count, 3);
  assert_string_equal(list.arrays[2].name, "encoder.0.statistics");
  assert_int_equal(list.arrays[2].count, 4);
  assert_ptr_equal(list.arrays[2].data, dc_network_layer_const(copy, 0)->statistics);
  dc_state_list_clear(&list);
  dc_network_free(network);
  dc_network_free(copy);
}

static void
a_pass_allocates_nothing(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcNetwork *network = branching_network(&random);
  DcTrainer *trainer = trainer_of(network, 4);
  float input[4 * 6 * 7 * 3], delta[4 * 9];
  fill_uniform(&random, input, sizeof input / sizeof *input, 1);
  fill_uniform(&random, delta, 4 * 9, 1);
  const size_t before = allocations;
  assert_true(before > 0);
  for (int i = 0; i < 2; i++) {
    dc_trainer_forward(trainer, input, 4);
    dc_trainer_backward(trainer, delta);
    dc_trainer_update_statistics(trainer, network, 0.1);
  }
  assert_int_equal(allocations, before);
  dc_trainer_free(trainer);
  dc_network_free(network);
}

static void
trainers_and_plans_survive_the_failure_of_any_allocation(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  DcNetwork *network = branching_network(&random);
  for (int what = 0; what < 2; what++) {
    size_t failures = 0;
    for (;; failures++) {
      DcTrainer *trainer = NULL;
      DcPlan *plan = NULL;
      DcError error = {0};
      fail_at = allocations + failures;
      const DcStatus status = what ? dc_plan_new(network, 2, &plan, &error)
                                   : dc_trainer_new(network, 2, true, &trainer, &error);
      fail_at = SIZE_MAX;
      dc_trainer_free(trainer);
      dc_plan_free(plan);
      if (!status)
        break;
      assert_int_equal(status, DC_ERROR_MEMORY);
      assert_non_null(strstr(error.message, "no memory"));
      assert_true(!trainer && !plan);
    }
    assert_in_range(failures, 30, 300);
  }
  dc_network_free(network);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_one_changes_next_to_nothing),
      cmocka_unit_test(forward_and_statistics_are_those_computed_by_hand),
      cmocka_unit_test(a_plan_uses_the_running_statistics_of_its_time),
      cmocka_unit_test(one_row_has_a_mean_but_no_variance),
      cmocka_unit_test(means_far_from_zero_lose_no_digits),
      cmocka_unit_test(the_gradient_has_no_part_along_constants),
      cmocka_unit_test(nan_is_seen),
      cmocka_unit_test(sums_see_nan),
      cmocka_unit_test(statistics_are_copied_and_listed),
      cmocka_unit_test(a_pass_allocates_nothing),
      cmocka_unit_test(trainers_and_plans_survive_the_failure_of_any_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
