/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/wire.h"

#include "base/memory.h"

#include <stdbool.h>
#include <string.h>

/* protobuf-c reads no longer ones either. */
#define MOST_VARINT 10
#define MOST_TAG    5
#define MOST_LENGTH 5

/* What protobuf-c keeps of a field that the descriptor does not know, beside its bytes. */
#define UNKNOWN_FIELD sizeof(ProtobufCMessageUnknownField)

typedef struct {
  const char *name;
  DcError *error;
  size_t messages, fields, unpacked; /* so far */
} Walk;

typedef struct {
  const unsigned char *at, *end;
} Span;

/* One field as it stands in the bytes. */
typedef struct {
  uint32_t number;
  ProtobufCWireType type;
  Span content; /* without tag and length */
} Field;

static size_t
left(const Span *span)
{
  return (size_t)(span->end - span->at);
}

static bool
take_varint(Span *span, size_t most, uint64_t *value)
{
  *value = 0;
  for (size_t i = 0; i < most && span->at < span->end; i++) {
    const unsigned char byte = *span->at++;
    *value |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80)
      return true;
  }
  return false;
}

static bool
take_content(Span *span, Field *field)
{
  uint64_t length = 0;
  field->content.at = span->at;
  switch (field->type) {
  case PROTOBUF_C_WIRE_TYPE_VARINT: {
    uint64_t value;
    if (!take_varint(span, MOST_VARINT, &value))
      return false;
    break;
  }
  case PROTOBUF_C_WIRE_TYPE_64BIT:
    length = 8;
    break;
  case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
    if (!take_varint(span, MOST_LENGTH, &length))
      return false;
    field->content.at = span->at;
    break;
  case PROTOBUF_C_WIRE_TYPE_32BIT:
    length = 4;
    break;
  default: /* groups, which ONNX has not, and what does not exist */
    return false;
  }
  if (length > left(span))
    return false;
  span->at += length;
  field->content.end = span->at;
  return true;
}

static bool
take_field(Span *span, Field *field)
{
  uint64_t tag;
  if (!take_varint(span, MOST_TAG, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
    return false;
  field->number = (uint32_t)(tag >> 3);
  field->type = (ProtobufCWireType)(tag & 7);
  return take_content(span, field);
}

static DcStatus
broken(const Walk *walk, const ProtobufCMessageDescriptor *descriptor)
{
  return dc_error_set(walk->error, DC_ERROR_FORMAT,
                      "%s: not an ONNX file, or a damaged or truncated one: its %s ends within a "
                      "field or has one that cannot be",
                      walk->name, descriptor->short_name);
}

static DcStatus
beyond(const Walk *walk, const char *what)
{
  return dc_error_set(walk->error, DC_ERROR_UNSUPPORTED, "%s: too large to be read: %s", walk->name,
                      what);
}

/* How many numbers a packed field holds. */
static size_t
packed_count(ProtobufCType type, const Span *content)
{
  switch (type) {
  case PROTOBUF_C_TYPE_FLOAT:
  case PROTOBUF_C_TYPE_FIXED32:
  case PROTOBUF_C_TYPE_SFIXED32:
    return left(content) / 4;
  case PROTOBUF_C_TYPE_DOUBLE:
  case PROTOBUF_C_TYPE_FIXED64:
  case PROTOBUF_C_TYPE_SFIXED64:
    return left(content) / 8;
  default: {
    size_t count = 0;
    for (const unsigned char *at = content->at; at < content->end; at++)
      count += *at < 0x80;
    return count;
  }
  }
}

/* Bytes that unpacking takes for a field, blocks rounded up as dc_alloc() does. */
static size_t
unpacked_size(const ProtobufCFieldDescriptor *known, const Field *field)
{
  const size_t entry = sizeof(ProtobufCBinaryData), length = left(&field->content);
  if (!known)
    return UNKNOWN_FIELD + length + DC_ALIGNMENT;
  if (known->type == PROTOBUF_C_TYPE_MESSAGE) {
    const ProtobufCMessageDescriptor *descriptor = known->descriptor;
    return entry + descriptor->sizeof_message + DC_ALIGNMENT;
  }
  if (known->type == PROTOBUF_C_TYPE_STRING || known->type == PROTOBUF_C_TYPE_BYTES)
    return entry + length + DC_ALIGNMENT;
  if (field->type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
    return sizeof(uint64_t);
  return packed_count(known->type, &field->content) * sizeof(uint64_t) + DC_ALIGNMENT;
}

static DcStatus
weigh(Walk *walk, const ProtobufCFieldDescriptor *known, const Field *field)
{
  if (++walk->fields > DC_ONNX_MOST_FIELDS)
    return beyond(walk, "more than 2097152 fields");
  const size_t size = unpacked_size(known, field);
  if (size > DC_ONNX_MOST_UNPACKED - walk->unpacked)
    return beyond(walk, "more than 2 GiB when unpacked");
  walk->unpacked += size;
  return DC_OK;
}

/* Notes in `seen` that a field is there. */
static DcStatus
check_once(const Walk *walk, const ProtobufCMessageDescriptor *descriptor,
           const ProtobufCFieldDescriptor *known, uint64_t *seen)
{
  /* No message of ONNX has as many as 64 fields. */
  const uint64_t bit = (uint64_t)1 << ((known - descriptor->fields) % 64);
  const bool again = *seen & bit;
  *seen |= bit;
  if (!again || known->label == PROTOBUF_C_LABEL_REPEATED)
    return DC_OK;
  return dc_error_set(walk->error, DC_ERROR_FORMAT,
                      "%s: has \"%s\" of %s twice, as if several files were one; only one graph "
                      "in a file is read",
                      walk->name, known->name, descriptor->short_name);
}

static DcStatus walk_message(Walk *walk, const ProtobufCMessageDescriptor *descriptor, Span span,
                             int depth);

static DcStatus
walk_content(Walk *walk, const ProtobufCMessageDescriptor *descriptor,
             const ProtobufCFieldDescriptor *known, const Field *field, int depth)
{
  if (known->type != PROTOBUF_C_TYPE_MESSAGE && known->type != PROTOBUF_C_TYPE_STRING)
    return DC_OK;
  if (field->type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
    return broken(walk, descriptor);
  if (known->type == PROTOBUF_C_TYPE_MESSAGE)
    return walk_message(walk, known->descriptor, field->content, depth + 1);
  if (left(&field->content) && memchr(field->content.at, 0, left(&field->content)))
    return dc_error_set(walk->error, DC_ERROR_FORMAT, "%s: the text \"%s\" of %s has a zero in it",
                        walk->name, known->name, descriptor->short_name);
  return DC_OK;
}

static DcStatus
walk_message(Walk *walk, const ProtobufCMessageDescriptor *descriptor, Span span, int depth)
{
  if (depth > DC_ONNX_MOST_DEPTH)
    return beyond(walk, "graphs or types within each other more than 64 messages deep");
  if (++walk->messages > DC_ONNX_MOST_MESSAGES)
    return beyond(walk, "more than 524288 messages");
  DcStatus status = DC_OK;
  uint64_t seen = 0;
  while (span.at < span.end && !status) {
    Field field;
    if (!take_field(&span, &field))
      return broken(walk, descriptor);
    const ProtobufCFieldDescriptor *known =
        protobuf_c_message_descriptor_get_field(descriptor, field.number);
    status = weigh(walk, known, &field);
    if (!status && known)
      status = check_once(walk, descriptor, known, &seen);
    if (!status && known)
      status = walk_content(walk, descriptor, known, &field, depth);
  }
  return status;
}

DcStatus
dc_onnx_check_wire(const void *bytes, size_t size, const ProtobufCMessageDescriptor *descriptor,
                   const char *name, DcError *error)
{
  Walk walk = {.name = name, .error = error};
  const unsigned char *at = bytes;
  return walk_message(&walk, descriptor, (Span){at, size ? at + size : at}, 1);
}
