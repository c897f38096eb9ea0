/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pools, means over pixels, and zeros around an image. */
#include "onnx/import_windows.h"
#include "onnx/importer.h"
#include "onnx/operands.h"

#include <string.h>

static DcShape
shape_of(const DcOnnxImporter *importer, const DcOnnxEntry *entry)
{
  return dc_network_value(importer->network, entry->number);
}

/* Appends `layer` after the map `input` and binds output 0 to the map that it makes. */
static DcStatus
add_map_layer(DcOnnxImporter *importer, const DcOnnxNode *node, const DcOnnxEntry *input,
              DcLayer layer)
{
  size_t number;
  DcStatus status = dc_onnx_add(importer, layer, input->number, input->number, &number);
  if (!status)
    dc_onnx_bind(importer, node, 0, number,
                 dc_onnx_view_of_map(dc_network_value(importer->network, number)));
  return status;
}

/* --- MaxPool, AveragePool --- */

static DcStatus
read_pool(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry **input,
          DcOnnxWindows *windows)
{
  DcStatus status = dc_onnx_flow(importer, node, 0, input);
  if (!status)
    status = dc_onnx_take_map(importer, *input);
  if (!status)
    status = dc_onnx_read_windows(importer, node, shape_of(importer, *input), NULL, windows);
  if (!status && (windows->dilation[0] != 1 || windows->dilation[1] != 1))
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "pools with dilation are not read");
  return status;
}

static DcStatus
import_max_pool(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  DcOnnxWindows windows;
  DcStatus status = read_pool(importer, node, &input, &windows);
  if (status)
    return status;
  DcLayer layer = {.kind = DC_LAYER_MAX_POOL};
  dc_onnx_set_windows(&windows, &layer);
  return add_map_layer(importer, node, input, layer);
}

static DcStatus
import_average_pool(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  DcOnnxWindows windows;
  int64_t counts_padding, ceil_mode;
  DcStatus status = read_pool(importer, node, &input, &windows);
  if (!status)
    status = dc_onnx_operands_int(node, "count_include_pad", 0, importer->where, &counts_padding,
                                  importer->error);
  if (!status)
    status =
        dc_onnx_operands_int(node, "ceil_mode", 0, importer->where, &ceil_mode, importer->error);
  if (status)
    return status;
  DcOnnxEntry image = *input;
  if (counts_padding && ceil_mode)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "count_include_pad together with ceil_mode is not read");
  if (counts_padding &&
      (windows.padding[0] || windows.padding[1] || windows.padding[2] || windows.padding[3]))
    status = dc_onnx_pad_apart(importer, &image, &windows);
  DcLayer layer = {.kind = DC_LAYER_AVERAGE_POOL};
  dc_onnx_set_windows(&windows, &layer);
  return status ? status : add_map_layer(importer, node, &image, layer);
}

/* --- over all pixels --- */

static DcStatus
pool_all(DcOnnxImporter *importer, const DcOnnxNode *node, DcLayerKind kind)
{
  DcOnnxEntry *input;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_take_map(importer, input);
  if (status)
    return status;
  DcLayer layer = {.kind = kind};
  if (kind == DC_LAYER_MAX_POOL) {
    const DcShape shape = shape_of(importer, input);
    layer.kernel_height = shape.height;
    layer.kernel_width = shape.width;
    layer.stride = 1;
  }
  return add_map_layer(importer, node, input, layer);
}

static DcStatus
import_global_average(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  return pool_all(importer, node, DC_LAYER_GLOBAL_AVERAGE_POOL);
}

static DcStatus
import_global_max(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  return pool_all(importer, node, DC_LAYER_MAX_POOL);
}

/* --- reductions --- */

/* What is reduced, with axes counted without the batch. */
typedef struct {
  DcOnnxEntry *input;
  unsigned axes;
  bool keeps; /* reduced axes stay, with length 1 */
} Reduction;

static DcStatus
read_reduction(DcOnnxImporter *importer, const DcOnnxNode *node, Reduction *reduction)
{
  const DcOnnxTensor *list;
  unsigned axes;
  int64_t keeps;
  DcStatus status = dc_onnx_flow(importer, node, 0, &reduction->input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, false, "axes", &list);
  if (!status)
    status = dc_onnx_operands_axes(node, list, reduction->input->view.rank + 1, importer->where,
                                   &axes, importer->error);
  if (!status)
    status = dc_onnx_operands_int(node, "keepdims", 1, importer->where, &keeps, importer->error);
  if (!status && (axes == 0 || axes & 1))
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it mixes pictures of a batch");
  if (status)
    return status;
  reduction->axes = axes >> 1;
  reduction->keeps = keeps != 0;
  return DC_OK;
}

/* The axes after reduction; returns their number. */
static size_t
reduced_sizes(const Reduction *reduction, int64_t *size)
{
  const DcOnnxView *view = &reduction->input->view;
  size_t rank = 0;
  for (size_t i = 0; i < view->rank; i++) {
    if (!(reduction->axes & 1u << i))
      size[rank++] = view->size[i];
    else if (reduction->keeps)
      size[rank++] = 1;
  }
  return rank;
}

/* A pool whose window is all that is reduced of height and width. */
static DcLayer
reducing_pool(bool average, DcShape shape, bool height, bool width)
{
  if (average && height && width)
    return (DcLayer){.kind = DC_LAYER_GLOBAL_AVERAGE_POOL};
  return (DcLayer){.kind = average ? DC_LAYER_AVERAGE_POOL : DC_LAYER_MAX_POOL,
                   .kernel_height = height ? shape.height : 1,
                   .kernel_width = width ? shape.width : 1,
                   .stride = 1};
}

static DcStatus
reduce(DcOnnxImporter *importer, const DcOnnxNode *node, bool average)
{
  Reduction reduction;
  DcStatus status = read_reduction(importer, node, &reduction);
  if (status)
    return status;
  DcOnnxEntry *input = reduction.input;
  const size_t rank = input->view.rank;
  bool height = true, width = true;
  if (rank == 3 && !(reduction.axes & 1)) { /* channels x height x width */
    status = dc_onnx_take_map(importer, input);
    height = reduction.axes & 2;
    width = reduction.axes & 4;
  } else if (rank >= 2 && reduction.axes == (1u << (rank - 1)) - 1) { /* all x channels */
    status = dc_onnx_take_rows(importer, input);
  } else {
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                          "only reductions over pixels, not over channels, are read");
  }
  size_t number;
  if (!status)
    status = dc_onnx_add(importer, reducing_pool(average, shape_of(importer, input), height, width),
                         input->number, input->number, &number);
  if (status)
    return status;
  /* The reduced axes have length 1 now, which every stride suits; the others lie as in the map. */
  int64_t size[DC_ONNX_MOST_AXES];
  const size_t left = reduced_sizes(&reduction, size);
  const DcShape made = dc_network_value(importer->network, number);
  const DcOnnxView map = dc_onnx_view_of_map(made);
  const int64_t channels = made.channels;
  const DcOnnxView all =
      rank == 3 && !(reduction.axes & 1) ? map : dc_onnx_view_dense(1, &channels);
  DcOnnxView view;
  if (!dc_onnx_view_reshape(&all, left, size, &view))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "its result cannot be laid out");
  dc_onnx_bind(importer, node, 0, number, view);
  return DC_OK;
}

static DcStatus
import_reduce_mean(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  return reduce(importer, node, true);
}

static DcStatus
import_reduce_max(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  return reduce(importer, node, false);
}

/* --- Pad --- */

/* `pads` is first for all axes, then last for all axes, the batch included. */
static DcStatus
import_pad(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *list, *value;
  const DcOnnxAttribute *mode = dc_onnx_attribute(node, "mode");
  const DcOnnxAttribute *attribute = dc_onnx_attribute(node, "pads");
  float fill;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, false, "pads", &list);
  if (!status)
    status = dc_onnx_constant(importer, node, 2, false, "value", &value);
  if (!status)
    status = dc_onnx_operands_float(node, "value", 0, importer->where, &fill, importer->error);
  if (status)
    return status;
  if ((mode && mode->kind == DC_ONNX_TEXT && strcmp(mode->text, "constant") != 0) || fill != 0 ||
      (value && (!value->floats || value->count != 1 || value->floats[0] != 0)))
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "only padding with zeros is read");
  const bool by_attribute = !list && attribute && attribute->kind == DC_ONNX_INTS;
  const int64_t *pads = list ? list->whole : by_attribute ? attribute->whole : NULL;
  const size_t count = list ? list->count : by_attribute ? attribute->count : 0;
  if (!pads || count != 8)
    return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "it must have 8 pads, for images");
  for (size_t i = 0; i < 8; i++) {
    if (pads[i] < 0 || pads[i] > 65536 || (pads[i] && i % 4 < 2))
      return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "only padding around the image, of 0 .. 65536 pixels, is read");
  }
  DcLayer layer = {.kind = DC_LAYER_PAD,
                   .padding = {(int)pads[2], (int)pads[6], (int)pads[3], (int)pads[7]}};
  status = dc_onnx_take_map(importer, input);
  return status ? status : add_map_layer(importer, node, input, layer);
}

static const struct {
  const char *op;
  DcOnnxOperator import;
} operators[] = {
    {"MaxPool", import_max_pool},
    {"AveragePool", import_average_pool},
    {"GlobalAveragePool", import_global_average},
    {"GlobalMaxPool", import_global_max},
    {"ReduceMean", import_reduce_mean},
    {"ReduceMax", import_reduce_max},
    {"Pad", import_pad},
};

DcOnnxOperator
dc_onnx_find_pool(const char *op)
{
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    if (!strcmp(operators[i].op, op))
      return operators[i].import;
  }
  return NULL;
}
