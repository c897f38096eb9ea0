/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_CONVOLUTION_BORDER_H
#define DC_NN_CONVOLUTION_BORDER_H

#include "nn/layer.h"

/* Images with zeros around them, so that every patch of a convolution is runs of adjacent floats.
 */
typedef struct {
  DcShape image;
  size_t top, left;     /* zeros before */
  size_t height, width; /* with the zeros */
  bool needed;          /* false: an image serves as it is */
} DcBorder;

/* Floats of one image with its border. */
size_t dc_border_floats(const DcBorder *border);

/* Writes rows first .. first + rows - 1, counted with the border, of an image. */
void dc_border_copy_rows(const DcBorder *border, const float *image, size_t first, size_t rows,
                         float *to);

/* `count` images with their border: themselves when they need none, else in `scratch`. */
const float *dc_border_add(const DcBorder *border, const float *images, size_t count,
                           float *scratch);

/* Whether 32 bits count the floats of so many images. */
bool dc_border_fits(const DcBorder *border, size_t images);

#endif
