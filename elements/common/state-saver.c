/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/state-saver.h"

typedef struct {
  DcSaveOutcome outcome; /* the last of its waiters frees the job */
  DcState *state;        /* NULL once taken by the thread */
  gboolean done;
} Job;

struct DcStateSaver {
  DcStateSaved saved;
  gpointer user_data;

  GMutex mutex; /* guards what follows */
  GCond changed;
  GQueue jobs;     /* not yet taken by the thread */
  GThread *thread; /* the newest one, which may have ended */
  gboolean running;
};

static void
free_job(Job *job)
{
  dc_state_free(job->state);
  g_free(job->outcome.path);
  g_free(job);
}

static void
write_job(DcStateSaver *saver, Job *job)
{
  dc_state_write(job->state, job->outcome.path, &job->outcome.error);
  g_clear_pointer(&job->state, dc_state_free);
  saver->saved(&job->outcome, saver->user_data);
}

static gpointer
write_jobs(gpointer data)
{
  DcStateSaver *saver = data;
  Job *job;
  g_mutex_lock(&saver->mutex);
  while ((job = g_queue_pop_head(&saver->jobs))) {
    g_mutex_unlock(&saver->mutex);
    write_job(saver, job);
    g_mutex_lock(&saver->mutex);
    job->done = TRUE;
    if (job->outcome.waiters == 0)
      free_job(job);
    g_cond_broadcast(&saver->changed);
  }
  saver->running = FALSE;
  g_cond_broadcast(&saver->changed);
  g_mutex_unlock(&saver->mutex);
  return NULL;
}

/* Joins a thread that is not `running` any more, and so needs the mutex no more. */
static void
join_thread(DcStateSaver *saver)
{
  g_clear_pointer(&saver->thread, g_thread_join);
}

DcStateSaver *
dc_state_saver_new(DcStateSaved saved, gpointer user_data)
{
  DcStateSaver *saver = g_new0(DcStateSaver, 1);
  saver->saved = saved;
  saver->user_data = user_data;
  g_mutex_init(&saver->mutex);
  g_cond_init(&saver->changed);
  g_queue_init(&saver->jobs);
  return saver;
}

void
dc_state_saver_free(DcStateSaver *saver)
{
  if (!saver)
    return;
  dc_state_saver_drain(saver);
  join_thread(saver);
  g_mutex_clear(&saver->mutex);
  g_cond_clear(&saver->changed);
  g_free(saver);
}

static Job *
find_waiting_job(DcStateSaver *saver, const gchar *path)
{
  for (GList *link = saver->jobs.head; link; link = link->next) {
    Job *job = link->data;
    if (g_str_equal(job->outcome.path, path))
      return job;
  }
  return NULL;
}

/* Queues `state` and returns its job; called with the mutex held. */
static Job *
queue_job(DcStateSaver *saver, DcState *state, guint64 change, const gchar *path)
{
  Job *job = find_waiting_job(saver, path);
  if (job) {
    dc_state_free(job->state);
  } else {
    job = g_new0(Job, 1);
    job->outcome.path = g_strdup(path);
    g_queue_push_tail(&saver->jobs, job);
  }
  job->state = state;
  job->outcome.change = change;
  if (!saver->running) {
    join_thread(saver);
    saver->running = TRUE;
    saver->thread = g_thread_new("dc-save", write_jobs, saver);
  }
  return job;
}

void
dc_state_saver_save(DcStateSaver *saver, DcState *state, guint64 change, const gchar *path)
{
  g_mutex_lock(&saver->mutex);
  queue_job(saver, state, change, path);
  g_mutex_unlock(&saver->mutex);
}

DcStatus
dc_state_saver_save_and_wait(DcStateSaver *saver, DcState *state, guint64 change, const gchar *path,
                             DcError *error)
{
  g_mutex_lock(&saver->mutex);
  Job *job = queue_job(saver, state, change, path);
  job->outcome.waiters++;
  while (!job->done)
    g_cond_wait(&saver->changed, &saver->mutex);
  *error = job->outcome.error;
  if (--job->outcome.waiters == 0)
    free_job(job);
  g_mutex_unlock(&saver->mutex);
  return error->status;
}

void
dc_state_saver_drain(DcStateSaver *saver)
{
  g_mutex_lock(&saver->mutex);
  while (saver->running)
    g_cond_wait(&saver->changed, &saver->mutex);
  g_mutex_unlock(&saver->mutex);
}
