/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_READER_H
#define DC_ONNX_READER_H

#include "base/arena_chain.h"
#include "base/status.h"
#include "base/utf8.h"
#include "onnx/graph.h"
#include "onnx/messages.h"

#include <stdbool.h>
#include <string.h>

/* What makes a graph of unpacked messages. Each function writes the error that it detects. */

typedef struct {
  const char *name;     /* of the file, for messages */
  DcError *error;       /* or NULL */
  DcArenaChain *memory; /* of the graph */
} DcOnnxReader;

/* A name for "%.*s", at a length that leaves room for the rest of a message. */
#define DC_ONNX_SHOWN(name) (int)dc_utf8_prefix((name), 100), (name)

/* `count` elements of `size` bytes of the graph's memory, NOT zeroed. NULL, after the error has
 * been written, when memory is short: the caller returns DC_ERROR_MEMORY. */
void *dc_onnx_take(const DcOnnxReader *reader, size_t count, size_t size);

/* The graph's own copy of a name (NULL is ""), which may stand in a message: UTF-8 without control
 * characters, else DC_ERROR_FORMAT. `what` has it, for the message. */
DcStatus dc_onnx_copy_name(const DcOnnxReader *reader, const char *name, const char *what,
                           const char **copy);

/* ONNX's own operators have the domain "", also written "ai.onnx". */
static inline bool
dc_onnx_is_own_domain(const char *domain)
{
  return !*domain || strcmp(domain, "ai.onnx") == 0;
}

/* `*proto` as a tensor of the graph; releases it and sets it to NULL, so that numbers are not kept
 * twice. Infinity and NaN pass. */
DcStatus dc_onnx_read_tensor(const DcOnnxReader *reader, Onnx__TensorProto **proto,
                             DcOnnxTensor *tensor);

/* The graph's inputs or outputs. */
DcStatus dc_onnx_read_values(const DcOnnxReader *reader, Onnx__ValueInfoProto *const *protos,
                             size_t count, const DcOnnxValue **values);

/* The nodes as they stand in the file; releases their tensors. */
DcStatus dc_onnx_read_nodes(const DcOnnxReader *reader, const Onnx__GraphProto *proto,
                            DcOnnxGraph *graph);

/* Brings the nodes into an order in which each comes after those whose outputs it takes, the file's
 * own where that is one, and drops inputs that are initialisers. */
DcStatus dc_onnx_connect(const DcOnnxReader *reader, DcOnnxGraph *graph);

#endif
