/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/descriptor.h"

#include "base/memory.h"
#include "image/descriptor_definition.h"
#include "image/patch.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum {
  SIDE = DC_DESCRIPTOR_SIDE,
  PADDED = SIDE + 2,
  PIXELS = SIDE * SIDE,
  CELLS = DC_DESCRIPTOR_CELLS,
  DIRECTIONS = DC_DESCRIPTOR_DIRECTIONS,
  LUMA_BINS = DC_DESCRIPTOR_LUMA_BINS,
  CHROMA_BINS = DC_DESCRIPTOR_CHROMA_BINS
};

#define PI 3.14159265358979323846

struct DcDescriptor {
  DcPatchReader *reader;
  float patch[PIXELS * 3];
  float planes[3][PADDED][PADDED];        /* R, G, B with the outermost pixels repeated */
  float columns[CELLS][DIRECTIONS][SIDE]; /* votes of a row of cells, by column of pixels */
  float cells[CELLS][CELLS][DIRECTIONS];  /* [row][column] */
  /* Tables. */
  float window[SIDE][CELLS]; /* the share of a pixel's row or column in each cell */
  float across[DIRECTIONS], down[DIRECTIONS];
};

/* A pixel votes for the two cells whose centres it lies between, in linear shares. */
static void
make_window(DcDescriptor *descriptor)
{
  for (int i = 0; i < SIDE; i++)
    for (int cell = 0; cell < CELLS; cell++) {
      double distance = fabs((i + 0.5) * CELLS / SIDE - (cell + 0.5));
      descriptor->window[i][cell] = distance < 1 ? (float)(1 - distance) : 0;
    }
}

DcDescriptor *
dc_descriptor_new(void)
{
  DcDescriptor *descriptor = DC_NEW(DcDescriptor, 1);
  if (!descriptor)
    return NULL;
  DcPatchSpec spec = dc_patch_spec(SIDE, SIDE, DC_CHANNELS_RGB);
  descriptor->reader = dc_patch_reader_new(&spec);
  if (!descriptor->reader) {
    dc_free(descriptor);
    return NULL;
  }
  make_window(descriptor);
  for (int k = 0; k < DIRECTIONS; k++) {
    double angle = PI * k / DIRECTIONS, scale = 1 / sin(PI / DIRECTIONS);
    descriptor->across[k] = (float)(-sin(angle) * scale);
    descriptor->down[k] = (float)(cos(angle) * scale);
  }
  return descriptor;
}

void
dc_descriptor_free(DcDescriptor *descriptor)
{
  if (!descriptor)
    return;
  dc_patch_reader_free(descriptor->reader);
  dc_free(descriptor);
}

int
dc_descriptor_size(void)
{
  return DC_DESCRIPTOR_SIZE;
}

/* Splits the patch into planes, with its outermost pixels repeated around. */
static void
make_planes(DcDescriptor *descriptor)
{
  for (int c = 0; c < 3; c++) {
    float(*plane)[PADDED] = descriptor->planes[c];
    for (int y = 0; y < SIDE; y++) {
      const float *pixels = descriptor->patch + y * SIDE * 3 + c;
      float *row = plane[y + 1];
      for (int x = 0; x < SIDE; x++)
        row[x + 1] = pixels[3 * x];
      row[0] = row[1];
      row[PADDED - 1] = row[PADDED - 2];
    }
    for (int x = 0; x < PADDED; x++) {
      plane[0][x] = plane[1][x];
      plane[PADDED - 1][x] = plane[PADDED - 2][x];
    }
  }
}

/* --- Colour. --- */

/* The values of a row of pixels as positions among `bins` bins, of which the middles are at 0, 1
 * ...: the bin before, and the share of the bin after it. */
static void
find_bins(const float *values, int bins, int *restrict before, float *restrict share_after)
{
  const float last = (float)(bins - 1);
  for (int x = 0; x < SIDE; x++) {
    float position = values[x] * (float)bins - 0.5f;
    position = position < 0 ? 0 : position;
    position = position > last ? last : position;
    int bin = (int)position;
    bin = bin < bins - 1 ? bin : bins - 2;
    before[x] = bin;
    share_after[x] = position - (float)bin;
  }
}

static void
count_luma(const float *luma, float *counts)
{
  int bins[SIDE];
  float shares[SIDE];
  find_bins(luma, LUMA_BINS, bins, shares);
  for (int x = 0; x < SIDE; x++) {
    counts[bins[x]] += 1 - shares[x];
    counts[bins[x] + 1] += shares[x];
  }
}

static void
count_chroma(const float *blue, const float *red, float counts[CHROMA_BINS][CHROMA_BINS])
{
  int bins_u[SIDE], bins_v[SIDE];
  float shares_u[SIDE], shares_v[SIDE];
  find_bins(blue, CHROMA_BINS, bins_u, shares_u);
  find_bins(red, CHROMA_BINS, bins_v, shares_v);
  for (int x = 0; x < SIDE; x++) {
    float *row = &counts[bins_u[x]][bins_v[x]], *next_row = row + CHROMA_BINS;
    float u = shares_u[x], v = shares_v[x], both = u * v;
    row[0] += 1 - u - v + both;
    row[1] += v - both;
    next_row[0] += u - both;
    next_row[1] += both;
  }
}

static void
count_colours(const DcDescriptor *descriptor, float *luma, float chroma[CHROMA_BINS][CHROMA_BINS])
{
  for (int row = 1; row <= SIDE; row++) {
    const float *red = &descriptor->planes[0][row][1], *green = &descriptor->planes[1][row][1],
                *blue = &descriptor->planes[2][row][1];
    float y[SIDE], u[SIDE], v[SIDE];
    for (int x = 0; x < SIDE; x++) {
      y[x] = 0.299f * red[x] + 0.587f * green[x] + 0.114f * blue[x];
      u[x] = 0.5f + (float)DC_DESCRIPTOR_BLUE_GAIN * (blue[x] - y[x]);
      v[x] = 0.5f + (float)DC_DESCRIPTOR_RED_GAIN * (red[x] - y[x]);
    }
    count_luma(y, luma);
    count_chroma(u, v, chroma);
  }
}

/* --- Gradients. --- */

typedef struct {
  float across[SIDE], down[SIDE], square[SIDE];
} Gradients;

/* The gradients of a row of pixels in one channel. */
static void
find_gradients(const DcDescriptor *descriptor, int c, int y, Gradients *gradients)
{
  const float *above = descriptor->planes[c][y], *row = descriptor->planes[c][y + 1],
              *below = descriptor->planes[c][y + 2];
  for (int x = 0; x < SIDE; x++) {
    float across = 0.5f * (row[x + 2] - row[x]), down = 0.5f * (below[x + 1] - above[x + 1]);
    gradients->across[x] = across;
    gradients->down[x] = down;
    gradients->square[x] = across * across + down * down;
  }
}

/* Puts those of `other` that are longer in the place of those of `longest`. */
static void
keep_longer(Gradients *restrict longest, const Gradients *restrict other)
{
  for (int x = 0; x < SIDE; x++) {
    bool is_longer = other->square[x] > longest->square[x];
    longest->across[x] = is_longer ? other->across[x] : longest->across[x];
    longest->down[x] = is_longer ? other->down[x] : longest->down[x];
    longest->square[x] = is_longer ? other->square[x] : longest->square[x];
  }
}

/* The votes for direction k from the projections on the normals of its two neighbours: the
 * coordinate of the gradient along k in the frame of k and whichever neighbour is nearer, 0 beyond
 * both. */
static void
find_votes(const float *restrict before, const float *restrict after, float *restrict votes)
{
  for (int x = 0; x < SIDE; x++) {
    float low = before[x] < after[x] ? before[x] : after[x];
    float high = before[x] < after[x] ? after[x] : before[x];
    float vote = low > -high ? low : -high;
    votes[x] = vote > 0 ? vote : 0;
  }
}

/* Adds the votes of one row of pixels to the rows of cells that it has a share in. */
static void
vote(DcDescriptor *descriptor, int y)
{
  Gradients longest, other;
  float votes[SIDE];
  /* Projections on the normal of direction k stand at k + 1; a half turn on, the sign changes. */
  float projections[DIRECTIONS + 2][SIDE];
  find_gradients(descriptor, 0, y, &longest);
  for (int c = 1; c < 3; c++) {
    find_gradients(descriptor, c, y, &other);
    keep_longer(&longest, &other);
  }
  for (int k = 0; k < DIRECTIONS; k++)
    for (int x = 0; x < SIDE; x++)
      projections[k + 1][x] =
          descriptor->across[k] * longest.across[x] + descriptor->down[k] * longest.down[x];
  for (int x = 0; x < SIDE; x++) {
    projections[0][x] = -projections[DIRECTIONS][x];
    projections[DIRECTIONS + 1][x] = -projections[1][x];
  }
  for (int k = 0; k < DIRECTIONS; k++) {
    float after[SIDE];
    for (int x = 0; x < SIDE; x++)
      after[x] = -projections[k + 2][x];
    find_votes(projections[k], after, votes);
    for (int cell = 0; cell < CELLS; cell++) {
      float share = descriptor->window[y][cell];
      float *column = descriptor->columns[cell][k];
      if (share > 0)
        for (int x = 0; x < SIDE; x++)
          column[x] += share * votes[x];
    }
  }
}

/* Fills descriptor->cells. */
static void
collect_cells(DcDescriptor *descriptor)
{
  memset(descriptor->columns, 0, sizeof descriptor->columns);
  memset(descriptor->cells, 0, sizeof descriptor->cells);
  for (int y = 0; y < SIDE; y++)
    vote(descriptor, y);
  for (int row = 0; row < CELLS; row++)
    for (int k = 0; k < DIRECTIONS; k++)
      for (int x = 0; x < SIDE; x++)
        for (int column = 0; column < CELLS; column++)
          descriptor->cells[row][column][k] +=
              descriptor->window[x][column] * descriptor->columns[row][k][x];
}

/* The sum of votes in each cell; gives the mean of them. */
static float
sum_cells(const DcDescriptor *descriptor, float sums[CELLS][CELLS])
{
  float total = 0;
  for (int row = 0; row < CELLS; row++)
    for (int column = 0; column < CELLS; column++) {
      float sum = 0;
      for (int k = 0; k < DIRECTIONS; k++)
        sum += descriptor->cells[row][column][k];
      sums[row][column] = sum;
      total += sum;
    }
  return total / (CELLS * CELLS);
}

static int
clip_cell(int cell)
{
  return cell < 0 ? 0 : cell >= CELLS ? CELLS - 1 : cell;
}

/* The mean over the four blocks of 2 x 2 cells that a cell belongs to of 1 / (mean of the block +
 * floor); cells outside count as the nearest one inside. */
static float
block_gain(float sums[CELLS][CELLS], int row, int column, float floor)
{
  float gain = 0;
  for (int down = -1; down <= 1; down += 2)
    for (int across = -1; across <= 1; across += 2) {
      int other_row = clip_cell(row + down), other_column = clip_cell(column + across);
      float block = sums[row][column] + sums[other_row][column] + sums[row][other_column] +
                    sums[other_row][other_column];
      gain += 1 / (0.25f * block + floor);
    }
  return 0.25f * gain;
}

/* Writes the gradient part, of the squared length that its strength deserves. */
static void
write_gradients(const DcDescriptor *descriptor, float *values)
{
  float sums[CELLS][CELLS];
  float mean = sum_cells(descriptor, sums);
  if (mean <= 0) {
    memset(values, 0, DC_DESCRIPTOR_GRADIENTS * sizeof *values);
    return;
  }
  float total = 0;
  for (int row = 0; row < CELLS; row++)
    for (int column = 0; column < CELLS; column++) {
      float gain = block_gain(sums, row, column, (float)DC_DESCRIPTOR_CONTRAST_FLOOR * mean);
      float *cell = values + (row * CELLS + column) * DIRECTIONS;
      for (int k = 0; k < DIRECTIONS; k++) {
        cell[k] = gain * descriptor->cells[row][column][k];
        total += cell[k];
      }
    }
  float strength = mean * CELLS * CELLS / PIXELS;
  float share =
      (float)DC_DESCRIPTOR_GRADIENT_SHARE * strength / (strength + (float)DC_DESCRIPTOR_NOISE);
  for (int i = 0; i < DC_DESCRIPTOR_GRADIENTS; i++)
    values[i] = sqrtf(values[i] * share / total);
}

/* Square roots of the shares of a histogram over all pixels. */
static void
write_histogram(const float *counts, int bins, double share, float *values)
{
  for (int i = 0; i < bins; i++)
    values[i] = sqrtf(counts[i] * (float)share / PIXELS);
}

static void
make_unit(float *values)
{
  double square = 0;
  for (int i = 0; i < DC_DESCRIPTOR_SIZE; i++)
    square += (double)values[i] * (double)values[i];
  float scale = (float)(1 / sqrt(square));
  for (int i = 0; i < DC_DESCRIPTOR_SIZE; i++)
    values[i] *= scale;
}

DcStatus
dc_descriptor_run(DcDescriptor *descriptor, const DcImage *image, const DcRect *region,
                  float *values)
{
  DcStatus status = dc_patch_read(descriptor->reader, image, region, descriptor->patch);
  if (status != DC_OK)
    return status;
  float luma[LUMA_BINS] = {0}, chroma[CHROMA_BINS][CHROMA_BINS] = {{0}};
  make_planes(descriptor);
  count_colours(descriptor, luma, chroma);
  collect_cells(descriptor);
  float *chroma_values = values + LUMA_BINS;
  write_histogram(luma, LUMA_BINS, DC_DESCRIPTOR_LUMA_SHARE, values);
  write_histogram(chroma[0], DC_DESCRIPTOR_CHROMA, DC_DESCRIPTOR_CHROMA_SHARE, chroma_values);
  write_gradients(descriptor, chroma_values + DC_DESCRIPTOR_CHROMA);
  make_unit(values);
  return DC_OK;
}
