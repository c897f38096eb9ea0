/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "learn/reconstruction.h"

#include "base/memory.h"
#include "nn/fit.h"
#include "nn/loader.h"

/* The sequence of the random numbers of a seed that the order of the samples is drawn from; that of
 * first weights is 0. */
#define SEQUENCE_ORDER 1

/* --- the autoencoder --- */

/* Where a network to start from differs from the one that the settings ask for. */
static DcStatus
check_layers(const DcNetwork *wanted, const DcNetwork *given, const char *name, DcError *error)
{
  const size_t count = dc_network_layer_count(wanted);
  bool same = dc_network_layer_count(given) == count;
  for (size_t i = 0; same && i < count; i++) {
    const DcLayer *a = dc_network_layer_const(wanted, i), *b = dc_network_layer_const(given, i);
    same = a->kind == b->kind && a->activation == b->activation &&
           a->weight_size == b->weight_size && dc_shape_size(a->output) == dc_shape_size(b->output);
  }
  if (same && dc_shape_size(dc_network_input(wanted)) == dc_shape_size(dc_network_input(given)))
    return DC_OK;
  return dc_error_set(
      error, DC_ERROR_MISMATCH,
      "the %s to start from has other layers than these settings and samples ask "
      "for: choose the network, width and size of pictures that it was trained with",
      name);
}

static DcStatus
take_first_weights(const DcLearner *learner, DcAutoencoder *autoencoder, DcError *error)
{
  DcStatus status = check_layers(autoencoder->encoder, learner->first_encoder, "encoder", error);
  if (!status)
    status = check_layers(autoencoder->decoder, learner->first_decoder, "decoder", error);
  if (status)
    return status;
  dc_autoencoder_clear(autoencoder);
  autoencoder->encoder = dc_network_copy(learner->first_encoder);
  autoencoder->decoder = dc_network_copy(learner->first_decoder);
  if (autoencoder->encoder && autoencoder->decoder)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_MEMORY, "no memory for an autoencoder");
}

DcStatus
dc_reconstruction_autoencoder(const DcLearner *learner, size_t choice, int width,
                              DcAutoencoder *autoencoder, DcError *error)
{
  const bool vectors = dc_dataset_is_vectors(&learner->data);
  DcAutoencoderKind kind = vectors ? DC_AUTOENCODER_DENSE : DC_AUTOENCODER_CONVOLUTIONAL;
  if (choice > 0)
    kind = (DcAutoencoderKind)(choice - 1);
  DcStatus status =
      dc_autoencoder_init(autoencoder, kind, learner->data.shape, width, learner->seed, error);
  if (!status && learner->first_encoder && learner->first_decoder)
    status = take_first_weights(learner, autoencoder, error);
  if (status)
    dc_autoencoder_clear(autoencoder);
  return status;
}

/* --- its training --- */

struct DcReconstruction {
  DcFit *fit;
  DcLoader *loader;
  uint32_t *all; /* 0 .. batch - 1: the fit takes every sample of what the loader gathered */
  int64_t epochs;
  double rate;
};

static DcStatus
plan_fit(DcReconstruction *made, const DcLearner *learner, const DcReconstructionOptions *options,
         DcError *error)
{
  DcNetwork *const networks[] = {options->autoencoder->encoder, options->autoencoder->decoder};
  const DcFitOptions fit = {.networks = networks,
                            .network_count = 2,
                            .loss = dc_loss_mean_squared_error,
                            .optimiser = options->optimiser,
                            .threads = learner->threads};
  return dc_fit_new(&fit, &made->fit, error);
}

static DcStatus
plan_batches(DcReconstruction *made, const DcLearner *learner, size_t batch, DcError *error)
{
  const DcDataset *data = &learner->data;
  const DcLoaderOptions loader = {.samples = data->values,
                                  .count = data->count,
                                  .size = dc_shape_size(data->shape),
                                  .batch = batch,
                                  .shuffle = true,
                                  .seed = learner->seed,
                                  .sequence = SEQUENCE_ORDER,
                                  .views = 1};
  made->all = DC_NEW(uint32_t, batch);
  if (!made->all)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory for batches of %zu samples", batch);
  for (size_t i = 0; i < batch; i++)
    made->all[i] = (uint32_t)i;
  return dc_loader_new(&loader, &made->loader, error);
}

DcStatus
dc_reconstruction_new(const DcLearner *learner, const DcReconstructionOptions *options,
                      DcReconstruction **reconstruction, DcError *error)
{
  *reconstruction = NULL;
  DcReconstruction *made = DC_NEW(DcReconstruction, 1);
  if (!made)
    return dc_error_set(error, DC_ERROR_MEMORY, "no memory to train an autoencoder");
  made->epochs = options->epochs;
  made->rate = options->optimiser.learning_rate;
  DcStatus status = plan_fit(made, learner, options, error);
  if (!status)
    status = plan_batches(made, learner, options->batch, error);
  if (status) {
    dc_reconstruction_free(made);
    return status;
  }
  *reconstruction = made;
  return DC_OK;
}

void
dc_reconstruction_free(DcReconstruction *reconstruction)
{
  if (!reconstruction)
    return;
  dc_loader_free(reconstruction->loader);
  dc_fit_free(reconstruction->fit);
  dc_free(reconstruction->all);
  dc_free(reconstruction);
}

void
dc_reconstruction_begin(const DcReconstruction *reconstruction, DcLearner *learner)
{
  dc_learner_begin_stage(learner, 0, reconstruction->epochs,
                         dc_loader_steps(reconstruction->loader));
}

DcStatus
dc_reconstruction_step(DcReconstruction *reconstruction, DcLearner *learner, DcError *error)
{
  const DcLearnPosition *at = &learner->at;
  const DcBatch *batch =
      dc_loader_batch(reconstruction->loader, (uint64_t)at->epoch, (size_t)at->step);
  double loss;
  DcStatus status = dc_fit_step(reconstruction->fit, batch->values, batch->values,
                                reconstruction->all, batch->count, &loss);
  if (status)
    return dc_error_set(
        error, status, "training diverged in step %llu of epoch %lld: lower the learning rate (%g)",
        (unsigned long long)at->step + 1, (long long)at->epoch + 1, reconstruction->rate);
  dc_learner_count_step(learner, loss, batch->count);
  return DC_OK;
}

DcStatus
dc_reconstruction_check(const DcReconstruction *reconstruction, const DcLearner *learner,
                        DcError *error)
{
  return dc_learner_check_stage(learner, reconstruction->epochs,
                                dc_loader_steps(reconstruction->loader), error);
}

void
dc_reconstruction_list_state(DcReconstruction *reconstruction, const char *prefix,
                             DcStateList *list)
{
  dc_fit_list_state(reconstruction->fit, prefix, list);
}
