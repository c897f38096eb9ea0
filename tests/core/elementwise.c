/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/elementwise.h"

#include "base/memory.h"
#include "base/random.h"
#include "nn/reference.h"
#include "test.h"

#include <string.h>

enum { VALUES = 4001 };

/* -20 .. 20 in steps of 0.01, which crosses every bound and bend. */
static float
value(size_t i)
{
  return ((float)i - 2000) / 100;
}

static void
definition(const DcLayer *activation, double *expected)
{
  DcLayer layer = *activation;
  layer.kind = DC_LAYER_RESHAPE;
  layer.output = (DcShape){1, 1, VALUES};
  double input[VALUES];
  for (size_t i = 0; i < VALUES; i++)
    input[i] = value(i);
  DcNetwork *network = dc_network_new((DcShape){1, 1, VALUES});
  assert_int_equal(dc_network_add(network, &layer, NULL), DC_OK);
  assert_int_equal(dc_network_run_double(network, input, 1, expected), DC_OK);
  dc_network_free(network);
}

static DcLayer
with_activation(int activation)
{
  return (DcLayer){.activation = (DcActivation)activation,
                   .slope = 0.3f,
                   .shift = 0.4f,
                   .low = -0.5f,
                   .high = 1.25f};
}

static void
every_level_gives_the_activations_of_the_definition(void **state)
{
  (void)state;
  const DcElementwiseKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_elementwise_kernels_usable(tables);
  for (int activation = DC_ACTIVATION_NONE; activation <= DC_ACTIVATION_TANH; activation++) {
    const DcLayer layer = with_activation(activation);
    double expected[VALUES];
    definition(&layer, expected);
    for (size_t level = 0; level < levels; level++) {
      float actual[VALUES];
      for (size_t i = 0; i < VALUES; i++)
        actual[i] = value(i);
      tables[level]->activate(&layer, actual, VALUES);
      /* nn/activation_functions.h promises 4e-7 of the result; what multiplies it by x rounds once
       * more. */
      for (size_t i = 0; i < VALUES; i++)
        assert_near(actual[i], expected[i], 5e-7 * fmax(1, fabs(expected[i])));
    }
  }
}

static void
tails_keep_their_relative_accuracy(void **state)
{
  (void)state;
  const DcElementwiseKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_elementwise_kernels_usable(tables);
  const struct {
    DcActivation activation;
    double tolerance; /* relative, from nn/activation_functions.h */
  } cases[] = {{DC_ACTIVATION_SIGMOID, 3e-7},
               {DC_ACTIVATION_SILU, 4e-7},
               {DC_ACTIVATION_TANH, 5e-7},
               {DC_ACTIVATION_GELU, 6e-6}};
  for (size_t level = 0; level < levels; level++) {
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
      for (float x = -10; x < 10; x += 0.37f) {
        const double sigmoid = 1 / (1 + exp(-(double)x));
        const double expected[] = {sigmoid, x * sigmoid, tanh(x),
                                   0.5 * x * erfc(-x * 0.70710678118654752440)};
        DcLayer layer = {.activation = cases[c].activation};
        float actual = x;
        tables[level]->activate(&layer, &actual, 1);
        assert_near(actual, expected[c], cases[c].tolerance * fabs(expected[c]));
      }
    }
  }
}

static void
every_level_bears_any_number(void **state)
{
  (void)state;
  const float numbers[] = {0, -0.0f, 1e-38f, -1e-38f, 88, -88, 200, -200, 1e30f, -1e30f};
  enum { COUNT = sizeof numbers / sizeof *numbers };
  const DcElementwiseKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_elementwise_kernels_usable(tables);
  for (size_t level = 0; level < levels; level++) {
    for (int activation = DC_ACTIVATION_NONE; activation <= DC_ACTIVATION_TANH; activation++) {
      const DcLayer layer = with_activation(activation);
      const bool cubes = activation == DC_ACTIVATION_GELU_TANH; /* 1e30 cubed is infinite */
      float values[COUNT];
      memcpy(values, numbers, sizeof values);
      tables[level]->activate(&layer, values, COUNT - (cubes ? 2 : 0));
      for (size_t i = 0; i < COUNT; i++)
        assert_true(isfinite(values[i]));
    }
  }
}

static void
every_level_lets_nan_through(void **state)
{
  (void)state;
  const DcElementwiseKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_elementwise_kernels_usable(tables);
  for (size_t level = 0; level < levels; level++) {
    for (int activation = DC_ACTIVATION_NONE; activation <= DC_ACTIVATION_TANH; activation++) {
      const DcLayer layer = with_activation(activation);
      for (size_t position = 0; position < 41; position++) {
        float values[41] = {0};
        values[position] = NAN;
        tables[level]->activate(&layer, values, 41);
        for (size_t i = 0; i < 41; i++)
          assert_int_equal(isnan(values[i]), i == position);
      }
    }
  }
}

/* --- pairs --- */

enum { ADD, MULTIPLY, PRELU, AFFINE, KINDS };

static void
run_pair(const DcElementwiseKernels *kernels, int kind, const DcElementwisePair *job,
         const float *shift)
{
  switch (kind) {
  case ADD:
    kernels->add(job);
    break;
  case MULTIPLY:
    kernels->multiply(job);
    break;
  case PRELU:
    kernels->prelu(job);
    break;
  default:
    kernels->affine(job, shift);
  }
}

static double
pair(int kind, double a, double b, double shift)
{
  return kind == ADD        ? a + b
         : kind == MULTIPLY ? a * b
         : kind == PRELU    ? (a < 0 ? a * b : a)
                            : a * b + shift;
}

static float *
uniform(DcRandom *random, size_t count)
{
  float *values = DC_NEW(float, count);
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(2 * dc_random_uniform(random) - 1);
  return values;
}

static void
check_pair(const DcElementwiseKernels *kernels, int kind, size_t rows, size_t columns,
           size_t b_stride, DcPatchLimits limits, DcRandom *random)
{
  float *a = uniform(random, rows * columns), *b = uniform(random, rows * columns);
  float *shift = uniform(random, columns), *result = DC_NEW(float, rows *columns + 1);
  const DcElementwisePair job = {a, b, rows, columns, b_stride, limits, result};
  DcElementwisePair in_place = job;
  in_place.result = a;
  result[rows * columns] = -77;
  run_pair(kernels, kind, &job, shift);
  for (size_t i = 0; i < rows * columns; i++) {
    const size_t row = i / columns, column = i % columns;
    double expected = pair(kind, a[i], b[row * b_stride + column], shift[column]);
    if (limits.used)
      expected = fmin(fmax(expected, limits.low), limits.high);
    assert_near(result[i], expected, 2e-7); /* two roundings of numbers below 2 */
  }
  assert_true(result[rows * columns] == -77);
  run_pair(kernels, kind, &in_place, shift);
  assert_memory_equal(a, result, rows * columns * sizeof *a);
  dc_free(a);
  dc_free(b);
  dc_free(shift);
  dc_free(result);
}

static void
every_level_gives_the_pairs_of_the_definition(void **state)
{
  (void)state;
  const DcElementwiseKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_elementwise_kernels_usable(tables);
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  for (size_t level = 0; level < levels; level++) {
    for (int kind = 0; kind < KINDS; kind++) {
      for (size_t columns = 1; columns < 70; columns++) {
        const DcPatchLimits limits = {columns % 2 == 1, -0.25f, 0.5f};
        check_pair(tables[level], kind, 3, columns, columns % 3 ? columns : 0, limits, &random);
      }
    }
  }
}

static void
a_bound_pair_lets_nan_through(void **state)
{
  (void)state;
  const DcElementwiseKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_elementwise_kernels_usable(tables);
  for (size_t level = 0; level < levels; level++) {
    for (int kind = 0; kind < KINDS; kind++) {
      for (size_t position = 0; position < 37; position++) {
        float a[37] = {0}, b[37] = {0}, shift[37] = {0}, result[37];
        a[position] = NAN;
        const DcElementwisePair job = {a, b, 1, 37, 0, {true, 0, 1}, result};
        run_pair(tables[level], kind, &job, shift);
        for (size_t i = 0; i < 37; i++)
          assert_int_equal(isnan(result[i]), i == position);
      }
    }
  }
}

static void
the_fastest_level_is_the_last_usable(void **state)
{
  (void)state;
  const DcElementwiseKernels *tables[DC_CPU_LEVELS];
  const size_t levels = dc_elementwise_kernels_usable(tables);
  assert_in_range(levels, 1, DC_CPU_LEVELS);
  assert_string_equal(tables[0]->name, "baseline");
  assert_ptr_equal(dc_elementwise_kernels(), tables[levels - 1]);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_level_gives_the_activations_of_the_definition),
      cmocka_unit_test(tails_keep_their_relative_accuracy),
      cmocka_unit_test(every_level_bears_any_number),
      cmocka_unit_test(every_level_lets_nan_through),
      cmocka_unit_test(every_level_gives_the_pairs_of_the_definition),
      cmocka_unit_test(a_bound_pair_lets_nan_through),
      cmocka_unit_test(the_fastest_level_is_the_last_usable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
