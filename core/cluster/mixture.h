/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_MIXTURE_H
#define DC_CLUSTER_MIXTURE_H

#include "base/random.h"
#include "base/status.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stdint.h>

/* Mixtures of Gaussians, fitted by expectation maximisation (Dempster, Laird and Rubin 1977; Bishop
 * 2006, "Pattern Recognition and Machine Learning", section 9.2), in double throughout. */

typedef enum {
  DC_COVARIANCE_SPHERICAL, /* a variance for each cluster */
  DC_COVARIANCE_TIED,      /* one covariance for all clusters */
  DC_COVARIANCE_FULL       /* a covariance for each cluster */
} DcCovariance;

typedef struct DcMixture {
  DcCovariance covariance;
  size_t clusters, dim; /* K, d */
  double *weights;      /* K, >= 0, of sum 1; 0: a cluster without a sample */
  double *means;        /* K x d */
  double *covariances;  /* spherical: K variances; tied: d x d; full: K x d x d */
} DcMixture;

typedef struct {
  uint32_t clusters; /* K >= 1 */
  DcCovariance covariance;
  uint32_t restarts;       /* of the k-means that EM starts from; >= 1 */
  uint32_t max_iterations; /* of EM; >= 1 */
  double tolerance;      /* stop when the mean log-likelihood of a sample changes by less, in nats;
                            0: never before max_iterations */
  double regularisation; /* this share of the mean variance of the columns is added to the diagonal
                            of every covariance, so that none is singular; >= 0 */
} DcMixtureOptions;

/* What scikit-learn takes: 100 iterations, 1e-3, 1e-6; there the last is an absolute number
 * (reg_covar), here samples in another unit give the same clusters. The k-means has 10 restarts. */
DcMixtureOptions dc_mixture_options(uint32_t clusters, DcCovariance covariance);

typedef struct {
  double log_likelihood; /* mean over the samples, in nats, under the result */
  uint32_t iterations;
  bool converged; /* stopped by the tolerance */
} DcMixtureResult;

/* Fits a mixture to `samples` (N x d). The start is the clusters of k-means or, unless `start` (K x
 * d) is NULL, those of the nearest of the given centroids; `random` serves the k-means only. A
 * cluster that no sample belongs to keeps its place and gets the weight 0. `labels` (N, may be
 * NULL) receives the cluster of the largest responsibility; ties go to the smallest index.
 *
 * Without regularisation no iteration lowers the likelihood; with it, one may by an amount of its
 * order. Samples that are all equal are regularised as if their variance was 1.
 *
 * DC_ERROR_ARGUMENT when there are fewer samples than clusters, an option is out of range, or a
 * covariance is singular for want of regularisation; DC_ERROR_NOT_FINITE for NaN or infinity;
 * DC_ERROR_SHAPE, DC_ERROR_MEMORY; `*mixture` is then NULL. The same arguments give the same bytes.
 * Works in memory of its own whose size does not grow with N beyond that of dc_kmeans(). Any
 * thread. Free with dc_mixture_free(). */
DcStatus dc_mixture_fit(const DcMatrix *samples, const DcMixtureOptions *options, DcRandom *random,
                        const DcMatrix *start, DcMixture **mixture, uint32_t *labels,
                        DcMixtureResult *result, DcError *error);

/* The label of each sample, as above, and the logarithm of its density; both N, either may be NULL.
 * A row with NaN or infinity gets the label 0 and the density NaN. */
DcStatus dc_mixture_assign(const DcMixture *mixture, const DcMatrix *samples, uint32_t *labels,
                           double *log_densities, DcError *error);

/* A mixture of zeros to be filled; NULL when memory is short. */
DcMixture *dc_mixture_new(DcCovariance covariance, size_t clusters, size_t dim);
void dc_mixture_free(DcMixture *mixture); /* NULL is ignored */

/* The two steps as they are defined, by plain loops; for tests. `responsibilities` is N x K.
 * The first returns the mean log-likelihood. `ridge` is added to the diagonals. Allocate; abort
 * nothing: DC_ERROR_ARGUMENT for a singular covariance, DC_ERROR_MEMORY. */
DcStatus dc_mixture_expect_reference(const DcMixture *mixture, const DcMatrix *samples,
                                     double *responsibilities, double *log_likelihood);
void dc_mixture_maximise_reference(const DcMatrix *samples, const double *responsibilities,
                                   double ridge, DcMixture *mixture);

#endif
