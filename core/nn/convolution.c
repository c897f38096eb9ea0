/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All three maps by the kernels of nn/patch.h, which want every patch to be runs of adjacent
 * floats: images are copied into a border of zeros first, which costs a hundredth of the sums.
 *
 * The adjoint of a convolution of stride s falls into s x s (down and across) ordinary convolutions
 * of stride 1, one for each residue of the output position modulo s; each sees the kernel's taps of
 * its residue, last first (called phases here). So nothing is scattered, and no product with a zero
 * between two strides is computed. */
#include "nn/convolution.h"

#include "base/checked.h"
#include "base/memory.h"
#include "nn/patch.h"

#include <string.h>

/* Floats of input and output that one call of a kernel works on: they stay in the cache while panel
 * after panel of the weight meets them. Forward, few will do where the weight is small; where it is
 * large they may be as many as it has, so that it is not fetched more often than they are, but not
 * more than half a second-level cache. */
#define BOTH_WAYS_FLOATS     ((size_t)64 * 1024)
#define FORWARD_LEAST_FLOATS ((size_t)16 * 1024)
#define FORWARD_MOST_FLOATS  ((size_t)256 * 1024)

/* Images with zeros around them. */
typedef struct {
  DcShape image;
  size_t top, left;     /* zeros before */
  size_t height, width; /* with the zeros */
  bool needed;          /* false: an image serves as it is */
} Border;

/* One product: a patch for each output pixel, and the weight it meets; of one group of channels. */
typedef struct {
  DcPatch patch;
  size_t pixels;              /* of one image, or band */
  uint32_t *inputs, *outputs; /* where each pixel's patch and result start; for a whole call */
  float *weight, *bias;       /* packed, group after group; NULL when only the gradient is wanted */
  int row, column;            /* the first tap in the kernel; taps are `stride` apart ... */
  bool reversed;              /* ... and the last comes first */
} Pass;

struct DcConvolution {
  DcConvolutionShape shape;
  unsigned uses;
  const DcPatchKernels *kernels;
  size_t images; /* of one call of a kernel */
  int band;      /* the rows of `small` of one call: all, or a part of those of one image */
  Border large_border, small_border;
  Pass apply;
  Pass *phases; /* stride x stride */
  size_t phase_count;
};

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

/* Floats from one image of `small` to the next. */
static size_t
small_size(const DcConvolutionShape *shape)
{
  return (size_t)shape->small.height * (size_t)shape->small.width * shape->small_stride;
}

static size_t
border_floats(const Border *border)
{
  return border->height * border->width * (size_t)border->image.channels;
}

/* Rows first .. first + rows - 1, counted with the border, of an image. */
static void
copy_rows(const Border *border, const float *image, size_t first, size_t rows, float *to)
{
  const size_t channels = (size_t)border->image.channels;
  const size_t row_size = border->width * channels, left = border->left * channels;
  const size_t image_row = (size_t)border->image.width * channels;
  const size_t copied = least(image_row, row_size - left), right = row_size - left - copied;
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

/* The images with their border: themselves when they need none, else in `scratch`. */
static const float *
with_border(const Border *border, const float *images, size_t count, float *scratch)
{
  if (!border->needed)
    return images;
  const size_t size = dc_shape_size(border->image), padded = border_floats(border);
  for (size_t i = 0; i < count; i++)
    copy_rows(border, images + i * size, 0, border->height, scratch + i * padded);
  return scratch;
}

static bool
border_fits(const Border *border, size_t images)
{
  size_t floats;
  return dc_checked_mul(border->height, border->width, &floats) &&
         dc_checked_mul(floats, (size_t)border->image.channels, &floats) &&
         dc_checked_mul(floats, images, &floats) && floats <= UINT32_MAX;
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
pass_allocate(Pass *pass, size_t images)
{
  pass->inputs = DC_NEW(uint32_t, pass->pixels * images);
  pass->outputs = DC_NEW(uint32_t, pass->pixels * images);
  return pass->inputs && pass->outputs;
}

static void
pass_clear(Pass *pass)
{
  dc_free(pass->inputs);
  dc_free(pass->outputs);
  dc_free(pass->weight);
  dc_free(pass->bias);
}

/* Continues the tables from the first image to all of the group. */
static void
pass_repeat(Pass *pass, size_t images, size_t input_size, size_t output_size)
{
  for (size_t i = pass->pixels; i < images * pass->pixels; i++) {
    pass->inputs[i] = pass->inputs[i - pass->pixels] + (uint32_t)input_size;
    pass->outputs[i] = pass->outputs[i - pass->pixels] + (uint32_t)output_size;
  }
}

/* --- large -> small --- */

static Border
find_large_border(const DcConvolutionShape *shape)
{
  const size_t down = (size_t)shape->stride.down, across = (size_t)shape->stride.across;
  const size_t height = (size_t)dc_kernel_extent(shape->kernel_height, shape->dilation.down);
  const size_t width = (size_t)dc_kernel_extent(shape->kernel_width, shape->dilation.across);
  Border border = {.image = shape->large,
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
  const Border *border = &convolution->large_border;
  const size_t in = (size_t)shape->large.channels;
  const size_t width = (size_t)shape->small.width;
  const size_t down = (size_t)shape->stride.down, across = (size_t)shape->stride.across;
  Pass *pass = &convolution->apply;
  pass->patch = apply_patch(shape, border->width * in);
  pass->pixels = (size_t)convolution->band * width;
  if (!pass_allocate(pass, convolution->images))
    return false;
  for (size_t i = 0; i < pass->pixels; i++) {
    pass->inputs[i] = (uint32_t)((i / width * down * border->width + i % width * across) * in);
    pass->outputs[i] = (uint32_t)(i * shape->small_stride);
  }
  pass_repeat(pass, convolution->images, border_floats(border), small_size(shape));
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

static Border
find_small_border(const DcConvolutionShape *shape)
{
  Border border = {.image = shape->small};
  axis_border(shape->large.height, shape->small.height, shape->kernel_height, shape->stride.down,
              shape->top, &border.top, &border.height);
  axis_border(shape->large.width, shape->small.width, shape->kernel_width, shape->stride.across,
              shape->left, &border.left, &border.width);
  border.needed =
      border.height > (size_t)shape->small.height || border.width > (size_t)shape->small.width;
  return border;
}

static void
fill_phase(const DcConvolution *convolution, Pass *pass, AxisPhase down, AxisPhase across)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const Border *border = &convolution->small_border;
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
  pass_repeat(pass, convolution->images, empty ? 0 : border_floats(border),
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
  Pass *pass = &convolution->phases[convolution->phase_count++];
  *pass = (Pass){.patch = {.rows = (size_t)down.taps,
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

static bool
plan_adjoint(DcConvolution *convolution)
{
  const DcConvolutionShape *shape = &convolution->shape;
  /* A residue that no output has needs no phase. */
  const int rows = lesser(shape->stride.down, shape->large.height + shape->top);
  const int columns = lesser(shape->stride.across, shape->large.width + shape->left);
  convolution->phases = DC_NEW(Pass, (size_t)rows * (size_t)columns);
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

/* --- packing --- */

static bool
by_dots(const DcConvolution *convolution, size_t channels)
{
  return channels <= convolution->kernels->most_dots;
}

/* Floats of the packed weight of one group of a pass, and of its biases. */
static size_t
weight_floats(const DcConvolution *convolution, const Pass *pass, size_t channels)
{
  return dc_patch_panels_size(convolution->kernels, dc_patch_floats(&pass->patch), channels);
}

static size_t
bias_floats(const DcConvolution *convolution, size_t channels)
{
  return dc_patch_panels_size(convolution->kernels, 1, channels);
}

/* For `channels` of one group. */
static bool
pass_allocate_weight(const DcConvolution *convolution, Pass *pass, size_t channels)
{
  const size_t groups = (size_t)convolution->shape.groups;
  pass->weight = DC_NEW(float, groups *weight_floats(convolution, pass, channels));
  pass->bias = DC_NEW(float, groups *bias_floats(convolution, channels));
  return pass->weight && pass->bias;
}

/* A tap's weights as the product sees them: element (k, channel) at k * in_stride + channel *
 * out_stride. */
typedef struct {
  const float *weight;
  size_t in, in_stride, out, out_stride;
} TapWeight;

static void
pack_dots(float *to, size_t rows, size_t first, const TapWeight *tap)
{
  for (size_t channel = 0; channel < tap->out; channel++) {
    for (size_t k = 0; k < tap->in; k++)
      to[channel * rows + first + k] = tap->weight[k * tap->in_stride + channel * tap->out_stride];
  }
}

static void
pack_panels(float *to, size_t rows, size_t first, const DcPatchKernels *kernels,
            const TapWeight *tap)
{
  for (size_t channel = 0; channel < tap->out; channel += kernels->panel) {
    const size_t panel = dc_patch_panel(kernels, tap->out - channel);
    const size_t columns = least(panel, tap->out - channel);
    float *block = to + channel * rows + first * panel;
    for (size_t k = 0; k < tap->in; k++) {
      const float *row = tap->weight + k * tap->in_stride + channel * tap->out_stride;
      for (size_t i = 0; i < columns; i++)
        block[k * panel + i] = row[i * tap->out_stride];
    }
  }
}

/* The taps of a pass in the order in which its patches meet them, and where they go. */
typedef struct {
  TapWeight tap;   /* what all have in common; its weight that of the kernel's first tap */
  size_t tap_size; /* floats from one tap of the kernel to the next */
  float *to;
} Packing;

static void
pack_taps(const DcConvolution *convolution, const Pass *pass, const Packing *packing)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const size_t down = pass->reversed ? (size_t)shape->stride.down : 1;
  const size_t across = pass->reversed ? (size_t)shape->stride.across : 1;
  const size_t floats = dc_patch_floats(&pass->patch);
  const size_t in = packing->tap.in, rows = pass->patch.rows;
  const size_t columns = rows && in ? floats / rows / in : 0;
  for (size_t i = 0; i < rows * columns; i++) {
    const size_t row = i / columns, column = i % columns;
    const size_t y = (size_t)pass->row + (pass->reversed ? rows - 1 - row : row) * down;
    const size_t x =
        (size_t)pass->column + (pass->reversed ? columns - 1 - column : column) * across;
    TapWeight tap = packing->tap;
    tap.weight += (y * (size_t)shape->kernel_width + x) * packing->tap_size;
    if (by_dots(convolution, tap.out))
      pack_dots(packing->to, floats, i * in, &tap);
    else
      pack_panels(packing->to, floats, i * in, convolution->kernels, &tap);
  }
}

/* large -> small: group g is columns g * out ... of W. */
static void
pack_apply(DcConvolution *convolution, const float *weight, const float *bias)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const Pass *pass = &convolution->apply;
  const size_t groups = (size_t)shape->groups, channels = (size_t)shape->small.channels;
  const size_t in = (size_t)shape->large.channels / groups, out = channels / groups;
  for (size_t g = 0; g < groups; g++) {
    const Packing packing = {.tap = {weight + g * out, in, channels, out, 1},
                             .tap_size = in * channels,
                             .to = pass->weight + g * weight_floats(convolution, pass, out)};
    pack_taps(convolution, pass, &packing);
    if (bias)
      memcpy(pass->bias + g * bias_floats(convolution, out), bias + g * out, out * sizeof *bias);
  }
}

static void
pack_phase(DcConvolution *convolution, const Pass *phase, const float *weight, const float *bias)
{
  const size_t large = (size_t)convolution->shape.large.channels;
  const size_t small = (size_t)convolution->shape.small.channels;
  const Packing packing = {.tap = {weight, small, 1, large, small},
                           .tap_size = large * small,
                           .to = phase->weight};
  pack_taps(convolution, phase, &packing);
  if (bias)
    memcpy(phase->bias, bias, large * sizeof *bias);
}

void
dc_convolution_pack(DcConvolution *convolution, const float *weight, const float *apply_bias,
                    const float *adjoint_bias)
{
  if (convolution->uses & DC_CONVOLUTION_APPLY)
    pack_apply(convolution, weight, apply_bias);
  for (size_t i = 0; i < convolution->phase_count; i++)
    pack_phase(convolution, &convolution->phases[i], weight, adjoint_bias);
}

/* --- planning and running --- */

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

static DcStatus
plan(DcConvolution *convolution, size_t max_images)
{
  const DcConvolutionShape *shape = &convolution->shape;
  convolution->large_border = find_large_border(shape);
  if (convolution->uses & DC_CONVOLUTION_ADJOINT)
    convolution->small_border = find_small_border(shape);
  choose_call(convolution, max_images);
  if (!border_fits(&convolution->large_border, convolution->images) ||
      !border_fits(&convolution->small_border, convolution->images))
    return DC_ERROR_SHAPE;
  if ((convolution->uses & (DC_CONVOLUTION_APPLY | DC_CONVOLUTION_GRADIENT)) &&
      !plan_apply(convolution))
    return DC_ERROR_MEMORY;
  if ((convolution->uses & DC_CONVOLUTION_ADJOINT) && !plan_adjoint(convolution))
    return DC_ERROR_MEMORY;
  return plan_weights(convolution) ? DC_OK : DC_ERROR_MEMORY;
}

DcStatus
dc_convolution_new(const DcConvolutionShape *shape, unsigned uses, size_t max_images,
                   DcConvolution **convolution)
{
  *convolution = NULL;
  DcConvolution *made = DC_NEW(DcConvolution, 1);
  if (!made)
    return DC_ERROR_MEMORY;
  made->shape = *shape;
  made->uses = uses;
  made->kernels = dc_patch_kernels();
  DcStatus status = plan(made, max_images);
  if (status) {
    dc_convolution_free(made);
    return status;
  }
  *convolution = made;
  return DC_OK;
}

void
dc_convolution_free(DcConvolution *convolution)
{
  if (!convolution)
    return;
  pass_clear(&convolution->apply);
  for (size_t i = 0; i < convolution->phase_count; i++)
    pass_clear(&convolution->phases[i]);
  dc_free(convolution->phases);
  dc_free(convolution);
}

static size_t
aligned(size_t floats)
{
  const size_t unit = DC_ALIGNMENT / sizeof(float);
  return (floats + unit - 1) / unit * unit;
}

static size_t
border_scratch(const Border *border, size_t images)
{
  return border->needed ? aligned(images * border_floats(border)) : 0;
}

static bool
in_bands(const DcConvolution *convolution)
{
  return convolution->band < convolution->shape.small.height;
}

/* Rows of `large`, with its border, that `rows` of `small` see. */
static size_t
rows_seen(const DcConvolutionShape *shape, int rows)
{
  return (size_t)(rows - 1) * (size_t)shape->stride.down +
         (size_t)dc_kernel_extent(shape->kernel_height, shape->dilation.down);
}

static size_t
large_scratch(const DcConvolution *convolution)
{
  const Border *border = &convolution->large_border;
  if (!in_bands(convolution) || !border->needed)
    return border_scratch(border, convolution->images);
  return aligned(rows_seen(&convolution->shape, convolution->band) * border->width *
                 (size_t)border->image.channels);
}

size_t
dc_convolution_scratch(const DcConvolution *convolution)
{
  const size_t large = large_scratch(convolution);
  const size_t small = border_scratch(&convolution->small_border, convolution->images);
  const size_t delta =
      dc_patch_panels_size(convolution->kernels, convolution->images * convolution->apply.pixels,
                           (size_t)convolution->shape.small.channels);
  return most(small, large + (convolution->uses & DC_CONVOLUTION_GRADIENT ? delta : 0));
}

static void
pass_run(const DcConvolution *convolution, const DcPatchProduct *job)
{
  if (by_dots(convolution, job->channels))
    convolution->kernels->dot(job);
  else
    convolution->kernels->product(job);
}

static DcPatchProduct
pass_job(const Pass *pass, const float *input, size_t images, size_t channels, DcPatchLimits limits,
         float *output)
{
  return (DcPatchProduct){.patch = pass->patch,
                          .input = input,
                          .input_offsets = pass->inputs,
                          .weight = pass->weight,
                          .bias = pass->bias,
                          .output = output,
                          .output_offsets = pass->outputs,
                          .pixels = images * pass->pixels,
                          .channels = channels,
                          .limits = limits};
}

static void
apply_groups(const DcConvolution *convolution, DcPatchProduct job)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const size_t groups = (size_t)shape->groups;
  const size_t in = (size_t)shape->large.channels / groups;
  const size_t out = (size_t)shape->small.channels / groups;
  job.channels = out;
  for (size_t g = 0; g < groups; g++) {
    pass_run(convolution, &job);
    job.input += in;
    job.output += out;
    job.weight += weight_floats(convolution, &convolution->apply, out);
    job.bias += bias_floats(convolution, out);
  }
}

/* The rows of one image that make rows `first` ... of `small`: themselves when they need no border,
 * else in `scratch`. */
static const float *
band_with_border(const DcConvolution *convolution, const float *image, int first, int rows,
                 float *scratch)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const Border *border = &convolution->large_border;
  const size_t start = (size_t)first * (size_t)shape->stride.down;
  if (!border->needed)
    return image + start * (size_t)shape->large.width * (size_t)shape->large.channels;
  copy_rows(border, image, start, rows_seen(shape, rows), scratch);
  return scratch;
}

static void
apply_bands(const DcConvolution *convolution, const float *image, DcPatchLimits limits,
            float *small, float *scratch)
{
  const DcShape shape = convolution->shape.small;
  const size_t width = (size_t)shape.width, stride = convolution->shape.small_stride;
  for (int first = 0; first < shape.height; first += convolution->band) {
    const int left = shape.height - first;
    const int rows = left < convolution->band ? left : convolution->band;
    const float *input = band_with_border(convolution, image, first, rows, scratch);
    DcPatchProduct job = pass_job(&convolution->apply, input, 1, (size_t)shape.channels, limits,
                                  small + (size_t)first * width * stride);
    job.pixels = (size_t)rows * width;
    apply_groups(convolution, job);
  }
}

void
dc_convolution_apply(const DcConvolution *convolution, const float *large, size_t images,
                     DcPatchLimits limits, float *small, float *scratch)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const size_t in = dc_shape_size(shape->large), out = small_size(shape);
  for (size_t first = 0; first < images; first += convolution->images) {
    const float *from = large + first * in;
    float *to = small + first * out;
    if (in_bands(convolution)) {
      apply_bands(convolution, from, limits, to, scratch);
      continue;
    }
    const size_t count = least(convolution->images, images - first);
    const float *input = with_border(&convolution->large_border, from, count, scratch);
    apply_groups(convolution, pass_job(&convolution->apply, input, count,
                                       (size_t)shape->small.channels, limits, to));
  }
}

void
dc_convolution_adjoint(const DcConvolution *convolution, const float *small, size_t images,
                       DcPatchLimits limits, float *large, float *scratch)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const size_t in = dc_shape_size(shape->small), out = dc_shape_size(shape->large);
  for (size_t first = 0; first < images; first += convolution->images) {
    const size_t count = least(convolution->images, images - first);
    const float *input =
        with_border(&convolution->small_border, small + first * in, count, scratch);
    for (size_t i = 0; i < convolution->phase_count; i++) {
      const DcPatchProduct job =
          pass_job(&convolution->phases[i], input, count, (size_t)shape->large.channels, limits,
                   large + first * out);
      pass_run(convolution, &job);
    }
  }
}

static void
pack_delta(const DcPatchKernels *kernels, const float *small, size_t pixels, size_t channels,
           float *to)
{
  for (size_t channel = 0; channel < channels; channel += kernels->panel) {
    const size_t panel = dc_patch_panel(kernels, channels - channel);
    const size_t columns = least(panel, channels - channel);
    for (size_t i = 0; i < pixels; i++, to += panel) {
      memcpy(to, small + i * channels + channel, columns * sizeof *to);
      memset(to + columns, 0, (panel - columns) * sizeof *to);
    }
  }
}

void
dc_convolution_gradient(const DcConvolution *convolution, const float *large, const float *small,
                        size_t images, float *gradient, float *scratch)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const Pass *pass = &convolution->apply;
  const size_t channels = (size_t)shape->small.channels;
  const size_t in = dc_shape_size(shape->large), out = dc_shape_size(shape->small);
  float *delta = scratch + border_scratch(&convolution->large_border, convolution->images);
  for (size_t first = 0; first < images; first += convolution->images) {
    const size_t count = least(convolution->images, images - first);
    const size_t pixels = count * pass->pixels;
    const float *input =
        with_border(&convolution->large_border, large + first * in, count, scratch);
    pack_delta(convolution->kernels, small + first * out, pixels, channels, delta);
    const DcPatchGradient job = {.patch = pass->patch,
                                 .input = input,
                                 .input_offsets = pass->inputs,
                                 .delta = delta,
                                 .gradient = gradient,
                                 .pixels = pixels,
                                 .channels = channels};
    convolution->kernels->gradient(&job);
  }
}
