/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_PATCH_H
#define DC_NN_PATCH_H

#include "tensor/cpu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The inner loops of the layers, compiled for several instruction sets.
 *
 * All of them work on patches: what a window of a convolution sees, channels last, is `rows` rows
 * of `columns` runs of `run` adjacent floats; the starts of the rows are `row_stride` floats apart,
 * those of the runs of a row `column_stride`. Where a row has no gaps it is one run. So a
 * convolution is a matrix product whose left factor is never written down (no im2col): pixel i's
 * row of it starts at input + input_offsets[i]. A dense layer is the case of one run. Every sum is
 * taken in the order of rows, columns and runs, so that a pixel's result does not depend on the
 * pixels beside it. */
typedef struct {
  size_t rows, columns, run;
  size_t row_stride, column_stride;
} DcPatch;

/* The floats of a patch. */
static inline size_t
dc_patch_floats(const DcPatch *patch)
{
  return patch->rows * patch->columns * patch->run;
}

/* The bounds that a result is brought to on its way out; NaN stays. */
typedef struct {
  bool used; /* false: results stay as they are */
  float low, high;
} DcPatchLimits;

/* output[pixel][channel] = bias[channel] + sum over k of patch(pixel)[k] * weight[k][channel]. */
typedef struct {
  DcPatch patch;
  const float *input;
  const uint32_t *input_offsets;
  const float
      *weight;       /* for `product`: panels, see below; for `dot`: channels x floats of a patch */
  const float *bias; /* as many as weight has channels, padding included */
  float *output;
  const uint32_t *output_offsets;
  size_t pixels, channels;
  DcPatchLimits limits;
} DcPatchProduct;

/* gradient[k][channel] += sum over pixels of patch(pixel)[k] * delta(pixel)[channel]; patches of
 * one column. */
typedef struct {
  DcPatch patch;
  const float *input;
  const uint32_t *input_offsets;
  const float *delta; /* panels of `pixels` rows, see below */
  float *gradient;    /* (rows * run) x channels, dense */
  size_t pixels, channels;
} DcPatchGradient;

/* Adjacent output pixels of a layer that treats each channel for itself: a run of the patch is a
 * pixel. The patch of each pixel is `step` floats behind that of the one before, its output
 * `output_step`. */
typedef struct {
  DcPatch patch;
  size_t pixels, step, output_step;
  const float *input;
  const float *weight;      /* `weigh`: pixels as the patch has, without gaps between columns ... */
  size_t weight_row_stride; /* ... and its rows so many floats apart */
  const float *bias;        /* `weigh`: of each channel */
  float *output;
  DcPatchLimits limits; /* `weigh` */
  float scale;          /* `add`: of the sum */
} DcPatchWindow;

/* A matrix of R rows in panels: blocks of R x `panel`, dense, side by side; a last block of no more
 * than half of `panel` columns is R x panel / 2. Columns beyond the last are zero. The form that
 * vector loads want. */
typedef struct {
  const char *name; /* of the instruction set */
  size_t panel;     /* columns of a panel */
  size_t tile;      /* pixels that `product` takes at once */
  size_t most_dots; /* up to so many channels `dot` is the faster product */
  void (*product)(const DcPatchProduct *job);
  void (*dot)(const DcPatchProduct *job);
  void (*gradient)(const DcPatchGradient *job);
  void (*weigh)(const DcPatchWindow *job);   /* output = bias + sum of input * weight */
  void (*add)(const DcPatchWindow *job);     /* output = scale * sum of input */
  void (*maximum)(const DcPatchWindow *job); /* output = largest input; a NaN wins */
} DcPatchKernels;

extern const DcPatchKernels dc_patch_kernels_baseline, dc_patch_kernels_avx2,
    dc_patch_kernels_avx512;

/* Stores the tables that this CPU can run, the slowest first; returns how many (>= 1). */
size_t dc_patch_kernels_usable(const DcPatchKernels *tables[DC_CPU_LEVELS]);

/* The fastest of them. */
const DcPatchKernels *dc_patch_kernels(void);

/* The columns of a panel when `channels` are left for it. */
static inline size_t
dc_patch_panel(const DcPatchKernels *kernels, size_t channels)
{
  return 2 * channels > kernels->panel ? kernels->panel : kernels->panel / 2;
}

/* Floats of a matrix of `rows` x `channels` in panels. */
static inline size_t
dc_patch_panels_size(const DcPatchKernels *kernels, size_t rows, size_t channels)
{
  const size_t half = kernels->panel / 2;
  return (channels + half - 1) / half * half * rows;
}

#endif
