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

/* What is averaged where that is not what is scored: Z and C in M and in the last line above. They
 * are summed as they are: centre them where they share an offset. */
typedef struct {
  DcMatrix samples;   /* N x d */
  DcMatrix centroids; /* K x d */
} DcAttentionValues;

typedef struct {
  const float *metric; /* W, d x d, symmetric; NULL: I / temperature */
  float temperature;   /* > 0; used when metric is NULL */
  const float *bias;   /* K, added to the scores; NULL: none */
  double epsilon; /* >= 0; keeps an empty cluster where it is; 1e-6 is customary. With 0 a cluster
                     without any mass stays too. */
  const DcAttentionValues *values; /* NULL: the samples and centroids that are scored */
} DcAttentionOptions;

/* Scratch for K x d centroids, samples streamed in chunks; one thread at a time. */
typedef struct DcAttention DcAttention;

/* NULL when memory is short, or K or d is 0. Free with dc_attention_free(); NULL is ignored. */
DcAttention *dc_attention_new(size_t clusters, size_t dim);
void dc_attention_free(DcAttention *attention);

/* One block: reads `samples` (N x d, N may be 0), `weights` (N numbers >= 0, NULL: 1) and
 * `centroids`, writes `updated` (K x d; may be the same memory as `centroids`, or as those of the
 * values) and `mass` (K, the n above; may be NULL). Sums are exact to single precision within a
 * chunk and in double across chunks; nothing is lost to an offset common to samples and centroids.
 *
 * DC_ERROR_SHAPE, DC_ERROR_ARGUMENT for an option or weight out of range, DC_ERROR_NOT_FINITE when
 * NaN or infinity in the data, or overflow in the scores, leaves no finite result; nothing is
 * written then. Allocates nothing. */
DcStatus dc_attention_update(DcAttention *attention, const DcAttentionOptions *options,
                             const DcMatrix *samples, const float *weights,
                             const DcMatrix *centroids, const DcMatrix *updated, double *mass);

/* The assignment weights A (N x K) for given centroids. A sample that is not finite gets a row of
 * NaN. DC_ERROR_SHAPE, DC_ERROR_ARGUMENT. Allocates nothing. */
DcStatus dc_attention_weights(DcAttention *attention, const DcAttentionOptions *options,
                              const DcMatrix *samples, const DcMatrix *centroids,
                              const DcMatrix *assignment);

/* dc_attention_update by plain loops in double, for valid arguments; for tests. Allocates. */
DcStatus dc_attention_update_reference(const DcAttentionOptions *options, const DcMatrix *samples,
                                       const float *weights, const DcMatrix *centroids,
                                       const DcMatrix *updated, double *mass);

#endif
