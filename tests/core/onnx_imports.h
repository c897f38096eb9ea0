/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_ONNX_IMPORTS_H
#define DC_TESTS_ONNX_IMPORTS_H

#include "nn/plan.h"
#include "onnx/import.h"
#include "onnx_graphs.h"

/* Graphs put together in a test, imported and run on one small picture. */

/* The picture: channels x height x width as ONNX has it. */
enum { CHANNELS = 3, HEIGHT = 4, WIDTH = 5, PIXELS = HEIGHT * WIDTH, SIZE = CHANNELS * PIXELS };

/* Sums of a few dozen products of numbers of the order of 1, in float. */
#define TOLERANCE 1e-5

static const int64_t picture_shape[4] = {1, CHANNELS, HEIGHT, WIDTH};

/* Number `index` of a tensor of the tests: all different, of the order of 1, of both signs. */
static inline float
number(size_t index)
{
  return (float)((double)(index * 37 % 101) / 50 - 1);
}

/* Fills a list with numbers for weights. */
static inline void
fill_numbers(float *list, size_t count)
{
  for (size_t i = 0; i < count; i++)
    list[i] = number(i);
}

/* The picture as ONNX has it, and as the network does. */
static inline void
make_picture(float planes[SIZE], float pixels[SIZE])
{
  for (size_t c = 0; c < CHANNELS; c++) {
    for (size_t p = 0; p < PIXELS; p++)
      planes[c * PIXELS + p] = pixels[p * CHANNELS + c] = number(7 * c + 3 * p + 1);
  }
}

static inline DcNetwork *
import(const TestGraph *test, const DcOnnxImportOptions *options)
{
  DcNetwork *network;
  DcError error = {0};
  if (dc_onnx_import(&test->graph, options, &network, NULL, &error))
    fail_msg("%s", error.message);
  return network;
}

static inline void
run(const DcNetwork *network, const float *input, float *output)
{
  DcPlan *plan;
  assert_int_equal(dc_plan_new(network, 1, &plan, NULL), DC_OK);
  assert_int_equal(dc_plan_run(plan, input, 1, output), DC_OK);
  dc_plan_free(plan);
}

/* Imports the graph as it is, runs it on the picture, and compares with `expected`, `count`
 * numbers; returns the number of layers. */
static inline size_t
check_values(const TestGraph *test, const float *expected, size_t count)
{
  const DcOnnxImportOptions options = {.output = test->output.name};
  DcNetwork *network = import(test, &options);
  float planes[SIZE], pixels[SIZE], output[4 * SIZE];
  make_picture(planes, pixels);
  assert_int_equal(dc_shape_size(dc_network_output(network)), count);
  run(network, pixels, output);
  for (size_t i = 0; i < count; i++)
    assert_near(output[i], expected[i], TOLERANCE);
  const size_t layers = dc_network_layer_count(network);
  dc_network_free(network);
  return layers;
}

static inline void
check_refused(const TestGraph *test, DcStatus status, const char *words)
{
  const DcOnnxImportOptions options = {.output = test->output.name};
  DcNetwork *network = NULL;
  DcError error = {0};
  const DcStatus got = dc_onnx_import(&test->graph, &options, &network, NULL, &error);
  if (got != status || !strstr(error.message, words))
    fail_msg("status %d instead of %d: %s", got, status, error.message);
  assert_null(network);
}

/* A graph of one node from "x" to "y", of the flattened result "z". */
static inline void
start_unary(TestGraph *test, const char *op)
{
  graph_start(test, picture_shape, "z");
  NODE(test, op, "y", "x");
}

static inline void
flatten(TestGraph *test)
{
  NODE(test, "Flatten", "z", "y");
}

#endif
