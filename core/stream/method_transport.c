/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/method_transport.h"

#include "base/memory.h"
#include "cluster/transport_regroup.h"
#include "stream/adapter_private.h"
#include "stream/open_world.h"

#include <math.h>
#include <string.h>

/* Embeddings from the taking of the window, in which a new start after a jump is searched, to its
 * use: time for a thread to find it. */
#define SEARCH_DELAY 256

enum { BATCH = 64 };

static size_t
smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* ---- memory ---- */

static bool
open_state(DcAdapter *adapter)
{
  adapter->state = DC_NEW(DcTransportMethod, 1);
  return adapter->state != NULL;
}

void
dc_transport_method_drop(DcTransportMethod *transport)
{
  dc_background_finish(&transport->search);
  dc_transport_tracker_free(transport->tracker);
  transport->tracker = NULL;
}

static void
close_state(void *state)
{
  DcTransportMethod *transport = state;
  if (!transport)
    return;
  dc_transport_method_drop(transport);
  dc_pending_clear(&transport->pending);
  dc_free(transport);
}

static bool
reserve(DcAdapter *adapter)
{
  return dc_pending_reserve(&dc_transport_method(adapter)->pending,
                            dc_adapter_pending_capacity(adapter), adapter->dim);
}

/* ---- trackers ---- */

DcTransportOptions
dc_transport_method_options(const DcAdapter *adapter)
{
  bool simple = adapter->config.effort == DC_EFFORT_SIMPLE;
  DcTransportOptions options = simple ? dc_transport_options_simple() : dc_transport_options();
  if (!simple)
    options.search_delay = SEARCH_DELAY;
  /* Where new things get clusters of their own, a crowd of them must not be taken for the known
   * ones in another light. */
  options.restarts = !dc_open_world_is_active(adapter);
  return options;
}

DcStatus
dc_transport_method_track(DcAdapter *adapter, DcTransportSource *source, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  DcTransportTracker *tracker = NULL;
  DcTransportOptions options = dc_transport_method_options(adapter);
  DcStatus status = dc_transport_tracker_new(source, &options, &tracker, error);
  if (status != DC_OK)
    return status;
  dc_transport_method_drop(transport);
  transport->tracker = tracker;
  transport->pending.count = 0;
  return DC_OK;
}

/* A model that starts a stream tells its source itself, from more than the stream could soon show;
 * it is not described again. */
static DcStatus
restart(DcAdapter *adapter, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  DcTransportSource *source = adapter->config.source;
  dc_transport_method_forget_source(adapter);
  if (!source || source->clusters != adapter->clusters.count || adapter->accepted)
    return DC_OK;
  transport->source_due = UINT64_MAX;
  return dc_transport_method_track(adapter, source, error);
}

/* The maps go on, and the prototypes change hands; where they cannot, the source is described
 * anew. */
static DcStatus
regroup(DcAdapter *adapter, const DcRegrouping *regrouping, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  const DcTransportRegrouping plan = {
      .clusters = regrouping->count,
      .centroids = regrouping->centroids,
      .heirs = regrouping->heirs,
      .newborn = regrouping->newborn,
      .seed = adapter->config.seed,
  };
  DcTransportTracker *made = NULL;
  (void)error;
  dc_background_finish(&transport->search);
  if (transport->tracker)
    dc_transport_tracker_regroup(transport->tracker, &plan, &made, NULL);
  if (!made) {
    dc_transport_method_forget_source(adapter);
    return DC_OK;
  }
  dc_transport_method_drop(transport);
  transport->tracker = made;
  return DC_OK;
}

/* ---- receiving ---- */

static void
receive(DcAdapter *adapter, const DcMatrix *rows)
{
  DcTransportMethod *transport = adapter->state;
  if (transport->tracker)
    dc_pending_add(&transport->pending, rows);
}

/* Forgets what is pending: the clusters are frozen. */
static void
skip(DcAdapter *adapter)
{
  DcTransportMethod *transport = adapter->state;
  transport->pending.count = 0;
  /* What is remembered from now on may be of a domain that the maps never saw. */
  if (transport->tracker && transport->source_due != UINT64_MAX)
    transport->source_due = adapter->accepted + adapter->config.window;
}

/* ---- stepping ---- */

/* The half-life counts stream time, the private memory own samples: what comes in a half-life is
 * known from the stream so far. */
static double
private_memory(const DcAdapter *adapter)
{
  double half_life = dc_stream_clock_embeddings(&adapter->clock, adapter->config.half_life);
  if (half_life <= 0)
    return dc_transport_options().private_memory;
  return fmax(dc_transport_private_memory(half_life, adapter->clusters.count), 1);
}

static void
run_search(void *search)
{
  dc_transport_search_run(search);
}

/* Has a search run on a thread of its own, and ends the thread of one that is over. Where there is
 * no thread, the step that needs the result runs the search. */
static void
tend_search(DcAdapter *adapter)
{
  DcTransportMethod *transport = adapter->state;
  DcTransportSearch *search = dc_transport_tracker_search(transport->tracker);
  if (!search)
    dc_background_finish(&transport->search);
  else if (adapter->config.background && !transport->search.running)
    dc_background_start(&transport->search, run_search, search);
}

/* Learns in batches of at most 64. With less than a batch pending and an interval shorter than a
 * batch it waits for more. */
static DcStatus
learn_pending(DcAdapter *adapter, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  DcPending *pending = &transport->pending;
  size_t least = adapter->config.interval < BATCH ? BATCH : 1, row = 0;
  while (pending->count - row >= least && row < pending->count) {
    DcMatrix batch = dc_pending_view(pending, row, smaller(pending->count - row, BATCH));
    DcStatus status = dc_transport_tracker_step(transport->tracker, &batch, NULL);
    if (status != DC_OK)
      return dc_error_set(error, status, "a batch cannot be learnt from: %s",
                          dc_status_text(status));
    tend_search(adapter);
    row += batch.rows;
  }
  dc_pending_drop(pending, row);
  return DC_OK;
}

/* What labels, with the pinned clusters held; NULL when memory is short. */
static DcTransportScorer *
make_held_scorer(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  DcTransportScorer *scorer = dc_transport_tracker_scorer(dc_transport_method(adapter)->tracker);
  for (size_t k = 0; k < clusters->count && scorer; k++)
    if (clusters->infos[k].pinned)
      dc_transport_scorer_hold(scorer, k, clusters->pins + k * clusters->dim,
                               (double)clusters->reach[k]);
  return scorer;
}

static DcStatus
take_centroids(DcAdapter *adapter, DcError *error)
{
  DcTransportScorer *scorer = make_held_scorer(adapter);
  if (!scorer)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for %zu centroids",
                        adapter->clusters.count);
  const double *found = dc_transport_scorer_centroids(scorer);
  for (size_t i = 0; i < adapter->clusters.count * adapter->dim; i++)
    adapter->clusters.centroids[i] = (float)found[i];
  dc_transport_scorer_free(scorer);
  return DC_OK;
}

static DcStatus
track(DcAdapter *adapter, DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  DcStatus status =
      dc_transport_tracker_configure(transport->tracker, adapter->config.adaptation_rate,
                                     private_memory(adapter), error);
  if (status == DC_OK)
    status = learn_pending(adapter, error);
  return status == DC_OK ? take_centroids(adapter, error) : status;
}

/* Until there is a source, attention keeps the centroids. */
static DcStatus
move(DcAdapter *adapter, DcError *error)
{
  DcStatus status = dc_transport_method(adapter)->tracker
                        ? track(adapter, error)
                        : dc_adapter_follow(adapter, dc_propose_attention, error);
  return status == DC_OK ? dc_transport_method_describe_when_due(adapter, error) : status;
}

/* ---- what readers see ---- */

static bool
read_by_maps(const DcAdapter *adapter, DcSnapshotParts *parts)
{
  const DcTransportTracker *tracker = dc_transport_method(adapter)->tracker;
  parts->scorer = tracker ? make_held_scorer(adapter) : NULL;
  return parts->scorer || !tracker;
}

static void
describe_state(const DcAdapter *adapter, DcAdapterStats *stats)
{
  DcTransportTracker *tracker = dc_transport_method(adapter)->tracker;
  if (!tracker)
    return;
  DcTransportStats transport = dc_transport_tracker_stats(tracker);
  stats->transported = true;
  stats->expert = transport.selected;
  stats->domains = transport.remembered;
  stats->calm = transport.calm;
  stats->displacement = transport.displacement;
  stats->jumps = transport.jumps;
  const double *figure = dc_transport_tracker_source(tracker)->figure;
  if (transport.seen && figure[DC_TRANSPORT_DEVIATION] > 0)
    stats->fit =
        (transport.likelihood - figure[DC_TRANSPORT_LIKELIHOOD]) / figure[DC_TRANSPORT_DEVIATION];
}

const DcAdaptMethod dc_method_transport = {
    .name = "transport",
    .open = open_state,
    .close = close_state,
    .reserve = reserve,
    .restart = restart,
    .regroup = regroup,
    .warmed_up = dc_transport_method_begin,
    .receive = receive,
    .move = move,
    .skip = skip,
    .read = read_by_maps,
    .describe = describe_state,
    .arrays = dc_transport_method_arrays,
    .restore = dc_transport_method_restore,
};

DcTransportMethod *
dc_transport_method(const DcAdapter *adapter)
{
  return adapter->state;
}
