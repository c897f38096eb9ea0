/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_PARTS_H
#define DC_MOTION_PARTS_H

#include "motion/components.h"

#include <stddef.h>

/* Takes blobs together that are likely parts of one thing which the mask has torn: one above the
 * other, as head, trunk and legs are, or a small one close to a large one. `reach` is the largest
 * gap, in pixels. Works in place on `count` blobs and returns how many are left, in no order. */
size_t dc_parts_join(DcBlob *blobs, size_t count, int reach);

#endif
