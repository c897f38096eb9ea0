/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SECU_STREAM_H
#define DC_CLUSTER_SECU_STREAM_H

#include "base/status.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SeCu on a stream of given embeddings (cluster/secu.h has the method, docs/methods/secu.md the
 * reasons): no network learns, nothing is seen twice, so that no sample has a stored label, and
 * there is no rate to choose. For a batch of n samples z, with x = z / |z| and centres w of unit
 * length:
 *
 *   s_k   = x.w_k,  rho_k = -weight ln((count_k + 1) / (sum of counts + K))
 *   label = argmax over k of s_k + rho_k
 *   p     = softmax of s / temperature at the label, h = 1 - p: how hard the sample is
 *   m_k, u_k = sums of h and of h x over the samples labelled k
 *   g_k   = min(1 - exp(-m_k / horizon), most)
 *   w_k  <- (1 - g_k) w_k + g_k u_k / m_k, scaled to unit length
 *   r_k  <- r_k + (1 - exp(-n_k / horizon)) (mean of z.w_k over the n_k samples labelled k - r_k)
 *   count <- 2^(-n / half_life) count + n_k
 *
 * A centre that no sample is labelled with stays bitwise where it is. One thread at a time. */
typedef struct {
  double temperature; /* > 0; 0.05 in the paper */
  double weight;      /* >= 0, of balanced sizes, in units of a cosine */
  double horizon;     /* > 0: hard samples of its own over which a centre forgets */
  double half_life;   /* > 0: samples after which the counts have halved */
  double most;        /* 0..1: largest share of a step */
} DcSecuStreamOptions;

typedef struct {
  size_t clusters, dim, batch; /* K, d, samples of a step at most */
  float *centres;              /* w, K x d */
  double *lengths;             /* r, K: how long the members of a cluster are along its centre */
  double *counts;              /* K */
  float *units, *similarities, *hardness; /* scratch: batch x d, batch x K, batch */
  uint32_t *labels;                       /* batch */
  double *sums, *mass;                    /* K x d, K */
} DcSecuStream;

/* NULL when memory is short or a size is 0. Free with dc_secu_stream_free(); NULL is ignored. */
DcSecuStream *dc_secu_stream_new(size_t clusters, size_t dim, size_t batch);
void dc_secu_stream_free(DcSecuStream *stream);

/* Starts at `centroids` (K x d) with counts of 0. */
void dc_secu_stream_start(DcSecuStream *stream, const DcMatrix *centroids);

/* One batch of 1 .. batch samples (n x d). DC_ERROR_SHAPE; DC_ERROR_NOT_FINITE, and nothing is
 * changed. Allocates nothing. */
DcStatus dc_secu_stream_step(DcSecuStream *stream, const DcSecuStreamOptions *options,
                             const DcMatrix *samples);

/* r_k w_k of each cluster (K x d). */
void dc_secu_stream_centroids(const DcSecuStream *stream, const DcMatrix *centroids);

/* A step by plain loops in double, for valid arguments, on centres (K x d), lengths and counts; for
 * tests. False when memory is short. */
bool dc_secu_stream_reference(const DcSecuStreamOptions *options, const DcMatrix *samples,
                              size_t clusters, double *centres, double *lengths, double *counts);

#endif
