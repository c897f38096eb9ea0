/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TDCM_METRICS_H
#define DC_CLUSTER_TDCM_METRICS_H

#include "base/random.h"
#include "base/status.h"
#include "cluster/mixture.h"
#include "cluster/tdcm.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* Blocks in which each cluster has a metric, and a share, of its own (our extension of TDCM; see
 * docs/methods/tdcm.md). The score of sample z for cluster j is
 *
 *   S_j = log w_j - 1/2 log det Sigma_j - 1/2 (z - m_j)^T Sigma_j^-1 (z - m_j)
 *
 * and A = softmax of S over the clusters, n = A^T 1. A block makes the weights, means and
 * covariances anew from the samples:
 *
 *   w_j = n_j / N,   m_j = sum_i A_ij z_i / n_j,   T_j = sum_i A_ij (z_i - m_j) (z_i - m_j)^T
 *   Sigma_j = (T_j + v T) / (n_j + v N) + ridge I,   T = sum_j T_j,   v = shrinkage / K
 *
 * which is a step of expectation maximisation (cluster/mixture.h) with covariances that are drawn
 * towards their common mean. S is linear in the products of the coordinates of z, so that a block
 * is two matrix products over these. */

typedef struct {
  double shrinkage; /* pseudo-samples of the common covariance, in mean cluster sizes; >= 0 */
  double tolerance; /* stop when the mean log-density of a sample rises by less, in nats */
  uint32_t blocks;  /* at most so many */
} DcTdcmMetricsOptions;

/* 0.1, 1e-3, 60 */
DcTdcmMetricsOptions dc_tdcm_metrics_options(void);

/* Runs the blocks over `samples` (N x d, N >= 1, standardised: about the origin, with a variance of
 * about 1) from `clusters` (with a covariance each) and leaves the result there. A cluster that no
 * sample belongs to keeps its place and gets the weight 0. `log_density` (may be NULL) becomes the
 * mean over the samples, without the constant -d/2 log 2 pi, under what the last block started
 * from.
 *
 * DC_ERROR_NOT_FINITE for NaN or infinity in a sample or a result, DC_ERROR_ARGUMENT for a singular
 * covariance, DC_ERROR_MEMORY; the message is left to the caller. Any thread. */
DcStatus dc_tdcm_metrics_run(const DcTdcmMetricsOptions *options, const DcMatrix *samples,
                             DcMixture *clusters, double *log_density);

/* One block as it is defined above, by plain loops; for tests. */
DcStatus dc_tdcm_metrics_block_reference(const DcTdcmMetricsOptions *options,
                                         const DcMatrix *samples, DcMixture *clusters,
                                         double *log_density);

/* The largest score of each sample: `labels` (N, may be NULL; ties to the smallest index), and the
 * mean log-density as above. Errors as above. */
DcStatus dc_tdcm_metrics_assign(const DcMixture *clusters, const DcMatrix *samples,
                                uint32_t *labels, double *log_density);

#endif
