/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_SURVIVAL_H
#define DC_STREAM_SURVIVAL_H

#include <stddef.h>

/* How far out the members of a cluster lie: the share of them at a distance of at least r from the
 * centroid, measured, so that a threshold on it is a false-alarm rate whatever the shape of the
 * cluster. Tabulated up to the point where a tenth is left; beyond that the excess is taken as
 * exponential with the mean excess of the members there (the peaks-over-threshold rule), since
 * counting cannot tell a rate of 0.001 from a few hundred members. */

#define DC_SURVIVAL_STEPS 32 /* entries, a step of an eighth of the spread apart */

typedef struct {
  float step;                     /* distance between entries; 0: nothing known, all survive */
  float share[DC_SURVIVAL_STEPS]; /* share[i] of the members lie at i * step or farther */
  float tail_start;               /* distance from which the exponential rule holds */
  float tail_share;               /* share of the members beyond it */
  float tail_mean;                /* their mean excess over it */
} DcSurvival;

/* Measures it from `n` member distances (finite, >= 0) of root mean square `spread`. With n = 0 or
 * a spread of 0 nothing is known. */
void dc_survival_measure(DcSurvival *survival, const float *distances, size_t n, float spread);

/* The share of the members that lie at `distance` or farther, 0..1. */
float dc_survival_at(const DcSurvival *survival, float distance);

#endif
