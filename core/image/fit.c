/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/fit.h"

#include <math.h>

/* The side of a letterboxed region that does not fill the patch. */
static int
scaled_side(int side, int other_side, int other_patch_side)
{
  double scaled = round((double)side * other_patch_side / other_side);
  return scaled < 1 ? 1 : (int)scaled;
}

DcFitting
dc_fit(const DcPatchSpec *spec, int width, int height)
{
  DcFitting fit = {.width = width, .height = height, .columns = spec->width, .rows = spec->height};
  /* Compares width / height with the shape of the patch, exactly. */
  int64_t wide = (int64_t)width * spec->height, high = (int64_t)height * spec->width;
  if (spec->fit == DC_FIT_LETTERBOX) {
    if (wide >= high)
      fit.rows = scaled_side(height, width, spec->width);
    else
      fit.columns = scaled_side(width, height, spec->height);
    fit.left = (spec->width - fit.columns) / 2;
    fit.top = (spec->height - fit.rows) / 2;
  } else if (spec->fit == DC_FIT_CROP) {
    if (wide >= high)
      fit.width = (double)high / spec->height;
    else
      fit.height = (double)wide / spec->width;
    fit.x = (width - fit.width) / 2;
    fit.y = (height - fit.height) / 2;
  }
  return fit;
}
