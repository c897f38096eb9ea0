/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SEEDING_H
#define DC_CLUSTER_SEEDING_H

#include "base/random.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>

/* The seeds of k-means, one after another. Samples are finite, at least one, and some weight is
 * positive. */
typedef struct {
  const DcMatrix *samples;
  const float *weights; /* NULL: all 1 */
  size_t candidates;    /* drawn for each seed but the first, >= 1: the one that leaves the smallest
                           sum of squared distances is taken */
  float *nearest;       /* N: squared distances to the nearest seed so far */
  float *newest;        /* N: to the newest */
  float *other;         /* N: to another candidate; NULL with one candidate */
} DcSeeding;

/* Draws a seed by squared distance to the nearest one before; what `nearest` holds does not matter
 * for the `first`. Returns which sample it is. */
size_t dc_seeding_next(DcSeeding *seeding, DcRandom *random, bool first);

static inline double
dc_sample_weight(const float *weights, size_t sample)
{
  return weights ? weights[sample] : 1;
}

#endif
