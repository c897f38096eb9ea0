/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L
#include "base/workers.h"

#include "base/memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  DcWorkers *workers;
  size_t index;
  pthread_t thread;
} Worker;

/* Lock order: there is one lock. */
struct DcWorkers {
  size_t count;   /* with the caller */
  size_t started; /* threads to join */
  Worker *threads;
  pthread_mutex_t lock;
  pthread_cond_t woken, done;
  /* Under the lock: */
  uint64_t turn; /* grows with every piece of work */
  size_t busy;   /* threads that have not finished it */
  bool quit;
  DcWork work;
  void *data;
};

/* Waits for a turn after `seen`; false when it is time to quit. */
static bool
wait_for_turn(DcWorkers *workers, uint64_t *seen)
{
  pthread_mutex_lock(&workers->lock);
  while (workers->turn == *seen && !workers->quit)
    pthread_cond_wait(&workers->woken, &workers->lock);
  *seen = workers->turn;
  const bool go_on = !workers->quit;
  pthread_mutex_unlock(&workers->lock);
  return go_on;
}

static void
finish_turn(DcWorkers *workers)
{
  pthread_mutex_lock(&workers->lock);
  if (--workers->busy == 0)
    pthread_cond_signal(&workers->done);
  pthread_mutex_unlock(&workers->lock);
}

static void *
run_thread(void *argument)
{
  const Worker *worker = argument;
  DcWorkers *workers = worker->workers;
  uint64_t seen = 0;
  while (wait_for_turn(workers, &seen)) {
    workers->work(workers->data, worker->index);
    finish_turn(workers);
  }
  return NULL;
}

DcWorkers *
dc_workers_new(size_t count)
{
  DcWorkers *workers = DC_NEW(DcWorkers, 1);
  if (!workers)
    return NULL;
  pthread_mutex_init(&workers->lock, NULL);
  pthread_cond_init(&workers->woken, NULL);
  pthread_cond_init(&workers->done, NULL);
  workers->count = count;
  workers->threads = DC_NEW(Worker, count - 1);
  while (workers->threads && workers->started + 1 < count) {
    Worker *worker = &workers->threads[workers->started];
    *worker = (Worker){.workers = workers, .index = workers->started + 1};
    if (pthread_create(&worker->thread, NULL, run_thread, worker))
      break;
    workers->started++;
  }
  if (!workers->threads || workers->started + 1 < count) {
    dc_workers_free(workers);
    return NULL;
  }
  return workers;
}

void
dc_workers_free(DcWorkers *workers)
{
  if (!workers)
    return;
  pthread_mutex_lock(&workers->lock);
  workers->quit = true;
  pthread_cond_broadcast(&workers->woken);
  pthread_mutex_unlock(&workers->lock);
  for (size_t i = 0; i < workers->started; i++)
    pthread_join(workers->threads[i].thread, NULL);
  pthread_cond_destroy(&workers->done);
  pthread_cond_destroy(&workers->woken);
  pthread_mutex_destroy(&workers->lock);
  dc_free(workers->threads);
  dc_free(workers);
}

size_t
dc_workers_count(const DcWorkers *workers)
{
  return workers->count;
}

void
dc_workers_run(DcWorkers *workers, DcWork work, void *data)
{
  pthread_mutex_lock(&workers->lock);
  workers->work = work;
  workers->data = data;
  workers->busy = workers->started;
  workers->turn++;
  pthread_cond_broadcast(&workers->woken);
  pthread_mutex_unlock(&workers->lock);
  work(data, 0);
  pthread_mutex_lock(&workers->lock);
  while (workers->busy)
    pthread_cond_wait(&workers->done, &workers->lock);
  pthread_mutex_unlock(&workers->lock);
}
