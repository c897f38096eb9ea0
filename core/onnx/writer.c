/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/writer.h"

#include <stdio.h>
#include <string.h>

typedef struct DcOnnxEntry {
  ProtobufCMessage *message;
  struct DcOnnxEntry *next;
} Entry;

void
dc_onnx_writer_init(DcOnnxWriter *writer)
{
  *writer = (DcOnnxWriter){0};
  writer->nodes_end = &writer->nodes;
  writer->tensors_end = &writer->tensors;
}

void
dc_onnx_writer_clear(DcOnnxWriter *writer)
{
  dc_arena_chain_clear(&writer->memory);
}

void *
dc_onnx_writer_take(DcOnnxWriter *writer, size_t count, size_t size)
{
  void *piece = dc_arena_chain_take(&writer->memory, count, size);
  writer->failed = writer->failed || !piece;
  return piece;
}

void *
dc_onnx_new_message(DcOnnxWriter *writer, const ProtobufCMessageDescriptor *descriptor)
{
  ProtobufCMessage *message = dc_onnx_writer_take(writer, 1, descriptor->sizeof_message);
  if (message)
    descriptor->message_init(message);
  return message;
}

/* protobuf-c has no constant texts. */
static char *
copy_text(DcOnnxWriter *writer, const char *text)
{
  const size_t size = strlen(text) + 1;
  char *copy = dc_onnx_writer_take(writer, size, 1);
  if (copy)
    memcpy(copy, text, size);
  return copy;
}

/* "layer3/weight_7": the number makes it the only one. */
static char *
new_name(DcOnnxWriter *writer, const char *purpose)
{
  char name[128];
  snprintf(name, sizeof name, "%s/%s_%zu", writer->prefix, purpose,
           writer->node_count + writer->tensor_count);
  return copy_text(writer, name);
}

static void
append(DcOnnxWriter *writer, Entry ***end, void *message)
{
  Entry *entry = dc_onnx_writer_take(writer, 1, sizeof *entry);
  if (!entry)
    return;
  *entry = (Entry){.message = message};
  **end = entry;
  *end = &entry->next;
}

/* --- nodes --- */

/* Room for `count` pointers to what a message repeats. */
static void *
take_list(DcOnnxWriter *writer, size_t count)
{
  return dc_onnx_writer_take(writer, count, sizeof(void *));
}

Onnx__NodeProto *
dc_onnx_add_node(DcOnnxWriter *writer, const char *op, size_t count, const char *const *inputs)
{
  Onnx__NodeProto *node = dc_onnx_new_message(writer, &onnx__node_proto__descriptor);
  char **input = take_list(writer, DC_ONNX_MOST_INPUTS), **output = take_list(writer, 1);
  Onnx__AttributeProto **attribute = take_list(writer, DC_ONNX_MOST_ATTRIBUTES);
  char *type = copy_text(writer, op), *name = new_name(writer, op);
  if (writer->failed)
    return NULL;
  for (size_t i = 0; i < count; i++)
    input[i] = copy_text(writer, inputs[i]);
  output[0] = name;
  node->op_type = type;
  node->name = name;
  node->input = input;
  node->n_input = count;
  node->output = output;
  node->n_output = 1;
  node->attribute = attribute;
  append(writer, &writer->nodes_end, node);
  writer->node_count++;
  return writer->failed ? NULL : node;
}

static Onnx__AttributeProto *
put_attribute(DcOnnxWriter *writer, Onnx__NodeProto *node, const char *name,
              Onnx__AttributeProto__AttributeType type)
{
  Onnx__AttributeProto *attribute = dc_onnx_new_message(writer, &onnx__attribute_proto__descriptor);
  char *copy = copy_text(writer, name);
  if (writer->failed)
    return NULL;
  attribute->name = copy;
  attribute->has_type = true;
  attribute->type = type;
  node->attribute[node->n_attribute++] = attribute;
  return attribute;
}

void
dc_onnx_put_int(DcOnnxWriter *writer, Onnx__NodeProto *node, const char *name, int64_t value)
{
  Onnx__AttributeProto *attribute =
      put_attribute(writer, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
  if (!attribute)
    return;
  attribute->has_i = true;
  attribute->i = value;
}

void
dc_onnx_put_float(DcOnnxWriter *writer, Onnx__NodeProto *node, const char *name, float value)
{
  Onnx__AttributeProto *attribute =
      put_attribute(writer, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
  if (!attribute)
    return;
  attribute->has_f = true;
  attribute->f = value;
}

static int64_t *
copy_whole(DcOnnxWriter *writer, size_t count, const int64_t *values)
{
  int64_t *copy = dc_onnx_writer_take(writer, count, sizeof *copy);
  if (copy && count)
    memcpy(copy, values, count * sizeof *copy);
  return copy;
}

void
dc_onnx_put_ints(DcOnnxWriter *writer, Onnx__NodeProto *node, const char *name, size_t count,
                 const int64_t *values)
{
  int64_t *copy = copy_whole(writer, count, values);
  Onnx__AttributeProto *attribute =
      put_attribute(writer, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
  if (!attribute)
    return;
  attribute->ints = copy;
  attribute->n_ints = count;
}

const char *
dc_onnx_output_of(const Onnx__NodeProto *node)
{
  return node ? node->output[0] : "";
}

const char *
dc_onnx_apply(DcOnnxWriter *writer, const char *op, const char *input)
{
  return dc_onnx_output_of(dc_onnx_add_node(writer, op, 1, &input));
}

const char *
dc_onnx_apply_two(DcOnnxWriter *writer, const char *op, const char *first, const char *second)
{
  const char *const inputs[] = {first, second};
  return dc_onnx_output_of(dc_onnx_add_node(writer, op, 2, inputs));
}

/* --- initialisers --- */

/* `data` are referred to: numbers of `size` bytes, little-endian as every machine that this is
 * built for. protobuf-c does not write to what it packs. */
static const char *
add_tensor(DcOnnxWriter *writer, const char *purpose, int32_t type, const void *data, size_t size,
           size_t rank, const int64_t *shape)
{
  Onnx__TensorProto *tensor = dc_onnx_new_message(writer, &onnx__tensor_proto__descriptor);
  char *name = new_name(writer, purpose);
  int64_t *dims = copy_whole(writer, rank, shape);
  if (writer->failed)
    return "";
  size_t bytes = size;
  for (size_t i = 0; i < rank; i++)
    bytes *= (size_t)shape[i];
  tensor->name = name;
  tensor->dims = dims;
  tensor->n_dims = rank;
  tensor->has_data_type = true;
  tensor->data_type = type;
  tensor->has_raw_data = true;
  tensor->raw_data = (ProtobufCBinaryData){bytes, (uint8_t *)data};
  append(writer, &writer->tensors_end, tensor);
  writer->tensor_count++;
  writer->tensor_bytes += bytes;
  return name;
}

const char *
dc_onnx_add_floats(DcOnnxWriter *writer, const char *purpose, const float *numbers, size_t rank,
                   const int64_t *shape)
{
  return add_tensor(writer, purpose, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, numbers, sizeof *numbers,
                    rank, shape);
}

const char *
dc_onnx_add_whole(DcOnnxWriter *writer, const char *purpose, size_t count, const int64_t *numbers)
{
  const int64_t shape[] = {(int64_t)count};
  const int64_t *copy = copy_whole(writer, count, numbers);
  return add_tensor(writer, purpose, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, copy, sizeof *numbers, 1,
                    shape);
}

const char *
dc_onnx_add_scalar(DcOnnxWriter *writer, float number)
{
  float *copy = dc_onnx_writer_take(writer, 1, sizeof *copy);
  if (copy)
    *copy = number;
  return dc_onnx_add_floats(writer, "number", copy, 0, NULL);
}

/* --- the end --- */

static void *
list_of(DcOnnxWriter *writer, const Entry *entry, size_t count)
{
  ProtobufCMessage **list = take_list(writer, count);
  for (size_t i = 0; list && entry; entry = entry->next)
    list[i++] = entry->message;
  return list;
}

void
dc_onnx_writer_fill(DcOnnxWriter *writer, Onnx__GraphProto *graph)
{
  graph->node = list_of(writer, writer->nodes, writer->node_count);
  graph->n_node = graph->node ? writer->node_count : 0;
  graph->initializer = list_of(writer, writer->tensors, writer->tensor_count);
  graph->n_initializer = graph->initializer ? writer->tensor_count : 0;
}
