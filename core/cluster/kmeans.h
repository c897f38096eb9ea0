/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_KMEANS_H
#define DC_CLUSTER_KMEANS_H

#include "base/random.h"
#include "base/status.h"
#include "tensor/matrix.h"

#include <stdint.h>

typedef struct {
  uint32_t clusters;   /* K >= 1 */
  uint32_t restarts;   /* independent k-means++ starts, the lowest inertia wins; >= 1 */
  uint32_t candidates; /* drawn for each seed of a start, of which the one that lowers the sum of
                          squared distances most is taken; >= 1. More than one is the greedy
                          k-means++ of Arthur and Vassilvitskii: a start costs more and
                          ends better */
  uint32_t max_iterations; /* of Lloyd, per start */
  double tolerance;        /* stop when the centroids' summed squared shift is at most this share of
                              the mean variance of the columns (as scikit-learn does); 0: only when
                              no label changes any more */
  uint32_t threads; /* that share the restarts, >= 1; the result is the same for any number */
} DcKmeansOptions;

/* 10 restarts, 1 candidate, 300 iterations, 1e-4, 1 thread. */
DcKmeansOptions dc_kmeans_options(uint32_t clusters);

/* 2 + ln K, rounded down: the candidates of the greedy k-means++ that scikit-learn starts with. */
uint32_t dc_kmeans_greedy(uint32_t clusters);

typedef struct {
  double inertia;      /* weighted sum of squared distances to the nearest centroid */
  uint32_t iterations; /* of Lloyd, in the winning start */
  uint32_t reseeded;   /* empty clusters that were given the farthest sample */
} DcKmeansResult;

/* k-means++ seeding (Arthur and Vassilvitskii 2007): K rows of `samples` drawn by squared distance
 * to the nearest one drawn before, copied to `centroids` (K x d). With fewer distinct samples than
 * K the surplus centroids repeat samples. `weights` (NULL: all 1) has one number >= 0 per sample; a
 * sample of weight 0 is never drawn. Errors as dc_kmeans, but there may be fewer samples than
 * clusters. */
DcStatus dc_kmeans_seed(const DcMatrix *samples, const float *weights, DcRandom *random,
                        const DcMatrix *centroids);

/* The same for samples (at least 1, fewer than 2^32) that are known to be finite, without
 * allocating: `rows` (K) receives which samples are the seeds. `scratch` holds 2 N floats. */
void dc_kmeans_seed_rows(const DcMatrix *samples, DcRandom *random, float *scratch, size_t clusters,
                         uint32_t *rows);

/* Lloyd from the given `centroids` (K x d), in place. An empty cluster takes the sample farthest
 * from its centroid, unless all samples lie on theirs. `labels` (N, may be NULL) receives the final
 * assignment. Sums are in double. Of `options`, `restarts` and `threads` do not matter. Errors as
 * dc_kmeans, but there may be fewer samples than clusters. */
DcStatus dc_kmeans_lloyd(const DcMatrix *samples, const float *weights,
                         const DcKmeansOptions *options, const DcMatrix *centroids,
                         uint32_t *labels, DcKmeansResult *result);

/* Seeding and Lloyd, `restarts` times, each with a random sequence of its own that is drawn from
 * `random`; the best (of equals the first) ends in `centroids`. DC_ERROR_ARGUMENT when there
 * are fewer samples than clusters, a weight is negative or all are 0, or an option is out of range;
 * DC_ERROR_NOT_FINITE for NaN or infinity; DC_ERROR_SHAPE, DC_ERROR_MEMORY. The same arguments give
 * the same bytes. */
DcStatus dc_kmeans(const DcMatrix *samples, const float *weights, const DcKmeansOptions *options,
                   DcRandom *random, const DcMatrix *centroids, uint32_t *labels,
                   DcKmeansResult *result, DcError *error);

/* Nearest centroid of each row (ties: the smallest index) and its squared distance (may be NULL),
 * which is computed from the differences and thus exact for near samples. A row with NaN gets label
 * 0 and the distance NaN. `scratch` holds at least dc_nearest_scratch(K, d) floats (0: too large
 * for memory). Allocates nothing. */
size_t dc_nearest_scratch(size_t clusters, size_t dim);
void dc_nearest(const DcMatrix *samples, const DcMatrix *centroids, float *scratch,
                uint32_t *labels, float *squared_distances);

/* The plain definition, in double; for tests. */
void dc_nearest_reference(const DcMatrix *samples, const DcMatrix *centroids, uint32_t *labels,
                          float *squared_distances);

#endif
