/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Values in one form and another. */
#include "onnx/exporter.h"

DcOnnxFlow *
dc_onnx_input(const DcOnnxExporter *exporter)
{
  return &exporter->flows[dc_layer_source(exporter->layer, exporter->index)];
}

DcOnnxFlow *
dc_onnx_second_input(const DcOnnxExporter *exporter)
{
  return &exporter->flows[dc_layer_second_source(exporter->layer, exporter->index)];
}

const char *
dc_onnx_emit_reshape(DcOnnxExporter *exporter, const char *name, size_t rank, const int64_t *shape)
{
  const char *sizes = dc_onnx_add_whole(&exporter->writer, "shape", rank, shape);
  return dc_onnx_apply_two(&exporter->writer, "Reshape", name, sizes);
}

const char *
dc_onnx_transpose(DcOnnxExporter *exporter, const char *name, size_t rank, const int64_t *order)
{
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, "Transpose", 1, &name);
  dc_onnx_put_ints(&exporter->writer, node, "perm", rank, order);
  return dc_onnx_output_of(node);
}

/* Whether both forms have the numbers in one order. */
static bool
is_one_order(DcShape shape)
{
  return shape.channels == 1 || dc_onnx_is_vector(shape);
}

/* In the shapes 0 stands for the size that there is: N. */
static const char *
flatten(DcOnnxExporter *exporter, const char *map, DcShape shape)
{
  static const int64_t channels_last[] = {0, 2, 3, 1};
  const int64_t flat[] = {0, (int64_t)dc_shape_size(shape)};
  if (!is_one_order(shape))
    map = dc_onnx_transpose(exporter, map, 4, channels_last);
  return dc_onnx_emit_reshape(exporter, map, 2, flat);
}

static const char *
unflatten(DcOnnxExporter *exporter, const char *flat, DcShape shape)
{
  static const int64_t channels_first[] = {0, 3, 1, 2};
  const int64_t last[] = {0, shape.height, shape.width, shape.channels};
  const int64_t first[] = {0, shape.channels, shape.height, shape.width};
  if (is_one_order(shape))
    return dc_onnx_emit_reshape(exporter, flat, 4, first);
  return dc_onnx_transpose(exporter, dc_onnx_emit_reshape(exporter, flat, 4, last), 4,
                           channels_first);
}

const char *
dc_onnx_in_form(DcOnnxExporter *exporter, DcOnnxFlow *flow, DcOnnxForm form)
{
  const char **name = &flow->names[form];
  if (*name)
    return *name;
  if (form == DC_ONNX_FLAT)
    *name = flatten(exporter, flow->names[DC_ONNX_MAP], flow->shape);
  else
    *name = unflatten(exporter, flow->names[DC_ONNX_FLAT], flow->shape);
  return *name;
}

DcOnnxForm
dc_onnx_any_form(const DcOnnxFlow *flow)
{
  return flow->names[DC_ONNX_MAP] ? DC_ONNX_MAP : DC_ONNX_FLAT;
}

DcOnnxForm
dc_onnx_channel_form(const DcOnnxFlow *flow)
{
  return dc_onnx_is_vector(flow->shape) ? dc_onnx_any_form(flow) : DC_ONNX_MAP;
}

/* Copies the axes from the second on; `from` stands at the beginning of `sizes` numbers whose
 * strides are given in the order of the copy. */
static void
permute(const float *from, const int64_t sizes[4], const int64_t strides[4], float *to)
{
  for (int64_t a = 0; a < sizes[0]; a++)
    for (int64_t b = 0; b < sizes[1]; b++)
      for (int64_t c = 0; c < sizes[2]; c++)
        for (int64_t d = 0; d < sizes[3]; d++)
          *to++ = from[a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3]];
}

const char *
dc_onnx_add_permuted(DcOnnxExporter *exporter, const float *numbers, const int64_t sizes[4],
                     const int order[4], size_t rank, const int64_t *shape)
{
  const int64_t strides[4] = {sizes[1] * sizes[2] * sizes[3], sizes[2] * sizes[3], sizes[3], 1};
  int64_t new_sizes[4], new_strides[4];
  for (int i = 0; i < 4; i++) {
    new_sizes[i] = sizes[order[i]];
    new_strides[i] = strides[order[i]];
  }
  const size_t count = (size_t)(strides[0] * sizes[0]);
  float *permuted = dc_onnx_writer_take(&exporter->writer, count, sizeof *permuted);
  if (!permuted)
    return "";
  permute(numbers, new_sizes, new_strides, permuted);
  return dc_onnx_add_floats(&exporter->writer, "weight", permuted, rank, shape);
}

const char *
dc_onnx_add_per_channel(DcOnnxExporter *exporter, const char *purpose, const float *numbers,
                        DcOnnxForm form)
{
  const int64_t shape[] = {exporter->layer->output.channels, 1, 1};
  return dc_onnx_add_floats(&exporter->writer, purpose, numbers, form == DC_ONNX_MAP ? 3 : 1,
                            shape);
}
