/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_READING_H
#define DC_CLUSTER_READING_H

#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>

/* How embeddings are read where the posterior is not that of equal round clusters: with f(z) the
 * features of an embedding, k_j the key of cluster j, W a metric and b_j a bias,
 *
 *   S_j = -(f(z) - k_j)^T W (f(z) - k_j) + b_j,   posterior = softmax over j of S. */
typedef enum {
  DC_READ_PLAIN, /* f(z) = z */
  DC_READ_UNIT,  /* f(z) = z / |z|; 0 stays 0 */
  DC_READ_ASINH  /* f(z) = asinh(z root + offset) */
} DcReadingKind;

typedef struct DcReading {
  DcReadingKind kind;
  size_t clusters, dim; /* K, d */
  float *keys;          /* K x d */
  float *metric;        /* W, d x d, symmetric; NULL: I * scale */
  float scale;          /* used when metric is NULL */
  float *bias;          /* K */
  float *root, *offset; /* d x d, d; NULL unless ASINH */
} DcReading;

/* All numbers 0, for who fills it. NULL when memory is short. Free with dc_reading_free(); NULL is
 * ignored. */
DcReading *dc_reading_new(DcReadingKind kind, size_t clusters, size_t dim, bool with_metric);
void dc_reading_free(DcReading *reading);

/* Writes f(z) of each row to `features`, of the same shape. */
void dc_reading_features(const DcReading *reading, const DcMatrix *embeddings,
                         const DcMatrix *features);

#endif
