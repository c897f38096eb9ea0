/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "motion/gain.h"

#include <math.h>

/* Ratios of a grid of pixels are counted by their logarithm. */
enum { STEP = 4, BINS_PER_OCTAVE = 128, OCTAVES = 4, BINS = BINS_PER_OCTAVE * OCTAVES };

/* Below it (black of studio range, and noise) a ratio says little. */
#define DARK 24.0f

static void
count_ratios(const uint8_t *luma, const float *means, int width, int height, unsigned counts[BINS],
             unsigned *total)
{
  for (int y = STEP / 2; y < height; y += STEP)
    for (int x = STEP / 2; x < width; x += STEP) {
      size_t i = (size_t)y * (size_t)width + (size_t)x;
      if (means[i] < DARK || luma[i] < 1 || luma[i] > 250)
        continue;
      float octaves = log2f(luma[i] / means[i]) + OCTAVES / 2.0f;
      int bin = (int)(octaves * BINS_PER_OCTAVE);
      counts[bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin]++;
      ++*total;
    }
}

double
dc_gain(const uint8_t *luma, const float *means, int width, int height)
{
  unsigned counts[BINS] = {0}, total = 0, below = 0;
  count_ratios(luma, means, width, height, counts, &total);
  if (total < (unsigned)(width / STEP) * (unsigned)(height / STEP) / 16 + 1)
    return 1;
  int bin = 0;
  while (below + counts[bin] < (total + 1) / 2)
    below += counts[bin++];
  /* Within the bin the ratios are taken as even. */
  double part = ((double)total / 2 - below) / counts[bin];
  return exp2((bin + part) / BINS_PER_OCTAVE - OCTAVES / 2.0);
}
