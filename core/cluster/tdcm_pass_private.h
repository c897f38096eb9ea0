/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TDCM_PASS_PRIVATE_H
#define DC_CLUSTER_TDCM_PASS_PRIVATE_H

#include "base/arena.h"
#include "cluster/tdcm_pass.h"

/* Between the way forward, tdcm_pass.c, and the way back, tdcm_pass_backward.c. */

/* What a run forward leaves for the way back. */
typedef struct {
  double *centroids;  /* (L + 1) x K x d */
  double *features;   /* (L + 1) x K x d: E, of the centroids */
  double *mass;       /* L x K: n */
  double *assignment; /* (L + 1) x N x K: A of each block, and P */
  DcTdcmLoss loss;
} DcTdcmRun;

struct DcTdcmPass {
  const DcTdcmModule *module;
  DcTdcmObjective objective;
  size_t max_samples, clusters;
  size_t count; /* N, of the batch */
  bool standardised;
  double scale;
  DcArena memory;
  double *samples;  /* N x d: Z */
  double *features; /* N x d: Y */
  DcTdcmRun kept, trial;
  double *shares; /* K: column means of P */
  double *sums;   /* K x d: P^T Z */
  /* Seeding, where single precision is enough. */
  float *seed_features, *seed_scratch; /* N x d, 2 N */
  uint32_t *seed_rows;                 /* K */
  /* The way back: gradients of what is named. */
  double *d_scores;            /* N x K */
  double *d_features;          /* N x d */
  double *d_samples;           /* N x d */
  double *d_centroids;         /* K x d */
  double *d_sums;              /* K x d: of M, then of the centroids of the block before */
  double *d_centroid_features; /* K x d */
  double *d_bias;              /* K: of what is added to the scores of a column */
  double *d_root, *d_shift;    /* d x d, d */
  double *product;             /* max(N, K) x d */
};

/* A of block `block` of the run that was kept; that of block L is P. */
const double *dc_tdcm_pass_weights(const DcTdcmPass *pass, size_t block);

/* Column means of P, and with compactness P^T Z, of that run: what is there may be of another. */
void dc_tdcm_pass_recall_sums(DcTdcmPass *pass);

/* From the gradient of Z to that of Z0, in place. */
void dc_tdcm_pass_standardise_backward(DcTdcmPass *pass, double *gradient);

/* Factors of y.e and of |e|^2 in the score. */
static inline double
dc_tdcm_product_factor(const DcTdcmModule *module)
{
  return module->score == DC_TDCM_BILINEAR ? 1 : 2;
}

static inline double
dc_tdcm_norm_factor(const DcTdcmModule *module)
{
  return module->score == DC_TDCM_BILINEAR ? 0 : 1;
}

#endif
