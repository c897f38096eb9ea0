/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_WINOGRAD_H
#define DC_NN_WINOGRAD_H

#include "base/status.h"
#include "nn/convolution.h"
#include "nn/patch.h"
#include "tensor/cpu.h"

#include <stdbool.h>
#include <stddef.h>

/* Convolutions with a kernel of 3 x 3 and stride 1 by Winograd's minimal filtering F(2 x 2, 3 x 3)
 * (Lavin and Gray 2016, "Fast algorithms for convolutional neural networks"): a tile of 2 x 2
 * outputs takes 16 products of channels instead of 36. Tile d of 4 x 4 inputs and kernel g become
 *
 *   A' ((G g G') * (B' d B)) A,  summed over the channels between the brackets,
 *
 * with G, B and A of 0, 1, -1 and 1/2. The sums of the transforms at most quadruple a number in
 * each direction, and the products are summed over the channels alone instead of channels and taps,
 * so that the rounding errors are those of the direct sum or smaller; F(4 x 4, 3 x 3), which would
 * save more, has errors ten times as large and is not used. What is not finite spreads to all
 * outputs of the tiles that see it, and infinity becomes NaN. */
typedef struct DcWinograd DcWinograd;

/* Whether the convolution is of that kind, and large enough to gain. */
bool dc_winograd_suits(const DcConvolutionShape *shape);

/* Plans a convolution that suits. DC_ERROR_MEMORY. Free with dc_winograd_free(). */
DcStatus dc_winograd_new(const DcConvolutionShape *shape, size_t max_images, DcWinograd **winograd);
void dc_winograd_free(DcWinograd *winograd);

/* Floats of scratch that dc_winograd_apply() needs, at DC_ALIGNMENT. */
size_t dc_winograd_scratch(const DcWinograd *winograd);

/* As dc_convolution_pack() and dc_convolution_apply(). */
void dc_winograd_pack(DcWinograd *winograd, const float *weight, const float *bias);
void dc_winograd_apply(const DcWinograd *winograd, const float *large, size_t images,
                       DcPatchLimits limits, float *small, float *scratch);

/* --- the inner loops, compiled for several instruction sets --- */

enum { DC_WINOGRAD_INPUTS = 16, DC_WINOGRAD_OUTPUTS = 4 };

/* One tile on its way in: where the channels of its 4 x 4 pixels are, by rows, and where the 16
 * numbers that they become go, `step` floats apart, for each channel. */
typedef struct {
  const float *pixels[DC_WINOGRAD_INPUTS];
  size_t channels; /* at least 16 */
  float *to;
  size_t step;
} DcWinogradInput;

/* And on its way out: the 16 sums for each channel, `step` floats apart, and the 2 x 2 pixels. */
typedef struct {
  const float *from;
  size_t step;
  const float *bias;
  size_t channels; /* at least 16 */
  DcPatchLimits limits;
  float *pixels[DC_WINOGRAD_OUTPUTS];
} DcWinogradOutput;

typedef struct {
  const char *name; /* of the instruction set */
  void (*input)(const DcWinogradInput *tile);
  void (*output)(const DcWinogradOutput *tile);
} DcWinogradKernels;

extern const DcWinogradKernels dc_winograd_kernels_baseline, dc_winograd_kernels_avx2,
    dc_winograd_kernels_avx512;

/* Stores the tables that this CPU can run, the slowest first; returns how many (>= 1). */
size_t dc_winograd_kernels_usable(const DcWinogradKernels *tables[DC_CPU_LEVELS]);

#endif
