/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_VALUES_H
#define DC_ONNX_VALUES_H

#include "base/status.h"
#include "onnx/graph.h"
#include "onnx/view.h"

/* What the names of a graph stand for: who makes each, who takes it, and what it has become in the
 * network. */

#define DC_ONNX_NO_NODE SIZE_MAX

typedef struct {
  const char *name;
  size_t maker;   /* the node that makes it, or DC_ONNX_NO_NODE */
  size_t takers;  /* how many times nodes of the graph take it */
  size_t taker;   /* the last of them, or DC_ONNX_NO_NODE */
  bool needed;    /* for the chosen output */
  size_t readers; /* of the nodes that are needed, and the end of the network */

  const DcOnnxTensor *constant; /* NULL: it depends on the picture */
  bool flows;                   /* it is value `number` of the network, seen through `view` */
  size_t number;
  DcOnnxView view;
  bool shared; /* something else reads the same numbers: they must stay as they are */
} DcOnnxEntry;

typedef struct {
  DcOnnxEntry *entries; /* by name */
  size_t count;
} DcOnnxValues;

/* Lists the names of `graph`, initialisers as constants. DC_ERROR_MEMORY. Clear with
 * dc_onnx_values_clear(). */
DcStatus dc_onnx_values_init(DcOnnxValues *values, const DcOnnxGraph *graph, DcError *error);
void dc_onnx_values_clear(DcOnnxValues *values);

/* The entry of `name`, or NULL. */
DcOnnxEntry *dc_onnx_values_find(const DcOnnxValues *values, const char *name);

#endif
