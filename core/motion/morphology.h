/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_MORPHOLOGY_H
#define DC_MOTION_MORPHOLOGY_H

#include <stdint.h>

/* Masks of width x height bytes, 0 or 255, changed in place; what is outside of a mask counts as 0
 * for majority and dilation, and as 255 for erosion, so that nothing shrinks at the border.
 * `scratch` is of the size of the mask. */

/* A pixel is set when at least 5 of the 3 x 3 around it are: specks and hairs go, edges stay. */
void dc_mask_majority(uint8_t *mask, int width, int height, uint8_t *scratch);

/* The rectangle of 2 radius + 1 pixels around each: set when one is set, or when all are. */
void dc_mask_dilate(uint8_t *mask, int width, int height, int radius_x, int radius_y,
                    uint8_t *scratch);
void dc_mask_erode(uint8_t *mask, int width, int height, int radius_x, int radius_y,
                   uint8_t *scratch);

/* Dilation, then erosion: gaps up to 2 radius pixels are filled. */
void dc_mask_close(uint8_t *mask, int width, int height, int radius_x, int radius_y,
                   uint8_t *scratch);

#endif
