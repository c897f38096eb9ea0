/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_CONVOLUTION_PRIVATE_H
#define DC_NN_CONVOLUTION_PRIVATE_H

#include "nn/convolution.h"
#include "nn/convolution_border.h"
#include "nn/patch.h"

/* What the files of a convolution share: convolution_plan.c lays out its passes, convolution_pack.c
 * fills in their weights, convolution.c runs them. */

/* One product: a patch for each output pixel, and the weight it meets; of one group of channels. */
typedef struct {
  DcPatch patch;
  size_t pixels;              /* of one image, or band */
  uint32_t *inputs, *outputs; /* where each pixel's patch and result start; for a whole call */
  float *weight, *bias;       /* packed, group after group; NULL when only the gradient is wanted */
  int row, column;            /* the first tap in the kernel; taps are `stride` apart ... */
  bool reversed;              /* ... and the last comes first */
} DcConvolutionPass;

struct DcConvolution {
  DcConvolutionShape shape;
  unsigned uses;
  const DcPatchKernels *kernels;
  size_t images; /* of one call of a kernel */
  int band;      /* the rows of `small` of one call: all, or a part of those of one image */
  DcBorder large_border, small_border;
  DcConvolutionPass apply;
  DcConvolutionPass *phases; /* stride x stride */
  size_t phase_count;
};

/* Lays out borders, passes and room for their weights, for shape, uses and kernels that are set.
 * DC_ERROR_SHAPE when 32 bits do not count the floats of a call; what was made is left for
 * dc_convolution_free(). */
DcStatus dc_convolution_plan(DcConvolution *convolution, size_t max_images);

/* Floats from one image of `small` to the next. */
size_t dc_convolution_small_size(const DcConvolutionShape *shape);

/* Whether a product with so many output channels is one of dots instead of panels. */
bool dc_convolution_by_dots(const DcConvolution *convolution, size_t channels);

/* Floats of the packed weight of one group of a pass, and of its biases. */
size_t dc_convolution_weight_floats(const DcConvolution *convolution, const DcConvolutionPass *pass,
                                    size_t channels);
size_t dc_convolution_bias_floats(const DcConvolution *convolution, size_t channels);

static inline size_t
least(size_t a, size_t b)
{
  return a < b ? a : b;
}

static inline size_t
most(size_t a, size_t b)
{
  return a > b ? a : b;
}

#endif
