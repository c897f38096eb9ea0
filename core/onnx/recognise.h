/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_RECOGNISE_H
#define DC_ONNX_RECOGNISE_H

#include "nn/network.h"
#include "onnx/graph.h"
#include "onnx/values.h"

/* What several nodes together mean that the network has one layer for. */
typedef enum {
  DC_ONNX_AS_IT_IS,   /* nothing beyond what the node says */
  DC_ONNX_ACTIVATION, /* `activation`, of `input` */
  DC_ONNX_LAYER_NORM, /* layer norm without weight and bias, over `axis` of `input` */
  DC_ONNX_UNIT_LENGTH /* `input` divided by its length along `axis` */
} DcOnnxMeaningKind;

typedef struct {
  DcOnnxMeaningKind kind;
  const char *input;
  DcActivation activation;
  int64_t axis; /* negative: counted from the end */
  float epsilon;
} DcOnnxMeaning;

/* The meaning of what node `index` makes, seen together with the nodes before it. Constants must be
 * known in `values`. */
DcOnnxMeaning dc_onnx_recognise(const DcOnnxGraph *graph, const DcOnnxValues *values, size_t index);

#endif
