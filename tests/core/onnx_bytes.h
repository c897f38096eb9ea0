/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_ONNX_BYTES_H
#define DC_TESTS_ONNX_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ONNX files byte by byte, right or wrong ones: a writer of protocol buffers that knows numbers of
 * fields and nothing else. The numbers are those of onnx.proto. */

typedef struct {
  unsigned char *data;
  size_t size, capacity;
} Bytes;

/* Types of numbers as onnx.proto counts them. */
enum {
  ONNX_FLOAT = 1,
  ONNX_UINT8,
  ONNX_INT8,
  ONNX_UINT16,
  ONNX_INT16,
  ONNX_INT32,
  ONNX_INT64,
  ONNX_STRING,
  ONNX_BOOL,
  ONNX_FLOAT16,
  ONNX_DOUBLE,
  ONNX_UINT32,
  ONNX_UINT64,
  ONNX_COMPLEX64,
  ONNX_COMPLEX128,
  ONNX_BFLOAT16
};

/* --- protocol buffers --- */

static inline void
put_raw(Bytes *bytes, const void *data, size_t size)
{
  if (bytes->size + size > bytes->capacity) {
    bytes->capacity = 2 * (bytes->size + size);
    bytes->data = realloc(bytes->data, bytes->capacity);
    if (!bytes->data)
      abort();
  }
  if (size)
    memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
}

static inline void
put_varint(Bytes *bytes, uint64_t value)
{
  do {
    const unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    put_raw(bytes, &byte, 1);
    value >>= 7;
  } while (value);
}

static inline void
put_tag(Bytes *bytes, uint32_t field, unsigned wire)
{
  put_varint(bytes, (uint64_t)field << 3 | wire);
}

static inline void
put_int(Bytes *bytes, uint32_t field, int64_t value)
{
  put_tag(bytes, field, 0);
  put_varint(bytes, (uint64_t)value);
}

static inline void
put_float(Bytes *bytes, uint32_t field, float value)
{
  put_tag(bytes, field, 5);
  put_raw(bytes, &value, sizeof value);
}

static inline void
put_block(Bytes *bytes, uint32_t field, const void *data, size_t size)
{
  put_tag(bytes, field, 2);
  put_varint(bytes, size);
  put_raw(bytes, data, size);
}

static inline void
put_text(Bytes *bytes, uint32_t field, const char *text)
{
  put_block(bytes, field, text, strlen(text));
}

/* `inner` is freed. */
static inline void
put_message(Bytes *bytes, uint32_t field, Bytes inner)
{
  put_block(bytes, field, inner.data, inner.size);
  free(inner.data);
}

static inline void
put_packed(Bytes *bytes, uint32_t field, const int64_t *values, size_t count)
{
  Bytes inner = {0};
  for (size_t i = 0; i < count; i++)
    put_varint(&inner, (uint64_t)values[i]);
  put_message(bytes, field, inner);
}

/* --- what ONNX makes of them --- */

/* The beginning of a tensor: its numbers follow. */
static inline Bytes
onnx_tensor(const char *name, int type, const int64_t *shape, size_t rank)
{
  Bytes tensor = {0};
  for (size_t i = 0; i < rank; i++)
    put_int(&tensor, 1, shape[i]);
  put_int(&tensor, 2, type);
  put_text(&tensor, 8, name);
  return tensor;
}

static inline Bytes
onnx_raw_tensor(const char *name, int type, const int64_t *shape, size_t rank, const void *data,
                size_t size)
{
  Bytes tensor = onnx_tensor(name, type, shape, rank);
  put_block(&tensor, 9, data, size);
  return tensor;
}

/* Names apart by spaces; "-" is an empty one. */
static inline void
put_names(Bytes *bytes, uint32_t field, const char *names)
{
  while (*names) {
    const size_t length = strcspn(names, " ");
    if (length == 1 && *names == '-')
      put_block(bytes, field, NULL, 0);
    else
      put_block(bytes, field, names, length);
    names += length + (names[length] == ' ');
  }
}

/* Attributes may follow. */
static inline Bytes
onnx_node(const char *op, const char *name, const char *inputs, const char *outputs)
{
  Bytes node = {0};
  put_names(&node, 1, inputs);
  put_names(&node, 2, outputs);
  put_text(&node, 3, name);
  put_text(&node, 4, op);
  return node;
}

/* The beginning of an attribute: its content follows. */
static inline Bytes
onnx_attribute(const char *name, int type)
{
  Bytes attribute = {0};
  put_text(&attribute, 1, name);
  put_int(&attribute, 20, type);
  return attribute;
}

/* An input or output; an axis of -1 has a name in place of a size. */
static inline Bytes
onnx_value(const char *name, int type, const int64_t *shape, size_t rank)
{
  Bytes axes = {0}, tensor = {0}, of = {0}, value = {0};
  for (size_t i = 0; i < rank; i++) {
    Bytes axis = {0};
    if (shape[i] == -1)
      put_text(&axis, 2, "N");
    else
      put_int(&axis, 1, shape[i]);
    put_message(&axes, 1, axis);
  }
  put_int(&tensor, 1, type);
  put_message(&tensor, 2, axes);
  put_message(&of, 1, tensor);
  put_text(&value, 1, name);
  put_message(&value, 2, of);
  return value;
}

static inline void
put_opset(Bytes *model, const char *domain, int64_t version)
{
  Bytes opset = {0};
  if (*domain)
    put_text(&opset, 1, domain);
  put_int(&opset, 2, version);
  put_message(model, 8, opset);
}

/* `graph` is freed. Further fields may follow. */
static inline Bytes
onnx_model(int64_t opset, Bytes graph)
{
  Bytes model = {0};
  put_int(&model, 1, 8);
  put_text(&model, 2, "pytorch");
  put_text(&model, 3, "2.1.0");
  put_opset(&model, "", opset);
  put_message(&model, 7, graph);
  return model;
}

#endif
