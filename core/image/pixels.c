/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pixels.h"

#include <stddef.h>

/* Three components of `bytes` bytes a pixel in one plane. */
#define PACKED(bytes, r, g, b)                                                                     \
  {                                                                                                \
    .planes = 1, .n_components = 3, .components = {                                                \
      {0, r, bytes, 0, 0},                                                                         \
      {0, g, bytes, 0, 0},                                                                         \
      {0, b, bytes, 0, 0}                                                                          \
    }                                                                                              \
  }

static const DcPixelLayout layouts[DC_PIXELS_COUNT] = {
    [DC_PIXELS_GRAY8] = {.planes = 1, .n_components = 1, .components = {{0, 0, 1, 0, 0}}},
    [DC_PIXELS_RGB] = PACKED(3, 0, 1, 2),
    [DC_PIXELS_BGR] = PACKED(3, 2, 1, 0),
    [DC_PIXELS_RGBX] = PACKED(4, 0, 1, 2),
    [DC_PIXELS_BGRX] = PACKED(4, 2, 1, 0),
    [DC_PIXELS_RGBA] = PACKED(4, 0, 1, 2),
    [DC_PIXELS_BGRA] = PACKED(4, 2, 1, 0),
    [DC_PIXELS_I420] = {.planes = 3,
                        .n_components = 3,
                        .is_ycbcr = true,
                        .components = {{0, 0, 1, 0, 0}, {1, 0, 1, 1, 1}, {2, 0, 1, 1, 1}}},
    [DC_PIXELS_NV12] = {.planes = 2,
                        .n_components = 3,
                        .is_ycbcr = true,
                        .components = {{0, 0, 1, 0, 0}, {1, 0, 2, 1, 1}, {1, 1, 2, 1, 1}}},
    [DC_PIXELS_YUY2] = {.planes = 1,
                        .n_components = 3,
                        .is_ycbcr = true,
                        .components = {{0, 0, 2, 0, 0}, {0, 1, 4, 1, 0}, {0, 3, 4, 1, 0}}},
};

const DcPixelLayout *
dc_pixel_layout(DcPixelFormat format)
{
  return (unsigned)format < DC_PIXELS_COUNT ? &layouts[format] : NULL;
}

bool
dc_region_is_visible(const DcImage *image, const DcRect *region)
{
  const DcPixelLayout *layout = dc_pixel_layout(image->format);
  if (!layout || image->width < 1 || image->height < 1 || region->width < 1 || region->height < 1)
    return false;
  for (int plane = 0; plane < layout->planes; plane++)
    if (!image->planes[plane])
      return false;
  return region->x < image->width && region->y < image->height &&
         (int64_t)region->x + region->width > 0 && (int64_t)region->y + region->height > 0;
}

/* Y of 0..255 samples brought to 0..1, and half the width of Cb and Cr to 0.5. */
typedef struct {
  double luma, black, chroma;
} Range;

static Range
range_of(const DcImage *image)
{
  if (image->full_range)
    return (Range){.luma = 1 / 255.0, .black = 0, .chroma = 1 / 255.0};
  return (Range){.luma = 1 / 219.0, .black = 16, .chroma = 1 / 224.0};
}

/* R = Y + 2 (1 - Kr) Cr, B = Y + 2 (1 - Kb) Cb, and G from Y = Kr R + Kg G + Kb B. */
static DcColourTransform
from_ycbcr(const DcImage *image)
{
  double kr = image->colour == DC_COLOUR_BT709 ? 0.2126 : 0.299;
  double kb = image->colour == DC_COLOUR_BT709 ? 0.0722 : 0.114;
  double kg = 1 - kr - kb;
  double red_cr = 2 * (1 - kr), blue_cb = 2 * (1 - kb);
  const double chroma[3][2] = {{0, red_cr}, {-kb * blue_cb / kg, -kr * red_cr / kg}, {blue_cb, 0}};
  Range range = range_of(image);
  DcColourTransform transform;
  for (int c = 0; c < 3; c++) {
    double *weights = transform.weights[c];
    weights[0] = range.luma;
    weights[1] = range.chroma * chroma[c][0];
    weights[2] = range.chroma * chroma[c][1];
    transform.offset[c] = -range.black * weights[0] - 128 * (weights[1] + weights[2]);
  }
  return transform;
}

DcColourTransform
dc_colour_transform(const DcImage *image)
{
  const DcPixelLayout *layout = dc_pixel_layout(image->format);
  if (layout->is_ycbcr)
    return from_ycbcr(image);
  DcColourTransform transform = {0};
  for (int c = 0; c < 3; c++)
    transform.weights[c][layout->n_components == 1 ? 0 : c] = 1 / 255.0;
  return transform;
}

DcColourTransform
dc_luma_transform(const DcImage *image)
{
  const DcPixelLayout *layout = dc_pixel_layout(image->format);
  Range range = range_of(image);
  if (layout->is_ycbcr)
    return (DcColourTransform){.weights = {{range.luma, 0, 0}},
                               .offset = {-range.black * range.luma, 0, 0}};
  if (layout->n_components == 1)
    return (DcColourTransform){.weights = {{1 / 255.0, 0, 0}}};
  return (DcColourTransform){.weights = {{0.299 / 255, 0.587 / 255, 0.114 / 255}}};
}
