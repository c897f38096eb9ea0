/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_FIT_H
#define DC_IMAGE_FIT_H

#include "image/patch.h"

/* Which part of a region goes to which part of a patch. */
typedef struct {
  double x, y, width, height;   /* in pixels from the corner of the region, within it */
  int left, top, columns, rows; /* in pixels of the patch; what is around is letterbox border */
} DcFitting;

/* Fits a region of width x height pixels (>= 1) into the patch. A letterboxed side is rounded to
 * whole pixels, at least one; an odd rest of the border goes to the right and to the bottom. */
DcFitting dc_fit(const DcPatchSpec *spec, int width, int height);

#endif
