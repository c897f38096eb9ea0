/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The adjoint of a convolution of stride s falls into s x s (down and across) ordinary convolutions
 * of stride 1, one for each residue of the output position modulo s; each sees the kernel's taps of
 * its residue, last first (called phases here). So nothing is scattered, and no product with a zero
 * between two strides is computed. */
#include "nn/convolution_private.h"

#include "base/memory.h"

/* Floats of input and output that one call of a kernel works on: they stay in the cache while panel
 * after panel of the weight meets them. Forward, few will do where the weight is small; where it is
 * large they may be as many as it has, so that it is not fetched more often than they are, but not
 * more than half a second-level cache. */
#define BOTH_WAYS_FLOATS     ((size_t)64 * 1024)
#define FORWARD_LEAST_FLOATS ((size_t)16 * 1024)
#define FORWARD_MOST_FLOATS  ((size_t)256 * 1024)

#define MOST_PHASES 4096 /* strides of 64: more are no network's, but what a hostile file costs */

size_t
dc_convolution_small_size(const DcConvolutionShape *shape)
{
  return (size_t)shape->small.height * (size_t)shape->small.width * shape->small_stride;
}

bool
dc_convolution_by_dots(const DcConvolution *convolution, size_t channels)
{
  return channels <= convolution->kernels->most_dots;
}

size_t
dc_convolution_weight_floats(const DcConvolution *convolution, const DcConvolutionPass *pass,
                             size_t channels)
{
  return dc_patch_panels_size(convolution->kernels, dc_patch_floats(&pass->patch), channels);
}

size_t
dc_convolution_bias_floats(const DcConvolution *convolution, size_t channels)
{
  return dc_patch_panels_size(convolution->kernels, 1, channels);
}

static size_t
weight_size(const DcConvolutionShape *shape)
{
  return (size_t)shape->kernel_height * (size_t)shape->kernel_width *
         (size_t)(shape->large.channels / shape->groups) * (size_t)shape->small.channels;
}

static size_t
floats_of_call(const DcConvolution *convolution)
{
  if (convolution->uses != DC_CONVOLUTION_APPLY)
    return BOTH_WAYS_FLOATS;
  return least(most(FORWARD_LEAST_FLOATS, weight_size(&convolution->shape)), FORWARD_MOST_FLOATS);
}

static void
choose_call(DcConvolution *convolution, size_t max_images)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const size_t floats = dc_shape_size(shape->large) + dc_shape_size(shape->small);
  const size_t wanted = floats_of_call(convolution);
  convolution->images = most(1, least(wanted / floats, max_images));
  convolution->band = shape->small.height;
  if (convolution->uses != DC_CONVOLUTION_APPLY || floats <= wanted)
    return;
  const size_t height = (size_t)shape->small.height;
  const size_t rows = most(1, height * wanted / floats), bands = (height + rows - 1) / rows;
  convolution->band = (int)((height + bands - 1) / bands);
}

static bool
pass_allocate(DcConvolutionPass *pass, size_t images)
{
  pass->inputs = DC_NEW(uint32_t, pass->pixels * images);
  pass->outputs = DC_NEW(uint32_t, pass->pixels * images);
  return pass->inputs && pass->outputs;
}

/* Continues the tables from the first image to all of the group. */
static void
pass_repeat(DcConvolutionPass *pass, size_t images, size_t input_size, size_t output_size)
{
  for (size_t i = pass->pixels; i < images * pass->pixels; i++) {
    pass->inputs[i] = pass->inputs[i - pass->pixels] + (uint32_t)input_size;
    pass->outputs[i] = pass->outputs[i - pass->pixels] + (uint32_t)output_size;
  }
}

/* --- large -> small --- */

static DcBorder
find_large_border(const DcConvolutionShape *shape)
{
  const size_t down = (size_t)shape->stride.down, across = (size_t)shape->stride.across;
  const size_t height = (size_t)dc_kernel_extent(shape->kernel_height, shape->dilation.down);
  const size_t width = (size_t)dc_kernel_extent(shape->kernel_width, shape->dilation.across);
  DcBorder border = {.image = shape->large,
                     .top = (size_t)shape->top,
                     .left = (size_t)shape->left,
                     .height = (size_t)(shape->small.height - 1) * down + height,
                     .width = (size_t)(shape->small.width - 1) * across + width};
  border.needed = border.top || border.left || border.height > (size_t)shape->large.height ||
                  border.width > (size_t)shape->large.width;
  if (!border.needed) {
    border.height = (size_t)shape->large.height;
    border.width = (size_t)shape->large.width;
  }
  return border;
}

/* Of images whose rows are `row` floats apart. */
static DcPatch
apply_patch(const DcConvolutionShape *shape, size_t row)
{
  const size_t in = (size_t)shape->large.channels;
  DcPatch patch = {.rows = (size_t)shape->kernel_height,
                   .columns = 1,
                   .run = (size_t)shape->kernel_width * in,
                   .row_stride = (size_t)shape->dilation.down * row};
  if (shape->dilation.across > 1 || shape->groups > 1) {
    patch.columns = (size_t)shape->kernel_width;
    patch.run = in / (size_t)shape->groups;
    patch.column_stride = (size_t)shape->dilation.across * in;
  }
  return patch;
}

static bool
plan_apply(DcConvolution *convolution)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const DcBorder *border = &convolution->large_border;
  const size_t in = (size_t)shape->large.channels;
  const size_t width = (size_t)shape->small.width;
  const size_t down = (size_t)shape->stride.down, across = (size_t)shape->stride.across;
  DcConvolutionPass *pass = &convolution->apply;
  pass->patch = apply_patch(shape, border->width * in);
  pass->pixels = (size_t)convolution->band * width;
  if (!pass_allocate(pass, convolution->images))
    return false;
  for (size_t i = 0; i < pass->pixels; i++) {
    pass->inputs[i] = (uint32_t)((i / width * down * border->width + i % width * across) * in);
    pass->outputs[i] = (uint32_t)(i * shape->small_stride);
  }
  pass_repeat(pass, convolution->images, dc_border_floats(border),
              dc_convolution_small_size(shape));
  return true;
}

/* --- small -> large --- */

/* The outputs of one residue along one axis. */
typedef struct {
  int taps;  /* that meet them */
  int first; /* output position of the first */
  int count; /* of outputs */
  int start; /* input position of the first one's patch, often negative */
} AxisPhase;

static AxisPhase
axis_phase(int residue, int length, int kernel, int stride, int before)
{
  AxisPhase phase = {.taps = residue < kernel ? (kernel - residue + stride - 1) / stride : 0};
  /* Output position y meets tap `residue + j * stride` of the input at step - j. */
  const int step = residue < before ? (before - residue + stride - 1) / stride : 0;
  phase.first = step * stride + residue - before;
  phase.count = phase.first < length ? (length - 1 - phase.first) / stride + 1 : 0;
  phase.start = step - phase.taps + 1;
  return phase;
}

/* Zeros before and after an axis of `small`, so that every phase finds its patches. */
static void
axis_border(int length, int small_length, int kernel, int stride, int padding, size_t *before,
            size_t *padded)
{
  int lowest = 0, highest = small_length - 1;
  for (int residue = 0; residue < stride; residue++) {
    const AxisPhase phase = axis_phase(residue, length, kernel, stride, padding);
    if (!phase.taps || !phase.count)
      continue;
    const int last = phase.start + phase.count - 1 + phase.taps - 1;
    lowest = phase.start < lowest ? phase.start : lowest;
    highest = last > highest ? last : highest;
  }
  *before = (size_t)-lowest;
  *padded = (size_t)highest - (size_t)lowest + 1;
}

static DcBorder
find_small_border(const DcConvolutionShape *shape)
{
  DcBorder border = {.image = shape->small};
  axis_border(shape->large.height, shape->small.height, shape->kernel_height, shape->stride.down,
              shape->top, &border.top, &border.height);
  axis_border(shape->large.width, shape->small.width, shape->kernel_width, shape->stride.across,
              shape->left, &border.left, &border.width);
  border.needed =
      border.height > (size_t)shape->small.height || border.width > (size_t)shape->small.width;
  return border;
}

static void
fill_phase(const DcConvolution *convolution, DcConvolutionPass *pass, AxisPhase down,
           AxisPhase across)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const DcBorder *border = &convolution->small_border;
  const size_t in = (size_t)shape->small.channels, out = (size_t)shape->large.channels;
  const bool empty = !pass->patch.rows || !pass->patch.run; /* only the bias reaches it */
  for (size_t i = 0; i < pass->pixels; i++) {
    const int y = (int)(i / (size_t)across.count), x = (int)(i % (size_t)across.count);
    const size_t row = (size_t)(down.start + y + (int)border->top);
    const size_t column = (size_t)(across.start + x + (int)border->left);
    const size_t to = (size_t)(down.first + y * shape->stride.down) * (size_t)shape->large.width +
                      (size_t)(across.first + x * shape->stride.across);
    pass->inputs[i] = empty ? 0 : (uint32_t)((row * border->width + column) * in);
    pass->outputs[i] = (uint32_t)(to * out);
  }
  pass_repeat(pass, convolution->images, empty ? 0 : dc_border_floats(border),
              dc_shape_size(shape->large));
}

static bool
plan_phase(DcConvolution *convolution, int row, int column)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const size_t in = (size_t)shape->small.channels;
  const AxisPhase down =
      axis_phase(row, shape->large.height, shape->kernel_height, shape->stride.down, shape->top);
  const AxisPhase across = axis_phase(column, shape->large.width, shape->kernel_width,
                                      shape->stride.across, shape->left);
  if (!down.count || !across.count)
    return true; /* a stride beyond the image: no output has this residue */
  DcConvolutionPass *pass = &convolution->phases[convolution->phase_count++];
  *pass = (DcConvolutionPass){.patch = {.rows = (size_t)down.taps,
                                        .columns = 1,
                                        .run = (size_t)across.taps * in,
                                        .row_stride = convolution->small_border.width * in},
                              .pixels = (size_t)down.count * (size_t)across.count,
                              .row = row,
                              .column = column,
                              .reversed = true};
  if (!pass_allocate(pass, convolution->images))
    return false;
  fill_phase(convolution, pass, down, across);
  return true;
}

static int
lesser(int a, int b)
{
  return a < b ? a : b;
}

/* A residue that no output has needs no phase. */
static int
phase_rows(const DcConvolutionShape *shape)
{
  return lesser(shape->stride.down, shape->large.height + shape->top);
}

static int
phase_columns(const DcConvolutionShape *shape)
{
  return lesser(shape->stride.across, shape->large.width + shape->left);
}

static bool
plan_adjoint(DcConvolution *convolution)
{
  const int rows = phase_rows(&convolution->shape), columns = phase_columns(&convolution->shape);
  convolution->phases = DC_NEW(DcConvolutionPass, (size_t)rows * (size_t)columns);
  if (!convolution->phases)
    return false;
  for (int row = 0; row < rows; row++) {
    for (int column = 0; column < columns; column++) {
      if (!plan_phase(convolution, row, column))
        return false;
    }
  }
  return true;
}

/* --- all --- */

/* For `channels` of one group. */
static bool
pass_allocate_weight(const DcConvolution *convolution, DcConvolutionPass *pass, size_t channels)
{
  const size_t groups = (size_t)convolution->shape.groups;
  pass->weight = DC_NEW(float, groups *dc_convolution_weight_floats(convolution, pass, channels));
  pass->bias = DC_NEW(float, groups *dc_convolution_bias_floats(convolution, channels));
  return pass->weight && pass->bias;
}

static bool
plan_weights(DcConvolution *convolution)
{
  const DcConvolutionShape *shape = &convolution->shape;
  if ((convolution->uses & DC_CONVOLUTION_APPLY) &&
      !pass_allocate_weight(convolution, &convolution->apply,
                            (size_t)(shape->small.channels / shape->groups)))
    return false;
  for (size_t i = 0; i < convolution->phase_count; i++) {
    if (!pass_allocate_weight(convolution, &convolution->phases[i], (size_t)shape->large.channels))
      return false;
  }
  return true;
}

DcStatus
dc_convolution_plan(DcConvolution *convolution, size_t max_images)
{
  const DcConvolutionShape *shape = &convolution->shape;
  convolution->large_border = find_large_border(shape);
  if (convolution->uses & DC_CONVOLUTION_ADJOINT)
    convolution->small_border = find_small_border(shape);
  choose_call(convolution, max_images);
  if (!dc_border_fits(&convolution->large_border, convolution->images) ||
      !dc_border_fits(&convolution->small_border, convolution->images))
    return DC_ERROR_SHAPE;
  if ((convolution->uses & DC_CONVOLUTION_ADJOINT) &&
      (int64_t)phase_rows(shape) * phase_columns(shape) > MOST_PHASES)
    return DC_ERROR_SHAPE;
  if ((convolution->uses & (DC_CONVOLUTION_APPLY | DC_CONVOLUTION_GRADIENT)) &&
      !plan_apply(convolution))
    return DC_ERROR_MEMORY;
  if ((convolution->uses & DC_CONVOLUTION_ADJOINT) && !plan_adjoint(convolution))
    return DC_ERROR_MEMORY;
  return plan_weights(convolution) ? DC_OK : DC_ERROR_MEMORY;
}
