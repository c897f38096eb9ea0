/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/operands.h"

#include <string.h>

/* --- attributes --- */

static DcStatus
wrong_attribute(const char *where, const char *name, DcError *error)
{
  return dc_error_set(error, DC_ERROR_FORMAT,
                      "%s: the attribute \"%s\" is not of the type or the "
                      "length that it must have",
                      where, name);
}

DcStatus
dc_onnx_operands_int(const DcOnnxNode *node, const char *name, int64_t standard, const char *where,
                     int64_t *value, DcError *error)
{
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, name);
  if (attribute && attribute->kind != DC_ONNX_INT)
    return wrong_attribute(where, name, error);
  *value = attribute ? attribute->whole[0] : standard;
  return DC_OK;
}

DcStatus
dc_onnx_operands_float(const DcOnnxNode *node, const char *name, float standard, const char *where,
                       float *value, DcError *error)
{
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, name);
  if (attribute && attribute->kind != DC_ONNX_FLOAT)
    return wrong_attribute(where, name, error);
  *value = attribute ? attribute->floats[0] : standard;
  return DC_OK;
}

DcStatus
dc_onnx_operands_ints(const DcOnnxNode *node, const char *name, size_t count, int64_t standard,
                      const char *where, int64_t *values, DcError *error)
{
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, name);
  if (attribute && (attribute->kind != DC_ONNX_INTS || attribute->count != count))
    return wrong_attribute(where, name, error);
  for (size_t i = 0; i < count; i++)
    values[i] = attribute ? attribute->whole[i] : standard;
  return DC_OK;
}

/* --- axes --- */

static DcStatus
bring_axis(int64_t given, size_t rank, const char *where, size_t *axis, DcError *error)
{
  const int64_t from_front = given + (given < 0 ? (int64_t)rank : 0);
  if (from_front < 0 || from_front >= (int64_t)rank)
    return dc_error_set(error, DC_ERROR_FORMAT, "%s: there is no axis %lld among %zu", where,
                        (long long)given, rank);
  *axis = (size_t)from_front;
  return DC_OK;
}

DcStatus
dc_onnx_operands_axis(const DcOnnxNode *node, int64_t standard, size_t rank, const char *where,
                      int64_t *axis, DcError *error)
{
  int64_t given = 0;
  size_t found = 0;
  DcStatus status = dc_onnx_operands_int(node, "axis", standard, where, &given, error);
  if (!status)
    status = bring_axis(given, rank, where, &found, error);
  *axis = (int64_t)found;
  return status;
}

typedef struct {
  const int64_t *numbers;
  size_t count;
} List;

/* A list of whole numbers, from an input or the attribute `name`; empty when there is neither. */
static DcStatus
find_list(const DcOnnxNode *node, const DcOnnxTensor *input, const char *name, const char *where,
          List *list, DcError *error)
{
  *list = (List){0};
  const DcOnnxAttribute *attribute = input ? NULL : dc_onnx_attribute(node, name);
  if (input && (!input->whole || input->rank > 1))
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "%s: the input \"%s\" must be a list of whole numbers", where, name);
  if (attribute && attribute->kind != DC_ONNX_INTS)
    return wrong_attribute(where, name, error);
  if (input)
    *list = (List){input->whole, input->count};
  else if (attribute)
    *list = (List){attribute->whole, attribute->count};
  if (list->count > DC_ONNX_MOST_AXES)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: \"%s\" lists %zu axes; at most %d are "
                        "read",
                        where, name, list->count, DC_ONNX_MOST_AXES);
  return DC_OK;
}

static DcStatus
bring_axes(List list, size_t rank, const char *where, unsigned *axes, DcError *error)
{
  *axes = 0;
  for (size_t i = 0; i < list.count; i++) {
    size_t axis = 0;
    DcStatus status = bring_axis(list.numbers[i], rank, where, &axis, error);
    if (status)
      return status;
    if (*axes & 1u << axis)
      return dc_error_set(error, DC_ERROR_FORMAT, "%s: the axis %zu is listed twice", where, axis);
    *axes |= 1u << axis;
  }
  return DC_OK;
}

DcStatus
dc_onnx_operands_axes(const DcOnnxNode *node, const DcOnnxTensor *list, size_t rank,
                      const char *where, unsigned *axes, DcError *error)
{
  List found;
  DcStatus status = find_list(node, list, "axes", where, &found, error);
  return status ? status : bring_axes(found, rank, where, axes, error);
}

DcStatus
dc_onnx_operands_order(const DcOnnxNode *node, size_t rank, const char *where, size_t *order,
                       DcError *error)
{
  const DcOnnxAttribute *perm = dc_onnx_attribute(node, "perm");
  if (perm && (perm->kind != DC_ONNX_INTS || perm->count != rank))
    return wrong_attribute(where, "perm", error);
  unsigned seen = 0;
  for (size_t i = 0; i < rank; i++) {
    const int64_t axis = perm ? perm->whole[i] : (int64_t)(rank - 1 - i);
    if (axis < 0 || axis >= (int64_t)rank || seen & 1u << axis)
      return dc_error_set(error, DC_ERROR_FORMAT, "%s: \"perm\" is no order of %zu axes", where,
                          rank);
    seen |= 1u << axis;
    order[i] = (size_t)axis;
  }
  return DC_OK;
}

/* --- shapes --- */

static DcStatus
cannot_reshape(const char *where, int64_t count, DcError *error)
{
  return dc_error_set(error, DC_ERROR_FORMAT,
                      "%s: its %lld numbers do not fit the shape that it asks for", where,
                      (long long)count);
}

DcStatus
dc_onnx_operands_reshape(const DcOnnxNode *node, const DcOnnxTensor *wanted, size_t rank,
                         const int64_t *shape, int64_t count, const char *where, int64_t *reshaped,
                         size_t *reshaped_rank, DcError *error)
{
  int64_t allow_zero = 0;
  DcStatus status = dc_onnx_operands_int(node, "allowzero", 0, where, &allow_zero, error);
  if (status)
    return status;
  if (!wanted || !wanted->whole || wanted->rank != 1 || wanted->count > DC_ONNX_MOST_AXES)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "%s: the shape must be a constant list of at most %d sizes", where,
                        DC_ONNX_MOST_AXES);
  size_t open = DC_ONNX_MOST_AXES;
  int64_t known = 1;
  *reshaped_rank = wanted->count;
  for (size_t i = 0; i < wanted->count; i++) {
    int64_t size = wanted->whole[i];
    if (size == -1 && open == DC_ONNX_MOST_AXES) {
      open = i;
      continue;
    }
    if (size == 0 && !allow_zero && i < rank)
      size = shape[i];
    if (size < 0 || (size > 0 && known > INT64_MAX / size))
      return cannot_reshape(where, count, error);
    known *= reshaped[i] = size;
  }
  if (open < DC_ONNX_MOST_AXES) {
    if (known == 0 || count % known)
      return cannot_reshape(where, count, error);
    reshaped[open] = count / known;
    return DC_OK;
  }
  return known == count ? DC_OK : cannot_reshape(where, count, error);
}

DcStatus
dc_onnx_operands_unsqueeze(const DcOnnxNode *node, const DcOnnxTensor *list, size_t rank,
                           const int64_t *shape, const char *where, int64_t *unsqueezed,
                           size_t *unsqueezed_rank, DcError *error)
{
  List axes;
  unsigned new_axes;
  DcStatus status = find_list(node, list, "axes", where, &axes, error);
  const size_t all = rank + (status ? 0 : axes.count);
  if (!status && all > DC_ONNX_MOST_AXES)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: more than %d axes would come of it",
                        where, DC_ONNX_MOST_AXES);
  if (!status)
    status = bring_axes(axes, all, where, &new_axes, error);
  if (status)
    return status;
  size_t from = 0;
  for (size_t i = 0; i < all; i++)
    unsqueezed[i] = new_axes & 1u << i ? 1 : shape[from++];
  *unsqueezed_rank = all;
  return DC_OK;
}

/* --- slices --- */

static int64_t
between(int64_t low, int64_t value, int64_t high)
{
  return value < low ? low : value > high ? high : value;
}

void
dc_onnx_operands_between(int64_t size, int64_t *start, int64_t *end)
{
  *start = between(0, *start < 0 ? between(-size, *start, -1) + size : *start, size);
  *end = between(*start, *end < 0 ? between(-size, *end, -1) + size : *end, size);
}

static DcStatus
slice_axis(DcOnnxView *view, size_t axis, int64_t start, int64_t end, int64_t step,
           const char *where, DcError *error)
{
  if (step < 1)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: only steps of 1 or more are read", where);
  const int64_t size = view->size[axis];
  /* Beyond the ends is allowed; adding size to the smallest number must not wrap around. */
  dc_onnx_operands_between(size, &start, &end);
  step = between(1, step, size + 1);
  view->offset += start * view->stride[axis];
  view->size[axis] = (end - start + step - 1) / step;
  view->stride[axis] *= step;
  if (view->size[axis] == 0)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: nothing is left of axis %zu", where,
                        axis);
  return DC_OK;
}

/* Input `index` of the node; since opset 10 Slice has inputs, before it has attributes. */
static const DcOnnxTensor *
slice_input(const DcOnnxNode *node, const DcOnnxTensor *const *inputs, size_t index)
{
  return index < node->input_count ? inputs[index] : NULL;
}

DcStatus
dc_onnx_operands_slice(const DcOnnxNode *node, const DcOnnxTensor *const *inputs, const char *where,
                       DcOnnxView *view, DcError *error)
{
  static const char *const names[] = {"starts", "ends", "axes", "steps"};
  List lists[4];
  for (size_t i = 0; i < 4; i++) {
    DcStatus status =
        find_list(node, slice_input(node, inputs, i + 1), names[i], where, &lists[i], error);
    if (status)
      return status;
    if (i > 0 && lists[i].count != lists[0].count && (i == 1 || lists[i].count))
      return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                          "%s: starts, ends, axes and steps must be constants of one length",
                          where);
  }
  for (size_t i = 0; i < lists[0].count; i++) {
    size_t axis = 0;
    DcStatus status = bring_axis(lists[2].count ? lists[2].numbers[i] : (int64_t)i, view->rank,
                                 where, &axis, error);
    if (!status)
      status = slice_axis(view, axis, lists[0].numbers[i], lists[1].numbers[i],
                          lists[3].count ? lists[3].numbers[i] : 1, where, error);
    if (status)
      return status;
  }
  return DC_OK;
}

/* --- broadcasting --- */

/* The view of `tensor` as one of `rank` axes, `size` long: strides are 0 where it is repeated. */
static DcOnnxView
spread(const DcOnnxTensor *tensor, size_t rank, const int64_t *size)
{
  const DcOnnxView dense = dc_onnx_view_dense(tensor->rank, tensor->shape);
  DcOnnxView view = {.rank = rank};
  for (size_t i = 0; i < rank; i++) {
    const size_t lead = rank - tensor->rank;
    view.size[i] = size[i];
    view.stride[i] = i < lead || tensor->shape[i - lead] == 1 ? 0 : dense.stride[i - lead];
  }
  return view;
}

static int64_t
size_from_end(const DcOnnxTensor *tensor, size_t back)
{
  return back < tensor->rank ? tensor->shape[tensor->rank - 1 - back] : 1;
}

DcStatus
dc_onnx_operands_broadcast(const DcOnnxTensor *a, const DcOnnxTensor *b, const char *where,
                           DcOnnxView views[2], DcError *error)
{
  const size_t rank = a->rank > b->rank ? a->rank : b->rank;
  int64_t size[DC_ONNX_MOST_AXES];
  for (size_t back = 0; back < rank; back++) {
    const int64_t left = size_from_end(a, back), right = size_from_end(b, back);
    if (left != right && left != 1 && right != 1)
      return dc_error_set(error, DC_ERROR_FORMAT,
                          "%s: its inputs are %lld and %lld long in one axis", where,
                          (long long)left, (long long)right);
    size[rank - 1 - back] = left == 1 ? right : left;
  }
  views[0] = spread(a, rank, size);
  views[1] = spread(b, rank, size);
  return DC_OK;
}
