/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_RECIPE_H
#define DC_IMAGE_RECIPE_H

#include "image/patch.h"

#include <stddef.h>

/* A DcPatchSpec in words, as model files and people write it. */

/* The names of its enumerators; a value without a name is NULL. */
#define DC_CHANNELS_NAMES 5
#define DC_FIT_NAMES      3
#define DC_RESIZE_NAMES   2
extern const char *const dc_channels_names[DC_CHANNELS_NAMES];
extern const char *const dc_fit_names[DC_FIT_NAMES];
extern const char *const dc_resize_names[DC_RESIZE_NAMES];

/* How published networks want their pixels; which one, no file of weights says. Numbers are of red,
 * green and blue in this order, and of value = (pixel / 255 - mean) / deviation. */
typedef struct {
  const char *name;
  const char *meaning; /* for people */
  DcChannels order;    /* of the channels that such networks take: RGB or BGR */
  float mean[3], deviation[3];
} DcRecipe;

/* All of them; `*count` receives how many there are. */
const DcRecipe *dc_recipes(size_t *count);

/* The recipe `name`, or NULL. */
const DcRecipe *dc_recipe_find(const char *name);

/* Gives `spec` the mean and deviation of `recipe`, in the order of its channels, which stay; gray
 * gets the means over the three colours. */
void dc_recipe_apply(const DcRecipe *recipe, DcPatchSpec *spec);

/* The recipe that would give `spec` its mean and deviation, or NULL. */
const DcRecipe *dc_recipe_of(const DcPatchSpec *spec);

#endif
