/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RESHAPE and REARRANGE: the numbers of a flat value, which are in the network's order. */
#include "onnx/exporter.h"

DcOnnxMade
dc_onnx_write_reshape(DcOnnxExporter *exporter)
{
  return (DcOnnxMade){DC_ONNX_FLAT,
                      dc_onnx_in_form(exporter, dc_onnx_input(exporter), DC_ONNX_FLAT)};
}

/* An axis of the walk as a slice of an axis of a tensor. */
typedef struct {
  int64_t stride, size; /* of the walk */
  int64_t start, extent;
  int place; /* among the axes of the walk */
} Axis;

/* A walk that takes a slice of each axis of a tensor and then puts the axes in another order. The
 * axes here are those of the tensor, behind N. */
typedef struct {
  Axis axes[DC_MOST_AXES + 1];
  int count;
} Slices;

/* The axes by falling stride, without those that have but one place. */
static bool
sort_axes(const DcRearrangement *order, Slices *slices)
{
  slices->count = 0;
  for (int i = 0; i < order->axes; i++) {
    if (order->size[i] == 1)
      continue;
    if (order->stride[i] == 0)
      return false;
    int at = slices->count++;
    for (; at > 0 && slices->axes[at - 1].stride < order->stride[i]; at--)
      slices->axes[at] = slices->axes[at - 1];
    slices->axes[at] = (Axis){.stride = order->stride[i], .size = order->size[i], .place = i};
  }
  return true;
}

/* Finds the tensor of `numbers` numbers; false when there is none, as where axes overlap. */
static bool
find_slices(const DcRearrangement *order, size_t numbers, Slices *slices)
{
  if (!sort_axes(order, slices))
    return false;
  int64_t outer = (int64_t)numbers, offset = order->offset;
  if (!slices->count || slices->axes[slices->count - 1].stride > 1)
    slices->axes[slices->count++] = (Axis){.stride = 1, .size = 1, .place = order->axes};
  for (int i = 0; i < slices->count; i++) {
    Axis *axis = &slices->axes[i];
    if (outer % axis->stride)
      return false;
    axis->extent = outer / axis->stride;
    axis->start = offset / axis->stride;
    if (axis->start + axis->size > axis->extent)
      return false;
    offset %= axis->stride;
    outer = axis->stride;
  }
  return true;
}

static const char *
split_axes(DcOnnxExporter *exporter, const Slices *slices, const char *name)
{
  int64_t shape[DC_MOST_AXES + 2] = {0};
  for (int i = 0; i < slices->count; i++)
    shape[i + 1] = slices->axes[i].extent;
  return dc_onnx_emit_reshape(exporter, name, (size_t)slices->count + 1, shape);
}

static const char *
slice_axes(DcOnnxExporter *exporter, const Slices *slices, const char *name)
{
  int64_t starts[DC_MOST_AXES + 1], ends[DC_MOST_AXES + 1], which[DC_MOST_AXES + 1];
  size_t count = 0;
  for (int i = 0; i < slices->count; i++) {
    const Axis *axis = &slices->axes[i];
    if (axis->size == axis->extent)
      continue;
    starts[count] = axis->start;
    ends[count] = axis->start + axis->size;
    which[count++] = i + 1;
  }
  if (!count)
    return name;
  const char *const inputs[] = {name, dc_onnx_add_whole(&exporter->writer, "starts", count, starts),
                                dc_onnx_add_whole(&exporter->writer, "ends", count, ends),
                                dc_onnx_add_whole(&exporter->writer, "axes", count, which)};
  return dc_onnx_output_of(dc_onnx_add_node(&exporter->writer, "Slice", 4, inputs));
}

/* The axes in the order of the walk. */
static const char *
order_axes(DcOnnxExporter *exporter, const DcRearrangement *order, const Slices *slices,
           const char *name)
{
  int64_t perm[DC_MOST_AXES + 2] = {0};
  size_t count = 1;
  bool moved = false;
  for (int place = 0; place <= order->axes; place++) {
    for (int i = 0; i < slices->count; i++) {
      if (slices->axes[i].place != place)
        continue;
      moved = moved || (size_t)i + 1 != count;
      perm[count++] = i + 1;
    }
  }
  return moved ? dc_onnx_transpose(exporter, name, count, perm) : name;
}

static const char *
write_slices(DcOnnxExporter *exporter, const Slices *slices, const char *name)
{
  const DcLayer *layer = exporter->layer;
  const int64_t flat[] = {0, (int64_t)dc_shape_size(layer->output)};
  const char *split = split_axes(exporter, slices, name);
  const char *taken = slice_axes(exporter, slices, split);
  const char *ordered = order_axes(exporter, &layer->order, slices, taken);
  return dc_onnx_emit_reshape(exporter, ordered, 2, flat);
}

/* The number of the input that is number `i` of the output. */
static int64_t
number_of(const DcRearrangement *order, size_t i)
{
  int64_t from = order->offset;
  for (int axis = order->axes; axis-- > 0; i /= (size_t)order->size[axis])
    from += (int64_t)(i % (size_t)order->size[axis]) * order->stride[axis];
  return from;
}

/* Any walk, each number by its index. */
static const char *
write_gather(DcOnnxExporter *exporter, const char *name)
{
  const size_t count = dc_shape_size(exporter->layer->output);
  int64_t *numbers = dc_onnx_writer_take(&exporter->writer, count, sizeof *numbers);
  if (!numbers)
    return "";
  for (size_t i = 0; i < count; i++)
    numbers[i] = number_of(&exporter->layer->order, i);
  const char *const inputs[] = {name,
                                dc_onnx_add_whole(&exporter->writer, "numbers", count, numbers)};
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, "Gather", 2, inputs);
  dc_onnx_put_int(&exporter->writer, node, "axis", 1);
  return dc_onnx_output_of(node);
}

DcOnnxMade
dc_onnx_write_rearrange(DcOnnxExporter *exporter)
{
  DcOnnxFlow *flow = dc_onnx_input(exporter);
  const char *name = dc_onnx_in_form(exporter, flow, DC_ONNX_FLAT);
  Slices slices;
  if (find_slices(&exporter->layer->order, dc_shape_size(flow->shape), &slices))
    return (DcOnnxMade){DC_ONNX_FLAT, write_slices(exporter, &slices, name)};
  return (DcOnnxMade){DC_ONNX_FLAT, write_gather(exporter, name)};
}
