/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_INITIALISE_H
#define DC_NN_INITIALISE_H

#include "base/random.h"
#include "nn/network.h"

/* First weights of layer `index`, from `random`; the biases become 0 unless it says otherwise. A
 * kind without weights is left alone, and so is AFFINE but that its weight becomes 1. */

/* U(-range, range). */
void dc_initialise_uniform(DcNetwork *network, size_t index, float range, DcRandom *random);

/* U(-r, r) with r = sqrt(6 / (fan in + fan out)), Glorot and Bengio 2010; the fans count kernel
 * positions as Keras does. */
void dc_initialise_glorot(DcNetwork *network, size_t index, DcRandom *random);

/* Biases of layer `index` that are not 0: normal, cut off at two deviations, as Keras' "Glorot
 * normal" draws a vector of n numbers (deviation sqrt(1 / n) after the cut). AE-CM starts so. */
void dc_initialise_truncated_biases(DcNetwork *network, size_t index, DcRandom *random);

#endif
