/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Softmax and norms: what looks at all channels of a pixel, or all numbers of a vector. */
#include "onnx/importer.h"
#include "onnx/operands.h"

#include <string.h>

/* Brings `entry` into the form in which `axis` (the batch counted, negative from the end) is the
 * channels. */
static DcStatus
take_axis(DcOnnxImporter *importer, DcOnnxEntry *entry, int64_t axis)
{
  const int64_t rank = (int64_t)entry->view.rank + 1;
  const int64_t from_front = axis + (axis < 0 ? rank : 0);
  if (from_front == rank - 1 && rank > 1)
    return dc_onnx_take_rows(importer, entry);
  if (from_front == 1 && rank == 4)
    return dc_onnx_take_map(importer, entry);
  return dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                        "it must be over the channels or the last axis, but is over axis %lld of "
                        "%lld",
                        (long long)axis, (long long)rank);
}

static DcStatus
add_same_shape(DcOnnxImporter *importer, const DcOnnxNode *node, const DcOnnxEntry *entry,
               DcLayer layer)
{
  size_t number;
  DcStatus status = dc_onnx_add(importer, layer, entry->number, entry->number, &number);
  if (!status)
    dc_onnx_bind(importer, node, 0, number, entry->view);
  return status;
}

/* Until opset 12 a softmax goes over all axes from `axis` on, taken as one: the same as over `axis`
 * where those behind it are of length 1. */
static DcStatus
import_softmax(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  int64_t axis = 0;
  const bool flattens = importer->graph->opset < 13;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_operands_axis(node, flattens ? 1 : -1, input->view.rank + 1, importer->where,
                                   &axis, importer->error);
  for (size_t i = (size_t)axis; !status && flattens && i < input->view.rank; i++) {
    if (input->view.size[i] != 1)
      status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                              "a softmax over several axes together is not read");
  }
  if (!status)
    status = take_axis(importer, input, axis);
  return status ? status
                : add_same_shape(importer, node, input, (DcLayer){.kind = DC_LAYER_SOFTMAX});
}

DcStatus
dc_onnx_import_layer_norm(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry,
                          int64_t axis, float epsilon)
{
  DcStatus status = take_axis(importer, entry, axis);
  if (!status)
    status = add_same_shape(importer, node, entry,
                            (DcLayer){.kind = DC_LAYER_LAYER_NORM, .epsilon = epsilon});
  DcLayer *layer = status ? NULL : dc_onnx_last_layer(importer);
  for (size_t i = 0; layer && i < layer->weight_size; i++)
    layer->weight[i] = 1;
  return status;
}

static DcStatus
import_layer_normalization(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *weight, *bias;
  int64_t axis;
  float epsilon;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "scale", &weight);
  if (!status)
    status = dc_onnx_constant(importer, node, 2, false, "bias", &bias);
  if (!status)
    status = dc_onnx_operands_axis(node, -1, input->view.rank + 1, importer->where, &axis,
                                   importer->error);
  if (!status)
    status =
        dc_onnx_operands_float(node, "epsilon", 1e-5f, importer->where, &epsilon, importer->error);
  if (!status && axis != (int64_t)input->view.rank)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "only the last axis alone is read");
  if (!status)
    status = dc_onnx_import_layer_norm(importer, node, input, axis, epsilon);
  if (status)
    return status;
  DcLayer *layer = dc_onnx_last_layer(importer);
  const float *weights, *biases = NULL;
  status = dc_onnx_constant_floats(importer, weight, "scale", layer->weight_size, &weights);
  if (!status && bias)
    status = dc_onnx_constant_floats(importer, bias, "bias", layer->bias_size, &biases);
  if (status)
    return status;
  memcpy(layer->weight, weights, layer->weight_size * sizeof *weights);
  if (biases)
    memcpy(layer->bias, biases, layer->bias_size * sizeof *biases);
  return DC_OK;
}

DcStatus
dc_onnx_import_unit_length(DcOnnxImporter *importer, const DcOnnxNode *node, DcOnnxEntry *entry,
                           int64_t axis)
{
  DcStatus status = take_axis(importer, entry, axis);
  const DcShape shape = dc_network_value(importer->network, entry->number);
  if (!status && (shape.height != 1 || shape.width != 1))
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED,
                            "only vectors, not pixels, are brought to unit length");
  return status ? status
                : add_same_shape(importer, node, entry, (DcLayer){.kind = DC_LAYER_L2_NORMALISE});
}

static DcStatus
import_lp_normalization(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  int64_t axis, p;
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_operands_axis(node, -1, input->view.rank + 1, importer->where, &axis,
                                   importer->error);
  if (!status)
    status = dc_onnx_operands_int(node, "p", 2, importer->where, &p, importer->error);
  if (!status && p != 2)
    status = dc_onnx_refuse(importer, DC_ERROR_UNSUPPORTED, "only the norm p = 2 is read");
  return status ? status : dc_onnx_import_unit_length(importer, node, input, axis);
}

static DcStatus
import_instance_normalization(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  const DcOnnxTensor *scale, *bias;
  const float *scales, *biases;
  DcLayer layer = {.kind = DC_LAYER_INSTANCE_NORM};
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_constant(importer, node, 1, true, "scale", &scale);
  if (!status)
    status = dc_onnx_constant(importer, node, 2, true, "bias", &bias);
  if (!status)
    status = dc_onnx_operands_float(node, "epsilon", 1e-5f, importer->where, &layer.epsilon,
                                    importer->error);
  if (!status)
    status = dc_onnx_take_map(importer, input);
  if (status)
    return status;
  const size_t channels = (size_t)dc_network_value(importer->network, input->number).channels;
  status = dc_onnx_constant_floats(importer, scale, "scale", channels, &scales);
  if (!status)
    status = dc_onnx_constant_floats(importer, bias, "bias", channels, &biases);
  if (!status)
    status = add_same_shape(importer, node, input, layer);
  if (status)
    return status;
  const DcLayer *added = dc_onnx_last_layer(importer);
  memcpy(added->weight, scales, channels * sizeof *scales);
  memcpy(added->bias, biases, channels * sizeof *biases);
  return DC_OK;
}

/* Local response normalisation; ONNX's alpha is for the mean of the squares. */
static DcStatus
import_response_norm(DcOnnxImporter *importer, const DcOnnxNode *node)
{
  DcOnnxEntry *input;
  int64_t size;
  float alpha;
  DcLayer layer = {.kind = DC_LAYER_RESPONSE_NORM};
  DcStatus status = dc_onnx_flow(importer, node, 0, &input);
  if (!status)
    status = dc_onnx_operands_int(node, "size", 0, importer->where, &size, importer->error);
  if (!status)
    status = dc_onnx_operands_float(node, "alpha", 1e-4f, importer->where, &alpha, importer->error);
  if (!status)
    status = dc_onnx_operands_float(node, "beta", 0.75f, importer->where, &layer.response.power,
                                    importer->error);
  if (!status)
    status = dc_onnx_operands_float(node, "bias", 1, importer->where, &layer.response.bias,
                                    importer->error);
  if (!status && (size < 1 || size > 65536))
    status = dc_onnx_refuse(importer, DC_ERROR_FORMAT,
                            "its size of %lld channels is outside 1 .. 65536", (long long)size);
  if (!status)
    status = dc_onnx_take_map(importer, input);
  if (status)
    return status;
  layer.response.size = (int)size;
  layer.response.scale = alpha / (float)size;
  return add_same_shape(importer, node, input, layer);
}

static const struct {
  const char *op;
  DcOnnxOperator import;
} operators[] = {
    {"Softmax", import_softmax},
    {"LayerNormalization", import_layer_normalization},
    {"LpNormalization", import_lp_normalization},
    {"InstanceNormalization", import_instance_normalization},
    {"LRN", import_response_norm},
};

DcOnnxOperator
dc_onnx_find_norm(const char *op)
{
  for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
    if (!strcmp(operators[i].op, op))
      return operators[i].import;
  }
  return NULL;
}
