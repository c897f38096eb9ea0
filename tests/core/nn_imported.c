/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layers of networks that were learnt elsewhere: what only goes forward. */
#include "nn/network.h"

#include "allocations.h"
#include "base/memory.h"
#include "forward.h"
#include "networks.h"
#include "nn/plan.h"
#include "nn/trainer.h"

#include <string.h>

enum { MOST_BATCH = 3, TURNS = 150 };

static const int none[4] = {0, 0, 0, 0};

/* --- forward --- */

static void
check(DcNetwork *network)
{
  DcPlan *plan = plan_of(network, MOST_BATCH);
  for (size_t batch = 1; batch <= MOST_BATCH; batch++)
    run_is_reference(plan, network, batch);
  dc_plan_free(plan);
  dc_network_free(network);
}

static int
between(DcRandom *random, int least, int most)
{
  return least + (int)dc_random_below(random, (uint32_t)(most - least + 1));
}

static DcShape
random_shape(DcRandom *random)
{
  static const int channels[] = {1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 48, 64, 67, 130};
  return (DcShape){between(random, 1, 9), between(random, 1, 9), channels[between(random, 0, 14)]};
}

static void
give_activation(DcRandom *random, DcLayer *layer)
{
  layer->activation = (DcActivation)between(random, DC_ACTIVATION_NONE, DC_ACTIVATION_TANH);
  layer->slope = 0.3f;
  layer->shift = 0.4f;
  layer->low = -0.4f;
  layer->high = 0.3f;
}

static void
give_window(DcRandom *random, DcShape input, DcLayer *layer)
{
  layer->dilation = between(random, 0, 4);
  layer->dilation_across = between(random, 0, 4);
  const int dilation[2] = {dc_layer_dilation(layer), dc_layer_dilation_across(layer)};
  const int sides[2] = {input.height, input.width};
  int kernel[2];
  for (int axis = 0; axis < 2; axis++) {
    kernel[axis] = between(random, 1, 5);
    const int extent = dc_kernel_extent(kernel[axis], dilation[axis]);
    /* At least as much as the kernel is larger than the image, in two parts. */
    const int missing = extent > sides[axis] ? extent - sides[axis] : 0;
    layer->padding[2 * axis] = between(random, missing / 2, extent - 1);
    layer->padding[2 * axis + 1] = between(random, missing - missing / 2, extent - 1);
    if (layer->padding[2 * axis + 1] >= extent)
      layer->padding[2 * axis + 1] = extent - 1;
  }
  layer->kernel_height = kernel[0];
  layer->kernel_width = kernel[1];
  layer->stride = between(random, 1, 3);
  layer->stride_across = between(random, 0, 3);
}

static void
dilated_and_grouped_convolutions_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 21, 0);
  for (int turn = 0; turn < TURNS; turn++) {
    DcShape input = random_shape(&random);
    DcLayer layer = {.kind = DC_LAYER_CONV2D, .groups = between(&random, 0, 5)};
    const int groups = dc_layer_groups(&layer);
    input.channels = groups * between(&random, 1, 20);
    layer.output.channels = groups * between(&random, 1, 40);
    give_window(&random, input, &layer);
    give_activation(&random, &layer);
    check(single_layer(input, layer, &random));
  }
}

static void
dilated_depthwise_convolutions_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 22, 0);
  for (int turn = 0; turn < TURNS; turn++) {
    const DcShape input = random_shape(&random);
    DcLayer layer = {.kind = DC_LAYER_DEPTHWISE_CONV2D};
    give_window(&random, input, &layer);
    give_activation(&random, &layer);
    check(single_layer(input, layer, &random));
  }
}

/* A window between whose taps the whole image lies sees nothing but the bias. */
static void
a_window_may_see_nothing(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 23, 0);
  static const DcLayerKind kinds[] = {DC_LAYER_CONV2D, DC_LAYER_DEPTHWISE_CONV2D};
  for (size_t i = 0; i < 2; i++) {
    DcLayer layer = window_layer(kinds[i], 2, 2, 1, (int[4]){4, 4, 4, 4}, 3);
    layer.dilation = 5;
    DcNetwork *network = single_layer((DcShape){2, 2, 3}, layer, &random);
    float output[75];
    const float input[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    DcPlan *plan = plan_of(network, 1);
    assert_int_equal(dc_shape_size(dc_network_output(network)), 75);
    assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
    /* The middle one: taps at -2 and 3 of both axes. */
    assert_memory_equal(output + (2 * 5 + 2) * 3, dc_network_layer_const(network, 0)->bias,
                        3 * sizeof(float));
    dc_plan_free(plan);
    check(network);
  }
}

/* The first input is what an affine layer makes of the network's input, the second what another
 * layer does. */
static DcNetwork *
pair_network(DcShape input, DcLayer second, DcLayer pair, bool second_is_newer, DcRandom *random)
{
  DcNetwork *network = dc_network_new(input);
  assert_non_null(network);
  const DcLayer first = {.kind = DC_LAYER_AFFINE};
  add_random(network, second_is_newer ? first : second, random);
  DcLayer other = second_is_newer ? second : first;
  other.back = 1;
  add_random(network, other, random);
  pair.back = second_is_newer ? 1 : 0;
  pair.with = second_is_newer ? 0 : 1;
  add_random(network, pair, random);
  return network;
}

static void
kinds_of_two_inputs_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 24, 0);
  static const DcLayerKind kinds[] = {DC_LAYER_ADD, DC_LAYER_MULTIPLY, DC_LAYER_CONCATENATE};
  for (int turn = 0; turn < TURNS; turn++) {
    const DcShape input = random_shape(&random);
    DcLayer second = {.kind = DC_LAYER_AFFINE}, pair = {.kind = kinds[turn % 3]};
    if (pair.kind == DC_LAYER_CONCATENATE)
      second = window_layer(DC_LAYER_CONV2D, 1, 1, 1, none, between(&random, 1, 40));
    else if (between(&random, 0, 1))
      second.kind = DC_LAYER_GLOBAL_AVERAGE_POOL;
    give_activation(&random, &pair);
    check(pair_network(input, second, pair, between(&random, 0, 1), &random));
  }
}

static void
kinds_of_one_input_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 25, 0);
  static const DcLayerKind kinds[] = {DC_LAYER_PRELU, DC_LAYER_LAYER_NORM, DC_LAYER_SOFTMAX,
                                      DC_LAYER_PAD, DC_LAYER_RESHAPE};
  for (int turn = 0; turn < TURNS; turn++) {
    const DcShape input = random_shape(&random);
    DcLayer layer = {.kind = kinds[turn % 5], .epsilon = 1e-5f, .output = input};
    for (size_t side = 0; layer.kind == DC_LAYER_PAD && side < 4; side++)
      layer.padding[side] = between(&random, 0, 3);
    give_activation(&random, &layer);
    check(single_layer(input, layer, &random));
  }
}

/* A shuffle of three axes, each perhaps cut, or perhaps repeated by a stride of 0. */
static DcRearrangement
random_order(DcRandom *random, DcShape shape)
{
  const int sizes[] = {shape.height, shape.width, shape.channels};
  const int strides[] = {shape.width * shape.channels, shape.channels, 1};
  DcRearrangement order = {.axes = 3};
  const int turn = between(random, 0, 2), step = between(random, 1, 2);
  for (int i = 0; i < 3; i++) {
    const int axis = (i * step + turn) % 3, first = between(random, 0, sizes[axis] - 1);
    order.size[i] = between(random, 1, sizes[axis] - first);
    order.stride[i] = between(random, 0, 5) ? strides[axis] : 0;
    order.offset += first * strides[axis];
  }
  return order;
}

static void
rearrangements_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 26, 0);
  for (int turn = 0; turn < TURNS; turn++) {
    const DcShape input = random_shape(&random);
    DcLayer layer = {.kind = DC_LAYER_REARRANGE, .order = random_order(&random, input)};
    layer.output = (DcShape){layer.order.size[0], layer.order.size[1], layer.order.size[2]};
    give_activation(&random, &layer);
    check(single_layer(input, layer, &random));
  }
}

/* Places on pixels, between them, and outside. */
static void
resampled_images_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 33, 0);
  for (int turn = 0; turn < TURNS; turn++) {
    DcLayer layer = {.kind = DC_LAYER_RESAMPLE,
                     .output = {between(&random, 1, 12), between(&random, 1, 12), 0}};
    give_activation(&random, &layer);
    check(single_layer(random_shape(&random), layer, &random));
  }
}

static void
norms_of_channels_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 34, 0);
  for (int turn = 0; turn < TURNS; turn++) {
    const DcResponse response = {between(&random, 1, 9), 0.5f, 1.5f, 0.75f};
    DcLayer layers[] = {{.kind = DC_LAYER_INSTANCE_NORM, .epsilon = 0.1f},
                        {.kind = DC_LAYER_RESPONSE_NORM, .response = response}};
    for (size_t i = 0; i < 2; i++) {
      give_activation(&random, &layers[i]);
      check(single_layer(random_shape(&random), layers[i], &random));
    }
  }
}

/* A file may hold any place: the border, or the first pixel, answers. */
static void
places_without_sense_stay_inside(void **state)
{
  (void)state;
  const float input[] = {3, 5, 7}, places[] = {0, NAN, -1e30f, 1e30f, INFINITY, -INFINITY, 1.5f};
  const float expected[] = {3, 3, 7, 7, 3, 6};
  const DcLayer layer = {.kind = DC_LAYER_RESAMPLE, .output = {1, 6, 0}};
  DcNetwork *network = dc_network_new((DcShape){1, 3, 1});
  float output[6];
  assert_int_equal(dc_network_add(network, &layer, NULL), DC_OK);
  memcpy(dc_network_layer(network, 0)->weight, places, sizeof places);
  DcPlan *plan = plan_of(network, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
  assert_memory_equal(output, expected, sizeof expected);
  dc_plan_free(plan);
  dc_network_free(network);
}

/* What has no share in a pixel must not spoil it. */
static void
pixels_are_copied_beside_infinity(void **state)
{
  (void)state;
  const float input[] = {1, INFINITY, 2, NAN};
  DcNetwork *network = dc_network_new((DcShape){2, 2, 1});
  const DcLayer layer = {.kind = DC_LAYER_RESAMPLE, .output = {2, 1, 0}};
  float output[2];
  assert_int_equal(dc_network_add(network, &layer, NULL), DC_OK);
  memcpy(dc_network_layer(network, 0)->weight, (float[]){0, 1, 0}, 3 * sizeof(float));
  DcPlan *plan = plan_of(network, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
  assert_true(output[0] == 1 && output[1] == 2);
  dc_plan_free(plan);
  dc_network_free(network);
}

static void
a_network_of_all_of_them_is_its_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 27, 0);
  check(imported_network(&random));
}

/* --- numbers by hand --- */

static void
run_activation(DcLayer layer, const float *input, size_t count, float *output)
{
  layer.kind = DC_LAYER_RESHAPE;
  layer.output = (DcShape){1, (int)count, 1};
  DcNetwork *network = dc_network_new((DcShape){1, 1, (int)count});
  assert_int_equal(dc_network_add(network, &layer, NULL), DC_OK);
  DcPlan *plan = plan_of(network, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
  dc_plan_free(plan);
  dc_network_free(network);
}

/* From tables of the functions, so that the reference has a witness. */
static void
activations_give_known_numbers(void **state)
{
  (void)state;
  const float input[] = {1, -2};
  const struct {
    DcLayer layer;
    double expected[2];
  } cases[] = {
      {{.activation = DC_ACTIVATION_GELU_TANH}, {0.8411919906082768, -0.04540230591222494}},
      {{.activation = DC_ACTIVATION_CLIP, .low = -1.5f, .high = 0.5f}, {0.5, -1.5}},
      {{.activation = DC_ACTIVATION_SIGMOID}, {0.7310585786300049, 0.11920292202211755}},
      {{.activation = DC_ACTIVATION_HARD_SIGMOID, .slope = 0.25f, .shift = 0.5f}, {0.75, 0}},
      {{.activation = DC_ACTIVATION_HARD_SWISH}, {2.0 / 3, -1.0 / 3}},
      {{.activation = DC_ACTIVATION_SILU}, {0.7310585786300049, -0.2384058440442351}},
      {{.activation = DC_ACTIVATION_TANH}, {0.7615941559557649, -0.9640275800758169}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    float output[2];
    run_activation(cases[i].layer, input, 2, output);
    for (size_t j = 0; j < 2; j++)
      assert_near(output[j], cases[i].expected[j], 2e-7); /* a rounding or two of numbers below 1 */
  }
}

static void
kinds_give_numbers_computed_by_hand(void **state)
{
  (void)state;
  DcNetwork *network = dc_network_new((DcShape){1, 2, 2});
  const DcLayer layers[] = {
      {.kind = DC_LAYER_LAYER_NORM, .epsilon = 3},
      {.kind = DC_LAYER_PRELU},
      {.kind = DC_LAYER_CONCATENATE, .back = 2},
      {.kind = DC_LAYER_PAD, .padding = {0, 1, 1, 0}},
      {.kind = DC_LAYER_REARRANGE,
       .output = {1, 1, 6},
       .order = {.axes = 2, .size = {3, 2}, .stride = {4, 1}, .offset = 2}},
  };
  for (size_t i = 0; i < 5; i++)
    assert_int_equal(dc_network_add(network, &layers[i], NULL), DC_OK);
  memcpy(dc_network_layer(network, 0)->weight, (float[]){2, 4}, 2 * sizeof(float));
  memcpy(dc_network_layer(network, 0)->bias, (float[]){1, 1}, 2 * sizeof(float));
  memcpy(dc_network_layer(network, 1)->weight, (float[]){-3, 5}, 2 * sizeof(float));
  /* Pixel (6, 4): mean 5, variance 1, (+-1) / sqrt(1 + 3) = +-0.5; then 2 and -1, then 2 and -5.
   * Pixel (-1, -1): nothing but the bias. */
  const float input[] = {6, 4, -1, -1};
  float output[6];
  DcPlan *plan = plan_of(network, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
  /* Concatenated: (6, 4, 2, -5), (-1, -1, 1, 1); a pixel of zeros before, a row after; from number
   * 2 on, two of every four. */
  const float expected[] = {0, 0, 2, -5, 1, 1};
  for (size_t i = 0; i < 6; i++)
    assert_near(output[i], expected[i], 1e-6);
  dc_plan_free(plan);
  dc_network_free(network);
}

/* --- NaN and memory --- */

static void
every_activation_lets_nan_through(void **state)
{
  (void)state;
  for (int i = DC_ACTIVATION_NONE; i <= DC_ACTIVATION_TANH; i++) {
    const DcLayer layer = {
        .activation = (DcActivation)i, .slope = 0.3f, .shift = 0.5f, .low = -1, .high = 1};
    for (size_t position = 0; position < 37; position++) {
      float input[37] = {0}, output[37];
      input[position] = NAN;
      run_activation(layer, input, 37, output);
      for (size_t j = 0; j < 37; j++)
        assert_int_equal(isnan(output[j]), j == position);
    }
  }
}

static void
every_kind_lets_nan_through(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 28, 0);
  DcLayer dilated = window_layer(DC_LAYER_CONV2D, 2, 2, 1, none, 4);
  dilated.dilation = 2;
  dilated.groups = 2;
  const DcLayer layers[] = {dilated,
                            {.kind = DC_LAYER_PRELU},
                            {.kind = DC_LAYER_LAYER_NORM, .epsilon = 1},
                            {.kind = DC_LAYER_SOFTMAX},
                            {.kind = DC_LAYER_INSTANCE_NORM, .epsilon = 1},
                            {.kind = DC_LAYER_RESPONSE_NORM, .response = {3, 1, 1, 1}},
                            {.kind = DC_LAYER_RESAMPLE, .output = {30, 30, 0}},
                            {.kind = DC_LAYER_PAD, .padding = {1, 1, 1, 1}},
                            {.kind = DC_LAYER_ADD, .with = 1},
                            {.kind = DC_LAYER_MULTIPLY, .with = 1},
                            {.kind = DC_LAYER_CONCATENATE, .with = 1}};
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
    DcNetwork *network =
        single_layer((DcShape){3, 3, 4}, (DcLayer){.kind = DC_LAYER_RESHAPE, .output = {3, 3, 4}},
                     &random);
    add_random(network, layers[i], &random);
    float input[36] = {0}, output[30 * 30 * 4];
    input[2] = NAN;
    DcPlan *plan = plan_of(network, 1);
    assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
    size_t seen = 0;
    for (size_t j = 0; j < dc_shape_size(dc_network_output(network)); j++)
      seen += isnan(output[j]) ? 1 : 0;
    assert_true(seen > 0);
    dc_plan_free(plan);
    dc_network_free(network);
  }
}

static void
a_run_allocates_nothing(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 29, 0);
  DcNetwork *network = imported_network(&random);
  const size_t before_plan = allocations;
  DcPlan *plan = plan_of(network, MOST_BATCH);
  assert_true(allocations > before_plan); /* the counter counts */
  float *input = random_samples(network, MOST_BATCH, 3), output[MOST_BATCH * 5];
  const size_t before = allocations;
  for (size_t batch = 1; batch <= MOST_BATCH; batch++)
    assert_int_equal(dc_plan_run(plan, input, batch, output), DC_OK);
  assert_int_equal(allocations, before);
  dc_free(input);
  dc_plan_free(plan);
  dc_network_free(network);
}

static void
a_plan_survives_the_failure_of_any_allocation(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 30, 0);
  DcNetwork *network = imported_network(&random);
  DcPlan *plan = NULL;
  size_t failures = 0;
  for (;; failures++) {
    fail_at = allocations + failures;
    DcError error = {0};
    const DcStatus status = dc_plan_new(network, MOST_BATCH, &plan, &error);
    fail_at = SIZE_MAX;
    if (!status)
      break;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "no memory"));
    assert_null(plan);
  }
  assert_in_range(failures, 10, 200);
  run_is_reference(plan, network, MOST_BATCH);
  dc_plan_free(plan);
  dc_network_free(network);
}

static void
a_copy_has_everything(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 31, 0);
  DcNetwork *network = imported_network(&random), *copy = dc_network_copy(network);
  assert_non_null(copy);
  float *input = random_samples(network, 1, 4), expected[5], actual[5];
  DcPlan *plan = plan_of(network, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, expected), DC_OK);
  dc_plan_free(plan);
  plan = plan_of(copy, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, actual), DC_OK);
  assert_memory_equal(actual, expected, sizeof actual);
  dc_plan_free(plan);
  dc_free(input);
  dc_network_free(copy);
  dc_network_free(network);
}

static void
sizes_and_products_are_counted(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 32, 0);
  const DcShape input = {5, 5, 6};
  DcLayer layer = window_layer(DC_LAYER_CONV2D, 3, 3, 1, none, 4);
  layer.dilation = layer.groups = 2;
  const struct {
    DcLayer layer;
    size_t weight, bias, products;
  } cases[] = {
      {layer, 3 * 3 * 3 * 4, 4, 3 * 3 * 3 * 4}, /* one pixel: the dilated kernel is 5 x 5 */
      {{.kind = DC_LAYER_PRELU}, 6, 0, 150},
      {{.kind = DC_LAYER_LAYER_NORM, .epsilon = 1}, 6, 6, 300},
      {{.kind = DC_LAYER_SOFTMAX}, 0, 0, 0},
      {{.kind = DC_LAYER_PAD}, 0, 0, 0},
      {{.kind = DC_LAYER_INSTANCE_NORM, .epsilon = 1}, 6, 6, 300},
      {{.kind = DC_LAYER_RESPONSE_NORM, .response = {3, 1, 1, 1}}, 0, 0, 600},
      {{.kind = DC_LAYER_RESAMPLE, .output = {2, 9, 0}}, 11, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    DcNetwork *network = single_layer(input, cases[i].layer, &random);
    const DcLayer *made = dc_network_layer_const(network, 0);
    assert_int_equal(made->weight_size, cases[i].weight);
    assert_int_equal(made->bias_size, cases[i].bias);
    assert_int_equal(dc_network_multiply_adds(network), cases[i].products);
    dc_network_free(network);
  }
}

/* --- refusals --- */

static const DcShape image = {6, 6, 4};

/* As layer 1, behind an affine one of the image. */
static void
refuses(DcLayer layer, DcStatus wanted, const char *text)
{
  DcNetwork *network = dc_network_new(image);
  assert_int_equal(dc_network_add(network, &(DcLayer){.kind = DC_LAYER_AFFINE}, NULL), DC_OK);
  DcError error = {0};
  const DcStatus status = dc_network_add(network, &layer, &error);
  if (status != wanted || !strstr(error.message, text))
    fail_msg("%d \"%s\", not %d \"%s\"", status, error.message, wanted, text);
  assert_non_null(strstr(error.message, "layer 1"));
  assert_non_null(strstr(error.message, dc_layer_kind_name(layer.kind)));
  assert_int_equal(dc_network_layer_count(network), 1);
  dc_network_free(network);
}

static DcLayer
thinned(DcLayerKind kind, int dilation, int groups)
{
  DcLayer layer = window_layer(kind, 3, 3, 1, none, 4);
  layer.dilation = dilation;
  layer.groups = groups;
  return layer;
}

static void
dilations_and_groups_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  const DcLayerKind conv = DC_LAYER_CONV2D, depthwise = DC_LAYER_DEPTHWISE_CONV2D;
  refuses(thinned(conv, -1, 0), DC_ERROR_SHAPE, "dilation must");
  refuses(thinned(conv, 1 << 23, 0), DC_ERROR_SHAPE, "dilation must");
  refuses(thinned(conv, INT32_MAX, 0), DC_ERROR_SHAPE, "dilation must");
  refuses(thinned(depthwise, INT32_MIN, 0), DC_ERROR_SHAPE, "dilation must");
  refuses(thinned(conv, 3, 0), DC_ERROR_SHAPE, "larger than the padded input");
  refuses(thinned(DC_LAYER_MAX_POOL, 2, 0), DC_ERROR_SHAPE, "can have a dilation");
  refuses(thinned(DC_LAYER_AVERAGE_POOL, 2, 0), DC_ERROR_SHAPE, "can have a dilation");
  refuses((DcLayer){.kind = DC_LAYER_AFFINE, .dilation = 2}, DC_ERROR_SHAPE, "can have a dilation");
  refuses(thinned(conv, 0, 3), DC_ERROR_SHAPE, "groups must divide");
  refuses(thinned(conv, 0, -2), DC_ERROR_SHAPE, "groups must divide");
  refuses(thinned(conv, 0, 8), DC_ERROR_SHAPE, "groups must divide");
  refuses(thinned(depthwise, 0, 2), DC_ERROR_SHAPE, "only conv2d can have groups");
  DcLayer odd = thinned(conv, 0, 4);
  odd.output.channels = 6;
  refuses(odd, DC_ERROR_SHAPE, "groups must divide");
  DcLayer padded = thinned(conv, 2, 0);
  padded.padding[1] = 5;
  refuses(padded, DC_ERROR_SHAPE, "smaller than the kernel");
  DcLayer transposed = thinned(DC_LAYER_TRANSPOSED_CONV2D, 2, 0);
  transposed.output = (DcShape){10, 10, 4};
  refuses(transposed, DC_ERROR_SHAPE, "can have a dilation");
  DcLayer across = thinned(conv, 0, 0);
  across.dilation_across = -1;
  refuses(across, DC_ERROR_SHAPE, "dilation must");
  across.dilation_across = 3;
  refuses(across, DC_ERROR_SHAPE, "larger than the padded input");
  across.dilation_across = 0;
  across.stride_across = -2;
  refuses(across, DC_ERROR_SHAPE, "stride must");
  across.kind = DC_LAYER_MAX_POOL;
  across.stride_across = 0;
  across.dilation_across = 2;
  refuses(across, DC_ERROR_SHAPE, "can have a dilation");
}

static void
pairs_that_do_not_fit_are_refused(void **state)
{
  (void)state;
  static const DcLayerKind kinds[] = {DC_LAYER_ADD, DC_LAYER_MULTIPLY, DC_LAYER_CONCATENATE};
  for (size_t i = 0; i < 3; i++) {
    refuses((DcLayer){.kind = kinds[i]}, DC_ERROR_ARGUMENT, "`with` is 0");
    refuses((DcLayer){.kind = kinds[i], .with = 2}, DC_ERROR_ARGUMENT, "`with` is 2");
    refuses((DcLayer){.kind = kinds[i], .with = -1}, DC_ERROR_ARGUMENT, "`with` is -1");
    refuses((DcLayer){.kind = kinds[i], .back = 1, .with = 1}, DC_ERROR_ARGUMENT, "different");
    refuses((DcLayer){.kind = kinds[i], .back = 2, .with = 1}, DC_ERROR_ARGUMENT, "`back` is 2");
    /* Of other height and width; and a first input of one pixel. */
    for (int turn = 0; turn < 2; turn++) {
      DcNetwork *network = dc_network_new(image);
      const DcLayer pool = {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL};
      const DcLayer half = window_layer(DC_LAYER_MAX_POOL, 2, 2, 2, none, 0);
      assert_int_equal(dc_network_add(network, turn ? &pool : &half, NULL), DC_OK);
      DcError error = {0};
      assert_int_equal(dc_network_add(network, &(DcLayer){.kind = kinds[i], .with = 1}, &error),
                       DC_ERROR_SHAPE);
      assert_non_null(strstr(error.message, dc_layer_kind_name(kinds[i])));
      assert_non_null(strstr(error.message, "the second input 6x6x4"));
      dc_network_free(network);
    }
  }
}

static void
too_many_channels_are_refused(void **state)
{
  (void)state;
  DcNetwork *network = dc_network_new((DcShape){1, 1, INT32_MAX});
  const DcLayer reshape = {.kind = DC_LAYER_RESHAPE, .output = {1, 1, INT32_MAX}};
  assert_int_equal(dc_network_add(network, &reshape, NULL), DC_OK);
  DcError error = {0};
  const DcLayer both = {.kind = DC_LAYER_CONCATENATE, .with = 1};
  assert_int_equal(dc_network_add(network, &both, &error), DC_ERROR_SHAPE);
  assert_non_null(strstr(error.message, "more than 2^31 - 1 channels"));
  dc_network_free(network);
}

static DcLayer
rearranged(DcRearrangement order, DcShape output)
{
  return (DcLayer){.kind = DC_LAYER_REARRANGE, .order = order, .output = output};
}

/* The image has 144 numbers. */
static void
orders_that_leave_the_input_are_refused(void **state)
{
  (void)state;
  const DcShape shape = {1, 12, 12};
  const int big = INT32_MAX;
  const struct {
    DcRearrangement order;
    const char *text;
  } cases[] = {
      {{.axes = 0}, "1 to 6 axes"},
      {{.axes = 7}, "1 to 6 axes"},
      {{.axes = -1}, "1 to 6 axes"},
      {{.axes = 1, .size = {144}, .stride = {1}, .offset = 1}, "inside the input"},
      {{.axes = 1, .size = {144}, .stride = {1}, .offset = -1}, "inside the input"},
      {{.axes = 1, .size = {144}, .stride = {-1}, .offset = 143}, "inside the input"},
      {{.axes = 2, .size = {12, 12}, .stride = {12, 2}}, "inside the input"},
      {{.axes = 2, .size = {12, 12}, .stride = {12, big}}, "inside the input"},
      {{.axes = 2, .size = {144, 0}, .stride = {1, 1}}, "inside the input"},
      {{.axes = 2, .size = {-12, -12}, .stride = {0, 0}}, "inside the input"},
      {{.axes = 6,
        .size = {big, big, big, big, big, big},
        .stride = {big, big, big, big, big, big},
        .offset = big},
       "inside the input"},
      {{.axes = 3, .size = {1 << 16, 1 << 16, 1 << 16}}, "inside the input"},
      {{.axes = 2, .size = {12, 11}, .stride = {12, 1}}, "as many numbers"},
      {{.axes = 2, .size = {12, 13}, .stride = {0, 1}}, "as many numbers"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    refuses(rearranged(cases[i].order, shape), DC_ERROR_SHAPE, cases[i].text);
  const DcRearrangement all = {.axes = 1, .size = {144}, .stride = {1}};
  refuses(rearranged(all, (DcShape){0, 12, 12}), DC_ERROR_SHAPE, "must be given");
  refuses(rearranged(all, (DcShape){-1, -12, 12}), DC_ERROR_SHAPE, "must be given");
}

static void
numbers_out_of_range_are_refused(void **state)
{
  (void)state;
  static const DcLayerKind norms[] = {DC_LAYER_LAYER_NORM, DC_LAYER_INSTANCE_NORM};
  static const float epsilons[] = {0, -1, NAN, INFINITY};
  for (size_t i = 0; i < 8; i++)
    refuses((DcLayer){.kind = norms[i / 4], .epsilon = epsilons[i % 4]}, DC_ERROR_ARGUMENT,
            "epsilon");
  static const DcResponse responses[] = {{0, 1, 1, 1},   {-3, 1, 1, 1},       {1 << 25, 1, 1, 1},
                                         {3, -1, 1, 1},  {3, NAN, 1, 1},      {3, 1, 0, 1},
                                         {3, 1, NAN, 1}, {3, 1, INFINITY, 1}, {3, 1, 1, NAN}};
  for (size_t i = 0; i < sizeof responses / sizeof *responses; i++)
    refuses((DcLayer){.kind = DC_LAYER_RESPONSE_NORM, .response = responses[i]}, DC_ERROR_ARGUMENT,
            "its power a number");
  refuses((DcLayer){.kind = DC_LAYER_RESAMPLE}, DC_ERROR_SHAPE, "must be given");
  refuses((DcLayer){.kind = DC_LAYER_RESAMPLE, .output = {-1, 3, 4}}, DC_ERROR_SHAPE,
          "must be given");
  DcLayer clip = {.kind = DC_LAYER_PRELU, .activation = DC_ACTIVATION_CLIP, .low = 1};
  refuses(clip, DC_ERROR_ARGUMENT, "low > high");
  clip.low = NAN;
  refuses(clip, DC_ERROR_NOT_FINITE, "bound of clip");
  clip.low = 0;
  clip.high = INFINITY;
  refuses(clip, DC_ERROR_NOT_FINITE, "bound of clip");
  DcLayer line = {.kind = DC_LAYER_PRELU, .activation = DC_ACTIVATION_HARD_SIGMOID, .slope = NAN};
  refuses(line, DC_ERROR_NOT_FINITE, "hard_sigmoid");
  line.slope = 1;
  line.shift = -INFINITY;
  refuses(line, DC_ERROR_NOT_FINITE, "hard_sigmoid");
  for (int side = 0; side < 4; side++) {
    DcLayer pad = {.kind = DC_LAYER_PAD};
    pad.padding[side] = -1;
    refuses(pad, DC_ERROR_SHAPE, "padding must be 0 to 2^24");
    pad.padding[side] = INT32_MAX;
    refuses(pad, DC_ERROR_SHAPE, "padding must be 0 to 2^24");
    pad.padding[side] = 1 << 24;
    refuses(pad, DC_ERROR_SHAPE, "output must have");
  }
}

/* --- training --- */

static void
refuses_training(DcNetwork *network, const char *layer, const char *what)
{
  DcTrainer *trainer;
  DcError error = {0};
  assert_int_equal(dc_trainer_new(network, 2, false, &trainer, &error), DC_ERROR_UNSUPPORTED);
  assert_null(trainer);
  if (!strstr(error.message, layer) || !strstr(error.message, what))
    fail_msg("\"%s\" lacks \"%s\" or \"%s\"", error.message, layer, what);
  dc_network_free(network);
}

static void
what_goes_forward_only_is_not_trained(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 33, 0);
  const DcLayer kinds[] = {{.kind = DC_LAYER_PRELU},
                           {.kind = DC_LAYER_LAYER_NORM, .epsilon = 1},
                           {.kind = DC_LAYER_SOFTMAX},
                           {.kind = DC_LAYER_PAD},
                           {.kind = DC_LAYER_MULTIPLY, .with = 1},
                           {.kind = DC_LAYER_CONCATENATE, .with = 1},
                           rearranged((DcRearrangement){.axes = 1, .size = {1}, .stride = {1}},
                                      (DcShape){1, 1, 1})};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    DcNetwork *network = single_layer(image, (DcLayer){.kind = DC_LAYER_AFFINE}, &random);
    add_random(network, kinds[i], &random);
    refuses_training(network, "layer 1", "its kind");
  }
  for (int i = DC_ACTIVATION_GELU_TANH; i <= DC_ACTIVATION_TANH; i++) {
    const DcLayer layer = {.kind = DC_LAYER_AFFINE, .activation = (DcActivation)i};
    refuses_training(single_layer(image, layer, &random), dc_activation_name((DcActivation)i),
                     "its activation");
  }
  refuses_training(single_layer(image, thinned(DC_LAYER_CONV2D, 2, 0), &random), "layer 0",
                   "a dilation");
  refuses_training(single_layer(image, thinned(DC_LAYER_DEPTHWISE_CONV2D, 2, 0), &random),
                   "layer 0", "a dilation");
  refuses_training(single_layer(image, thinned(DC_LAYER_CONV2D, 0, 2), &random), "layer 0",
                   "groups");
  refuses_training(pair_network(image, (DcLayer){.kind = DC_LAYER_GLOBAL_AVERAGE_POOL},
                                (DcLayer){.kind = DC_LAYER_ADD}, true, &random),
                   "layer 2", "one pixel");
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dilated_and_grouped_convolutions_are_their_reference),
      cmocka_unit_test(dilated_depthwise_convolutions_are_their_reference),
      cmocka_unit_test(a_window_may_see_nothing),
      cmocka_unit_test(kinds_of_two_inputs_are_their_reference),
      cmocka_unit_test(kinds_of_one_input_are_their_reference),
      cmocka_unit_test(rearrangements_are_their_reference),
      cmocka_unit_test(resampled_images_are_their_reference),
      cmocka_unit_test(norms_of_channels_are_their_reference),
      cmocka_unit_test(places_without_sense_stay_inside),
      cmocka_unit_test(pixels_are_copied_beside_infinity),
      cmocka_unit_test(a_network_of_all_of_them_is_its_reference),
      cmocka_unit_test(activations_give_known_numbers),
      cmocka_unit_test(kinds_give_numbers_computed_by_hand),
      cmocka_unit_test(every_activation_lets_nan_through),
      cmocka_unit_test(every_kind_lets_nan_through),
      cmocka_unit_test(a_run_allocates_nothing),
      cmocka_unit_test(a_plan_survives_the_failure_of_any_allocation),
      cmocka_unit_test(a_copy_has_everything),
      cmocka_unit_test(sizes_and_products_are_counted),
      cmocka_unit_test(dilations_and_groups_that_do_not_fit_are_refused),
      cmocka_unit_test(pairs_that_do_not_fit_are_refused),
      cmocka_unit_test(too_many_channels_are_refused),
      cmocka_unit_test(orders_that_leave_the_input_are_refused),
      cmocka_unit_test(numbers_out_of_range_are_refused),
      cmocka_unit_test(what_goes_forward_only_is_not_trained),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
