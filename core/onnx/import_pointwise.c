/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Activations and arithmetic, number by number. */
#include "onnx/constants.h"
#include "onnx/importer.h"
#include "onnx/operands.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* --- activations without numbers of their own --- */

static const struct {
  const char *op;
  DcActivation activation;
} plain[] = {
    {"Relu", DC_ACTIVATION_RELU},
    {"Sigmoid", DC_ACTIVATION_SIGMOID},
    {"Tanh", DC_ACTIVATION_TANH},
    {"HardSwish", DC_ACTIVATION_HARD_SWISH},
};

static DcStatus
import_plain(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  DcLayer layer = {0};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    if (!strcmp(plain[i].op, node->op))
      layer.activation = plain[i].activation;
  }
  return status ? status : dc_onnx_activate(importer, node, input, &layer);
}

static DcStatus
import_gelu(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxAttribute *way = dc_onnx_attribute(node, "approximate");
  const bool by_tanh = way && way->kind == DC_ONNX_TEXT && !strcmp(way->text, "tanh");
  const DcLayer layer = {.activation = by_tanh ? DC_ACTIVATION_GELU_TANH : DC_ACTIVATION_GELU};
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  return status ? status : dc_onnx_activate(importer, node, input, &layer);
}

/* --- activations with numbers --- */

static DcStatus
import_leaky_relu(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  DcLayer layer = {.activation = DC_ACTIVATION_LEAKY_RELU};
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_operands_float(node, "alpha", 0.01f, importer->where, &layer.slope,
                                    importer->error);
  return status ? status : dc_onnx_activate(importer, node, input, &layer);
}

static DcStatus
import_hard_sigmoid(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  DcLayer layer = {.activation = DC_ACTIVATION_HARD_SIGMOID};
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status =
        dc_onnx_operands_float(node, "alpha", 0.2f, importer->where, &layer.slope, importer->error);
  if (!status)
    status =
        dc_onnx_operands_float(node, "beta", 0.5f, importer->where, &layer.shift, importer->error);
  return status ? status : dc_onnx_activate(importer, node, input, &layer);
}

static DcStatus
clip(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *input, float low, float high)
{
  if (!(low <= high))
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its least %g is above its most %g",
                          (double)low, (double)high);
  low = fmaxf(low, -FLT_MAX); /* an infinite bound is none */
  high = fminf(high, FLT_MAX);
  DcLayer layer = {.activation = DC_ACTIVATION_CLIP, .low = low, .high = high};
  if (low == 0 && high == FLT_MAX)
    layer = (DcLayer){.activation = DC_ACTIVATION_RELU};
  return dc_onnx_activate(importer, node, input, &layer);
}

/* One number of an input, or what `value` has already where the input is left out. */
static DcStatus
read_bound(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, const char *what,
           float *value)
{
  const DcOnnxTensor *bound;
  DcStatus status = dc_onnx_constant(importer, node, index, false, what, &bound);
  if (!status && bound && bound->count != 1)
    status = dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its %s must be one number", what);
  if (!status && bound)
    *value = (float)dc_onnx_number(bound, 0);
  return status;
}

static DcStatus
import_clip(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  float low, high;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_operands_float(node, "min", -FLT_MAX, importer->where, &low, importer->error);
  if (!status)
    status = dc_onnx_operands_float(node, "max", FLT_MAX, importer->where, &high, importer->error);
  if (!status)
    status = read_bound(importer, node, 1, "min", &low);
  if (!status)
    status = read_bound(importer, node, 2, "max", &high);
  return status ? status : clip(importer, node, input, low, high);
}

static DcStatus
import_prelu(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *slope;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "slope", &slope);
  if (status)
    return status;
  if (slope->count == 1 && slope->floats) {
    const DcLayer leaky = {.activation = DC_ACTIVATION_LEAKY_RELU, .slope = slope->floats[0]};
    return dc_onnx_activate(importer, node, input, &leaky);
  }
  if (input->view.rank == 3 && slope->rank != 1)
    status = dc_onnx_take_map(importer, input);
  else
    status = dc_onnx_take_rows(importer, input);
  const float *slopes;
  size_t number;
  if (!status)
    status =
        dc_onnx_constant_floats(importer, slope, "slope",
                                (size_t)dc_network_value(importer->network, input->number).channels,
                                &slopes);
  if (!status)
    status = dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_PRELU}, input->number, input->number,
                         &number);
  if (status)
    return status;
  DcLayer *layer = dc_onnx_last_layer(importer);
  memcpy(layer->weight, slopes, layer->weight_size * sizeof *slopes);
  dc_onnx_bind(importer, node, 0, number, input->view);
  return DC_OK;
}

/* --- arithmetic --- */

static DcStatus
import_negation(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  static const float minus_one = -1;
  const DcOnnxTensor scale = {.name = "", .count = 1, .floats = &minus_one};
  DcOnnxEntry *input;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  return status ? status : dc_onnx_scale_and_shift(importer, node, input, &scale, NULL);
}

/* A constant of floats with each number changed: times -1, or 1 divided by it. */
static DcStatus
change_numbers(DcOnnxImporter *importer, const DcOnnxTensor *from, bool invert,
               const DcOnnxTensor **to)
{
  DcOnnxTensor *changed = dc_arena_chain_take(&importer->constants.chain, 1, sizeof *changed);
  float *numbers = dc_onnx_constants_take(&importer->constants, from->count, sizeof *numbers);
  if (!changed || !numbers)
    return dc_onnx_refuse(importer, DC_ERROR_MEMORY, "no memory for its constant");
  *changed = *from;
  changed->floats = numbers;
  changed->whole = NULL;
  for (size_t i = 0; i < from->count; i++)
    numbers[i] = (float)(invert ? 1 / dc_onnx_number(from, i) : -dc_onnx_number(from, i));
  *to = changed;
  return DC_OK;
}

static DcStatus
with_constant(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *input,
              const DcOnnxTensor *constant, bool constant_first)
{
  static const float minus_one = -1;
  const DcOnnxTensor negative = {.name = "", .count = 1, .floats = &minus_one};
  const DcOnnxTensor *changed = constant;
  DcStatus status = DC_OK;
  switch (node->op[0]) {
  case 'A': /* Add */
    return dc_onnx_scale_and_shift(importer, node, input, NULL, constant);
  case 'M': /* Mul */
    return dc_onnx_scale_and_shift(importer, node, input, constant, NULL);
  case 'S': /* Sub */
    if (constant_first)
      return dc_onnx_scale_and_shift(importer, node, input, &negative, constant);
    status = change_numbers(importer, constant, false, &changed);
    return status ? status : dc_onnx_scale_and_shift(importer, node, input, NULL, changed);
  default: /* Div */
    if (constant_first)
      return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "a constant divided by what depends on the picture is not read");
    status = change_numbers(importer, constant, true, &changed);
    return status ? status : dc_onnx_scale_and_shift(importer, node, input, changed, NULL);
  }
}

static bool
have_one_shape(const DcOnnxView *a, const DcOnnxView *b)
{
  bool same = a->rank == b->rank;
  for (size_t i = 0; i < a->rank && same; i++)
    same = a->size[i] == b->size[i];
  return same;
}

/* True when `small` has one number for each channel of `large`, the axis `channel`. */
static bool
is_per_channel(const DcOnnxView *large, const DcOnnxView *small, size_t channel)
{
  bool fits = large->rank == small->rank;
  for (size_t i = 0; i < large->rank && fits; i++)
    fits = small->size[i] == (i == channel ? large->size[i] : 1);
  return fits;
}

/* Two inputs whose numbers meet. The entries of the graph keep the shape that others see. */
typedef struct {
  DcOnnxEntry large, small;
  bool swapped; /* the first input of the node is the small one */
} Pair;

/* Repeats the numbers along each axis of length 1 that is longer in `other`. */
static void
widen(DcOnnxView *view, const DcOnnxView *other)
{
  for (size_t i = 0; i < view->rank; i++) {
    if (view->size[i] != 1 || other->size[i] == 1)
      continue;
    view->size[i] = other->size[i];
    view->stride[i] = 0;
  }
}

/* Gives both the shape that ONNX gives the result. A number for each channel, which the layers can
 * repeat themselves, stays as it is. */
static DcStatus
widen_both(DcOnnxImporter *importer, Pair *pair, bool *rows)
{
  DcOnnxView *a = &pair->large.view, *b = &pair->small.view;
  *rows = a->rank != 3;
  if (have_one_shape(a, b) || is_per_channel(a, b, *rows ? a->rank - 1 : 0))
    return DC_OK;
  if (a->rank == 3 && is_per_channel(a, b, 2)) {
    *rows = true;
    return DC_OK;
  }
  if (a->rank != b->rank)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "its inputs have %zu and %zu axes; they must have as many", a->rank + 1,
                          b->rank + 1);
  widen(a, b);
  widen(b, a);
  if (!have_one_shape(a, b))
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                          "its inputs differ in an axis that is of length 1 in neither");
  return DC_OK;
}

static DcStatus
bring_together(DcOnnxImporter *importer, Pair *pair)
{
  if (dc_onnx_view_count(&pair->large.view) < dc_onnx_view_count(&pair->small.view)) {
    const DcOnnxEntry entry = pair->large;
    pair->large = pair->small;
    pair->small = entry;
    pair->swapped = true;
  }
  bool rows = false;
  DcStatus status = widen_both(importer, pair, &rows);
  if (!status)
    status =
        rows ? dc_onnx_take_rows(importer, &pair->large) : dc_onnx_take_map(importer, &pair->large);
  if (!status)
    status =
        rows ? dc_onnx_take_rows(importer, &pair->small) : dc_onnx_take_map(importer, &pair->small);
  return status;
}

/* The layers take two different values: a square is a product with a copy. */
static DcStatus
square(DcOnnxImporter *importer, const DcOnnxNode *node, const DcOnnxEntry *input)
{
  DcOnnxEntry whole = *input;
  size_t copy, number;
  DcStatus status = dc_onnx_take_whole(importer, &whole);
  if (status)
    return status;
  const DcLayer same = {.kind = DC_LAYER_RESHAPE,
                        .output = dc_network_value(importer->network, whole.number)};
  status = dc_onnx_add(importer, same, whole.number, whole.number, &copy);
  if (!status)
    status =
        dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_MULTIPLY}, whole.number, copy, &number);
  if (!status)
    dc_onnx_bind(importer, node, 0, number, whole.view);
  return status;
}

static DcStatus
of_itself(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *input)
{
  static const float two = 2;
  const DcOnnxTensor scale = {.name = "", .count = 1, .floats = &two};
  if (!strcmp(node->op, "Mul"))
    return square(importer, node, input);
  if (strcmp(node->op, "Add") != 0)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "a difference or ratio of a value and itself is not read");
  return dc_onnx_scale_and_shift(importer, node, input, &scale, NULL);
}

static DcStatus
import_power(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  float power = 0;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = read_bound(importer, node, 1, "exponent", &power);
  if (!status && power != 2)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "a power of %g is not read, only the square", (double)power);
  return status ? status : square(importer, node, input);
}

static DcStatus
negate(DcOnnxImporter *importer, DcOnnxEntry *entry)
{
  DcStatus status = dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_AFFINE}, entry->number,
                                entry->number, &entry->number);
  DcLayer *layer = status ? NULL : dc_onnx_last_layer(importer);
  for (size_t i = 0; layer && i < layer->weight_size; i++)
    layer->weight[i] = -1;
  return status;
}

static DcStatus
of_two(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *first, DcOnnxEntry *second)
{
  if (first == second)
    return of_itself(importer, node, first);
  if (!strcmp(node->op, "Div"))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "a division by what depends on the picture is not read");
  Pair pair = {.large = *first, .small = *second};
  DcStatus status = bring_together(importer, &pair);
  if (!status && pair.large.number == pair.small.number)
    return of_itself(importer, node, first);
  if (!status && !strcmp(node->op, "Sub"))
    status = negate(importer, pair.swapped ? &pair.large : &pair.small);
  size_t number;
  if (!status)
    status =
        dc_onnx_add(importer,
                    (DcLayer){.kind = strcmp(node->op, "Mul") ? DC_LAYER_ADD : DC_LAYER_MULTIPLY},
                    pair.large.number, pair.small.number, &number);
  if (!status)
    dc_onnx_bind(importer, node, 0, number, pair.large.view);
  return status;
}

static DcStatus
import_arithmetic(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *first, *second;
  if (node->input_count != 2)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "it must have two inputs");
  const DcOnnxEntry *a = dc_onnx_values_find(&importer->values, node->inputs[0]);
  const DcOnnxEntry *b = dc_onnx_values_find(&importer->values, node->inputs[1]);
  const bool constant_first = a && a->constant, constant_second = b && b->constant;
  DcStatus status = constant_first ? DC_OK : dc_onnx_flow(importer, node, 0, &first);
  if (!status && !constant_second)
    status = dc_onnx_flow(importer, node, 1, &second);
  if (status)
    return status;
  if (constant_first && constant_second)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "its constants cannot be computed");
  if (constant_first)
    return with_constant(importer, node, second, a->constant, true);
  if (constant_second)
    return with_constant(importer, node, first, b->constant, false);
  return of_two(importer, node, first, second);
}

static DcStatus
import_bound(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  if (node->input_count != 2)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it must have two inputs");
  const DcOnnxEntry *a = dc_onnx_values_find(&importer->values, node->inputs[0]);
  const size_t bound = a && a->constant ? 0 : 1;
  const bool is_max = !strcmp(node->op, "Max");
  float low = -FLT_MAX, high = FLT_MAX;
  DcOnnxEntry *input;
  DcStatus status = dc_onnx_flow(importer, node, 1 - bound, &input);
  if (!status)
    status = read_bound(importer, node, bound, "bound", is_max ? &low : &high);
  return status ? status : clip(importer, node, input, low, high);
}

static const struct {
  const char *op;
  DcOnnxOperator import;
} operators[] = {
    {"Relu", import_plain},
    {"Sigmoid", import_plain},
    {"Tanh", import_plain},
    {"HardSwish", import_plain},
    {"Gelu", import_gelu},
    {"LeakyRelu", import_leaky_relu},
    {"HardSigmoid", import_hard_sigmoid},
    {"Clip", import_clip},
    {"PRelu", import_prelu},
    {"Neg", import_negation},
    {"Pow", import_power},
    {"Add", import_arithmetic},
    {"Sub", import_arithmetic},
    {"Mul", import_arithmetic},
    {"Div", import_arithmetic},
    {"Max", import_bound},
    {"Min", import_bound},
};

DcOnnxOperator
dc_onnx_find_pointwise(const char *op)
{
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    if (!strcmp(operators[i].op, op))
      return operators[i].import;
  }
  return NULL;
}
