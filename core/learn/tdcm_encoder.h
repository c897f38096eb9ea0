/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_TDCM_ENCODER_H
#define DC_LEARN_TDCM_ENCODER_H

#include "learn/reconstruction.h"

/* The setting that says what makes the codes of samples, and its values; further ones are those of
 * DC_AUTOENCODER_SETTING from 1 on. */
enum { DC_TDCM_NETWORK_AUTO, DC_TDCM_NETWORK_IDENTITY };
#define DC_TDCM_NETWORK_SETTING                                                                    \
  {                                                                                                \
    "network",                                                                                     \
        "autoencoder; identity takes samples as they are; auto: identity for vectors of up to 64 " \
        "numbers, else conv for pictures and dense for vectors",                                   \
        DC_TDCM_NETWORK_AUTO, 0, 0, true, (const char *const[])                                    \
    {                                                                                              \
      "auto", "identity", "conv", "dense", "dense-leaky", NULL                                     \
    }                                                                                              \
  }

/* What makes the codes that TDCM clusters: an autoencoder, which a stage of its own trains, or a
 * network that takes samples as they are. */
typedef struct {
  DcNetwork *identity; /* in place of an autoencoder; NULL: there is one */
  DcAutoencoder autoencoder;
  DcReconstruction *reconstruction; /* its stage */
  size_t width;                     /* d */
  float *codes;                     /* N x d, while the encoder stays as it is */
  uint64_t codes_of;                /* revision of the encoder that made them */
  bool have_codes;
} DcTdcmEncoder;

typedef struct {
  int network;    /* a value of the setting */
  int width;      /* of an autoencoder's codes, and of its stage: */
  int64_t epochs; /* >= 0 */
  size_t batch;
  double learning_rate; /* of Adam */
} DcTdcmEncoderOptions;

/* For the data of `learner`, with first weights. DC_ERROR_ARGUMENT for samples too wide to be taken
 * as they are, or weights to start from where there are none; DC_ERROR_MEMORY, and what an
 * autoencoder refuses. Clear with dc_tdcm_encoder_clear(), also after a failure. */
DcStatus dc_tdcm_encoder_init(DcTdcmEncoder *encoder, const DcLearner *learner,
                              const DcTdcmEncoderOptions *options, DcError *error);
void dc_tdcm_encoder_clear(DcTdcmEncoder *encoder);

/* Sample -> code. */
DcNetwork *dc_tdcm_encoder_network(const DcTdcmEncoder *encoder);

/* Brings encoder->codes up to date, when the network may have changed (a restored one has). */
DcStatus dc_tdcm_encoder_need_codes(DcTdcmEncoder *encoder, const DcLearner *learner,
                                    DcError *error);

/* The networks and the stage of an autoencoder. */
void dc_tdcm_encoder_list_state(DcTdcmEncoder *encoder, DcStateList *list);

#endif
