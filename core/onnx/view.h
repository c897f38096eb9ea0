/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ONNX_VIEW_H
#define DC_ONNX_VIEW_H

#include "nn/network.h"
#include "onnx/graph.h"

#include <stdbool.h>

/* How the axes of an ONNX tensor, without that of the batch, lie in a value of the network: number
 * offset + sum of digit[i] * stride[i]. What only changes the layout of a tensor changes its view;
 * numbers move when somebody needs them in another order than they are. */
typedef struct {
  size_t rank;
  int64_t size[DC_ONNX_MOST_AXES];
  int64_t stride[DC_ONNX_MOST_AXES];
  int64_t offset;
} DcOnnxView;

/* Numbers of a sample. */
int64_t dc_onnx_view_count(const DcOnnxView *view);

/* Numbers that lie one after the other, last axis fastest. */
DcOnnxView dc_onnx_view_dense(size_t rank, const int64_t *size);

/* Channels x height x width over a value of height x width x channels. */
DcOnnxView dc_onnx_view_of_map(DcShape shape);

/* True when the axes of both go the same way through the same numbers. */
bool dc_onnx_view_equal(const DcOnnxView *a, const DcOnnxView *b);

/* True when the view goes once through all of `count` numbers, in whatever order. */
bool dc_onnx_view_covers(const DcOnnxView *view, int64_t count);

/* The axes of `view` in the order `axes`. */
DcOnnxView dc_onnx_view_transpose(const DcOnnxView *view, const size_t *axes);

/* Splits the axes of `view` so that each belongs to one axis of the sizes `size`, which hold the
 * same numbers in the same order: refined axis i is part of axis[i], the parts of an axis outermost
 * first. Axes of length 1 are left out. False when the sizes do not divide each other, or more axes
 * than a view has would come of it. */
bool dc_onnx_view_refine(const DcOnnxView *view, size_t rank, const int64_t *size,
                         DcOnnxView *refined, size_t axis[DC_ONNX_MOST_AXES]);

/* The same numbers in the same order under other sizes, of the same count. False when no strides
 * can say that: the numbers must be moved first. */
bool dc_onnx_view_reshape(const DcOnnxView *view, size_t rank, const int64_t *size,
                          DcOnnxView *reshaped);

/* The walk through a value's numbers in the order of the view, axes that go on in one another taken
 * as one. False when it still has more axes than a layer takes. */
bool dc_onnx_view_walk(const DcOnnxView *view, DcRearrangement *order);

#endif
