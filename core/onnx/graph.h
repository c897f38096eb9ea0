/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_GRAPH_H
#define DC_ONNX_GRAPH_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An ONNX graph as its file tells it, checked but not interpreted: names are texts, operators are
 * not known here. Everything belongs to the graph. Numbers are brought to two types: floats (of
 * FLOAT, FLOAT16, BFLOAT16 and DOUBLE) and whole numbers (of BOOL and the integers). */

#define DC_ONNX_MOST_AXES 8

typedef struct {
  const char *name; /* "" where it has none */
  size_t rank;      /* 0: a scalar */
  int64_t shape[DC_ONNX_MOST_AXES];
  size_t count;        /* of numbers: the product of shape; may be 0 */
  const float *floats; /* one of the two is not NULL, also with count 0 */
  const int64_t *whole;
} DcOnnxTensor;

typedef enum {
  DC_ONNX_INT,    /* whole[0] */
  DC_ONNX_FLOAT,  /* floats[0] */
  DC_ONNX_TEXT,   /* text */
  DC_ONNX_INTS,   /* whole[0 .. count - 1] */
  DC_ONNX_FLOATS, /* floats[0 .. count - 1] */
  DC_ONNX_TENSOR, /* tensor */
  DC_ONNX_OTHER   /* a graph, a list of texts or tensors, ...: nothing is kept of it */
} DcOnnxAttributeKind;

typedef struct {
  const char *name;
  DcOnnxAttributeKind kind;
  size_t count;
  const int64_t *whole;
  const float *floats;
  const char *text;
  const DcOnnxTensor *tensor;
} DcOnnxAttribute;

typedef struct {
  const char *name;   /* "" where it has none */
  const char *op;     /* "Conv" */
  const char *domain; /* "" for ONNX's own operators */
  size_t input_count, output_count, attribute_count;
  const char *const *inputs; /* "": an optional one that is left out */
  const char *const *outputs;
  const DcOnnxAttribute *attributes;
} DcOnnxNode;

/* What goes into or comes out of the graph. */
typedef struct {
  const char *name;
  bool is_float;    /* FLOAT, or FLOAT16, BFLOAT16 or DOUBLE */
  bool known_shape; /* false: the file does not even tell the rank */
  size_t rank;
  int64_t shape[DC_ONNX_MOST_AXES]; /* -1: left open in the file */
} DcOnnxValue;

typedef struct DcOnnxGraph {
  int64_t opset;        /* of ONNX's own operators */
  const char *producer; /* "pytorch 2.1.0", "" where it is not told */
  size_t node_count, tensor_count, input_count, output_count;
  const DcOnnxNode *nodes;     /* each after those whose outputs it takes */
  const DcOnnxTensor *tensors; /* the initialisers */
  const DcOnnxValue *inputs;   /* without those that are initialisers */
  const DcOnnxValue *outputs;
} DcOnnxGraph;

/* Bounds on what is read: more is refused by name. */
#define DC_ONNX_MOST_BYTES   ((size_t)1 << 30) /* of a file */
#define DC_ONNX_MOST_NODES   16384
#define DC_ONNX_MOST_TENSORS 65536

/* Reads the file `path`. Every name that a node takes is a graph input, an initialiser, or made by
 * exactly one node. Errors name the file and what in it: DC_ERROR_NOT_FOUND, DC_ERROR_IO,
 * DC_ERROR_FORMAT (no ONNX file, truncated, a cycle, a name that nothing makes or that two make, a
 * tensor whose data do not fit its shape), DC_ERROR_UNSUPPORTED (data kept in other files, 8-bit
 * or other quantised weights, beyond the bounds above, an opset outside 7 .. 17),
 * DC_ERROR_NOT_FINITE (an initialiser holds NaN or infinity), DC_ERROR_MEMORY. Free with
 * dc_onnx_graph_free(). */
DcStatus dc_onnx_graph_read(const char *path, DcOnnxGraph **graph, DcError *error);

/* The same from bytes in memory, which may go afterwards; `name` appears in messages. */
DcStatus dc_onnx_graph_parse(const void *bytes, size_t size, const char *name, DcOnnxGraph **graph,
                             DcError *error);

void dc_onnx_graph_free(DcOnnxGraph *graph); /* NULL is ignored */

/* The attribute `name` of `node`, or NULL. */
const DcOnnxAttribute *dc_onnx_attribute(const DcOnnxNode *node, const char *name);

/* True for a path that ends in ".onnx", in any case of letters. */
bool dc_onnx_is_named(const char *path);

#endif
