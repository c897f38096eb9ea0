/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All three maps by the kernels of nn/patch.h, which want every patch to be runs of adjacent
 * floats: images are copied into a border of zeros first, which costs a hundredth of the sums. */
#include "nn/convolution_private.h"

#include "base/memory.h"

#include <string.h>

static void
pass_clear(DcConvolutionPass *pass)
{
  dc_free(pass->inputs);
  dc_free(pass->outputs);
  dc_free(pass->weight);
  dc_free(pass->bias);
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
  DcStatus status = dc_convolution_plan(made, max_images);
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
border_scratch(const DcBorder *border, size_t images)
{
  return border->needed ? aligned(images * dc_border_floats(border)) : 0;
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
  const DcBorder *border = &convolution->large_border;
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
  if (dc_convolution_by_dots(convolution, job->channels))
    convolution->kernels->dot(job);
  else
    convolution->kernels->product(job);
}

static DcPatchProduct
pass_job(const DcConvolutionPass *pass, const float *input, size_t images, size_t channels,
         DcPatchLimits limits, float *output)
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
    job.weight += dc_convolution_weight_floats(convolution, &convolution->apply, out);
    job.bias += dc_convolution_bias_floats(convolution, out);
  }
}

/* The rows of one image that make rows `first` ... of `small`: themselves when they need no border,
 * else in `scratch`. */
static const float *
band_with_border(const DcConvolution *convolution, const float *image, int first, int rows,
                 float *scratch)
{
  const DcConvolutionShape *shape = &convolution->shape;
  const DcBorder *border = &convolution->large_border;
  const size_t start = (size_t)first * (size_t)shape->stride.down;
  if (!border->needed)
    return image + start * (size_t)shape->large.width * (size_t)shape->large.channels;
  dc_border_copy_rows(border, image, start, rows_seen(shape, rows), scratch);
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
  const size_t in = dc_shape_size(shape->large), out = dc_convolution_small_size(shape);
  for (size_t first = 0; first < images; first += convolution->images) {
    const float *from = large + first * in;
    float *to = small + first * out;
    if (in_bands(convolution)) {
      apply_bands(convolution, from, limits, to, scratch);
      continue;
    }
    const size_t count = least(convolution->images, images - first);
    const float *input = dc_border_add(&convolution->large_border, from, count, scratch);
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
        dc_border_add(&convolution->small_border, small + first * in, count, scratch);
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
  const DcConvolutionPass *pass = &convolution->apply;
  const size_t channels = (size_t)shape->small.channels;
  const size_t in = dc_shape_size(shape->large), out = dc_shape_size(shape->small);
  float *delta = scratch + border_scratch(&convolution->large_border, convolution->images);
  for (size_t first = 0; first < images; first += convolution->images) {
    const size_t count = least(convolution->images, images - first);
    const size_t pixels = count * pass->pixels;
    const float *input =
        dc_border_add(&convolution->large_border, large + first * in, count, scratch);
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
