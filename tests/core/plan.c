/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/plan.h"

#include "allocations.h"
#include "forward.h"
#include "networks.h"
#include "nn/plan_values.h"

#include <string.h>

static const int none[4] = {0, 0, 0, 0}, one[4] = {1, 1, 1, 1};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static DcNetwork *
network_of(DcShape input, const DcLayer *layers, size_t count)
{
  DcRandom random;
  dc_random_seed(&random, 50, 0);
  DcNetwork *network = dc_network_new(input);
  for (size_t i = 0; i < count; i++)
    add_random(network, layers[i], &random);
  return network;
}

/* Each of up to eleven layers rounds numbers of up to 10 by 2^-24 of that for every sum, and hands
 * it on: a little more than a layer alone, see forward.h. */
#define TOLERANCE 1e-4

/* With plans of several sizes, so that chunks are cut in several ways. */
static void
check(DcNetwork *network)
{
  static const size_t batches[] = {1, 2, 7, 40};
  for (size_t i = 0; i < COUNT(batches); i++) {
    DcPlan *plan = plan_of(network, batches[i]);
    for (size_t j = 0; j <= i; j++)
      run_is_near_reference(plan, network, batches[j], TOLERANCE);
    dc_plan_free(plan);
  }
  dc_network_free(network);
}

static size_t
memory_of(const DcNetwork *network, size_t max_batch)
{
  DcPlan *plan = plan_of(network, max_batch);
  const size_t memory = dc_plan_memory(plan);
  dc_plan_free(plan);
  return memory;
}

static DcLayer
conv(int side, int channels, int back)
{
  DcLayer layer = window_layer(DC_LAYER_CONV2D, side, side, 1, side == 3 ? one : none, channels);
  layer.activation = DC_ACTIVATION_RELU;
  layer.back = back;
  return layer;
}

/* Two modules of SqueezeNet: what two convolutions make of the same is put side by side. */
static DcNetwork *
squeezing_network(void)
{
  const DcLayer layers[] = {conv(1, 4, 0),  conv(1, 20, 0),
                            conv(3, 17, 1), {.kind = DC_LAYER_CONCATENATE, .back = 1},
                            conv(1, 4, 0),  conv(1, 20, 0),
                            conv(3, 17, 1), {.kind = DC_LAYER_CONCATENATE, .back = 1}};
  return network_of((DcShape){7, 6, 5}, layers, COUNT(layers));
}

/* DenseNet: everything that was made is taken again and again. */
static DcNetwork *
dense_network(void)
{
  const DcLayer norm = {.kind = DC_LAYER_AFFINE, .activation = DC_ACTIVATION_RELU};
  const DcLayer both = {.kind = DC_LAYER_CONCATENATE, .back = 2};
  const DcLayer layers[] = {conv(3, 8, 0),
                            norm,
                            conv(3, 5, 0),
                            both,
                            norm,
                            conv(3, 5, 0),
                            both,
                            norm,
                            conv(3, 5, 0),
                            both,
                            {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL}};
  return network_of((DcShape){6, 5, 3}, layers, COUNT(layers));
}

/* Inception: four branches, put together two by two. */
static DcNetwork *
inception_network(void)
{
  const DcLayer pool = window_layer(DC_LAYER_MAX_POOL, 3, 3, 1, one, 0);
  DcLayer depthwise = window_layer(DC_LAYER_DEPTHWISE_CONV2D, 3, 3, 1, one, 0);
  depthwise.activation = DC_ACTIVATION_SILU; /* which is a pass of its own */
  depthwise.back = 2;
  DcLayer layers[] = {conv(1, 3, 0),
                      conv(1, 16, 1),
                      depthwise,
                      pool,
                      {.kind = DC_LAYER_CONCATENATE, .back = 3, .with = 2},
                      {.kind = DC_LAYER_CONCATENATE, .with = 2},
                      {.kind = DC_LAYER_CONCATENATE, .back = 2},
                      {.kind = DC_LAYER_AFFINE}};
  layers[3].back = 3;
  layers[5].activation = DC_ACTIVATION_LEAKY_RELU;
  layers[5].slope = 0.5f;
  return network_of((DcShape){6, 6, 7}, layers, COUNT(layers));
}

/* Large images first, then more weights than numbers: several segments. */
static DcNetwork *
narrowing_network(void)
{
  DcLayer layers[] = {window_layer(DC_LAYER_CONV2D, 3, 3, 2, one, 24),   /* value 1: 48 x 48 */
                      window_layer(DC_LAYER_MAX_POOL, 4, 4, 4, none, 0), /* 2: 12 x 12 */
                      window_layer(DC_LAYER_CONV2D, 3, 3, 2, one, 64),   /* 3: 6 x 6 */
                      {.kind = DC_LAYER_AFFINE},         /* 4: over 3? it is taken once more */
                      {.kind = DC_LAYER_ADD, .with = 1}, /* 5 */
                      window_layer(DC_LAYER_CONV2D, 3, 3, 2, one, 120), /* 6: 3 x 3 */
                      {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL,
                       .back = 4}, /* 7: of 2, from another segment */
                      {.kind = DC_LAYER_DENSE, .back = 1, .output = {.channels = 24}}, /* 8: of 6 */
                      {.kind = DC_LAYER_MULTIPLY, .with = 1}, /* 9: of 8 and 7 */
                      {.kind = DC_LAYER_DENSE, .output = {.channels = 300}},
                      {.kind = DC_LAYER_DENSE, .output = {.channels = 200}}};
  return network_of((DcShape){96, 96, 3}, layers, COUNT(layers));
}

static void
branching_networks_are_their_reference(void **state)
{
  (void)state;
  check(squeezing_network());
  check(dense_network());
  check(inception_network());
  check(narrowing_network());
}

/* --- which values share memory --- */

static void
values_of(const DcNetwork *network, DcPlanValue *values, size_t count)
{
  assert_int_equal(dc_network_layer_count(network) + 1, count);
  dc_plan_values(network, values);
}

static void
concatenations_take_their_inputs_in(void **state)
{
  (void)state;
  DcNetwork *network = squeezing_network();
  DcPlanValue values[9];
  values_of(network, values, 9);
  for (size_t module = 0; module < 2; module++) {
    const size_t whole = 4 * module + 4;
    assert_int_equal(values[whole - 2].owner, whole);
    assert_int_equal(values[whole - 1].owner, whole);
    assert_int_equal(values[whole - 2].shift, 0);
    assert_int_equal(values[whole - 1].shift, 20);
    assert_int_equal(dc_plan_stride(network, values, whole - 2), 37);
    assert_true(dc_plan_does_nothing(network, values, whole - 1));
    assert_int_equal(values[whole].first, whole - 3); /* needed before it is "made" */
  }
  assert_int_equal(values[4].last, 4);
  assert_int_equal(values[8].last, 8); /* after the last layer */
  dc_network_free(network);
}

static void
concatenations_of_concatenations_fall_into_place(void **state)
{
  (void)state;
  DcNetwork *network = inception_network();
  DcPlanValue values[9];
  values_of(network, values, 9);
  /* Value 7 is 4 and 6, 6 is 5 and 3, 5 is 1 and 2. */
  static const size_t shifts[] = {7, 10, 26, 0, 7, 7};
  for (size_t i = 1; i <= 6; i++) {
    assert_int_equal(values[i].owner, 7);
    assert_int_equal(values[i].shift, shifts[i - 1]);
    assert_int_equal(dc_plan_stride(network, values, i), 33);
  }
  assert_true(dc_plan_does_nothing(network, values, 4));
  assert_false(dc_plan_does_nothing(network, values, 5)); /* it has an activation */
  assert_true(dc_plan_does_nothing(network, values, 6));
  dc_network_free(network);
}

/* What others take too, what a layer without strides makes, and the network's input stay apart. */
static void
what_cannot_be_taken_in_stays_apart(void **state)
{
  (void)state;
  const DcLayer both = {.kind = DC_LAYER_CONCATENATE, .with = 1};
  const DcLayer twice[] = {
      conv(1, 4, 0), conv(1, 4, 0), both, {.kind = DC_LAYER_ADD, .back = 2, .with = 1}};
  const DcLayer affine[] = {{.kind = DC_LAYER_AFFINE}, both};
  DcPlanValue values[5];
  DcNetwork *network = network_of((DcShape){3, 3, 4}, twice, COUNT(twice));
  values_of(network, values, 5);
  assert_int_equal(values[1].owner, 1);
  assert_int_equal(values[2].owner, 2);
  assert_false(dc_plan_does_nothing(network, values, 2));
  check(network);
  network = network_of((DcShape){3, 3, 4}, affine, COUNT(affine));
  values_of(network, values, 3);
  assert_int_equal(values[0].owner, 0);
  assert_int_equal(values[1].owner, 1);
  assert_false(dc_plan_does_nothing(network, values, 1));
  check(network);
}

static void
layers_write_over_what_nobody_needs(void **state)
{
  (void)state;
  const DcLayer norm = {.kind = DC_LAYER_AFFINE, .activation = DC_ACTIVATION_SIGMOID};
  /* Over the convolution's; not over that, which the sum takes too; the sum over its first, whose
   * memory is the convolution's. */
  const DcLayer layers[] = {conv(1, 4, 0), norm, norm, {.kind = DC_LAYER_ADD, .with = 1}};
  DcPlanValue values[5];
  DcNetwork *network = network_of((DcShape){3, 3, 4}, layers, COUNT(layers));
  values_of(network, values, 5);
  assert_int_equal(values[2].owner, 1);
  assert_int_equal(values[3].owner, 3);
  assert_int_equal(values[4].owner, 3);
  check(network);
  /* The network's input is never written to. */
  network = network_of((DcShape){3, 3, 4}, &norm, 1);
  values_of(network, values, 2);
  assert_int_equal(values[1].owner, 1);
  float *input = random_samples(network, 1, 1), *copy = random_samples(network, 1, 1), output[36];
  DcPlan *plan = plan_of(network, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
  assert_memory_equal(input, copy, sizeof output);
  dc_plan_free(plan);
  dc_free(input);
  dc_free(copy);
  dc_network_free(network);
}

/* --- memory --- */

static void
a_chain_needs_two_neighbours(void **state)
{
  (void)state;
  /* 1x1: no border, so no scratch. Values of 640, 320, 960, 160 floats; the last is the caller's.
   */
  const DcLayer layers[] = {conv(1, 10, 0), conv(1, 5, 0), conv(1, 15, 0), conv(1, 8, 0),
                            conv(1, 3, 0)};
  DcNetwork *network = network_of((DcShape){8, 8, 4}, layers, COUNT(layers));
  assert_int_equal(memory_of(network, 1), (960 + 512) * sizeof(float));
  dc_network_free(network);
}

static void
one_layer_needs_none(void **state)
{
  (void)state;
  const DcLayer layer = conv(1, 10, 0);
  DcNetwork *network = network_of((DcShape){8, 8, 4}, &layer, 1);
  assert_int_equal(memory_of(network, 9), 0);
  dc_network_free(network);
}

/* What is put together needs no memory beside the whole; only the narrow value before does. */
static void
a_concatenation_needs_no_copy(void **state)
{
  (void)state;
  const DcLayer layers[] = {conv(1, 4, 0),
                            conv(1, 16, 0),
                            conv(1, 16, 1),
                            {.kind = DC_LAYER_CONCATENATE, .back = 1},
                            conv(1, 1, 0)};
  DcNetwork *network = network_of((DcShape){8, 8, 4}, layers, COUNT(layers));
  assert_int_equal(memory_of(network, 1), 8 * 8 * (32 + 4) * sizeof(float));
  dc_network_free(network);
}

static void
memory_does_not_grow_with_the_batch_for_ever(void **state)
{
  (void)state;
  DcNetwork *network = narrowing_network();
  const size_t few = memory_of(network, 8), many = memory_of(network, 1000);
  assert_true(few < many);
  assert_int_equal(memory_of(network, 2000), many);
  /* No value takes more than 2^20 floats, and no more than three are needed at a time. */
  assert_true(many <= 3 * ((size_t)1 << 20) * sizeof(float));
  dc_network_free(network);
}

static void
a_run_allocates_nothing(void **state)
{
  (void)state;
  DcNetwork *networks[] = {squeezing_network(), dense_network(), inception_network(),
                           narrowing_network()};
  for (size_t i = 0; i < COUNT(networks); i++) {
    DcPlan *plan = plan_of(networks[i], 40);
    float *input = random_samples(networks[i], 40, 3);
    float *output = DC_NEW(float, 40 * dc_shape_size(dc_network_output(networks[i])));
    const size_t before = allocations;
    for (size_t batch = 1; batch <= 40; batch += 13)
      assert_int_equal(dc_plan_run(plan, input, batch, output), DC_OK);
    assert_int_equal(allocations, before);
    dc_free(input);
    dc_free(output);
    dc_plan_free(plan);
    dc_network_free(networks[i]);
  }
}

static void
a_plan_survives_the_failure_of_any_allocation(void **state)
{
  (void)state;
  DcNetwork *network = narrowing_network();
  DcPlan *plan = NULL;
  size_t failures = 0;
  for (;; failures++) {
    fail_at = allocations + failures;
    DcError error = {0};
    const DcStatus status = dc_plan_new(network, 9, &plan, &error);
    fail_at = SIZE_MAX;
    if (!status)
      break;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "no memory"));
    assert_null(plan);
  }
  assert_in_range(failures, 20, 200);
  run_is_near_reference(plan, network, 9, TOLERANCE);
  dc_plan_free(plan);
  dc_network_free(network);
}

/* A few bytes of a file must not ask for gigabytes: each pair of residues has a plan of its own. */
static void
strides_of_thousands_have_no_plan(void **state)
{
  (void)state;
  DcNetwork *network = dc_network_new((DcShape){1, 1, 1});
  DcLayer layer = window_layer(DC_LAYER_TRANSPOSED_CONV2D, 1, 1, 1024, none, 1);
  layer.output = (DcShape){1024, 1024, 1};
  DcError error = {0};
  assert_int_equal(dc_network_add(network, &layer, &error), DC_OK);
  DcPlan *plan = NULL;
  assert_int_equal(dc_plan_new(network, 1, &plan, &error), DC_ERROR_SHAPE);
  assert_non_null(strstr(error.message, "layer 0"));
  assert_null(plan);
  dc_network_free(network);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(branching_networks_are_their_reference),
      cmocka_unit_test(concatenations_take_their_inputs_in),
      cmocka_unit_test(concatenations_of_concatenations_fall_into_place),
      cmocka_unit_test(what_cannot_be_taken_in_stays_apart),
      cmocka_unit_test(layers_write_over_what_nobody_needs),
      cmocka_unit_test(a_chain_needs_two_neighbours),
      cmocka_unit_test(one_layer_needs_none),
      cmocka_unit_test(a_concatenation_needs_no_copy),
      cmocka_unit_test(memory_does_not_grow_with_the_batch_for_ever),
      cmocka_unit_test(a_run_allocates_nothing),
      cmocka_unit_test(a_plan_survives_the_failure_of_any_allocation),
      cmocka_unit_test(strides_of_thousands_have_no_plan),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
