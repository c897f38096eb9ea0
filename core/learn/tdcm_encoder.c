/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/tdcm_encoder.h"

#include "base/memory.h"
#include "cluster/tdcm.h"
#include "nn/encode.h"

/* Vectors of up to so many numbers are clustered as they are, unless the user chooses a network. */
#define NARROW 64

/* Samples as they are: a reshaping, where they are pictures, and a factor of 1 for each number. */
static DcStatus
make_identity(const DcLearner *learner, DcNetwork **identity, DcError *error)
{
  const size_t size = dc_shape_size(learner->data.shape);
  if (learner->first_encoder)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "tdcm: the network is identity, which has no weights to start from");
  if (size > DC_TDCM_MOST_DIM)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "tdcm: samples of %zu numbers are too wide to be taken as they are, %d is "
                        "the most: choose another network",
                        size, DC_TDCM_MOST_DIM);
  *identity = dc_network_new(learner->data.shape);
  if (!*identity)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for a network");
  const DcLayer reshape = {.kind = DC_LAYER_RESHAPE, .output = {1, 1, (int)size}};
  const DcLayer affine = {.kind = DC_LAYER_AFFINE};
  DcStatus status = DC_OK;
  if (!dc_dataset_is_vectors(&learner->data))
    status = dc_network_add(*identity, &reshape, error);
  if (!status)
    status = dc_network_add(*identity, &affine, error);
  if (status)
    return status;
  DcLayer *layer = dc_network_layer(*identity, dc_network_layer_count(*identity) - 1);
  for (size_t i = 0; i < layer->weight_size; i++)
    layer->weight[i] = 1;
  return DC_OK;
}

static bool
wants_identity(const DcLearner *learner, int network)
{
  return network == DC_TDCM_NETWORK_IDENTITY ||
         (network == DC_TDCM_NETWORK_AUTO && !learner->first_encoder &&
          dc_dataset_is_vectors(&learner->data) && dc_shape_size(learner->data.shape) <= NARROW);
}

static DcStatus
start_autoencoder(DcTdcmEncoder *encoder, const DcLearner *learner,
                  const DcTdcmEncoderOptions *options, DcError *error)
{
  /* Without identity the words are those of DC_AUTOENCODER_SETTING. */
  const size_t network = (size_t)options->network, choice = network ? network - 1 : 0;
  DcStatus status =
      dc_reconstruction_autoencoder(learner, choice, options->width, &encoder->autoencoder, error);
  if (status)
    return status;
  const DcReconstructionOptions stage = {.autoencoder = &encoder->autoencoder,
                                         .epochs = options->epochs,
                                         .batch = options->batch,
                                         .optimiser = dc_optimiser_adam(options->learning_rate)};
  return dc_reconstruction_new(learner, &stage, &encoder->reconstruction, error);
}

DcStatus
dc_tdcm_encoder_init(DcTdcmEncoder *encoder, const DcLearner *learner,
                     const DcTdcmEncoderOptions *options, DcError *error)
{
  *encoder = (DcTdcmEncoder){0};
  DcStatus status = wants_identity(learner, options->network)
                        ? make_identity(learner, &encoder->identity, error)
                        : start_autoencoder(encoder, learner, options, error);
  if (status)
    return status;
  encoder->width = dc_shape_size(dc_network_output(dc_tdcm_encoder_network(encoder)));
  encoder->codes = dc_alloc(learner->data.count, encoder->width * sizeof(float));
  return encoder->codes
             ? DC_OK
             : dc_error_set(error, DC_ERROR_MEMORY, "no memory for %zu embeddings of %zu numbers",
                            learner->data.count, encoder->width);
}

void
dc_tdcm_encoder_clear(DcTdcmEncoder *encoder)
{
  dc_reconstruction_free(encoder->reconstruction);
  dc_autoencoder_clear(&encoder->autoencoder);
  dc_network_free(encoder->identity);
  dc_free(encoder->codes);
}

DcNetwork *
dc_tdcm_encoder_network(const DcTdcmEncoder *encoder)
{
  return encoder->identity ? encoder->identity : encoder->autoencoder.encoder;
}

DcStatus
dc_tdcm_encoder_need_codes(DcTdcmEncoder *encoder, const DcLearner *learner, DcError *error)
{
  const DcNetwork *network = dc_tdcm_encoder_network(encoder);
  const uint64_t revision = dc_network_revision(network);
  if (encoder->have_codes && encoder->codes_of == revision)
    return DC_OK;
  encoder->have_codes = false;
  DcStatus status = dc_encode(network, learner->data.values, learner->data.count, learner->threads,
                              encoder->codes, error);
  encoder->have_codes = !status;
  encoder->codes_of = revision;
  return status;
}

void
dc_tdcm_encoder_list_state(DcTdcmEncoder *encoder, DcStateList *list)
{
  if (encoder->identity)
    return;
  dc_network_list_state(encoder->autoencoder.encoder, "encoder", list);
  dc_network_list_state(encoder->autoencoder.decoder, "decoder", list);
  dc_reconstruction_list_state(encoder->reconstruction, "autoencoder", list);
}
