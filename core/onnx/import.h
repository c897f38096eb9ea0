/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_IMPORT_H
#define DC_ONNX_IMPORT_H

#include "base/status.h"
#include "nn/network.h"
#include "onnx/graph.h"

#include <stdbool.h>

/* From a graph to a network that computes the same: constants are folded, batch norms and
 * activations fused, and what is a mere change of layout becomes none or one copy. */

typedef struct {
  const char *output; /* the value to end with, any in the graph; NULL: see below */
  int height, width;  /* of the picture where the graph leaves them open; 0: 224 */
  bool normalise;     /* end in unit length */
} DcOnnxImportOptions;

/* What was made of what. Texts belong to the graph. */
typedef struct {
  const char *input, *output; /* names of the values */
  bool channels_last;         /* the graph's input is N x height x width x channels */
  const char *reason;         /* why this output was chosen, for people; a constant text */
} DcOnnxImportReport;

/* Makes `*network` of the part of `graph` that leads from its picture input (or its vector: N x n,
 * which becomes 1 x 1 x n) to the chosen output.
 * Without a choice: an output named like an embedding ("embedding", "features", ...), else the
 * last vector that is not a classifier's scores, else the output. A map of height x width x
 * channels ends in its mean over the pixels. Errors name node, operator and what is wrong:
 * DC_ERROR_UNSUPPORTED (an operator or a form of it that is not known here), DC_ERROR_FORMAT (a
 * graph that breaks ONNX's rules), DC_ERROR_SHAPE, DC_ERROR_NOT_FOUND (no such output, with those
 * that there are), DC_ERROR_NOT_FINITE, DC_ERROR_MEMORY. Free with dc_network_free(). */
DcStatus dc_onnx_import(const DcOnnxGraph *graph, const DcOnnxImportOptions *options,
                        DcNetwork **network, DcOnnxImportReport *report, DcError *error);

#endif
