/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/reader.h"

#include <stdbool.h>
#include <string.h>

/* Operators whose numbers are of 8 bits; all that begin with "QLinear" besides. */
static const char *const quantised[] = {
    "ConvInteger",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "MatMulInteger",
    "QAttention",
    "QGemm",
    "QuantizeLinear",
    "DynamicQuantizeLSTM",
};

static bool
is_quantised(const char *op)
{
  for (size_t i = 0; i < sizeof quantised / sizeof *quantised; i++)
    if (strcmp(op, quantised[i]) == 0)
      return true;
  return strncmp(op, "QLinear", strlen("QLinear")) == 0;
}

/* --- attributes --- */

/* The graph's own copy of `count` numbers. */
static DcStatus
copy_numbers(const DcOnnxReader *reader, const void *numbers, size_t count, size_t size,
             void **copy)
{
  *copy = dc_onnx_take(reader, count, size);
  if (!*copy)
    return DC_ERROR_MEMORY;
  if (count)
    memcpy(*copy, numbers, count * size);
  return DC_OK;
}

static DcStatus
copy_whole(const DcOnnxReader *reader, const int64_t *numbers, size_t count,
           DcOnnxAttribute *attribute)
{
  void *copy;
  DcStatus status = copy_numbers(reader, numbers, count, sizeof *numbers, &copy);
  attribute->count = count;
  attribute->whole = copy;
  return status;
}

static DcStatus
copy_floats(const DcOnnxReader *reader, const float *numbers, size_t count,
            DcOnnxAttribute *attribute)
{
  void *copy;
  DcStatus status = copy_numbers(reader, numbers, count, sizeof *numbers, &copy);
  attribute->count = count;
  attribute->floats = copy;
  return status;
}

/* Bytes that are no text become DC_ONNX_OTHER. */
static DcStatus
copy_text(const DcOnnxReader *reader, const ProtobufCBinaryData *bytes, DcOnnxAttribute *attribute)
{
  char *text = dc_onnx_take(reader, bytes->len + 1, 1);
  if (!text)
    return DC_ERROR_MEMORY;
  if (bytes->len)
    memcpy(text, bytes->data, bytes->len);
  text[bytes->len] = '\0';
  if (dc_utf8_prefix(text, bytes->len) == bytes->len)
    attribute->text = text;
  else
    attribute->kind = DC_ONNX_OTHER;
  return DC_OK;
}

static DcStatus
copy_tensor(const DcOnnxReader *reader, Onnx__AttributeProto *proto, DcOnnxAttribute *attribute)
{
  if (!proto->t)
    return dc_error_set(reader->error, DC_ERROR_FORMAT,
                        "%s: attribute \"%.*s\" is a tensor that is not there", reader->name,
                        DC_ONNX_SHOWN(attribute->name));
  DcOnnxTensor *tensor = dc_onnx_take(reader, 1, sizeof *tensor);
  if (!tensor)
    return DC_ERROR_MEMORY;
  attribute->tensor = tensor;
  return dc_onnx_read_tensor(reader, &proto->t, tensor);
}

static DcOnnxAttributeKind
kind_of(const Onnx__AttributeProto *proto)
{
  switch (proto->type) {
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
    return DC_ONNX_INT;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
    return DC_ONNX_FLOAT;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
    return DC_ONNX_TEXT;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
    return DC_ONNX_INTS;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
    return DC_ONNX_FLOATS;
  case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
    return DC_ONNX_TENSOR;
  default:
    return DC_ONNX_OTHER;
  }
}

static DcStatus
copy_content(const DcOnnxReader *reader, Onnx__AttributeProto *proto, DcOnnxAttribute *attribute)
{
  switch (attribute->kind) {
  case DC_ONNX_INT:
    return copy_whole(reader, &proto->i, 1, attribute);
  case DC_ONNX_FLOAT:
    return copy_floats(reader, &proto->f, 1, attribute);
  case DC_ONNX_TEXT:
    return copy_text(reader, &proto->s, attribute);
  case DC_ONNX_INTS:
    return copy_whole(reader, proto->ints, proto->n_ints, attribute);
  case DC_ONNX_FLOATS:
    return copy_floats(reader, proto->floats, proto->n_floats, attribute);
  case DC_ONNX_TENSOR:
    return copy_tensor(reader, proto, attribute);
  case DC_ONNX_OTHER:
    break;
  }
  return DC_OK;
}

static DcStatus
read_attribute(const DcOnnxReader *reader, Onnx__AttributeProto *proto, DcOnnxAttribute *attribute)
{
  *attribute = (DcOnnxAttribute){.kind = kind_of(proto)};
  DcStatus status = dc_onnx_copy_name(reader, proto->name, "an attribute", &attribute->name);
  if (!status && proto->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED)
    status = dc_error_set(reader->error, DC_ERROR_FORMAT, "%s: attribute \"%.*s\" has no type",
                          reader->name, DC_ONNX_SHOWN(attribute->name));
  if (!status)
    status = copy_content(reader, proto, attribute);
  return status;
}

/* --- nodes --- */

static DcStatus
read_attributes(const DcOnnxReader *reader, Onnx__AttributeProto *const *protos, size_t count,
                DcOnnxNode *node)
{
  DcOnnxAttribute *attributes = dc_onnx_take(reader, count, sizeof *attributes);
  if (!attributes)
    return DC_ERROR_MEMORY;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < count && !status; i++)
    status = read_attribute(reader, protos[i], &attributes[i]);
  node->attributes = attributes;
  node->attribute_count = count;
  return status;
}

static DcStatus
copy_names(const DcOnnxReader *reader, char *const *names, size_t count, const char *const **copies)
{
  const char **copied = dc_onnx_take(reader, count, sizeof *copied);
  if (!copied)
    return DC_ERROR_MEMORY;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < count && !status; i++)
    status = dc_onnx_copy_name(reader, names[i], "an input or output of a node", &copied[i]);
  *copies = copied;
  return status;
}

static DcStatus
read_names(const DcOnnxReader *reader, const Onnx__NodeProto *proto, DcOnnxNode *node)
{
  node->input_count = proto->n_input;
  node->output_count = proto->n_output;
  DcStatus status = dc_onnx_copy_name(reader, proto->name, "a node", &node->name);
  if (!status)
    status = dc_onnx_copy_name(reader, proto->op_type, "an operator", &node->op);
  if (!status)
    status = dc_onnx_copy_name(reader, proto->domain, "an operator's domain", &node->domain);
  if (!status)
    status = copy_names(reader, proto->input, proto->n_input, &node->inputs);
  if (!status)
    status = copy_names(reader, proto->output, proto->n_output, &node->outputs);
  if (!status && dc_onnx_is_own_domain(node->domain))
    node->domain = "";
  return status;
}

static DcStatus
check_operator(const DcOnnxReader *reader, const DcOnnxNode *node)
{
  if (!*node->op)
    return dc_error_set(reader->error, DC_ERROR_FORMAT, "%s: node \"%.*s\" has no operator",
                        reader->name, DC_ONNX_SHOWN(node->name));
  if (is_quantised(node->op))
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED,
                        "%s: a quantised network, which is not read: node \"%.*s\" (%.*s) computes "
                        "with 8-bit numbers; export the float network that it was made of",
                        reader->name, DC_ONNX_SHOWN(node->name), DC_ONNX_SHOWN(node->op));
  return DC_OK;
}

static DcStatus
read_node(const DcOnnxReader *reader, const Onnx__NodeProto *proto, DcOnnxNode *node)
{
  *node = (DcOnnxNode){0};
  DcStatus status = read_names(reader, proto, node);
  if (!status)
    status = check_operator(reader, node);
  if (!status)
    status = read_attributes(reader, proto->attribute, proto->n_attribute, node);
  return status;
}

DcStatus
dc_onnx_read_nodes(const DcOnnxReader *reader, const Onnx__GraphProto *proto, DcOnnxGraph *graph)
{
  if (proto->n_node > DC_ONNX_MOST_NODES)
    return dc_error_set(reader->error, DC_ERROR_UNSUPPORTED, "%s: %zu nodes; at most %d are read",
                        reader->name, proto->n_node, DC_ONNX_MOST_NODES);
  DcOnnxNode *nodes = dc_onnx_take(reader, proto->n_node, sizeof *nodes);
  if (!nodes)
    return DC_ERROR_MEMORY;
  DcStatus status = DC_OK;
  for (size_t i = 0; i < proto->n_node && !status; i++)
    status = read_node(reader, proto->node[i], &nodes[i]);
  graph->nodes = nodes;
  graph->node_count = proto->n_node;
  return status;
}
