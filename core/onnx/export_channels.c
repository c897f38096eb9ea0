/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layers that go over the channels of each pixel, or over all numbers alike. Axis 1 of the graph's
 * values is the channels, whether there are pixels behind it or not. */
#include "onnx/exporter.h"

#include <float.h>

/* The input as it is there, if axis 1 can be its channels. */
static DcOnnxMade
take_input(DcOnnxExporter *exporter)
{
  DcOnnxFlow *flow = dc_onnx_input(exporter);
  const DcOnnxForm form = dc_onnx_channel_form(flow);
  return (DcOnnxMade){form, dc_onnx_in_form(exporter, flow, form)};
}

static DcOnnxMade
scale_and_shift(DcOnnxExporter *exporter, DcOnnxMade made)
{
  const char *weight =
      dc_onnx_add_per_channel(exporter, "weight", exporter->layer->weight, made.form);
  const char *bias = dc_onnx_add_per_channel(exporter, "bias", exporter->layer->bias, made.form);
  const char *scaled = dc_onnx_apply_two(&exporter->writer, "Mul", made.name, weight);
  made.name = dc_onnx_apply_two(&exporter->writer, "Add", scaled, bias);
  return made;
}

DcOnnxMade
dc_onnx_write_affine(DcOnnxExporter *exporter)
{
  return scale_and_shift(exporter, take_input(exporter));
}

DcOnnxMade
dc_onnx_write_prelu(DcOnnxExporter *exporter)
{
  DcOnnxMade made = take_input(exporter);
  const char *slope =
      dc_onnx_add_per_channel(exporter, "slope", exporter->layer->weight, made.form);
  made.name = dc_onnx_apply_two(&exporter->writer, "PRelu", made.name, slope);
  return made;
}

static const char *
reduce_channels(DcOnnxWriter *writer, const char *op, const char *name)
{
  static const int64_t axes[] = {1};
  Onnx__NodeProto *node = dc_onnx_add_node(writer, op, 1, &name);
  dc_onnx_put_ints(writer, node, "axes", 1, axes);
  dc_onnx_put_int(writer, node, "keepdims", 1);
  return dc_onnx_output_of(node);
}

/* An operator from opset 17 on. */
DcOnnxMade
dc_onnx_write_layer_norm(DcOnnxExporter *exporter)
{
  DcOnnxWriter *writer = &exporter->writer;
  DcOnnxMade made = take_input(exporter);
  const char *mean = reduce_channels(writer, "ReduceMean", made.name);
  const char *centred = dc_onnx_apply_two(writer, "Sub", made.name, mean);
  const char *squares = dc_onnx_apply_two(writer, "Mul", centred, centred);
  const char *variance = reduce_channels(writer, "ReduceMean", squares);
  const char *epsilon = dc_onnx_add_scalar(writer, exporter->layer->epsilon);
  const char *sum = dc_onnx_apply_two(writer, "Add", variance, epsilon);
  const char *deviation = dc_onnx_apply(writer, "Sqrt", sum);
  made.name = dc_onnx_apply_two(writer, "Div", centred, deviation);
  return scale_and_shift(exporter, made);
}

/* Also of vectors, which are maps of one pixel then: each number becomes the bias. */
DcOnnxMade
dc_onnx_write_instance_norm(DcOnnxExporter *exporter)
{
  DcOnnxWriter *writer = &exporter->writer;
  const DcLayer *layer = exporter->layer;
  const int64_t channels[] = {layer->output.channels};
  const char *const inputs[] = {dc_onnx_in_form(exporter, dc_onnx_input(exporter), DC_ONNX_MAP),
                                dc_onnx_add_floats(writer, "scale", layer->weight, 1, channels),
                                dc_onnx_add_floats(writer, "bias", layer->bias, 1, channels)};
  Onnx__NodeProto *node = dc_onnx_add_node(writer, "InstanceNormalization", 3, inputs);
  dc_onnx_put_float(writer, node, "epsilon", layer->epsilon);
  return (DcOnnxMade){DC_ONNX_MAP, dc_onnx_output_of(node)};
}

/* ONNX's alpha is for the mean of the squares, the network's scale for their sum. */
DcOnnxMade
dc_onnx_write_response_norm(DcOnnxExporter *exporter)
{
  DcOnnxWriter *writer = &exporter->writer;
  const DcResponse *response = &exporter->layer->response;
  const char *map = dc_onnx_in_form(exporter, dc_onnx_input(exporter), DC_ONNX_MAP);
  Onnx__NodeProto *node = dc_onnx_add_node(writer, "LRN", 1, &map);
  dc_onnx_put_int(writer, node, "size", response->size);
  dc_onnx_put_float(writer, node, "alpha", response->scale * (float)response->size);
  dc_onnx_put_float(writer, node, "beta", response->power);
  dc_onnx_put_float(writer, node, "bias", response->bias);
  return (DcOnnxMade){DC_ONNX_MAP, dc_onnx_output_of(node)};
}

DcOnnxMade
dc_onnx_write_softmax(DcOnnxExporter *exporter)
{
  DcOnnxMade made = take_input(exporter);
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, "Softmax", 1, &made.name);
  dc_onnx_put_int(&exporter->writer, node, "axis", 1);
  made.name = dc_onnx_output_of(node);
  return made;
}

/* Over all numbers of a sample. A zero sample stays zero, since its length is taken to be the least
 * above zero. */
DcOnnxMade
dc_onnx_write_l2_normalise(DcOnnxExporter *exporter)
{
  DcOnnxWriter *writer = &exporter->writer;
  DcOnnxFlow *flow = dc_onnx_input(exporter);
  const DcOnnxForm form = dc_onnx_is_vector(flow->shape) ? dc_onnx_any_form(flow) : DC_ONNX_FLAT;
  const char *name = dc_onnx_in_form(exporter, flow, form);
  const char *length = reduce_channels(writer, "ReduceL2", name);
  length = dc_onnx_apply_two(writer, "Clip", length, dc_onnx_add_scalar(writer, FLT_MIN));
  return (DcOnnxMade){form, dc_onnx_apply_two(writer, "Div", name, length)};
}

/* Two values, the second in the form of the first. */
static DcOnnxMade
write_pair(DcOnnxExporter *exporter, const char *op)
{
  DcOnnxMade made = take_input(exporter);
  const char *second = dc_onnx_in_form(exporter, dc_onnx_second_input(exporter), made.form);
  made.name = dc_onnx_apply_two(&exporter->writer, op, made.name, second);
  return made;
}

DcOnnxMade
dc_onnx_write_add(DcOnnxExporter *exporter)
{
  return write_pair(exporter, "Add");
}

DcOnnxMade
dc_onnx_write_multiply(DcOnnxExporter *exporter)
{
  return write_pair(exporter, "Mul");
}

DcOnnxMade
dc_onnx_write_concatenate(DcOnnxExporter *exporter)
{
  const DcOnnxMade made = take_input(exporter);
  const char *const inputs[] = {made.name, dc_onnx_in_form(exporter, dc_onnx_second_input(exporter),
                                                           made.form)};
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, "Concat", 2, inputs);
  dc_onnx_put_int(&exporter->writer, node, "axis", 1);
  return (DcOnnxMade){made.form, dc_onnx_output_of(node)};
}
