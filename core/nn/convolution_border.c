/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nn/convolution_border.h"

#include "base/checked.h"

#include <string.h>

size_t
dc_border_floats(const DcBorder *border)
{
  return border->height * border->width * (size_t)border->image.channels;
}

void
dc_border_copy_rows(const DcBorder *border, const float *image, size_t first, size_t rows,
                    float *to)
{
  const size_t channels = (size_t)border->image.channels;
  const size_t row_size = border->width * channels, left = border->left * channels;
  const size_t image_row = (size_t)border->image.width * channels;
  const size_t copied = image_row < row_size - left ? image_row : row_size - left,
               right = row_size - left - copied;
  for (size_t row = first; row < first + rows; row++, to += row_size) {
    const size_t y = row - border->top; /* wraps to a huge number above the image */
    if (y >= (size_t)border->image.height) {
      memset(to, 0, row_size * sizeof *to);
      continue;
    }
    memset(to, 0, left * sizeof *to);
    memcpy(to + left, image + y * image_row, copied * sizeof *to);
    memset(to + left + copied, 0, right * sizeof *to);
  }
}

const float *
dc_border_add(const DcBorder *border, const float *images, size_t count, float *scratch)
{
  if (!border->needed)
    return images;
  const size_t size = dc_shape_size(border->image), padded = dc_border_floats(border);
  for (size_t i = 0; i < count; i++)
    dc_border_copy_rows(border, images + i * size, 0, border->height, scratch + i * padded);
  return scratch;
}

bool
dc_border_fits(const DcBorder *border, size_t images)
{
  size_t floats;
  return dc_checked_mul(border->height, border->width, &floats) &&
         dc_checked_mul(floats, (size_t)border->image.channels, &floats) &&
         dc_checked_mul(floats, images, &floats) && floats <= UINT32_MAX;
}
