/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_OPERANDS_H
#define DC_ONNX_OPERANDS_H

#include "base/status.h"
#include "onnx/graph.h"
#include "onnx/view.h"

/* What the attributes and the constant inputs of a node say about shapes, checked, for constants
 * and for what flows alike. Shapes here are ONNX's, the batch included. Errors begin with `where`
 * and are DC_ERROR_FORMAT for what ONNX does not allow, DC_ERROR_UNSUPPORTED for what it does. */

/* An attribute, or what `standard` says where it is left out; of lists exactly `count` numbers. */
DcStatus dc_onnx_operands_int(const DcOnnxNode *node, const char *name, int64_t standard,
                              const char *where, int64_t *value, DcError *error);
DcStatus dc_onnx_operands_float(const DcOnnxNode *node, const char *name, float standard,
                                const char *where, float *value, DcError *error);
DcStatus dc_onnx_operands_ints(const DcOnnxNode *node, const char *name, size_t count,
                               int64_t standard, const char *where, int64_t *values,
                               DcError *error);

/* "axis", brought to 0 .. rank - 1. */
DcStatus dc_onnx_operands_axis(const DcOnnxNode *node, int64_t standard, size_t rank,
                               const char *where, int64_t *axis, DcError *error);

/* "axes", from `list` (an input of the node; NULL: it has none) or the attribute, as bits; 0 when
 * there are none. */
DcStatus dc_onnx_operands_axes(const DcOnnxNode *node, const DcOnnxTensor *list, size_t rank,
                               const char *where, unsigned *axes, DcError *error);

/* "perm" of Transpose. */
DcStatus dc_onnx_operands_order(const DcOnnxNode *node, size_t rank, const char *where,
                                size_t *order, DcError *error);

/* What Reshape to `wanted` makes of `shape`, which has `count` numbers. */
DcStatus dc_onnx_operands_reshape(const DcOnnxNode *node, const DcOnnxTensor *wanted, size_t rank,
                                  const int64_t *shape, int64_t count, const char *where,
                                  int64_t *reshaped, size_t *reshaped_rank, DcError *error);

/* What Unsqueeze makes of `shape`; `list` as for axes. */
DcStatus dc_onnx_operands_unsqueeze(const DcOnnxNode *node, const DcOnnxTensor *list, size_t rank,
                                    const int64_t *shape, const char *where, int64_t *unsqueezed,
                                    size_t *unsqueezed_rank, DcError *error);

/* Brings `start` and `end` of a part of an axis of `size` numbers, which may count from its end or
 * lie beyond it, to 0 <= start <= end <= size. */
void dc_onnx_operands_between(int64_t size, int64_t *start, int64_t *end);

/* Narrows `view` as Slice says, by attributes (until opset 9) or constant inputs. */
DcStatus dc_onnx_operands_slice(const DcOnnxNode *node, const DcOnnxTensor *const *inputs,
                                const char *where, DcOnnxView *view, DcError *error);

/* How the numbers of two tensors meet when each axis of length 1 is as long as the other's. */
DcStatus dc_onnx_operands_broadcast(const DcOnnxTensor *a, const DcOnnxTensor *b, const char *where,
                                    DcOnnxView views[2], DcError *error);

#endif
