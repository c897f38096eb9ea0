/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every allocation of an import, an export and what lies between fails once. */
#include "scratch.h"

#include "allocations.h"
#include "base/memory.h"
#include "networks.h"
#include "nn/fold.h"
#include "onnx/export.h"
#include "onnx/runtime.h"
#include "onnx_imports.h"
#include "onnx_layers.h"
#include "store/onnx_model.h"

#include <string.h>

static float numbers[4096];

/* Imports `graph` with each allocation failing in turn, then with none; returns how many failed. */
static size_t
fail_imports(const DcOnnxGraph *graph, const DcOnnxImportOptions *options)
{
  size_t failures = 0;
  for (bool done = false; !done; failures++) {
    DcNetwork *network = NULL;
    DcOnnxImportReport report;
    DcError error = {0};
    allocations = 0;
    fail_at = failures;
    const DcStatus status = dc_onnx_import(graph, options, &network, &report, &error);
    done = allocations <= fail_at;
    fail_at = SIZE_MAX;
    if (status != (done ? DC_OK : DC_ERROR_MEMORY) ||
        (!done && !strstr(error.message, "no memory")))
      fail_msg("allocation %zu: status %d: %s", failures, status, error.message);
    assert_true((network != NULL) == done);
    dc_network_free(network);
  }
  return failures;
}

static void
fail_exports(const DcNetwork *network)
{
  for (size_t failures = 0, done = 0; !done; failures++) {
    unsigned char *bytes;
    size_t size;
    DcError error = {0};
    allocations = 0;
    fail_at = failures;
    const DcStatus status = dc_onnx_export(network, &bytes, &size, &error);
    done = allocations <= fail_at;
    fail_at = SIZE_MAX;
    assert_int_equal(status, done ? DC_OK : DC_ERROR_MEMORY);
    assert_true((bytes != NULL) == done && (size > 0) == done);
    assert_true(done || strstr(error.message, "no memory"));
    dc_free(bytes);
  }
}

static DcOnnxGraph *
graph_of(const DcNetwork *network)
{
  unsigned char *bytes;
  size_t size;
  DcOnnxGraph *graph;
  assert_int_equal(dc_onnx_export(network, &bytes, &size, NULL), DC_OK);
  assert_int_equal(dc_onnx_graph_parse(bytes, size, "trip", &graph, NULL), DC_OK);
  dc_free(bytes);
  return graph;
}

/* The layer behind one that makes its channels of those of a picture. */
static DcNetwork *
behind_picture(size_t index, DcRandom *random)
{
  const DcShape input = onnx_layers[index].input;
  const bool is_vector = input.height == 1 && input.width == 1;
  DcLayer first = {.kind = DC_LAYER_DENSE, .output = {.channels = input.channels}};
  if (!is_vector)
    first = window_layer(DC_LAYER_CONV2D, 1, 1, 1, (int[4]){0, 0, 0, 0}, input.channels);
  const DcShape picture = {is_vector ? 2 : input.height, is_vector ? 2 : input.width, 3};
  DcNetwork *network = single_layer(picture, first, random);
  add_random(network, onnx_layers[index].layer, random);
  return network;
}

static void
every_kind_of_layer(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 50, 0);
  for (size_t i = 0; i < ONNX_LAYER_COUNT; i++) {
    DcNetwork *network = behind_picture(i, &random);
    fail_exports(network);
    DcOnnxGraph *graph = graph_of(network);
    assert_in_range(fail_imports(graph, &(DcOnnxImportOptions){.normalise = true}), 5, 1000);
    dc_onnx_graph_free(graph);
    dc_network_free(network);
  }
}

static void
a_network_of_everything(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 51, 0);
  DcNetwork *network = imported_network(&random);
  fail_exports(network);
  DcOnnxGraph *graph = graph_of(network);
  assert_in_range(fail_imports(graph, &(DcOnnxImportOptions){.output = "embedding"}), 50, 5000);
  dc_onnx_graph_free(graph);
  dc_network_free(network);
}

/* What is computed before the nodes are looked at, and what several nodes mean together: a constant
 * that is not there for want of memory must not make another network of it. */
static void
constants_and_meanings(void **state)
{
  (void)state;
  TestGraph test;
  graph_start(&test, (const int64_t[]){-1, CHANNELS, HEIGHT, WIDTH}, "z");
  graph_scalar(&test, "root", 1.4142135f);
  graph_scalar(&test, "half", 0.5f);
  graph_scalar(&test, "two", 2);
  TENSOR(&test, "kernel", numbers, 4, CHANNELS, 1, 1);
  LIST(&test, "zero", 0);
  LIST(&test, "rest", -1);
  NODE(&test, "Mul", "one", "half", "two");
  NODE(&test, "Conv", "c", "x", "kernel");
  NODE(&test, "Concat", "both", "c", "c");
  graph_int(&test, "axis", 1);
  NODE(&test, "Div", "scaled", "both", "root");
  NODE(&test, "Erf", "erf", "scaled");
  NODE(&test, "Add", "sum", "erf", "one");
  NODE(&test, "Mul", "product", "both", "sum");
  NODE(&test, "Mul", "gelu", "product", "half");
  NODE(&test, "Shape", "shape", "x");
  NODE(&test, "Gather", "batch", "shape", "zero");
  NODE(&test, "Concat", "wanted", "batch", "rest");
  graph_int(&test, "axis", 0);
  NODE(&test, "Reshape", "z", "gelu", "wanted");
  assert_in_range(fail_imports(&test.graph, &(DcOnnxImportOptions){.output = "z"}), 20, 1000);
}

/* The way of the command import, and of inspect: from the file to the model. */
static void
a_file_on_its_way_to_a_model(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 52, 0);
  DcNetwork *network = imported_network(&random);
  unsigned char *bytes;
  size_t size, failures = 0;
  assert_int_equal(dc_onnx_export(network, &bytes, &size, NULL), DC_OK);
  FILE *file = fopen("net.onnx", "wb");
  assert_true(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
  for (bool done = false; !done; failures++) {
    DcModel *model = NULL;
    DcImportReport report;
    DcError error = {0};
    allocations = 0;
    fail_at = failures;
    const DcStatus status = dc_model_import("net.onnx", NULL, &model, &report, &error);
    done = allocations <= fail_at;
    fail_at = SIZE_MAX;
    if (status == DC_OK) /* GLib's allocations are counted, but never fail here */
      dc_import_report_clear(&report);
    else if (status != DC_ERROR_MEMORY || !strstr(error.message, "memory"))
      fail_msg("allocation %zu: status %d: %s", failures, status, error.message);
    assert_true((model != NULL) == (status == DC_OK));
    dc_model_free(model);
  }
  assert_true(failures > 100);
  dc_free(bytes);
  dc_network_free(network);
}

/* Where the library is missing, that is all there is to see. What it allocates itself is not ours
 * to fail. */
static void
a_network_that_is_handed_to_onnx_runtime(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 53, 0);
  DcNetwork *network = imported_network(&random);
  DcOnnxRuntime *runtime;
  DcError error = {0};
  const DcStatus there = dc_onnx_runtime_new(network, 2, 1, &runtime, &error);
  dc_onnx_runtime_free(runtime);
  for (size_t failures = 0; there == DC_OK && failures < 300; failures++) {
    allocations = 0;
    fail_at = failures;
    const DcStatus status = dc_onnx_runtime_new(network, 2, 1, &runtime, &error);
    fail_at = SIZE_MAX;
    assert_true(status == DC_OK || status == DC_ERROR_MEMORY);
    assert_true((runtime != NULL) == (status == DC_OK));
    dc_onnx_runtime_free(runtime);
  }
  dc_network_free(network);
  assert_true(there == DC_OK || there == DC_ERROR_UNSUPPORTED);
}

int
main(void)
{
  fill_numbers(numbers, sizeof numbers / sizeof *numbers);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_kind_of_layer),
      cmocka_unit_test(a_network_of_everything),
      cmocka_unit_test(constants_and_meanings),
      cmocka_unit_test(a_file_on_its_way_to_a_model),
      cmocka_unit_test(a_network_that_is_handed_to_onnx_runtime),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
