/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_CLOCK_H
#define DC_STREAM_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* The most stream time that is counted, in ns: 126 years, which only a broken clock goes beyond. */
#define DC_CLOCK_MOST UINT64_C(4000000000000000000)

/* How fast embeddings come in stream time: what is set in stream time (a half-life) can so be
 * counted in embeddings. A clock of zeros is new. */
typedef struct {
  uint64_t last_time; /* of the embedding before, ns */
  uint64_t elapsed;   /* stream time that went by, ns, without jumps backwards; stays at
                         DC_CLOCK_MOST */
  uint64_t timed;     /* embeddings that came in it */
} DcStreamClock;

/* `rows` embeddings of stream time `time` (ns, or DC_TIME_UNKNOWN). */
void dc_stream_clock_note(DcStreamClock *clock, size_t rows, uint64_t time);

/* How many embeddings come in `duration` ns; 0 while that is not known. */
double dc_stream_clock_embeddings(const DcStreamClock *clock, uint64_t duration);

#endif
