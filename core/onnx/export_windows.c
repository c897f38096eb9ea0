/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layers that go over a map by windows, or make a vector of all of it. */
#include "onnx/exporter.h"

/* ONNX: those at the beginning of each axis, then those at the end. */
static void
put_pads(DcOnnxExporter *exporter, Onnx__NodeProto *node)
{
  const int *padding = exporter->layer->padding;
  const int64_t pads[] = {padding[0], padding[2], padding[1], padding[3]};
  dc_onnx_put_ints(&exporter->writer, node, "pads", 4, pads);
}

static Onnx__NodeProto *
add_window_node(DcOnnxExporter *exporter, const char *op, size_t count, const char *const *inputs)
{
  const DcLayer *layer = exporter->layer;
  const int64_t kernel[] = {layer->kernel_height, layer->kernel_width};
  const int64_t strides[] = {layer->stride, dc_layer_stride_across(layer)};
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, op, count, inputs);
  dc_onnx_put_ints(&exporter->writer, node, "kernel_shape", 2, kernel);
  dc_onnx_put_ints(&exporter->writer, node, "strides", 2, strides);
  put_pads(exporter, node);
  return node;
}

static DcOnnxMade
map_of(const Onnx__NodeProto *node)
{
  return (DcOnnxMade){DC_ONNX_MAP, dc_onnx_output_of(node)};
}

/* --- convolutions --- */

/* Input, weight and bias; the weight kh x kw x a x b as b x a x kh x kw. */
static Onnx__NodeProto *
add_convolution(DcOnnxExporter *exporter, const char *op, int64_t a, int64_t b)
{
  static const int order[] = {3, 2, 0, 1};
  const DcLayer *layer = exporter->layer;
  const int64_t sizes[] = {layer->kernel_height, layer->kernel_width, a, b};
  const int64_t shape[] = {b, a, layer->kernel_height, layer->kernel_width};
  const int64_t channels[] = {layer->output.channels};
  const char *const inputs[] = {
      dc_onnx_in_form(exporter, dc_onnx_input(exporter), DC_ONNX_MAP),
      dc_onnx_add_permuted(exporter, layer->weight, sizes, order, 4, shape),
      dc_onnx_add_floats(&exporter->writer, "bias", layer->bias, 1, channels)};
  return add_window_node(exporter, op, 3, inputs);
}

static DcOnnxMade
write_thinned(DcOnnxExporter *exporter, int64_t a, int64_t b, int64_t groups)
{
  const int64_t dilations[] = {dc_layer_dilation(exporter->layer),
                               dc_layer_dilation_across(exporter->layer)};
  Onnx__NodeProto *node = add_convolution(exporter, "Conv", a, b);
  dc_onnx_put_ints(&exporter->writer, node, "dilations", 2, dilations);
  dc_onnx_put_int(&exporter->writer, node, "group", groups);
  return map_of(node);
}

DcOnnxMade
dc_onnx_write_conv(DcOnnxExporter *exporter)
{
  const int groups = dc_layer_groups(exporter->layer);
  return write_thinned(exporter, dc_onnx_input(exporter)->shape.channels / groups,
                       exporter->layer->output.channels, groups);
}

DcOnnxMade
dc_onnx_write_depthwise(DcOnnxExporter *exporter)
{
  const int channels = exporter->layer->output.channels;
  return write_thinned(exporter, 1, channels, channels);
}

/* Rows or columns of the output that no window reaches, since a stride rounds down. */
static int64_t
unreached(int in, int out, int kernel, int stride, int before, int after)
{
  return out - ((int64_t)stride * (in - 1) + kernel - before - after);
}

DcOnnxMade
dc_onnx_write_transposed(DcOnnxExporter *exporter)
{
  const DcLayer *layer = exporter->layer;
  const DcShape in = dc_onnx_input(exporter)->shape, out = layer->output;
  const int64_t more[] = {unreached(in.height, out.height, layer->kernel_height, layer->stride,
                                    layer->padding[0], layer->padding[1]),
                          unreached(in.width, out.width, layer->kernel_width,
                                    dc_layer_stride_across(layer), layer->padding[2],
                                    layer->padding[3])};
  Onnx__NodeProto *node = add_convolution(exporter, "ConvTranspose", out.channels, in.channels);
  dc_onnx_put_ints(&exporter->writer, node, "output_padding", 2, more);
  return map_of(node);
}

/* --- pools --- */

static Onnx__NodeProto *
add_pool(DcOnnxExporter *exporter, const char *op)
{
  const char *map = dc_onnx_in_form(exporter, dc_onnx_input(exporter), DC_ONNX_MAP);
  return add_window_node(exporter, op, 1, &map);
}

DcOnnxMade
dc_onnx_write_max_pool(DcOnnxExporter *exporter)
{
  return map_of(add_pool(exporter, "MaxPool"));
}

DcOnnxMade
dc_onnx_write_average_pool(DcOnnxExporter *exporter)
{
  Onnx__NodeProto *node = add_pool(exporter, "AveragePool");
  dc_onnx_put_int(&exporter->writer, node, "count_include_pad", 0);
  return map_of(node);
}

DcOnnxMade
dc_onnx_write_global_average_pool(DcOnnxExporter *exporter)
{
  const char *map = dc_onnx_in_form(exporter, dc_onnx_input(exporter), DC_ONNX_MAP);
  return (DcOnnxMade){DC_ONNX_MAP, dc_onnx_apply(&exporter->writer, "GlobalAveragePool", map)};
}

/* --- others --- */

DcOnnxMade
dc_onnx_write_pad(DcOnnxExporter *exporter)
{
  const int *padding = exporter->layer->padding;
  const int64_t pads[] = {0, 0, padding[0], padding[2], 0, 0, padding[1], padding[3]};
  const char *map = dc_onnx_in_form(exporter, dc_onnx_input(exporter), DC_ONNX_MAP);
  const char *sizes = dc_onnx_add_whole(&exporter->writer, "pads", 8, pads);
  return (DcOnnxMade){DC_ONNX_MAP, dc_onnx_apply_two(&exporter->writer, "Pad", map, sizes)};
}

/* The weight in x out as out x in, the way that most programs expect it. Its columns are in the
 * order of the numbers that come in: of a flat value the network's, of a map channels first, so
 * that the map need not be transposed. */
static const char *
dense_weight(DcOnnxExporter *exporter, DcShape in, DcOnnxForm form)
{
  static const int flat_order[] = {3, 0, 1, 2}, map_order[] = {3, 2, 0, 1};
  const DcLayer *layer = exporter->layer;
  const int64_t shape[] = {layer->output.channels, (int64_t)dc_shape_size(in)};
  const int64_t sizes[] = {in.height, in.width, in.channels, layer->output.channels};
  return dc_onnx_add_permuted(exporter, layer->weight, sizes,
                              form == DC_ONNX_FLAT ? flat_order : map_order, 2, shape);
}

DcOnnxMade
dc_onnx_write_dense(DcOnnxExporter *exporter)
{
  DcOnnxFlow *flow = dc_onnx_input(exporter);
  const DcOnnxForm form = flow->names[DC_ONNX_FLAT] ? DC_ONNX_FLAT : DC_ONNX_MAP;
  const int64_t flat[] = {0, (int64_t)dc_shape_size(flow->shape)};
  const int64_t channels[] = {exporter->layer->output.channels};
  const char *input = flow->names[form];
  if (form == DC_ONNX_MAP)
    input = dc_onnx_emit_reshape(exporter, input, 2, flat);
  const char *const inputs[] = {input, dense_weight(exporter, flow->shape, form),
                                dc_onnx_add_floats(&exporter->writer, "bias", exporter->layer->bias,
                                                   1, channels)};
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, "Gemm", 3, inputs);
  dc_onnx_put_int(&exporter->writer, node, "transB", 1);
  return (DcOnnxMade){DC_ONNX_FLAT, dc_onnx_output_of(node)};
}
