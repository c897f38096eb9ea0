/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_ATTENTION_H
#define DC_TESTS_ATTENTION_H

#include "cluster/attention.h"
#include "matrices.h"

/* One update with scratch of its own. */
static inline DcStatus
update(const DcAttentionOptions *options, const DcMatrix *samples, const float *weights,
       const DcMatrix *centroids, const DcMatrix *updated, double *mass)
{
  DcAttention *attention = dc_attention_new(centroids->rows, centroids->cols);
  assert_non_null(attention);
  DcStatus status =
      dc_attention_update(attention, options, samples, weights, centroids, updated, mass);
  dc_attention_free(attention);
  return status;
}

static inline void
assign(const DcAttentionOptions *options, const DcMatrix *samples, const DcMatrix *centroids,
       const DcMatrix *assignment)
{
  DcAttention *attention = dc_attention_new(centroids->rows, centroids->cols);
  assert_non_null(attention);
  assert_int_equal(dc_attention_weights(attention, options, samples, centroids, assignment), DC_OK);
  dc_attention_free(attention);
}

/* W = B B^T / d + I / 4 for a random B. */
static inline void
random_metric(DcRandom *random, size_t dim, float *metric)
{
  DcMatrix b = random_matrix(random, dim, dim, 0);
  for (size_t i = 0; i < dim; i++)
    for (size_t j = 0; j <= i; j++) {
      double sum = i == j ? 0.25 : 0;
      for (size_t k = 0; k < dim; k++)
        sum += (double)dc_matrix_row(&b, i)[k] * dc_matrix_row(&b, j)[k] / (double)dim;
      metric[i * dim + j] = metric[j * dim + i] = (float)sum;
    }
  free_matrices(&b);
}

#endif
