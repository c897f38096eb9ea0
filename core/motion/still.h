/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_STILL_H
#define DC_MOTION_STILL_H

#include "motion/components.h"

#include <stdbool.h>
#include <stdint.h>

/* Blobs where the background is wrong and nothing moves. The planes are dense, `width` x `height`;
 * a pixel of a blob is one of its box that is set in `mask`. */
typedef struct {
  const uint8_t *luma, *previous; /* this picture and the one before */
  const uint8_t *expected, *deviation, *mask;
  int width, height;
} DcStillPlanes;

/* Whether the outline of the blob is an edge of the background rather than of the picture: what
 * stood there, and was learnt, has gone (a ghost). */
bool dc_blob_is_ghost(const DcStillPlanes *planes, const DcBlob *blob);

/* Whether nearly all that deviates in the blob is what the background has one or two pixels beside:
 * the camera has moved a little. */
bool dc_blob_is_shifted(const DcStillPlanes *planes, const DcBlob *blob);

#endif
