/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream/clock.h"

#include "stream/memory.h"

void
dc_stream_clock_note(DcStreamClock *clock, size_t rows, uint64_t time)
{
  if (time == DC_TIME_UNKNOWN)
    return;
  if (clock->timed && time > clock->last_time) {
    const uint64_t step = time - clock->last_time, room = DC_CLOCK_MOST - clock->elapsed;
    clock->elapsed += step < room ? step : room;
  }
  clock->timed += rows;
  clock->last_time = time;
}

double
dc_stream_clock_embeddings(const DcStreamClock *clock, uint64_t duration)
{
  if (!clock->elapsed)
    return 0;
  return (double)duration / (double)clock->elapsed * (double)clock->timed;
}
