/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/view.h"

int64_t
dc_onnx_view_count(const DcOnnxView *view)
{
  int64_t count = 1;
  for (size_t i = 0; i < view->rank; i++)
    count *= view->size[i];
  return count;
}

DcOnnxView
dc_onnx_view_dense(size_t rank, const int64_t *size)
{
  DcOnnxView view = {.rank = rank};
  int64_t stride = 1;
  for (size_t i = rank; i-- > 0; stride *= size[i]) {
    view.size[i] = size[i];
    view.stride[i] = stride;
  }
  return view;
}

DcOnnxView
dc_onnx_view_of_map(DcShape shape)
{
  return (DcOnnxView){.rank = 3,
                      .size = {shape.channels, shape.height, shape.width},
                      .stride = {1, (int64_t)shape.width * shape.channels, shape.channels}};
}

bool
dc_onnx_view_equal(const DcOnnxView *a, const DcOnnxView *b)
{
  bool equal = a->rank == b->rank && a->offset == b->offset;
  for (size_t i = 0; i < a->rank && equal; i++)
    equal = a->size[i] == b->size[i] && (a->size[i] == 1 || a->stride[i] == b->stride[i]);
  return equal;
}

/* The axis with the smallest stride of those that are longer than 1 and not in `used`; `rank` when
 * there is none. */
static size_t
nearest_axis(const DcOnnxView *view, unsigned used)
{
  size_t nearest = view->rank;
  for (size_t i = 0; i < view->rank; i++) {
    if (view->size[i] == 1 || used & 1u << i)
      continue;
    if (nearest == view->rank || view->stride[i] < view->stride[nearest])
      nearest = i;
  }
  return nearest;
}

bool
dc_onnx_view_covers(const DcOnnxView *view, int64_t count)
{
  int64_t stride = 1;
  unsigned used = 0;
  for (size_t axis; (axis = nearest_axis(view, used)) < view->rank; used |= 1u << axis) {
    if (view->stride[axis] != stride)
      return false;
    stride *= view->size[axis];
  }
  return view->offset == 0 && stride == count;
}

DcOnnxView
dc_onnx_view_transpose(const DcOnnxView *view, const size_t *axes)
{
  DcOnnxView transposed = {.rank = view->rank, .offset = view->offset};
  for (size_t i = 0; i < view->rank; i++) {
    transposed.size[i] = view->size[axes[i]];
    transposed.stride[i] = view->stride[axes[i]];
  }
  return transposed;
}

bool
dc_onnx_view_refine(const DcOnnxView *view, size_t rank, const int64_t *size, DcOnnxView *refined,
                    size_t axis[DC_ONNX_MOST_AXES])
{
  *refined = (DcOnnxView){.offset = view->offset};
  size_t old = 0, new = 0;
  int64_t old_rest = 1, new_rest = 1; /* what is still to come of the two axes at hand */
  for (;;) {
    while (old_rest == 1 && old < view->rank)
      old_rest = view->size[old++];
    while (new_rest == 1 && new < rank)
      new_rest = size[new ++];
    if (old_rest == 1 || new_rest == 1)
      return old_rest == new_rest;
    const int64_t part = old_rest < new_rest ? old_rest : new_rest;
    if (old_rest % part || new_rest % part || refined->rank == DC_ONNX_MOST_AXES)
      return false;
    old_rest /= part;
    new_rest /= part;
    axis[refined->rank] = new - 1;
    refined->size[refined->rank] = part;
    refined->stride[refined->rank++] = view->stride[old - 1] * old_rest;
  }
}

bool
dc_onnx_view_reshape(const DcOnnxView *view, size_t rank, const int64_t *size, DcOnnxView *reshaped)
{
  DcOnnxView refined;
  size_t axis[DC_ONNX_MOST_AXES];
  if (!dc_onnx_view_refine(view, rank, size, &refined, axis))
    return false;
  *reshaped = (DcOnnxView){.rank = rank, .offset = view->offset};
  for (size_t i = 0; i < rank; i++) {
    reshaped->size[i] = size[i];
    reshaped->stride[i] = 1;
  }
  for (size_t i = 0; i < refined.rank; i++) {
    const bool goes_on = i == 0 || axis[i - 1] != axis[i] ||
                         refined.stride[i - 1] == refined.stride[i] * refined.size[i];
    if (!goes_on)
      return false;
    reshaped->stride[axis[i]] = refined.stride[i];
  }
  return true;
}

bool
dc_onnx_view_walk(const DcOnnxView *view, DcRearrangement *order)
{
  *order = (DcRearrangement){.offset = (int)view->offset};
  for (size_t i = 0; i < view->rank; i++) {
    if (view->size[i] == 1)
      continue;
    const int last = order->axes - 1;
    if (last >= 0 && order->stride[last] == view->stride[i] * view->size[i]) {
      order->size[last] *= (int)view->size[i];
      order->stride[last] = (int)view->stride[i];
      continue;
    }
    if (order->axes == DC_MOST_AXES)
      return false;
    order->size[order->axes] = (int)view->size[i];
    order->stride[order->axes++] = (int)view->stride[i];
  }
  if (order->axes == 0)
    order->size[order->axes++] = 1;
  return true;
}
