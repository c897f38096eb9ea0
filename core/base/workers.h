/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_WORKERS_H
#define DC_BASE_WORKERS_H

#include <stddef.h>

/* Threads that wait to share a piece of work: started once, woken for each piece, so that a step of
 * a few milliseconds can be split. The caller is one of them. */
typedef struct DcWorkers DcWorkers;

/* What one worker does; `worker` is 0 .. count - 1. */
typedef void (*DcWork)(void *data, size_t worker);

/* `count` >= 1 workers, count - 1 of them new threads. NULL when memory or threads are short. */
DcWorkers *dc_workers_new(size_t count);

/* Ends the threads; NULL is ignored. */
void dc_workers_free(DcWorkers *workers);

size_t dc_workers_count(const DcWorkers *workers);

/* Calls `work` once for every worker, each in its own thread (0 in the caller's), and returns when
 * all have returned. What one writes before is seen by all, and what they write is seen after. One
 * caller at a time. Allocates nothing. */
void dc_workers_run(DcWorkers *workers, DcWork work, void *data);

/* The first of worker's share when `total` things are split evenly; its end is the first of
 * worker + 1. */
static inline size_t
dc_workers_share(size_t total, size_t count, size_t worker)
{
  return total / count * worker + (total % count) * worker / count;
}

#endif
