/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_PICTURES_H
#define DC_TESTS_PICTURES_H

#include "test.h"

#include "base/random.h"
#include "image/pixels.h"

#include <stdbool.h>
#include <stdlib.h>

/* A picture whose planes are blocks of exactly the bytes that the layout needs, so that the address
 * sanitizer sees a read beyond them. */
typedef struct {
  DcImage image;
  uint8_t *blocks[3];
} Picture;

typedef enum { TIGHT, WIDE, BOTTOM_UP, STRIDES } Stride;

static inline int
row_bytes(const DcPixelLayout *layout, int plane, int width)
{
  int bytes = 0;
  for (int i = 0; i < layout->n_components; i++) {
    const DcComponent *component = &layout->components[i];
    int end = ((width - 1) >> component->shift_x) * component->step + component->step;
    if (component->plane == plane && end > bytes)
      bytes = end;
  }
  return bytes;
}

static inline int
plane_rows(const DcPixelLayout *layout, int plane, int height)
{
  for (int i = 0; i < layout->n_components; i++)
    if (layout->components[i].plane == plane)
      return ((height - 1) >> layout->components[i].shift_y) + 1;
  return 0;
}

static inline Picture
random_picture(DcPixelFormat format, int width, int height, Stride kind, DcRandom *random)
{
  const DcPixelLayout *layout = dc_pixel_layout(format);
  Picture picture = {.image = {.format = format, .width = width, .height = height}};
  for (int plane = 0; plane < layout->planes; plane++) {
    int bytes = row_bytes(layout, plane, width), rows = plane_rows(layout, plane, height);
    assert_true(bytes > 0 && rows > 0);
    int stride = kind == TIGHT ? bytes : bytes + 13;
    size_t size = (size_t)stride * (size_t)(rows - 1) + (size_t)bytes;
    uint8_t *block = malloc(size);
    assert_non_null(block);
    for (size_t i = 0; i < size; i++)
      block[i] = (uint8_t)dc_random_bits(random);
    bool is_flipped = kind == BOTTOM_UP;
    picture.blocks[plane] = block;
    picture.image.planes[plane] = is_flipped ? block + stride * (rows - 1) : block;
    picture.image.strides[plane] = is_flipped ? -stride : stride;
  }
  return picture;
}

static inline void
picture_clear(Picture *picture)
{
  for (int plane = 0; plane < 3; plane++)
    free(picture->blocks[plane]);
}

#endif
