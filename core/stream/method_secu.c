/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/secu_stream.h"
#include "stream/adapter_private.h"
#include "stream/pending.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

/* SeCu on a stream (cluster/secu_stream.h): centres on the unit sphere, each moved by its own hard
 * samples, under a preference for clusters of equal size. */

#define TEMPERATURE 0.05  /* of the paper */
#define BALANCE     0.002 /* in units of a cosine */
/* A centre moves by at most so much of the way to its new members in one batch. */
#define LARGEST_SHARE 0.5
/* Hard samples of its own over which a centre forgets, without a half-life. */
#define HORIZON 50.0

typedef struct {
  DcPending pending;    /* first: see pending.h */
  DcSecuStream *stream; /* NULL before there are clusters */
} Secu;

static bool
open_state(DcAdapter *adapter)
{
  adapter->state = DC_NEW(Secu, 1);
  return adapter->state != NULL;
}

static void
close_state(void *state)
{
  Secu *secu = state;
  if (!secu)
    return;
  dc_secu_stream_free(secu->stream);
  dc_pending_clear(&secu->pending);
  dc_free(secu);
}

/* A stream that starts at the centroids there are. */
static DcSecuStream *
start_stream(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  DcSecuStream *stream = dc_secu_stream_new(clusters->count, clusters->dim, DC_PENDING_BATCH);
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  if (stream)
    dc_secu_stream_start(stream, &centroids);
  return stream;
}

static DcStatus
restart(DcAdapter *adapter, DcError *error)
{
  Secu *secu = adapter->state;
  dc_secu_stream_free(secu->stream);
  secu->stream = NULL;
  secu->pending.count = 0;
  if (!adapter->clusters.count)
    return DC_OK;
  secu->stream = start_stream(adapter);
  if (!secu->stream)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for %zu centres",
                        adapter->clusters.count);
  return DC_OK;
}

static DcStatus
regroup(DcAdapter *adapter, const DcRegrouping *regrouping, DcError *error)
{
  Secu *secu = adapter->state;
  const size_t *from = regrouping->from;
  DcSecuStream *before = secu->stream;
  secu->stream = NULL;
  DcStatus status = restart(adapter, error);
  for (size_t k = 0; before && status == DC_OK && k < secu->stream->clusters; k++) {
    if (from[k] == DC_NEW_CLUSTER)
      continue;
    if (dc_regrouping_leaves(regrouping, before->clusters, k))
      memcpy(secu->stream->centres + k * adapter->dim, before->centres + from[k] * adapter->dim,
             adapter->dim * sizeof(float));
    secu->stream->lengths[k] = before->lengths[from[k]];
    secu->stream->counts[k] = before->counts[from[k]];
  }
  dc_secu_stream_free(before);
  return status;
}

/* ---- learning ---- */

static DcSecuStreamOptions
options_of(const DcAdapter *adapter)
{
  double half_life = dc_adapter_half_life(adapter, 0);
  double horizon = half_life > 0 ? half_life / ((double)adapter->clusters.count * log(2)) : HORIZON;
  return (DcSecuStreamOptions){
      .temperature = TEMPERATURE,
      .weight = BALANCE,
      .horizon = fmax(horizon, 1) / adapter->config.adaptation_rate,
      .half_life = half_life > 0 ? half_life : (double)adapter->config.window,
      .most = LARGEST_SHARE * adapter->config.adaptation_rate,
  };
}

static DcStatus
learn(DcAdapter *adapter, const DcMatrix *batch)
{
  DcSecuStreamOptions options = options_of(adapter);
  return dc_secu_stream_step(((Secu *)adapter->state)->stream, &options, batch);
}

static DcStatus
move(DcAdapter *adapter, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  Secu *secu = adapter->state;
  DcStatus status = DC_OK;
  if (!secu->stream) /* there was no memory when the clusters changed */
    status = restart(adapter, error);
  if (status == DC_OK)
    status = dc_pending_method_learn(adapter, learn, error);
  if (status != DC_OK)
    return status;
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  dc_secu_stream_centroids(secu->stream, &centroids);
  return DC_OK;
}

/* ---- what readers see ---- */

/* Pinned clusters are where they are held, not where their centre would go. */
static void
take_pinned(const DcAdapter *adapter, DcReading *reading)
{
  const DcClusters *clusters = &adapter->clusters;
  for (size_t k = 0; k < clusters->count; k++) {
    if (!clusters->infos[k].pinned)
      continue;
    DcMatrix key = dc_matrix(reading->keys + k * clusters->dim, 1, clusters->dim);
    memcpy(key.data, clusters->centroids + k * clusters->dim, clusters->dim * sizeof(float));
    dc_normalise_rows(&key);
  }
}

/* p = softmax of x.w / temperature = softmax of -|x - w|^2 / (2 temperature), all of unit length.
 */
static bool
read_by_angle(const DcAdapter *adapter, DcSnapshotParts *parts)
{
  const DcSecuStream *stream = ((Secu *)adapter->state)->stream;
  if (!stream)
    return false;
  DcReading *reading = dc_reading_new(DC_READ_UNIT, stream->clusters, stream->dim, false);
  if (!reading)
    return false;
  memcpy(reading->keys, stream->centres, stream->clusters * stream->dim * sizeof(float));
  take_pinned(adapter, reading);
  reading->scale = 1 / (2 * TEMPERATURE);
  parts->reading = reading;
  return true;
}

/* ---- state ---- */

static size_t
list_arrays(const DcAdapter *adapter, DcMethodArray arrays[DC_METHOD_MAX_ARRAYS])
{
  const Secu *secu = adapter->state;
  const DcSecuStream *stream = secu->stream;
  if (!stream)
    return 0;
  arrays[0] = dc_pending_array(&secu->pending, "secu.pending");
  arrays[1] = (DcMethodArray){"secu.centres", DC_METHOD_FLOATS, stream->clusters, stream->dim,
                              stream->centres};
  arrays[2] =
      (DcMethodArray){"secu.lengths", DC_METHOD_DOUBLES, 1, stream->clusters, stream->lengths};
  arrays[3] =
      (DcMethodArray){"secu.counts", DC_METHOD_DOUBLES, 1, stream->clusters, stream->counts};
  return 4;
}

static DcStatus
restore_centres(DcSecuStream *stream, const DcMethodArray *centres, DcError *error)
{
  if (centres->rows != stream->clusters || centres->cols != stream->dim)
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "tensor \"secu.centres\" is not %zu rows of %zu numbers", stream->clusters,
                        stream->dim);
  const float *numbers = centres->data;
  for (size_t i = 0; i < stream->clusters * stream->dim; i++) {
    if (!(fabsf(numbers[i]) <= 1.001f)) /* of unit length, to rounding */
      return dc_error_set(error, DC_ERROR_FORMAT,
                          "tensor \"secu.centres\" holds %g, which no centre of unit length has",
                          (double)numbers[i]);
    stream->centres[i] = numbers[i];
  }
  return DC_OK;
}

static DcStatus
restore(DcAdapter *adapter, const DcMethodArray *arrays, size_t count, DcError *error)
{
  Secu *secu = adapter->state;
  DcStatus status = restart(adapter, error);
  const DcMethodArray *centres =
      dc_method_array_find(arrays, count, "secu.centres", DC_METHOD_FLOATS);
  const DcMethodArray *lengths =
      dc_method_array_find(arrays, count, "secu.lengths", DC_METHOD_DOUBLES);
  const DcMethodArray *counts =
      dc_method_array_find(arrays, count, "secu.counts", DC_METHOD_DOUBLES);
  DcSecuStream *stream = secu->stream;
  if (status != DC_OK || !centres || !lengths || !counts || !stream)
    return status;
  status = restore_centres(stream, centres, error);
  if (status == DC_OK)
    status =
        dc_method_read_row(lengths, stream->clusters, -FLT_MAX, FLT_MAX, stream->lengths, error);
  if (status == DC_OK)
    status = dc_method_read_row(counts, stream->clusters, 0, INFINITY, stream->counts, error);
  if (status != DC_OK)
    return status;
  return dc_pending_restore(&secu->pending,
                            dc_method_array_find(arrays, count, "secu.pending", DC_METHOD_FLOATS),
                            error);
}

const DcAdaptMethod dc_method_secu = {
    .name = "secu",
    .open = open_state,
    .close = close_state,
    .reserve = dc_pending_method_reserve,
    .restart = restart,
    .regroup = regroup,
    .receive = dc_pending_method_receive,
    .move = move,
    .skip = dc_pending_method_skip,
    .read = read_by_angle,
    .arrays = list_arrays,
    .restore = restore,
};
