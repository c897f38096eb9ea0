/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/recipe.h"

#include <string.h>

const char *const dc_channels_names[DC_CHANNELS_NAMES] = {
    [DC_CHANNELS_GRAY] = "gray",
    [DC_CHANNELS_RGB] = "rgb",
    [DC_CHANNELS_BGR] = "bgr",
};
const char *const dc_fit_names[DC_FIT_NAMES] = {
    [DC_FIT_STRETCH] = "stretch",
    [DC_FIT_LETTERBOX] = "letterbox",
    [DC_FIT_CROP] = "crop",
};
const char *const dc_resize_names[DC_RESIZE_NAMES] = {
    [DC_RESIZE_BILINEAR] = "bilinear",
    [DC_RESIZE_AREA] = "area",
};

#define BYTE (1.0f / 255) /* the deviation that leaves 0..255 as it is */

static const DcRecipe recipes[] = {
    {"imagenet",
     "RGB as 0..1, minus mean .485 .456 .406, by deviation .229 .224 .225 (torchvision, timm)",
     DC_CHANNELS_RGB,
     {0.485f, 0.456f, 0.406f},
     {0.229f, 0.224f, 0.225f}},
    {"caffe",
     "BGR as 0..255, minus 104 117 123 (Caffe and what was converted from it)",
     DC_CHANNELS_BGR,
     {123 * BYTE, 117 * BYTE, 104 * BYTE},
     {BYTE, BYTE, BYTE}},
    {"unit", "RGB as 0..1", DC_CHANNELS_RGB, {0, 0, 0}, {1, 1, 1}},
    {"raw", "RGB as 0..255", DC_CHANNELS_RGB, {0, 0, 0}, {BYTE, BYTE, BYTE}},
};
enum { RECIPES = sizeof recipes / sizeof *recipes };

const DcRecipe *
dc_recipes(size_t *count)
{
  *count = RECIPES;
  return recipes;
}

const DcRecipe *
dc_recipe_find(const char *name)
{
  for (size_t i = 0; i < RECIPES; i++)
    if (strcmp(recipes[i].name, name) == 0)
      return &recipes[i];
  return NULL;
}

/* Numbers of red, green and blue as those of `channels`. */
static void
order(const float colours[3], DcChannels channels, float values[3])
{
  for (int c = 0; c < 3; c++)
    values[c] = colours[channels == DC_CHANNELS_BGR ? 2 - c : c];
  if (channels == DC_CHANNELS_GRAY)
    values[0] = (colours[0] + colours[1] + colours[2]) / 3;
}

void
dc_recipe_apply(const DcRecipe *recipe, DcPatchSpec *spec)
{
  order(recipe->mean, spec->channels, spec->mean);
  order(recipe->deviation, spec->channels, spec->deviation);
}

const DcRecipe *
dc_recipe_of(const DcPatchSpec *spec)
{
  const size_t size = (size_t)dc_patch_channels(spec) * sizeof(float);
  for (size_t i = 0; i < RECIPES; i++) {
    DcPatchSpec made = *spec;
    dc_recipe_apply(&recipes[i], &made);
    if (memcmp(made.mean, spec->mean, size) == 0 &&
        memcmp(made.deviation, spec->deviation, size) == 0)
      return &recipes[i];
  }
  return NULL;
}
