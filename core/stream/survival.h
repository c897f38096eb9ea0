/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_SURVIVAL_H
#define DC_STREAM_SURVIVAL_H

#include <stddef.h>

/* How far out the members of a cluster lie: the share of them at a distance of at least r from the
 * centroid, measured, so that a threshold on it is a false-alarm rate whatever the shape of the
 * cluster. Tabulated by the distances at which equal shares of the members are left, not by equal
 * distances: in many dimensions all members lie in a thin shell. Below a tenth the excess is taken
 * as exponential with the mean excess of the members there (the peaks-over-threshold rule), since
 * counting cannot tell a rate of 0.001 from a few hundred members. */

#define DC_SURVIVAL_STEPS 32

typedef struct {
  float tail_mean; /* mean excess of the outermost tenth over the last entry; 0: nothing known, all
                      survive */
  /* Entry i: the distance at which 1 - 0.9 i / 31 of the members are left. Never falls. */
  float distance[DC_SURVIVAL_STEPS];
} DcSurvival;

/* Measures it from `n` member distances (finite, >= 0), which it sorts. With n = 0, or all of them
 * 0, nothing is known. */
void dc_survival_measure(DcSurvival *survival, float *distances, size_t n);

/* The share of the members that lie at `distance` or farther, 0..1. */
float dc_survival_at(const DcSurvival *survival, float distance);

#endif
