/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/shadow.h"

#include "base/memory.h"
#include "motion/background.h"
#include "motion/morphology.h"

#include <stdbool.h>
#include <string.h>

enum { RADIUS = 2, RIM = 2, SIDE = 2 * RADIUS + 1, WINDOW = SIDE * SIDE };

/* A shadow lets through between half of the light and nearly all; outdoors the sky fills it. */
#define DARKEST  0.5f
#define LIGHTEST 0.95f

/* Mean square of what the factor does not explain, in squared grey levels, and the same relative to
 * the energy of the picture: 1 - the square of the normalised correlation. */
#define RESIDUAL_MAX    12.0f
#define CORRELATION_MIN 0.998f

struct DcShadow {
  int width, height;
  uint8_t *marks, *scratch;
  DcProductSums columns; /* of the SIDE rows around one */
};

DcShadow *
dc_shadow_new(int width, int height)
{
  const size_t w = (size_t)width, pixels = w * (size_t)height;
  DcShadow *shadow = DC_NEW(DcShadow, 1);
  if (!shadow)
    return NULL;
  shadow->width = width;
  shadow->height = height;
  shadow->marks = DC_NEW(uint8_t, pixels);
  shadow->scratch = DC_NEW(uint8_t, pixels);
  shadow->columns.xx = DC_NEW(uint32_t, 3 * w);
  if (!shadow->marks || !shadow->scratch || !shadow->columns.xx) {
    dc_shadow_free(shadow);
    return NULL;
  }
  shadow->columns.xm = shadow->columns.xx + w;
  shadow->columns.mm = shadow->columns.xm + w;
  return shadow;
}

void
dc_shadow_free(DcShadow *shadow)
{
  if (!shadow)
    return;
  dc_free(shadow->marks);
  dc_free(shadow->scratch);
  dc_free(shadow->columns.xx);
  dc_free(shadow);
}

static bool
is_attenuated(uint8_t luma, uint8_t expected)
{
  return luma < expected && 2 * luma >= expected;
}

/* The pixels of a row that may be shadow lie in *first .. *end - 1. */
static bool
find_candidates(const uint8_t *luma, const uint8_t *expected, const uint8_t *deviation,
                size_t width, size_t *first, size_t *end)
{
  *first = width;
  *end = 0;
  for (size_t x = RADIUS; x + RADIUS < width; x++)
    if (deviation[x] && is_attenuated(luma[x], expected[x])) {
      *first = *first < x ? *first : x;
      *end = x + 1;
    }
  return *first < *end;
}

static uint32_t
sum_of_window(const uint32_t *columns)
{
  uint32_t sum = 0;
  for (int i = 0; i < SIDE; i++)
    sum += columns[i];
  return sum;
}

/* Whether the window whose leftmost column is `left` is the background times a factor. */
static bool
is_shadow(const DcProductSums *columns, size_t left)
{
  const float xx = (float)sum_of_window(columns->xx + left);
  const float xm = (float)sum_of_window(columns->xm + left);
  const float mm = (float)sum_of_window(columns->mm + left);
  /* Least squares: luma = factor x expected. */
  const float factor = xm / (mm + 1.0f);
  const float residual = xx - factor * xm;
  return factor >= DARKEST && factor <= LIGHTEST && residual <= WINDOW * RESIDUAL_MAX &&
         residual <= (1.0f - CORRELATION_MIN) * xx;
}

/* Sums the SIDE rows that begin at `top`, columns first .. end - 1. */
static void
sum_columns(DcShadow *shadow, const uint8_t *luma, const uint8_t *expected, size_t top,
            size_t first, size_t end)
{
  const DcBackgroundKernels *kernels = dc_background_kernels();
  const size_t width = (size_t)shadow->width, count = end - first;
  const DcProductSums sums = {shadow->columns.xx + first, shadow->columns.xm + first,
                              shadow->columns.mm + first};
  memset(sums.xx, 0, count * sizeof *sums.xx);
  memset(sums.xm, 0, count * sizeof *sums.xm);
  memset(sums.mm, 0, count * sizeof *sums.mm);
  for (size_t row = top; row < top + SIDE; row++)
    kernels->add_products(luma + row * width + first, expected + row * width + first, count, &sums);
}

static void
mark(DcShadow *shadow, const uint8_t *luma, const uint8_t *expected, const uint8_t *deviation)
{
  const size_t width = (size_t)shadow->width, height = (size_t)shadow->height;
  memset(shadow->marks, 0, width * height);
  for (size_t y = RADIUS; y + RADIUS < height; y++) {
    const size_t row = y * width;
    size_t first, end;
    if (!find_candidates(luma + row, expected + row, deviation + row, width, &first, &end))
      continue;
    sum_columns(shadow, luma, expected, y - RADIUS, first - RADIUS, end + RADIUS);
    for (size_t x = first; x < end; x++)
      if (deviation[row + x] && is_attenuated(luma[row + x], expected[row + x]) &&
          is_shadow(&shadow->columns, x - RADIUS))
        shadow->marks[row + x] = 255;
  }
}

void
dc_shadow_remove(DcShadow *shadow, const uint8_t *luma, const uint8_t *expected, uint8_t *deviation)
{
  const size_t pixels = (size_t)shadow->width * (size_t)shadow->height;
  mark(shadow, luma, expected, deviation);
  dc_mask_dilate(shadow->marks, shadow->width, shadow->height, RIM, RIM, shadow->scratch);
  for (size_t i = 0; i < pixels; i++)
    deviation[i] = shadow->marks[i] && is_attenuated(luma[i], expected[i]) ? 0 : deviation[i];
}
