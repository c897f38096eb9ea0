/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_NN_OPTIMISER_H
#define DC_NN_OPTIMISER_H

#include "base/state_list.h"
#include "base/status.h"
#include "nn/network.h"

/* First-order optimisers: the state of one, for a fixed number of parameters. Not thread-safe. */
typedef enum {
  DC_OPTIMISER_ADAM, /* Kingma and Ba 2015, with epsilon outside the bias correction as in Keras:
                        w -= rate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon) */
  DC_OPTIMISER_SGD   /* v = momentum * v + g; w -= rate * v */
} DcOptimiserKind;

typedef struct {
  DcOptimiserKind kind;
  double learning_rate;         /* > 0 */
  double beta1, beta2, epsilon; /* ADAM */
  double momentum;              /* SGD, 0 <= momentum < 1 */
  double weight_decay;          /* SGD: g += decay * w (L2); ADAM: w -= rate * decay * w (AdamW) */
} DcOptimiserOptions;

/* Adam with the defaults of Keras: 0.9, 0.999, 1e-7; no weight decay. */
DcOptimiserOptions dc_optimiser_adam(double learning_rate);
DcOptimiserOptions dc_optimiser_sgd(double learning_rate, double momentum);

/* A piece of what is optimised: `count` parameters at `values`. */
typedef struct {
  float *values;
  size_t count;
} DcParameters;

typedef struct DcOptimiser DcOptimiser;

/* For `count` parameters in all. DC_ERROR_ARGUMENT for options out of range, DC_ERROR_MEMORY. Free
 * with dc_optimiser_free(). */
DcStatus dc_optimiser_new(const DcOptimiserOptions *options, size_t count, DcOptimiser **optimiser,
                          DcError *error);
void dc_optimiser_free(DcOptimiser *optimiser);

/* Changes the rate of the steps to come, for schedules; >= 0. */
void dc_optimiser_set_rate(DcOptimiser *optimiser, double learning_rate);

/* One step along `gradient`, whose numbers belong to the pieces one after the other; together they
 * have the `count` of dc_optimiser_new(). Allocates nothing. */
void dc_optimiser_step(DcOptimiser *optimiser, const DcParameters *pieces, size_t piece_count,
                       const float *gradient);

/* Lists what steps change: the moments and the count of steps. Restored into an optimiser of the
 * same options and count, it goes on to the same bytes; the rate is for its user to set. */
void dc_optimiser_list_state(DcOptimiser *optimiser, const char *prefix, DcStateList *list);

#endif
