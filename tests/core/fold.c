/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/fold.h"

#include "allocations.h"
#include "base/memory.h"
#include "networks.h"
#include "nn/plan.h"

#include <string.h>

#define BATCH 5
/* Relative to the largest output: two ways to round the same few thousand products, which each
 * differ by 2^-24 of their size, through up to ten layers. */
#define TOLERANCE 1e-5

static DcNetwork *
fold_of(const DcNetwork *network)
{
  DcNetwork *folded;
  DcError error = {0};
  if (dc_network_fold(network, &folded, &error))
    fail_msg("%s", error.message);
  return folded;
}

static void
run(const DcNetwork *network, const float *input, float *output)
{
  DcPlan *plan;
  assert_int_equal(dc_plan_new(network, BATCH, &plan, NULL), DC_OK);
  assert_int_equal(dc_plan_run(plan, input, BATCH, output), DC_OK);
  dc_plan_free(plan);
}

static size_t
count_kind(const DcNetwork *network, DcLayerKind kind)
{
  size_t count = 0;
  for (size_t i = 0; i < dc_network_layer_count(network); i++)
    count += dc_network_layer_const(network, i)->kind == kind;
  return count;
}

/* Folds, compares, and gives back how many AFFINE layers there are now; frees `network`. */
static size_t
check_fold(DcNetwork *network)
{
  DcNetwork *folded = fold_of(network);
  const size_t in = BATCH * dc_shape_size(dc_network_input(network));
  const size_t out = BATCH * dc_shape_size(dc_network_output(network));
  assert_int_equal(dc_shape_size(dc_network_output(folded)) * BATCH, out);
  float *input = DC_NEW(float, in), *expected = DC_NEW(float, out), *actual = DC_NEW(float, out);
  DcRandom random;
  dc_random_seed(&random, in, 0);
  fill_uniform(&random, input, in, 1);
  run(network, input, expected);
  run(folded, input, actual);
  double largest = 0;
  for (size_t i = 0; i < out; i++)
    largest = fmax(largest, fabs((double)expected[i]));
  assert_true(largest > 0);
  for (size_t i = 0; i < out; i++)
    assert_near(actual[i], expected[i], TOLERANCE * largest);
  assert_false(dc_network_has_batch_norm(folded, NULL));
  const size_t norms = count_kind(network, DC_LAYER_BATCH_NORM);
  const size_t affines = count_kind(folded, DC_LAYER_AFFINE) - count_kind(network, DC_LAYER_AFFINE);
  assert_int_equal(dc_network_layer_count(folded),
                   dc_network_layer_count(network) - norms + affines);
  dc_free(input);
  dc_free(expected);
  dc_free(actual);
  dc_network_free(network);
  dc_network_free(folded);
  return affines;
}

static const int one[4] = {1, 1, 1, 1};

static DcNetwork *
network_of(const DcLayer *layers, size_t count)
{
  DcRandom random;
  dc_random_seed(&random, count, 2);
  DcNetwork *network = dc_network_new((DcShape){4, 5, 6});
  for (size_t i = 0; i < count; i++)
    add_random(network, layers[i], &random);
  return network;
}

static DcLayer
conv(int back)
{
  DcLayer layer = window_layer(DC_LAYER_CONV2D, 3, 3, 1, one, 6);
  layer.back = back;
  return layer;
}

static const DcLayer norm = {.kind = DC_LAYER_BATCH_NORM};

#define NETWORK(...)                                                                               \
  network_of((const DcLayer[]){__VA_ARGS__},                                                       \
             sizeof((const DcLayer[]){__VA_ARGS__}) / sizeof(DcLayer))

static void
a_norm_joins_the_weights_before_it(void **state)
{
  (void)state;
  DcLayer relu = norm, leaky = norm;
  relu.activation = DC_ACTIVATION_RELU;
  leaky.activation = DC_ACTIVATION_LEAKY_RELU;
  leaky.slope = 0.3f;
  assert_int_equal(check_fold(NETWORK(conv(0), norm)), 0);
  assert_int_equal(check_fold(NETWORK(conv(0), relu, conv(0), leaky)), 0);
  assert_int_equal(check_fold(NETWORK({.kind = DC_LAYER_DENSE, .output = {.channels = 7}}, leaky)),
                   0);
  assert_int_equal(
      check_fold(NETWORK(window_layer(DC_LAYER_DEPTHWISE_CONV2D, 3, 3, 1, one, 0), relu)), 0);
}

static void
a_norm_without_such_weights_becomes_affine(void **state)
{
  (void)state;
  DcLayer active = conv(0), back = window_layer(DC_LAYER_TRANSPOSED_CONV2D, 3, 3, 1, one, 0);
  active.activation = DC_ACTIVATION_RELU;
  back.output = (DcShape){4, 5, 3};
  assert_int_equal(check_fold(NETWORK(norm)), 1);
  assert_int_equal(check_fold(NETWORK(active, norm)), 1);
  assert_int_equal(check_fold(NETWORK(back, norm)), 1);
  assert_int_equal(check_fold(NETWORK(conv(0), norm, norm)), 1);
  /* The convolution feeds the sum too. */
  assert_int_equal(check_fold(NETWORK(conv(0), norm, {.kind = DC_LAYER_ADD, .with = 1})), 1);
  /* Or a second norm. */
  DcLayer second = norm;
  second.back = 1;
  assert_int_equal(check_fold(NETWORK(conv(0), norm, second, {.kind = DC_LAYER_ADD, .with = 1})),
                   2);
}

/* Layers vanish from between, before and after what others count back to. */
static void
layers_are_counted_anew(void **state)
{
  (void)state;
  DcLayer late = norm;
  late.back = 2;
  /* Two convolutions, the norm of the second, then that of the first. In the sum, the second addend
   * becomes the preceding layer's output. */
  assert_int_equal(
      check_fold(NETWORK(conv(0), conv(1), norm, late, {.kind = DC_LAYER_ADD, .with = 1})), 0);
  /* A norm at the end of a layer that does not come last. */
  DcLayer last = norm;
  last.back = 1;
  assert_int_equal(check_fold(NETWORK(conv(0), conv(1), last)), 1);
  DcRandom random;
  dc_random_seed(&random, 31, 0);
  /* One norm takes a convolution's output, which nobody else does, four times; one a dense one's
   * that a sum takes too. */
  assert_int_equal(check_fold(branching_network(&random)), 1);
}

static void
a_network_without_norms_stays_as_it_is(void **state)
{
  (void)state;
  DcNetwork *network = NETWORK(conv(0), conv(0), {.kind = DC_LAYER_ADD, .with = 2});
  DcNetwork *folded = fold_of(network);
  assert_int_equal(dc_network_layer_count(folded), 3);
  for (size_t i = 0; i < 3; i++) {
    const DcLayer *a = dc_network_layer_const(network, i);
    const DcLayer *b = dc_network_layer_const(folded, i);
    assert_true(a->kind == b->kind && a->back == b->back && a->with == b->with);
    if (a->weight_size)
      assert_memory_equal(a->weight, b->weight, a->weight_size * sizeof(float));
  }
  dc_network_free(folded);
  dc_network_free(network);
}

static void
refuses_statistics(size_t index, float value, const char *text)
{
  DcNetwork *network = NETWORK(conv(0), norm), *folded;
  dc_network_layer(network, 1)->statistics[index] = value;
  DcError error = {0};
  assert_int_equal(dc_network_fold(network, &folded, &error), DC_ERROR_NOT_FINITE);
  assert_null(folded);
  assert_non_null(strstr(error.message, "layer 1 (batch_norm)"));
  assert_non_null(strstr(error.message, text));
  dc_network_free(network);
}

static void
statistics_that_are_none_are_refused(void **state)
{
  (void)state;
  refuses_statistics(2, NAN, "channel 2");
  refuses_statistics(0, INFINITY, "mean inf");
  refuses_statistics(6 + 5, -0.5f, "variance -0.5");
  refuses_statistics(6 + 1, NAN, "channel 1");
}

static void
folding_survives_the_failure_of_any_allocation(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 31, 0);
  DcNetwork *network = branching_network(&random), *folded;
  size_t failures = 0;
  for (;; failures++) {
    DcError error = {0};
    fail_at = allocations + failures;
    const DcStatus status = dc_network_fold(network, &folded, &error);
    fail_at = SIZE_MAX;
    if (!status)
      break;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "no memory"));
    assert_null(folded);
  }
  assert_in_range(failures, 15, 60);
  dc_network_free(folded);
  dc_network_free(network);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_norm_joins_the_weights_before_it),
      cmocka_unit_test(a_norm_without_such_weights_becomes_affine),
      cmocka_unit_test(layers_are_counted_anew),
      cmocka_unit_test(a_network_without_norms_stays_as_it_is),
      cmocka_unit_test(statistics_that_are_none_are_refused),
      cmocka_unit_test(folding_survives_the_failure_of_any_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
