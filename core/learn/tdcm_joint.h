/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_TDCM_JOINT_H
#define DC_LEARN_TDCM_JOINT_H

#include "base/state_list.h"
#include "cluster/tdcm_pass.h"
#include "nn/autoencoder.h"

/* Steps in which an autoencoder learns together with the attention module over its codes: the loss
 * of the module, whose gradient by the codes goes on through the encoder, plus lambda_r times the
 * mean squared error of reconstruction. */
typedef struct DcTdcmJoint DcTdcmJoint;

typedef struct {
  const DcAutoencoder *autoencoder; /* changed by every step; must outlive the joint */
  DcTdcmPass *pass;                 /* over its codes; must outlive the joint */
  size_t batch;                     /* samples of a step, at most; no more than the pass takes */
  double reconstruction;            /* lambda_r */
  double learning_rate;             /* of Adam, for the autoencoder */
  size_t threads;                   /* that share a batch, >= 1 */
} DcTdcmJointOptions;

/* DC_ERROR_MEMORY, DC_ERROR_ARGUMENT. Free with dc_tdcm_joint_free(); NULL is ignored. */
DcStatus dc_tdcm_joint_new(const DcTdcmJointOptions *options, DcTdcmJoint **joint, DcError *error);
void dc_tdcm_joint_free(DcTdcmJoint *joint);

/* One step of the autoencoder on samples rows[0 .. count - 1] (1 .. batch) of `samples`, which are
 * of one domain, with `starts` starts of the module. The module stays as it is: `gradient` receives
 * that of its parameters. `loss` of the result is the whole loss; when it is not finite nothing was
 * changed. Allocates nothing. */
DcTdcmLoss dc_tdcm_joint_step(DcTdcmJoint *joint, const float *samples, const uint32_t *rows,
                              size_t count, uint32_t starts, DcRandom *random, double *gradient);

/* Lists the state of the optimisers; the networks are their owner's to list. */
void dc_tdcm_joint_list_state(DcTdcmJoint *joint, const char *prefix, DcStateList *list);

#endif
