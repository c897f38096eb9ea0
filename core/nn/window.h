/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_WINDOW_H
#define DC_NN_WINDOW_H

#include "nn/network.h"
#include "nn/patch.h"

/* The part of a window that lies inside the image, for the layers that go through it value by
 * value. */
typedef struct {
  int first_row, end_row; /* of the image */
  int first_column, end_column;
  int kernel_row, kernel_column; /* the tap at the first row and column */
} DcWindow;

static inline void
dc_window_axis(int start, int kernel, int length, int *first, int *end, int *tap)
{
  *first = start > 0 ? start : 0;
  *end = start + kernel < length ? start + kernel : length;
  *tap = *first - start;
}

/* The window of `layer` that makes its output at `row`, `column` from an image of shape `input`. */
static inline DcWindow
dc_window(const DcLayer *layer, DcShape input, int row, int column)
{
  DcWindow window;
  dc_window_axis(row * layer->stride - layer->padding[0], layer->kernel_height, input.height,
                 &window.first_row, &window.end_row, &window.kernel_row);
  dc_window_axis(column * layer->stride - layer->padding[2], layer->kernel_width, input.width,
                 &window.first_column, &window.end_column, &window.kernel_column);
  return window;
}

/* Offset of the first channel at `row`, `column`. */
static inline size_t
dc_shape_offset(DcShape shape, int row, int column)
{
  return ((size_t)row * (size_t)shape.width + (size_t)column) * (size_t)shape.channels;
}

/* The job of a kernel for one pixel: its window of `image` to `output`. */
static inline DcPatchWindow
dc_window_job(DcWindow window, DcShape input, const float *image, float *output)
{
  const size_t channels = (size_t)input.channels;
  return (
      DcPatchWindow){.patch = {.rows = (size_t)(window.end_row - window.first_row),
                               .run = (size_t)(window.end_column - window.first_column) * channels,
                               .row_stride = (size_t)input.width * channels},
                     .input = image + dc_shape_offset(input, window.first_row, window.first_column),
                     .output = output,
                     .channels = channels};
}

#endif
