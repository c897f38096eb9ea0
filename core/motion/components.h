/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_COMPONENTS_H
#define DC_MOTION_COMPONENTS_H

#include "image/image.h"

#include <stddef.h>
#include <stdint.h>

/* A connected part of a mask, or several taken together. */
typedef struct {
  DcRect box;
  uint32_t area;   /* pixels that are set */
  uint64_t weight; /* sum of the weights of these pixels */
} DcBlob;

/* Finds the 8-connected components of masks of up to width x height pixels. Runs of set pixels are
 * joined across rows by union-find, so that the time depends on the runs, not on the shapes. One
 * thread at a time. */
typedef struct DcComponentFinder DcComponentFinder;

/* NULL when memory is short. */
DcComponentFinder *dc_component_finder_new(int width, int height);
void dc_component_finder_free(DcComponentFinder *finder);

/* Stores the components of `mask` that have at least `min_area` pixels, the largest first (equal
 * ones from top to bottom), at most `max`; returns how many. `weights` has a byte for each pixel.
 * *`total` is how many there were of that area. */
size_t dc_component_finder_run(DcComponentFinder *finder, const uint8_t *mask,
                               const uint8_t *weights, uint32_t min_area, DcBlob *components,
                               size_t max, size_t *total);

#endif
