/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_MAKERS_H
#define DC_ONNX_MAKERS_H

#include "onnx/reader.h"

#include <stdbool.h>

/* Which part of a graph makes the value of a name: an input, an initialiser or a node. */

typedef enum { DC_ONNX_FROM_INPUT, DC_ONNX_FROM_TENSOR, DC_ONNX_FROM_NODE } DcOnnxOrigin;

typedef struct {
  const char *name;
  DcOnnxOrigin origin;
  size_t index; /* in the graph's list of such */
} DcOnnxMaker;

typedef struct {
  DcOnnxMaker *makers; /* sorted by name: a hash could be made to degenerate by a hostile file */
  size_t count;
} DcOnnxMakers;

/* Free with dc_onnx_makers_clear(), after a failure too. DC_ERROR_FORMAT when two make the same
 * name; but that of an input may be an initialiser's, which counts then. */
DcStatus dc_onnx_makers_list(const DcOnnxReader *reader, const DcOnnxGraph *graph,
                             DcOnnxMakers *list);
void dc_onnx_makers_clear(DcOnnxMakers *list);

/* NULL: nothing makes it. */
const DcOnnxMaker *dc_onnx_makers_find(const DcOnnxMakers *list, const char *name);

#endif
