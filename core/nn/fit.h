/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_FIT_H
#define DC_NN_FIT_H

#include "base/state_list.h"
#include "base/status.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/optimiser.h"

/* Training steps of networks that follow each other (an encoder and its decoder, say) on a loss
 * that is a sum over samples, by several threads: each takes its share of the batch forward and
 * back, a few samples at a time so that their activations stay in its cache; the gradients are
 * summed in the order of the threads, so that the result is the same for the same number of
 * threads. */
typedef struct DcFit DcFit;

typedef struct {
  DcNetwork *const *networks; /* the output of each fits the input of the next */
  size_t network_count;       /* 1 .. DC_FIT_MOST_NETWORKS */
  DcLoss loss;
  void *loss_data;
  DcOptimiserOptions optimiser;
  size_t threads; /* >= 1 */
} DcFitOptions;

#define DC_FIT_MOST_NETWORKS 4

/* The networks must outlive the fit and are only changed by it while it lives. DC_ERROR_SHAPE when
 * they do not fit each other, DC_ERROR_ARGUMENT, also for one with a BATCH_NORM (see nn/trainer.h),
 * DC_ERROR_MEMORY. Free with dc_fit_free(). */
DcStatus dc_fit_new(const DcFitOptions *options, DcFit **fit, DcError *error);
void dc_fit_free(DcFit *fit);

/* One optimiser step on the mean of the losses of `batch` >= 1 samples: row i of the batch is
 * sample rows[i] of `samples` (dense, the shape of the first network's input) and of `targets` (as
 * the loss wants them, as many floats a sample as the last network's output). `loss` receives the
 * mean before the step. DC_ERROR_NOT_FINITE when it is not a number: the networks are then as
 * before. Allocates nothing. */
DcStatus dc_fit_step(DcFit *fit, const float *samples, const float *targets, const uint32_t *rows,
                     size_t batch, double *loss);

/* Lists what steps change beside the networks: the state of the optimiser of network N under
 * "PREFIX.N" (`prefix` not NULL). With it and the networks' weights restored, a fit of the same
 * options goes on to the same bytes. */
void dc_fit_list_state(DcFit *fit, const char *prefix, DcStateList *list);

#endif
