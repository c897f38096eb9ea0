/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_BASE_BACKGROUND_H
#define DC_BASE_BACKGROUND_H

#include <pthread.h>
#include <stdbool.h>

/* One piece of work on a thread of its own, for what takes long, is rare, and is not needed at
 * once. One of zeros is idle; it must stay where it is while it is not. */
typedef struct {
  pthread_t thread;
  bool running;
  void (*work)(void *data);
  void *data;
} DcBackground;

/* Calls work(data) on a new thread; `background` must be idle. False when there is no thread to be
 * had: the work is left undone, and `background` idle. */
bool dc_background_start(DcBackground *background, void (*work)(void *data), void *data);

/* Waits for the end of the work; at once where there is none. */
void dc_background_finish(DcBackground *background);

#endif
