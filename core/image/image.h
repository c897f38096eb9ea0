/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_IMAGE_H
#define DC_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* Layouts of 8-bit pixels, named as GStreamer names them. */
typedef enum {
  DC_PIXELS_GRAY8,
  DC_PIXELS_RGB,
  DC_PIXELS_BGR,
  DC_PIXELS_RGBX,
  DC_PIXELS_BGRX,
  DC_PIXELS_RGBA,
  DC_PIXELS_BGRA,
  DC_PIXELS_I420,
  DC_PIXELS_NV12,
  DC_PIXELS_YUY2,
  DC_PIXELS_COUNT
} DcPixelFormat;

/* The YCbCr matrix of I420, NV12 and YUY2; samples are in studio range unless `full_range`. */
typedef enum { DC_COLOUR_BT601, DC_COLOUR_BT709 } DcColourMatrix;

/* A borrowed picture of width x height pixels. Plane p starts at planes[p], its rows lie strides[p]
 * bytes apart; a stride may be negative (bottom-up) or wider than the row. Chroma of odd sizes is
 * rounded up, so that a row of YUY2 holds whole pairs of pixels. Each chroma sample belongs to the
 * two or four pixels that share it. */
typedef struct {
  DcPixelFormat format;
  DcColourMatrix colour;
  int full_range;
  int width, height;
  const uint8_t *planes[3];
  ptrdiff_t strides[3];
} DcImage;

/* A rectangle in pixels of an image; it may reach over the border. */
typedef struct {
  int x, y, width, height;
} DcRect;

#endif
