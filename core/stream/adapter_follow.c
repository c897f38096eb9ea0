/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/adapter_private.h"
#include "tensor/rows.h"

#include <math.h>

/* The bounded step towards what a method proposes. */

/* A cluster takes 1 - 1/e of the proposed step when it received this many embeddings. */
#define EVIDENCE_SCALE 8.0
/* Of a proposed move, squared, so many times what chance alone makes of it is not believed. */
#define CHANCE_FACTOR 2.0

/* How many embeddings of equal weight tell as much as `count` of these weights. */
static double
effective_count(const float *weights, size_t count)
{
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    sum += weights[i];
    squares += (double)weights[i] * weights[i];
  }
  return squares > 0 ? sum * sum / squares : 1;
}

/* The share of the proposed move of cluster `k` that is more than chance, 0..1. The mean of n
 * members lies off by spread^2 / n, squared, when nothing drifts; a move of that size is not made
 * at all, and a larger one is shortened (positive-part shrinkage, James and Stein 1961). Without it
 * centroids wander along the directions in which one partition is as good as the next. */
static double
beyond_chance(const DcClusters *clusters, size_t k, double members)
{
  DcMatrix centroid = dc_matrix(clusters->centroids + k * clusters->dim, 1, clusters->dim);
  DcMatrix proposal = dc_matrix(clusters->proposal + k * clusters->dim, 1, clusters->dim);
  float move;
  dc_squared_distances(&proposal, &centroid, NULL, &move);
  double spread = clusters->infos[k].spread;
  double chance = CHANCE_FACTOR * spread * spread / members;
  return move > chance ? 1 - chance / move : 0;
}

/* C <- C + r_k (C' - C), with r_k from the evidence that cluster k itself received: one that was
 * not seen stays bitwise where it is. */
static void
step(DcAdapter *adapter)
{
  DcClusters *clusters = &adapter->clusters;
  const float *weights = dc_memory_weights(clusters->memory, adapter->config.half_life);
  for (size_t k = 0; k < clusters->count; k++) {
    double members = effective_count(weights + k * dc_memory_capacity(clusters->memory),
                                     dc_memory_stratum(clusters->memory, k).rows);
    double rate = adapter->config.adaptation_rate *
                  (1 - exp(-clusters->evidence[k] / EVIDENCE_SCALE)) *
                  beyond_chance(clusters, k, members);
    float *centroid = clusters->centroids + k * clusters->dim;
    const float *proposal = clusters->proposal + k * clusters->dim;
    if (rate > 0)
      for (size_t j = 0; j < clusters->dim; j++)
        centroid[j] += (float)rate * (proposal[j] - centroid[j]);
  }
}

DcStatus
dc_adapter_follow(DcAdapter *adapter, DcProposer propose, DcError *error)
{
  DcStatus status = propose(adapter);
  /* Numbers so far apart that no finite proposal exists: the centroids stay until they are gone. */
  if (status == DC_ERROR_NOT_FINITE)
    return DC_OK;
  if (status != DC_OK)
    return dc_error_set(error, status, "the centroids cannot be adapted: %s",
                        dc_status_text(status));
  step(adapter);
  return DC_OK;
}
