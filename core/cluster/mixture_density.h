/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_MIXTURE_DENSITY_H
#define DC_CLUSTER_MIXTURE_DENSITY_H

#include "base/arena.h"
#include "cluster/mixture.h"

/* The log-densities of a mixture of Gaussians, a block of samples at a time and as matrix products
 * where several clusters share a metric: within the fit of a mixture and its use.
 *
 * Samples and means are taken relative to an origin near both, so that an offset common to all of
 * them costs no digits. Covariances are taken as their Cholesky factors, Sigma = L L^T, and
 * x -> L^-1 x makes them the identity. */

#define DC_MIXTURE_BLOCK                                                                           \
  256 /* samples at once: a few hundred kilobytes for a few hundred numbers */

typedef struct {
  DcCovariance covariance;
  size_t clusters, dim;
  DcArena arena;
  double *origin;     /* d */
  double *centres;    /* K x d: the means relative to the origin; tied: L^-1 times that */
  double *norms;      /* K: squared, of the centres; spherical and tied only */
  double *factors;    /* L as the lower triangle; tied: d x d, full: K x d x d */
  double *precisions; /* K: 1 / variance; 1 unless spherical */
  double *constants;  /* K: log-density at the mean, with the weight */
  double *samples;    /* block x d: the samples relative to the origin */
  double *offsets;    /* block x d: whatever is made of them for one cluster */
  double *scores;     /* block x K */
} DcMixtureDensity;

/* Numbers in the covariances of a mixture; false when they do not fit in memory. */
bool dc_mixture_covariance_size(DcCovariance covariance, size_t clusters, size_t dim, size_t *size);

/* Reserves memory; the origin is zero, to be set before anything else. False when memory is short.
 * Clear with dc_mixture_density_clear(), also after a failure. */
bool dc_mixture_density_init(DcMixtureDensity *density, DcCovariance covariance, size_t clusters,
                             size_t dim);
void dc_mixture_density_clear(DcMixtureDensity *density);

/* Takes `mixture`, of the shape that the density was made for. DC_ERROR_ARGUMENT when a covariance
 * is singular. */
DcStatus dc_mixture_density_aim(DcMixtureDensity *density, const DcMixture *mixture,
                                DcError *error);

/* Brings up to DC_MIXTURE_BLOCK samples into density->samples. */
void dc_mixture_density_load(DcMixtureDensity *density, const DcMatrix *samples);

/* density->scores becomes log(weight_k N(x_i; mean_k, Sigma_k)) for the first `count` samples
 * loaded. */
void dc_mixture_density_score(DcMixtureDensity *density, size_t count);

/* Turns a row of K scores into responsibilities and returns the logarithm of the density. Those
 * too small to change a sum of 1 become 0. */
double dc_mixture_responsibilities(double *scores, size_t clusters);

/* x -> x - centre_k for the first `count` samples, into density->offsets. Not for tied. */
void dc_mixture_density_offsets(DcMixtureDensity *density, size_t cluster, size_t count);

#endif
