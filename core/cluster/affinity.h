/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_AFFINITY_H
#define DC_CLUSTER_AFFINITY_H

#include "tensor/matrix.h"

/* How near samples are to centroids, a bounded chunk of samples at a time and one product per
 * chunk:
 *
 *   S_ji = -(z_i - c_j)^T W (z_i - c_j) + b_j + (a number that depends on i only)
 *
 * for a symmetric W. Samples and centroids are taken relative to the centre of the centroids, so
 * that an offset common to all of them costs no digits, and each sample is extended by a 1, so that
 * the part that depends on j only needs no pass of its own. Scores stand centroid-major: whatever
 * follows runs along samples, which are many, and not along centroids, which may be few. */
typedef struct {
  DcMatrix targets; /* K x (d + 1): row j is 2 W c_j and b_j - c_j^T W c_j */
  DcMatrix samples; /* chunk x (d + 1): row i is z_i and 1 */
  DcMatrix scores;  /* K x chunk */
  float *origin;    /* d: the centre of the centroids */
} DcAffinity;

typedef struct {
  const float *metric; /* W, d x d, symmetric; NULL: I * scale */
  float scale;         /* used when metric is NULL */
  const float *bias;   /* b, K numbers; NULL: zeros */
} DcAffinityMetric;

/* Floats of memory that an affinity of K centroids of d numbers works in; 0 when their number does
 * not fit in memory. */
size_t dc_affinity_size(size_t clusters, size_t dim);

/* Lays an affinity out in `memory`, of dc_affinity_size() floats, which stays the caller's. */
DcAffinity dc_affinity_place(float *memory, size_t clusters, size_t dim);

/* Samples that dc_affinity_score() takes at once, at most. */
static inline size_t
dc_affinity_chunk(const DcAffinity *affinity)
{
  return affinity->samples.rows;
}

/* Takes `centroids` (K x d) as those to compare with. */
void dc_affinity_aim(DcAffinity *affinity, const DcMatrix *centroids,
                     const DcAffinityMetric *metric);

/* Scores 1 .. dc_affinity_chunk() samples; the view of K x samples stays valid until the next call
 * and may be overwritten. The first d columns of affinity->samples are then these samples relative
 * to the origin. NaN and overflow give scores that are not finite. */
DcMatrix dc_affinity_score(DcAffinity *affinity, const DcMatrix *samples);

#endif
