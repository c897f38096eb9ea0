/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_OUTPUT_H
#define DC_ONNX_OUTPUT_H

#include "onnx/graph.h"
#include "onnx/values.h"

/* The value of `graph` that makes the best embedding, as far as names and shapes tell, see
 * dc_onnx_import(). NULL for a graph without outputs. `*reason` receives why, a constant text. */
const char *dc_onnx_choose_output(const DcOnnxGraph *graph, const DcOnnxValues *values,
                                  const char **reason);

#endif
