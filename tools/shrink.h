/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_SHRINK_H
#define DC_TOOLS_SHRINK_H

#include "image/image.h"
#include "store/png.h"

/* A copy of `image` whose longer side has at most `side` pixels (1..4096), by the mean over the
 * area of each pixel: grey for GRAY8, else RGB; alpha is ignored. A smaller picture is copied as it
 * is. Clear `picture` with dc_picture_clear(). DC_ERROR_MEMORY, DC_ERROR_ARGUMENT for an image
 * without pixels. */
DcStatus dc_shrink(const DcImage *image, int side, DcPicture *picture);

#endif
