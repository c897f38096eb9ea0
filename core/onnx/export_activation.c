/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Activations; those that opset 13 has no operator for are spelled out. */
#include "onnx/exporter.h"

static const char *
with_number(DcOnnxWriter *writer, const char *op, const char *name, float number)
{
  return dc_onnx_apply_two(writer, op, name, dc_onnx_add_scalar(writer, number));
}

static const char *
leaky_relu(DcOnnxWriter *writer, const char *x, float slope)
{
  Onnx__NodeProto *node = dc_onnx_add_node(writer, "LeakyRelu", 1, &x);
  dc_onnx_put_float(writer, node, "alpha", slope);
  return dc_onnx_output_of(node);
}

static const char *
hard_sigmoid(DcOnnxWriter *writer, const char *x, float slope, float shift)
{
  Onnx__NodeProto *node = dc_onnx_add_node(writer, "HardSigmoid", 1, &x);
  dc_onnx_put_float(writer, node, "alpha", slope);
  dc_onnx_put_float(writer, node, "beta", shift);
  return dc_onnx_output_of(node);
}

static const char *
clip(DcOnnxWriter *writer, const char *x, float low, float high)
{
  const char *const inputs[] = {x, dc_onnx_add_scalar(writer, low),
                                dc_onnx_add_scalar(writer, high)};
  return dc_onnx_output_of(dc_onnx_add_node(writer, "Clip", 3, inputs));
}

/* x / 2 * (1 + y) */
static const char *
half_of_both(DcOnnxWriter *writer, const char *x, const char *y)
{
  const char *sum = with_number(writer, "Add", y, 1);
  return with_number(writer, "Mul", dc_onnx_apply_two(writer, "Mul", x, sum), 0.5f);
}

/* x / 2 * (1 + erf(x / sqrt(2))) */
static const char *
gelu(DcOnnxWriter *writer, const char *x)
{
  const char *scaled = with_number(writer, "Div", x, 1.41421356237309504880f);
  return half_of_both(writer, x, dc_onnx_apply(writer, "Erf", scaled));
}

/* x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) */
static const char *
gelu_tanh(DcOnnxWriter *writer, const char *x)
{
  const char *cube = dc_onnx_apply_two(writer, "Mul", dc_onnx_apply_two(writer, "Mul", x, x), x);
  const char *sum =
      dc_onnx_apply_two(writer, "Add", x, with_number(writer, "Mul", cube, 0.044715f));
  const char *scaled = with_number(writer, "Mul", sum, 0.79788456080286535588f);
  return half_of_both(writer, x, dc_onnx_apply(writer, "Tanh", scaled));
}

const char *
dc_onnx_emit_activation(DcOnnxExporter *exporter, const char *name)
{
  DcOnnxWriter *writer = &exporter->writer;
  const DcLayer *layer = exporter->layer;
  switch (layer->activation) {
  case DC_ACTIVATION_RELU:
    return dc_onnx_apply(writer, "Relu", name);
  case DC_ACTIVATION_LEAKY_RELU:
    return leaky_relu(writer, name, layer->slope);
  case DC_ACTIVATION_GELU:
    return gelu(writer, name);
  case DC_ACTIVATION_GELU_TANH:
    return gelu_tanh(writer, name);
  case DC_ACTIVATION_CLIP:
    return clip(writer, name, layer->low, layer->high);
  case DC_ACTIVATION_SIGMOID:
    return dc_onnx_apply(writer, "Sigmoid", name);
  case DC_ACTIVATION_HARD_SIGMOID:
    return hard_sigmoid(writer, name, layer->slope, layer->shift);
  case DC_ACTIVATION_HARD_SWISH: /* an operator from opset 14 on */
    return dc_onnx_apply_two(writer, "Mul", name, hard_sigmoid(writer, name, 1 / 6.0f, 0.5f));
  case DC_ACTIVATION_SILU:
    return dc_onnx_apply_two(writer, "Mul", name, dc_onnx_apply(writer, "Sigmoid", name));
  case DC_ACTIVATION_TANH:
    return dc_onnx_apply(writer, "Tanh", name);
  case DC_ACTIVATION_NONE:
    break;
  }
  return name;
}
