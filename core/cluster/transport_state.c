/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_tracker_private.h"

#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

/* Largest whole number that every double up to it holds exactly. */
#define LARGEST_COUNT 9007199254740992.0

static size_t
list_arrays(DcTransportTracker *t, DcTransportArray arrays[DC_TRANSPORT_TRACKER_ARRAYS])
{
  size_t d = t->source->dim, k = t->source->clusters, slots = t->slots;
  size_t experts = t->options.experts, window = t->options.window, count = 0;
  arrays[count++] = (DcTransportArray){"transport.matrix", t->matrices, slots * d, d};
  arrays[count++] = (DcTransportArray){"transport.shift", t->shifts, slots, d};
  arrays[count++] = (DcTransportArray){"transport.offset", t->offsets, slots * k, d};
  arrays[count++] = (DcTransportArray){"transport.level", t->levels, 1, slots};
  arrays[count++] = (DcTransportArray){"transport.chosen", t->chosen, 1, slots};
  arrays[count++] = (DcTransportArray){"transport.turn", t->turns, experts * d, d};
  arrays[count++] = (DcTransportArray){"transport.drift", t->drifts, experts, d};
  arrays[count++] = (DcTransportArray){"transport.occupancy", t->occupancy, 1, k};
  arrays[count++] = (DcTransportArray){"transport.counter", t->packed, 1, COUNTERS};
  if (!window)
    return count;
  const double *given, *matrix, *shift;
  dc_transport_search_given(t->search, &given, &matrix, &shift);
  arrays[count++] = (DcTransportArray){"transport.window", t->window, window, d};
  arrays[count++] = (DcTransportArray){"transport.search.window", given, window, d};
  arrays[count++] = (DcTransportArray){"transport.search.matrix", matrix, d, d};
  arrays[count++] = (DcTransportArray){"transport.search.shift", shift, 1, d};
  return count;
}

size_t
dc_transport_tracker_arrays(DcTransportTracker *tracker,
                            DcTransportArray arrays[DC_TRANSPORT_TRACKER_ARRAYS])
{
  for (size_t i = 0; i < COUNTERS; i++)
    tracker->packed[i] = (double)tracker->counter[i];
  return list_arrays(tracker, arrays);
}

static DcStatus
unpack_counters(DcTransportTracker *t, DcError *error)
{
  for (size_t i = 0; i < COUNTERS; i++) {
    double number = t->packed[i];
    if (!(number >= 0 && number <= LARGEST_COUNT && number == floor(number)))
      return dc_error_set(error, DC_ERROR_FORMAT,
                          "transport.counter holds %g at %zu: not a whole number", number, i);
    t->counter[i] = (uint64_t)number;
  }
  const uint64_t *counter = t->counter;
  size_t window = t->options.window;
  if (counter[USED] < t->options.experts || counter[USED] > t->slots ||
      counter[SELECTED] >= counter[USED] || counter[WINDOW_COUNT] > window ||
      (window ? counter[WINDOW_NEXT] >= window : counter[WINDOW_NEXT] > 0) ||
      counter[SEARCHING] > (window > 0))
    return dc_error_set(error, DC_ERROR_FORMAT,
                        "transport.counter names expert %g of %g and row %g of a window of %zu",
                        t->packed[SELECTED], t->packed[USED], t->packed[WINDOW_NEXT], window);
  return DC_OK;
}

static DcStatus
derive_slots(DcTransportTracker *t, DcError *error)
{
  for (size_t slot = 0; slot < t->counter[USED]; slot++)
    if (!dc_transport_tracker_derive(t, slot))
      return dc_error_set(error, DC_ERROR_FORMAT, "transport.matrix %zu cannot be inverted", slot);
  return DC_OK;
}

static DcStatus
read_arrays(DcTransportTracker *t, const DcTransportArray *arrays, size_t count, DcError *error)
{
  DcTransportArray wanted[DC_TRANSPORT_TRACKER_ARRAYS];
  if (t->options.window) /* gives the arrays of the search a place to be read into */
    dc_transport_search_begin(t->search, t->maps[0].matrix, t->maps[0].shift);
  size_t needed = list_arrays(t, wanted);
  for (size_t i = 0; i < needed; i++) {
    /* The views of this tracker are its own memory. */
    DcStatus status = dc_transport_array_read(arrays, count, wanted[i].name, wanted[i].rows,
                                              wanted[i].cols, (double *)wanted[i].data, error);
    if (status)
      return status;
  }
  DcStatus status = unpack_counters(t, error);
  return status ? status : derive_slots(t, error);
}

DcStatus
dc_transport_tracker_restore(DcTransportTracker *tracker, const DcTransportArray *arrays,
                             size_t count, DcError *error)
{
  DcStatus status = read_arrays(tracker, arrays, count, error);
  if (status)
    dc_transport_tracker_reset(tracker);
  return status;
}

DcStatus
dc_transport_tracker_continue(DcTransportTracker *tracker, DcTransportSource *source,
                              DcTransportTracker **made, DcError *error)
{
  DcTransportArray arrays[DC_TRANSPORT_TRACKER_ARRAYS];
  size_t count = dc_transport_tracker_arrays(tracker, arrays);
  *made = NULL;
  DcStatus status = dc_transport_tracker_new(source, &tracker->options, made, error);
  if (status)
    return status;
  status = dc_transport_tracker_restore(*made, arrays, count, error);
  if (status) {
    dc_transport_tracker_free(*made);
    *made = NULL;
  }
  return status;
}
