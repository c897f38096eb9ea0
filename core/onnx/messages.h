/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_MESSAGES_H
#define DC_ONNX_MESSAGES_H

/* The protocol buffer messages of ONNX, made at build time from its own onnx.proto. */
#include <onnx.pb-c.h>

#include "base/status.h"

#include <stddef.h>

/* The bytes of a file as messages, once dc_onnx_check_wire() found that they can be: `name` appears
 * in messages. Free with dc_onnx_release(). DC_ERROR_FORMAT, DC_ERROR_UNSUPPORTED (beyond the
 * bounds), DC_ERROR_MEMORY. */
DcStatus dc_onnx_unpack(const void *bytes, size_t size, const char *name, Onnx__ModelProto **model,
                        DcError *error);

/* Frees a message of dc_onnx_unpack(), or one within it, whose place is to be set to NULL then. */
void dc_onnx_release(ProtobufCMessage *message);

#endif
