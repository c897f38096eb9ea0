/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_AUTOENCODER_H
#define DC_NN_AUTOENCODER_H

#include "base/status.h"
#include "nn/network.h"

/* The convolutional autoencoder of DEKM (Guo, Lin, Ye 2021; that of DCEC): three convolutions of
 * stride 2 and a dense layer down to the code, the same back up. Padding is TensorFlow's SAME; the
 * third convolution has none along a side that is no multiple of 8, when its input has the room. */
typedef struct {
  DcNetwork *encoder; /* image -> 1 x 1 x width, linear */
  DcNetwork *decoder; /* 1 x 1 x width -> image, linear */
} DcAutoencoder;

/* Builds both for images of shape `image` (channels last, usually in [0, 1]) and a code of `width`
 * numbers. First weights by `seed`: the three convolutions U(-0.05, 0.05), the rest Glorot uniform,
 * biases 0. On failure *autoencoder is empty. */
DcStatus dc_autoencoder_init(DcAutoencoder *autoencoder, DcShape image, int width, uint64_t seed,
                             DcError *error);
/* Frees both networks; an empty one is accepted. To keep the encoder, set it to NULL first. */
void dc_autoencoder_clear(DcAutoencoder *autoencoder);

/* Where training stands, after each step. */
typedef struct {
  int epoch, epochs;  /* epoch: 1 .. epochs */
  size_t step, steps; /* of this epoch: 1 .. steps */
  double loss;        /* mean squared error of the epoch so far */
} DcTrainingProgress;

typedef struct {
  int epochs;           /* >= 1 */
  size_t batch;         /* samples a step, >= 1; DEKM uses 256, few epochs learn more from 64 */
  double learning_rate; /* of Adam, > 0; DEKM uses 1e-3 */
  uint64_t seed;        /* of the order of the samples, anew in each epoch */
  size_t threads;       /* >= 1; the result depends on it in the last digits */
  /* Called in the caller's thread after each step; false stops. NULL: not wanted. */
  bool (*progress)(const DcTrainingProgress *progress, void *data);
  void *data;
} DcAutoencoderTraining;

/* Trains both networks to give back what they are shown, on `count` samples of the image's shape,
 * dense: minimises the mean over all numbers of the squared error with Adam. The error of the last
 * epoch is stored in `loss` (NULL: not wanted). DC_ERROR_CANCELLED when `progress` said so: the
 * weights are those of the steps done. DC_ERROR_NOT_FINITE for samples that are not numbers, or
 * when training diverged. */
DcStatus dc_autoencoder_train(DcAutoencoder *autoencoder, const float *samples, size_t count,
                              const DcAutoencoderTraining *training, double *loss, DcError *error);

#endif
