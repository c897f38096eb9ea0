/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gather: numbers along one axis, by a constant list of their places. A list that counts evenly, by
 * digits as in a DcRearrangement, is another walk through the same numbers; any other list is a
 * layer RESAMPLE at whole places. */
#include "base/memory.h"
#include "onnx/importer.h"
#include "onnx/operands.h"

#include <string.h>

typedef struct {
  DcOnnxEntry *input;
  const DcOnnxTensor *indices;
  size_t axis;    /* of the input's view */
  int64_t length; /* of that axis */
  /* The axes of what is made: the input's, but those of `indices` instead of the one. */
  size_t rank;
  int64_t size[DC_ONNX_MOST_AXES];
} Gather;

static int64_t
place(const Gather *gather, size_t i)
{
  const int64_t index = gather->indices->whole[i];
  return index < 0 ? index + gather->length : index;
}

static DcStatus
check_indices(DcOnnxImporter *importer, const Gather *gather)
{
  const DcOnnxTensor *indices = gather->indices;
  if (!indices->whole || indices->count == 0)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its indices must be whole numbers");
  for (size_t i = 0; i < indices->count; i++) {
    if (place(gather, i) < 0 || place(gather, i) >= gather->length)
      return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "index %lld lies outside an axis of %lld",
                            (long long)indices->whole[i], (long long)gather->length);
  }
  return DC_OK;
}

static DcStatus
find_sizes(DcOnnxImporter *importer, Gather *gather)
{
  const DcOnnxView *view = &gather->input->view;
  const DcOnnxTensor *indices = gather->indices;
  gather->rank = view->rank - 1 + indices->rank;
  if (gather->rank >= DC_ONNX_MOST_AXES)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it makes more than %d axes",
                          DC_ONNX_MOST_AXES);
  int64_t *size = gather->size;
  memcpy(size, view->size, gather->axis * sizeof *size);
  memcpy(size + gather->axis, indices->shape, indices->rank * sizeof *size);
  memcpy(size + gather->axis + indices->rank, view->size + gather->axis + 1,
         (view->rank - gather->axis - 1) * sizeof *size);
  return DC_OK;
}

/* --- even lists --- */

/* Counts how far the list goes on by one step, in units of `unit` places that are a digit already;
 * the step is `*step`. */
static size_t
even_part(const Gather *gather, size_t unit, int64_t *step)
{
  const size_t count = gather->indices->count / unit;
  *step = count > 1 ? place(gather, unit) - place(gather, 0) : 0;
  size_t digits = 1;
  while (digits < count &&
         place(gather, digits * unit) - place(gather, (digits - 1) * unit) == *step)
    digits++;
  return digits;
}

/* Whether the places from `first` on are those from the first on, `step` further each. */
static bool
repeats(const Gather *gather, size_t unit, size_t first)
{
  const int64_t shift = place(gather, first) - place(gather, 0);
  for (size_t i = 1; i < unit; i++) {
    if (place(gather, first + i) - place(gather, i) != shift)
      return false;
  }
  return true;
}

/* The list as digits, outermost first, with steps that do not fall; false when it is not even. */
static bool
find_digits(const Gather *gather, DcOnnxView *digits)
{
  const size_t count = gather->indices->count;
  DcOnnxView inner = {.offset = place(gather, 0)}; /* innermost first */
  for (size_t unit = 1; unit < count;) {
    int64_t step;
    const size_t size = even_part(gather, unit, &step);
    if (size == 1 || step < 0 || count % (unit * size) || inner.rank == DC_ONNX_MOST_AXES)
      return false;
    inner.size[inner.rank] = (int64_t)size;
    inner.stride[inner.rank++] = step;
    unit *= size;
    for (size_t first = unit; first < count; first += unit) {
      if (!repeats(gather, unit, first))
        return false;
    }
  }
  *digits = (DcOnnxView){.rank = inner.rank, .offset = inner.offset};
  for (size_t i = 0; i < inner.rank; i++) {
    digits->size[i] = inner.size[inner.rank - 1 - i];
    digits->stride[i] = inner.stride[inner.rank - 1 - i];
  }
  return true;
}

/* The view with the digits instead of the axis; false when it has too many axes. */
static bool
view_by_digits(const Gather *gather, const DcOnnxView *digits, DcOnnxView *view)
{
  const DcOnnxView *from = &gather->input->view;
  const int64_t stride = from->stride[gather->axis];
  if (from->rank - 1 + digits->rank >= DC_ONNX_MOST_AXES)
    return false;
  *view = (DcOnnxView){.offset = from->offset + digits->offset * stride};
  for (size_t i = 0; i < from->rank; i++) {
    if (i != gather->axis) {
      view->size[view->rank] = from->size[i];
      view->stride[view->rank++] = from->stride[i];
      continue;
    }
    for (size_t j = 0; j < digits->rank; j++) {
      view->size[view->rank] = digits->size[j];
      view->stride[view->rank++] = digits->stride[j] * stride;
    }
  }
  return true;
}

/* --- any list --- */

static void
set_places(const Gather *gather, float *places)
{
  for (size_t i = 0; i < gather->indices->count; i++)
    places[i] = (float)place(gather, i);
}

static void
set_all(float *places, int count)
{
  for (int i = 0; i < count; i++)
    places[i] = (float)i;
}

/* Rows or columns of a map: it stays one. */
static DcStatus
resample_map(DcOnnxImporter *importer, const Gather *gather, DcOnnxEntry *made)
{
  DcStatus status = dc_onnx_take_map(importer, made);
  if (status)
    return status;
  const DcShape shape = dc_network_value(importer->network, made->number);
  const int count = (int)gather->indices->count;
  const bool rows = gather->axis == 1;
  const DcLayer layer = {.kind = DC_LAYER_RESAMPLE,
                         .output = {rows ? count : shape.height, rows ? shape.width : count, 0}};
  status = dc_onnx_add(importer, layer, made->number, made->number, &made->number);
  if (status)
    return status;
  const DcLayer *added = dc_onnx_last_layer(importer);
  float *across = added->weight + added->output.height;
  set_all(added->weight, added->output.height);
  set_all(across, added->output.width);
  set_places(gather, rows ? added->weight : across);
  made->view = dc_onnx_view_of_map(added->output);
  return DC_OK;
}

/* Along any other axis: in ONNX's order it is the columns of what comes before, and what comes
 * after is a pixel. */
static DcStatus
resample_rows(DcOnnxImporter *importer, const Gather *gather, DcOnnxEntry *made)
{
  DcStatus status = dc_onnx_take_rows(importer, made);
  int64_t before = 1, after = 1;
  for (size_t i = 0; i < made->view.rank; i++) {
    before *= i < gather->axis ? made->view.size[i] : 1;
    after *= i > gather->axis ? made->view.size[i] : 1;
  }
  const DcShape shape = {(int)before, (int)gather->length, (int)after};
  if (!status)
    status = dc_onnx_take_shape(importer, made, shape);
  const DcLayer layer = {.kind = DC_LAYER_RESAMPLE,
                         .output = {(int)before, (int)gather->indices->count, 0}};
  if (!status)
    status = dc_onnx_add(importer, layer, made->number, made->number, &made->number);
  if (status)
    return status;
  const DcLayer *added = dc_onnx_last_layer(importer);
  set_all(added->weight, added->output.height);
  set_places(gather, added->weight + added->output.height);
  made->view.size[gather->axis] = (int64_t)gather->indices->count;
  made->view = dc_onnx_view_dense(made->view.rank, made->view.size);
  return DC_OK;
}

static DcStatus
resample(DcOnnxImporter *importer, const DcOnnxNode *node, const Gather *gather)
{
  DcOnnxEntry made = *gather->input;
  if (gather->indices->count > (size_t)DC_NETWORK_MOST_ACTIVATION)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "it has %zu indices; at most %zu are read", gather->indices->count,
                          DC_NETWORK_MOST_ACTIVATION);
  DcStatus status = made.view.rank == 3 && gather->axis > 0
                        ? resample_map(importer, gather, &made)
                        : resample_rows(importer, gather, &made);
  return status ? status : dc_onnx_reshape(importer, node, &made, gather->rank, gather->size);
}

static DcStatus
import_gather(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  Gather gather = {0};
  int64_t axis;
  DcStatus status = dc_onnx_flow(importer, node, 0, &gather.input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "index", &gather.indices);
  if (!status)
    status = dc_onnx_operands_axis(node, 0, gather.input->view.rank + 1, importer->where, &axis,
                                   importer->error);
  if (!status && axis == 0)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it takes pictures out of a batch");
  if (status)
    return status;
  gather.axis = (size_t)axis - 1;
  gather.length = gather.input->view.size[gather.axis];
  status = check_indices(importer, &gather);
  if (!status)
    status = find_sizes(importer, &gather);
  if (status)
    return status;
  DcOnnxView digits;
  DcOnnxEntry walked = *gather.input;
  if (!find_digits(&gather, &digits) || !view_by_digits(&gather, &digits, &walked.view))
    return resample(importer, node, &gather);
  walked.shared = true; /* what reads it reads the input's numbers */
  return dc_onnx_reshape(importer, node, &walked, gather.rank, gather.size);
}

DcOnnxOperator
dc_onnx_find_gather(const char *op)
{
  return strcmp(op, "Gather") ? NULL : import_gather;
}
