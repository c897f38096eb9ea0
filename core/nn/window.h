/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_WINDOW_H
#define DC_NN_WINDOW_H

#include "nn/layer.h"
#include "nn/network.h"
#include "nn/patch.h"

/* The part of a window that lies inside the image, for the layers that go through it value by
 * value. */
typedef struct {
  int rows, columns;             /* taps inside; 0 is possible with a dilation */
  int first_row, first_column;   /* of the image, where the first of them is */
  int kernel_row, kernel_column; /* that tap */
} DcWindow;

/* The `count` of the taps, `dilation` apart from `start` on, that lie within 0 .. length - 1: from
 * `tap` on, which is at `first`. */
static inline void
dc_window_axis(int start, int kernel, int dilation, int length, int *count, int *first, int *tap)
{
  const int before = start < 0 ? (-start + dilation - 1) / dilation : 0;
  const int reached = start < length ? (length - start + dilation - 1) / dilation : 0;
  const int end = reached < kernel ? reached : kernel;
  *count = end > before ? end - before : 0;
  *tap = *count ? before : 0;
  *first = *count ? start + before * dilation : 0;
}

/* The window of `layer` that makes its output at `row`, `column` from an image of shape `input`. */
static inline DcWindow
dc_window(const DcLayer *layer, DcShape input, int row, int column)
{
  DcWindow window;
  dc_window_axis(row * layer->stride - layer->padding[0], layer->kernel_height,
                 dc_layer_dilation(layer), input.height, &window.rows, &window.first_row,
                 &window.kernel_row);
  dc_window_axis(column * dc_layer_stride_across(layer) - layer->padding[2], layer->kernel_width,
                 dc_layer_dilation_across(layer), input.width, &window.columns,
                 &window.first_column, &window.kernel_column);
  return window;
}

/* Offset of the first channel at `row`, `column`. */
static inline size_t
dc_shape_offset(DcShape shape, int row, int column)
{
  return ((size_t)row * (size_t)shape.width + (size_t)column) * (size_t)shape.channels;
}

/* What a layer does with the `window` of `job->pixels` adjacent outputs, which lies in the same way
 * over all of them: of `job` all is filled but what only some kernels want. */
typedef void (*DcWindowVisit)(const DcLayerRun *run, DcWindow window, DcPatchWindow *job);

/* Visits all outputs of a layer forward, as many at a time as lie in one line and have windows
 * alike: rows of those that see nothing beside the image, columns of those that reach over its
 * sides. */
void dc_window_walk(const DcLayerRun *run, const DcLayerForward *forward, DcWindowVisit visit);

#endif
