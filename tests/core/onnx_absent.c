/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "nn/network.h"
#include "onnx/export.h"
#include "onnx/graph.h"

#include <string.h>

/* ONNX files in a build without protobuf-c. */

static void
reading_says_what_to_install(void **state)
{
  (void)state;
  DcOnnxGraph *graph = (DcOnnxGraph *)&graph;
  DcError error = {0};
  assert_int_equal(dc_onnx_graph_read("a.onnx", &graph, &error), DC_ERROR_UNSUPPORTED);
  assert_null(graph);
  assert_non_null(strstr(error.message, "a.onnx: "));
  assert_non_null(strstr(error.message, "install protobuf-c-compiler"));
  assert_int_equal(dc_onnx_graph_parse("", 0, "b.onnx", &graph, &error), DC_ERROR_UNSUPPORTED);
  assert_null(graph);
  assert_non_null(strstr(error.message, "b.onnx: "));
  dc_onnx_graph_free(graph);
}

static void
writing_says_what_to_install(void **state)
{
  (void)state;
  DcNetwork *network = dc_network_new((DcShape){1, 1, 1});
  unsigned char *bytes = (unsigned char *)"";
  size_t size = 1;
  DcError error = {0};
  assert_int_equal(dc_onnx_export(network, &bytes, &size, &error), DC_ERROR_UNSUPPORTED);
  assert_null(bytes);
  assert_int_equal(size, 0);
  assert_non_null(strstr(error.message, "install protobuf-c-compiler"));
  dc_network_free(network);
}

static void
names_are_known_all_the_same(void **state)
{
  (void)state;
  assert_true(dc_onnx_is_named("a.onnx"));
  assert_false(dc_onnx_is_named("a.model"));
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reading_says_what_to_install),
      cmocka_unit_test(writing_says_what_to_install),
      cmocka_unit_test(names_are_known_all_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
