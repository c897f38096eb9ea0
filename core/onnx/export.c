/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/export.h"

#include "base/memory.h"
#include "onnx/exporter.h"
#include "onnx/graph.h"

#include <stdio.h>

/* Of ONNX's own operators, and the version of the format that goes with it. */
enum { OPSET = 13, IR_VERSION = 7 };

static char input_name[] = "input", output_name[] = "embedding", graph_name[] = "encoder",
            producer_name[] = "driftcluster", open_axis[] = "N", own_domain[] = "";

/* --- layers --- */

typedef DcOnnxMade (*WriteLayer)(DcOnnxExporter *exporter);

static const WriteLayer kinds[DC_LAYER_KIND_COUNT] = {
    [DC_LAYER_DENSE] = dc_onnx_write_dense,
    [DC_LAYER_CONV2D] = dc_onnx_write_conv,
    [DC_LAYER_DEPTHWISE_CONV2D] = dc_onnx_write_depthwise,
    [DC_LAYER_TRANSPOSED_CONV2D] = dc_onnx_write_transposed,
    [DC_LAYER_MAX_POOL] = dc_onnx_write_max_pool,
    [DC_LAYER_AVERAGE_POOL] = dc_onnx_write_average_pool,
    [DC_LAYER_GLOBAL_AVERAGE_POOL] = dc_onnx_write_global_average_pool,
    [DC_LAYER_AFFINE] = dc_onnx_write_affine,
    [DC_LAYER_RESHAPE] = dc_onnx_write_reshape,
    [DC_LAYER_L2_NORMALISE] = dc_onnx_write_l2_normalise,
    [DC_LAYER_ADD] = dc_onnx_write_add,
    [DC_LAYER_MULTIPLY] = dc_onnx_write_multiply,
    [DC_LAYER_CONCATENATE] = dc_onnx_write_concatenate,
    [DC_LAYER_PRELU] = dc_onnx_write_prelu,
    [DC_LAYER_LAYER_NORM] = dc_onnx_write_layer_norm,
    [DC_LAYER_SOFTMAX] = dc_onnx_write_softmax,
    [DC_LAYER_PAD] = dc_onnx_write_pad,
    [DC_LAYER_REARRANGE] = dc_onnx_write_rearrange,
    [DC_LAYER_RESAMPLE] = dc_onnx_write_resample,
    [DC_LAYER_INSTANCE_NORM] = dc_onnx_write_instance_norm,
    [DC_LAYER_RESPONSE_NORM] = dc_onnx_write_response_norm,
};

static DcStatus
check_layers(const DcNetwork *network, DcError *error)
{
  for (size_t i = 0; i < dc_network_layer_count(network); i++) {
    const DcLayerKind kind = dc_network_layer_const(network, i)->kind;
    if (!kinds[kind])
      return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                          "layer %zu (%s) cannot be written to an ONNX file: fold it into the "
                          "others first",
                          i, dc_layer_kind_name(kind));
  }
  return DC_OK;
}

static void
write_layer(DcOnnxExporter *exporter, size_t index)
{
  const DcLayer *layer = dc_network_layer_const(exporter->network, index);
  exporter->index = index;
  exporter->layer = layer;
  snprintf(exporter->writer.prefix, sizeof exporter->writer.prefix, "layer%zu", index);
  const DcOnnxMade made = kinds[layer->kind](exporter);
  exporter->flows[index + 1].names[made.form] = dc_onnx_emit_activation(exporter, made.name);
}

/* --- inputs and outputs --- */

static Onnx__TensorShapeProto *
new_shape(DcOnnxWriter *writer, size_t rank, const int64_t *sizes)
{
  Onnx__TensorShapeProto *shape =
      dc_onnx_new_message(writer, &onnx__tensor_shape_proto__descriptor);
  Onnx__TensorShapeProto__Dimension **axes = dc_onnx_writer_take(writer, rank, sizeof *axes);
  for (size_t i = 0; axes && i < rank; i++) {
    axes[i] = dc_onnx_new_message(writer, &onnx__tensor_shape_proto__dimension__descriptor);
    if (!axes[i])
      return NULL;
    if (sizes[i]) {
      axes[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
      axes[i]->dim_value = sizes[i];
    } else {
      axes[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
      axes[i]->dim_param = open_axis;
    }
  }
  if (!shape || !axes)
    return NULL;
  shape->dim = axes;
  shape->n_dim = rank;
  return shape;
}

/* A list of one input or output of floats; an axis of size 0 is left open. */
static Onnx__ValueInfoProto **
new_value(DcOnnxWriter *writer, char *name, size_t rank, const int64_t *sizes)
{
  Onnx__ValueInfoProto **list = dc_onnx_writer_take(writer, 1, sizeof *list);
  Onnx__ValueInfoProto *value = dc_onnx_new_message(writer, &onnx__value_info_proto__descriptor);
  Onnx__TypeProto *type = dc_onnx_new_message(writer, &onnx__type_proto__descriptor);
  Onnx__TypeProto__Tensor *tensor =
      dc_onnx_new_message(writer, &onnx__type_proto__tensor__descriptor);
  Onnx__TensorShapeProto *shape = new_shape(writer, rank, sizes);
  if (writer->failed)
    return NULL;
  tensor->has_elem_type = true;
  tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
  tensor->shape = shape;
  type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
  type->tensor_type = tensor;
  value->name = name;
  value->type = type;
  list[0] = value;
  return list;
}

static Onnx__ValueInfoProto **
new_input(DcOnnxExporter *exporter)
{
  const DcShape shape = dc_network_input(exporter->network);
  const int64_t sizes[] = {0, shape.channels, shape.height, shape.width};
  return new_value(&exporter->writer, input_name, dc_onnx_is_vector(shape) ? 2 : 4, sizes);
}

static Onnx__ValueInfoProto **
new_output(DcOnnxExporter *exporter)
{
  const int64_t sizes[] = {0, (int64_t)dc_shape_size(dc_network_output(exporter->network))};
  return new_value(&exporter->writer, output_name, 2, sizes);
}

/* --- the whole --- */

/* The last value under the name of the output. */
static void
write_end(DcOnnxExporter *exporter)
{
  DcOnnxFlow *last = &exporter->flows[dc_network_layer_count(exporter->network)];
  snprintf(exporter->writer.prefix, sizeof exporter->writer.prefix, "end");
  const char *flat = dc_onnx_in_form(exporter, last, DC_ONNX_FLAT);
  Onnx__NodeProto *node = dc_onnx_add_node(&exporter->writer, "Identity", 1, &flat);
  if (node)
    node->output[0] = output_name;
}

static void
write_layers(DcOnnxExporter *exporter)
{
  const DcShape input = dc_network_input(exporter->network);
  const size_t count = dc_network_layer_count(exporter->network);
  for (size_t i = 0; i <= count; i++)
    exporter->flows[i].shape = dc_network_value(exporter->network, i);
  exporter->flows[0].names[dc_onnx_is_vector(input) ? DC_ONNX_FLAT : DC_ONNX_MAP] = input_name;
  for (size_t i = 0; i < count; i++)
    write_layer(exporter, i);
  write_end(exporter);
}

static Onnx__ModelProto *
new_model(DcOnnxExporter *exporter)
{
  DcOnnxWriter *writer = &exporter->writer;
  Onnx__ModelProto *model = dc_onnx_new_message(writer, &onnx__model_proto__descriptor);
  Onnx__GraphProto *graph = dc_onnx_new_message(writer, &onnx__graph_proto__descriptor);
  Onnx__OperatorSetIdProto *opset =
      dc_onnx_new_message(writer, &onnx__operator_set_id_proto__descriptor);
  Onnx__OperatorSetIdProto **opsets = dc_onnx_writer_take(writer, 1, sizeof *opsets);
  Onnx__ValueInfoProto **inputs = new_input(exporter), **outputs = new_output(exporter);
  if (writer->failed)
    return NULL;
  opset->domain = own_domain;
  opset->has_version = true;
  opset->version = OPSET;
  opsets[0] = opset;
  graph->name = graph_name;
  graph->input = inputs;
  graph->output = outputs;
  graph->n_input = graph->n_output = 1;
  dc_onnx_writer_fill(writer, graph);
  model->has_ir_version = true;
  model->ir_version = IR_VERSION;
  model->producer_name = producer_name;
  model->opset_import = opsets;
  model->n_opset_import = 1;
  model->graph = graph;
  return writer->failed ? NULL : model;
}

static DcStatus
pack(const Onnx__ModelProto *model, unsigned char **bytes, size_t *size, DcError *error)
{
  const size_t needed = onnx__model_proto__get_packed_size(model);
  if (needed > DC_ONNX_MOST_BYTES)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED,
                        "an ONNX file of %zu MiB: at most %zu can be written", needed >> 20,
                        DC_ONNX_MOST_BYTES >> 20);
  *bytes = DC_NEW(unsigned char, needed);
  if (!*bytes)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for an ONNX file of %zu bytes", needed);
  *size = onnx__model_proto__pack(model, *bytes);
  return DC_OK;
}

static DcStatus
write_network(DcOnnxExporter *exporter, unsigned char **bytes, size_t *size, DcError *error)
{
  write_layers(exporter);
  const Onnx__ModelProto *model = new_model(exporter);
  if (!model)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to write a network as ONNX");
  return pack(model, bytes, size, error);
}

DcStatus
dc_onnx_export(const DcNetwork *network, unsigned char **bytes, size_t *size, DcError *error)
{
  *bytes = NULL;
  *size = 0;
  DcStatus status = check_layers(network, error);
  if (status)
    return status;
  DcOnnxExporter exporter = {.network = network,
                             .flows = DC_NEW(DcOnnxFlow, dc_network_layer_count(network) + 1)};
  if (!exporter.flows)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to write a network as ONNX");
  dc_onnx_writer_init(&exporter.writer);
  status = write_network(&exporter, bytes, size, error);
  dc_onnx_writer_clear(&exporter.writer);
  dc_free(exporter.flows);
  return status;
}
