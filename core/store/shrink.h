/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STORE_SHRINK_H
#define DC_STORE_SHRINK_H

#include "image/image.h"
#include "store/png.h"

/* A copy of `region` of `image` (NULL: all of it; the part of it inside the image), whose longer
 * side has at most `side` pixels (1..4096), by the mean over the area of each pixel: grey for
 * GRAY8, else RGB; alpha is ignored. What is smaller is copied as it is. Clear `picture` with
 * dc_picture_clear(). DC_ERROR_MEMORY, DC_ERROR_ARGUMENT where there are no pixels. Any thread. */
DcStatus dc_shrink(const DcImage *image, const DcRect *region, int side, DcPicture *picture);

#endif
