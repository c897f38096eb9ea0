/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_RESIDUAL_NETWORK_H
#define DC_NN_RESIDUAL_NETWORK_H

#include "base/status.h"
#include "nn/network.h"

/* Residual networks of basic blocks (He et al. 2016) in the form for small pictures that SeCu (Qian
 * 2023) and others train on CIFAR, to be trained by a DcTrainer; dc_network_fold() makes the form
 * for use. ResNet-18 has 4 stages of 2 blocks, 64 channels wide. */
typedef struct {
  int width;  /* channels of the first stage; each further one has twice those before */
  int blocks; /* of a stage */
  int stages; /* each after the first halves height and width */
} DcResidualOptions;

/* A stem (3x3 convolution, BATCH_NORM, ReLU), the stages, and the average over each channel:
 * 1 x 1 x width * 2^(stages - 1). A block is the ReLU of x + f(x), with f two 3x3 convolutions,
 * each with a BATCH_NORM, a ReLU between them; where height, width and channels change, the first
 * of them has stride 2 and x passes through a 1x1 convolution of stride 2 and a BATCH_NORM.
 *
 * Convolutions begin with dc_initialise_kaiming() by `seed`. The original ones have no bias; ours
 * begin at 0 and, since the BATCH_NORM after each takes the mean away, have a gradient of 0 but for
 * rounding and no influence on what a trainer computes.
 *
 * DC_ERROR_ARGUMENT for options below 1 or too many channels, DC_ERROR_SHAPE, DC_ERROR_MEMORY. Free
 * `*network` with dc_network_free(). */
DcStatus dc_residual_network_init(DcNetwork **network, DcShape image,
                                  const DcResidualOptions *options, uint64_t seed, DcError *error);

/* What contrastive methods train on top: `width` numbers -> a dense layer as wide, BATCH_NORM,
 * ReLU, a dense layer to `output` numbers (SeCu: 128), L2_NORMALISE. The dense layers begin with
 * dc_initialise_fan_in(). Errors as above. */
DcStatus dc_projector_init(DcNetwork **network, int width, int output, uint64_t seed,
                           DcError *error);

#endif
