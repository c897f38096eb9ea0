/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/constants.h"

#include "onnx/operands.h"
#include "onnx/view.h"

#include <math.h>
#include <string.h>

/* One node at work. */
typedef struct {
  const DcOnnxNode *node;
  const DcOnnxTensor *const *inputs;
  const char *where;
  DcOnnxConstants *constants;
  const DcOnnxTensor **result;
  DcError *error;
} Job;

static DcStatus
refuse(const Job *job, DcStatus status, const char *what)
{
  return dc_error_set(job->error, status, "%s: %s", job->where, what);
}

static const DcOnnxTensor *
input(const Job *job, size_t index)
{
  return index < job->node->input_count ? job->inputs[index] : NULL;
}

/* --- making tensors --- */

/* A tensor to be filled: `*numbers` are its floats or, with `is_float` false, its whole numbers. */
static DcOnnxTensor *
make(const Job *job, bool is_float, size_t rank, const int64_t *shape, void **numbers)
{
  int64_t count = 1;
  for (size_t i = 0; i < rank; i++) {
    if (shape[i] < 0 || (shape[i] > 0 && count > DC_ONNX_MOST_CONSTANTS / shape[i])) {
      refuse(job, DC_ERROR_UNSUPPORTED, "a constant of more than 2^27 numbers would come of it");
      return NULL;
    }
    count *= shape[i];
  }
  if (count > job->constants->left) {
    refuse(job, DC_ERROR_UNSUPPORTED, "the constants have more than 2^27 numbers in all");
    return NULL;
  }
  DcOnnxTensor *tensor = dc_arena_chain_take(&job->constants->chain, 1, sizeof *tensor);
  *numbers = dc_onnx_constants_take(job->constants, (size_t)count,
                                    is_float ? sizeof(float) : sizeof(int64_t));
  if (!tensor || !*numbers) {
    refuse(job, DC_ERROR_MEMORY, "no memory for a constant");
    return NULL;
  }
  *tensor = (DcOnnxTensor){.name = "", .rank = rank, .count = (size_t)count};
  memcpy(tensor->shape, shape, rank * sizeof *shape);
  if (is_float)
    tensor->floats = *numbers;
  else
    tensor->whole = *numbers;
  return tensor;
}

static DcStatus
finish(const Job *job, const DcOnnxTensor *tensor)
{
  *job->result = tensor;
  return tensor ? DC_OK : job->error->status;
}

/* The same numbers in another shape. */
static DcStatus
reshape(const Job *job, const DcOnnxTensor *tensor, size_t rank, const int64_t *shape)
{
  DcOnnxTensor *reshaped = dc_arena_chain_take(&job->constants->chain, 1, sizeof *reshaped);
  if (!reshaped)
    return refuse(job, DC_ERROR_MEMORY, "no memory for a constant");
  *reshaped = *tensor;
  reshaped->rank = rank;
  if (rank)
    memcpy(reshaped->shape, shape, rank * sizeof *shape);
  return finish(job, reshaped);
}

/* Where the numbers of a tensor lie that are seen through `view`, in the view's order. */
typedef struct {
  const DcOnnxView *view;
  int64_t digit[DC_ONNX_MOST_AXES];
  int64_t place;
} Walk;

static void
walk_on(Walk *walk)
{
  for (size_t axis = walk->view->rank; axis-- > 0;) {
    walk->place += walk->view->stride[axis];
    if (++walk->digit[axis] < walk->view->size[axis])
      return;
    walk->place -= walk->digit[axis] * walk->view->stride[axis];
    walk->digit[axis] = 0;
  }
}

static DcStatus
copy_view(const Job *job, const DcOnnxTensor *tensor, const DcOnnxView *view)
{
  void *numbers;
  DcOnnxTensor *copy = make(job, tensor->floats, view->rank, view->size, &numbers);
  Walk walk = {.view = view, .place = view->offset};
  for (size_t i = 0; copy && i < copy->count; i++, walk_on(&walk)) {
    if (tensor->floats)
      ((float *)numbers)[i] = tensor->floats[walk.place];
    else
      ((int64_t *)numbers)[i] = tensor->whole[walk.place];
  }
  return finish(job, copy);
}

/* --- where numbers come from --- */

static DcStatus
run_constant(const Job *job)
{
  if (job->node->attribute_count != 1)
    return refuse(job, DC_ERROR_FORMAT, "it must have one attribute, its value");
  const DcOnnxAttribute *value = job->node->attributes;
  if (value->kind == DC_ONNX_TENSOR)
    return finish(job, value->tensor);
  const bool is_float = value->kind == DC_ONNX_FLOAT || value->kind == DC_ONNX_FLOATS;
  const bool is_scalar = value->kind == DC_ONNX_FLOAT || value->kind == DC_ONNX_INT;
  if (!is_float && value->kind != DC_ONNX_INT && value->kind != DC_ONNX_INTS)
    return refuse(job, DC_ERROR_UNSUPPORTED, "only numbers are read as its value");
  const int64_t count = is_scalar ? 1 : (int64_t)value->count;
  void *numbers;
  DcOnnxTensor *tensor = make(job, is_float, is_scalar ? 0 : 1, &count, &numbers);
  if (tensor && is_float)
    memcpy(numbers, value->floats, (size_t)count * sizeof(float));
  else if (tensor)
    memcpy(numbers, value->whole, (size_t)count * sizeof(int64_t));
  return finish(job, tensor);
}

static DcStatus
run_constant_of_shape(const Job *job)
{
  const DcOnnxTensor *shape = input(job, 0);
  const DcOnnxAttribute *value = dc_onnx_attribute(job->node, "value");
  if (!shape || !shape->whole || shape->rank != 1 || shape->count > DC_ONNX_MOST_AXES)
    return refuse(job, DC_ERROR_FORMAT, "its input must be a list of at most 8 sizes");
  if (value && (value->kind != DC_ONNX_TENSOR || value->tensor->count != 1))
    return refuse(job, DC_ERROR_FORMAT, "its value must be one number");
  const bool is_float = !value || value->tensor->floats;
  void *numbers;
  DcOnnxTensor *tensor = make(job, is_float, shape->count, shape->whole, &numbers);
  for (size_t i = 0; tensor && i < tensor->count; i++) {
    if (is_float)
      ((float *)numbers)[i] = value ? value->tensor->floats[0] : 0;
    else
      ((int64_t *)numbers)[i] = value->tensor->whole[0];
  }
  return finish(job, tensor);
}

static DcStatus
run_range(const Job *job)
{
  const DcOnnxTensor *start = input(job, 0), *end = input(job, 1), *step = input(job, 2);
  if (!start || !end || !step || start->count != 1 || end->count != 1 || step->count != 1 ||
      dc_onnx_number(step, 0) == 0)
    return refuse(job, DC_ERROR_FORMAT, "it takes start, limit and a step that is not 0");
  const double length =
      ceil((dc_onnx_number(end, 0) - dc_onnx_number(start, 0)) / dc_onnx_number(step, 0));
  const int64_t count = length > 0 ? (int64_t)fmin(length, 1e15) : 0;
  void *numbers;
  DcOnnxTensor *tensor = make(job, start->floats, 1, &count, &numbers);
  for (int64_t i = 0; tensor && i < count; i++) {
    if (start->floats)
      ((float *)numbers)[i] = (float)(start->floats[0] + (double)i * dc_onnx_number(step, 0));
    else
      ((int64_t *)numbers)[i] =
          (int64_t)((double)start->whole[0] + (double)i * dc_onnx_number(step, 0));
  }
  return finish(job, tensor);
}

static DcStatus
run_identity(const Job *job)
{
  return finish(job, input(job, 0));
}

static DcStatus
run_cast(const Job *job)
{
  enum { FLOAT = 1, FLOAT16 = 10, DOUBLE = 11, BFLOAT16 = 16 }; /* TensorProto.DataType */
  const DcOnnxTensor *tensor = input(job, 0);
  const DcOnnxAttribute *to = dc_onnx_attribute(job->node, "to");
  if (!to || to->kind != DC_ONNX_INT)
    return refuse(job, DC_ERROR_FORMAT, "it must tell a type to cast to");
  const int64_t type = *to->whole;
  const bool is_float = type == FLOAT || type == FLOAT16 || type == DOUBLE || type == BFLOAT16;
  if (is_float == (tensor->floats != NULL))
    return finish(job, tensor);
  void *numbers;
  DcOnnxTensor *cast = make(job, is_float, tensor->rank, tensor->shape, &numbers);
  for (size_t i = 0; cast && i < cast->count; i++) {
    if (is_float)
      ((float *)numbers)[i] = (float)tensor->whole[i];
    else
      ((int64_t *)numbers)[i] = (int64_t)fmax(fmin(tensor->floats[i], 9e18), -9e18);
  }
  return finish(job, cast);
}

/* --- shape and place --- */

static DcStatus
run_reshape(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0), *wanted = input(job, 1);
  int64_t shape[DC_ONNX_MOST_AXES];
  size_t rank;
  DcStatus status =
      dc_onnx_operands_reshape(job->node, wanted, tensor->rank, tensor->shape,
                               (int64_t)tensor->count, job->where, shape, &rank, job->error);
  return status ? status : reshape(job, tensor, rank, shape);
}

static DcStatus
run_flatten(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0);
  int64_t axis, shape[2] = {1, 1};
  DcStatus status =
      dc_onnx_operands_axis(job->node, 1, tensor->rank + 1, job->where, &axis, job->error);
  for (size_t i = 0; i < tensor->rank && !status; i++)
    shape[(int64_t)i >= axis] *= tensor->shape[i];
  return status ? status : reshape(job, tensor, 2, shape);
}

static DcStatus
run_squeeze(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0);
  unsigned axes;
  DcStatus status =
      dc_onnx_operands_axes(job->node, input(job, 1), tensor->rank, job->where, &axes, job->error);
  int64_t shape[DC_ONNX_MOST_AXES];
  size_t rank = 0;
  for (size_t i = 0; i < tensor->rank; i++) {
    if (!(axes ? axes & 1u << i : tensor->shape[i] == 1))
      shape[rank++] = tensor->shape[i];
  }
  return status ? status : reshape(job, tensor, rank, shape);
}

static DcStatus
run_unsqueeze(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0);
  int64_t shape[DC_ONNX_MOST_AXES];
  size_t rank;
  DcStatus status = dc_onnx_operands_unsqueeze(job->node, input(job, 1), tensor->rank,
                                               tensor->shape, job->where, shape, &rank, job->error);
  return status ? status : reshape(job, tensor, rank, shape);
}

static DcStatus
run_transpose(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0);
  size_t order[DC_ONNX_MOST_AXES];
  DcStatus status = dc_onnx_operands_order(job->node, tensor->rank, job->where, order, job->error);
  if (status)
    return status;
  const DcOnnxView dense = dc_onnx_view_dense(tensor->rank, tensor->shape);
  const DcOnnxView view = dc_onnx_view_transpose(&dense, order);
  return copy_view(job, tensor, &view);
}

static DcStatus
run_slice(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0);
  DcOnnxView view = dc_onnx_view_dense(tensor->rank, tensor->shape);
  DcStatus status = dc_onnx_operands_slice(job->node, job->inputs, job->where, &view, job->error);
  return status ? status : copy_view(job, tensor, &view);
}

static DcStatus
run_expand(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0), *shape = input(job, 1);
  if (!shape || !shape->whole || shape->rank != 1 || shape->count > DC_ONNX_MOST_AXES)
    return refuse(job, DC_ERROR_FORMAT, "its second input must be a list of at most 8 sizes");
  const DcOnnxTensor wanted = {.rank = shape->count, .count = 0};
  DcOnnxTensor target = wanted;
  memcpy(target.shape, shape->whole, shape->count * sizeof *shape->whole);
  for (size_t i = 0; i < target.rank; i++) {
    if (target.shape[i] < 0)
      return refuse(job, DC_ERROR_FORMAT, "its sizes must not be negative");
  }
  DcOnnxView views[2];
  DcStatus status = dc_onnx_operands_broadcast(tensor, &target, job->where, views, job->error);
  return status ? status : copy_view(job, tensor, &views[0]);
}

static DcStatus
run_gather(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0), *indices = input(job, 1);
  int64_t axis;
  DcStatus status =
      dc_onnx_operands_axis(job->node, 0, tensor->rank, job->where, &axis, job->error);
  if (status)
    return status;
  if (!indices || !indices->whole || tensor->rank + indices->rank > DC_ONNX_MOST_AXES + 1)
    return refuse(job, DC_ERROR_FORMAT, "its second input must be whole numbers");
  int64_t shape[2 * DC_ONNX_MOST_AXES];
  size_t rank = 0;
  int64_t before = 1, after = 1;
  const int64_t along = tensor->shape[axis];
  for (size_t i = 0; i < (size_t)axis; i++, rank++)
    before *= shape[rank] = tensor->shape[i];
  for (size_t i = 0; i < indices->rank; i++, rank++)
    shape[rank] = indices->shape[i];
  for (size_t i = (size_t)axis + 1; i < tensor->rank; i++, rank++)
    after *= shape[rank] = tensor->shape[i];
  void *numbers;
  DcOnnxTensor *gathered = make(job, tensor->floats, rank, shape, &numbers);
  const size_t width = tensor->floats ? sizeof(float) : sizeof(int64_t);
  const char *from = tensor->floats ? (const char *)tensor->floats : (const char *)tensor->whole;
  char *to = numbers;
  for (int64_t b = 0; gathered && b < before; b++) {
    for (size_t i = 0; i < indices->count; i++) {
      const int64_t index = indices->whole[i] + (indices->whole[i] < 0 ? along : 0);
      if (index < 0 || index >= along)
        return refuse(job, DC_ERROR_FORMAT, "an index lies outside the axis");
      memcpy(to, from + (size_t)((b * along + index) * after) * width, (size_t)after * width);
      to += (size_t)after * width;
    }
  }
  return finish(job, gathered);
}

static bool
joins(const DcOnnxTensor *a, const DcOnnxTensor *b, int64_t axis)
{
  bool same = b && a->rank == b->rank && !a->floats == !b->floats;
  for (size_t i = 0; i < a->rank && same; i++)
    same = (int64_t)i == axis || a->shape[i] == b->shape[i];
  return same;
}

static DcStatus
run_concat(const Job *job)
{
  const DcOnnxTensor *first = input(job, 0);
  int64_t axis;
  DcStatus status = dc_onnx_operands_axis(job->node, 0, first->rank, job->where, &axis, job->error);
  if (status)
    return status;
  int64_t shape[DC_ONNX_MOST_AXES] = {0}, before = 1;
  memcpy(shape, first->shape, first->rank * sizeof *shape);
  shape[axis] = 0;
  for (size_t i = 0; i < (size_t)axis; i++)
    before *= first->shape[i];
  for (size_t i = 0; i < job->node->input_count; i++) {
    if (!joins(first, job->inputs[i], axis))
      return refuse(job, DC_ERROR_FORMAT, "its inputs differ in type or in another axis");
    shape[axis] += job->inputs[i]->shape[axis];
  }
  void *numbers;
  DcOnnxTensor *joined = make(job, first->floats, first->rank, shape, &numbers);
  const size_t width = first->floats ? sizeof(float) : sizeof(int64_t);
  char *to = numbers;
  for (int64_t b = 0; joined && b < before; b++) {
    for (size_t i = 0; i < job->node->input_count; i++) {
      const DcOnnxTensor *part = job->inputs[i];
      const size_t bytes = part->count / (size_t)before * width;
      const char *from = part->floats ? (const char *)part->floats : (const char *)part->whole;
      memcpy(to, from + (size_t)b * bytes, bytes);
      to += bytes;
    }
  }
  return finish(job, joined);
}

static DcStatus
run_reduce_prod(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0);
  const DcOnnxAttribute *keep = dc_onnx_attribute(job->node, "keepdims");
  if (tensor->rank > 1 || !tensor->whole)
    return refuse(job, DC_ERROR_UNSUPPORTED, "it is computed only of lists of whole numbers");
  const int64_t shape[] = {1};
  void *numbers;
  const bool keeps = !keep || keep->kind != DC_ONNX_INT || *keep->whole;
  DcOnnxTensor *product = make(job, false, keeps ? tensor->rank : 0, shape, &numbers);
  uint64_t value = 1; /* wraps around without harm: what it is used for is checked */
  for (size_t i = 0; i < tensor->count; i++)
    value *= (uint64_t)tensor->whole[i];
  if (product)
    *(int64_t *)numbers = (int64_t)value;
  return finish(job, product);
}

/* --- arithmetic --- */

static double
number_at(const DcOnnxTensor *tensor, int64_t place)
{
  return dc_onnx_number(tensor, (size_t)place);
}

static double
of_two(const char *op, double a, double b)
{
  switch (op[0]) {
  case 'A':
    return a + b; /* Add */
  case 'S':
    return a - b; /* Sub */
  case 'M':
    return op[1] == 'u' ? a * b : op[1] == 'a' ? fmax(a, b) : fmin(a, b); /* Mul Max Min */
  case 'D':
    return a / b; /* Div */
  case 'P':
    return pow(a, b); /* Pow */
  default:
    return a == b; /* Equal */
  }
}

/* As C divides, which is as ONNX does; arithmetic wraps around. */
static int64_t
of_two_whole(const char *op, int64_t a, int64_t b)
{
  const uint64_t x = (uint64_t)a, y = (uint64_t)b;
  switch (op[0]) {
  case 'A':
    return (int64_t)(x + y);
  case 'S':
    return (int64_t)(x - y);
  case 'D':
    return b == 0 || b == -1 ? (int64_t)(0 - x * (b == -1)) : a / b;
  case 'M':
    if (op[1] == 'u')
      return (int64_t)(x * y);
    return (op[1] == 'a') == (a > b) ? a : b;
  case 'P':
    return (int64_t)fmax(fmin(pow((double)a, (double)b), 9e18), -9e18);
  default:
    return a == b;
  }
}

static DcStatus
run_of_two(const Job *job)
{
  const DcOnnxTensor *a = input(job, 0), *b = input(job, 1);
  if (!a || !b || job->node->input_count != 2)
    return refuse(job, DC_ERROR_FORMAT, "it must have two inputs");
  DcOnnxView views[2];
  DcStatus status = dc_onnx_operands_broadcast(a, b, job->where, views, job->error);
  if (status)
    return status;
  const bool is_float = a->floats || b->floats, equal = job->node->op[0] == 'E';
  void *numbers;
  DcOnnxTensor *made = make(job, is_float && !equal, views[0].rank, views[0].size, &numbers);
  Walk left = {.view = &views[0]}, right = {.view = &views[1]};
  for (size_t i = 0; made && i < made->count; i++, walk_on(&left), walk_on(&right)) {
    const char *op = job->node->op;
    if (!is_float)
      ((int64_t *)numbers)[i] = of_two_whole(op, a->whole[left.place], b->whole[right.place]);
    else if (equal)
      ((int64_t *)numbers)[i] = number_at(a, left.place) == number_at(b, right.place);
    else
      ((float *)numbers)[i] =
          (float)of_two(op, number_at(a, left.place), number_at(b, right.place));
  }
  return finish(job, made);
}

static double
of_one(const char *op, double x)
{
  switch (op[0]) {
  case 'S':
    return sqrt(x); /* Sqrt */
  case 'N':
    return -x; /* Neg */
  case 'F':
    return floor(x); /* Floor */
  case 'C':
    return ceil(x); /* Ceil */
  case 'A':
    return fabs(x); /* Abs */
  case 'E':
    return exp(x); /* Exp */
  default:
    return 1 / x; /* Reciprocal */
  }
}

static DcStatus
run_of_one(const Job *job)
{
  const DcOnnxTensor *tensor = input(job, 0);
  void *numbers;
  DcOnnxTensor *made = make(job, tensor->floats, tensor->rank, tensor->shape, &numbers);
  for (size_t i = 0; made && i < made->count; i++) {
    if (tensor->floats)
      ((float *)numbers)[i] = (float)of_one(job->node->op, tensor->floats[i]);
    else
      ((int64_t *)numbers)[i] = (int64_t)of_one(job->node->op, (double)tensor->whole[i]);
  }
  return finish(job, made);
}

static DcStatus
run_where(const Job *job)
{
  const DcOnnxTensor *choice = input(job, 0), *yes = input(job, 1), *no = input(job, 2);
  if (!choice || !yes || !no || choice->count != yes->count || choice->count != no->count ||
      !choice->whole || !yes->floats != !no->floats)
    return refuse(job, DC_ERROR_UNSUPPORTED, "its three inputs must have one shape");
  void *numbers;
  DcOnnxTensor *made = make(job, yes->floats, choice->rank, choice->shape, &numbers);
  for (size_t i = 0; made && i < made->count; i++) {
    const DcOnnxTensor *from = choice->whole[i] ? yes : no;
    if (yes->floats)
      ((float *)numbers)[i] = from->floats[i];
    else
      ((int64_t *)numbers)[i] = from->whole[i];
  }
  return finish(job, made);
}

static const struct {
  const char *op;
  DcStatus (*run)(const Job *job);
} operators[] = {
    {"Constant", run_constant},   {"ConstantOfShape", run_constant_of_shape},
    {"Range", run_range},         {"Identity", run_identity},
    {"Dropout", run_identity},    {"Cast", run_cast},
    {"Reshape", run_reshape},     {"Flatten", run_flatten},
    {"Squeeze", run_squeeze},     {"Unsqueeze", run_unsqueeze},
    {"Transpose", run_transpose}, {"Slice", run_slice},
    {"Expand", run_expand},       {"Gather", run_gather},
    {"Concat", run_concat},       {"ReduceProd", run_reduce_prod},
    {"Add", run_of_two},          {"Sub", run_of_two},
    {"Mul", run_of_two},          {"Div", run_of_two},
    {"Max", run_of_two},          {"Min", run_of_two},
    {"Pow", run_of_two},          {"Equal", run_of_two},
    {"Sqrt", run_of_one},         {"Neg", run_of_one},
    {"Floor", run_of_one},        {"Ceil", run_of_one},
    {"Abs", run_of_one},          {"Exp", run_of_one},
    {"Reciprocal", run_of_one},   {"Where", run_where},
};

static size_t
find_operator(const char *op)
{
  size_t i = 0;
  while (i < sizeof operators / sizeof *operators && strcmp(operators[i].op, op))
    i++;
  return i;
}

bool
dc_onnx_constant_knows(const char *op)
{
  return find_operator(op) < sizeof operators / sizeof *operators;
}

DcStatus
dc_onnx_constant_run(const DcOnnxNode *node, const DcOnnxTensor *const *inputs, const char *where,
                     DcOnnxConstants *constants, const DcOnnxTensor **result, DcError *error)
{
  DcError unwanted;
  const Job job = {node, inputs, where, constants, result, error ? error : &unwanted};
  const size_t found = find_operator(node->op);
  if (found == sizeof operators / sizeof *operators)
    return refuse(&job, DC_ERROR_UNSUPPORTED, "it cannot be computed of constants");
  if (strcmp(node->op, "Constant") != 0 && !input(&job, 0))
    return refuse(&job, DC_ERROR_FORMAT, "its first input is missing");
  return operators[found].run(&job);
}

void *
dc_onnx_constants_take(DcOnnxConstants *constants, size_t count, size_t size)
{
  if (count > (size_t)constants->left)
    return NULL;
  constants->left -= (int64_t)count;
  return dc_arena_chain_take(&constants->chain, count, size);
}

const DcOnnxTensor *
dc_onnx_constant_list(DcArenaChain *chain, const int64_t *numbers, size_t count)
{
  DcOnnxTensor *list = dc_arena_chain_take(chain, 1, sizeof *list);
  int64_t *copy = dc_arena_chain_take(chain, count, sizeof *copy);
  if (!list || !copy)
    return NULL;
  memcpy(copy, numbers, count * sizeof *copy);
  *list = (DcOnnxTensor){
      .name = "", .rank = 1, .shape = {(int64_t)count}, .count = count, .whole = copy};
  return list;
}
