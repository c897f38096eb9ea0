/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exporters spell GELU, SiLU and others out in many ways. Instead of listing these, the nodes
 * between a value x and a node are computed at some points: when they give what a known function of
 * x gives, they are that function. */
#include "onnx/recognise.h"

#include "onnx/constants.h"

#include <math.h>
#include <string.h>

typedef struct {
  const DcOnnxGraph *graph;
  const DcOnnxValues *values;
} Scene;

static const DcOnnxNode *
maker_of(const Scene *scene, const char *name)
{
  const DcOnnxEntry *entry = dc_onnx_values_find(scene->values, name);
  return entry && entry->maker != DC_ONNX_NO_NODE ? &scene->graph->nodes[entry->maker] : NULL;
}

static bool
is_op(const DcOnnxNode *node, const char *op, size_t inputs)
{
  return node && !*node->domain && !strcmp(node->op, op) && node->input_count >= inputs;
}

/* True for a constant that is one number. */
static bool
find_number(const Scene *scene, const char *name, double *number)
{
  const DcOnnxEntry *entry = dc_onnx_values_find(scene->values, name);
  if (!entry || !entry->constant || entry->constant->count != 1)
    return false;
  *number = dc_onnx_number(entry->constant, 0);
  return true;
}

/* --- functions of one number --- */

/* More nodes are in no spelling that is known; it also bounds the work on a hostile graph. */
#define MOST_STEPS 48

/* The value at `x` of the expression that the nodes spell. */
typedef struct {
  const Scene *scene;
  const char *variable;
  double x;
  int steps;
  bool closed; /* false: it depends on something else, or on what is not known here */
} Expression;

static double evaluate(Expression *expression, const char *name);

static double
fail(Expression *expression)
{
  expression->closed = false;
  return 0;
}

static double
evaluate_clip(Expression *expression, const DcOnnxNode *node)
{
  double low = -INFINITY, high = INFINITY;
  const DcOnnxAttribute *least = dc_onnx_attribute(node, "min");
  const DcOnnxAttribute *most = dc_onnx_attribute(node, "max");
  if (least && least->kind == DC_ONNX_FLOAT)
    low = least->floats[0];
  if (most && most->kind == DC_ONNX_FLOAT)
    high = most->floats[0];
  if (node->input_count > 1 && *node->inputs[1])
    low = evaluate(expression, node->inputs[1]);
  if (node->input_count > 2 && *node->inputs[2])
    high = evaluate(expression, node->inputs[2]);
  return fmin(fmax(evaluate(expression, node->inputs[0]), low), high);
}

static double
evaluate_hard_sigmoid(Expression *expression, const DcOnnxNode *node)
{
  const DcOnnxAttribute *alpha = dc_onnx_attribute(node, "alpha");
  const DcOnnxAttribute *beta = dc_onnx_attribute(node, "beta");
  const double slope = alpha && alpha->kind == DC_ONNX_FLOAT ? alpha->floats[0] : 0.2;
  const double shift = beta && beta->kind == DC_ONNX_FLOAT ? beta->floats[0] : 0.5;
  return fmin(fmax(slope * evaluate(expression, node->inputs[0]) + shift, 0), 1);
}

static double
evaluate_of_one(Expression *expression, const DcOnnxNode *node)
{
  const double x = evaluate(expression, node->inputs[0]);
  if (!strcmp(node->op, "Erf"))
    return erf(x);
  if (!strcmp(node->op, "Tanh"))
    return tanh(x);
  if (!strcmp(node->op, "Sigmoid"))
    return 1 / (1 + exp(-x));
  if (!strcmp(node->op, "Relu"))
    return fmax(x, 0);
  if (!strcmp(node->op, "Neg"))
    return -x;
  return fail(expression);
}

static double
evaluate_of_two(Expression *expression, const DcOnnxNode *node)
{
  const double a = evaluate(expression, node->inputs[0]);
  const double b = evaluate(expression, node->inputs[1]);
  if (!strcmp(node->op, "Add"))
    return a + b;
  if (!strcmp(node->op, "Sub"))
    return a - b;
  if (!strcmp(node->op, "Mul"))
    return a * b;
  if (!strcmp(node->op, "Div"))
    return a / b;
  if (!strcmp(node->op, "Pow"))
    return pow(a, b);
  return fail(expression);
}

static double
evaluate_node(Expression *expression, const DcOnnxNode *node)
{
  if (*node->domain || node->input_count == 0)
    return fail(expression);
  if (!strcmp(node->op, "Clip"))
    return evaluate_clip(expression, node);
  if (!strcmp(node->op, "HardSigmoid"))
    return evaluate_hard_sigmoid(expression, node);
  return node->input_count == 1 ? evaluate_of_one(expression, node)
                                : evaluate_of_two(expression, node);
}

static double
evaluate(Expression *expression, const char *name)
{
  double number;
  if (!expression->closed || ++expression->steps > MOST_STEPS)
    return fail(expression);
  if (!strcmp(name, expression->variable))
    return expression->x;
  if (find_number(expression->scene, name, &number))
    return number;
  const DcOnnxNode *node = maker_of(expression->scene, name);
  return node ? evaluate_node(expression, node) : fail(expression);
}

static double
gelu(double x)
{
  return x / 2 * (1 + erf(x / sqrt(2)));
}

static double
gelu_tanh(double x)
{
  return x / 2 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); /* sqrt(2 / pi) */
}

static double
silu(double x)
{
  return x / (1 + exp(-x));
}

static double
hard_swish(double x)
{
  return x * fmin(fmax(x / 6 + 0.5, 0), 1);
}

static const struct {
  DcActivation activation;
  double (*at)(double x);
} known[] = {
    {DC_ACTIVATION_GELU, gelu},
    {DC_ACTIVATION_GELU_TANH, gelu_tanh},
    {DC_ACTIVATION_SILU, silu},
    {DC_ACTIVATION_HARD_SWISH, hard_swish},
};

/* Somewhere among the points any two of the known functions differ by more than five times the
 * tolerance (the two forms of GELU by 4e-4 at most). The tolerance allows for constants that a
 * spelling gives with four digits, as in 0.7071. */
static const double points[] = {-4.5, -2.9, -2.2, -1.3, -0.6, 0.4, 1.1, 1.9, 2.8, 3.7, 5.2};
#define TOLERANCE 5e-5

static bool
spells(const Scene *scene, const char *name, const char *variable, double (*at)(double x))
{
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    Expression expression = {.scene = scene, .variable = variable, .x = points[i], .closed = true};
    const double value = evaluate(&expression, name);
    if (!expression.closed || !(fabs(value - at(points[i])) <= TOLERANCE))
      return false;
  }
  return true;
}

/* The values before `name` that it may be a function of. */
typedef struct {
  const char *names[16];
  size_t count;
} Candidates;

static void
collect(const Scene *scene, const char *name, int depth, Candidates *candidates)
{
  const DcOnnxNode *node = depth > 0 ? maker_of(scene, name) : NULL;
  for (size_t i = 0; node && i < node->input_count && i < 3; i++) {
    double number;
    const char *input = node->inputs[i];
    if (!*input || find_number(scene, input, &number))
      continue;
    bool listed = candidates->count == sizeof candidates->names / sizeof *candidates->names;
    for (size_t j = 0; j < candidates->count && !listed; j++)
      listed = !strcmp(candidates->names[j], input);
    if (listed)
      continue;
    candidates->names[candidates->count++] = input;
    collect(scene, input, depth - 1, candidates);
  }
}

static DcOnnxMeaning
recognise_activation(const Scene *scene, const char *name)
{
  enum { DEEPEST = 8 };
  Candidates candidates = {.count = 0};
  collect(scene, name, DEEPEST, &candidates);
  for (size_t i = 0; i < candidates.count; i++) {
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
      if (spells(scene, name, candidates.names[i], known[k].at))
        return (DcOnnxMeaning){.kind = DC_ONNX_ACTIVATION,
                               .input = candidates.names[i],
                               .activation = known[k].activation};
    }
  }
  return (DcOnnxMeaning){.kind = DC_ONNX_AS_IT_IS};
}

/* --- norms --- */

/* "op" over one axis that stays with length 1; `*axis` receives it. */
static bool
is_reduction(const Scene *scene, const DcOnnxNode *node, const char *op, int64_t *axis)
{
  if (!is_op(node, op, 1))
    return false;
  const DcOnnxAttribute *keep = dc_onnx_attribute(node, "keepdims");
  if (keep && (keep->kind != DC_ONNX_INT || !keep->whole[0]))
    return false;
  const DcOnnxAttribute *axes = dc_onnx_attribute(node, "axes");
  const DcOnnxEntry *list =
      node->input_count > 1 ? dc_onnx_values_find(scene->values, node->inputs[1]) : NULL;
  if (axes && axes->kind == DC_ONNX_INTS && axes->count == 1)
    *axis = axes->whole[0];
  else if (list && list->constant && list->constant->whole && list->constant->count == 1)
    *axis = list->constant->whole[0];
  else
    return false;
  return true;
}

static bool
is_square_of(const Scene *scene, const char *name, const char *of)
{
  const DcOnnxNode *node = maker_of(scene, name);
  double power;
  if (is_op(node, "Pow", 2))
    return !strcmp(node->inputs[0], of) && find_number(scene, node->inputs[1], &power) &&
           power == 2;
  return is_op(node, "Mul", 2) && !strcmp(node->inputs[0], of) && !strcmp(node->inputs[1], of);
}

/* The input of the node that makes `name`, if that is "op" with a number as its other input. */
static const char *
beside_number(const Scene *scene, const char *name, const char *op, double *number)
{
  const DcOnnxNode *node = maker_of(scene, name);
  if (!is_op(node, op, 2))
    return NULL;
  if (find_number(scene, node->inputs[1], number))
    return node->inputs[0];
  return find_number(scene, node->inputs[0], number) ? node->inputs[1] : NULL;
}

/* (x - mean) / sqrt(mean of (x - mean)^2 + epsilon) */
static bool
recognise_layer_norm(const Scene *scene, const DcOnnxNode *division, DcOnnxMeaning *meaning)
{
  const DcOnnxNode *difference = maker_of(scene, division->inputs[0]);
  const DcOnnxNode *root = maker_of(scene, division->inputs[1]);
  if (!is_op(difference, "Sub", 2) || !is_op(root, "Sqrt", 1))
    return false;
  double epsilon;
  const char *variance = beside_number(scene, root->inputs[0], "Add", &epsilon);
  const DcOnnxNode *mean_square = variance ? maker_of(scene, variance) : NULL;
  const DcOnnxNode *mean = maker_of(scene, difference->inputs[1]);
  int64_t axis, mean_axis;
  if (!is_reduction(scene, mean_square, "ReduceMean", &axis) ||
      !is_reduction(scene, mean, "ReduceMean", &mean_axis) || axis != mean_axis ||
      strcmp(mean->inputs[0], difference->inputs[0]) != 0 ||
      !is_square_of(scene, mean_square->inputs[0], division->inputs[0]))
    return false;
  *meaning = (DcOnnxMeaning){.kind = DC_ONNX_LAYER_NORM,
                             .input = difference->inputs[0],
                             .axis = axis,
                             .epsilon = (float)epsilon};
  return true;
}

/* Behind what keeps a length from being zero and makes it as long as what it divides. */
static const char *
behind_guards(const Scene *scene, const char *name)
{
  double number;
  const DcOnnxNode *node = maker_of(scene, name);
  if (is_op(node, "Expand", 2)) {
    name = node->inputs[0];
    node = maker_of(scene, name);
  }
  if (is_op(node, "Clip", 1))
    return node->inputs[0];
  const char *guarded = beside_number(scene, name, "Max", &number);
  if (!guarded)
    guarded = beside_number(scene, name, "Add", &number);
  return guarded ? guarded : name;
}

/* x / |x| */
static bool
recognise_unit_length(const Scene *scene, const DcOnnxNode *division, DcOnnxMeaning *meaning)
{
  const char *x = division->inputs[0];
  const DcOnnxNode *length = maker_of(scene, behind_guards(scene, division->inputs[1]));
  int64_t axis;
  bool found = is_reduction(scene, length, "ReduceL2", &axis) && !strcmp(length->inputs[0], x);
  if (!found && is_op(length, "Sqrt", 1)) {
    const DcOnnxNode *sum = maker_of(scene, behind_guards(scene, length->inputs[0]));
    found = is_reduction(scene, sum, "ReduceSum", &axis) && is_square_of(scene, sum->inputs[0], x);
  }
  if (found)
    *meaning = (DcOnnxMeaning){.kind = DC_ONNX_UNIT_LENGTH, .input = x, .axis = axis};
  return found;
}

DcOnnxMeaning
dc_onnx_recognise(const DcOnnxGraph *graph, const DcOnnxValues *values, size_t index)
{
  const Scene scene = {graph, values};
  const DcOnnxNode *node = &graph->nodes[index];
  DcOnnxMeaning meaning = {.kind = DC_ONNX_AS_IT_IS};
  const bool divides = is_op(node, "Div", 2);
  if (divides && (recognise_layer_norm(&scene, node, &meaning) ||
                  recognise_unit_length(&scene, node, &meaning)))
    return meaning;
  return (divides || is_op(node, "Mul", 2)) && node->output_count > 0
             ? recognise_activation(&scene, node->outputs[0])
             : meaning;
}
