/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TDCM_H
#define DC_CLUSTER_TDCM_H

#include "base/random.h"
#include "base/status.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The attention module of TDCM (Zhang and Zhao, "Transferable Deep Clustering Model", arXiv
 * 2310.04946, 2023): it makes the centroids of a set of embeddings in a forward pass, so that a
 * module that was trained on some domains is applied to others without training. The paper's
 * equations are not public: score, loss and start are OUR READING of what is, set out in
 * docs/methods/tdcm.md, and no figure made with them is a reproduction of the paper.
 *
 * Embeddings are standardised by the mean of each column and one scale, K of them drawn as first
 * centroids, and L blocks (cluster/attention.h) move these. The score of sample z for centroid c is
 * taken between their features y and e. */
typedef enum {
  DC_TDCM_QUADRATIC, /* features z G; S = 2 y.e - |e|^2: -(z - c)^T G G^T (z - c) but for a number
                        that does not depend on c */
  DC_TDCM_BILINEAR,  /* features z G; S = y.e */
  DC_TDCM_NONLINEAR, /* features asinh(z G + b); S as QUADRATIC */
  DC_TDCM_SCORES
} DcTdcmScore;

#define DC_TDCM_MOST_DIM    4096
#define DC_TDCM_MOST_BLOCKS 1000
#define DC_TDCM_MOST_SEEDS  1000

typedef struct DcTdcmModule {
  size_t dim; /* d, 1 .. DC_TDCM_MOST_DIM */
  DcTdcmScore score;
  bool shares; /* add log(K n_j / N) to the scores, from the mass n of the block before: clusters
                  of unequal size, as in EM with mixing weights */
  uint32_t blocks; /* L, 0 .. DC_TDCM_MOST_BLOCKS; more than in training may be used */
  uint32_t seeds;  /* R, starts at use, of which the best is kept; 1 .. DC_TDCM_MOST_SEEDS */
  double epsilon;  /* >= 0, finite: of the blocks */
  double *root;    /* G, d x d, lower triangular with a positive diagonal */
  double *shift;   /* b, d; NULL unless NONLINEAR */
} DcTdcmModule;

/* G = 2 I, b = 0, 4 blocks, 10 seeds, epsilon 1e-6, no shares. NULL when memory is short or an
 * argument is out of range. Free with dc_tdcm_free(); NULL is ignored. */
DcTdcmModule *dc_tdcm_new(size_t dim, DcTdcmScore score);
DcTdcmModule *dc_tdcm_copy(const DcTdcmModule *module);
void dc_tdcm_free(DcTdcmModule *module);

/* Whether every member is in its range; DC_ERROR_ARGUMENT, DC_ERROR_NOT_FINITE. */
DcStatus dc_tdcm_check(const DcTdcmModule *module, DcError *error);

/* W = G G^T (d x d), in the units of standardised embeddings. */
void dc_tdcm_metric(const DcTdcmModule *module, double *metric);

/* What both ways to find the loss need: -log det G; and log cosh y, minus the logarithm of the
 * derivative of asinh where it is y. */
double dc_tdcm_log_volume(const DcTdcmModule *module);
double dc_tdcm_log_cosh(double y);

/* ---- what training changes ---- */

/* Free numbers: those of G, row by row up to the diagonal, of which the logarithm counts (rho), and
 * then b. */
size_t dc_tdcm_parameter_count(const DcTdcmModule *module);
void dc_tdcm_get_parameters(const DcTdcmModule *module, float *parameters);
void dc_tdcm_set_parameters(DcTdcmModule *module, const float *parameters);

/* Index of rho_k among the parameters. */
static inline size_t
dc_tdcm_diagonal(size_t k)
{
  return k * (k + 3) / 2;
}

/* ---- use ---- */

typedef struct {
  double loss;  /* L_nll of the start that was kept, in standardised units: plus log K + d/2 log pi
                   the mean negative log-likelihood of a mixture with covariance (2 W)^-1 and these
                   centroids (not so for BILINEAR) */
  double scale; /* root mean square distance of the samples from their mean, per column: W / scale^2
                   is the metric in the units of the samples */
} DcTdcmFit;

/* Applies a module to a domain: `samples` (N x d, N >= 1, at best the whole set) -> `centroids`
 * (K x d, in the units of the samples), `labels` (N, may be NULL; ties to the smallest index) and
 * `fit` (may be NULL). No gradient, no labels; time linear in N. The starts are shared among up to
 * `threads` (>= 1) threads, which does not change the result. Memory: 2 N d floats and a few
 * megabytes a thread.
 *
 * DC_ERROR_SHAPE, DC_ERROR_NOT_FINITE for NaN or infinity in a sample or a result, DC_ERROR_MEMORY,
 * and what dc_tdcm_check() refuses. */
DcStatus dc_tdcm_apply(const DcTdcmModule *module, const DcMatrix *samples, DcRandom *random,
                       size_t threads, const DcMatrix *centroids, uint32_t *labels, DcTdcmFit *fit,
                       DcError *error);

/* What a module needs to know of a domain to read its embeddings. */
typedef struct {
  double *means; /* d: of the samples */
  double *mass;  /* K: of each cluster, as the last block saw it */
  double scale;  /* as in DcTdcmFit */
  double total;  /* sum of the sample weights */
} DcTdcmDomain;

/* Goes on from centroids that there are: `blocks` (>= 1) blocks over `samples` (N x d), of
 * `weights` (N numbers >= 0; NULL: 1), from `centroids` to `updated` (both K x d, in the units of
 * the samples; may be the same memory), and into `domain`, whose arrays the caller provides. Errors
 * as dc_tdcm_apply(). Allocates. */
DcStatus dc_tdcm_continue(const DcTdcmModule *module, uint32_t blocks, const DcMatrix *samples,
                          const float *weights, const DcMatrix *centroids, const DcMatrix *updated,
                          DcTdcmDomain *domain, DcError *error);

/* How the module reads embeddings of `domain` for these centroids: see cluster/reading.h. NULL when
 * memory is short. */
struct DcReading *dc_tdcm_reading(const DcTdcmModule *module, const DcTdcmDomain *domain,
                                  const DcMatrix *centroids);

#endif
