/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/embedding-worker.h"

typedef struct {
  DriftclusterEmbeddingBlock *block;
  DcBufferTimes times;
} Job;

struct DcEmbeddingWorker {
  DcEmbeddingHandler handler;
  gpointer user_data;
  GThread *thread;

  GMutex mutex; /* guards what follows */
  GCond changed;
  Job *ring;
  guint capacity;
  guint first;   /* place of the oldest job */
  guint waiting; /* jobs in the ring */
  gboolean working;
  gboolean stopping;
};

/* Takes the oldest job, waiting for one; FALSE when the thread shall end. */
static gboolean
take_job(DcEmbeddingWorker *worker, Job *job)
{
  g_mutex_lock(&worker->mutex);
  worker->working = FALSE;
  g_cond_broadcast(&worker->changed);
  while (worker->waiting == 0 && !worker->stopping)
    g_cond_wait(&worker->changed, &worker->mutex);
  gboolean taken = !worker->stopping;
  if (taken) {
    *job = worker->ring[worker->first];
    worker->first = (worker->first + 1) % worker->capacity;
    worker->waiting--;
    worker->working = TRUE;
  }
  g_mutex_unlock(&worker->mutex);
  return taken;
}

static gpointer
work(gpointer data)
{
  DcEmbeddingWorker *worker = data;
  Job job;
  while (take_job(worker, &job)) {
    worker->handler(job.block, &job.times, worker->user_data);
    driftcluster_embedding_block_unref(job.block);
  }
  return NULL;
}

DcEmbeddingWorker *
dc_embedding_worker_new(guint capacity, DcEmbeddingHandler handler, gpointer user_data)
{
  DcEmbeddingWorker *worker = g_new0(DcEmbeddingWorker, 1);
  worker->handler = handler;
  worker->user_data = user_data;
  g_mutex_init(&worker->mutex);
  g_cond_init(&worker->changed);
  worker->ring = g_new0(Job, capacity);
  worker->capacity = capacity;
  worker->thread = g_thread_new("dc-adapt", work, worker);
  return worker;
}

void
dc_embedding_worker_free(DcEmbeddingWorker *worker)
{
  if (!worker)
    return;
  dc_embedding_worker_flush(worker);
  g_mutex_lock(&worker->mutex);
  worker->stopping = TRUE;
  g_cond_broadcast(&worker->changed);
  g_mutex_unlock(&worker->mutex);
  g_thread_join(worker->thread);
  g_mutex_clear(&worker->mutex);
  g_cond_clear(&worker->changed);
  g_free(worker->ring);
  g_free(worker);
}

gboolean
dc_embedding_worker_push(DcEmbeddingWorker *worker, DriftclusterEmbeddingBlock *block,
                         const DcBufferTimes *times)
{
  g_mutex_lock(&worker->mutex);
  gboolean fits = worker->waiting < worker->capacity;
  if (fits) {
    Job *job = &worker->ring[(worker->first + worker->waiting) % worker->capacity];
    job->block = driftcluster_embedding_block_ref(block);
    job->times = *times;
    worker->waiting++;
    g_cond_broadcast(&worker->changed);
  }
  g_mutex_unlock(&worker->mutex);
  return fits;
}

void
dc_embedding_worker_drain(DcEmbeddingWorker *worker)
{
  g_mutex_lock(&worker->mutex);
  while (worker->waiting > 0 || worker->working)
    g_cond_wait(&worker->changed, &worker->mutex);
  g_mutex_unlock(&worker->mutex);
}

void
dc_embedding_worker_flush(DcEmbeddingWorker *worker)
{
  g_mutex_lock(&worker->mutex);
  for (; worker->waiting > 0; worker->waiting--) {
    driftcluster_embedding_block_unref(worker->ring[worker->first].block);
    worker->first = (worker->first + 1) % worker->capacity;
  }
  g_cond_broadcast(&worker->changed);
  g_mutex_unlock(&worker->mutex);
}
