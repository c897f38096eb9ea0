/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nn/winograd.h"

#include "base/memory.h"

#include <string.h>

/* Tiles are taken a block at a time: transformed on the way in, multiplied by the kernel number by
 * number of the 4 x 4, which are 16 matrix products, and transformed on the way out. A block stays
 * in the second-level cache, unless the weight is so large that to fetch it again costs more than
 * to fetch the block. */
#define LEAST_BLOCK_FLOATS ((size_t)64 * 1024)
#define MOST_BLOCK_FLOATS  ((size_t)1024 * 1024)

/* Fewer channels leave vectors empty, and fewer tiles the products' registers. */
enum { LEAST_CHANNELS = 16, LEAST_TILES = 12, NUMBERS = DC_WINOGRAD_INPUTS };

struct DcWinograd {
  DcConvolutionShape shape;
  const DcPatchKernels *products;
  const DcWinogradKernels *kernels;
  size_t rows, columns; /* of tiles, of one image */
  size_t block;         /* tiles of one block */
  float *weight;        /* NUMBERS matrices in panels, see nn/patch.h */
  float *bias;
  float *zeros;               /* what lies outside the image, and the bias of the products */
  uint32_t *inputs, *outputs; /* where a tile's channels start in a matrix of the block */
};

static const DcWinogradKernels *const levels[] = DC_CPU_TABLES(dc_winograd_kernels);

size_t
dc_winograd_kernels_usable(const DcWinogradKernels *tables[DC_CPU_LEVELS])
{
  const size_t count = dc_cpu_levels();
  for (size_t i = 0; i < count; i++)
    tables[i] = levels[i];
  return count;
}

static size_t
least(size_t a, size_t b)
{
  return a < b ? a : b;
}

static size_t
most(size_t a, size_t b)
{
  return a > b ? a : b;
}

static size_t
halves(int length)
{
  return ((size_t)length + 1) / 2;
}

bool
dc_winograd_suits(const DcConvolutionShape *shape)
{
  const DcShape small = shape->small;
  const size_t tiles = halves(small.height) * halves(small.width);
  const size_t pixels = (size_t)small.height * (size_t)small.width;
  /* Of a tile that lies partly outside, the products are in vain: 16 for 4 pixels, not 9 each. */
  return shape->kernel_height == 3 && shape->kernel_width == 3 && shape->stride.down == 1 &&
         shape->stride.across == 1 && shape->dilation.down == 1 && shape->dilation.across == 1 &&
         shape->groups == 1 && shape->large.channels >= LEAST_CHANNELS &&
         small.channels >= LEAST_CHANNELS && tiles >= LEAST_TILES && 9 * pixels >= 24 * tiles;
}

/* --- planning --- */

static size_t
in_channels(const DcWinograd *winograd)
{
  return (size_t)winograd->shape.large.channels;
}

static size_t
out_channels(const DcWinograd *winograd)
{
  return (size_t)winograd->shape.small.channels;
}

/* Floats of one of the matrices of the weight. */
static size_t
matrix_floats(const DcWinograd *winograd)
{
  return dc_patch_panels_size(winograd->products, in_channels(winograd), out_channels(winograd));
}

static size_t
choose_block(const DcWinograd *winograd, size_t max_images)
{
  const size_t weight = NUMBERS * matrix_floats(winograd);
  const size_t wanted = most(LEAST_BLOCK_FLOATS, least(weight / 4, MOST_BLOCK_FLOATS));
  const size_t tile = NUMBERS * (in_channels(winograd) + out_channels(winograd));
  const size_t all = winograd->rows * winograd->columns * max_images;
  const size_t whole = winograd->products->tile; /* what the products take at once */
  return least(all, most(1, (wanted / tile + whole / 2) / whole) * whole);
}

static bool
allocate(DcWinograd *winograd)
{
  const size_t in = in_channels(winograd), out = out_channels(winograd);
  const size_t padded = dc_patch_panels_size(winograd->products, 1, out);
  winograd->weight = DC_NEW(float, NUMBERS *matrix_floats(winograd));
  winograd->bias = DC_NEW(float, out);
  winograd->zeros = DC_NEW(float, most(in, padded));
  winograd->inputs = DC_NEW(uint32_t, winograd->block);
  winograd->outputs = DC_NEW(uint32_t, winograd->block);
  return winograd->weight && winograd->bias && winograd->zeros && winograd->inputs &&
         winograd->outputs;
}

DcStatus
dc_winograd_new(const DcConvolutionShape *shape, size_t max_images, DcWinograd **winograd)
{
  *winograd = NULL;
  DcWinograd *made = DC_NEW(DcWinograd, 1);
  if (!made)
    return DC_ERROR_MEMORY;
  made->shape = *shape;
  made->products = dc_patch_kernels();
  made->kernels = levels[dc_cpu_levels() - 1];
  made->rows = halves(shape->small.height);
  made->columns = halves(shape->small.width);
  made->block = choose_block(made, max_images);
  if (!allocate(made)) {
    dc_winograd_free(made);
    return DC_ERROR_MEMORY;
  }
  for (size_t i = 0; i < made->block; i++) {
    made->inputs[i] = (uint32_t)(i * in_channels(made));
    made->outputs[i] = (uint32_t)(i * out_channels(made));
  }
  *winograd = made;
  return DC_OK;
}

void
dc_winograd_free(DcWinograd *winograd)
{
  if (!winograd)
    return;
  dc_free(winograd->weight);
  dc_free(winograd->bias);
  dc_free(winograd->zeros);
  dc_free(winograd->inputs);
  dc_free(winograd->outputs);
  dc_free(winograd);
}

/* --- packing --- */

/* G of three: `step` is from one to the next. */
static void
transform_kernel_line(const double *g, size_t step, double t[4])
{
  const double sum = g[0] + g[2 * step];
  t[0] = g[0];
  t[1] = (sum + g[step]) / 2;
  t[2] = (sum - g[step]) / 2;
  t[3] = g[2 * step];
}

/* G g G'. */
static void
transform_kernel(const double g[9], double to[NUMBERS])
{
  double down[3][4]; /* [column][row] */
  for (size_t x = 0; x < 3; x++)
    transform_kernel_line(g + x, 3, down[x]);
  for (size_t y = 0; y < 4; y++) {
    const double row[] = {down[0][y], down[1][y], down[2][y]};
    transform_kernel_line(row, 1, to + 4 * y);
  }
}

/* Input channel `k` and the output channels of the panel that starts at `first`. */
static void
pack_row(DcWinograd *winograd, const float *weight, size_t k, size_t first)
{
  const size_t in = in_channels(winograd), out = out_channels(winograd);
  const size_t panel = dc_patch_panel(winograd->products, out - first);
  const size_t matrix = matrix_floats(winograd);
  float *to = winograd->weight + first * in + k * panel;
  for (size_t i = 0; i < least(panel, out - first); i++) {
    double kernel[9], transformed[NUMBERS];
    for (size_t tap = 0; tap < 9; tap++)
      kernel[tap] = weight[(tap * in + k) * out + first + i];
    transform_kernel(kernel, transformed);
    for (size_t number = 0; number < NUMBERS; number++)
      to[number * matrix + i] = (float)transformed[number];
  }
}

void
dc_winograd_pack(DcWinograd *winograd, const float *weight, const float *bias)
{
  const size_t out = out_channels(winograd);
  for (size_t first = 0; first < out; first += winograd->products->panel) {
    for (size_t k = 0; k < in_channels(winograd); k++)
      pack_row(winograd, weight, k, first);
  }
  memcpy(winograd->bias, bias, out * sizeof *bias);
}

/* --- running --- */

/* Where a run has its numbers. */
typedef struct {
  const float *large;
  float *small;
  DcPatchLimits limits;
  float *in;    /* NUMBERS matrices of block x channels */
  float *out;   /* likewise */
  float *waste; /* for pixels beside the image */
} Run;

size_t
dc_winograd_scratch(const DcWinograd *winograd)
{
  return NUMBERS * winograd->block * (in_channels(winograd) + out_channels(winograd)) +
         out_channels(winograd);
}

/* The tile's number counts through the rows of all images. */
typedef struct {
  size_t image;
  int row, column; /* of its first output */
} Tile;

static Tile
find_tile(const DcWinograd *winograd, size_t number)
{
  const size_t row = number / winograd->columns;
  return (Tile){.image = row / winograd->rows,
                .row = 2 * (int)(row % winograd->rows),
                .column = 2 * (int)(number % winograd->columns)};
}

static const float *
find_input(const DcWinograd *winograd, const float *image, int row, int column)
{
  const DcShape shape = winograd->shape.large;
  if (row < 0 || row >= shape.height || column < 0 || column >= shape.width)
    return winograd->zeros;
  return image + ((size_t)row * (size_t)shape.width + (size_t)column) * (size_t)shape.channels;
}

static void
bring_in(const DcWinograd *winograd, const Run *run, size_t first, size_t count)
{
  const size_t channels = in_channels(winograd), size = dc_shape_size(winograd->shape.large);
  DcWinogradInput job = {.channels = channels, .step = winograd->block * channels};
  for (size_t i = 0; i < count; i++) {
    const Tile tile = find_tile(winograd, first + i);
    const int row = tile.row - winograd->shape.top, column = tile.column - winograd->shape.left;
    for (int pixel = 0; pixel < DC_WINOGRAD_INPUTS; pixel++)
      job.pixels[pixel] =
          find_input(winograd, run->large + tile.image * size, row + pixel / 4, column + pixel % 4);
    job.to = run->in + i * channels;
    winograd->kernels->input(&job);
  }
}

static void
multiply(const DcWinograd *winograd, const Run *run, size_t count)
{
  const size_t in = in_channels(winograd), out = out_channels(winograd);
  const size_t matrix = matrix_floats(winograd);
  for (size_t number = 0; number < NUMBERS; number++) {
    const DcPatchProduct job = {
        .patch = {.rows = 1, .columns = 1, .run = in},
        .input = run->in + number * winograd->block * in,
        .input_offsets = winograd->inputs,
        .weight = winograd->weight + number * matrix,
        .bias = winograd->zeros,
        .output = run->out + number * winograd->block * out,
        .output_offsets = winograd->outputs,
        .pixels = count,
        .channels = out,
    };
    winograd->products->product(&job);
  }
}

static float *
find_output(const DcWinograd *winograd, const Run *run, Tile tile, int pixel)
{
  const DcShape shape = winograd->shape.small;
  const int row = tile.row + pixel / 2, column = tile.column + pixel % 2;
  if (row >= shape.height || column >= shape.width)
    return run->waste;
  const size_t rows = tile.image * (size_t)shape.height + (size_t)row;
  return run->small + (rows * (size_t)shape.width + (size_t)column) * winograd->shape.small_stride;
}

static void
bring_out(const DcWinograd *winograd, const Run *run, size_t first, size_t count)
{
  const size_t channels = out_channels(winograd);
  DcWinogradOutput job = {.step = winograd->block * channels,
                          .bias = winograd->bias,
                          .channels = channels,
                          .limits = run->limits};
  for (size_t i = 0; i < count; i++) {
    const Tile tile = find_tile(winograd, first + i);
    for (int pixel = 0; pixel < DC_WINOGRAD_OUTPUTS; pixel++)
      job.pixels[pixel] = find_output(winograd, run, tile, pixel);
    job.from = run->out + i * channels;
    winograd->kernels->output(&job);
  }
}

void
dc_winograd_apply(const DcWinograd *winograd, const float *large, size_t images,
                  DcPatchLimits limits, float *small, float *scratch)
{
  const size_t in = NUMBERS * winograd->block * in_channels(winograd);
  const size_t out = NUMBERS * winograd->block * out_channels(winograd);
  const size_t all = images * winograd->rows * winograd->columns;
  const Run run = {.large = large,
                   .small = small,
                   .limits = limits,
                   .in = scratch,
                   .out = scratch + in,
                   .waste = scratch + in + out};
  for (size_t first = 0; first < all; first += winograd->block) {
    const size_t count = least(winograd->block, all - first);
    bring_in(winograd, &run, first, count);
    multiply(winograd, &run, count);
    bring_out(winograd, &run, first, count);
  }
}
