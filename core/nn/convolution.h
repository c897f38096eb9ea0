/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_CONVOLUTION_H
#define DC_NN_CONVOLUTION_H

#include "base/status.h"
#include "nn/network.h"
#include "nn/patch.h"

#include <stdbool.h>
#include <stddef.h>

/* Pixels from one window, or tap of a window, to the next. */
typedef struct {
  int down, across;
} DcConvolutionSteps;

/* A convolution as a linear map from images of shape `large` to images of shape `small`, channels
 * last, with weight W of kernel_height x kernel_width x large.channels x small.channels:
 *
 *   small[y][x][o] = sum over i, j, c of
 *                    large[y*stride.down + i*dilation.down - top]
 *                         [x*stride.across + j*dilation.across - left][c] * W[i][j][c][o]
 *
 * where what lies outside `large` is zero; its adjoint; and the gradient of a function of `small`
 * with respect to W. With `groups`, the channels of both fall into so many equal parts, each part
 * of `small` sees only its part of `large`, and W has large.channels / groups. The layers CONV2D
 * and DENSE are the map (a dense layer has a 1x1 kernel over 1x1 images), TRANSPOSED_CONV2D is the
 * adjoint, and the backward pass of each is the other. */
typedef struct {
  DcShape large, small;
  int kernel_height, kernel_width, top, left;
  DcConvolutionSteps stride;
  /* Only for DC_CONVOLUTION_APPLY alone: a dilation and groups beyond 1, and pixels of `small` that
   * are further apart than its channels. */
  DcConvolutionSteps dilation;
  int groups;
  size_t small_stride; /* floats from one pixel to the next */
} DcConvolutionShape;

/* Which of the three will be asked for. */
typedef enum {
  DC_CONVOLUTION_APPLY = 1 << 0,
  DC_CONVOLUTION_ADJOINT = 1 << 1,
  DC_CONVOLUTION_GRADIENT = 1 << 2
} DcConvolutionUse;

typedef struct DcConvolution DcConvolution;

/* Plans `uses` (DcConvolutionUse, or-ed) for calls of up to `max_images`. DC_ERROR_SHAPE for images
 * beyond 32-bit offsets, and for the adjoint of strides whose product is above 4096 (each pair of
 * residues has a plan of its own); DC_ERROR_MEMORY. Free with dc_convolution_free(). */
DcStatus dc_convolution_new(const DcConvolutionShape *shape, unsigned uses, size_t max_images,
                            DcConvolution **convolution);
void dc_convolution_free(DcConvolution *convolution);

/* Floats of scratch that each call below needs, at DC_ALIGNMENT. */
size_t dc_convolution_scratch(const DcConvolution *convolution);

/* Takes over weight and biases (NULL: none) into the forms that the kernels want; needed before
 * the first product and after every change. `apply_bias` is added to what
 * dc_convolution_apply() gives, `adjoint_bias` to what dc_convolution_adjoint() does. */
void dc_convolution_pack(DcConvolution *convolution, const float *weight, const float *apply_bias,
                         const float *adjoint_bias);

/* large -> small and small -> large; the result brought to `limits`. */
void dc_convolution_apply(const DcConvolution *convolution, const float *large, size_t images,
                          DcPatchLimits limits, float *small, float *scratch);
void dc_convolution_adjoint(const DcConvolution *convolution, const float *small, size_t images,
                            DcPatchLimits limits, float *large, float *scratch);

/* Adds to `gradient` (the shape of W) sum over images, y, x of large[...] * small[...]: with
 * `small` the gradient of a function with respect to the map's result, that with respect to W. */
void dc_convolution_gradient(const DcConvolution *convolution, const float *large,
                             const float *small, size_t images, float *gradient, float *scratch);

#endif
