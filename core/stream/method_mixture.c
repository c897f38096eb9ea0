/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "stream/adapter_private.h"
#include "stream/pending.h"

#include <math.h>
#include <string.h>

/* The clusters as AE-CM sees them: an isotropic mixture with one variance and a Dirichlet prior on
 * the weights, whose posterior is a softmax that is linear in the embedding
 * (docs/methods/ae-cm.md). The means are found in the memory, which is stratified and so says
 * nothing about the weights; these are kept as running responsibilities of the stream as it comes.
 */

/* alpha - 1 of the prior, times K and as a multiple of the embeddings that the responsibilities are
 * remembered for: classes come in bursts, and with less a burst draws the strays of the others to
 * itself (docs/methods/adapting.md has the figures). */
#define PRIOR_SHARE 4.0

typedef struct {
  DcPending pending;        /* first: see pending.h */
  size_t clusters;          /* that the arrays have room for */
  double *responsibilities; /* K: of the recent stream, sum at most the embeddings remembered */
  float *bias;              /* K: log weight */
  float *posterior;         /* scratch: DC_PENDING_BATCH x K */
} Mixture;

static bool
open_state(DcAdapter *adapter)
{
  adapter->state = DC_NEW(Mixture, 1);
  return adapter->state != NULL;
}

static void
clear_clusters(Mixture *mixture)
{
  dc_free(mixture->responsibilities);
  dc_free(mixture->bias);
  dc_free(mixture->posterior);
  mixture->responsibilities = NULL;
  mixture->bias = mixture->posterior = NULL;
}

static void
close_state(void *state)
{
  Mixture *mixture = state;
  if (!mixture)
    return;
  clear_clusters(mixture);
  dc_pending_clear(&mixture->pending);
  dc_free(mixture);
}

/* ---- weights ---- */

/* Embeddings over which responsibilities halve. */
static double
half_life(const DcAdapter *adapter)
{
  return dc_adapter_half_life(adapter, (double)adapter->config.window);
}

/* pi_k = (n_k + (alpha - 1)) / (n + K (alpha - 1)): the most probable weights. */
static void
find_bias(const DcAdapter *adapter)
{
  Mixture *mixture = adapter->state;
  size_t clusters = mixture->clusters;
  double prior = PRIOR_SHARE * half_life(adapter) / (double)clusters, total = 0;
  for (size_t k = 0; k < clusters; k++)
    total += mixture->responsibilities[k];
  for (size_t k = 0; k < clusters; k++)
    mixture->bias[k] =
        (float)log((mixture->responsibilities[k] + prior) / (total + (double)clusters * prior));
}

/* Room for the clusters there are, with no responsibility. */
static DcStatus
restart(DcAdapter *adapter, DcError *error)
{
  Mixture *mixture = adapter->state;
  size_t clusters = adapter->clusters.count;
  if (mixture->clusters != clusters)
    clear_clusters(mixture);
  mixture->pending.count = 0;
  mixture->clusters = clusters;
  if (!clusters)
    return DC_OK;
  if (!mixture->bias) {
    mixture->responsibilities = DC_NEW(double, clusters);
    mixture->bias = DC_NEW(float, clusters);
    mixture->posterior = DC_NEW(float, DC_PENDING_BATCH *clusters);
  }
  if (!mixture->responsibilities || !mixture->bias || !mixture->posterior)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a mixture of %zu clusters",
                        clusters);
  memset(mixture->responsibilities, 0, clusters * sizeof(double));
  find_bias(adapter);
  return DC_OK;
}

static DcStatus
regroup(DcAdapter *adapter, const DcRegrouping *regrouping, DcError *error)
{
  Mixture *mixture = adapter->state;
  double *before = mixture->responsibilities;
  size_t clusters = mixture->clusters;
  mixture->responsibilities = NULL;
  clear_clusters(mixture);
  DcStatus status = restart(adapter, error);
  for (size_t k = 0; status == DC_OK && before && k < clusters; k++)
    for (size_t heir = 0; heir < 2; heir++) /* two halves to one heir, or one to each */
      if (regrouping->heirs[k][heir] != DC_FORGOTTEN)
        mixture->responsibilities[regrouping->heirs[k][heir]] += before[k] / 2;
  dc_free(before);
  if (status == DC_OK && mixture->clusters)
    find_bias(adapter);
  return status;
}

/* ---- learning ---- */

static DcAttentionOptions
options_of(const DcAdapter *adapter)
{
  return (DcAttentionOptions){.temperature = adapter->clusters.temperature,
                              .bias = ((Mixture *)adapter->state)->bias,
                              .epsilon = 1e-6};
}

/* Adds the responsibilities of one batch to what is left of the earlier ones. */
static DcStatus
add_responsibilities(DcAdapter *adapter, const DcMatrix *batch)
{
  DcClusters *clusters = &adapter->clusters;
  Mixture *mixture = adapter->state;
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  DcMatrix posterior = dc_matrix(mixture->posterior, batch->rows, clusters->count);
  DcAttentionOptions options = options_of(adapter);
  DcStatus status =
      dc_attention_weights(clusters->attention, &options, batch, &centroids, &posterior);
  if (status != DC_OK || !dc_matrix_is_finite(&posterior))
    return status;
  double kept = exp2(-(double)batch->rows / half_life(adapter));
  for (size_t k = 0; k < clusters->count; k++) {
    mixture->responsibilities[k] *= kept;
    for (size_t i = 0; i < batch->rows; i++)
      mixture->responsibilities[k] += dc_matrix_row(&posterior, i)[k];
  }
  return DC_OK;
}

/* The M step for the means over the memory. */
static DcStatus
propose(DcAdapter *adapter)
{
  DcClusters *clusters = &adapter->clusters;
  DcMatrix rows = dc_memory_rows(clusters->memory);
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  DcMatrix proposal = dc_matrix(clusters->proposal, clusters->count, clusters->dim);
  DcAttentionOptions options = options_of(adapter);
  return dc_attention_update(clusters->attention, &options, &rows,
                             dc_memory_weights(clusters->memory, adapter->config.half_life),
                             &centroids, &proposal, NULL);
}

static DcStatus
move(DcAdapter *adapter, DcError *error)
{
  Mixture *mixture = adapter->state;
  if (!mixture->bias) { /* there was no memory when the clusters changed */
    DcStatus status = restart(adapter, error);
    if (status != DC_OK)
      return status;
  }
  DcStatus status = dc_pending_method_learn(adapter, add_responsibilities, error);
  if (status != DC_OK)
    return status;
  find_bias(adapter);
  return dc_adapter_follow(adapter, propose, error);
}

/* ---- what readers see ---- */

static bool
read_by_weights(const DcAdapter *adapter, DcSnapshotParts *parts)
{
  const Mixture *mixture = adapter->state;
  const DcClusters *clusters = &adapter->clusters;
  if (!mixture->bias)
    return false;
  DcReading *reading = dc_reading_new(DC_READ_PLAIN, clusters->count, clusters->dim, false);
  if (!reading)
    return false;
  memcpy(reading->keys, clusters->centroids, clusters->count * clusters->dim * sizeof(float));
  memcpy(reading->bias, mixture->bias, clusters->count * sizeof(float));
  reading->scale = 1 / clusters->temperature;
  parts->reading = reading;
  return true;
}

/* ---- state ---- */

static size_t
list_arrays(const DcAdapter *adapter, DcMethodArray arrays[DC_METHOD_MAX_ARRAYS])
{
  const Mixture *mixture = adapter->state;
  if (!mixture->bias)
    return 0;
  arrays[0] = dc_pending_array(&mixture->pending, "mixture.pending");
  arrays[1] = (DcMethodArray){"mixture.responsibilities", DC_METHOD_DOUBLES, 1, mixture->clusters,
                              mixture->responsibilities};
  /* The weights of the newest snapshot may be older than the clock that they came of. */
  arrays[2] =
      (DcMethodArray){"mixture.bias", DC_METHOD_FLOATS, 1, mixture->clusters, mixture->bias};
  return 3;
}

static DcStatus
restore(DcAdapter *adapter, const DcMethodArray *arrays, size_t count, DcError *error)
{
  Mixture *mixture = adapter->state;
  DcStatus status = restart(adapter, error);
  const DcMethodArray *found =
      dc_method_array_find(arrays, count, "mixture.responsibilities", DC_METHOD_DOUBLES);
  const DcMethodArray *bias = dc_method_array_find(arrays, count, "mixture.bias", DC_METHOD_FLOATS);
  if (status != DC_OK || !found || !bias || !mixture->clusters)
    return status;
  status =
      dc_method_read_row(found, mixture->clusters, 0, INFINITY, mixture->responsibilities, error);
  if (status == DC_OK)
    status = dc_method_read_row(bias, mixture->clusters, -INFINITY, 0, mixture->bias, error);
  if (status != DC_OK)
    return status;
  return dc_pending_restore(
      &mixture->pending, dc_method_array_find(arrays, count, "mixture.pending", DC_METHOD_FLOATS),
      error);
}

const DcAdaptMethod dc_method_mixture = {
    .name = "mixture",
    .open = open_state,
    .close = close_state,
    .reserve = dc_pending_method_reserve,
    .restart = restart,
    .regroup = regroup,
    .receive = dc_pending_method_receive,
    .move = move,
    .skip = dc_pending_method_skip,
    .read = read_by_weights,
    .arrays = list_arrays,
    .restore = restore,
};
