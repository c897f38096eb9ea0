/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_ONNX_FILES_H
#define DC_TESTS_ONNX_FILES_H

#include "onnx/graph.h"
#include "onnx_bytes.h"
#include "test.h"

/* What the tests of ONNX files share: reading of bytes that must or must not be read. */

/* `bytes` are freed. */
static inline DcOnnxGraph *
parse_good(Bytes bytes)
{
  DcOnnxGraph *graph;
  DcError error = {0};
  if (dc_onnx_graph_parse(bytes.data, bytes.size, "test.onnx", &graph, &error) != DC_OK)
    fail_msg("%s", error.message);
  free(bytes.data);
  return graph;
}

/* `bytes` are freed. The message must name the file and have `part` in it. */
static inline void
assert_refused(Bytes bytes, DcStatus status, const char *part)
{
  DcOnnxGraph *graph;
  DcError error = {0};
  const DcStatus got = dc_onnx_graph_parse(bytes.data, bytes.size, "test.onnx", &graph, &error);
  free(bytes.data);
  assert_null(graph);
  if (got != status || error.status != status || !strstr(error.message, part))
    fail_msg("%d \"%s\", not %d \"...%s...\"", got, error.message, status, part);
  assert_non_null(strstr(error.message, "test.onnx"));
}

/* A graph of one Relu from "in" to "out"; more may follow. */
static inline Bytes
relu_graph(void)
{
  static const int64_t shape[] = {-1, 3, 8, 8};
  Bytes graph = {0};
  put_message(&graph, 1, onnx_node("Relu", "relu", "in", "out"));
  put_text(&graph, 2, "test");
  put_message(&graph, 11, onnx_value("in", ONNX_FLOAT, shape, 4));
  put_message(&graph, 12, onnx_value("out", ONNX_FLOAT, shape, 4));
  return graph;
}

/* The same with an initialiser; `tensor` is freed. */
static inline Bytes
model_with_tensor(Bytes tensor)
{
  Bytes graph = relu_graph();
  put_message(&graph, 5, tensor);
  return onnx_model(13, graph);
}

/* The same with an attribute that holds the tensor. */
static inline Bytes
model_with_constant(Bytes tensor)
{
  Bytes graph = relu_graph(), node = onnx_node("Constant", "constant", "", "made");
  Bytes attribute = onnx_attribute("value", 4);
  put_message(&attribute, 5, tensor);
  put_message(&node, 5, attribute);
  put_message(&graph, 1, node);
  return onnx_model(13, graph);
}

#endif
