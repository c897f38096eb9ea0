/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/transport_tracker.h"
#include "store/state_private.h"

#include <string.h>

/* Source and maps of transport tracking, as the F64 matrices that its own parts name, and what the
 * adapter keeps besides. */

#define ARRAYS (DC_TRANSPORT_SOURCE_ARRAYS + DC_TRANSPORT_TRACKER_ARRAYS)

/* --- from the adapter into a state --- */

void
dc_state_capture_transport(DcState *state, const DcAdapter *adapter)
{
  const DcAdapterTransport *transport = &adapter->transport;
  dc_state_add_int(state, "transport.source_due", transport->source_due);
  dc_state_add_int(state, "transport.last_time", transport->last_time);
  dc_state_add_int(state, "transport.elapsed", transport->elapsed);
  dc_state_add_int(state, "transport.timed", transport->timed);
  if (!transport->tracker)
    return;
  dc_state_add_copy(state, "transport.pending", DC_TENSOR_F32, 2, transport->pending_rows,
                    adapter->dim, transport->pending);
  DcTransportArray arrays[ARRAYS];
  dc_transport_source_arrays(dc_transport_tracker_source(transport->tracker), arrays);
  size_t count =
      DC_TRANSPORT_SOURCE_ARRAYS +
      dc_transport_tracker_arrays(transport->tracker, arrays + DC_TRANSPORT_SOURCE_ARRAYS);
  for (size_t i = 0; i < count; i++)
    dc_state_add_copy(state, arrays[i].name, DC_TENSOR_F64, 2, arrays[i].rows, arrays[i].cols,
                      arrays[i].data);
}

/* --- from a state into the adapter --- */

static bool
take_int(const DcState *state, const char *name, uint64_t *value)
{
  const DcTensor *tensor = dc_state_find(state, name);
  if (!tensor || tensor->type != DC_TENSOR_I64 || tensor->rank != 0)
    return false;
  memcpy(value, tensor->data, sizeof *value);
  return true;
}

/* All matrices of doubles; returns how many. */
static size_t
list_arrays(const DcState *state, DcTransportArray arrays[DC_STATE_MAX_TENSORS])
{
  size_t count = 0;
  for (size_t i = 0; i < state->count; i++) {
    const DcTensor *tensor = &state->tensors[i];
    if (tensor->type == DC_TENSOR_F64 && tensor->rank == 2)
      arrays[count++] =
          (DcTransportArray){tensor->name, tensor->data, tensor->shape[0], tensor->shape[1]};
  }
  return count;
}

static DcStatus
make_tracker(const DcAdapter *adapter, const DcTransportArray *arrays, size_t count,
             DcTransportTracker **tracker, DcError *error)
{
  DcTransportSource *source;
  DcStatus status = dc_transport_source_restore(arrays, count, &source, error);
  if (status)
    return status;
  if (source->clusters != adapter->clusters.count || source->input_dim != adapter->dim)
    status =
        dc_error_set(error, DC_ERROR_FORMAT,
                     "the state has %zu clusters of %zu numbers, but transport tracking in it "
                     "%zu of %zu",
                     adapter->clusters.count, adapter->dim, source->clusters, source->input_dim);
  DcTransportOptions options = dc_transport_options();
  if (!status)
    status = dc_transport_tracker_new(source, &options, tracker, error);
  dc_transport_source_unref(source);
  if (!status)
    status = dc_transport_tracker_restore(*tracker, arrays, count, error);
  if (status) {
    dc_transport_tracker_free(*tracker);
    *tracker = NULL;
  }
  return status;
}

/* Of another interval, the oldest that there is room for. */
static DcStatus
restore_pending(const DcState *state, DcAdapter *adapter, DcError *error)
{
  DcAdapterTransport *transport = &adapter->transport;
  const DcTensor *pending = dc_state_find(state, "transport.pending");
  if (!pending)
    return DC_OK;
  if (pending->type != DC_TENSOR_F32 || pending->rank != 2 || pending->shape[1] != adapter->dim)
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "tensor \"transport.pending\" does not hold rows of %zu numbers",
                        adapter->dim);
  size_t rows = pending->shape[0] < transport->capacity ? pending->shape[0] : transport->capacity;
  DcMatrix found = dc_matrix(pending->data, rows, adapter->dim);
  DcMatrix target = dc_matrix(transport->pending, rows, adapter->dim);
  if (!dc_matrix_is_finite(&found))
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "tensor \"transport.pending\" holds NaN or infinity");
  dc_matrix_copy(&found, &target);
  transport->pending_rows = rows;
  return DC_OK;
}

DcStatus
dc_state_restore_transport(const DcState *state, DcAdapter *adapter, DcError *error)
{
  DcAdapterTransport *transport = &adapter->transport;
  dc_adapter_transport_restart(adapter);
  if (!take_int(state, "transport.last_time", &transport->last_time) ||
      !take_int(state, "transport.elapsed", &transport->elapsed) ||
      !take_int(state, "transport.timed", &transport->timed) ||
      adapter->config.method != DC_METHOD_TRANSPORT ||
      !take_int(state, "transport.source_due", &transport->source_due) ||
      !dc_state_find(state, "transport.source.basis"))
    return DC_OK;
  DcTransportArray arrays[DC_STATE_MAX_TENSORS];
  size_t count = list_arrays(state, arrays);
  DcStatus status = make_tracker(adapter, arrays, count, &transport->tracker, error);
  return status ? status : restore_pending(state, adapter, error);
}
