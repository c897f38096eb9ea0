/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Running a network over many samples. */
#include "nn/encode.h"
#include "allocations.h"
#include "base/memory.h"
#include "networks.h"
#include "nn/plan.h"

#include <string.h>

/* More than the 4096 of which outputs are held at once, and no multiple of what a plan runs. */
enum { INPUTS = 3, OUTPUTS = 5, SAMPLES = 4096 + 1000 + 7 };

typedef struct {
  DcNetwork *network;
  float *samples;
} Case;

static Case
make_case(void)
{
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  Case made = {single_layer((DcShape){1, 1, INPUTS},
                            (DcLayer){.kind = DC_LAYER_DENSE, .output = {.channels = OUTPUTS}},
                            &random),
               DC_NEW(float, SAMPLES *INPUTS)};
  assert_non_null(made.samples);
  fill_uniform(&random, made.samples, SAMPLES * INPUTS, 1);
  return made;
}

static void
free_case(Case *made)
{
  dc_network_free(made->network);
  dc_free(made->samples);
}

/* Sums of four products of numbers of the order of 1: four roundings of 6e-8. */
static void
outputs_are_those_of_the_network(void **state)
{
  (void)state;
  Case made = make_case();
  float *outputs = DC_NEW(float, SAMPLES *OUTPUTS), *expected = DC_NEW(float, SAMPLES *OUTPUTS);
  assert_int_equal(dc_encode(made.network, made.samples, SAMPLES, 1, outputs, NULL), DC_OK);
  assert_int_equal(dc_network_run_reference(made.network, made.samples, SAMPLES, expected), DC_OK);
  for (size_t i = 0; i < SAMPLES * OUTPUTS; i++)
    assert_near(outputs[i], expected[i], 1e-6);
  dc_free(outputs);
  dc_free(expected);
  free_case(&made);
}

static void
threads_do_not_change_outputs(void **state)
{
  (void)state;
  Case made = make_case();
  float *one = DC_NEW(float, SAMPLES *OUTPUTS), *many = DC_NEW(float, SAMPLES *OUTPUTS);
  uint32_t *labels = DC_NEW(uint32_t, SAMPLES), *others = DC_NEW(uint32_t, SAMPLES);
  assert_int_equal(dc_encode(made.network, made.samples, SAMPLES, 1, one, NULL), DC_OK);
  assert_int_equal(dc_encode_largest(made.network, made.samples, SAMPLES, 1, labels, NULL), DC_OK);
  for (size_t threads = 2; threads <= 23; threads += 7) { /* the last with some without work */
    memset(many, 0, SAMPLES * OUTPUTS * sizeof *many);
    memset(others, 0xff, SAMPLES * sizeof *others);
    assert_int_equal(dc_encode(made.network, made.samples, SAMPLES, threads, many, NULL), DC_OK);
    assert_int_equal(dc_encode_largest(made.network, made.samples, SAMPLES, threads, others, NULL),
                     DC_OK);
    assert_memory_equal(one, many, SAMPLES * OUTPUTS * sizeof *one);
    assert_memory_equal(labels, others, SAMPLES * sizeof *labels);
  }
  dc_free(one);
  dc_free(many);
  dc_free(labels);
  dc_free(others);
  free_case(&made);
}

/* The outputs themselves are the same to the last bit, so that the largest is the largest. */
static void
labels_are_the_largest_outputs(void **state)
{
  (void)state;
  Case made = make_case();
  float *outputs = DC_NEW(float, SAMPLES *OUTPUTS);
  uint32_t *labels = DC_NEW(uint32_t, SAMPLES);
  size_t sizes[OUTPUTS] = {0};
  assert_int_equal(dc_encode(made.network, made.samples, SAMPLES, 2, outputs, NULL), DC_OK);
  assert_int_equal(dc_encode_largest(made.network, made.samples, SAMPLES, 2, labels, NULL), DC_OK);
  for (size_t i = 0; i < SAMPLES; i++) {
    assert_true(labels[i] < OUTPUTS);
    for (size_t k = 0; k < OUTPUTS; k++)
      assert_true(outputs[i * OUTPUTS + k] <= outputs[i * OUTPUTS + labels[i]]);
    sizes[labels[i]]++;
  }
  for (size_t k = 0; k < OUTPUTS; k++)
    assert_true(sizes[k] < SAMPLES); /* not all in one */
  dc_free(outputs);
  dc_free(labels);
  free_case(&made);
}

/* A layer that hands its input on. */
static DcNetwork *
unchanged(int width)
{
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  DcNetwork *network =
      single_layer((DcShape){1, 1, width}, (DcLayer){.kind = DC_LAYER_AFFINE}, &random);
  DcLayer *layer = dc_network_layer(network, 0);
  for (int i = 0; i < width; i++) {
    layer->weight[i] = 1;
    layer->bias[i] = 0;
  }
  return network;
}

static void
equal_outputs_go_to_the_smallest_index(void **state)
{
  (void)state;
  DcNetwork *network = unchanged(3);
  const float samples[] = {1, 1, 1, 0, 2, 2, -3, -4, -3, 1, 0, 1, 0, 0, 1};
  static const uint32_t expected[] = {0, 1, 0, 0, 2};
  uint32_t labels[5];
  assert_int_equal(dc_encode_largest(network, samples, 5, 1, labels, NULL), DC_OK);
  assert_memory_equal(labels, expected, sizeof labels);
  dc_network_free(network);
}

static void
a_single_output_is_the_largest(void **state)
{
  (void)state;
  DcNetwork *network = unchanged(1);
  const float samples[] = {-1, 0, 1};
  uint32_t labels[] = {9, 9, 9};
  assert_int_equal(dc_encode_largest(network, samples, 3, 2, labels, NULL), DC_OK);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(labels[i], 0);
  dc_network_free(network);
}

static void
no_samples_leave_everything_as_it_is(void **state)
{
  (void)state;
  Case made = make_case();
  float output = 7;
  uint32_t label = 8;
  assert_int_equal(dc_encode(made.network, made.samples, 0, 2, &output, NULL), DC_OK);
  assert_int_equal(dc_encode_largest(made.network, made.samples, 0, 2, &label, NULL), DC_OK);
  assert_true(output == 7);
  assert_int_equal(label, 8);
  free_case(&made);
}

/* In the first sample and in the last one, beyond the first few thousand. */
static void
outputs_that_are_no_numbers_are_reported(void **state)
{
  (void)state;
  static const size_t places[] = {0, SAMPLES - 1};
  Case made = make_case();
  float *outputs = DC_NEW(float, SAMPLES *OUTPUTS);
  uint32_t *labels = DC_NEW(uint32_t, SAMPLES);
  for (size_t i = 0; i < 4; i++) {
    float *number = made.samples + places[i / 2] * INPUTS;
    const float before = *number;
    *number = i % 2 ? NAN : INFINITY;
    DcError error = {0};
    assert_int_equal(dc_encode(made.network, made.samples, SAMPLES, 2, outputs, &error),
                     DC_ERROR_NOT_FINITE);
    assert_non_null(strstr(error.message, "diverged"));
    error.message[0] = 0;
    assert_int_equal(dc_encode_largest(made.network, made.samples, SAMPLES, 2, labels, &error),
                     DC_ERROR_NOT_FINITE);
    assert_non_null(strstr(error.message, "diverged"));
    *number = before;
  }
  dc_free(outputs);
  dc_free(labels);
  free_case(&made);
}

static void
no_threads_are_refused(void **state)
{
  (void)state;
  Case made = make_case();
  float outputs[OUTPUTS];
  uint32_t label;
  DcError error = {0};
  assert_int_equal(dc_encode(made.network, made.samples, 1, 0, outputs, &error), DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "0 threads"));
  error.message[0] = 0;
  assert_int_equal(dc_encode_largest(made.network, made.samples, 1, 0, &label, &error),
                   DC_ERROR_ARGUMENT);
  assert_non_null(strstr(error.message, "0 threads"));
  free_case(&made);
}

/* Every allocation in turn. */
static void
short_memory_is_reported(void **state)
{
  (void)state;
  Case made = make_case();
  uint32_t labels[2];
  size_t failures = 0;
  for (DcStatus status = DC_ERROR_MEMORY; status; failures++) {
    DcError error = {0};
    fail_at = allocations + failures;
    status = dc_encode_largest(made.network, made.samples, 2, 2, labels, &error);
    fail_at = SIZE_MAX;
    assert_true(status == DC_OK || status == DC_ERROR_MEMORY);
    assert_true((error.message[0] != 0) == (status != DC_OK));
  }
  assert_true(failures > 4); /* plans of both threads, their list and the outputs at least */
  free_case(&made);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(outputs_are_those_of_the_network),
      cmocka_unit_test(threads_do_not_change_outputs),
      cmocka_unit_test(labels_are_the_largest_outputs),
      cmocka_unit_test(equal_outputs_go_to_the_smallest_index),
      cmocka_unit_test(a_single_output_is_the_largest),
      cmocka_unit_test(no_samples_leave_everything_as_it_is),
      cmocka_unit_test(outputs_that_are_no_numbers_are_reported),
      cmocka_unit_test(no_threads_are_refused),
      cmocka_unit_test(short_memory_is_reported),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
