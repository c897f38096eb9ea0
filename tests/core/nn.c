/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/network.h"

#include "allocations.h"
#include "base/memory.h"
#include "forward.h"
#include "networks.h"
#include "nn/plan.h"

#include <stdlib.h>
#include <string.h>

/* --- forward --- */

static void
check_batches(const DcNetwork *network)
{
  DcPlan *plan = plan_of(network, 9);
  for (size_t batch = 1; batch <= 9; batch++)
    run_is_reference(plan, network, batch);
  dc_plan_free(plan);
}

static void
every_kind_is_its_reference(void **state)
{
  (void)state;
  for_each_layer(check_batches);
}

/* The encoder of methods/dekm.md section 3, for 28 x 28 x 1. */
static DcNetwork *
dekm_encoder(void)
{
  static const int same5[4] = {1, 2, 1, 2}, valid[4] = {0, 0, 0, 0};
  DcRandom random;
  dc_random_seed(&random, 11, 0);
  DcNetwork *network = dc_network_new((DcShape){28, 28, 1});
  DcLayer layers[] = {window_layer(DC_LAYER_CONV2D, 5, 5, 2, same5, 32),
                      window_layer(DC_LAYER_CONV2D, 5, 5, 2, same5, 64),
                      window_layer(DC_LAYER_CONV2D, 3, 3, 2, valid, 128),
                      {.kind = DC_LAYER_DENSE, .output = {.channels = 10}}};
  for (size_t i = 0; i < 4; i++) {
    layers[i].activation = i < 3 ? DC_ACTIVATION_RELU : DC_ACTIVATION_NONE;
    add_random(network, layers[i], &random);
  }
  return network;
}

static DcNetwork *
dekm_decoder(void)
{
  static const int same5[4] = {1, 2, 1, 2}, valid[4] = {0, 0, 0, 0};
  DcRandom random;
  dc_random_seed(&random, 12, 0);
  DcNetwork *network = dc_network_new((DcShape){1, 1, 10});
  DcLayer layers[] = {{.kind = DC_LAYER_DENSE, .output = {.channels = 1152}},
                      {.kind = DC_LAYER_RESHAPE, .output = {3, 3, 128}},
                      window_layer(DC_LAYER_TRANSPOSED_CONV2D, 3, 3, 2, valid, 0),
                      window_layer(DC_LAYER_TRANSPOSED_CONV2D, 5, 5, 2, same5, 0),
                      window_layer(DC_LAYER_TRANSPOSED_CONV2D, 5, 5, 2, same5, 0)};
  layers[2].output = (DcShape){7, 7, 64};
  layers[3].output = (DcShape){14, 14, 32};
  layers[4].output = (DcShape){28, 28, 1};
  for (size_t i = 0; i < 5; i++) {
    layers[i].activation = i == 1 || i == 4 ? DC_ACTIVATION_NONE : DC_ACTIVATION_RELU;
    add_random(network, layers[i], &random);
  }
  return network;
}

static void
whole_networks_are_their_reference(void **state)
{
  (void)state;
  DcNetwork *networks[] = {dekm_encoder(), dekm_decoder()};
  for (size_t i = 0; i < 2; i++) {
    DcPlan *plan = plan_of(networks[i], 70);
    run_is_reference(plan, networks[i], 1);
    run_is_reference(plan, networks[i], 70);
    dc_plan_free(plan);
    dc_network_free(networks[i]);
  }
}

static void
branches_are_their_reference(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 13, 0);
  DcNetwork *network = branching_network(&random);
  check_batches(network);
  DcPlan *plan = plan_of(network, 1);
  run_is_reference(plan, network, 1);
  dc_plan_free(plan);
  dc_network_free(network);
}

static void
parameters_and_shapes_are_those_of_the_method(void **state)
{
  (void)state;
  DcNetwork *encoder = dekm_encoder(), *decoder = dekm_decoder();
  static const size_t encoder_sizes[] = {832, 51264, 73856, 11530};
  static const size_t decoder_sizes[] = {12672, 0, 73792, 51232, 801};
  for (size_t i = 0; i < 4; i++) {
    const DcLayer *layer = dc_network_layer_const(encoder, i);
    assert_int_equal(layer->weight_size + layer->bias_size, encoder_sizes[i]);
  }
  for (size_t i = 0; i < 5; i++) {
    const DcLayer *layer = dc_network_layer_const(decoder, i);
    assert_int_equal(layer->weight_size + layer->bias_size, decoder_sizes[i]);
  }
  assert_int_equal(dc_network_parameters(encoder), 137482);
  assert_int_equal(dc_network_parameters(decoder), 138497);
  const DcShape third = dc_network_layer_const(encoder, 2)->output;
  assert_true(third.height == 3 && third.width == 3 && third.channels == 128);
  /* 196*25*32 + 49*800*64 + 9*576*128 + 1152*10, "about 3.34 M". */
  assert_int_equal(dc_network_multiply_adds(encoder), 3340672);
  assert_int_equal(dc_network_multiply_adds(decoder), 3340672);
  dc_network_free(encoder);
  dc_network_free(decoder);
}

static void
a_sample_does_not_depend_on_its_batch(void **state)
{
  (void)state;
  DcNetwork *network = dekm_encoder();
  DcPlan *plan = plan_of(network, 64);
  float *input = random_samples(network, 64, 3), together[640], alone[10];
  assert_int_equal(dc_plan_run(plan, input, 64, together), DC_OK);
  for (size_t i = 0; i < 64; i++) {
    assert_int_equal(dc_plan_run(plan, input + i * 784, 1, alone), DC_OK);
    assert_memory_equal(alone, together + i * 10, sizeof alone);
  }
  dc_free(input);
  dc_plan_free(plan);
  dc_network_free(network);
}

static void
a_run_allocates_nothing(void **state)
{
  (void)state;
  DcNetwork *networks[] = {dekm_encoder(), dekm_decoder()};
  for (size_t i = 0; i < 2; i++) {
    const size_t before_plan = allocations;
    DcPlan *plan = plan_of(networks[i], 64);
    assert_true(allocations > before_plan); /* the counter counts */
    float *input = random_samples(networks[i], 64, 3);
    float *output = DC_NEW(float, 64 * dc_shape_size(dc_network_output(networks[i])));
    const size_t before = allocations;
    for (size_t batch = 1; batch <= 64; batch += 9)
      assert_int_equal(dc_plan_run(plan, input, batch, output), DC_OK);
    assert_int_equal(allocations, before);
    dc_free(input);
    dc_free(output);
    dc_plan_free(plan);
    dc_network_free(networks[i]);
  }
}

static void
a_run_refuses_other_batches_than_planned(void **state)
{
  (void)state;
  DcNetwork *network = dekm_encoder();
  DcPlan *plan = plan_of(network, 2);
  float *input = random_samples(network, 3, 3), output[30];
  assert_int_equal(dc_plan_run(plan, input, 0, output), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_plan_run(plan, input, 3, output), DC_ERROR_ARGUMENT);
  dc_free(input);
  dc_plan_free(plan);
  DcError error = {0};
  assert_int_equal(dc_plan_new(network, 0, &plan, &error), DC_ERROR_ARGUMENT);
  assert_null(plan);
  assert_non_null(strstr(error.message, "0 samples"));
  dc_network_free(network);
  DcNetwork *empty = dc_network_new((DcShape){2, 2, 2});
  assert_int_equal(dc_plan_new(empty, 1, &plan, NULL), DC_ERROR_ARGUMENT);
  dc_network_free(empty);
}

static void
a_plan_survives_the_failure_of_any_allocation(void **state)
{
  (void)state;
  DcNetwork *network = dekm_decoder();
  DcPlan *plan = NULL;
  size_t failures = 0;
  for (;; failures++) {
    fail_at = allocations + failures;
    DcError error = {0};
    const DcStatus status = dc_plan_new(network, 3, &plan, &error);
    fail_at = SIZE_MAX;
    if (!status)
      break;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "no memory"));
    assert_null(plan);
  }
  assert_in_range(failures, 20, 200);
  run_is_reference(plan, network, 3);
  dc_plan_free(plan);
  dc_network_free(network);
}

/* --- copies --- */

static void
a_copy_is_equal_and_on_its_own(void **state)
{
  (void)state;
  DcNetwork *network = dekm_decoder(), *copy = dc_network_copy(network);
  assert_non_null(copy);
  assert_int_equal(dc_network_layer_count(copy), dc_network_layer_count(network));
  assert_int_equal(dc_network_parameters(copy), dc_network_parameters(network));
  float *input = random_samples(network, 2, 8), before[2 * 784], after[2 * 784];
  DcPlan *plan = plan_of(network, 2);
  assert_int_equal(dc_plan_run(plan, input, 2, before), DC_OK);
  dc_plan_free(plan);
  dc_network_layer(network, 0)->weight[0] += 1;
  dc_network_free(network); /* nothing of it is needed any more */
  plan = plan_of(copy, 2);
  assert_int_equal(dc_plan_run(plan, input, 2, after), DC_OK);
  assert_memory_equal(before, after, sizeof before);
  dc_plan_free(plan);
  dc_network_free(copy);
  dc_free(input);
}

static void
a_copy_survives_the_failure_of_any_allocation(void **state)
{
  (void)state;
  DcNetwork *network = dekm_decoder(), *copy = NULL;
  size_t failures = 0;
  for (;; failures++) {
    fail_at = allocations + failures;
    copy = dc_network_copy(network);
    fail_at = SIZE_MAX;
    if (copy)
      break;
  }
  assert_in_range(failures, 10, 50);
  dc_network_free(copy);
  dc_network_free(network);
}

/* --- exact values --- */

static void
run_once(DcShape input_shape, DcLayer layer, const float *input, float *output)
{
  DcNetwork *network = dc_network_new(input_shape);
  DcError error = {0};
  if (dc_network_add(network, &layer, &error))
    fail_msg("%s", error.message);
  DcLayer *added = dc_network_layer(network, 0);
  for (size_t i = 0; i < added->weight_size; i++)
    added->weight[i] = (float)(i + 1);
  DcPlan *plan = plan_of(network, 1);
  assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
  dc_plan_free(plan);
  dc_network_free(network);
}

/* By hand, so that the reference itself has a witness. */
static void
small_layers_give_numbers_computed_by_hand(void **state)
{
  (void)state;
  static const int before[4] = {1, 0, 1, 0}, none[4] = {0, 0, 0, 0};
  const float input[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  float output[16];
  /* Kernel 1 2 / 3 4, a zero row above and a zero column left. */
  run_once((DcShape){3, 3, 1}, window_layer(DC_LAYER_CONV2D, 2, 2, 2, before, 1), input, output);
  const float conv[] = {4, 18, 36, 114 - 37};
  assert_near(output[0], 4 * 1, 0);
  assert_near(output[1], 3 * 2 + 4 * 3, 0);
  assert_near(output[2], 2 * 4 + 4 * 7, 0);
  assert_near(output[3], 1 * 5 + 2 * 6 + 3 * 8 + 4 * 9, 0);
  assert_near(conv[3], output[3], 0);
  /* Its adjoint spreads each input over the four positions that it came from. */
  DcLayer transposed = window_layer(DC_LAYER_TRANSPOSED_CONV2D, 2, 2, 2, before, 1);
  transposed.output = (DcShape){3, 3, 1};
  const float small[] = {1, 10, 100, 1000};
  run_once((DcShape){2, 2, 1}, transposed, small, output);
  const float spread[] = {4, 30, 40, 200, 1000, 2000, 400, 3000, 4000};
  for (size_t i = 0; i < 9; i++)
    assert_near(output[i], spread[i], 0);
  /* Padding neither wins a maximum nor counts in an average. */
  const float negative[] = {-1, -2, -3, -4};
  run_once((DcShape){2, 2, 1}, window_layer(DC_LAYER_MAX_POOL, 2, 2, 2, before, 0), negative,
           output);
  assert_near(output[0], -1, 0);
  run_once((DcShape){2, 2, 1}, window_layer(DC_LAYER_AVERAGE_POOL, 2, 2, 1, before, 0), negative,
           output);
  assert_near(output[0], -1, 0);
  assert_near(output[1], -1.5, 0);
  assert_near(output[3], -2.5, 0);
  run_once((DcShape){2, 2, 1}, window_layer(DC_LAYER_DEPTHWISE_CONV2D, 2, 2, 1, none, 0), negative,
           output);
  assert_near(output[0], -1 - 4 - 9 - 16, 0);
  /* 0.5 * x * (1 + erf(x / sqrt 2)) at 1 and -1. */
  const float ones[] = {1, -1};
  run_once(
      (DcShape){1, 1, 2},
      (DcLayer){.kind = DC_LAYER_RESHAPE, .activation = DC_ACTIVATION_GELU, .output = {1, 2, 1}},
      ones, output);
  assert_near(output[0], 0.84134474606854293, 1e-6);
  assert_near(output[1], -0.15865525393145705, 1e-6);
}

static void
l2_normalise_keeps_zero_and_tiny_samples_right(void **state)
{
  (void)state;
  float output[2];
  const DcLayer layer = {.kind = DC_LAYER_L2_NORMALISE};
  run_once((DcShape){1, 1, 2}, layer, (float[]){0, 0}, output);
  assert_true(output[0] == 0 && output[1] == 0);
  run_once((DcShape){1, 1, 2}, layer, (float[]){3e-30f, -4e-30f}, output);
  assert_near(output[0], 0.6, 1e-6);
  assert_near(output[1], -0.8, 1e-6);
  run_once((DcShape){1, 1, 2}, layer, (float[]){3e30f, 4e30f}, output);
  assert_near(output[0], 0.6, 1e-6);
}

static void
nan_is_seen_at_the_output(void **state)
{
  (void)state;
  static const int none[4] = {0, 0, 0, 0};
  const DcLayer layers[] = {window_layer(DC_LAYER_CONV2D, 2, 2, 1, none, 40),
                            window_layer(DC_LAYER_CONV2D, 2, 2, 1, none, 1),
                            window_layer(DC_LAYER_DEPTHWISE_CONV2D, 2, 2, 1, none, 0),
                            window_layer(DC_LAYER_MAX_POOL, 2, 2, 1, none, 0),
                            window_layer(DC_LAYER_AVERAGE_POOL, 2, 2, 1, none, 0),
                            {.kind = DC_LAYER_AFFINE},
                            {.kind = DC_LAYER_L2_NORMALISE},
                            {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL},
                            {.kind = DC_LAYER_DENSE, .output = {.channels = 5}}};
  for (size_t position = 0; position < 4; position++) {
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
      DcLayer layer = layers[i];
      layer.activation = DC_ACTIVATION_RELU;
      float input[4] = {-1, -2, -3, -4}, output[40];
      input[position] = NAN;
      run_once((DcShape){2, 2, 1}, layer, input, output);
      bool seen = false;
      for (size_t j = 0; j < (layer.kind == DC_LAYER_AFFINE ? 4 : 1); j++)
        seen = seen || isnan(output[j]);
      assert_true(seen);
    }
  }
}

/* <C x, y> = <x, C' y> for a convolution without bias and the transposed layer of its weights. */
static void
check_adjoint(DcShape large, int kernel, int stride, const int padding[4], int channels,
              DcRandom *random)
{
  DcLayer layer = window_layer(DC_LAYER_CONV2D, kernel, kernel, stride, padding, channels);
  DcNetwork *conv = single_layer(large, layer, random);
  layer.kind = DC_LAYER_TRANSPOSED_CONV2D;
  layer.output = large;
  DcNetwork *back = single_layer(dc_network_output(conv), layer, random);
  DcLayer *forward = dc_network_layer(conv, 0), *adjoint = dc_network_layer(back, 0);
  memcpy(adjoint->weight, forward->weight, forward->weight_size * sizeof(float));
  memset(forward->bias, 0, forward->bias_size * sizeof(float));
  memset(adjoint->bias, 0, adjoint->bias_size * sizeof(float));
  const size_t large_size = dc_shape_size(large);
  const size_t small_size = dc_shape_size(dc_network_output(conv));
  float *x = random_samples(conv, 1, 5), *y = random_samples(back, 1, 6);
  float *cx = DC_NEW(float, small_size), *cy = DC_NEW(float, large_size);
  DcPlan *conv_plan = plan_of(conv, 1), *back_plan = plan_of(back, 1);
  assert_int_equal(dc_plan_run(conv_plan, x, 1, cx), DC_OK);
  assert_int_equal(dc_plan_run(back_plan, y, 1, cy), DC_OK);
  double left = 0, right = 0, size = 0;
  for (size_t i = 0; i < small_size; i++) {
    left += (double)cx[i] * y[i];
    size += fabs((double)cx[i] * y[i]);
  }
  for (size_t i = 0; i < large_size; i++)
    right += (double)x[i] * cy[i];
  /* Both are sums of the same products, each output rounded to 2^-24 of its size. */
  assert_near(left, right, 1e-5 * size);
  assert_true(size > 0);
  dc_plan_free(conv_plan);
  dc_plan_free(back_plan);
  dc_network_free(conv);
  dc_network_free(back);
  dc_free(x);
  dc_free(y);
  dc_free(cx);
  dc_free(cy);
}

static void
transposed_convolution_is_the_adjoint(void **state)
{
  (void)state;
  static const int paddings[][4] = {{0, 0, 0, 0}, {1, 2, 1, 2}, {0, 1, 0, 1}, {2, 2, 0, 1}};
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  for (int stride = 1; stride <= 6; stride++) {
    for (size_t p = 0; p < 4; p++) {
      check_adjoint((DcShape){8, 11, 3}, 3, stride, paddings[p], 40, &random);
      check_adjoint((DcShape){7, 6, 20}, 5, stride, paddings[p], 2, &random);
    }
  }
}

/* --- refusals --- */

static void
refuses(DcShape input, DcLayer layer, const char *text)
{
  DcNetwork *network = dc_network_new(input);
  DcLayer identity = {.kind = DC_LAYER_AFFINE};
  const bool usable = !dc_network_add(network, &identity, NULL);
  const size_t count = dc_network_layer_count(network);
  DcError error = {0};
  const DcStatus status = dc_network_add(network, &layer, &error);
  assert_true(status == DC_ERROR_SHAPE || status == DC_ERROR_ARGUMENT ||
              status == DC_ERROR_NOT_FINITE);
  assert_int_equal(error.status, status);
  if (!strstr(error.message, text))
    fail_msg("\"%s\" lacks \"%s\"", error.message, text);
  /* The text names the layer. */
  assert_non_null(strstr(error.message, usable ? "layer 1" : "layer 0"));
  assert_int_equal(dc_network_layer_count(network), count);
  assert_int_equal(dc_network_add(network, &layer, NULL), status);
  dc_network_free(network);
}

static void
layers_that_do_not_fit_are_refused_by_name(void **state)
{
  (void)state;
  static const int none[4] = {0, 0, 0, 0}, large[4] = {0, 3, 0, 0}, minus[4] = {0, 0, -1, 0};
  const DcShape image = {6, 6, 3};
  refuses(image, window_layer(DC_LAYER_CONV2D, 7, 3, 1, none, 4), "larger than the padded input");
  refuses(image, window_layer(DC_LAYER_MAX_POOL, 3, 7, 1, none, 0), "(max_pool)");
  refuses(image, window_layer(DC_LAYER_CONV2D, 0, 3, 1, none, 4), "kernel's sides");
  refuses(image, window_layer(DC_LAYER_CONV2D, 3, 1 << 30, 1, none, 4), "kernel's sides");
  refuses(image, window_layer(DC_LAYER_CONV2D, 3, 3, 0, none, 4), "stride");
  refuses(image, window_layer(DC_LAYER_CONV2D, 3, 3, 1, large, 4), "padding");
  refuses(image, window_layer(DC_LAYER_AVERAGE_POOL, 3, 3, 1, minus, 4), "padding");
  refuses(image, window_layer(DC_LAYER_CONV2D, 3, 3, 1, none, 0), "output must have");
  refuses(image, window_layer(DC_LAYER_CONV2D, 3, 3, 1, none, -4), "output must have");
  refuses(image, window_layer(DC_LAYER_CONV2D, 6, 6, 1, none, 1 << 30), "weight has more");
  refuses(image, (DcLayer){.kind = DC_LAYER_DENSE}, "(dense)");
  refuses(image, (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = 1 << 30}},
          "weight has more");
  refuses(image, (DcLayer){.kind = DC_LAYER_RESHAPE, .output = {5, 5, 4}}, "as many numbers");
  refuses(image, (DcLayer){.kind = DC_LAYER_RESHAPE, .output = {-6, -6, 3}}, "as many numbers");
  refuses(image, (DcLayer){.kind = DC_LAYER_KIND_COUNT}, "unknown kind");
  refuses(image, (DcLayer){.kind = DC_LAYER_AFFINE, .activation = (DcActivation)99},
          "unknown activation");
  refuses(image,
          (DcLayer){.kind = DC_LAYER_AFFINE, .activation = DC_ACTIVATION_LEAKY_RELU, .slope = NAN},
          "slope");
  DcLayer transposed = window_layer(DC_LAYER_TRANSPOSED_CONV2D, 3, 3, 2, none, 4);
  refuses(image, transposed, "must be given");
  transposed.output = (DcShape){20, 12, 4};
  refuses(image, transposed, "no convolution");
}

static void
values_that_are_not_there_are_refused(void **state)
{
  (void)state;
  const DcShape image = {6, 6, 3};
  /* Value 0 is the image, value 1 the output of the layer before. */
  refuses(image, (DcLayer){.kind = DC_LAYER_AFFINE, .back = 2}, "`back` is 2");
  refuses(image, (DcLayer){.kind = DC_LAYER_AFFINE, .back = -1}, "`back` is -1");
  refuses(image, (DcLayer){.kind = DC_LAYER_ADD, .back = INT32_MAX, .with = 1}, "`back` is");
  refuses(image, (DcLayer){.kind = DC_LAYER_ADD}, "`with` is 0");
  refuses(image, (DcLayer){.kind = DC_LAYER_ADD, .with = -1}, "`with` is -1");
  refuses(image, (DcLayer){.kind = DC_LAYER_ADD, .with = 2}, "`with` is 2");
  refuses(image, (DcLayer){.kind = DC_LAYER_ADD, .back = 1, .with = 1}, "two different values");
}

static void
sums_of_different_shapes_are_refused(void **state)
{
  (void)state;
  static const DcShape shapes[] = {{6, 6, 2}, {6, 3, 6}, {4, 9, 3}};
  for (size_t i = 0; i < 3; i++) {
    DcNetwork *network = dc_network_new((DcShape){6, 6, 3});
    DcLayer first = {.kind = DC_LAYER_RESHAPE, .output = shapes[i]};
    if (i == 0)
      first = window_layer(DC_LAYER_CONV2D, 1, 1, 1, (int[4]){0}, 2);
    assert_int_equal(dc_network_add(network, &first, NULL), DC_OK);
    DcError error = {0};
    assert_int_equal(dc_network_add(network, &(DcLayer){.kind = DC_LAYER_ADD, .with = 1}, &error),
                     DC_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "layer 1 (add)"));
    assert_non_null(strstr(error.message, "6x6x3"));
    dc_network_free(network);
  }
}

static void
inputs_out_of_range_are_refused(void **state)
{
  (void)state;
  const DcLayer layer = {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL};
  refuses((DcShape){0, 4, 1}, layer, "input must have");
  refuses((DcShape){4, -1, 1}, layer, "input must have");
  refuses((DcShape){1 << 20, 1 << 20, 1}, layer, "input must have");
  refuses((DcShape){1 << 25, 1, 1}, layer, "sides");
}

static void
names_are_found_both_ways(void **state)
{
  (void)state;
  for (int i = 0; i < DC_LAYER_KIND_COUNT; i++) {
    DcLayerKind kind = DC_LAYER_KIND_COUNT;
    assert_true(dc_layer_kind_from_name(dc_layer_kind_name((DcLayerKind)i), &kind));
    assert_int_equal(kind, i);
  }
  for (int i = 0; i <= DC_ACTIVATION_GELU; i++) {
    DcActivation activation = DC_ACTIVATION_NONE;
    assert_true(dc_activation_from_name(dc_activation_name((DcActivation)i), &activation));
    assert_int_equal(activation, i);
  }
  DcLayerKind kind = DC_LAYER_AFFINE;
  DcActivation activation = DC_ACTIVATION_GELU;
  assert_false(dc_layer_kind_from_name("Conv2D", &kind));
  assert_false(dc_layer_kind_from_name("", &kind));
  assert_false(dc_activation_from_name("swish", &activation));
  assert_int_equal(kind, DC_LAYER_AFFINE);
  assert_int_equal(activation, DC_ACTIVATION_GELU);
  assert_string_equal(dc_layer_kind_name((DcLayerKind)99), "unknown");
  assert_string_equal(dc_activation_name((DcActivation)-1), "unknown");
}

static void
writing_a_layer_is_a_new_revision(void **state)
{
  (void)state;
  DcNetwork *network = dekm_encoder();
  const uint64_t before = dc_network_revision(network);
  dc_network_layer_const(network, 0);
  assert_true(dc_network_revision(network) == before);
  dc_network_layer(network, 0);
  assert_true(dc_network_revision(network) > before);
  dc_network_free(network);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_is_its_reference),
      cmocka_unit_test(whole_networks_are_their_reference),
      cmocka_unit_test(branches_are_their_reference),
      cmocka_unit_test(parameters_and_shapes_are_those_of_the_method),
      cmocka_unit_test(a_sample_does_not_depend_on_its_batch),
      cmocka_unit_test(a_run_allocates_nothing),
      cmocka_unit_test(a_run_refuses_other_batches_than_planned),
      cmocka_unit_test(a_plan_survives_the_failure_of_any_allocation),
      cmocka_unit_test(a_copy_is_equal_and_on_its_own),
      cmocka_unit_test(a_copy_survives_the_failure_of_any_allocation),
      cmocka_unit_test(small_layers_give_numbers_computed_by_hand),
      cmocka_unit_test(l2_normalise_keeps_zero_and_tiny_samples_right),
      cmocka_unit_test(nan_is_seen_at_the_output),
      cmocka_unit_test(transposed_convolution_is_the_adjoint),
      cmocka_unit_test(layers_that_do_not_fit_are_refused_by_name),
      cmocka_unit_test(values_that_are_not_there_are_refused),
      cmocka_unit_test(sums_of_different_shapes_are_refused),
      cmocka_unit_test(inputs_out_of_range_are_refused),
      cmocka_unit_test(names_are_found_both_ways),
      cmocka_unit_test(writing_a_layer_is_a_new_revision),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
