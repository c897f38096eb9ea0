/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_CLUSTERING_MODULE_H
#define DC_CLUSTER_CLUSTERING_MODULE_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>

/* The clustering module of Boubekki, Kampffmeyer, Brefeld, Jenssen 2021 ("Joint optimization of an
 * autoencoder for clustering and embedding", Machine Learning 110): an autoencoder with one hidden
 * layer, whose loss is that of an isotropic Gaussian mixture with a Dirichlet prior on the weights.
 *
 * Of a batch Z (B x p), with V (p x K), b (K), Wm (K x p), c (p):
 *
 *   Gam = softmax of the rows of Z V + b    assignment, B x K
 *   U   = Wm + 1 c^T                        centroids, K x p
 *   R   = Z - Gam U, gbar = column means of Gam
 *
 * Alone, on given vectors, the loss is E1 + E2 + E3 + E4, sums over the batch:
 *   E1 = sum_i |r_i|^2
 *   E2 = sum_k |u_k|^2 sum_i gam_ik (1 - gam_ik)
 *   E3 = - sum_{k != l} (Gam^T Gam)_kl (U U^T)_kl
 *   E4 = sum_k (1 - alpha_k) log(gbar_k + 1e-10), alpha and gbar sorted before they are paired
 * where E1 + E2 + E3 = sum_ik gam_ik |z_i - u_k|^2 exactly, of which the gradient is taken.
 *
 * Joined to an autoencoder, whose code Z is, the centroids are held orthonormal instead, which
 * makes E3 vanish and the norms in E2 one: E1 + E2' + lambda EO + E4, with
 *   E2' = sum_ik gam_ik (1 - gam_ik)
 *   EO  = sum_kl |(U U^T - I)_kl|, or the sum of its squares. */

typedef enum {
  DC_CLUSTERING_ALONE,
  DC_CLUSTERING_ABSOLUTE, /* joined, EO from absolute values, as in the paper's program */
  DC_CLUSTERING_SQUARED   /* joined, EO from squares */
} DcClusteringLoss;

typedef struct {
  size_t clusters;  /* K >= 1 */
  size_t width;     /* p; at least K for a joined loss, as K orthonormal rows need K columns */
  size_t max_batch; /* >= 1 */
  DcClusteringLoss loss;
  double alpha;         /* > 0: above 1 rewards clusters of equal size, 1 leaves E4 out */
  const double *alphas; /* K of them instead of `alpha`; NULL: all `alpha`. Copied */
  double lambda;        /* >= 0; joined losses */
  bool normalised;      /* joined losses: (E1 + E2') / (B p), as in the authors' later example */
  bool biases;          /* false: b and c have no gradient, and so stay as they are */
} DcClusteringOptions;

/* The parameters of the module, or their gradient; dense, not owned. */
typedef struct {
  float *v; /* p x K */
  float *b; /* K */
  float *w; /* K x p: Wm */
  float *c; /* p */
} DcClusteringWeights;

/* Of one batch: sums over its samples, not yet divided or weighed. */
typedef struct {
  double reconstruction; /* E1 */
  double sparsity;       /* E2 or E2' */
  double merging;        /* E3; 0 for a joined loss, which has none */
  double orthonormality; /* EO; 0 for the module alone */
  double prior;          /* E4 */
  double total;          /* the loss: what the gradient is of */
} DcClusteringTerms;

/* Scratch for batches of up to max_batch samples; one thread at a time. */
typedef struct DcClusteringModule DcClusteringModule;

/* DC_ERROR_ARGUMENT for options out of range (p < K for a joined loss among them),
 * DC_ERROR_MEMORY. Free with dc_clustering_module_free(); NULL is ignored. */
DcStatus dc_clustering_module_new(const DcClusteringOptions *options, DcClusteringModule **module,
                                  DcError *error);
void dc_clustering_module_free(DcClusteringModule *module);

/* Loss and gradient of `batch` (B x p, 1 <= B <= max_batch). `gradient` is overwritten, and so is
 * `batch_gradient` (B x p; NULL: not wanted). Where numbers are not finite, total is not. Sums over
 * samples are in double, products in single precision. Allocates nothing. */
void dc_clustering_module_run(DcClusteringModule *module, const DcClusteringWeights *weights,
                              const DcMatrix *batch, DcClusteringTerms *terms,
                              const DcClusteringWeights *gradient, const DcMatrix *batch_gradient);

/* The same by plain loops in double, for finite differences; for tests. Parameters and their
 * gradient stand one after the other: V, b, Wm, c. `batch` and `batch_gradient` are dense,
 * `samples` x p. Allocates; false when memory is short. */
bool dc_clustering_module_reference(const DcClusteringOptions *options, const double *weights,
                                    const double *batch, size_t samples, DcClusteringTerms *terms,
                                    double *gradient, double *batch_gradient);

/* U (K x p) of `weights`. */
void dc_clustering_centroids(const DcClusteringWeights *weights, const DcMatrix *centroids);

/* Starts the module from `centroids` (K x p): Wm = centroids, c = 0, V = their pseudo-inverse, b =
 * 0. Singular values below 10 max(K, p) 2^-23 of the largest count as 0. DC_ERROR_NOT_FINITE for
 * centroids that are not, DC_ERROR_MEMORY. Allocates. */
DcStatus dc_clustering_start(const DcMatrix *centroids, const DcClusteringWeights *weights,
                             DcError *error);

/* Starts the module as the mixture with `centroids` (K x p), equal weights and `variance` in each
 * dimension, of which Gam then is the posterior: Wm = centroids, c = 0, V = U^T / variance, b_k =
 * -|u_k|^2 / (2 variance). A variance so small that the squares of the centroids' lengths are its
 * 2^23-fold counts as that: of equal samples it is rounding, or 0. DC_ERROR_NOT_FINITE for
 * centroids or a variance that are not. */
DcStatus dc_clustering_start_as_mixture(const DcMatrix *centroids, double variance,
                                        const DcClusteringWeights *weights, DcError *error);

#endif
