/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test.h"

#include "base/memory.h"
#include "networks.h"
#include "nn/fold.h"
#include "onnx/export.h"
#include "onnx/graph.h"

#include "allocations.h"

#include <stdio.h>
#include <string.h>

/* What is written for each kind of layer, read back. That other programs compute the same by it is
 * in tests/peers/onnx_export.py. */

static DcNetwork *
network_of(DcShape input, const DcLayer *layers, size_t count)
{
  DcNetwork *network = dc_network_new(input);
  DcError error = {0};
  assert_non_null(network);
  for (size_t i = 0; i < count; i++) {
    if (dc_network_add(network, &layers[i], &error))
      fail_msg("%s", error.message);
    /* Weights that tell their own place, so that it is seen where they come to stand. */
    DcLayer *added = dc_network_layer(network, i);
    for (size_t k = 0; k < added->weight_size; k++)
      added->weight[k] = (float)k;
    for (size_t k = 0; k < added->bias_size; k++)
      added->bias[k] = -(float)k;
  }
  return network;
}

static DcOnnxGraph *
written(const DcNetwork *network)
{
  unsigned char *bytes;
  size_t size;
  DcOnnxGraph *graph;
  DcError error = {0};
  if (dc_onnx_export(network, &bytes, &size, &error) ||
      dc_onnx_graph_parse(bytes, size, "written", &graph, &error))
    fail_msg("%s", error.message);
  dc_free(bytes);
  return graph;
}

/* `network` is freed. */
static DcOnnxGraph *
written_of(DcShape input, const DcLayer *layers, size_t count)
{
  DcNetwork *network = network_of(input, layers, count);
  DcOnnxGraph *graph = written(network);
  dc_network_free(network);
  return graph;
}

static const DcOnnxNode *
find_op(const DcOnnxGraph *graph, const char *op)
{
  for (size_t i = 0; i < graph->node_count; i++)
    if (strcmp(graph->nodes[i].op, op) == 0)
      return &graph->nodes[i];
  fail_msg("no %s", op);
  return NULL;
}

static const DcOnnxTensor *
find_tensor(const DcOnnxGraph *graph, const char *name)
{
  for (size_t i = 0; i < graph->tensor_count; i++)
    if (strcmp(graph->tensors[i].name, name) == 0)
      return &graph->tensors[i];
  fail_msg("no tensor %s", name);
  return NULL;
}

static void
assert_shape(const DcOnnxTensor *tensor, size_t rank, const int64_t *shape)
{
  assert_int_equal(tensor->rank, rank);
  assert_memory_equal(tensor->shape, shape, rank * sizeof *shape);
}

static void
assert_ints(const DcOnnxNode *node, const char *name, size_t count, const int64_t *values)
{
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, name);
  assert_non_null(attribute);
  assert_int_equal(attribute->kind, DC_ONNX_INTS);
  assert_int_equal(attribute->count, count);
  assert_memory_equal(attribute->whole, values, count * sizeof *values);
}

static void
assert_int(const DcOnnxNode *node, const char *name, int64_t value)
{
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, name);
  assert_non_null(attribute);
  assert_int_equal(attribute->kind, DC_ONNX_INT);
  assert_int_equal(attribute->whole[0], value);
}

/* The operators but for the last, which gives the output its name. */
static void
assert_ops(const DcOnnxGraph *graph, const char *expected)
{
  char ops[400] = "";
  for (size_t i = 0; i + 1 < graph->node_count; i++) {
    strcat(ops, i ? " " : "");
    strcat(ops, graph->nodes[i].op);
  }
  assert_string_equal(ops, expected);
  assert_string_equal(graph->nodes[graph->node_count - 1].op, "Identity");
}

/* --- ends --- */

static void
assert_ends(DcShape input, size_t rank, const int64_t *shape, int64_t numbers)
{
  const DcLayer layer = {.kind = DC_LAYER_AFFINE};
  DcOnnxGraph *graph = written_of(input, &layer, 1);
  const int64_t out[] = {-1, numbers};
  assert_int_equal(graph->opset, 13);
  assert_string_equal(graph->producer, "driftcluster");
  assert_int_equal(graph->input_count, 1);
  assert_string_equal(graph->inputs[0].name, "input");
  assert_true(graph->inputs[0].is_float && graph->inputs[0].known_shape);
  assert_int_equal(graph->inputs[0].rank, rank);
  assert_memory_equal(graph->inputs[0].shape, shape, rank * sizeof *shape);
  assert_int_equal(graph->output_count, 1);
  assert_string_equal(graph->outputs[0].name, "embedding");
  assert_true(graph->outputs[0].is_float && graph->outputs[0].known_shape);
  assert_int_equal(graph->outputs[0].rank, 2);
  assert_memory_equal(graph->outputs[0].shape, out, sizeof out);
  dc_onnx_graph_free(graph);
}

static void
inputs_are_maps_or_vectors_and_outputs_vectors(void **state)
{
  (void)state;
  static const int64_t map[] = {-1, 5, 3, 4}, vector[] = {-1, 7};
  assert_ends((DcShape){3, 4, 5}, 4, map, 60);
  assert_ends((DcShape){1, 1, 7}, 2, vector, 7);
}

static void
a_network_without_layers_gives_what_it_takes(void **state)
{
  (void)state;
  DcOnnxGraph *graph = written_of((DcShape){1, 1, 3}, NULL, 0);
  assert_ops(graph, "");
  assert_string_equal(graph->nodes[0].inputs[0], "input");
  assert_string_equal(graph->nodes[0].outputs[0], "embedding");
  dc_onnx_graph_free(graph);
}

/* --- kinds --- */

static void
every_kind_has_its_operators(void **state)
{
  (void)state;
  static const DcShape map = {4, 3, 6}, vector = {1, 1, 6};
  static const struct {
    DcShape input;
    DcLayer layer;
    const char *ops;
  } cases[] = {
      {map, {.kind = DC_LAYER_DENSE, .output = {.channels = 2}}, "Reshape Gemm"},
      {vector, {.kind = DC_LAYER_DENSE, .output = {.channels = 2}}, "Gemm"},
      {map, {.kind = DC_LAYER_GLOBAL_AVERAGE_POOL}, "GlobalAveragePool Reshape"},
      {map, {.kind = DC_LAYER_AFFINE}, "Mul Add Transpose Reshape"},
      {vector, {.kind = DC_LAYER_AFFINE}, "Mul Add"},
      {map, {.kind = DC_LAYER_PRELU}, "PRelu Transpose Reshape"},
      {vector, {.kind = DC_LAYER_PRELU}, "PRelu"},
      {vector,
       {.kind = DC_LAYER_LAYER_NORM, .epsilon = 1},
       "ReduceMean Sub Mul ReduceMean Add Sqrt Div Mul Add"},
      {vector, {.kind = DC_LAYER_SOFTMAX}, "Softmax"},
      {map, {.kind = DC_LAYER_SOFTMAX}, "Softmax Transpose Reshape"},
      {vector, {.kind = DC_LAYER_L2_NORMALISE}, "ReduceL2 Clip Div"},
      {map, {.kind = DC_LAYER_L2_NORMALISE}, "Transpose Reshape ReduceL2 Clip Div"},
      {map, {.kind = DC_LAYER_RESHAPE, .output = {1, 1, 72}}, "Transpose Reshape"},
      {vector, {.kind = DC_LAYER_RESHAPE, .output = {2, 1, 3}}, ""},
      {map, {.kind = DC_LAYER_PAD, .padding = {1, 0, 0, 0}}, "Pad Transpose Reshape"},
      {vector, /* the same order: nothing but reshaping */
       {.kind = DC_LAYER_REARRANGE,
        .order = {.axes = 2, .size = {2, 3}, .stride = {3, 1}},
        .output = {1, 1, 6}},
       "Reshape Reshape"},
      {vector,
       {.kind = DC_LAYER_REARRANGE,
        .order = {.axes = 2, .size = {3, 2}, .stride = {1, 3}},
        .output = {1, 1, 6}},
       "Reshape Transpose Reshape"},
      {vector,
       {.kind = DC_LAYER_REARRANGE,
        .order = {.axes = 1, .size = {2}, .stride = {1}, .offset = 3},
        .output = {1, 1, 2}},
       "Reshape Slice Reshape"},
      {vector, /* a number that stands twice is no slice */
       {.kind = DC_LAYER_REARRANGE,
        .order = {.axes = 2, .size = {2, 3}, .stride = {0, 1}},
        .output = {1, 1, 6}},
       "Gather"},
      {vector, /* nor is a step that leaves a rest: 6 are not 4s */
       {.kind = DC_LAYER_REARRANGE,
        .order = {.axes = 1, .size = {2}, .stride = {4}},
        .output = {1, 1, 2}},
       "Gather"},
      {vector, /* nor rows that begin in one line and end in the next */
       {.kind = DC_LAYER_REARRANGE,
        .order = {.axes = 2, .size = {2, 2}, .stride = {2, 1}, .offset = 1},
        .output = {1, 1, 4}},
       "Gather"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    DcOnnxGraph *graph = written_of(cases[i].input, &cases[i].layer, 1);
    assert_ops(graph, cases[i].ops);
    dc_onnx_graph_free(graph);
  }
}

static void
every_activation_has_its_operators(void **state)
{
  (void)state;
  static const char *const ops[] = {
      [DC_ACTIVATION_NONE] = "Gemm",
      [DC_ACTIVATION_RELU] = "Gemm Relu",
      [DC_ACTIVATION_LEAKY_RELU] = "Gemm LeakyRelu",
      [DC_ACTIVATION_GELU] = "Gemm Div Erf Add Mul Mul",
      [DC_ACTIVATION_GELU_TANH] = "Gemm Mul Mul Mul Add Mul Tanh Add Mul Mul",
      [DC_ACTIVATION_CLIP] = "Gemm Clip",
      [DC_ACTIVATION_SIGMOID] = "Gemm Sigmoid",
      [DC_ACTIVATION_HARD_SIGMOID] = "Gemm HardSigmoid",
      [DC_ACTIVATION_HARD_SWISH] = "Gemm HardSigmoid Mul",
      [DC_ACTIVATION_SILU] = "Gemm Sigmoid Mul",
      [DC_ACTIVATION_TANH] = "Gemm Tanh",
  };
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    const DcLayer layer = {.kind = DC_LAYER_DENSE,
                           .activation = (DcActivation)i,
                           .slope = 0.25f,
                           .shift = 0.75f,
                           .low = -2,
                           .high = 3,
                           .output = {.channels = 2}};
    DcOnnxGraph *graph = written_of((DcShape){1, 1, 3}, &layer, 1);
    assert_ops(graph, ops[i]);
    if (i == DC_ACTIVATION_LEAKY_RELU)
      assert_true(dc_onnx_attribute(&graph->nodes[1], "alpha")->floats[0] == 0.25f);
    if (i == DC_ACTIVATION_HARD_SIGMOID)
      assert_true(dc_onnx_attribute(&graph->nodes[1], "alpha")->floats[0] == 0.25f &&
                  dc_onnx_attribute(&graph->nodes[1], "beta")->floats[0] == 0.75f);
    if (i == DC_ACTIVATION_CLIP) {
      assert_true(find_tensor(graph, graph->nodes[1].inputs[1])->floats[0] == -2);
      assert_true(find_tensor(graph, graph->nodes[1].inputs[2])->floats[0] == 3);
      assert_int_equal(find_tensor(graph, graph->nodes[1].inputs[2])->rank, 0);
    }
    dc_onnx_graph_free(graph);
  }
}

/* --- windows --- */

static const DcLayer window = {.kernel_height = 2,
                               .kernel_width = 3,
                               .stride = 2,
                               .padding = {1, 0, 2, 1},
                               .output = {.channels = 4}};

static void
assert_window(const DcOnnxNode *node)
{
  static const int64_t kernel[] = {2, 3}, strides[] = {2, 2}, pads[] = {1, 2, 0, 1};
  assert_ints(node, "kernel_shape", 2, kernel);
  assert_ints(node, "strides", 2, strides);
  assert_ints(node, "pads", 4, pads);
}

/* kh x kw x in / groups x out as out x in / groups x kh x kw. */
static void
convolutions_have_their_weights_in_the_order_of_onnx(void **state)
{
  (void)state;
  static const int64_t shape[] = {4, 3, 2, 3}, dilations[] = {2, 2};
  DcLayer layer = window;
  layer.kind = DC_LAYER_CONV2D;
  layer.groups = 2;
  layer.dilation = 2;
  DcOnnxGraph *graph = written_of((DcShape){9, 9, 6}, &layer, 1);
  const DcOnnxNode *node = find_op(graph, "Conv");
  assert_window(node);
  assert_ints(node, "dilations", 2, dilations);
  assert_int(node, "group", 2);
  const DcOnnxTensor *weight = find_tensor(graph, node->inputs[1]);
  assert_shape(weight, 4, shape);
  const float *number = weight->floats;
  for (int out = 0; out < 4; out++)
    for (int in = 0; in < 3; in++)
      for (int row = 0; row < 2; row++)
        for (int column = 0; column < 3; column++, number++)
          assert_true(*number == (float)(((row * 3 + column) * 3 + in) * 4 + out));
  const DcOnnxTensor *bias = find_tensor(graph, node->inputs[2]);
  assert_int_equal(bias->count, 4);
  assert_true(bias->floats[3] == -3);
  dc_onnx_graph_free(graph);
}

static void
depthwise_convolutions_are_ones_of_as_many_groups(void **state)
{
  (void)state;
  static const int64_t shape[] = {5, 1, 2, 3}, dilations[] = {1, 1};
  DcLayer layer = window;
  layer.kind = DC_LAYER_DEPTHWISE_CONV2D;
  DcOnnxGraph *graph = written_of((DcShape){9, 9, 5}, &layer, 1);
  const DcOnnxNode *node = find_op(graph, "Conv");
  assert_window(node);
  assert_ints(node, "dilations", 2, dilations);
  assert_int(node, "group", 5);
  const DcOnnxTensor *weight = find_tensor(graph, node->inputs[1]);
  assert_shape(weight, 4, shape);
  for (int channel = 0; channel < 5; channel++)
    for (int tap = 0; tap < 6; tap++)
      assert_true(weight->floats[channel * 6 + tap] == (float)(tap * 5 + channel));
  dc_onnx_graph_free(graph);
}

/* kh x kw x out x in as in x out x kh x kw; 8 x 9 from 4 x 5, where the windows of 2 x 3 with a
 * stride of 2 and 1 + 0, 2 + 1 cut off reach 7 and 8 of them. */
static void
transposed_convolutions_say_what_no_window_reaches(void **state)
{
  (void)state;
  static const int64_t shape[] = {3, 4, 2, 3}, more[] = {1, 1};
  DcLayer layer = window;
  layer.kind = DC_LAYER_TRANSPOSED_CONV2D;
  layer.output = (DcShape){8, 9, 4};
  DcOnnxGraph *graph = written_of((DcShape){4, 5, 3}, &layer, 1);
  const DcOnnxNode *node = find_op(graph, "ConvTranspose");
  assert_window(node);
  assert_ints(node, "output_padding", 2, more);
  const DcOnnxTensor *weight = find_tensor(graph, node->inputs[1]);
  assert_shape(weight, 4, shape);
  const float *number = weight->floats;
  for (int in = 0; in < 3; in++)
    for (int out = 0; out < 4; out++)
      for (int tap = 0; tap < 6; tap++, number++)
        assert_true(*number == (float)((tap * 4 + out) * 3 + in));
  dc_onnx_graph_free(graph);
}

static void
pools_have_their_windows(void **state)
{
  (void)state;
  DcLayer layer = window;
  layer.kind = DC_LAYER_MAX_POOL;
  DcOnnxGraph *graph = written_of((DcShape){9, 9, 5}, &layer, 1);
  assert_window(find_op(graph, "MaxPool"));
  dc_onnx_graph_free(graph);
  layer.kind = DC_LAYER_AVERAGE_POOL;
  graph = written_of((DcShape){9, 9, 5}, &layer, 1);
  assert_window(find_op(graph, "AveragePool"));
  assert_int(find_op(graph, "AveragePool"), "count_include_pad", 0);
  dc_onnx_graph_free(graph);
}

static void
padding_goes_to_rows_and_columns(void **state)
{
  (void)state;
  static const int64_t pads[] = {0, 0, 1, 3, 0, 0, 2, 4};
  const DcLayer layer = {.kind = DC_LAYER_PAD, .padding = {1, 2, 3, 4}};
  DcOnnxGraph *graph = written_of((DcShape){2, 2, 2}, &layer, 1);
  const DcOnnxTensor *sizes = find_tensor(graph, find_op(graph, "Pad")->inputs[1]);
  assert_int_equal(sizes->count, 8);
  assert_memory_equal(sizes->whole, pads, sizeof pads);
  dc_onnx_graph_free(graph);
}

/* --- order of numbers --- */

/* A map comes in channels first, a reshaped value as the network has it. */
static void
dense_weights_are_in_the_order_of_what_comes_in(void **state)
{
  (void)state;
  enum { H = 2, W = 3, C = 4, OUT = 5 };
  static const int64_t shape[] = {OUT, H * W * C};
  const DcLayer layers[] = {{.kind = DC_LAYER_RESHAPE, .output = {1, 1, H * W * C}},
                            {.kind = DC_LAYER_DENSE, .output = {.channels = OUT}}};
  DcOnnxGraph *of_map = written_of((DcShape){H, W, C}, layers + 1, 1);
  DcOnnxGraph *of_flat = written_of((DcShape){H, W, C}, layers, 2);
  assert_ops(of_map, "Reshape Gemm");
  assert_ops(of_flat, "Transpose Reshape Gemm");
  const DcOnnxNode *gemm = find_op(of_map, "Gemm");
  assert_int(gemm, "transB", 1);
  const DcOnnxTensor *first = find_tensor(of_map, gemm->inputs[1]);
  const DcOnnxTensor *last = find_tensor(of_flat, find_op(of_flat, "Gemm")->inputs[1]);
  assert_shape(first, 2, shape);
  assert_shape(last, 2, shape);
  for (int out = 0; out < OUT; out++)
    for (int i = 0; i < H * W * C; i++) {
      const int pixel = i % (H * W), channel = i / (H * W);
      assert_true(first->floats[out * H * W * C + i] == (float)((pixel * C + channel) * OUT + out));
      assert_true(last->floats[out * H * W * C + i] == (float)(i * OUT + out));
    }
  dc_onnx_graph_free(of_map);
  dc_onnx_graph_free(of_flat);
}

static size_t
count_of(const DcOnnxGraph *graph, const char *op)
{
  size_t count = 0;
  for (size_t i = 0; i < graph->node_count; i++)
    count += strcmp(graph->nodes[i].op, op) == 0;
  return count;
}

/* Two layers that want the numbers of one map in the network's order. */
static void
a_value_is_brought_into_another_form_once(void **state)
{
  (void)state;
  const DcLayer layers[] = {
      {.kind = DC_LAYER_AFFINE},
      {.kind = DC_LAYER_RESHAPE, .output = {1, 1, 8}},
      {.kind = DC_LAYER_RESHAPE, .back = 1, .output = {1, 1, 8}},
      {.kind = DC_LAYER_ADD, .with = 1},
  };
  DcOnnxGraph *graph = written_of((DcShape){2, 2, 2}, layers, 4);
  assert_int_equal(count_of(graph, "Transpose"), 1);
  const DcOnnxNode *sum = &graph->nodes[graph->node_count - 2];
  assert_string_equal(sum->op, "Add");
  assert_string_equal(sum->inputs[0], sum->inputs[1]);
  dc_onnx_graph_free(graph);
}

/* What meets every pixel of a map is a map of one pixel itself. */
static void
a_vector_that_meets_a_map_is_brought_into_its_form(void **state)
{
  (void)state;
  static const int64_t pixel[] = {0, 3, 1, 1};
  const DcLayer layers[] = {
      {.kind = DC_LAYER_DENSE, .output = {.channels = 3}},
      {.kind = DC_LAYER_MULTIPLY, .back = 1},
  };
  DcOnnxGraph *graph = written_of((DcShape){2, 2, 3}, layers, 2);
  assert_ops(graph, "Reshape Gemm Reshape Mul Transpose Reshape");
  const DcOnnxTensor *shape = find_tensor(graph, graph->nodes[2].inputs[1]);
  assert_int_equal(shape->count, 4);
  assert_memory_equal(shape->whole, pixel, sizeof pixel);
  assert_string_equal(graph->nodes[3].inputs[0], "input");
  assert_string_equal(graph->nodes[3].inputs[1], graph->nodes[2].outputs[0]);
  dc_onnx_graph_free(graph);
}

static void
names_are_those_of_the_layers_and_all_different(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 3);
  DcNetwork *network = branching_network(&random), *folded;
  assert_int_equal(dc_network_fold(network, &folded, NULL), DC_OK);
  DcOnnxGraph *graph = written(folded); /* in which no name is made twice */
  for (size_t i = 0; i < graph->node_count; i++) {
    const char *name = graph->nodes[i].name;
    assert_true(strncmp(name, "layer", 5) == 0 || strncmp(name, "end/", 4) == 0);
    for (size_t k = 0; k < i; k++)
      assert_string_not_equal(name, graph->nodes[k].name);
  }
  dc_onnx_graph_free(graph);
  dc_network_free(folded);
  dc_network_free(network);
}

static void
a_network_gives_the_same_bytes_each_time(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 4, 4);
  DcLayer layer = window;
  layer.kind = DC_LAYER_CONV2D;
  DcNetwork *network = single_layer((DcShape){9, 9, 3}, layer, &random);
  const uint64_t revision = dc_network_revision(network);
  unsigned char *first, *second;
  size_t first_size, second_size;
  assert_int_equal(dc_onnx_export(network, &first, &first_size, NULL), DC_OK);
  assert_int_equal(dc_onnx_export(network, &second, &second_size, NULL), DC_OK);
  assert_int_equal(first_size, second_size);
  assert_memory_equal(first, second, first_size);
  assert_int_equal(dc_network_revision(network), revision);
  dc_free(first);
  dc_free(second);
  dc_network_free(network);
}

/* --- what cannot be written --- */

static void
batch_norms_are_refused_until_they_are_folded(void **state)
{
  (void)state;
  const DcLayer layers[] = {{.kind = DC_LAYER_DENSE, .output = {.channels = 2}},
                            {.kind = DC_LAYER_BATCH_NORM}};
  DcNetwork *network = network_of((DcShape){1, 1, 3}, layers, 2), *folded;
  unsigned char *bytes = (unsigned char *)"";
  size_t size = 1;
  DcError error = {0};
  assert_int_equal(dc_onnx_export(network, &bytes, &size, &error), DC_ERROR_UNSUPPORTED);
  assert_null(bytes);
  assert_int_equal(size, 0);
  assert_non_null(strstr(error.message, "layer 1 (batch_norm)"));
  assert_int_equal(dc_onnx_export(network, &bytes, &size, NULL), DC_ERROR_UNSUPPORTED);
  assert_int_equal(dc_network_fold(network, &folded, NULL), DC_OK);
  DcOnnxGraph *graph = written(folded);
  assert_ops(graph, "Gemm");
  dc_onnx_graph_free(graph);
  dc_network_free(network);
  dc_network_free(folded);
}

/* Enough layers that there is more than one arena. */
static void
memory_that_is_short_is_told(void **state)
{
  (void)state;
  const DcLayer layer = {.kind = DC_LAYER_DENSE,
                         .activation = DC_ACTIVATION_GELU_TANH,
                         .output = {.channels = 90}};
  const DcLayer layers[] = {layer, layer, layer, layer, {.kind = DC_LAYER_L2_NORMALISE}};
  DcNetwork *network = network_of((DcShape){1, 1, 90}, layers, 5);
  size_t failures = 0;
  for (bool done = false; !done; failures++) {
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
  assert_true(failures > 4); /* the values, two arenas or more, the bytes */
  dc_network_free(network);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(inputs_are_maps_or_vectors_and_outputs_vectors),
      cmocka_unit_test(a_network_without_layers_gives_what_it_takes),
      cmocka_unit_test(every_kind_has_its_operators),
      cmocka_unit_test(every_activation_has_its_operators),
      cmocka_unit_test(convolutions_have_their_weights_in_the_order_of_onnx),
      cmocka_unit_test(depthwise_convolutions_are_ones_of_as_many_groups),
      cmocka_unit_test(transposed_convolutions_say_what_no_window_reaches),
      cmocka_unit_test(pools_have_their_windows),
      cmocka_unit_test(padding_goes_to_rows_and_columns),
      cmocka_unit_test(dense_weights_are_in_the_order_of_what_comes_in),
      cmocka_unit_test(a_value_is_brought_into_another_form_once),
      cmocka_unit_test(a_vector_that_meets_a_map_is_brought_into_its_form),
      cmocka_unit_test(names_are_those_of_the_layers_and_all_different),
      cmocka_unit_test(a_network_gives_the_same_bytes_each_time),
      cmocka_unit_test(batch_norms_are_refused_until_they_are_folded),
      cmocka_unit_test(memory_that_is_short_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
