/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "../core/onnx_bytes.h"
#include "base/memory.h"
#include "nn/plan.h"
#include "onnx/graph.h"
#include "onnx/import.h"

/* Every name is a text, every number is there, and nodes come after what they take. */

static size_t
text_size(const char *text)
{
  fuzz_promise(text != NULL);
  return strlen(text);
}

static size_t
check_tensor(const DcOnnxTensor *tensor)
{
  size_t count = 1, sum = text_size(tensor->name);
  fuzz_promise(tensor->rank <= DC_ONNX_MOST_AXES);
  for (size_t i = 0; i < tensor->rank; i++) {
    fuzz_promise(tensor->shape[i] >= 0);
    count *= (size_t)tensor->shape[i];
  }
  fuzz_promise(count == tensor->count && (tensor->floats != NULL) != (tensor->whole != NULL));
  for (size_t i = 0; i < count; i++)
    sum += tensor->floats ? tensor->floats[i] > 0 : tensor->whole[i] > 0;
  return sum;
}

static size_t
check_attribute(const DcOnnxAttribute *attribute)
{
  size_t sum = text_size(attribute->name);
  switch (attribute->kind) {
  case DC_ONNX_INT:
  case DC_ONNX_INTS:
    for (size_t i = 0; i < attribute->count; i++)
      sum += attribute->whole[i] > 0;
    break;
  case DC_ONNX_FLOAT:
  case DC_ONNX_FLOATS:
    for (size_t i = 0; i < attribute->count; i++)
      sum += attribute->floats[i] > 0;
    break;
  case DC_ONNX_TEXT:
    sum += text_size(attribute->text);
    break;
  case DC_ONNX_TENSOR:
    sum += check_tensor(attribute->tensor);
    break;
  case DC_ONNX_OTHER:
    break;
  }
  return sum;
}

static bool
is_made_before(const DcOnnxGraph *graph, const char *name, size_t node)
{
  bool made = *name == 0;
  for (size_t i = 0; i < graph->input_count && !made; i++)
    made = strcmp(graph->inputs[i].name, name) == 0;
  for (size_t i = 0; i < graph->tensor_count && !made; i++)
    made = strcmp(graph->tensors[i].name, name) == 0;
  for (size_t i = 0; i < node; i++)
    for (size_t k = 0; k < graph->nodes[i].output_count && !made; k++)
      made = strcmp(graph->nodes[i].outputs[k], name) == 0;
  return made;
}

static size_t
check_node(const DcOnnxGraph *graph, size_t index)
{
  const DcOnnxNode *node = &graph->nodes[index];
  size_t sum = text_size(node->name) + text_size(node->op) + text_size(node->domain);
  for (size_t i = 0; i < node->input_count; i++)
    fuzz_promise(is_made_before(graph, node->inputs[i], index));
  for (size_t i = 0; i < node->attribute_count; i++)
    sum += check_attribute(&node->attributes[i]);
  return sum;
}

static size_t
check_value(const DcOnnxGraph *graph, const DcOnnxValue *value)
{
  fuzz_promise(is_made_before(graph, value->name, graph->node_count));
  fuzz_promise(value->rank <= DC_ONNX_MOST_AXES);
  for (size_t i = 0; i < value->rank; i++)
    fuzz_promise(value->shape[i] == -1 || value->shape[i] > 0);
  return text_size(value->name);
}

static size_t
check_graph(const DcOnnxGraph *graph)
{
  size_t sum = text_size(graph->producer);
  fuzz_promise(graph->opset >= 7 && graph->opset <= 17);
  for (size_t i = 0; i < graph->tensor_count; i++)
    sum += check_tensor(&graph->tensors[i]);
  for (size_t i = 0; i < graph->node_count; i++)
    sum += check_node(graph, i);
  for (size_t i = 0; i < graph->input_count; i++)
    sum += check_value(graph, &graph->inputs[i]);
  for (size_t i = 0; i < graph->output_count; i++)
    sum += check_value(graph, &graph->outputs[i]);
  return sum;
}

/* More would take longer than a test has for ten thousand of them. */
enum { MOST_PRODUCTS = 1 << 18, MOST_NUMBERS = 1 << 14 };

static bool
is_small(const DcNetwork *network)
{
  bool small = dc_network_multiply_adds(network) <= MOST_PRODUCTS;
  for (size_t i = 0; i <= dc_network_layer_count(network) && small; i++)
    small = dc_shape_size(dc_network_value(network, i)) <= MOST_NUMBERS;
  return small;
}

/* Whatever was imported runs, or says why not. */
static void
run(const DcNetwork *network)
{
  DcPlan *plan;
  DcError error = {.status = DC_OK};
  const DcStatus status = dc_plan_new(network, 1, &plan, &error);
  if (status) {
    fuzz_promise_error(status, &error);
    return;
  }
  float *input = DC_NEW(float, dc_shape_size(dc_network_input(network)));
  float *output = DC_NEW(float, dc_shape_size(dc_network_output(network)));
  fuzz_promise(input && output && dc_plan_run(plan, input, 1, output) == DC_OK);
  dc_free(input);
  dc_free(output);
  dc_plan_free(plan);
}

/* A network, or a reason. */
static void
import(const DcOnnxGraph *graph)
{
  DcNetwork *network;
  DcError error = {.status = DC_OK};
  const DcOnnxImportOptions options = {.normalise = true};
  const DcStatus status = dc_onnx_import(graph, &options, &network, NULL, &error);
  fuzz_promise((status == DC_OK) == (network != NULL));
  if (status)
    fuzz_promise_error(status, &error);
  else if (is_small(network))
    run(network);
  dc_network_free(network);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  DcOnnxGraph *graph;
  DcError error = {.status = DC_OK};
  const DcStatus status = dc_onnx_graph_parse(data, size, "fuzz", &graph, &error);
  fuzz_promise((status == DC_OK) == (graph != NULL));
  if (status) {
    fuzz_promise_error(status, &error);
  } else {
    fuzz_promise(check_graph(graph) != SIZE_MAX);
    import(graph);
  }
  dc_onnx_graph_free(graph);
  return 0;
}

/* --- seeds --- */

static Bytes
conv_node(void)
{
  static const int64_t one[] = {1};
  Bytes node = onnx_node("Conv", "conv", "in w", "c");
  Bytes attribute = onnx_attribute("pads", 7);
  for (int64_t i = 0; i < 4; i++)
    put_int(&attribute, 8, i);
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("auto_pad", 3);
  put_text(&attribute, 4, "VALID");
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("alpha", 1);
  put_float(&attribute, 2, 0.5f);
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("value", 4);
  put_message(&attribute, 5, onnx_raw_tensor("", ONNX_BFLOAT16, one, 1, "\0\1", 2));
  put_message(&node, 5, attribute);
  return node;
}

/* Nodes in the wrong order, an input that is an initialiser, and each way to keep numbers. */
static Bytes
whole_model(void)
{
  static const int64_t picture[] = {-1, 1, 4, 4}, weights[] = {1, 1, 2, 2}, numbers[] = {-1, 300};
  static const float floats[] = {1, 2, 3, 4};
  static const double doubles[] = {1, 2, 3, 4};
  Bytes graph = {0};
  put_message(&graph, 1, onnx_node("Relu", "", "c -", "out"));
  put_message(&graph, 1, conv_node());
  put_message(&graph, 5, onnx_raw_tensor("w", ONNX_FLOAT, weights, 4, floats, sizeof floats));
  put_message(&graph, 5, onnx_raw_tensor("d", ONNX_DOUBLE, weights, 4, doubles, sizeof doubles));
  Bytes listed = onnx_tensor("i", ONNX_INT64, weights, 1);
  put_packed(&listed, 7, numbers, 1);
  put_message(&graph, 5, listed);
  put_message(&graph, 11, onnx_value("in", ONNX_FLOAT, picture, 4));
  put_message(&graph, 11, onnx_value("w", ONNX_FLOAT, weights, 4));
  put_message(&graph, 12, onnx_value("out", ONNX_FLOAT, picture, 4));
  return onnx_model(13, graph);
}

/* An If with a graph for each case. */
static Bytes
branching_model(void)
{
  Bytes graph = {0}, node = onnx_node("If", "if", "in", "out");
  for (int i = 0; i < 2; i++) {
    Bytes inner = {0}, attribute = onnx_attribute(i ? "then_branch" : "else_branch", 5);
    put_message(&inner, 1, onnx_node("Identity", "", "in", "x"));
    put_message(&inner, 12, onnx_value("x", ONNX_FLOAT, NULL, 0));
    put_message(&attribute, 6, inner);
    put_message(&node, 5, attribute);
  }
  put_message(&graph, 1, node);
  put_message(&graph, 11, onnx_value("in", ONNX_BOOL, NULL, 0));
  put_message(&graph, 12, onnx_value("out", ONNX_FLOAT, NULL, 0));
  return onnx_model(11, graph);
}

static void
give_numbers(Bytes *node, const char *name, const int64_t *numbers, size_t count)
{
  Bytes attribute = onnx_attribute(name, 7);
  for (size_t i = 0; i < count; i++)
    put_int(&attribute, 8, numbers[i]);
  put_message(node, 5, attribute);
}

static Bytes
whole_list(const char *name, const int64_t *numbers, int64_t count)
{
  return onnx_raw_tensor(name, ONNX_INT64, &count, 1, numbers, (size_t)count * sizeof *numbers);
}

/* Windows that differ by axis, images of other sizes, numbers by their places, norms, and two
 * values of differing shape. */
static Bytes
uneven_model(void)
{
  static const int64_t picture[] = {-1, 1, 5, 4}, kernel[] = {1, 2, 2, 3}, mask[] = {1, 2, 1, 1};
  static const int64_t channels[] = {2}, steps[] = {2, 1}, sizes[] = {1, 2, 9, 3};
  static const int64_t places[] = {2, 0, 1, 1, 6}, places_again[] = {0, 1, 0, 1};
  static const float floats[12] = {1, -2, 3, 4, -5, 6, 7, 8, -9, 10, 11, 12};
  Bytes graph = {0}, node = onnx_node("ConvTranspose", "", "in w", "up");
  give_numbers(&node, "strides", steps, 2);
  put_message(&graph, 1, node);
  put_message(&graph, 1, onnx_node("InstanceNormalization", "", "up s s", "norm"));
  node = onnx_node("LRN", "", "norm", "response");
  Bytes attribute = onnx_attribute("size", 2);
  put_int(&attribute, 3, 3);
  put_message(&node, 5, attribute);
  put_message(&graph, 1, node);
  node = onnx_node("Resize", "", "response - - sizes", "size");
  attribute = onnx_attribute("mode", 3);
  put_text(&attribute, 4, "linear");
  put_message(&node, 5, attribute);
  put_message(&graph, 1, node);
  for (int i = 0; i < 2; i++) {
    node = onnx_node("Gather", "", i ? "some again" : "size places", i ? "more" : "some");
    attribute = onnx_attribute("axis", 2);
    put_int(&attribute, 3, i ? 3 : 2);
    put_message(&node, 5, attribute);
    put_message(&graph, 1, node);
  }
  put_message(&graph, 1, onnx_node("Conv", "", "more m", "mask"));
  put_message(&graph, 1, onnx_node("Mul", "", "mask more", "product"));
  put_message(&graph, 1, onnx_node("Mul", "", "product product", "out"));
  put_message(&graph, 5, onnx_raw_tensor("w", ONNX_FLOAT, kernel, 4, floats, sizeof floats));
  put_message(&graph, 5, onnx_raw_tensor("m", ONNX_FLOAT, mask, 4, floats, 2 * sizeof *floats));
  put_message(&graph, 5, onnx_raw_tensor("s", ONNX_FLOAT, channels, 1, floats, 2 * sizeof *floats));
  put_message(&graph, 5, whole_list("sizes", sizes, 4));
  put_message(&graph, 5, whole_list("places", places, 5));
  put_message(&graph, 5, whole_list("again", places_again, 4));
  put_message(&graph, 11, onnx_value("in", ONNX_FLOAT, picture, 4));
  put_message(&graph, 12, onnx_value("out", ONNX_FLOAT, NULL, 0));
  return onnx_model(13, graph);
}

int
fuzz_write_seed(size_t index, const char *path)
{
  if (index >= 3)
    return 0;
  Bytes model = index == 0 ? whole_model() : index == 1 ? branching_model() : uneven_model();
  FILE *stream = fopen(path, "wb");
  fuzz_promise(stream && fwrite(model.data, 1, model.size, stream) == model.size);
  fuzz_promise(fclose(stream) == 0);
  free(model.data);
  return 1;
}
