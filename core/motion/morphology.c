/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/morphology.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline uint8_t
pick(uint8_t a, uint8_t b, const bool largest)
{
  return largest ? (a > b ? a : b) : (a < b ? a : b);
}

/* to[i] = extreme(from[i], other[i]); `largest` is a constant where this is inlined. */
static inline void
meet(uint8_t *restrict to, const uint8_t *restrict other, size_t count, const bool largest)
{
  for (size_t i = 0; i < count; i++)
    to[i] = pick(to[i], other[i], largest);
}

/* The extreme of the `radius` neighbours on both sides along an axis of `length` steps of `span`
 * bytes each. */
static inline void
spread(uint8_t *mask, size_t span, size_t length, size_t radius, uint8_t *scratch,
       const bool largest)
{
  memcpy(scratch, mask, span * length);
  for (size_t shift = 1; shift <= radius && shift < length; shift++) {
    const size_t count = (length - shift) * span;
    meet(mask, scratch + shift * span, count, largest);
    meet(mask + shift * span, scratch, count, largest);
  }
}

static inline void
extreme(uint8_t *mask, int width, int height, int radius_x, int radius_y, uint8_t *scratch,
        const bool largest)
{
  const size_t w = (size_t)width;
  for (int y = 0; y < height; y++)
    spread(mask + (size_t)y * w, 1, w, (size_t)radius_x, scratch, largest);
  spread(mask, w, (size_t)height, (size_t)radius_y, scratch, largest);
}

void
dc_mask_dilate(uint8_t *mask, int width, int height, int radius_x, int radius_y, uint8_t *scratch)
{
  extreme(mask, width, height, radius_x, radius_y, scratch, true);
}

void
dc_mask_erode(uint8_t *mask, int width, int height, int radius_x, int radius_y, uint8_t *scratch)
{
  extreme(mask, width, height, radius_x, radius_y, scratch, false);
}

void
dc_mask_close(uint8_t *mask, int width, int height, int radius_x, int radius_y, uint8_t *scratch)
{
  dc_mask_dilate(mask, width, height, radius_x, radius_y, scratch);
  dc_mask_erode(mask, width, height, radius_x, radius_y, scratch);
}

/* How many of a column of three are set. */
static void
count_columns(const uint8_t *mask, int width, int height, uint8_t *counts)
{
  const size_t w = (size_t)width;
  for (int y = 0; y < height; y++) {
    const uint8_t *restrict row = mask + (size_t)y * w;
    const uint8_t *restrict above = y > 0 ? row - w : NULL;
    const uint8_t *restrict below = y < height - 1 ? row + w : NULL;
    uint8_t *restrict count = counts + (size_t)y * w;
    for (size_t x = 0; x < w; x++)
      count[x] = row[x] & 1;
    for (size_t x = 0; above && x < w; x++)
      count[x] = (uint8_t)(count[x] + (above[x] & 1));
    for (size_t x = 0; below && x < w; x++)
      count[x] = (uint8_t)(count[x] + (below[x] & 1));
  }
}

void
dc_mask_majority(uint8_t *mask, int width, int height, uint8_t *scratch)
{
  const size_t w = (size_t)width;
  count_columns(mask, width, height, scratch);
  for (int y = 0; y < height; y++) {
    const uint8_t *restrict count = scratch + (size_t)y * w;
    uint8_t *restrict row = mask + (size_t)y * w;
    for (size_t x = 1; x + 1 < w; x++)
      row[x] = count[x - 1] + count[x] + count[x + 1] >= 5 ? 255 : 0;
    row[0] = count[0] + (w > 1 ? count[1] : 0) >= 5 ? 255 : 0;
    if (w > 1)
      row[w - 1] = count[w - 2] + count[w - 1] >= 5 ? 255 : 0;
  }
}
