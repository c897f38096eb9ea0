/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "preprocessing.h"

#include "image/recipe.h"

#include <stdio.h>

void
dc_preprocessing_print(const DcPatchSpec *spec)
{
  static const char *const fits[] = {"stretched to", "letterboxed to", "cropped to"};
  const char *channels = spec->channels == DC_CHANNELS_GRAY  ? "grey"
                         : spec->channels == DC_CHANNELS_RGB ? "RGB"
                                                             : "BGR";
  printf("pictures      %s %d x %d %s, %s\n", fits[spec->fit], spec->width, spec->height, channels,
         spec->resize == DC_RESIZE_AREA ? "area mean" : "bilinear");
  printf("normalised    (value / 255 - mean) / deviation:");
  for (int i = 0; i < dc_patch_channels(spec); i++)
    printf(" (%g, %g)", (double)spec->mean[i], (double)spec->deviation[i]);
  const DcRecipe *recipe = dc_recipe_of(spec);
  if (recipe)
    printf(", which is %s", recipe->name);
  printf("\n");
}

/* Numbers that read back as they are, with commas between. */
static void
append_numbers(GString *text, const float *values, int count)
{
  for (int i = 0; i < count; i++) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(number, sizeof number, "%.9g", (double)values[i]);
    g_string_append_printf(text, "%s%s", i ? "," : "", number);
  }
}

char *
dc_preprocessing_options(const DcPatchSpec *spec)
{
  GString *text = g_string_new(NULL);
  g_string_printf(text, "--size %dx%d --fit %s --channels %s --preprocess ", spec->width,
                  spec->height, dc_fit_names[spec->fit], dc_channels_names[spec->channels]);
  const DcRecipe *recipe = dc_recipe_of(spec);
  if (recipe) {
    g_string_append(text, recipe->name);
  } else {
    append_numbers(text, spec->mean, dc_patch_channels(spec));
    g_string_append_c(text, '/');
    append_numbers(text, spec->deviation, dc_patch_channels(spec));
  }
  return g_string_free(text, FALSE);
}
