/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/import_windows.h"

#include "onnx/operands.h"

#include <string.h>

/* Sides beyond these are in no network, and sums of them stay small. */
#define MOST_SIDE 65536

/* Two numbers of an attribute, within bounds. */
static DcStatus
read_pair(DcOnnxImporter *importer, const DcOnnxNode *node, const char *name, int64_t pair[2])
{
  DcStatus status = dc_onnx_operands_ints(node, name, 2, 1, importer->where, pair, importer->error);
  if (!status && (pair[0] < 1 || pair[0] > MOST_SIDE || pair[1] < 1 || pair[1] > MOST_SIDE))
    status = dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its %s %lld x %lld are outside 1 .. %d",
                            name, (long long)pair[0], (long long)pair[1], MOST_SIDE);
  return status;
}

static DcStatus
read_steps(DcOnnxImporter *importer, const DcOnnxNode *node, const char *name, int steps[2])
{
  int64_t pair[2];
  DcStatus status = read_pair(importer, node, name, pair);
  for (size_t axis = 0; axis < 2; axis++)
    steps[axis] = status ? 1 : (int)pair[axis];
  return status;
}

static DcStatus
read_kernel(DcOnnxImporter *importer, const DcOnnxNode *node, const int64_t *standard,
            int kernel[2])
{
  int64_t pair[2];
  if (!dc_onnx_attribute(node, "kernel_shape") && !standard)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "it has no kernel_shape");
  DcStatus status = read_pair(importer, node, "kernel_shape", pair);
  if (status)
    return status;
  if (!dc_onnx_attribute(node, "kernel_shape"))
    memcpy(pair, standard, sizeof pair);
  if (standard && (pair[0] != standard[0] || pair[1] != standard[1]))
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its kernel_shape is not that of its weight");
  kernel[0] = (int)pair[0];
  kernel[1] = (int)pair[1];
  return DC_OK;
}

static DcStatus
read_pads(DcOnnxImporter *importer, const DcOnnxNode *node, int padding[4])
{
  int64_t pads[4]; /* top, left, bottom, right */
  DcStatus status =
      dc_onnx_operands_ints(node, "pads", 4, 0, importer->where, pads, importer->error);
  for (size_t i = 0; i < 4 && !status; i++) {
    if (pads[i] < 0 || pads[i] > MOST_SIDE)
      status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "a padding of %lld is not read",
                              (long long)pads[i]);
  }
  if (status)
    return status;
  padding[0] = (int)pads[0];
  padding[1] = (int)pads[2];
  padding[2] = (int)pads[1];
  padding[3] = (int)pads[3];
  return DC_OK;
}

static int
extent(const DcOnnxWindows *windows, int axis)
{
  return dc_kernel_extent(windows->kernel[axis], windows->dilation[axis]);
}

/* As many outputs as strides fit into the image; an odd rest goes to the end or, with `lower`, to
 * the start. */
static void
pad_to_same(DcOnnxWindows *windows, DcShape image, bool lower)
{
  const int length[] = {image.height, image.width};
  for (int axis = 0; axis < 2; axis++) {
    const int outputs = (length[axis] - 1) / windows->stride[axis] + 1;
    const int reach = (outputs - 1) * windows->stride[axis] + extent(windows, axis);
    const int total = reach > length[axis] ? reach - length[axis] : 0;
    windows->padding[2 * axis] = (total + lower) / 2;
    windows->padding[2 * axis + 1] = total - (total + lower) / 2;
  }
}

/* The reach of a window, so that sums of it and a side stay small. */
static DcStatus
check_extent(DcOnnxImporter *importer, const DcOnnxWindows *windows)
{
  for (int axis = 0; axis < 2; axis++) {
    if ((int64_t)windows->kernel[axis] * windows->dilation[axis] > MOST_SIDE)
      return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "a kernel of %d with dilation %d reaches beyond %d pixels",
                            windows->kernel[axis], windows->dilation[axis], MOST_SIDE);
  }
  return DC_OK;
}

static DcStatus
read_padding(DcOnnxImporter *importer, const DcOnnxNode *node, DcShape image,
             DcOnnxWindows *windows)
{
  const DcOnnxAttribute *automatic = dc_onnx_attribute(node, "auto_pad");
  const char *way = !automatic ? "NOTSET" : automatic->kind == DC_ONNX_TEXT ? automatic->text : "";
  if (!strcmp(way, "NOTSET"))
    return read_pads(importer, node, windows->padding);
  if (!strcmp(way, "SAME_UPPER") || !strcmp(way, "SAME_LOWER"))
    pad_to_same(windows, image, way[5] == 'L');
  else if (strcmp(way, "VALID") != 0)
    return dc_onnx_refuse(importer, DC_ERROR_FORMAT, "its auto_pad \"%.40s\" is not one of ONNX",
                          way);
  return DC_OK;
}

/* A last window that is only begun counts too; the room that it lacks is more padding at the end.
 * One that would lie in the padding alone does not count. */
static void
round_up(DcOnnxWindows *windows, DcShape image)
{
  const int length[] = {image.height, image.width};
  for (int axis = 0; axis < 2; axis++) {
    int *padding = &windows->padding[2 * axis];
    const int room = length[axis] + padding[0] + padding[1] - extent(windows, axis);
    if (room < 0)
      continue;
    const int stride = windows->stride[axis];
    int steps = (room + stride - 1) / stride;
    if (steps * stride >= length[axis] + padding[0])
      steps--;
    const int reach = steps * stride + extent(windows, axis);
    if (reach > length[axis] + padding[0] + padding[1])
      padding[1] = reach - length[axis] - padding[0];
  }
}

DcStatus
dc_onnx_read_windows(DcOnnxImporter *importer, const DcOnnxNode *node, DcShape image,
                     const int64_t *kernel, DcOnnxWindows *windows)
{
  *windows = (DcOnnxWindows){0};
  int64_t ceil_mode;
  DcStatus status = read_kernel(importer, node, kernel, windows->kernel);
  if (!status)
    status = read_steps(importer, node, "strides", windows->stride);
  if (!status)
    status = read_steps(importer, node, "dilations", windows->dilation);
  if (!status)
    status = check_extent(importer, windows);
  if (!status)
    status = read_padding(importer, node, image, windows);
  if (!status)
    status =
        dc_onnx_operands_int(node, "ceil_mode", 0, importer->where, &ceil_mode, importer->error);
  if (!status && ceil_mode)
    round_up(windows, image);
  return status;
}

void
dc_onnx_set_windows(const DcOnnxWindows *windows, DcLayer *layer)
{
  layer->kernel_height = windows->kernel[0];
  layer->kernel_width = windows->kernel[1];
  layer->stride = windows->stride[0];
  layer->stride_across = windows->stride[1] == windows->stride[0] ? 0 : windows->stride[1];
  layer->dilation = windows->dilation[0];
  layer->dilation_across = windows->dilation[1] == windows->dilation[0] ? 0 : windows->dilation[1];
  memcpy(layer->padding, windows->padding, sizeof layer->padding);
}

DcStatus
dc_onnx_pad_apart(DcOnnxImporter *importer, DcOnnxEntry *entry, DcOnnxWindows *windows)
{
  DcLayer pad = {.kind = DC_LAYER_PAD};
  memcpy(pad.padding, windows->padding, sizeof pad.padding);
  memset(windows->padding, 0, sizeof windows->padding);
  return dc_onnx_add(importer, pad, entry->number, entry->number, &entry->number);
}
