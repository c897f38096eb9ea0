/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_SHADOW_H
#define DC_MOTION_SHADOW_H

#include <stdint.h>

/* Scratch for pictures of one size. */
typedef struct DcShadow DcShadow;

/* NULL when memory is short. */
DcShadow *dc_shadow_new(int width, int height);
void dc_shadow_free(DcShadow *shadow);

/* Sets the deviation of cast shadows to 0. A shadow is where the surroundings of a pixel, 5 x 5,
 * are those that the background has there, `expected`, times one factor below 1: luma falls,
 * texture stays (after Jacques, Jung and Musse, "Background subtraction and shadow detection in
 * grayscale video sequences", 2005). What is left of the picture without the factor must be as
 * small as noise. The rim, where surroundings are half in the shadow, goes with it. */
void dc_shadow_remove(DcShadow *shadow, const uint8_t *luma, const uint8_t *expected,
                      uint8_t *deviation);

#endif
