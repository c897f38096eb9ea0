/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SCATTER_H
#define DC_CLUSTER_SCATTER_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stdint.h>

/* The within-class scatter of a clustering and the greedy step of DEKM along its worst direction
 * (Guo, Lin, Ye 2021). `embeddings` is N x d, `centroids` K x d, `labels` N numbers below K. Any
 * thread. */

/* S_w = sum over i of (h_i - mu_i)(h_i - mu_i)^T with mu_i the centroid of sample i: `scatter` is
 * d x d, symmetric, not divided by N; its trace is the objective of k-means. Products are summed in
 * single precision over at most 1024 samples, and in double over these blocks. DC_ERROR_MEMORY;
 * allocates. */
DcStatus dc_within_scatter(const DcMatrix *embeddings, const DcMatrix *centroids,
                           const uint32_t *labels, double *scatter);

/* The sum over samples of the squared distance to their mean: the trace of the total scatter.
 * DC_ERROR_MEMORY; allocates. */
DcStatus dc_total_scatter(const DcMatrix *embeddings, double *trace);

/* The eigenvector of the largest eigenvalue of a symmetric `scatter` (d x d): the direction in
 * which clusters are least tight. `direction` (d) has unit length; `eigenvalue` receives the value.
 * Errors as dc_eigen_symmetric(). */
DcStatus dc_worst_direction(const double *scatter, size_t dim, double *direction,
                            double *eigenvalue);

/* The targets of DEKM's greedy step: every embedding with its part along `direction` (d, unit
 * length) replaced by that of its centroid,
 *
 *   t_i = h_i - ((h_i - mu_i) . v) v,
 *
 * which leaves all other directions alone. `targets` is N x d and may be `embeddings`. Equal to
 * rotating into the eigenvectors of S_w, replacing the last coordinate, and rotating back. */
void dc_greedy_targets(const DcMatrix *embeddings, const DcMatrix *centroids,
                       const uint32_t *labels, const double *direction, const DcMatrix *targets);

#endif
