/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/adapter_private.h"

/* The update of TDCM over the memory, and its limit of temperature 0, which is one step of Lloyd.
 */

/* At this share of the temperature the second centroid weighs nothing in single precision once it
 * is an eighth of a spread farther away. */
#define HARD_SHARE 1e-4f
#define EPSILON    1e-6

static DcStatus
attend(DcAdapter *adapter, float temperature)
{
  DcClusters *clusters = &adapter->clusters;
  DcMatrix rows = dc_memory_rows(clusters->memory);
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  DcMatrix proposal = dc_matrix(clusters->proposal, clusters->count, clusters->dim);
  DcAttentionOptions options = {.temperature = temperature, .epsilon = EPSILON};
  return dc_attention_update(clusters->attention, &options, &rows,
                             dc_memory_weights(clusters->memory, adapter->config.half_life),
                             &centroids, &proposal, NULL);
}

DcStatus
dc_propose_attention(DcAdapter *adapter)
{
  return attend(adapter, adapter->clusters.temperature);
}

DcStatus
dc_propose_k_means(DcAdapter *adapter)
{
  return attend(adapter, adapter->clusters.temperature * HARD_SHARE);
}

static DcStatus
move_softly(DcAdapter *adapter, DcError *error)
{
  return dc_adapter_follow(adapter, dc_propose_attention, error);
}

const DcAdaptMethod dc_method_attention = {.name = "attention", .move = move_softly};
