/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scratch.h"

#include "onnx_files.h"

#include "allocations.h"

/* Graphs of ONNX files. Their numbers are in onnx_tensor.c. */

/* --- what is read --- */

/* A graph that has of everything: each kind of attribute, an input that is an initialiser, an
 * input that is left out, a subgraph, texts that nobody needs. */
static Bytes
full_model(void)
{
  static const int64_t picture[] = {-1, 3, 224, 0}, weights[] = {2, 2}, whole[] = {1, -2, 3};
  static const float floats[] = {0.5f, -1, 2, 3};
  Bytes node = onnx_node("Conv", "conv \xc3\xa9", "in w -", "c"), graph = {0};
  Bytes attribute = onnx_attribute("group", 2);
  put_int(&attribute, 3, -7);
  put_message(&node, 5, attribute);
  put_message(&node, 5, onnx_attribute("zero", 2)); /* a writer may leave out what is 0 */
  attribute = onnx_attribute("alpha", 1);
  put_float(&attribute, 2, 0.25f);
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("auto_pad", 3);
  put_text(&attribute, 4, "SAME\nUPPER");
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("pads", 7);
  for (size_t i = 0; i < 3; i++)
    put_int(&attribute, 8, whole[i]);
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("scales", 6);
  put_block(&attribute, 7, floats, 3 * sizeof *floats); /* packed, which it need not be */
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("value", 4);
  put_message(&attribute, 5, onnx_raw_tensor("v", ONNX_FLOAT, weights, 2, floats, sizeof floats));
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("then_branch", 5);
  put_message(&attribute, 6, relu_graph());
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("bytes", 3);
  put_block(&attribute, 4, "\xff\0\1", 3);
  put_message(&node, 5, attribute);
  attribute = onnx_attribute("names", 8);
  put_text(&attribute, 9, "one");
  put_message(&node, 5, attribute);
  put_text(&node, 6, "a text for people");
  put_message(&graph, 1, node);
  node = onnx_node("Own", "", "c", "out -");
  put_text(&node, 7, "com.example");
  put_message(&graph, 1, node);
  put_message(&graph, 5, onnx_raw_tensor("w", ONNX_FLOAT, weights, 2, floats, sizeof floats));
  put_message(&graph, 11, onnx_value("in", ONNX_FLOAT16, picture, 4));
  put_message(&graph, 11, onnx_value("w", ONNX_FLOAT, weights, 2));
  put_message(&graph, 12, onnx_value("out", ONNX_INT64, NULL, 0));
  put_message(&graph, 12, onnx_value("c", ONNX_DOUBLE, weights, 2));
  put_message(&graph, 13, onnx_value("c", ONNX_FLOAT, weights, 2));
  Bytes model = onnx_model(13, graph);
  put_opset(&model, "com.example", 99);
  put_opset(&model, "ai.onnx", 13);
  return model;
}

static void
check_attributes(const DcOnnxNode *node)
{
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, "group");
  assert_int_equal(attribute->kind, DC_ONNX_INT);
  assert_int_equal(attribute->whole[0], -7);
  attribute = dc_onnx_attribute(node, "zero");
  assert_int_equal(attribute->kind, DC_ONNX_INT);
  assert_int_equal(attribute->whole[0], 0);
  attribute = dc_onnx_attribute(node, "alpha");
  assert_int_equal(attribute->kind, DC_ONNX_FLOAT);
  assert_true(attribute->floats[0] == 0.25f);
  attribute = dc_onnx_attribute(node, "auto_pad");
  assert_int_equal(attribute->kind, DC_ONNX_TEXT);
  assert_string_equal(attribute->text, "SAME\nUPPER");
  attribute = dc_onnx_attribute(node, "pads");
  assert_int_equal(attribute->kind, DC_ONNX_INTS);
  assert_int_equal(attribute->count, 3);
  assert_int_equal(attribute->whole[1], -2);
  attribute = dc_onnx_attribute(node, "scales");
  assert_int_equal(attribute->kind, DC_ONNX_FLOATS);
  assert_int_equal(attribute->count, 3);
  assert_true(attribute->floats[2] == 2);
  attribute = dc_onnx_attribute(node, "value");
  assert_int_equal(attribute->kind, DC_ONNX_TENSOR);
  assert_string_equal(attribute->tensor->name, "v");
  assert_true(attribute->tensor->floats[3] == 3);
  static const char *const others[] = {"then_branch", "bytes", "names"};
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(dc_onnx_attribute(node, others[i])->kind, DC_ONNX_OTHER);
  assert_null(dc_onnx_attribute(node, "absent"));
  assert_int_equal(node->attribute_count, 10);
}

static void
check_full_graph(const DcOnnxGraph *graph)
{
  assert_int_equal(graph->opset, 13);
  assert_string_equal(graph->producer, "pytorch 2.1.0");
  assert_int_equal(graph->node_count, 2);
  const DcOnnxNode *conv = &graph->nodes[0], *own = &graph->nodes[1];
  assert_string_equal(conv->name, "conv \xc3\xa9");
  assert_string_equal(conv->op, "Conv");
  assert_string_equal(conv->domain, "");
  assert_int_equal(conv->input_count, 3);
  assert_string_equal(conv->inputs[1], "w");
  assert_string_equal(conv->inputs[2], "");
  assert_string_equal(conv->outputs[0], "c");
  check_attributes(conv);
  assert_string_equal(own->name, "");
  assert_string_equal(own->domain, "com.example");
  assert_int_equal(own->output_count, 2);
  assert_int_equal(own->attribute_count, 0);
  assert_int_equal(graph->tensor_count, 1);
  assert_string_equal(graph->tensors[0].name, "w");
  assert_int_equal(graph->tensors[0].shape[1], 2);
  assert_int_equal(graph->input_count, 1); /* without that of "w" */
  const DcOnnxValue *in = &graph->inputs[0];
  assert_string_equal(in->name, "in");
  assert_true(in->is_float && in->known_shape);
  assert_int_equal(in->rank, 4);
  static const int64_t shape[] = {-1, 3, 224, -1};
  assert_memory_equal(in->shape, shape, sizeof shape);
  assert_int_equal(graph->output_count, 2);
  assert_false(graph->outputs[0].is_float);
  assert_true(graph->outputs[0].known_shape);
  assert_int_equal(graph->outputs[0].rank, 0);
  assert_true(graph->outputs[1].is_float);
}

static void
everything_in_a_file_is_read(void **state)
{
  (void)state;
  Bytes model = full_model();
  scratch_write("full.onnx", model.data, model.size);
  DcOnnxGraph *graph = parse_good(model);
  check_full_graph(graph);
  dc_onnx_graph_free(graph);
  DcError error = {0};
  if (dc_onnx_graph_read("full.onnx", &graph, &error) != DC_OK)
    fail_msg("%s", error.message);
  check_full_graph(graph);
  dc_onnx_graph_free(graph);
  dc_onnx_graph_free(NULL);
}

static void
the_range_of_opsets_is_read(void **state)
{
  (void)state;
  for (int64_t opset = 7; opset <= 17; opset++) {
    DcOnnxGraph *graph = parse_good(onnx_model(opset, relu_graph()));
    assert_int_equal(graph->opset, opset);
    dc_onnx_graph_free(graph);
  }
}

/* Of a newer version of the format, say. */
static void
unknown_fields_are_passed_over(void **state)
{
  (void)state;
  Bytes graph = relu_graph(), node = onnx_node("Relu", "", "out", "more");
  put_text(&node, 99, "unknown");
  put_message(&graph, 1, node);
  put_float(&graph, 1000, 1);
  Bytes model = onnx_model(13, graph);
  put_int(&model, 536870911, -1); /* the largest number of a field */
  DcOnnxGraph *read = parse_good(model);
  assert_int_equal(read->node_count, 2);
  dc_onnx_graph_free(read);
}

static void
values_without_a_shape_are_told_apart(void **state)
{
  (void)state;
  Bytes graph = relu_graph(), tensor = {0}, type = {0}, value = {0};
  put_int(&tensor, 1, ONNX_FLOAT);
  put_message(&type, 1, tensor);
  put_text(&value, 1, "second");
  put_message(&value, 2, type);
  put_message(&graph, 11, value);
  Bytes untyped = {0};
  put_text(&untyped, 1, "third");
  put_message(&graph, 11, untyped);
  DcOnnxGraph *read = parse_good(onnx_model(13, graph));
  assert_int_equal(read->input_count, 3);
  assert_true(read->inputs[0].known_shape);
  assert_true(read->inputs[1].is_float && !read->inputs[1].known_shape);
  assert_true(!read->inputs[2].is_float && !read->inputs[2].known_shape);
  dc_onnx_graph_free(read);
}

static void
a_producer_is_told_as_far_as_it_is_known(void **state)
{
  (void)state;
  static const char *const cases[][3] = {
      {"a", "1", "a 1"}, {"a", NULL, "a"}, {NULL, "1", "1"}, {NULL, NULL, ""}};
  for (size_t i = 0; i < 4; i++) {
    Bytes model = {0};
    put_int(&model, 1, 8);
    if (cases[i][0])
      put_text(&model, 2, cases[i][0]);
    if (cases[i][1])
      put_text(&model, 3, cases[i][1]);
    put_opset(&model, "", 13);
    put_message(&model, 7, relu_graph());
    DcOnnxGraph *graph = parse_good(model);
    assert_string_equal(graph->producer, cases[i][2]);
    dc_onnx_graph_free(graph);
  }
}

static void
onnx_files_are_known_by_name(void **state)
{
  (void)state;
  assert_true(dc_onnx_is_named("a/b.onnx"));
  assert_true(dc_onnx_is_named(".OnNX"));
  assert_false(dc_onnx_is_named("onnx"));
  assert_false(dc_onnx_is_named("a.onnx.gz"));
  assert_false(dc_onnx_is_named("a_onnx"));
  assert_false(dc_onnx_is_named(""));
}

/* --- order --- */

/* One Relu for each pair, from "in" and to "out". */
static Bytes
graph_of(const char *const pairs[][2], size_t count)
{
  Bytes graph = {0};
  for (size_t i = 0; i < count; i++) {
    char name[24];
    snprintf(name, sizeof name, "n%zu", i);
    put_message(&graph, 1, onnx_node("Add", name, pairs[i][0], pairs[i][1]));
  }
  put_message(&graph, 11, onnx_value("in", ONNX_FLOAT, NULL, 0));
  put_message(&graph, 12, onnx_value("out", ONNX_FLOAT, NULL, 0));
  return graph;
}

static void
assert_order(const char *const pairs[][2], size_t count, const char *order)
{
  DcOnnxGraph *graph = parse_good(onnx_model(13, graph_of(pairs, count)));
  char names[100] = "";
  for (size_t i = 0; i < graph->node_count; i++) {
    strcat(names, i ? " " : "");
    strcat(names, graph->nodes[i].name);
  }
  assert_string_equal(names, order);
  dc_onnx_graph_free(graph);
}

static void
nodes_come_after_what_they_take(void **state)
{
  (void)state;
  static const char *const good[][2] = {{"in", "a"}, {"in", "b"}, {"b a", "c"}, {"a c", "out"}};
  static const char *const bad[][2] = {{"a c", "out"}, {"b a", "c"}, {"in", "b"}, {"in", "a"}};
  static const char *const twice[][2] = {{"a a", "out"}, {"in in", "a"}};
  assert_order(good, 4, "n0 n1 n2 n3");
  assert_order(bad, 4, "n3 n2 n1 n0");
  assert_order(twice, 2, "n1 n0");
}

/* As many nodes as may be, each made by the next one: no order for recursion. */
static void
a_long_chain_in_the_wrong_order_is_put_right(void **state)
{
  (void)state;
  Bytes graph = {0};
  for (int i = DC_ONNX_MOST_NODES; i > 0; i--) {
    char input[16], output[16];
    snprintf(input, sizeof input, "v%d", i - 1);
    snprintf(output, sizeof output, "v%d", i);
    put_message(&graph, 1, onnx_node("Relu", output, input, output));
  }
  put_message(&graph, 11, onnx_value("v0", ONNX_FLOAT, NULL, 0));
  put_message(&graph, 12, onnx_value("v9", ONNX_FLOAT, NULL, 0));
  DcOnnxGraph *read = parse_good(onnx_model(13, graph));
  for (int i = 0; i < DC_ONNX_MOST_NODES; i++) {
    char name[16];
    snprintf(name, sizeof name, "v%d", i + 1);
    assert_string_equal(read->nodes[i].name, name);
  }
  dc_onnx_graph_free(read);
}

static void
graphs_that_do_not_hang_together_are_refused(void **state)
{
  (void)state;
  static const struct {
    const char *pairs[3][2];
    const char *part;
  } cases[] = {
      {{{"in", "a"}, {"a gone", "b"}, {"b", "out"}}, "node \"n1\" (Add) takes \"gone\""},
      {{{"in c", "a"}, {"a", "b"}, {"b", "c out"}}, "a cycle: node \"n"},
      {{{"in", "out"}, {"a", "a"}, {"in", "b"}}, "a cycle: node \"n1\" (Add) takes \"a\""},
      {{{"in", "a"}, {"in", "a"}, {"a", "out"}}, "(Add) makes \"a\", which is made elsewhere"},
      {{{"in", "a a"}, {"in", "b"}, {"a", "out"}}, "node \"n0\" (Add) makes \"a\""},
      {{{"in", "a"}, {"a", "in"}, {"a", "out"}}, "node \"n1\" (Add) makes \"in\""},
      {{{"in", "a"}, {"in", "b"}, {"a", "c"}}, "nothing makes the output \"out\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_refused(onnx_model(13, graph_of(cases[i].pairs, 3)), DC_ERROR_FORMAT, cases[i].part);
}

static void
inputs_and_initialisers_have_names_of_their_own(void **state)
{
  (void)state;
  static const int64_t none[] = {0};
  Bytes graph = relu_graph();
  put_message(&graph, 11, onnx_value("in", ONNX_FLOAT, NULL, 0));
  assert_refused(onnx_model(13, graph), DC_ERROR_FORMAT, "are named \"in\"");
  graph = relu_graph();
  put_message(&graph, 5, onnx_tensor("w", ONNX_FLOAT, none, 1));
  put_message(&graph, 5, onnx_tensor("w", ONNX_FLOAT, none, 1));
  assert_refused(onnx_model(13, graph), DC_ERROR_FORMAT, "are named \"w\"");
  assert_refused(model_with_tensor(onnx_tensor("out", ONNX_FLOAT, none, 1)), DC_ERROR_FORMAT,
                 "makes \"out\", which is made elsewhere");
  assert_refused(model_with_tensor(onnx_tensor("", ONNX_FLOAT, none, 1)), DC_ERROR_FORMAT,
                 "an initialiser has no name");
  graph = relu_graph();
  put_message(&graph, 11, onnx_value("", ONNX_FLOAT, NULL, 0));
  assert_refused(onnx_model(13, graph), DC_ERROR_FORMAT, "an input has no name");
}

/* --- what is refused --- */

static void
opsets_of_other_times_are_refused(void **state)
{
  (void)state;
  static const int64_t opsets[] = {INT64_MIN, -1, 0, 6, 18, INT64_MAX};
  for (size_t i = 0; i < sizeof opsets / sizeof *opsets; i++)
    assert_refused(onnx_model(opsets[i], relu_graph()), DC_ERROR_UNSUPPORTED, "7 to 17 are read");
  Bytes none = {0};
  put_int(&none, 1, 8);
  put_message(&none, 7, relu_graph());
  assert_refused(none, DC_ERROR_UNSUPPORTED, "of opset 0");
  Bytes two = onnx_model(13, relu_graph());
  put_opset(&two, "ai.onnx", 14);
  assert_refused(two, DC_ERROR_FORMAT, "of opset 13 and of opset 14");
}

static void
quantised_networks_are_refused(void **state)
{
  (void)state;
  static const char *const ops[] = {
      "QLinearConv", "ConvInteger", "MatMulInteger", "DequantizeLinear",     "QuantizeLinear",
      "QLinearAdd",  "QGemm",       "QLinearMatMul", "DynamicQuantizeLinear"};
  static const int64_t shape[] = {4};
  for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
    Bytes graph = relu_graph();
    put_message(&graph, 5, onnx_raw_tensor("w", ONNX_INT8, shape, 1, "\1\2\3\4", 4));
    put_message(&graph, 1, onnx_node(ops[i], "q", "in w", "made"));
    assert_refused(onnx_model(13, graph), DC_ERROR_UNSUPPORTED, "export the float network");
  }
  Bytes annotated = relu_graph();
  put_message(&annotated, 14, (Bytes){0});
  assert_refused(onnx_model(13, annotated), DC_ERROR_UNSUPPORTED, "export the float network");
}

static void
what_onnx_has_beside_a_graph_is_refused(void **state)
{
  (void)state;
  Bytes functions = onnx_model(13, relu_graph());
  put_message(&functions, 25, (Bytes){0});
  assert_refused(functions, DC_ERROR_UNSUPPORTED, "functions");
  Bytes training = onnx_model(13, relu_graph());
  put_message(&training, 20, (Bytes){0});
  assert_refused(training, DC_ERROR_UNSUPPORTED, "training");
  Bytes sparse = relu_graph();
  put_message(&sparse, 15, (Bytes){0});
  assert_refused(onnx_model(13, sparse), DC_ERROR_UNSUPPORTED, "sparse");
  Bytes two_graphs = onnx_model(13, relu_graph());
  put_message(&two_graphs, 7, relu_graph());
  assert_refused(two_graphs, DC_ERROR_FORMAT, "\"graph\" of ModelProto twice");
}

static void
graphs_that_lack_a_part_are_refused(void **state)
{
  (void)state;
  assert_refused((Bytes){0}, DC_ERROR_FORMAT, "not an ONNX file");
  Bytes no_graph = {0};
  put_int(&no_graph, 1, 8);
  put_opset(&no_graph, "", 13);
  assert_refused(no_graph, DC_ERROR_FORMAT, "not an ONNX file");
  Bytes no_version = {0};
  put_opset(&no_version, "", 13);
  put_message(&no_version, 7, relu_graph());
  assert_refused(no_version, DC_ERROR_FORMAT, "not an ONNX file");
  assert_refused(onnx_model(13, (Bytes){0}), DC_ERROR_FORMAT, "has no output");
  Bytes no_operator = relu_graph();
  put_message(&no_operator, 1, onnx_node("", "idle", "in", "made"));
  assert_refused(onnx_model(13, no_operator), DC_ERROR_FORMAT, "\"idle\" has no operator");
  static const int types[] = {0, 4};
  static const char *const parts[] = {"\"axis\" has no type", "\"axis\" is a tensor that is not"};
  for (size_t i = 0; i < 2; i++) {
    Bytes graph = relu_graph(), node = onnx_node("Softmax", "", "in", "made");
    put_message(&node, 5, onnx_attribute("axis", types[i]));
    put_message(&graph, 1, node);
    assert_refused(onnx_model(13, graph), DC_ERROR_FORMAT, parts[i]);
  }
  static const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  Bytes deep = relu_graph();
  put_message(&deep, 11, onnx_value("deep", ONNX_FLOAT, nine, 9));
  assert_refused(onnx_model(13, deep), DC_ERROR_UNSUPPORTED, "\"deep\" has more than 8 axes");
}

static void
names_that_no_message_could_show_are_refused(void **state)
{
  (void)state;
  static const char *const names[] = {"a\nb", "a\x7f", "\x1b[31m", "\xff", "a\xc3"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    Bytes graph = relu_graph();
    put_message(&graph, 1, onnx_node("Relu", names[i], "in", "made"));
    assert_refused(onnx_model(13, graph), DC_ERROR_FORMAT, "a node has a name that is not UTF-8");
  }
  Bytes graph = relu_graph(), node = {0};
  put_block(&node, 3, "a\0b", 3);
  put_message(&graph, 1, node);
  assert_refused(onnx_model(13, graph), DC_ERROR_FORMAT, "\"name\" of NodeProto has a zero in it");
}

/* Shown as far as there is room, and never a part of a character. */
static void
long_names_leave_room_in_a_message(void **state)
{
  (void)state;
  char name[2001];
  for (size_t i = 0; i < 1000; i++)
    memcpy(name + 2 * i, "\xc3\xa9", 3);
  Bytes graph = relu_graph();
  put_message(&graph, 1, onnx_node(name, name, name, "made"));
  assert_refused(onnx_model(13, graph), DC_ERROR_FORMAT, "\xc3\xa9\", which nothing makes");
}

/* --- bytes that are no file --- */

static void
a_file_that_ends_early_is_refused(void **state)
{
  (void)state;
  Bytes model = onnx_model(13, relu_graph()); /* the graph is last */
  for (size_t size = 0; size < model.size; size++) {
    Bytes shorter = {0};
    put_raw(&shorter, model.data, size);
    assert_refused(shorter, DC_ERROR_FORMAT, "not an ONNX file");
  }
  free(model.data);
}

/* One byte after another is changed to every value; what is read then must be whole. */
static void
damage_is_refused_or_read_without_harm(void **state)
{
  (void)state;
  Bytes model = full_model();
  size_t read = 0, refused = 0;
  for (size_t at = 0; at < model.size; at++) {
    for (int change = 1; change < 256; change += 6) {
      model.data[at] ^= (unsigned char)change;
      DcOnnxGraph *graph;
      DcError error = {0};
      DcStatus status = dc_onnx_graph_parse(model.data, model.size, "d", &graph, &error);
      model.data[at] ^= (unsigned char)change;
      assert_int_equal(status, error.status);
      assert_true((status == DC_OK) == (graph != NULL));
      read += graph != NULL;
      refused += graph == NULL;
      dc_onnx_graph_free(graph);
    }
  }
  assert_true(read > 0 && refused > read);
  free(model.data);
}

static void
broken_fields_are_refused(void **state)
{
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
  } cases[] = {
      {"\x00\x01", 2},                                          /* a field of number 0 */
      {"\x0b", 1},                                              /* the start of a group */
      {"\x0c", 1},                                              /* the end of one */
      {"\x0e", 1},                                              /* no such type */
      {"\x80\x80\x80\x80\x80\x00", 6},                          /* a tag too long */
      {"\xff\xff\xff\xff\x7f\x00", 6},                          /* beyond 32 bits */
      {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12}, /* 11 bytes of a number */
      {"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},     /* a length of 2^64 - 1 */
      {"\x3a\xff\xff\xff\xff\x0f", 6},                          /* and of 2^32 - 1 */
      {"\x38\x01", 2},                                          /* the graph as a number */
      {"\x10\x01", 2},                                          /* a text as a number */
      {"\x0a\x01\x01", 3},                                      /* a number as a text */
      {"\x3d\x00\x00\x00\x00", 5},                              /* the graph as a float */
      {"\x39\x00\x00\x00\x00\x00\x00\x00", 8},                  /* 7 bytes of a double */
      {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16},                    /* another file */
      {"{\"json\": 1}", 11},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Bytes bytes = {0};
    put_raw(&bytes, cases[i].bytes, cases[i].size);
    assert_refused(bytes, DC_ERROR_FORMAT, "not an ONNX file");
  }
}

/* --- bombs --- */

static void
graphs_too_deep_within_each_other_are_refused(void **state)
{
  (void)state;
  Bytes inner = {0};
  for (int depth = 0; depth < 20000; depth++) {
    Bytes attribute = {0}, node = {0}, graph = {0};
    put_message(&attribute, 6, inner);
    put_message(&node, 5, attribute);
    put_message(&graph, 1, node);
    inner = graph;
    if (depth == 15) { /* 3 messages each below the model and its graph: just allowed */
      Bytes allowed = relu_graph();
      put_raw(&allowed, inner.data, inner.size);
      assert_refused(onnx_model(13, allowed), DC_ERROR_FORMAT, "has no operator");
    }
  }
  assert_refused(onnx_model(13, inner), DC_ERROR_UNSUPPORTED, "64 messages deep");
}

static void
types_too_deep_within_each_other_are_refused(void **state)
{
  (void)state;
  Bytes inner = {0};
  for (int depth = 0; depth < 20000; depth++) {
    Bytes sequence = {0}, type = {0};
    put_message(&sequence, 1, inner);
    put_message(&type, 4, sequence);
    inner = type;
  }
  Bytes value = {0}, graph = relu_graph();
  put_message(&value, 2, inner);
  put_message(&graph, 13, value);
  assert_refused(onnx_model(13, graph), DC_ERROR_UNSUPPORTED, "64 messages deep");
}

static Bytes
model_of_many(uint32_t field, const void *content, size_t size, size_t count)
{
  Bytes graph = relu_graph();
  for (size_t i = 0; i < count; i++)
    put_block(&graph, field, content, size);
  return onnx_model(13, graph);
}

/* Two bytes each in the file, hundreds in memory. */
static void
too_many_messages_are_refused(void **state)
{
  (void)state;
  assert_refused(model_of_many(13, NULL, 0, 600000), DC_ERROR_UNSUPPORTED,
                 "more than 524288 messages");
}

static void
too_many_fields_are_refused(void **state)
{
  (void)state;
  Bytes node = onnx_node("Relu", "many", "in", "made"), graph = relu_graph();
  for (size_t i = 0; i < 2100000; i++)
    put_block(&node, 1, NULL, 0);
  put_message(&graph, 1, node);
  assert_refused(onnx_model(13, graph), DC_ERROR_UNSUPPORTED, "more than 2097152 fields");
}

/* 256 MiB of zeros would be 2 GiB of whole numbers. */
static void
numbers_that_unpack_to_too_much_are_refused(void **state)
{
  (void)state;
  const size_t zeros = (size_t)1 << 28;
  Bytes head = {0}, outer = {0}, tensor = {0};
  put_tag(&tensor, 7, 2);
  put_varint(&tensor, zeros);
  put_tag(&outer, 5, 2);
  put_varint(&outer, tensor.size + zeros);
  put_tag(&head, 7, 2);
  put_varint(&head, outer.size + tensor.size + zeros);
  put_raw(&head, outer.data, outer.size);
  put_raw(&head, tensor.data, tensor.size);
  Bytes all = {.data = calloc(head.size + zeros, 1), .size = head.size + zeros};
  assert_non_null(all.data);
  memcpy(all.data, head.data, head.size);
  free(head.data);
  free(outer.data);
  free(tensor.data);
  assert_refused(all, DC_ERROR_UNSUPPORTED, "more than 2 GiB when unpacked");
}

static void
too_many_nodes_or_initialisers_are_refused(void **state)
{
  (void)state;
  Bytes node = onnx_node("Relu", "", "in", "made"), tensor = onnx_tensor("w", ONNX_FLOAT, NULL, 0);
  assert_refused(model_of_many(1, node.data, node.size, DC_ONNX_MOST_NODES), DC_ERROR_UNSUPPORTED,
                 "16385 nodes");
  assert_refused(model_of_many(5, tensor.data, tensor.size, DC_ONNX_MOST_TENSORS + 1),
                 DC_ERROR_UNSUPPORTED, "65537 initialisers");
  free(node.data);
  free(tensor.data);
}

/* --- files --- */

static void
files_that_cannot_be_read_say_so(void **state)
{
  (void)state;
  DcOnnxGraph *graph;
  DcError error = {0};
  assert_int_equal(dc_onnx_graph_read("absent.onnx", &graph, &error), DC_ERROR_NOT_FOUND);
  assert_non_null(strstr(error.message, "absent.onnx"));
  assert_null(graph);
  assert_int_equal(dc_onnx_graph_read(".", &graph, &error), DC_ERROR_IO);
  scratch_write("text.onnx", "no network", 10);
  assert_int_equal(dc_onnx_graph_read("text.onnx", &graph, &error), DC_ERROR_FORMAT);
  assert_non_null(strstr(error.message, "text.onnx"));
}

static void
files_beyond_the_bound_are_not_even_read(void **state)
{
  (void)state;
  DcOnnxGraph *graph;
  DcError error = {0};
  scratch_write("large.onnx", "", 0);
  assert_int_equal(truncate("large.onnx", (off_t)DC_ONNX_MOST_BYTES + 1), 0);
  assert_int_equal(dc_onnx_graph_read("large.onnx", &graph, &error), DC_ERROR_UNSUPPORTED);
  assert_non_null(strstr(error.message, "more than 1024 MiB"));
  assert_int_equal(dc_onnx_graph_parse("", DC_ONNX_MOST_BYTES + 1, "large", &graph, &error),
                   DC_ERROR_UNSUPPORTED);
  assert_null(graph);
}

static void
memory_that_is_short_is_told(void **state)
{
  (void)state;
  Bytes model = full_model();
  size_t failures = 0;
  for (bool done = false; !done; failures++) {
    DcOnnxGraph *graph;
    DcError error = {0};
    allocations = 0;
    fail_at = failures;
    const DcStatus status = dc_onnx_graph_parse(model.data, model.size, "m", &graph, &error);
    done = allocations <= fail_at;
    fail_at = SIZE_MAX;
    assert_int_equal(status, done ? DC_OK : DC_ERROR_MEMORY);
    assert_true((graph != NULL) == done);
    assert_true(done || strstr(error.message, "no memory"));
    dc_onnx_graph_free(graph);
  }
  assert_true(failures > 50);
  free(model.data);
}

/* --- networks as people have them --- */

typedef struct {
  const char *file;
  const char *producer, *input, *outputs[2];
  size_t nodes, tensors;
  int64_t shape[4];
  const char *ops[4]; /* that the graph has */
} Real;

static const Real real_files[] = {
    {.file = "osnet_x0_25_msmt17.onnx",
     .producer = "pytorch 2.8.0",
     .input = "input",
     .outputs = {"output"},
     .nodes = 397,
     .tensors = 248,
     .shape = {-1, 3, 256, 128},
     .ops = {"Conv", "Relu", "Sigmoid", "GlobalAveragePool"}},
    {.file = "squeezenet1_1_fp32.onnx",
     .producer = "pytorch 1.13.0",
     .input = "data",
     .outputs = {"logits", "embedding"},
     .nodes = 66,
     .tensors = 52,
     .shape = {-1, 3, 224, 224},
     .ops = {"Conv", "Relu", "MaxPool", "Concat"}},
};

static size_t
count_of(const DcOnnxGraph *graph, const char *op)
{
  size_t count = 0;
  for (size_t i = 0; i < graph->node_count; i++)
    count += strcmp(graph->nodes[i].op, op) == 0;
  return count;
}

static void
check_real(const Real *real, const DcOnnxGraph *graph)
{
  assert_string_equal(graph->producer, real->producer);
  assert_int_equal(graph->opset, 11);
  assert_int_equal(graph->node_count, real->nodes);
  assert_int_equal(graph->tensor_count, real->tensors);
  assert_int_equal(graph->input_count, 1);
  assert_string_equal(graph->inputs[0].name, real->input);
  assert_true(graph->inputs[0].is_float);
  assert_int_equal(graph->inputs[0].rank, 4);
  assert_memory_equal(graph->inputs[0].shape, real->shape, sizeof real->shape);
  for (size_t i = 0; i < graph->output_count; i++)
    assert_string_equal(graph->outputs[i].name, real->outputs[i]);
  for (size_t i = 0; i < 4; i++)
    assert_true(count_of(graph, real->ops[i]) > 0);
  const DcOnnxNode *first = &graph->nodes[0];
  assert_string_equal(first->op, "Conv");
  assert_string_equal(first->inputs[0], real->input);
  assert_int_equal(dc_onnx_attribute(first, "kernel_shape")->count, 2);
}

static void
real_networks_are_read(void **state)
{
  (void)state;
  const char *folder = getenv("DRIFTCLUSTER_DATA");
  size_t seen = 0;
  for (size_t i = 0; folder && i < sizeof real_files / sizeof *real_files; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/models/%s", folder, real_files[i].file);
    if (!scratch_exists(path))
      continue;
    DcOnnxGraph *graph;
    DcError error = {0};
    if (dc_onnx_graph_read(path, &graph, &error) != DC_OK)
      fail_msg("%s", error.message);
    check_real(&real_files[i], graph);
    dc_onnx_graph_free(graph);
    seen++;
  }
  if (!seen)
    skip();
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(everything_in_a_file_is_read),
      cmocka_unit_test(the_range_of_opsets_is_read),
      cmocka_unit_test(unknown_fields_are_passed_over),
      cmocka_unit_test(values_without_a_shape_are_told_apart),
      cmocka_unit_test(a_producer_is_told_as_far_as_it_is_known),
      cmocka_unit_test(onnx_files_are_known_by_name),
      cmocka_unit_test(nodes_come_after_what_they_take),
      cmocka_unit_test(a_long_chain_in_the_wrong_order_is_put_right),
      cmocka_unit_test(graphs_that_do_not_hang_together_are_refused),
      cmocka_unit_test(inputs_and_initialisers_have_names_of_their_own),
      cmocka_unit_test(opsets_of_other_times_are_refused),
      cmocka_unit_test(quantised_networks_are_refused),
      cmocka_unit_test(what_onnx_has_beside_a_graph_is_refused),
      cmocka_unit_test(graphs_that_lack_a_part_are_refused),
      cmocka_unit_test(names_that_no_message_could_show_are_refused),
      cmocka_unit_test(long_names_leave_room_in_a_message),
      cmocka_unit_test(a_file_that_ends_early_is_refused),
      cmocka_unit_test(damage_is_refused_or_read_without_harm),
      cmocka_unit_test(broken_fields_are_refused),
      cmocka_unit_test(graphs_too_deep_within_each_other_are_refused),
      cmocka_unit_test(types_too_deep_within_each_other_are_refused),
      cmocka_unit_test(too_many_messages_are_refused),
      cmocka_unit_test(too_many_fields_are_refused),
      cmocka_unit_test(numbers_that_unpack_to_too_much_are_refused),
      cmocka_unit_test(too_many_nodes_or_initialisers_are_refused),
      cmocka_unit_test(files_that_cannot_be_read_say_so),
      cmocka_unit_test(files_beyond_the_bound_are_not_even_read),
      cmocka_unit_test(memory_that_is_short_is_told),
      cmocka_unit_test(real_networks_are_read),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
