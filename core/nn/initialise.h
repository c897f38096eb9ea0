/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_INITIALISE_H
#define DC_NN_INITIALISE_H

#include "base/random.h"
#include "nn/network.h"

/* First weights of layer `index`, from `random`; the biases become 0. A kind without weights is
 * left alone, and so is AFFINE but that its weight becomes 1. */

/* U(-range, range). */
void dc_initialise_uniform(DcNetwork *network, size_t index, float range, DcRandom *random);

/* U(-r, r) with r = sqrt(6 / (fan in + fan out)), Glorot and Bengio 2010; the fans count kernel
 * positions as Keras does. */
void dc_initialise_glorot(DcNetwork *network, size_t index, DcRandom *random);

#endif
