/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TDCM_USE_H
#define DC_CLUSTER_TDCM_USE_H

#include "cluster/affinity.h"
#include "cluster/attention.h"
#include "cluster/tdcm.h"

/* An attention module at work on a set of samples: within dc_tdcm_apply(), which starts from
 * samples that it draws, and dc_tdcm_continue(), which starts from centroids that there are. */

/* What one thread works in. */
typedef struct {
  DcAttention *attention;
  float *affinity;  /* memory of a DcAffinity */
  double *mass;     /* K */
  float *scores;    /* a chunk: of the cluster of each sample */
  uint32_t *labels; /* a chunk */
  DcStatus status;  /* the first failure of its starts */
} DcTdcmDesk;

/* A module being applied. Every sample stands as 2 d numbers: its features y, then its standardised
 * numbers z. The blocks average z. They score z, with the metric W, where scores are linear in z,
 * and else y. The "points" are what a centroid needs of both: z, or (y, z). */
typedef struct {
  const DcTdcmModule *module;
  const float *weights;            /* N, of the samples; NULL: 1 */
  size_t samples, clusters, width; /* N, K, of a point */
  size_t starts;                   /* R */
  double total;                    /* sum of the weights */
  double *means, scale;            /* d; of the samples */
  float *numbers;                  /* N x 2 d */
  float *root;                     /* G, d x d */
  float *shift;                    /* b, d */
  float *metric;                   /* of the scores, d x d */
  double *scored_means;            /* d: of what is scored */
  double constant;                 /* the part of L_nll that centroids do not change */
  uint32_t *first;                 /* R x K: the samples that are the first centroids */
  float *centroids;                /* R x K x width */
  float *biases;                   /* R x K: what is added to the scores for the centroids */
  double *losses;                  /* R */
  size_t desk_count;
  DcTdcmDesk *desks;
} DcTdcmUse;

/* DC_ERROR_SHAPE and what dc_tdcm_check() refuses. */
DcStatus dc_tdcm_use_check(const DcTdcmModule *module, const DcMatrix *samples,
                           const DcMatrix *centroids, DcError *error);

/* Memory for so many samples and starts, `desks` of which at a time, and what the module gives
 * whatever the samples: it is not to change before dc_tdcm_use_clear(), which also clears after a
 * failure. False when memory is short. */
bool dc_tdcm_use_open(DcTdcmUse *use, const DcTdcmModule *module, size_t samples, size_t clusters,
                      size_t starts, size_t desks);

/* Takes that many samples, as often as there are some. DC_ERROR_NOT_FINITE. */
DcStatus dc_tdcm_use_take(DcTdcmUse *use, const DcMatrix *samples, const float *weights);

void dc_tdcm_use_clear(DcTdcmUse *use);

/* The features of the samples, and what dc_tdcm_use_assign() needs besides. DC_ERROR_NOT_FINITE. */
DcStatus dc_tdcm_use_ready_loss(DcTdcmUse *use);

/* Views: the points and features of the samples (of a linear score only once the loss is ready),
 * and, of a start, centroids and what is added to
 * the scores for them. */
DcMatrix dc_tdcm_use_points(const DcTdcmUse *use);
DcMatrix dc_tdcm_use_features(const DcTdcmUse *use);
DcMatrix dc_tdcm_use_centroids(const DcTdcmUse *use, size_t start);
float *dc_tdcm_use_bias(const DcTdcmUse *use, size_t start);

/* Runs `blocks` blocks from the centroids of a start. */
DcStatus dc_tdcm_use_run(const DcTdcmUse *use, DcTdcmDesk *desk, size_t start, uint32_t blocks);

/* Assigns all samples to the centroids of a start; returns L_nll. `labels` may be NULL. */
double dc_tdcm_use_assign(const DcTdcmUse *use, DcTdcmDesk *desk, size_t start, uint32_t *labels);

/* The centroids of a start from and in the units of the samples. */
void dc_tdcm_use_read(const DcTdcmUse *use, size_t start, const DcMatrix *centroids);
void dc_tdcm_use_write(const DcTdcmUse *use, size_t start, const DcMatrix *centroids);

/* Means and variances of samples (`means` has room for d of each), and the one scale of all their
 * numbers: the root of the mean variance, or 1 where nothing varies. Returns the sum of the weights
 * (NULL: 1). */
double dc_tdcm_measure(const DcMatrix *samples, const float *weights, double *means, double *scale);

/* Says what `status` means, and returns it. */
DcStatus dc_tdcm_use_describe(DcStatus status, const DcMatrix *samples, DcError *error);

#endif
