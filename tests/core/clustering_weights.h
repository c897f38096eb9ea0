/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_CLUSTERING_WEIGHTS_H
#define DC_TESTS_CLUSTERING_WEIGHTS_H

#include "cluster/clustering_module.h"

#define MOST_CLUSTERS 6
#define MOST_WIDTH    8
#define MOST_WEIGHTS  (2 * MOST_CLUSTERS * MOST_WIDTH + MOST_CLUSTERS + MOST_WIDTH)

/* The parameters of a module, one after the other, in `values`. */
static inline DcClusteringWeights
place_weights(float *values, size_t clusters, size_t width)
{
  float *b = values + width * clusters, *w = b + clusters;
  return (DcClusteringWeights){values, b, w, w + clusters * width};
}

#endif
