/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/messages.h"

#include "base/memory.h"
#include "onnx/wire.h"

#include <stdbool.h>

/* protobuf-c does not tell why it gave up; `failed` does for memory. */
static void *
allocate(void *failed, size_t size)
{
  void *block = dc_alloc(size, 1);
  if (!block)
    *(bool *)failed = true;
  return block;
}

static void
release(void *failed, void *block)
{
  (void)failed;
  dc_free(block);
}

DcStatus
dc_onnx_unpack(const void *bytes, size_t size, const char *name, Onnx__ModelProto **model,
               DcError *error)
{
  bool failed = false;
  ProtobufCAllocator allocator = {allocate, release, &failed};
  *model = NULL;
  DcStatus status = dc_onnx_check_wire(bytes, size, &onnx__model_proto__descriptor, name, error);
  if (status)
    return status;
  *model = onnx__model_proto__unpack(&allocator, size, bytes);
  if (*model)
    return DC_OK;
  if (failed)
    return dc_error_set(error, DC_ERROR_MEMORY, "%s: no memory to read %zu bytes", name, size);
  return dc_error_set(error, DC_ERROR_FORMAT, "%s: not an ONNX file, or a damaged one", name);
}

void
dc_onnx_release(ProtobufCMessage *message)
{
  ProtobufCAllocator allocator = {allocate, release, NULL};
  protobuf_c_message_free_unpacked(message, &allocator);
}
