/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/secu_stream.h"
#include "stream/adapter_private.h"
#include "stream/pending.h"

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
#define BATCH   64

typedef struct {
  DcPending pending;
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

static bool
reserve(DcAdapter *adapter)
{
  Secu *secu = adapter->state;
  return dc_pending_reserve(&secu->pending, dc_adapter_pending_capacity(adapter), adapter->dim);
}

/* A stream that starts at the centroids there are. */
static DcSecuStream *
start_stream(const DcAdapter *adapter)
{
  const DcClusters *clusters = &adapter->clusters;
  DcSecuStream *stream = dc_secu_stream_new(clusters->count, clusters->dim, BATCH);
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
regroup(DcAdapter *adapter, const size_t *from, DcError *error)
{
  Secu *secu = adapter->state;
  DcSecuStream *before = secu->stream;
  secu->stream = NULL;
  DcStatus status = restart(adapter, error);
  for (size_t k = 0; before && status == DC_OK && k < secu->stream->clusters; k++) {
    if (from[k] == DC_NEW_CLUSTER)
      continue;
    memcpy(secu->stream->centres + k * adapter->dim, before->centres + from[k] * adapter->dim,
           adapter->dim * sizeof(float));
    secu->stream->lengths[k] = before->lengths[from[k]];
    secu->stream->counts[k] = before->counts[from[k]];
  }
  dc_secu_stream_free(before);
  return status;
}

/* ---- learning ---- */

static void
receive(DcAdapter *adapter, const DcMatrix *rows)
{
  dc_pending_add(&((Secu *)adapter->state)->pending, rows);
}

static void
skip(DcAdapter *adapter)
{
  ((Secu *)adapter->state)->pending.count = 0;
}

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
move(DcAdapter *adapter, DcError *error)
{
  DcClusters *clusters = &adapter->clusters;
  Secu *secu = adapter->state;
  DcSecuStreamOptions options = options_of(adapter);
  for (size_t row = 0; row < secu->pending.count; row += BATCH) {
    size_t left = secu->pending.count - row;
    DcMatrix batch = dc_pending_view(&secu->pending, row, left < BATCH ? left : BATCH);
    DcStatus status = dc_secu_stream_step(secu->stream, &options, &batch);
    if (status != DC_OK)
      return dc_error_set(error, status, "a batch cannot be learnt from: %s",
                          dc_status_text(status));
  }
  secu->pending.count = 0;
  DcMatrix centroids = dc_matrix(clusters->centroids, clusters->count, clusters->dim);
  dc_secu_stream_centroids(secu->stream, &centroids);
  return DC_OK;
}

/* ---- what readers see ---- */

/* p = softmax of x.w / temperature = softmax of -|x - w|^2 / (2 temperature), all of unit length.
 */
static bool
read_by_angle(const DcAdapter *adapter, DcSnapshotParts *parts)
{
  const DcSecuStream *stream = ((Secu *)adapter->state)->stream;
  DcReading *reading = dc_reading_new(DC_READ_UNIT, stream->clusters, stream->dim, false);
  if (!reading)
    return false;
  memcpy(reading->keys, stream->centres, stream->clusters * stream->dim * sizeof(float));
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
    .reserve = reserve,
    .restart = restart,
    .regroup = regroup,
    .receive = receive,
    .move = move,
    .skip = skip,
    .read = read_by_angle,
    .arrays = list_arrays,
    .restore = restore,
};
