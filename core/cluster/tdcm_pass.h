/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TDCM_PASS_H
#define DC_CLUSTER_TDCM_PASS_H

#include "cluster/tdcm.h"

/* One step of training an attention module: a batch of one domain forward through all blocks to a
 * loss, and the gradient of the loss back to the module and the batch. In double; a pass allocates
 * nothing. The loss is our reading of TDCM (see cluster/tdcm.h):
 *
 *   loss = criterion + beta * L_bal,   L_bal = sum_j p_j log p_j  with p the column mean of P,
 *
 * where P are the assignment probabilities for the centroids after the last block. */
typedef enum {
  DC_TDCM_LIKELIHOOD, /* L_nll = -1/N sum_i log sum_j exp S_ij + 1/N sum_i |y_i|^2 - log |dy/dz|,
                         the last averaged over the samples: -sum_k log G_kk, and for NONLINEAR
                         + 1/N sum_ik log cosh y_ik. With log K + d/2 log pi the mean negative
                         log-likelihood of a mixture that is normal, with covariance I / 2 and means
                         e_j, in the features (except for BILINEAR, which has no such meaning) */
  DC_TDCM_COMPACTNESS /* 1 / (N d) sum_ij P_ij |z_i - c_j|^2, whatever the score */
} DcTdcmCriterion;

typedef struct {
  DcTdcmCriterion criterion;
  double balance; /* beta */
} DcTdcmObjective;

typedef struct {
  double loss, criterion, balance; /* loss = criterion + beta * balance */
} DcTdcmLoss;

typedef struct DcTdcmPass DcTdcmPass;

/* For batches of up to `max_samples` samples and K clusters. `module` must outlive the pass, and
 * keep its dimension, score and number of blocks; its numbers may change between passes. NULL when
 * memory is short or a size is 0. One thread at a time. Free with dc_tdcm_pass_free(). */
DcTdcmPass *dc_tdcm_pass_new(const DcTdcmModule *module, const DcTdcmObjective *objective,
                             size_t max_samples, size_t clusters);
void dc_tdcm_pass_free(DcTdcmPass *pass);

/* Where the caller writes a batch (N x d) before dc_tdcm_pass_take(). */
double *dc_tdcm_pass_samples(DcTdcmPass *pass);

/* The first `count` (1 .. max_samples) samples are the batch; with `standardise`, they are replaced
 * by Z = (Z0 - column means) / s, where s^2 is the mean of (Z0 - means)^2 (equal samples: Z = 0).
 * Gradients are those of Z0. */
void dc_tdcm_pass_take(DcTdcmPass *pass, size_t count, bool standardise);

/* Forward from the centroids `first` (K x d, in the units of Z). */
DcTdcmLoss dc_tdcm_pass_run(DcTdcmPass *pass, const double *first);

/* Forward from each of `starts` (>= 1) draws of K samples by k-means++ in the features; keeps the
 * one with the smallest finite loss. The loss is not finite when none is. */
DcTdcmLoss dc_tdcm_pass_search(DcTdcmPass *pass, uint32_t starts, DcRandom *random);

/* After block `block` (0: the first ones .. L) of the run that was kept: K x d, in the units of
 * Z. */
const double *dc_tdcm_pass_centroids(const DcTdcmPass *pass, size_t block);

/* P of the run that was kept, N x K. */
const double *dc_tdcm_pass_assignment(const DcTdcmPass *pass);

/* The gradient of the loss of the run that was kept, the first centroids taken as constant:
 * `gradient` receives dc_tdcm_parameter_count() numbers in the order of the parameters,
 * `sample_gradient` (N x d, NULL: not wanted) that of the batch. */
void dc_tdcm_pass_backward(DcTdcmPass *pass, double *gradient, double *sample_gradient);

#endif
