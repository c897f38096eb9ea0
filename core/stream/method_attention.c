/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/tdcm.h"
#include "stream/adapter_private.h"

#include <math.h>

/* The update of TDCM over the memory: with the module that a model was trained with, its learned
 * score and update; without one, soft k-means, whose limit of temperature 0 is one step of Lloyd.
 */

/* At this share of the temperature the second centroid weighs nothing in single precision once it
 * is an eighth of a spread farther away. */
#define HARD_SHARE 1e-4f
#define EPSILON    1e-6
/* No number that is learnt from is longer, nor its inverse. */
#define LARGEST 1e19

/* ---- without a module ---- */

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

/* ---- with one ---- */

/* adapter->state: what the module knows of the stream. The scale is 0 until it has seen some. */
typedef struct {
  DcTdcmDomain domain;
  size_t clusters; /* that `mass` has room for */
} Learned;

static void
close_state(void *state)
{
  Learned *learned = state;
  if (!learned)
    return;
  dc_free(learned->domain.means);
  dc_free(learned->domain.mass);
  dc_free(learned);
}

static bool
open_state(DcAdapter *adapter)
{
  if (!adapter->config.module)
    return true;
  Learned *learned = DC_NEW(Learned, 1);
  if (learned)
    learned->domain.means = DC_NEW(double, adapter->dim);
  adapter->state = learned;
  return learned && learned->domain.means;
}

/* Nothing is known of the stream, or no more of these clusters. */
static DcStatus
restart(DcAdapter *adapter, DcError *error)
{
  Learned *learned = adapter->state;
  if (!learned)
    return DC_OK;
  learned->domain.scale = 0;
  if (!adapter->clusters.count)
    return DC_OK;
  if (learned->clusters != adapter->clusters.count) {
    dc_free(learned->domain.mass);
    learned->clusters = adapter->clusters.count;
    learned->domain.mass = DC_NEW(double, learned->clusters);
  }
  if (!learned->domain.mass)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for attention to %zu clusters",
                        learned->clusters);
  return DC_OK;
}

static DcStatus
regroup(DcAdapter *adapter, const size_t *from, DcError *error)
{
  (void)from;
  return restart(adapter, error);
}

/* One block: the centroids go on from one adaptation to the next, and so through all blocks. */
static DcStatus
propose_learned(DcAdapter *adapter)
{
  DcClusters *clusters = &adapter->clusters;
  Learned *learned = adapter->state;
  DcMatrix rows = dc_memory_rows(clusters->memory);
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  DcMatrix proposal = dc_matrix(clusters->proposal, clusters->count, clusters->dim);
  return dc_tdcm_continue(adapter->config.module, 1, &rows,
                          dc_memory_weights(clusters->memory, adapter->config.half_life),
                          &centroids, &proposal, &learned->domain, NULL);
}

static DcStatus
move(DcAdapter *adapter, DcError *error)
{
  return dc_adapter_follow(adapter, adapter->state ? propose_learned : dc_propose_attention, error);
}

static bool
read_learned(const DcAdapter *adapter, DcSnapshotParts *parts)
{
  const Learned *learned = adapter->state;
  if (!learned || !(learned->domain.scale > 0))
    return true;
  parts->reading = dc_tdcm_reading(adapter->config.module, &learned->domain, &parts->centroids);
  return parts->reading != NULL;
}

/* ---- state ---- */

static size_t
list_arrays(const DcAdapter *adapter, DcMethodArray arrays[DC_METHOD_MAX_ARRAYS])
{
  const Learned *learned = adapter->state;
  if (!learned || !(learned->domain.scale > 0))
    return 0;
  const DcTdcmDomain *domain = &learned->domain;
  arrays[0] = (DcMethodArray){"attention.means", DC_METHOD_DOUBLES, 1, adapter->dim, domain->means};
  arrays[1] =
      (DcMethodArray){"attention.mass", DC_METHOD_DOUBLES, 1, learned->clusters, domain->mass};
  arrays[2] = (DcMethodArray){"attention.scale", DC_METHOD_DOUBLES, 1, 1, &domain->scale};
  arrays[3] = (DcMethodArray){"attention.total", DC_METHOD_DOUBLES, 1, 1, &domain->total};
  return 4;
}

static DcStatus
restore(DcAdapter *adapter, const DcMethodArray *arrays, size_t count, DcError *error)
{
  Learned *learned = adapter->state;
  DcStatus status = restart(adapter, error);
  if (!learned || status != DC_OK)
    return status;
  DcTdcmDomain *domain = &learned->domain;
  double scale = 0;
  const struct {
    const char *name;
    size_t numbers;
    double low;
    double *target;
  } wanted[] = {{"attention.means", adapter->dim, -LARGEST, domain->means},
                {"attention.mass", learned->clusters, 0, domain->mass},
                {"attention.total", 1, 1 / LARGEST, &domain->total},
                {"attention.scale", 1, 1 / LARGEST, &scale}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    const DcMethodArray *found =
        dc_method_array_find(arrays, count, wanted[i].name, DC_METHOD_DOUBLES);
    if (!found)
      return DC_OK;
    status = dc_method_read_row(found, wanted[i].numbers, wanted[i].low, LARGEST, wanted[i].target,
                                error);
    if (status != DC_OK)
      return status;
  }
  domain->scale = scale;
  return DC_OK;
}

const DcAdaptMethod dc_method_attention = {
    .name = "attention",
    .open = open_state,
    .close = close_state,
    .restart = restart,
    .regroup = regroup,
    .move = move,
    .read = read_learned,
    .arrays = list_arrays,
    .restore = restore,
};
