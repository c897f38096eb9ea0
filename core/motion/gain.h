/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_MOTION_GAIN_H
#define DC_MOTION_GAIN_H

#include <stddef.h>
#include <stdint.h>

/* What the light of a picture is to that of a model: the median of luma / mean over a grid of the
 * width x height pixels, 0.25 .. 4. Lamps that flicker and an exposure that the camera corrects
 * change all pixels by one factor; what moves changes fewer than half of them. 1 where the model is
 * too dark to tell. */
double dc_gain(const uint8_t *luma, const float *means, int width, int height);

#endif
