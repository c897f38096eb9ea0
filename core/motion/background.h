/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_BACKGROUND_H
#define DC_MOTION_BACKGROUND_H

#include "base/status.h"
#include "tensor/cpu.h"

#include <stddef.h>
#include <stdint.h>

/* What a fixed camera sees when nothing moves: for each pixel a mixture of two Gaussians of its
 * luma, after Stauffer and Grimson (1999) with the update of Zivkovic (2004). The first is the
 * background; the second is what else was seen there lately. Whoever is seen more of the time is
 * the first, so what comes to rest is taken in, and what leaves is given back. */

/* A second mode that was there for at least this share of the time is background too (leaves that
 * move, a thing at rest). */
#define DC_BACKGROUND_SHARE 0.4f

/* Variances in squared grey levels: of a new mode, and the bounds of all (Zivkovic's). */
#define DC_BACKGROUND_VARIANCE_NEW 15.0f
#define DC_BACKGROUND_VARIANCE_MIN 4.0f
#define DC_BACKGROUND_VARIANCE_MAX 75.0f

/* A deviation of the threshold itself; DcBackgroundRow's `deviation` counts in these. */
#define DC_DEVIATION_ONE 16

/* The model, one number for each pixel. */
typedef struct {
  float *mean, *variance;             /* of the first mode */
  float *other_mean, *other_variance; /* of the second */
  float *share;                       /* of the time that the first was seen, 0.5 .. 1 */
} DcBackgroundModes;

typedef struct {
  float gain;      /* what the light of this frame is to that of the model */
  float rate;      /* share of the model that this frame renews, 0 .. 1 */
  float threshold; /* squared, in variances: what is farther away is not of the mode */
} DcBackgroundStep;

/* A row of pixels before and after a step. */
typedef struct {
  DcBackgroundModes modes; /* updated in place */
  const uint8_t *luma;
  uint8_t *deviation; /* 0: background; else |luma - first mode| / threshold, in sixteenths */
  uint8_t *expected;  /* the luma of the first mode in the light of this frame */
  size_t count;
} DcBackgroundRow;

/* Sums for each column of squares and products of luma x and expected luma m. */
typedef struct {
  uint32_t *xx, *xm, *mm;
} DcProductSums;

typedef struct {
  const char *name; /* of the instruction set */
  void (*step)(const DcBackgroundRow *row, const DcBackgroundStep *step);
  /* Adds a row of `count` pixels to the sums. */
  void (*add_products)(const uint8_t *luma, const uint8_t *expected, size_t count,
                       const DcProductSums *sums);
} DcBackgroundKernels;

extern const DcBackgroundKernels dc_background_kernels_baseline, dc_background_kernels_avx2,
    dc_background_kernels_avx512;

/* Stores the tables that this CPU can run, the slowest first; returns how many (>= 1). */
size_t dc_background_kernels_usable(const DcBackgroundKernels *tables[DC_CPU_LEVELS]);

/* The fastest of them. */
const DcBackgroundKernels *dc_background_kernels(void);

/* What the kernel `step` computes, pixel by pixel in double precision. */
void dc_background_step_reference(const DcBackgroundRow *row, const DcBackgroundStep *step);

/* A model of one size of picture. One thread at a time. */
typedef struct DcBackground DcBackground;

/* NULL when memory is short. Free with dc_background_free(). */
DcBackground *dc_background_new(size_t pixels);
void dc_background_free(DcBackground *background);

/* Forgets everything: the picture is the background, and what comes is averaged with it. */
void dc_background_restart(DcBackground *background, const uint8_t *luma);

/* Compares a picture with the model and then lets the model learn it. `deviation` and `expected`
 * are as in DcBackgroundRow. `seconds` have passed since the picture before; in a second the share
 * `learning_rate` (0..1) of the model is renewed, but a young model is the average of all
 * that it has seen. `threshold` is in standard deviations. */
void dc_background_run(DcBackground *background, const uint8_t *luma, double gain, double seconds,
                       double learning_rate, double threshold, uint8_t *deviation,
                       uint8_t *expected);

/* Takes the pixels of the rectangle x .. x + width - 1, y .. y + height - 1 that are set in `mask`
 * for background as they are in `luma`; `stride` is the width of the picture. */
void dc_background_adopt(DcBackground *background, const uint8_t *luma, const uint8_t *mask,
                         size_t stride, size_t x, size_t y, size_t width, size_t height);

/* The means of the first modes, one for each pixel. */
const float *dc_background_means(const DcBackground *background);

#endif
