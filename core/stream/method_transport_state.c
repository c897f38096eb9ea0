/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "stream/adapter_private.h"
#include "stream/method_transport.h"

#include <string.h>

/* What transport tracking knows of a stream, as the arrays of a state, and back. */

#define MATRICES (DC_TRANSPORT_SOURCE_ARRAYS + DC_TRANSPORT_TRACKER_ARRAYS)

size_t
dc_transport_method_arrays(const DcAdapter *adapter, DcMethodArray arrays[DC_METHOD_MAX_ARRAYS])
{
  DcTransportMethod *transport = adapter->state;
  size_t count = 0;
  arrays[count++] =
      (DcMethodArray){"transport.source_due", DC_METHOD_WHOLE, 1, 1, &transport->source_due};
  arrays[count++] =
      (DcMethodArray){"transport.own_groups", DC_METHOD_WHOLE, 1, 1, &transport->own_groups};
  arrays[count++] =
      (DcMethodArray){"transport.described", DC_METHOD_WHOLE, 1, 1, &transport->described};
  if (!transport->tracker)
    return count;
  arrays[count++] = dc_pending_array(&transport->pending, "transport.pending");
  DcTransportArray matrices[MATRICES];
  dc_transport_source_arrays(dc_transport_tracker_source(transport->tracker), matrices);
  size_t listed =
      DC_TRANSPORT_SOURCE_ARRAYS +
      dc_transport_tracker_arrays(transport->tracker, matrices + DC_TRANSPORT_SOURCE_ARRAYS);
  for (size_t i = 0; i < listed; i++)
    arrays[count++] = (DcMethodArray){matrices[i].name, DC_METHOD_DOUBLES, matrices[i].rows,
                                      matrices[i].cols, matrices[i].data};
  return count;
}

static DcStatus
check_source(const DcAdapter *adapter, const DcTransportSource *source, DcError *error)
{
  if (source->clusters == adapter->clusters.count && source->input_dim == adapter->dim)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_FORMAT,
                      "the state has %zu clusters of %zu numbers, but transport tracking in it "
                      "%zu of %zu",
                      adapter->clusters.count, adapter->dim, source->clusters, source->input_dim);
}

/* Whether the maps are those of as many experts and domains as are kept here: with another effort
 * they start anew from the same source. */
static bool
has_all_maps(const DcAdapter *adapter, const DcTransportArray *arrays, size_t count)
{
  DcTransportOptions options = dc_transport_method_options(adapter);
  for (size_t i = 0; i < count; i++)
    if (strcmp(arrays[i].name, "transport.level") == 0)
      return arrays[i].cols == options.experts + options.remembered;
  return true; /* a missing one is an error of the tracker's */
}

static DcStatus
restore_tracker(DcAdapter *adapter, const DcTransportArray *arrays, size_t count, DcError *error)
{
  DcTransportSource *source;
  DcStatus status = dc_transport_source_restore(arrays, count, &source, error);
  if (status)
    return status;
  status = check_source(adapter, source, error);
  if (!status)
    status = dc_transport_method_track(adapter, source, error);
  dc_transport_source_unref(source);
  if (!status && has_all_maps(adapter, arrays, count))
    status =
        dc_transport_tracker_restore(dc_transport_method(adapter)->tracker, arrays, count, error);
  return status;
}

/* The matrices of doubles among `arrays`; the caller frees them. NULL when memory is short. */
static DcTransportArray *
select_matrices(const DcMethodArray *arrays, size_t count, size_t *selected)
{
  DcTransportArray *matrices = DC_NEW(DcTransportArray, count);
  *selected = 0;
  for (size_t i = 0; matrices && i < count; i++)
    if (arrays[i].type == DC_METHOD_DOUBLES)
      matrices[(*selected)++] =
          (DcTransportArray){arrays[i].name, arrays[i].data, arrays[i].rows, arrays[i].cols};
  return matrices;
}

DcStatus
dc_transport_method_restore(DcAdapter *adapter, const DcMethodArray *arrays, size_t count,
                            DcError *error)
{
  DcTransportMethod *transport = adapter->state;
  dc_transport_method_forget_source(adapter);
  const DcMethodArray *due =
      dc_method_array_find(arrays, count, "transport.source_due", DC_METHOD_WHOLE);
  if (!due)
    return DC_OK;
  transport->source_due = *(const uint64_t *)due->data;
  const DcMethodArray *own = /* absent in states of before there were such groups */
      dc_method_array_find(arrays, count, "transport.own_groups", DC_METHOD_WHOLE);
  transport->own_groups = own && *(const uint64_t *)own->data;
  const DcMethodArray *described = /* likewise: such a source is not read through maps */
      dc_method_array_find(arrays, count, "transport.described", DC_METHOD_WHOLE);
  transport->described = described ? *(const uint64_t *)described->data : 0;
  if (!dc_method_array_find(arrays, count, "transport.source.basis", DC_METHOD_DOUBLES))
    return DC_OK;
  size_t selected;
  DcTransportArray *matrices = select_matrices(arrays, count, &selected);
  if (!matrices)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to restore the maps");
  DcStatus status = restore_tracker(adapter, matrices, selected, error);
  dc_free(matrices);
  if (status)
    return status;
  const DcMethodArray *pending =
      dc_method_array_find(arrays, count, "transport.pending", DC_METHOD_FLOATS);
  return dc_pending_restore(&transport->pending, pending, error);
}
