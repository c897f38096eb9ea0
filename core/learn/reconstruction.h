/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_RECONSTRUCTION_H
#define DC_LEARN_RECONSTRUCTION_H

#include "learn/learner.h"
#include "nn/autoencoder.h"
#include "nn/optimiser.h"

/* The stage that most methods begin with: an autoencoder learns to give back what it is shown, the
 * mean over the numbers of a sample of the squared error, in shuffled mini-batches. */
typedef struct DcReconstruction DcReconstruction;

typedef struct {
  DcAutoencoder *autoencoder; /* changed by every step; must outlive the stage */
  int64_t epochs;             /* >= 0 */
  size_t batch;
  DcOptimiserOptions optimiser;
} DcReconstructionOptions;

/* The setting with which a method lets the user choose the autoencoder, and its values. */
#define DC_AUTOENCODER_SETTING                                                                     \
  {                                                                                                \
    "network", "autoencoder: conv for pictures, dense; auto takes conv where it can", 0, 0, 0,     \
        true, (const char *const[])                                                                \
    {                                                                                              \
      "auto", "conv", "dense", "dense-leaky", NULL                                                 \
    }                                                                                              \
  }

/* The autoencoder that `choice`, a value of that setting, means for the data of `learner`: with
 * first weights, or with copies of the ones that the learner was told to start from. Clear with
 * dc_autoencoder_clear(); empty on failure. */
DcStatus dc_reconstruction_autoencoder(const DcLearner *learner, size_t choice, int width,
                                       DcAutoencoder *autoencoder, DcError *error);

/* For the data, seed and threads of `learner`. Free with dc_reconstruction_free(). */
DcStatus dc_reconstruction_new(const DcLearner *learner, const DcReconstructionOptions *options,
                               DcReconstruction **reconstruction, DcError *error);
void dc_reconstruction_free(DcReconstruction *reconstruction);

/* Begins the stage, which is the first of its method. */
void dc_reconstruction_begin(const DcReconstruction *reconstruction, DcLearner *learner);

/* The step that learner->at stands at, counted in learner->at. The stage has ended when at.epoch
 * has reached at.epochs. DC_ERROR_NOT_FINITE when it diverges. */
DcStatus dc_reconstruction_step(DcReconstruction *reconstruction, DcLearner *learner,
                                DcError *error);

/* Whether a restored learner->at stands somewhere in this stage. DC_ERROR_FORMAT. */
DcStatus dc_reconstruction_check(const DcReconstruction *reconstruction, const DcLearner *learner,
                                 DcError *error);

/* The optimiser's state; the networks' weights are their owner's to list. */
void dc_reconstruction_list_state(DcReconstruction *reconstruction, const char *prefix,
                                  DcStateList *list);

#endif
