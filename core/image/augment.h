/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_AUGMENT_H
#define DC_IMAGE_AUGMENT_H

#include "base/random.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Random changes of patches that leave alone what they show, to learn from: each kind with a
 * strength or a probability of its own. Patches are height x width x channels with values in
 * [0, 1], before any normalisation.
 *
 * An augmentation is drawn first, which gives plain numbers, and applied then; the changes follow
 * each other in the order in which they are listed. Colour, grey and solarise are those of
 * torchvision's ColorJitter, RandomGrayscale and RandomSolarize, the crop that of its
 * RandomResizedCrop, in floating point instead of 8 bits. */

typedef struct {
  size_t height, width; /* 1 .. 4096 */
  size_t channels;      /* 1 (grey) or 3 (red, green, blue) */
} DcAugmentShape;

/* All zeros: nothing is changed. */
typedef struct {
  /* Where pixels come from: the picture is moved, turned and scaled about its centre, a part of
   * what that gives is cropped and spread over the patch again, and mirrored. All of it is one
   * bilinear resampling, without smoothing where it shrinks; beyond the border the picture goes on
   * as its outermost pixels. */
  double shift;    /* each axis by up to this share of its side, either way; 0 .. 1 */
  double rotation; /* by up to so many degrees, either way; 0 .. 180 */
  double scale;    /* by a factor in 1 - scale .. 1 + scale; 0 <= scale < 1 */
  double crop; /* smallest area of the crop, as a share of the picture, for areas up to all of it
                  and aspects 3/4 .. 4/3; 0: no crop; 0 .. 1 */
  double flip; /* probability of mirroring left and right */

  /* Jitter of the colours, in an order that is drawn too. Brightness, contrast and saturation
   * change by a factor in 1 - strength .. 1 + strength, not below 0. */
  double jitter;                           /* probability of the four that follow, together */
  double brightness, contrast, saturation; /* >= 0; the last is for three channels */
  double hue; /* up to this share of a full turn, either way; 0 .. 0.5; for three channels */

  double grey;                    /* probability of taking all colour away; for three channels */
  double blur;                    /* probability of a Gaussian blur */
  double least_sigma, most_sigma; /* of the blur, pixels; 0 <= least <= most <= 10 */
  double solarise;                /* probability of replacing v by 1 - v where v >= 1/2 */
} DcAugmentation;

/* The two views of SeCu (Qian 2023, in the code of the author), 0 and 1, for crops of at least
 * `smallest_crop`. */
DcAugmentation dc_augmentation_secu(size_t view, double smallest_crop);

/* DC_ERROR_ARGUMENT names a strength or probability out of range, or NaN; DC_ERROR_SHAPE for a
 * shape. The functions below take only what passes. */
DcStatus dc_augmentation_check(const DcAugmentation *augmentation, const DcAugmentShape *shape,
                               DcError *error);

typedef enum {
  DC_JITTER_BRIGHTNESS, /* v <- factor v */
  DC_JITTER_CONTRAST,   /* v <- factor v + (1 - factor) m, where m is the patch's mean luma */
  DC_JITTER_SATURATION, /* v <- factor v + (1 - factor) y, where y is the pixel's luma */
  DC_JITTER_HUE         /* the hue (of HSV) turns by `amount` of a full turn */
} DcJitterKind;

#define DC_JITTER_KINDS 4

/* `amount` is the factor, >= 0, or the turn, -1/2 .. 1/2. What leaves [0, 1] is clipped after each.
 */
typedef struct {
  DcJitterKind kind;
  double amount;
} DcJitter;

/* One augmentation, as drawn. */
typedef struct {
  /* Pixel (x, y) of the result, counted from 0, shows the place
   * (map[0] x + map[1] y + map[2], map[3] x + map[4] y + map[5]) of the picture. */
  double map[6];
  DcJitter jitter[DC_JITTER_KINDS];
  size_t jitter_count;
  bool grey;
  double sigma; /* of the blur, pixels, at most 10; 0: none */
  bool solarise;
} DcAugmentDraw;

/* Draws from `random`; equal states give equal draws. */
void dc_augment_draw(const DcAugmentation *augmentation, const DcAugmentShape *shape,
                     DcRandom *random, DcAugmentDraw *draw);

/* Floats of scratch that the two functions below take. */
size_t dc_augment_scratch(const DcAugmentShape *shape);

/* Writes the augmented `patch` to `result`; patch, result and scratch must not overlap. NaN stays
 * NaN. Allocates nothing. */
void dc_augment_apply(const DcAugmentDraw *draw, const DcAugmentShape *shape, const float *patch,
                      float *result, float *scratch);

/* Both at once. */
void dc_augment(const DcAugmentation *augmentation, const DcAugmentShape *shape, const float *patch,
                DcRandom *random, float *result, float *scratch);

/* What dc_augment_apply() does by its plain definition, for tests: in double, one pixel at a time.
 * DC_ERROR_MEMORY. */
DcStatus dc_augment_reference(const DcAugmentDraw *draw, const DcAugmentShape *shape,
                              const float *patch, float *result);

#endif
