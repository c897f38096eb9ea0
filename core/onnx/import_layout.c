/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What changes the layout of numbers, joins tensors or takes parts of them. */
#include "base/memory.h"
#include "onnx/constants.h"
#include "onnx/importer.h"
#include "onnx/operands.h"

#include <string.h>

/* Output 0 is `entry` under the ONNX shape `shape`, whose first axis must still be the batch. */
static DcStatus
take_new_shape(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry, size_t rank,
               const int64_t *shape)
{
  if (rank < 1 || shape[0] != importer->batch)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "it moves numbers between the pictures of a batch");
  return dc_onnx_reshape(importer, node, entry, rank - 1, shape + 1);
}

static DcStatus
import_same(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    dc_onnx_alias(importer, node, 0, input, input->view);
  return status;
}

static DcStatus
import_shape(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input, *made = NULL;
  int64_t shape[DC_ONNX_MOST_AXES], start, end;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (status)
    return status;
  const int64_t rank = (int64_t)dc_onnx_shape(importer, input, shape);
  status = dc_onnx_operands_int(node, "start", 0, importer->where, &start, importer->error);
  if (!status)
    status = dc_onnx_operands_int(node, "end", rank, importer->where, &end, importer->error);
  if (status)
    return status;
  dc_onnx_operands_between(rank, &start, &end);
  made = dc_onnx_values_find(&importer->values, node->outputs[0]);
  made->constant =
      dc_onnx_constant_list(&importer->constants.chain, shape + start, (size_t)(end - start));
  return made->constant ? DC_OK
                        : dc_onnx_refuse(importer, DC_ERROR_MEMORY, "no memory for a shape");
}

static DcStatus
import_reshape(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *wanted;
  int64_t shape[DC_ONNX_MOST_AXES], reshaped[DC_ONNX_MOST_AXES];
  size_t rank;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "shape", &wanted);
  if (status)
    return status;
  const size_t old_rank = dc_onnx_shape(importer, input, shape);
  status = dc_onnx_operands_reshape(node, wanted, old_rank, shape,
                                    importer->batch * dc_onnx_view_count(&input->view),
                                    importer->where, reshaped, &rank, importer->error);
  return status ? status : take_new_shape(importer, node, input, rank, reshaped);
}

static DcStatus
import_flatten(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  int64_t axis;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_operands_axis(node, 1, input->view.rank + 2, importer->where, &axis,
                                   importer->error);
  if (!status && axis != 1)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "only flattening to one vector for each picture is read");
  if (status)
    return status;
  const int64_t count = dc_onnx_view_count(&input->view);
  return dc_onnx_reshape(importer, node, input, 1, &count);
}

static DcStatus
import_squeeze(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *list;
  unsigned axes;
  int64_t size[DC_ONNX_MOST_AXES];
  size_t rank = 0;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, false, "axes", &list);
  if (!status)
    status = dc_onnx_operands_axes(node, list, input->view.rank + 1, importer->where, &axes,
                                   importer->error);
  if (!status && axes & 1)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it takes away the axis of the batch");
  if (status)
    return status;
  for (size_t i = 0; i < input->view.rank; i++) {
    if (axes ? !(axes & 2u << i) : input->view.size[i] != 1)
      size[rank++] = input->view.size[i];
  }
  return dc_onnx_reshape(importer, node, input, rank, size);
}

static DcStatus
import_unsqueeze(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *list;
  int64_t shape[DC_ONNX_MOST_AXES], unsqueezed[DC_ONNX_MOST_AXES];
  size_t rank;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, false, "axes", &list);
  if (status)
    return status;
  const size_t old_rank = dc_onnx_shape(importer, input, shape);
  status = dc_onnx_operands_unsqueeze(node, list, old_rank, shape, importer->where, unsqueezed,
                                      &rank, importer->error);
  return status ? status : take_new_shape(importer, node, input, rank, unsqueezed);
}

static DcStatus
import_transpose(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  size_t order[DC_ONNX_MOST_AXES], inner[DC_ONNX_MOST_AXES];
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status =
        dc_onnx_operands_order(node, input->view.rank + 1, importer->where, order, importer->error);
  if (!status && order[0] != 0)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "it moves numbers between the pictures of a batch");
  if (status)
    return status;
  for (size_t i = 0; i < input->view.rank; i++)
    inner[i] = order[i + 1] - 1;
  dc_onnx_alias(importer, node, 0, input, dc_onnx_view_transpose(&input->view, inner));
  return DC_OK;
}

/* --- parts --- */

/* A view with the batch as its first axis, which nothing moves along. */
static DcOnnxView
with_batch(const DcOnnxImporter *importer, const DcOnnxView *view)
{
  DcOnnxView whole = {.rank = view->rank + 1, .size = {importer->batch}, .offset = view->offset};
  memcpy(whole.size + 1, view->size, view->rank * sizeof *view->size);
  memcpy(whole.stride + 1, view->stride, view->rank * sizeof *view->stride);
  return whole;
}

static DcOnnxView
without_batch(const DcOnnxView *whole)
{
  DcOnnxView view = {.rank = whole->rank - 1, .offset = whole->offset};
  memcpy(view.size, whole->size + 1, view.rank * sizeof *view.size);
  memcpy(view.stride, whole->stride + 1, view.rank * sizeof *view.stride);
  return view;
}

/* Output `index` is a part of `input`: what reads it reads the input's numbers. */
static void
bind_part(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, const DcOnnxEntry *input,
          DcOnnxView view)
{
  DcOnnxEntry read = *input;
  read.shared = true;
  dc_onnx_alias(importer, node, index, &read, view);
}

static DcStatus
import_slice(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *inputs[5] = {NULL};
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  for (size_t i = 1; i < 5 && !status; i++)
    status = dc_onnx_constant(importer, node, i, false, "bounds", &inputs[i]);
  if (status)
    return status;
  DcOnnxView whole = with_batch(importer, &input->view);
  status = dc_onnx_operands_slice(node, inputs, importer->where, &whole, importer->error);
  if (!status && whole.size[0] != importer->batch)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it takes pictures out of a batch");
  if (!status)
    bind_part(importer, node, 0, input, without_batch(&whole));
  return status;
}

/* How long each part is: told by an attribute or, since opset 13, an input, else all the same. */
static DcStatus
read_parts(DcOnnxImporter *importer, const DcOnnxNode *node, int64_t length, size_t index,
           int64_t *part)
{
  const DcOnnxTensor *list;
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, "split");
  DcStatus status = dc_onnx_constant(importer, node, 1, false, "split", &list);
  if (status)
    return status;
  const bool by_attribute = !list && attribute && attribute->kind == DC_ONNX_INTS;
  const int64_t *parts = list ? list->whole : by_attribute ? attribute->whole : NULL;
  const size_t count = list ? list->count : by_attribute ? attribute->count : node->output_count;
  if (count != node->output_count || (list && !list->whole) ||
      (!parts && length % (int64_t)node->output_count))
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                          "an axis of %lld does not fall into its %zu parts", (long long)length,
                          node->output_count);
  *part = parts ? parts[index] : length / (int64_t)node->output_count;
  return DC_OK;
}

static DcStatus
import_split(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  int64_t axis, start = 0;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_operands_axis(node, 0, input->view.rank + 1, importer->where, &axis,
                                   importer->error);
  if (!status && axis == 0)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it takes pictures out of a batch");
  for (size_t i = 0; i < node->output_count && !status; i++) {
    int64_t part = 0;
    const int64_t length = input->view.size[axis - 1];
    status = read_parts(importer, node, length, i, &part);
    if (!status && (part < 1 || part > length - start))
      status = dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its part %zu lies outside the axis", i);
    if (status)
      break;
    DcOnnxView view = input->view;
    view.offset += start * view.stride[axis - 1];
    view.size[axis - 1] = part;
    bind_part(importer, node, i, input, view);
    start += part;
  }
  return status;
}

/* --- joining --- */

static bool
make_room(DcOnnxImporter *importer)
{
  if (importer->joint_count < importer->joint_room)
    return true;
  const size_t room = importer->joint_room ? 2 * importer->joint_room : 64;
  DcOnnxJoint *joints = DC_NEW(DcOnnxJoint, room);
  if (!joints)
    return false;
  if (importer->joint_count)
    memcpy(joints, importer->joints, importer->joint_count * sizeof *joints);
  dc_free(importer->joints);
  importer->joints = joints;
  importer->joint_room = room;
  return true;
}

/* What was made of two values before, if nobody has put an activation on it since. From now on it
 * has several readers. */
static bool
find_joint(DcOnnxImporter *importer, size_t first, size_t second, size_t *joined)
{
  for (size_t i = 0; i < importer->joint_count; i++) {
    const DcOnnxJoint *joint = &importer->joints[i];
    if (joint->first != first || joint->second != second ||
        dc_network_layer(importer->network, joint->joined - 1)->activation != DC_ACTIVATION_NONE)
      continue;
    for (size_t j = 0; j < importer->values.count; j++) {
      DcOnnxEntry *entry = &importer->values.entries[j];
      entry->shared = entry->shared || (entry->flows && entry->number == joint->joined);
    }
    *joined = joint->joined;
    return true;
  }
  return false;
}

/* Joins the channels of two values. Dense networks join the same values, and one more, again and
 * again: what two have become is used again. */
static DcStatus
join(DcOnnxImporter *importer, size_t first, size_t second, size_t *joined, bool *shared)
{
  *shared = find_joint(importer, first, second, joined);
  if (*shared)
    return DC_OK;
  if (!make_room(importer))
    return dc_onnx_refuse(importer, DC_ERROR_MEMORY, "no memory to join tensors");
  DcStatus status =
      dc_onnx_add(importer, (DcLayer){.kind = DC_LAYER_CONCATENATE}, first, second, joined);
  if (!status)
    importer->joints[importer->joint_count++] = (DcOnnxJoint){first, second, *joined};
  return status;
}

/* The value of one part, a copy where the part before is the same value. */
static DcStatus
take_part(DcOnnxImporter *importer, const DcOnnxNode *node, size_t index, bool maps, size_t before,
          size_t *number)
{
  DcOnnxEntry *input;
  DcStatus status = dc_onnx_flow(importer, node, index, &input);
  if (!status)
    status = maps ? dc_onnx_take_map(importer, input) : dc_onnx_take_rows(importer, input);
  if (status)
    return status;
  *number = input->number;
  if (*number != before)
    return DC_OK;
  const DcLayer copy = {.kind = DC_LAYER_RESHAPE,
                        .output = dc_network_value(importer->network, before)};
  return dc_onnx_add(importer, copy, before, before, number);
}

static DcStatus
check_join(DcOnnxImporter *importer, const DcOnnxNode *node, bool *maps)
{
  DcOnnxEntry *first, *input;
  int64_t axis;
  DcStatus status = dc_onnx_flow(importer, node, 0, &first);
  if (!status)
    status = dc_onnx_operands_axis(node, 1, first->view.rank + 1, importer->where, &axis,
                                   importer->error);
  if (status)
    return status;
  const size_t rank = first->view.rank;
  *maps = rank == 3 && axis == 1;
  if (!*maps && (axis != (int64_t)rank || axis == 0))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "only the channels or the last axis are joined, not axis %lld of %zu",
                          (long long)axis, rank + 1);
  for (size_t i = 1; i < node->input_count && !status; i++) {
    status = dc_onnx_flow(importer, node, i, &input);
    for (size_t j = 0; j < rank && !status; j++) {
      if (input->view.rank != rank ||
          ((int64_t)j + 1 != axis && input->view.size[j] != first->view.size[j]))
        status = dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                                "its inputs 0 and %zu differ in another axis than the joined", i);
    }
  }
  return status;
}

static DcStatus
import_concat(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  bool maps = false, shared = true;
  size_t joined;
  DcStatus status = check_join(importer, node, &maps);
  if (!status && node->input_count == 1)
    return import_same(importer, node);
  if (!status)
    status = take_part(importer, node, 0, maps, SIZE_MAX, &joined);
  for (size_t i = 1; i < node->input_count && !status; i++) {
    size_t part;
    status = take_part(importer, node, i, maps, joined, &part);
    if (!status)
      status = join(importer, joined, part, &joined, &shared);
  }
  if (status)
    return status;
  const DcOnnxEntry *first = dc_onnx_values_find(&importer->values, node->inputs[0]);
  const DcShape shape = dc_network_value(importer->network, joined);
  DcOnnxView view = dc_onnx_view_of_map(shape);
  if (!maps) {
    int64_t size[DC_ONNX_MOST_AXES];
    memcpy(size, first->view.size, sizeof size);
    size[first->view.rank - 1] = shape.channels;
    view = dc_onnx_view_dense(first->view.rank, size);
  }
  dc_onnx_bind(importer, node, 0, joined, view);
  dc_onnx_values_find(&importer->values, node->outputs[0])->shared = shared;
  return DC_OK;
}

static const struct {
  const char *op;
  DcOnnxOperator import;
} operators[] = {
    {"Identity", import_same},   {"Dropout", import_same},        {"Cast", import_same},
    {"Shape", import_shape},     {"Reshape", import_reshape},     {"Flatten", import_flatten},
    {"Squeeze", import_squeeze}, {"Unsqueeze", import_unsqueeze}, {"Transpose", import_transpose},
    {"Slice", import_slice},     {"Split", import_split},         {"Concat", import_concat},
};

DcOnnxOperator
dc_onnx_find_layout(const char *op)
{
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    if (!strcmp(operators[i].op, op))
      return operators[i].import;
  }
  return NULL;
}
