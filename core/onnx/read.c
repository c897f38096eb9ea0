/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/graph.h"

#include "base/file.h"
#include "base/memory.h"
#include "onnx/graph_private.h"
#include "onnx/reader.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LEAST_OPSET = 7, MOST_OPSET = 17 };

/* --- the model around the graph --- */

static DcStatus
check_parts(const DcOnnxReader *reader, const Onnx__ModelProto *model)
{
  if (model->ir_version < 1 || !model->graph)
    return dc_error_set(reader->error, DC_ERROR_FORMAT,
                        "%s: not an ONNX file: it has no version of the format or no graph",
                        reader->name);
  if (model->n_functions)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED,
                        "%s: defines operators as functions, which are not read; export it with "
                        "ONNX's own operators only",
                        reader->name);
  if (model->n_training_info)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED,
                        "%s: holds the training of a network, which is not read; export it for "
                        "inference",
                        reader->name);
  if (model->graph->n_sparse_initializer)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED,
                        "%s: has sparse weights, which are not read; export it with dense ones",
                        reader->name);
  if (model->graph->n_quantization_annotation)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED,
                        "%s: a quantised network, which is not read; export the float network that "
                        "it was made of",
                        reader->name);
  return DC_OK;
}

static DcStatus
read_opset(const DcOnnxReader *reader, const Onnx__ModelProto *model, int64_t *opset)
{
  *opset = 0;
  for (size_t i = 0; i < model->n_opset_import; i++) {
    const Onnx__OperatorSetIdProto *import = model->opset_import[i];
    if (import->domain && !dc_onnx_is_own_domain(import->domain))
      continue;
    if (*opset && *opset != import->version)
      return dc_error_set(reader->error, DC_ERROR_FORMAT, "%s: is of opset %lld and of opset %lld",
                          reader->name, (long long)*opset, (long long)import->version);
    *opset = import->version;
  }
  if (*opset < LEAST_OPSET || *opset > MOST_OPSET)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED,
                        "%s: of opset %lld (0: none is told); %d to %d are read: export it again "
                        "with opset %d",
                        reader->name, (long long)*opset, LEAST_OPSET, MOST_OPSET, MOST_OPSET);
  return DC_OK;
}

static DcStatus
read_producer(const DcOnnxReader *reader, const Onnx__ModelProto *model, const char **producer)
{
  const char *name = model->producer_name ? model->producer_name : "";
  const char *version = model->producer_version ? model->producer_version : "";
  char text[256];
  snprintf(text, sizeof text, "%.100s%s%.100s", name, *name && *version ? " " : "", version);
  text[dc_utf8_prefix(text, sizeof text)] = '\0'; /* it may have been cut within a character */
  return dc_onnx_copy_name(reader, text, "the producer", producer);
}

/* --- the graph --- */

static DcStatus
check_initialiser(const DcOnnxReader *reader, const DcOnnxTensor *tensor)
{
  if (!*tensor->name)
    return dc_error_set(reader->error, DC_ERROR_FORMAT, "%s: an initialiser has no name",
                        reader->name);
  for (size_t i = 0; tensor->floats && i < tensor->count; i++)
    if (!isfinite(tensor->floats[i]))
      return dc_error_set(reader->error, DC_ERROR_NOT_FINITE,
                          "%s: number %zu of initialiser \"%.*s\" is %s; the network is damaged or "
                          "was not learnt",
                          reader->name, i, DC_ONNX_SHOWN(tensor->name),
                          isnan(tensor->floats[i]) ? "not a number" : "infinite");
  return DC_OK;
}

static DcStatus
read_initialisers(const DcOnnxReader *reader, const Onnx__GraphProto *proto, DcOnnxGraph *graph)
{
  if (proto->n_initializer > DC_ONNX_MOST_TENSORS)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED,
                        "%s: %zu initialisers; at most %d are read", reader->name,
                        proto->n_initializer, DC_ONNX_MOST_TENSORS);
  DcOnnxTensor *tensors = dc_onnx_take(reader, proto->n_initializer, sizeof *tensors);
  if (!tensors)
    return DC_ERROR_MEMORY;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < proto->n_initializer && !status; i++) {
    status = dc_onnx_read_tensor(reader, &proto->initializer[i], &tensors[i]);
    if (!status)
      status = check_initialiser(reader, &tensors[i]);
  }
  graph->tensors = tensors;
  graph->tensor_count = proto->n_initializer;
  return status;
}

static DcStatus
read_ends(const DcOnnxReader *reader, const Onnx__GraphProto *proto, DcOnnxGraph *graph)
{
  if (!proto->n_output)
    return dc_error_set(reader->error, DC_ERROR_FORMAT, "%s: the graph has no output",
                        reader->name);
  graph->input_count = proto->n_input;
  graph->output_count = proto->n_output;
  DcStatus status = dc_onnx_read_values(reader, proto->input, proto->n_input, &graph->inputs);
  if (!status)
    status = dc_onnx_read_values(reader, proto->output, proto->n_output, &graph->outputs);
  return status;
}

static DcStatus
read_model(const DcOnnxReader *reader, const Onnx__ModelProto *model, DcOnnxGraph *graph)
{
  DcStatus status = check_parts(reader, model);
  if (!status)
    status = read_opset(reader, model, &graph->opset);
  if (!status)
    status = read_producer(reader, model, &graph->producer);
  /* Nodes first: a quantised network is to be refused as such, not for the type of its weights. */
  if (!status)
    status = dc_onnx_read_nodes(reader, model->graph, graph);
  if (!status)
    status = read_initialisers(reader, model->graph, graph);
  if (!status)
    status = read_ends(reader, model->graph, graph);
  if (!status)
    status = dc_onnx_connect(reader, graph);
  return status;
}

static DcStatus
make_graph(const Onnx__ModelProto *model, const char *name, DcOnnxGraph **graph, DcError *error)
{
  DcOnnxGraphOwner *owner = DC_NEW(DcOnnxGraphOwner, 1);
  if (!owner)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory", name);
  const DcOnnxReader reader = {.name = name, .error = error, .memory = &owner->memory};
  DcStatus status = read_model(&reader, model, &owner->graph);
  if (status)
    dc_onnx_graph_free(&owner->graph);
  else
    *graph = &owner->graph;
  return status;
}

/* The same once `model` has done its service. */
static DcStatus
turn_into_graph(Onnx__ModelProto *model, const char *name, DcOnnxGraph **graph, DcError *error)
{
  DcStatus status = make_graph(model, name, graph, error);
  dc_onnx_release(&model->base);
  return status;
}

DcStatus
dc_onnx_graph_parse(const void *bytes, size_t size, const char *name, DcOnnxGraph **graph,
                    DcError *error)
{
  *graph = NULL;
  if (size > DC_ONNX_MOST_BYTES)
    return dc_error_set(error, DC_ERROR_UNSUPPORTED, "%s: more than %zu MiB, too large to be read",
                        name, DC_ONNX_MOST_BYTES >> 20);
  Onnx__ModelProto *model;
  DcStatus status = dc_onnx_unpack(bytes, size, name, &model, error);
  return status ? status : turn_into_graph(model, name, graph, error);
}

/* Not by way of dc_onnx_graph_parse(), so that the bytes are gone before the graph is made. */
DcStatus
dc_onnx_graph_read(const char *path, DcOnnxGraph **graph, DcError *error)
{
  *graph = NULL;
  unsigned char *bytes;
  size_t size;
  DcStatus status = dc_file_read_whole(path, DC_ONNX_MOST_BYTES, &bytes, &size, error);
  if (status)
    return status;
  Onnx__ModelProto *model;
  status = dc_onnx_unpack(bytes, size, path, &model, error);
  dc_free(bytes);
  return status ? status : turn_into_graph(model, path, graph, error);
}
