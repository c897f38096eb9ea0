/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_ATTENTION_H
#define DC_CLUSTER_ATTENTION_H

#include "base/status.h"
#include "tensor/matrix.h"

/* The centroid update of TDCM (Zhang and Zhao 2023) in the form of docs/methods/tdcm.md, section
 * "One block": with T = C W,
 *   S_ij = 2 z_i.T_j - c_j.T_j + bias_j,   A = softmax over j,   n = A^T w,   M = A^T diag(w) Z,
 *   C'_j = (M_j + eps C_j) / (n_j + eps).
 * W = I / temperature reproduces soft k-means; temperature -> 0 one step of Lloyd; W = Sigma^-1 / 2
 * with bias log pi one EM step of a mixture with shared covariance. */
typedef struct {
  const float *metric; /* W, d x d, symmetric; NULL: I / temperature */
  float temperature;   /* > 0; used when metric is NULL */
  const float *bias;   /* K, added to the scores; NULL: none */
  double epsilon;      /* keeps an empty cluster where it is; 1e-6 is customary */
} DcAttentionOptions;

typedef struct DcAttention DcAttention;

/* Scratch for K x d centroids, samples streamed in chunks. Free with dc_attention_free(). */
DcAttention *dc_attention_new(size_t clusters, size_t dim);
void dc_attention_free(DcAttention *attention);

/* One block: reads `samples` (N x d), `weights` (N, NULL: 1) and `centroids`, writes `updated` (K x d;
 * may be the same memory as `centroids`) and `mass` (K, the n above; may be NULL). M and n are
 * summed in double. Allocates nothing. */
DcStatus dc_attention_update(DcAttention *attention, const DcAttentionOptions *options,
                             const DcMatrix *samples, const float *weights,
                             const DcMatrix *centroids, const DcMatrix *updated, double *mass);

/* The assignment weights A (N x K) for given centroids. */
DcStatus dc_attention_weights(DcAttention *attention, const DcAttentionOptions *options,
                              const DcMatrix *samples, const DcMatrix *centroids,
                              const DcMatrix *assignment);

/* dc_attention_update by plain loops in double; for tests. Allocates. */
DcStatus dc_attention_update_reference(const DcAttentionOptions *options, const DcMatrix *samples,
                                       const float *weights, const DcMatrix *centroids,
                                       const DcMatrix *updated, double *mass);

#endif
