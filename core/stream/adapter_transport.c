/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/adapter_transport.h"

#include "base/checked.h"
#include "base/memory.h"
#include "cluster/transport_fit.h"
#include "stream/adapter_private.h"

#include <math.h>
#include <string.h>

/* Embeddings per cluster that make source statistics better than none: at 25 transport tracking
 * loses to forgetting, at 50 it is level or ahead (docs/methods/transport.md). */
#define SAMPLES_PER_CLUSTER 50
/* The source is described again with four times the sample, until it has seen this many. */
#define SOURCE_GROWTH  4
#define LARGEST_SOURCE 4096
/* As long as the clusters lie within half a spread of the source, what is remembered is of one
 * domain. */
#define SAME_DOMAIN 0.5

enum { BATCH = 64 };

static size_t
smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* ---- memory ---- */

static size_t
capacity_wanted(const DcAdapter *adapter)
{
  return smaller(adapter->config.interval, adapter->config.window) + BATCH;
}

bool
dc_adapter_transport_reserve(DcAdapter *adapter)
{
  DcAdapterTransport *transport = &adapter->transport;
  size_t capacity = capacity_wanted(adapter);
  if (capacity <= transport->capacity)
    return true;
  size_t numbers;
  float *pending = dc_checked_mul(capacity, adapter->dim, &numbers) ? DC_NEW(float, numbers) : NULL;
  if (!pending)
    return false;
  if (transport->pending_rows)
    memcpy(pending, transport->pending, transport->pending_rows * adapter->dim * sizeof *pending);
  dc_free(transport->pending);
  transport->pending = pending;
  transport->capacity = capacity;
  return true;
}

void
dc_adapter_transport_clear(DcAdapterTransport *transport)
{
  dc_transport_tracker_free(transport->tracker);
  dc_free(transport->pending);
  *transport = (DcAdapterTransport){0};
}

/* ---- the source ---- */

static size_t
first_sample(const DcAdapter *adapter)
{
  size_t needed = SAMPLES_PER_CLUSTER * adapter->clusters.count;
  if (needed < adapter->config.warm_up)
    needed = adapter->config.warm_up;
  return smaller(needed, adapter->config.window);
}

void
dc_adapter_transport_restart(DcAdapter *adapter)
{
  DcAdapterTransport *transport = &adapter->transport;
  dc_transport_tracker_free(transport->tracker);
  transport->tracker = NULL;
  transport->pending_rows = 0;
  size_t remembered = adapter->clusters.memory ? dc_memory_count(adapter->clusters.memory) : 0;
  size_t needed = first_sample(adapter);
  transport->source_due = adapter->accepted + (needed > remembered ? needed - remembered : 0);
}

/* The members of all strata, one after the other. NULL when memory is short. */
static float *
gather_memory(const DcAdapter *adapter, DcMatrix *sample)
{
  const DcMemory *memory = adapter->clusters.memory;
  size_t count = dc_memory_count(memory), filled = 0;
  float *rows = DC_NEW(float, count * adapter->dim);
  if (!rows)
    return NULL;
  for (size_t k = 0; k < adapter->clusters.count; k++) {
    DcMatrix stratum = dc_memory_stratum(memory, k);
    DcMatrix target = dc_matrix(rows + filled * adapter->dim, stratum.rows, adapter->dim);
    dc_matrix_copy(&stratum, &target);
    filled += stratum.rows;
  }
  *sample = dc_matrix(rows, count, adapter->dim);
  return rows;
}

/* When to look again: with four times the sample, or twice the stream after one that told nothing.
 */
static void
plan_next_source(DcAdapter *adapter, size_t used, bool described)
{
  DcAdapterTransport *transport = &adapter->transport;
  if (!described)
    transport->source_due = 2 * adapter->accepted + 1;
  else if (SOURCE_GROWTH * used <= smaller(LARGEST_SOURCE, adapter->config.window))
    transport->source_due = adapter->accepted + (SOURCE_GROWTH - 1) * used;
  else
    transport->source_due = UINT64_MAX;
}

static DcStatus
describe(DcAdapter *adapter, const DcMatrix *sample, DcError *error)
{
  DcMatrix centroids =
      dc_matrix(adapter->clusters.centroids, adapter->clusters.count, adapter->dim);
  DcTransportFitOptions fit = dc_transport_fit_options();
  fit.seed = adapter->config.seed;
  DcTransportSource *source = NULL;
  DcTransportTracker *tracker = NULL;
  DcStatus status = dc_transport_fit(sample, &centroids, &fit, &source, error);
  if (status == DC_ERROR_MEMORY)
    return status;
  if (status != DC_OK) {
    plan_next_source(adapter, sample->rows, false);
    return DC_OK;
  }
  DcTransportOptions options = dc_transport_options();
  status = dc_transport_tracker_new(source, &options, &tracker, error);
  dc_transport_source_unref(source);
  if (status != DC_OK)
    return status;
  plan_next_source(adapter, sample->rows, true);
  dc_transport_tracker_free(adapter->transport.tracker);
  adapter->transport.tracker = tracker;
  adapter->transport.pending_rows = 0;
  return DC_OK;
}

static bool
has_left_its_source(const DcAdapter *adapter)
{
  DcTransportTracker *tracker = adapter->transport.tracker;
  return tracker && dc_transport_tracker_stats(tracker).displacement > SAME_DOMAIN;
}

DcStatus
dc_adapter_transport_describe(DcAdapter *adapter, const DcMatrix *sample, DcError *error)
{
  if (adapter->config.method != DC_METHOD_TRANSPORT ||
      adapter->accepted < adapter->transport.source_due)
    return DC_OK;
  if (sample)
    return describe(adapter, sample, error);
  if (has_left_its_source(adapter)) { /* by the next time, it may have come back */
    adapter->transport.source_due = adapter->accepted + adapter->config.window;
    return DC_OK;
  }
  DcMatrix remembered;
  float *rows = gather_memory(adapter, &remembered);
  if (!rows)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to describe the source");
  DcStatus status = describe(adapter, &remembered, error);
  dc_free(rows);
  return status;
}

/* ---- receiving ---- */

void
dc_adapter_transport_push(DcAdapter *adapter, const DcMatrix *rows)
{
  DcAdapterTransport *transport = &adapter->transport;
  if (!transport->tracker)
    return;
  /* What comes faster than it is adapted to is not learnt from. */
  size_t taken = smaller(rows->rows, transport->capacity - transport->pending_rows);
  DcMatrix source = dc_matrix_rows(rows, 0, taken);
  DcMatrix target =
      dc_matrix(transport->pending + transport->pending_rows * adapter->dim, taken, adapter->dim);
  dc_matrix_copy(&source, &target);
  transport->pending_rows += taken;
}

void
dc_adapter_transport_skip(DcAdapter *adapter)
{
  DcAdapterTransport *transport = &adapter->transport;
  transport->pending_rows = 0;
  /* What is remembered from now on may be of a domain that the maps never saw. */
  if (transport->tracker && transport->source_due != UINT64_MAX)
    transport->source_due = adapter->accepted + adapter->config.window;
}

void
dc_adapter_transport_note_time(DcAdapter *adapter, size_t rows, uint64_t time)
{
  DcAdapterTransport *transport = &adapter->transport;
  if (time == DC_TIME_UNKNOWN)
    return;
  if (transport->timed && time > transport->last_time)
    transport->elapsed += time - transport->last_time;
  transport->timed += rows;
  transport->last_time = time;
}

/* ---- stepping ---- */

/* The half-life counts stream time, the private memory own samples: what comes in a half-life is
 * known from the stream so far. */
static double
private_memory(const DcAdapter *adapter)
{
  const DcAdapterTransport *transport = &adapter->transport;
  if (!adapter->config.half_life || !transport->elapsed)
    return dc_transport_options().private_memory;
  double half_life =
      (double)adapter->config.half_life / (double)transport->elapsed * (double)transport->timed;
  return fmax(dc_transport_private_memory(half_life, adapter->clusters.count), 1);
}

static DcStatus
learn_pending(DcAdapter *adapter, DcError *error)
{
  DcAdapterTransport *transport = &adapter->transport;
  size_t least = adapter->config.interval < BATCH ? BATCH : 1, row = 0;
  while (transport->pending_rows - row >= least && row < transport->pending_rows) {
    DcMatrix batch = dc_matrix(transport->pending + row * adapter->dim,
                               smaller(transport->pending_rows - row, BATCH), adapter->dim);
    DcStatus status = dc_transport_tracker_step(transport->tracker, &batch, NULL);
    if (status != DC_OK)
      return dc_error_set(error, status, "a batch cannot be learnt from: %s",
                          dc_status_text(status));
    row += batch.rows;
  }
  transport->pending_rows -= row;
  memmove(transport->pending, transport->pending + row * adapter->dim,
          transport->pending_rows * adapter->dim * sizeof(float));
  return DC_OK;
}

static DcStatus
take_centroids(DcAdapter *adapter, DcError *error)
{
  DcTransportScorer *scorer = dc_transport_tracker_scorer(adapter->transport.tracker);
  if (!scorer)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for %zu centroids",
                        adapter->clusters.count);
  const double *found = dc_transport_scorer_centroids(scorer);
  for (size_t i = 0; i < adapter->clusters.count * adapter->dim; i++)
    adapter->clusters.centroids[i] = (float)found[i];
  dc_transport_scorer_free(scorer);
  return DC_OK;
}

DcStatus
dc_adapter_transport_step(DcAdapter *adapter, DcError *error)
{
  DcStatus status =
      dc_transport_tracker_configure(adapter->transport.tracker, adapter->config.adaptation_rate,
                                     private_memory(adapter), error);
  if (status == DC_OK)
    status = learn_pending(adapter, error);
  return status == DC_OK ? take_centroids(adapter, error) : status;
}
