/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The weights of a convolution in the order in which the kernels of nn/patch.h read them. */
#include "nn/convolution_private.h"

#include <string.h>

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
pack_taps(const DcConvolution *convolution, const DcConvolutionPass *pass, const Packing *packing)
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
    if (dc_convolution_by_dots(convolution, tap.out))
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
  const DcConvolutionPass *pass = &convolution->apply;
  const size_t groups = (size_t)shape->groups, channels = (size_t)shape->small.channels;
  const size_t in = (size_t)shape->large.channels / groups, out = channels / groups;
  for (size_t g = 0; g < groups; g++) {
    const Packing packing = {.tap = {weight + g * out, in, channels, out, 1},
                             .tap_size = in * channels,
                             .to = pass->weight +
                                   g * dc_convolution_weight_floats(convolution, pass, out)};
    pack_taps(convolution, pass, &packing);
    if (bias)
      memcpy(pass->bias + g * dc_convolution_bias_floats(convolution, out), bias + g * out,
             out * sizeof *bias);
  }
}

static void
pack_phase(DcConvolution *convolution, const DcConvolutionPass *phase, const float *weight,
           const float *bias)
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
