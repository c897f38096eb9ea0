/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_ONNX_GRAPHS_H
#define DC_TESTS_ONNX_GRAPHS_H

#include "onnx/graph.h"
#include "test.h"

#include <string.h>

/* ONNX graphs put together in a test, without a file: add nodes in the order of their needs. Texts
 * and numbers that are given must live as long as the graph. */

#define MOST_PARTS 32

typedef struct {
  DcOnnxGraph graph;
  DcOnnxNode nodes[MOST_PARTS];
  DcOnnxTensor tensors[MOST_PARTS];
  DcOnnxAttribute attributes[MOST_PARTS][8];
  const char *names[MOST_PARTS][8];
  int64_t numbers[4 * MOST_PARTS];
  float floats[4 * MOST_PARTS];
  size_t number_count, float_count;
  DcOnnxValue input, output;
} TestGraph;

/* A graph with the float input "x" of the given shape and the output `output`. */
static inline void
graph_start(TestGraph *test, const int64_t shape[4], const char *output)
{
  memset(test, 0, sizeof *test);
  test->input = (DcOnnxValue){.name = "x", .is_float = true, .known_shape = true, .rank = 4};
  memcpy(test->input.shape, shape, 4 * sizeof *shape);
  test->output = (DcOnnxValue){.name = output, .is_float = true};
  test->graph = (DcOnnxGraph){.opset = 13,
                              .producer = "test",
                              .nodes = test->nodes,
                              .tensors = test->tensors,
                              .inputs = &test->input,
                              .outputs = &test->output,
                              .input_count = 1,
                              .output_count = 1};
}

/* Adds a node `op` that makes `output` of up to four inputs; NULL ends them. Attributes follow. */
static inline void
graph_node(TestGraph *test, const char *op, const char *output, const char *const inputs[4])
{
  assert_true(test->graph.node_count < MOST_PARTS);
  const char **names = test->names[test->graph.node_count];
  DcOnnxNode *node = &test->nodes[test->graph.node_count];
  size_t count = 0;
  while (count < 4 && inputs[count]) {
    names[count] = inputs[count];
    count++;
  }
  names[4] = output;
  *node = (DcOnnxNode){.name = "",
                       .op = op,
                       .domain = "",
                       .input_count = count,
                       .output_count = 1,
                       .inputs = names,
                       .outputs = names + 4,
                       .attributes = test->attributes[test->graph.node_count]};
  test->graph.node_count++;
}

#define NODE(test, op, output, ...)                                                                \
  graph_node((test), (op), (output), (const char *const[4]){__VA_ARGS__})

/* Gives the node that was added last one more output. */
static inline void
graph_output(TestGraph *test, const char *output)
{
  DcOnnxNode *node = &test->nodes[test->graph.node_count - 1];
  assert_true(node->output_count < 4);
  test->names[test->graph.node_count - 1][4 + node->output_count++] = output;
}

/* The next attribute of the node that was added last. */
static inline DcOnnxAttribute *
graph_attribute(TestGraph *test, const char *name, DcOnnxAttributeKind kind)
{
  DcOnnxNode *node = &test->nodes[test->graph.node_count - 1];
  assert_true(node->attribute_count < 8);
  DcOnnxAttribute *attribute =
      &test->attributes[test->graph.node_count - 1][node->attribute_count++];
  *attribute = (DcOnnxAttribute){.name = name, .kind = kind, .count = 1};
  return attribute;
}

static inline const int64_t *
graph_numbers(TestGraph *test, const int64_t *numbers, size_t count)
{
  int64_t *kept = test->numbers + test->number_count;
  test->number_count += count;
  assert_true(test->number_count <= sizeof test->numbers / sizeof *test->numbers);
  memcpy(kept, numbers, count * sizeof *kept);
  return kept;
}

static inline void
graph_int(TestGraph *test, const char *name, int64_t value)
{
  graph_attribute(test, name, DC_ONNX_INT)->whole = graph_numbers(test, &value, 1);
}

static inline void
graph_ints(TestGraph *test, const char *name, const int64_t *values, size_t count)
{
  DcOnnxAttribute *attribute = graph_attribute(test, name, DC_ONNX_INTS);
  attribute->count = count;
  attribute->whole = graph_numbers(test, values, count);
}

#define INTS(test, name, ...)                                                                      \
  graph_ints((test), (name), (const int64_t[]){__VA_ARGS__},                                       \
             sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static inline void
graph_float(TestGraph *test, const char *name, float value)
{
  assert_true(test->float_count < sizeof test->floats / sizeof *test->floats);
  test->floats[test->float_count] = value;
  graph_attribute(test, name, DC_ONNX_FLOAT)->floats = &test->floats[test->float_count++];
}

static inline void
graph_text(TestGraph *test, const char *name, const char *value)
{
  graph_attribute(test, name, DC_ONNX_TEXT)->text = value;
}

/* An initialiser of floats, which live outside. */
static inline void
graph_tensor(TestGraph *test, const char *name, size_t rank, const int64_t *shape,
             const float *floats)
{
  assert_true(test->graph.tensor_count < MOST_PARTS);
  DcOnnxTensor *tensor = &test->tensors[test->graph.tensor_count++];
  *tensor = (DcOnnxTensor){.name = name, .rank = rank, .count = 1, .floats = floats};
  for (size_t i = 0; i < rank; i++)
    tensor->count *= (size_t)(tensor->shape[i] = shape[i]);
}

#define TENSOR(test, name, floats, ...)                                                            \
  graph_tensor((test), (name), sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t),           \
               (const int64_t[]){__VA_ARGS__}, (floats))

/* An initialiser of one float, without axes. */
static inline void
graph_scalar(TestGraph *test, const char *name, float value)
{
  assert_true(test->float_count < sizeof test->floats / sizeof *test->floats);
  test->floats[test->float_count] = value;
  graph_tensor(test, name, 0, NULL, &test->floats[test->float_count++]);
}

/* An initialiser that is a list of whole numbers. */
static inline void
graph_list(TestGraph *test, const char *name, const int64_t *values, size_t count)
{
  assert_true(test->graph.tensor_count < MOST_PARTS);
  test->tensors[test->graph.tensor_count++] =
      (DcOnnxTensor){.name = name,
                     .rank = 1,
                     .shape = {(int64_t)count},
                     .count = count,
                     .whole = graph_numbers(test, values, count)};
}

#define LIST(test, name, ...)                                                                      \
  graph_list((test), (name), (const int64_t[]){__VA_ARGS__},                                       \
             sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

#endif
