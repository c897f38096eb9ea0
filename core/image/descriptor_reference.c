/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/descriptor.h"
#include "image/descriptor_definition.h"
#include "image/patch.h"

#include <math.h>

/* docs/methods/descriptor.md, formula by formula. */

enum {
  SIDE = DC_DESCRIPTOR_SIDE,
  CELLS = DC_DESCRIPTOR_CELLS,
  DIRECTIONS = DC_DESCRIPTOR_DIRECTIONS,
  LUMA_BINS = DC_DESCRIPTOR_LUMA_BINS,
  CHROMA_BINS = DC_DESCRIPTOR_CHROMA_BINS
};

#define PI 3.14159265358979323846

typedef struct {
  double red, green, blue;
} Colour;

typedef struct {
  double luma[LUMA_BINS];
  double chroma[CHROMA_BINS][CHROMA_BINS];
  double cells[CELLS][CELLS][DIRECTIONS];
} Counts;

static Colour
colour_at(const float *patch, int x, int y)
{
  x = x < 0 ? 0 : x >= SIDE ? SIDE - 1 : x;
  y = y < 0 ? 0 : y >= SIDE ? SIDE - 1 : y;
  const float *pixel = patch + (y * SIDE + x) * 3;
  return (Colour){(double)pixel[0], (double)pixel[1], (double)pixel[2]};
}

/* A triangle of height 1 at 0, that reaches 0 at -1 and 1. */
static double
hat(double distance)
{
  return fmax(0, 1 - fabs(distance));
}

/* The share that a value of 0..1 has in one of `bins` bins. */
static double
share_of_bin(double value, int bins, int bin)
{
  return hat(fmin(fmax(value * bins - 0.5, 0), bins - 1) - bin);
}

static void
count_colour(Counts *counts, Colour c)
{
  double y = 0.299 * c.red + 0.587 * c.green + 0.114 * c.blue;
  double u = 0.5 + DC_DESCRIPTOR_BLUE_GAIN * (c.blue - y);
  double v = 0.5 + DC_DESCRIPTOR_RED_GAIN * (c.red - y);
  for (int i = 0; i < LUMA_BINS; i++)
    counts->luma[i] += share_of_bin(y, LUMA_BINS, i);
  for (int i = 0; i < CHROMA_BINS; i++)
    for (int j = 0; j < CHROMA_BINS; j++)
      counts->chroma[i][j] += share_of_bin(u, CHROMA_BINS, i) * share_of_bin(v, CHROMA_BINS, j);
}

/* Length and angle of the longest gradient among the channels at a pixel. */
static void
gradient_at(const float *patch, int x, int y, double *length, double *angle)
{
  Colour left = colour_at(patch, x - 1, y), right = colour_at(patch, x + 1, y);
  Colour above = colour_at(patch, x, y - 1), below = colour_at(patch, x, y + 1);
  const double across[3] = {right.red - left.red, right.green - left.green, right.blue - left.blue};
  const double down[3] = {below.red - above.red, below.green - above.green,
                          below.blue - above.blue};
  *length = -1;
  for (int c = 0; c < 3; c++)
    if (hypot(across[c], down[c]) / 2 > *length) {
      *length = hypot(across[c], down[c]) / 2;
      *angle = atan2(down[c], across[c]);
    }
}

/* The vote of a gradient of length 1 for direction k: its coordinate along k in the frame of the
 * two directions that it lies between. */
static double
vote(double angle, int k)
{
  double step = PI / DIRECTIONS;
  double between = fabs(remainder(angle - k * step, PI));
  return between < step ? sin(step - between) / sin(step) : 0;
}

static void
count_gradient(Counts *counts, const float *patch, int x, int y)
{
  double length, angle = 0;
  gradient_at(patch, x, y, &length, &angle);
  for (int row = 0; row < CELLS; row++)
    for (int column = 0; column < CELLS; column++) {
      double share = hat((y + 0.5) * CELLS / SIDE - (row + 0.5)) *
                     hat((x + 0.5) * CELLS / SIDE - (column + 0.5));
      for (int k = 0; k < DIRECTIONS; k++)
        counts->cells[row][column][k] += share * length * vote(angle, k);
    }
}

/* The sum of votes of a cell, or of the nearest one to a place outside. */
static double
cell_sum(const Counts *counts, int row, int column)
{
  row = row < 0 ? 0 : row >= CELLS ? CELLS - 1 : row;
  column = column < 0 ? 0 : column >= CELLS ? CELLS - 1 : column;
  double sum = 0;
  for (int k = 0; k < DIRECTIONS; k++)
    sum += counts->cells[row][column][k];
  return sum;
}

/* The block of 2 x 2 cells around the corner before (row, column). */
static double
block_mean(const Counts *counts, int row, int column)
{
  return (cell_sum(counts, row - 1, column - 1) + cell_sum(counts, row - 1, column) +
          cell_sum(counts, row, column - 1) + cell_sum(counts, row, column)) /
         4;
}

static void
write_gradients(const Counts *counts, double *values)
{
  double normalised[CELLS][CELLS][DIRECTIONS], total = 0, mean = 0;
  for (int row = 0; row < CELLS; row++)
    for (int column = 0; column < CELLS; column++)
      mean += cell_sum(counts, row, column) / (CELLS * CELLS);
  for (int row = 0; row < CELLS; row++)
    for (int column = 0; column < CELLS; column++)
      for (int k = 0; k < DIRECTIONS; k++) {
        double gain = 0, floor = DC_DESCRIPTOR_CONTRAST_FLOOR * mean;
        for (int corner = 0; corner < 4; corner++)
          gain += 0.25 / (block_mean(counts, row + corner / 2, column + corner % 2) + floor);
        normalised[row][column][k] = mean > 0 ? gain * counts->cells[row][column][k] : 0;
        total += normalised[row][column][k];
      }
  double strength = mean * CELLS * CELLS / (SIDE * SIDE);
  double share = DC_DESCRIPTOR_GRADIENT_SHARE * strength / (strength + DC_DESCRIPTOR_NOISE);
  for (int row = 0; row < CELLS; row++)
    for (int column = 0; column < CELLS; column++)
      for (int k = 0; k < DIRECTIONS; k++)
        *values++ = total > 0 ? sqrt(share * normalised[row][column][k] / total) : 0;
}

DcStatus
dc_descriptor_run_reference(const DcImage *image, const DcRect *region, float *values)
{
  DcPatchSpec spec = dc_patch_spec(SIDE, SIDE, DC_CHANNELS_RGB);
  float patch[SIDE * SIDE * 3];
  DcStatus status = dc_patch_read_reference(&spec, image, region, patch);
  if (status != DC_OK)
    return status;
  Counts counts = {.luma = {0}};
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++) {
      count_colour(&counts, colour_at(patch, x, y));
      count_gradient(&counts, patch, x, y);
    }

  double parts[DC_DESCRIPTOR_SIZE], square = 0;
  for (int i = 0; i < LUMA_BINS; i++)
    parts[i] = sqrt(DC_DESCRIPTOR_LUMA_SHARE * counts.luma[i] / (SIDE * SIDE));
  for (int i = 0; i < DC_DESCRIPTOR_CHROMA; i++)
    parts[LUMA_BINS + i] = sqrt(DC_DESCRIPTOR_CHROMA_SHARE *
                                counts.chroma[i / CHROMA_BINS][i % CHROMA_BINS] / (SIDE * SIDE));
  write_gradients(&counts, parts + LUMA_BINS + DC_DESCRIPTOR_CHROMA);
  for (int i = 0; i < DC_DESCRIPTOR_SIZE; i++)
    square += parts[i] * parts[i];
  for (int i = 0; i < DC_DESCRIPTOR_SIZE; i++)
    values[i] = (float)(parts[i] / sqrt(square));
  return DC_OK;
}
