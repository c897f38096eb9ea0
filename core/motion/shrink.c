/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/shrink.h"

#include <string.h>

static void
copy(const uint8_t *from, ptrdiff_t stride, int width, int height, uint8_t *to)
{
  for (int y = 0; y < height; y++)
    memcpy(to + (size_t)y * (size_t)width, from + y * stride, (size_t)width);
}

static void
add_rows(const uint8_t *from, ptrdiff_t stride, int rows, size_t count, uint32_t *restrict sums)
{
  memset(sums, 0, count * sizeof *sums);
  for (int row = 0; row < rows; row++) {
    const uint8_t *restrict bytes = from + row * stride;
    for (size_t i = 0; i < count; i++)
      sums[i] += bytes[i];
  }
}

/* The inner loop has a constant length where `factor` is one. */
static inline void
add_columns(const uint32_t *restrict sums, size_t factor, size_t width, uint8_t *restrict to)
{
  const uint32_t block = (uint32_t)(factor * factor);
  for (size_t x = 0; x < width; x++) {
    uint32_t sum = block / 2;
    for (size_t i = 0; i < factor; i++)
      sum += sums[x * factor + i];
    to[x] = (uint8_t)(sum / block);
  }
}

void
dc_motion_shrink(const uint8_t *from, ptrdiff_t stride, int factor, int width, int height,
                 uint32_t *sums, uint8_t *to)
{
  if (factor == 1) {
    copy(from, stride, width, height, to);
    return;
  }
  for (int y = 0; y < height; y++, to += width) {
    add_rows(from + (ptrdiff_t)y * factor * stride, stride, factor, (size_t)width * (size_t)factor,
             sums);
    switch (factor) {
    case 2:
      add_columns(sums, 2, (size_t)width, to);
      break;
    case 3:
      add_columns(sums, 3, (size_t)width, to);
      break;
    default:
      add_columns(sums, (size_t)factor, (size_t)width, to);
    }
  }
}
