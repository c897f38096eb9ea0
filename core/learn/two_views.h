/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_TWO_VIEWS_H
#define DC_LEARN_TWO_VIEWS_H

#include "base/state_list.h"
#include "base/status.h"
#include "nn/network.h"

/* Training steps of a network that sees every batch in two views and is given the gradients at its
 * outputs by somebody else. Each view goes through as a whole, as batch normalisation wants it, one
 * view in one thread; the gradients are summed in the order of the views, so that the result is the
 * same for any number of threads. One caller at a time; a step allocates nothing. */
typedef struct DcTwoViews DcTwoViews;

typedef struct {
  DcNetwork *network; /* changed by steps; must outlive this */
  size_t fixed;       /* that many of its first layers, which have weights, are not learnt */
  size_t most;        /* samples of a batch, >= 1 */
  size_t threads;     /* >= 1; more than 2 do not help */
  double momentum, weight_decay; /* of SGD, for all that is learnt */
} DcTwoViewsOptions;

/* DC_ERROR_ARGUMENT, DC_ERROR_MEMORY. Free with dc_two_views_free(). */
DcStatus dc_two_views_new(const DcTwoViewsOptions *options, DcTwoViews **views, DcError *error);
void dc_two_views_free(DcTwoViews *views);

/* Runs both views of `count` samples (1 .. most), which lie one after the other in `values`, and
 * moves the running statistics of batch normalisation by the first, then the second.
 * `outputs` receives where the outputs of each view are (count x output), until the next call.
 * `values` must stay until dc_two_views_step(). */
void dc_two_views_forward(DcTwoViews *views, const float *values, size_t count,
                          const float *outputs[2]);

/* One step of SGD at `rate` >= 0 against the gradients of a loss with respect to the outputs of the
 * last forward run. At a rate of 0 only the momentum changes. */
void dc_two_views_step(DcTwoViews *views, const float *const gradients[2], double rate);

/* The state of the optimiser; the weights are the network's to list. */
void dc_two_views_list_state(DcTwoViews *views, const char *prefix, DcStateList *list);

#endif
