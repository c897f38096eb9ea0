/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_PIXELS_H
#define DC_IMAGE_PIXELS_H

#include "image/image.h"

#include <stdbool.h>

/* Where the samples of one component lie: that of pixel (x, y) is byte
 * (x >> shift_x) * step + offset of row y >> shift_y of its plane. */
typedef struct {
  int plane;
  int offset, step;
  int shift_x, shift_y;
} DcComponent;

typedef struct {
  int planes;
  int n_components; /* 1: grey, 3: R G B or Y Cb Cr */
  bool is_ycbcr;
  DcComponent components[3];
} DcPixelLayout;

/* The layout of `format`; NULL when it is none of DcPixelFormat. */
const DcPixelLayout *dc_pixel_layout(DcPixelFormat format);

/* Whether `image` is of a known format and has pixels, one of them within `region`. */
bool dc_region_is_visible(const DcImage *image, const DcRect *region);

/* What turns samples of 0..255 into R G B of 0..1: channel c is the sum over i of
 * weights[c][i] * sample i, plus offset[c], clipped to 0..1 (YCbCr reaches beyond). ITU-R BT.601
 * and BT.709, studio range (16..235, 16..240) or full. */
typedef struct {
  double weights[3][3];
  double offset[3];
} DcColourTransform;

DcColourTransform dc_colour_transform(const DcImage *image);

/* The same for grey from all components, in weights[0] and offset[0]: the only component of GRAY8,
 * Y of YCbCr, the BT.601 luma of RGB. */
DcColourTransform dc_luma_transform(const DcImage *image);

#endif
