/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_RESIZE_H
#define DC_IMAGE_RESIZE_H

#include "base/status.h"
#include "image/patch.h"

#include <stdbool.h>
#include <stddef.h>

/* What one axis of a resize depends on. Pixels are counted from the edge of the region. */
typedef struct {
  int outputs;          /* >= 1 */
  double start, length; /* the part of the region that is spread over the outputs */
  int low, high;        /* first and last pixel inside image and region; others read as these */
  DcResize resize;
  int shift; /* 1 for chroma, of which two neighbouring pixels share a sample */
  int phase; /* whether pixel `low` is the second of such a pair; 0 without shift */
} DcAxisShape;

/* The weights of one axis: output i is the sum over k < counts[i] of weights[i * stride + k] times
 * sample firsts[i] + k, where samples are counted from that of pixel `low`. Weights from counts[i]
 * to `taps`, the largest count, are 0. All zeros are a valid, empty axis. */
typedef struct {
  DcAxisShape shape;
  int *firsts, *counts;
  float *weights;
  int taps;
  size_t stride;
  size_t output_capacity, weight_capacity;
} DcAxis;

/* Makes the weights for `shape` unless they are those already there. Allocates only when they are
 * more than ever before: DC_ERROR_MEMORY. */
DcStatus dc_axis_plan(DcAxis *axis, const DcAxisShape *shape);

/* Frees the tables. */
void dc_axis_clear(DcAxis *axis);

#endif
