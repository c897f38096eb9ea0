/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_AUTOENCODER_H
#define DC_NN_AUTOENCODER_H

#include "base/status.h"
#include "nn/network.h"

/* The autoencoders of the published methods. */
typedef enum {
  /* DEKM's for images (Guo, Lin, Ye 2021; that of DCEC): three convolutions of stride 2 and a dense
   * layer down to the code, the same back up. Padding is TensorFlow's SAME; the third convolution
   * has none along a side that is no multiple of 8, when its input has the room. First weights of
   * the three convolutions U(-0.05, 0.05), the others Glorot uniform, biases 0. */
  DC_AUTOENCODER_CONVOLUTIONAL,
  /* DEKM's for vectors: D-500-500-2000-width and back, ReLU within; all weights U(-0.05, 0.05),
   * biases 0. */
  DC_AUTOENCODER_DENSE,
  /* AE-CM's (Boubekki et al. 2021): the same widths, leaky ReLU of slope 0.2 within; weights Glorot
   * uniform, biases truncated normal. */
  DC_AUTOENCODER_DENSE_LEAKY
} DcAutoencoderKind;

typedef struct {
  DcNetwork *encoder; /* image -> 1 x 1 x width, linear */
  DcNetwork *decoder; /* 1 x 1 x width -> image, linear */
} DcAutoencoder;

/* Builds both for samples of shape `sample` (images channels last, usually in [0, 1]) and a code of
 * `width` numbers, with first weights by `seed`. On failure *autoencoder is empty. */
DcStatus dc_autoencoder_init(DcAutoencoder *autoencoder, DcAutoencoderKind kind, DcShape sample,
                             int width, uint64_t seed, DcError *error);
/* Moves the code: where the encoder gave z it gives (z - mean) scale, and the decoder takes that
 * for what it gave back for z, but for rounding. `mean` holds as many numbers as the code; `scale`
 * > 0, finite. */
void dc_autoencoder_move_code(DcAutoencoder *autoencoder, const double *mean, double scale);

/* Frees both networks; an empty one is accepted. To keep the encoder, set it to NULL first. */
void dc_autoencoder_clear(DcAutoencoder *autoencoder);

#endif
