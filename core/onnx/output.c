/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/output.h"

#include <ctype.h>
#include <string.h>

/* True when `text`, in any case of letters, holds one of the words. */
static bool
holds_word(const char *text, const char *const *words, size_t count)
{
  for (; *text; text++) {
    for (size_t i = 0; i < count; i++) {
      size_t same = 0;
      while (words[i][same] && tolower((unsigned char)text[same]) == words[i][same])
        same++;
      if (!words[i][same])
        return true;
    }
  }
  return false;
}

static bool
is_one_of(const char *op, const char *const *ops, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    if (!strcmp(op, ops[i]))
      return true;
  }
  return false;
}

#define COUNT(array) (sizeof(array) / sizeof *(array))

static bool
sounds_like_embedding(const char *name)
{
  static const char *const words[] = {"embed", "feat", "descriptor", "pool"};
  return holds_word(name, words, COUNT(words));
}

static bool
sounds_like_scores(const char *name)
{
  static const char *const words[] = {"logit", "prob", "softmax", "score", "class"};
  return holds_word(name, words, COUNT(words));
}

/* What stands between the last weights of a classifier and its scores, besides a bias. */
static bool
passes_scores_on(const char *op)
{
  static const char *const ops[] = {"Softmax",   "LogSoftmax", "Identity",          "Dropout",
                                    "Reshape",   "Flatten",    "Squeeze",           "Unsqueeze",
                                    "Relu",      "Add",        "GlobalAveragePool", "AveragePool",
                                    "ReduceMean"};
  return is_one_of(op, ops, COUNT(ops));
}

/* Classes of the large data sets that people train classifiers on: ImageNet, with and without
 * background, its 21 000 classes, Places. */
static bool
is_number_of_classes(int64_t outputs)
{
  static const int64_t classes[] = {1000, 1001, 21841, 21843, 365};
  for (size_t i = 0; i < COUNT(classes); i++) {
    if (outputs == classes[i])
      return true;
  }
  return false;
}

/* How many outputs the weights of a Conv, Gemm or MatMul have; 0 when that is not known. */
static int64_t
count_outputs(const DcOnnxValues *values, const DcOnnxNode *node)
{
  const DcOnnxEntry *weight =
      node->input_count > 1 ? dc_onnx_values_find(values, node->inputs[1]) : NULL;
  if (!weight || !weight->constant || weight->constant->rank < 2)
    return 0;
  const DcOnnxAttribute *transposed = dc_onnx_attribute(node, "transB");
  const bool first = !strcmp(node->op, "Conv") ||
                     (transposed && transposed->kind == DC_ONNX_INT && transposed->whole[0]);
  return weight->constant->shape[first ? 0 : 1];
}

/* What goes into the last weights, if those behind them are a classifier's scores; else NULL. */
static const char *
before_classifier(const DcOnnxGraph *graph, const DcOnnxValues *values, const char *output)
{
  bool scores = sounds_like_scores(output);
  const char *name = output;
  for (;;) {
    const DcOnnxEntry *entry = dc_onnx_values_find(values, name);
    if (!entry || entry->maker == DC_ONNX_NO_NODE)
      return NULL;
    const DcOnnxNode *node = &graph->nodes[entry->maker];
    if (node->input_count == 0)
      return NULL;
    if (!strcmp(node->op, "Conv") || !strcmp(node->op, "Gemm") || !strcmp(node->op, "MatMul"))
      return scores || is_number_of_classes(count_outputs(values, node)) ? node->inputs[0] : NULL;
    if (!passes_scores_on(node->op))
      return NULL;
    scores = scores || strstr(node->op, "Softmax");
    name = node->inputs[0];
  }
}

const char *
dc_onnx_choose_output(const DcOnnxGraph *graph, const DcOnnxValues *values, const char **reason)
{
  for (size_t i = 0; i < graph->output_count; i++) {
    if (sounds_like_embedding(graph->outputs[i].name)) {
      *reason = "an output with the name of an embedding";
      return graph->outputs[i].name;
    }
  }
  if (graph->output_count == 0)
    return NULL;
  const char *output = graph->outputs[0].name;
  const char *before = before_classifier(graph, values, output);
  *reason = before ? "what goes into the last weights, since the output is a classifier's scores"
            : graph->output_count > 1 ? "the first output"
                                      : "the output";
  return before ? before : output;
}
