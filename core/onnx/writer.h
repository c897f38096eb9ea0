/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_WRITER_H
#define DC_ONNX_WRITER_H

#include "base/arena_chain.h"
#include "base/status.h"
#include "onnx/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gathers the nodes and initialisers of a graph to be written. Memory that is short is remembered
 * in `failed`, after which everything may still be called, so that only the end asks for it. */

typedef struct {
  DcArenaChain memory; /* of all messages and texts */
  struct DcOnnxEntry *nodes, **nodes_end, *tensors, **tensors_end;
  size_t node_count, tensor_count, tensor_bytes;
  char prefix[64]; /* of the names that are made: "layer3", say */
  bool failed;
} DcOnnxWriter;

void dc_onnx_writer_init(DcOnnxWriter *writer);
void dc_onnx_writer_clear(DcOnnxWriter *writer);

/* A message of default values; never NULL unless `failed`. */
void *dc_onnx_new_message(DcOnnxWriter *writer, const ProtobufCMessageDescriptor *descriptor);

/* `count` elements of `size` bytes, or NULL. */
void *dc_onnx_writer_take(DcOnnxWriter *writer, size_t count, size_t size);

/* --- nodes: names and attributes --- */

/* Of what is written. */
#define DC_ONNX_MOST_INPUTS     5
#define DC_ONNX_MOST_ATTRIBUTES 6

/* A node of operator `op` that takes the `count` values `inputs` and makes one, named by the
 * writer. Attributes are put to it until the next one is made. */
Onnx__NodeProto *dc_onnx_add_node(DcOnnxWriter *writer, const char *op, size_t count,
                                  const char *const *inputs);
void dc_onnx_put_int(DcOnnxWriter *writer, Onnx__NodeProto *node, const char *name, int64_t value);
void dc_onnx_put_float(DcOnnxWriter *writer, Onnx__NodeProto *node, const char *name, float value);
/* The numbers are copied. */
void dc_onnx_put_ints(DcOnnxWriter *writer, Onnx__NodeProto *node, const char *name, size_t count,
                      const int64_t *values);

/* The name of what `node` makes; "" when it could not be made. */
const char *dc_onnx_output_of(const Onnx__NodeProto *node);

/* A node without attributes of one or two inputs, and what it makes. */
const char *dc_onnx_apply(DcOnnxWriter *writer, const char *op, const char *input);
const char *dc_onnx_apply_two(DcOnnxWriter *writer, const char *op, const char *first,
                              const char *second);

/* --- initialisers: each returns its name --- */

/* The numbers must live as long as the writer. `purpose` becomes a part of the name. */
const char *dc_onnx_add_floats(DcOnnxWriter *writer, const char *purpose, const float *numbers,
                               size_t rank, const int64_t *shape);
/* A vector; the numbers are copied. */
const char *dc_onnx_add_whole(DcOnnxWriter *writer, const char *purpose, size_t count,
                              const int64_t *numbers);
const char *dc_onnx_add_scalar(DcOnnxWriter *writer, float number);

/* --- the end --- */

/* Puts all nodes and initialisers into `graph`. */
void dc_onnx_writer_fill(DcOnnxWriter *writer, Onnx__GraphProto *graph);

#endif
