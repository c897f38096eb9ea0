/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ae: an autoencoder, then k-means on its codes, or groups of them that need not be round. */
#include "learn/codes.h"
#include "learn/learner.h"
#include "learn/reconstruction.h"

/* The sequence of the random numbers of k-means. */
#define SEQUENCE_CLUSTERS 2
#define RESTARTS          10

enum { NETWORK, WIDTH, EPOCHS, BATCH, LEARNING_RATE, GROUPING };

static const DcLearnSetting settings[] = {
    [NETWORK] = DC_AUTOENCODER_SETTING,
    [WIDTH] = {"width", "numbers in an embedding", 10, 1, 4096, true, NULL},
    [EPOCHS] = {"epochs", "passes over the samples", 20, 1, 1e6, true, NULL},
    [BATCH] = {"batch", "samples in a step; few epochs learn more from 64", 256, 1, 1e6, true,
               NULL},
    [LEARNING_RATE] = {"learning-rate", "of Adam", 1e-3, 1e-9, 1, false, NULL},
    [GROUPING] = DC_GROUPING_SETTING,
};

typedef struct {
  DcLearner learner;
  DcAutoencoder autoencoder;
  DcReconstruction *reconstruction;
} Ae;

static DcStatus
start(DcLearner *learner, DcError *error)
{
  Ae *ae = (Ae *)learner;
  DcStatus status =
      dc_reconstruction_autoencoder(learner, (size_t)learner->settings[NETWORK],
                                    (int)learner->settings[WIDTH], &ae->autoencoder, error);
  if (status)
    return status;
  const DcReconstructionOptions options = {.autoencoder = &ae->autoencoder,
                                           .epochs = (int64_t)learner->settings[EPOCHS],
                                           .batch = (size_t)learner->settings[BATCH],
                                           .optimiser =
                                               dc_optimiser_adam(learner->settings[LEARNING_RATE])};
  status = dc_reconstruction_new(learner, &options, &ae->reconstruction, error);
  if (!status)
    dc_reconstruction_begin(ae->reconstruction, learner);
  return status;
}

static DcStatus
step(DcLearner *learner, DcError *error)
{
  Ae *ae = (Ae *)learner;
  DcLearnPosition *at = &learner->at;
  DcStatus status = dc_reconstruction_step(ae->reconstruction, learner, error);
  at->share = dc_learner_stage_share(learner);
  at->done = at->epoch == at->epochs;
  return status;
}

static void
list_state(DcLearner *learner, DcStateList *list)
{
  Ae *ae = (Ae *)learner;
  dc_network_list_state(ae->autoencoder.encoder, "encoder", list);
  dc_network_list_state(ae->autoencoder.decoder, "decoder", list);
  dc_reconstruction_list_state(ae->reconstruction, "autoencoder", list);
}

static DcStatus
check(const DcLearner *learner, DcError *error)
{
  return dc_reconstruction_check(((const Ae *)learner)->reconstruction, learner, error);
}

static DcStatus
finish(DcLearner *learner, DcLearned *learned, DcError *error)
{
  const Ae *ae = (const Ae *)learner;
  DcRandom random;
  dc_random_seed(&random, learner->seed, SEQUENCE_CLUSTERS);
  DcStatus status =
      dc_learned_copy_networks(ae->autoencoder.encoder, ae->autoencoder.decoder, learned, error);
  if (!status)
    status = dc_learner_cluster(learner, learned->encoder, RESTARTS, &random, learned, error);
  if (!status && learner->settings[GROUPING] == DC_GROUPING_CONSENSUS)
    status = dc_learner_regroup(learner, learned->encoder, learned, error);
  return status;
}

static void
clear(DcLearner *learner)
{
  Ae *ae = (Ae *)learner;
  dc_reconstruction_free(ae->reconstruction);
  dc_autoencoder_clear(&ae->autoencoder);
}

const DcLearnerClass dc_learner_ae = {
    .name = "ae",
    .summary = "autoencoder, then k-means on its codes",
    .settings = settings,
    .setting_count = sizeof settings / sizeof *settings,
    .stages = (const char *const[]){"autoencoder", NULL},
    .figures = (const char *const[]){NULL},
    .pictures = true,
    .vectors = true,
    .size = sizeof(Ae),
    .start = start,
    .step = step,
    .list_state = list_state,
    .check = check,
    .finish = finish,
    .clear = clear,
};
