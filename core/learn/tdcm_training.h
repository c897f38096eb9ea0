/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_TDCM_TRAINING_H
#define DC_LEARN_TDCM_TRAINING_H

#include "base/state_list.h"
#include "cluster/tdcm_pass.h"

/* An attention module while it is learnt: what Adam changes are its parameters, which the module is
 * given before each step. */
typedef struct DcTdcmTraining DcTdcmTraining;

typedef struct {
  DcTdcmModule *module;      /* must outlive the training */
  DcTdcmObjective objective; /* what is made small */
  size_t batch;              /* samples of a step, at most */
  size_t clusters;
  double learning_rate; /* of Adam, in the beginning */
} DcTdcmTrainingOptions;

/* DC_ERROR_MEMORY, DC_ERROR_ARGUMENT. Free with dc_tdcm_training_free(); NULL is ignored. */
DcStatus dc_tdcm_training_new(const DcTdcmTrainingOptions *options, DcTdcmTraining **training,
                              DcError *error);
void dc_tdcm_training_free(DcTdcmTraining *training);

/* The pass by which losses are found; belongs to the training. */
DcTdcmPass *dc_tdcm_training_pass(const DcTdcmTraining *training);

/* The parameters as they are now become the module's. To be called before a loss is found. */
void dc_tdcm_training_set_module(DcTdcmTraining *training);

/* The loss on rows[0 .. count - 1] of `codes`, which are of one domain, with `starts` starts; its
 * gradient is that of the next step. */
DcTdcmLoss dc_tdcm_training_find_loss(DcTdcmTraining *training, const float *codes,
                                      const uint32_t *rows, size_t count, uint32_t starts,
                                      DcRandom *random);

/* Where the gradient of the next step stands, for who finds the loss by the pass. */
double *dc_tdcm_training_gradient(const DcTdcmTraining *training);

/* One step of Adam at `rate` against the gradient. Allocates nothing. */
void dc_tdcm_training_step(DcTdcmTraining *training, double rate);

/* With a trainable encoder the likelihood has no bound: clusters shrink to points. From here on, no
 * cluster is narrower than 0.07 of the overall spread. */
void dc_tdcm_training_bound_narrowness(DcTdcmTraining *training);

/* Lists parameters and optimiser; and whether restored parameters are numbers. */
void dc_tdcm_training_list_state(const DcTdcmTraining *training, const char *prefix,
                                 DcStateList *list);
bool dc_tdcm_training_is_finite(const DcTdcmTraining *training);

#endif
