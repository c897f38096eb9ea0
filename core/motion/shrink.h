/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_SHRINK_H
#define DC_MOTION_SHRINK_H

#include <stddef.h>
#include <stdint.h>

/* The longest side of a block. */
#define DC_SHRINK_MAX 64

/* Averages blocks of factor x factor bytes (1 .. DC_SHRINK_MAX), rounding to the nearest: pixel (x,
 * y) of `to`, of width x height dense bytes, is the mean of the block that begins at (factor x,
 * factor y) of `from`, whose rows lie `stride` bytes apart and hold at least width x factor bytes.
 * `sums` is scratch of width x factor numbers. */
void dc_motion_shrink(const uint8_t *from, ptrdiff_t stride, int factor, int width, int height,
                      uint32_t *sums, uint8_t *to);

#endif
