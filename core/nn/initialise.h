/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_INITIALISE_H
#define DC_NN_INITIALISE_H

#include "base/random.h"
#include "nn/network.h"

/* First weights of layer `index`, from `random`; unless said otherwise the biases become 0. A kind
 * without weights is left alone, and so are AFFINE and BATCH_NORM but that their weight becomes 1.
 * The fans, how many inputs an output sees and the other way round, count kernel positions. */

/* U(-range, range). */
void dc_initialise_uniform(DcNetwork *network, size_t index, float range, DcRandom *random);

/* U(-r, r) with r = sqrt(6 / (fan in + fan out)), Glorot and Bengio 2010, as Keras has it. */
void dc_initialise_glorot(DcNetwork *network, size_t index, DcRandom *random);

/* N(0, 2 / fan out), He et al. 2015 (eq. 14): for layers before a ReLU, the variance of the
 * gradients kept. PyTorch's kaiming_normal_ with mode fan_out. */
void dc_initialise_kaiming(DcNetwork *network, size_t index, DcRandom *random);

/* U(-r, r) with r = 1 / sqrt(fan in) for weight and bias: what PyTorch gives linear layers and
 * convolutions when nothing is said. */
void dc_initialise_fan_in(DcNetwork *network, size_t index, DcRandom *random);

/* The biases alone, all n of them: normal numbers with sigma = sqrt(1 / n) / 0.87962566103423978,
 * drawn again beyond two sigma, which leaves a variance of 1 / n. Keras' glorot_normal on a vector,
 * whose fans are both n. */
void dc_initialise_truncated_biases(DcNetwork *network, size_t index, DcRandom *random);

#endif
