/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_IMAGE_LOOK_H
#define DC_IMAGE_LOOK_H

#include "base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a stream looks at one moment: what light, camera and weather make of a picture that stays the
 * same. Made to measure what drift does to a clustering, so every strength is a plain number. */
typedef struct {
  double turn;       /* degrees, counter-clockwise about the centre; what comes in is black */
  double contrast;   /* values are multiplied by it; >= 0 */
  double brightness; /* is then added, as a share of the range of values */
  double gain[3];    /* of red, green, blue; >= 0 */
  double background; /* 0..1: shade that everything darker takes on, see dc_look_shade() */
  double blur;       /* standard deviation of a Gaussian, as a share of the shorter side; >= 0 */
  double noise;  /* standard deviation of what is added to each number, as a share of the range */
  bool inverted; /* black for white */
} DcLook;

/* Changes nothing. */
DcLook dc_look_plain(void);

/* The brightness, 0..1, of the background at a place (shares of width and height): a smooth pattern
 * of light from two sides, the same for all pictures. */
double dc_look_shade(double across, double down);

/* Bytes of scratch that dc_look_apply() needs. */
size_t dc_look_scratch(int width, int height, int channels);

/* `target` = `source` (height x width x channels, 1 or 3 of them, dense) under `look`, in the order
 * background, gain and contrast, inversion, blur, turn, noise; values beyond 0..255 are clipped
 * once, at the end, and rounded to the nearest. Noise is drawn from `random`, nothing else is;
 * pictures may be the same memory. `scratch` is aligned for doubles. */
void dc_look_apply(const DcLook *look, int width, int height, int channels, const uint8_t *source,
                   void *scratch, DcRandom *random, uint8_t *target);

/* The same drift made in vectors, given the mean and the root mean squared deviation from it of a
 * number in them: `turn` turns coordinates 0 and 1, 2 and 3, ... about the mean, `contrast` scales
 * the deviation, `brightness` and `noise` are in units of `deviation`, inversion negates the
 * deviation from the mean. Gain, background and blur have no meaning and are not looked at. */
void dc_look_apply_vector(const DcLook *look, const float *mean, double deviation, size_t length,
                          const float *source, DcRandom *random, float *target);

#endif
