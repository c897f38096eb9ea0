/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_WIRE_H
#define DC_ONNX_WIRE_H

#include "base/status.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* Bounds on a message and all in it. protobuf-c has none: it calls itself for each message within
 * another, and two bytes of a file may become hundreds in memory. */
#define DC_ONNX_MOST_DEPTH    64
#define DC_ONNX_MOST_MESSAGES ((size_t)1 << 19)
#define DC_ONNX_MOST_FIELDS   ((size_t)1 << 21)
#define DC_ONNX_MOST_UNPACKED ((size_t)2 << 30) /* bytes that unpacking will take */

/* Walks through `size` bytes as a message of `descriptor`'s kind, allocating nothing: DC_OK when
 * unpacking them stays within the bounds. `name` appears in messages: DC_ERROR_FORMAT for bytes
 * that are no such message, texts with a zero in them, and a field twice that may be there once
 * (which protocol buffers allow and no writer does); DC_ERROR_UNSUPPORTED beyond the bounds. */
DcStatus dc_onnx_check_wire(const void *bytes, size_t size,
                            const ProtobufCMessageDescriptor *descriptor, const char *name,
                            DcError *error);

#endif
