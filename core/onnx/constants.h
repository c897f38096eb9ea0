/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_CONSTANTS_H
#define DC_ONNX_CONSTANTS_H

#include "base/arena_chain.h"
#include "base/status.h"
#include "onnx/graph.h"

#include <stdbool.h>

/* Operators over tensors that are known when a network is imported: mostly arithmetic on shapes
 * ("Shape" gives a tensor of whole numbers, which is gathered, joined and used by "Reshape"). */

/* True when dc_onnx_constant_run() can compute `op` of constants. */
bool dc_onnx_constant_knows(const char *op);

/* Where constants are put, and how many numbers may still be. */
typedef struct {
  DcArenaChain chain;
  int64_t left;
} DcOnnxConstants;

/* More numbers than the weights of a large network are no arithmetic on shapes. */
#define DC_ONNX_MOST_CONSTANTS ((int64_t)1 << 27)

/* Computes the first output of `node` from `inputs`, as many as the node has (NULL: left out).
 * What comes of it lies in `constants` or, where nothing changes, is the input's. Errors begin with
 * what `where` says: DC_ERROR_FORMAT (a use that ONNX does not allow), DC_ERROR_UNSUPPORTED (also
 * when nothing is left), DC_ERROR_MEMORY. */
DcStatus dc_onnx_constant_run(const DcOnnxNode *node, const DcOnnxTensor *const *inputs,
                              const char *where, DcOnnxConstants *constants,
                              const DcOnnxTensor **result, DcError *error);

/* Room for `count` numbers of `size` bytes, NOT zeroed; NULL when memory is short or when no more
 * numbers are left. */
void *dc_onnx_constants_take(DcOnnxConstants *constants, size_t count, size_t size);

/* A new tensor of whole numbers along one axis. NULL when memory is short. */
const DcOnnxTensor *dc_onnx_constant_list(DcArenaChain *chain, const int64_t *numbers,
                                          size_t count);

/* Number `index` of a tensor of either type. */
static inline double
dc_onnx_number(const DcOnnxTensor *tensor, size_t index)
{
  return tensor->floats ? tensor->floats[index] : (double)tensor->whole[index];
}

#endif
