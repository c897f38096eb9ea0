/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/indexer.h"

#include "collection/picture.h"
#include "collection/thumbnail.h"
#include "command.h"
#include "stream/encoder.h"

#include <sqlite3.h>
#include <string.h>

#define MOST_UNDER_WAY  32
#define STORED_TOGETHER (MOST_UNDER_WAY / 2)

/* One picture on its way through a thread. */
typedef struct {
  gint64 id;
  char *path; /* below the folder */
  int width, height;
  float *vector;   /* NULL: it cannot be read */
  char *complaint; /* why */
  GError *fatal;   /* it is not the picture that failed */
  gboolean looked_at;
} Job;

typedef struct {
  DcIndexer *indexer;
  DcEncoder *encoder;
  DcThumbnailer *thumbnailer;
  GThread *thread;
} Worker;

struct DcIndexer {
  DcCollection *collection;
  const DcModel *model;
  Worker *workers;
  guint count;
  GAsyncQueue *todo, *done; /* of Job */
};

/* Ends a thread. */
static Job no_more;

static void
job_free(gpointer data)
{
  Job *job = data;
  if (job == &no_more)
    return;
  g_free(job->path);
  g_free(job->vector);
  g_free(job->complaint);
  g_clear_error(&job->fatal);
  g_free(job);
}

/* --- in the threads --- */

static void
complain(Job *job, const char *complaint)
{
  g_clear_pointer(&job->vector, g_free);
  g_free(job->complaint);
  job->complaint = g_utf8_make_valid(complaint, -1);
}

/* Without the path of the file, which stands before it on the page and is nobody's business there:
 * the page may be served to others. */
static const char *
without_path(const char *message, const char *path)
{
  gsize length = strlen(path);
  return strncmp(message, path, length) == 0 && strncmp(message + length, ": ", 2) == 0
             ? message + length + 2
             : message;
}

static void
embed(Worker *worker, const DcPicture *picture, Job *job)
{
  DcImage image = {
      .format = DC_PIXELS_RGB,
      .width = picture->width,
      .height = picture->height,
      .planes = {picture->pixels},
      .strides = {(ptrdiff_t)picture->width * 3},
  };
  DcRect all = {0, 0, picture->width, picture->height};
  bool valid = false;
  job->vector = g_new(float, dc_encoder_dim(worker->encoder));
  DcStatus status = dc_encoder_run(worker->encoder, &image, &all, 1, job->vector, &valid);
  if (status != DC_OK)
    complain(job, dc_status_text(status));
  else if (!valid)
    complain(job, "the encoder gives no finite numbers for it");
}

static void
write_thumbnail(Worker *worker, const DcPicture *picture, Job *job)
{
  g_autofree char *name = dc_collection_thumbnail(job->id);
  g_autofree char *path = g_build_filename(worker->indexer->collection->output, name, NULL);
  g_autofree char *folder = g_path_get_dirname(path);
  if (dc_tools_make_folder(folder, &job->fatal))
    dc_thumbnailer_write(worker->thumbnailer, picture, DC_THUMBNAIL_SIDE, path, &job->fatal);
}

static void
look_at(Worker *worker, Job *job)
{
  g_autofree char *path = g_build_filename(worker->indexer->collection->folder, job->path, NULL);
  g_autoptr(GError) failure = NULL;
  DcPicture picture;
  if (!dc_picture_load(path, &picture, &job->width, &job->height, &failure)) {
    complain(job, without_path(failure->message, path));
    return;
  }
  embed(worker, &picture, job);
  if (job->vector)
    write_thumbnail(worker, &picture, job);
  dc_picture_clear(&picture);
}

static gpointer
work(gpointer data)
{
  Worker *worker = data;
  for (;;) {
    Job *job = g_async_queue_pop(worker->indexer->todo);
    if (job == &no_more)
      return NULL;
    look_at(worker, job);
    g_async_queue_push(worker->indexer->done, job);
  }
}

/* --- starting and ending --- */

static gboolean
start_worker(Worker *worker, DcIndexer *indexer, GError **error)
{
  const DcModel *model = indexer->model;
  DcError core_error;
  DcStatus status = model ? dc_encoder_new(&model->preprocessing, model->encoder, model->encoder_id,
                                           1, &worker->encoder, &core_error)
                          : dc_encoder_new_descriptor(&worker->encoder, &core_error);
  if (status != DC_OK)
    return dc_tools_take_error(&core_error, error);
  worker->indexer = indexer;
  worker->thumbnailer = dc_thumbnailer_new(error);
  if (!worker->thumbnailer)
    return FALSE;
  worker->thread = g_thread_new("pictures", work, worker);
  return TRUE;
}

DcIndexer *
dc_indexer_new(DcCollection *collection, const DcModel *model, guint threads, GError **error)
{
  if (model && model->vectors) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
                        "this model takes vectors, not pictures; give one that was learnt on "
                        "pictures");
    return NULL;
  }
  DcIndexer *indexer = g_new0(DcIndexer, 1);
  indexer->collection = collection;
  indexer->model = model;
  indexer->count = threads;
  indexer->workers = g_new0(Worker, threads);
  indexer->todo = g_async_queue_new_full(job_free);
  indexer->done = g_async_queue_new_full(job_free);
  for (guint i = 0; i < threads; i++)
    if (!start_worker(&indexer->workers[i], indexer, error)) {
      dc_indexer_free(indexer);
      return NULL;
    }
  return indexer;
}

void
dc_indexer_free(DcIndexer *indexer)
{
  if (!indexer)
    return;
  for (guint i = 0; i < indexer->count; i++)
    if (indexer->workers[i].thread)
      g_async_queue_push(indexer->todo, &no_more);
  for (guint i = 0; i < indexer->count; i++) {
    if (indexer->workers[i].thread)
      g_thread_join(indexer->workers[i].thread);
    dc_encoder_free(indexer->workers[i].encoder);
    dc_thumbnailer_free(indexer->workers[i].thumbnailer);
  }
  g_async_queue_unref(indexer->todo);
  g_async_queue_unref(indexer->done);
  g_free(indexer->workers);
  g_free(indexer);
}

gsize
dc_indexer_dim(const DcIndexer *indexer)
{
  return dc_encoder_dim(indexer->workers[0].encoder);
}

const char *
dc_indexer_encoder(const DcIndexer *indexer)
{
  return dc_encoder_id(indexer->workers[0].encoder);
}

/* --- a run --- */

/* Pictures are stored in the order in which they were taken, and always so many together: what is
 * found in them does not depend on which thread was faster. */
typedef struct {
  DcIndexer *indexer;
  GQueue jobs;     /* taken and not stored yet, in the order of `draw` */
  gsize under_way; /* of them, in the threads */
  gint64 draw;     /* of the last picture taken */
} Run;

/* Gives the threads what waits, as far as there is room. */
static void
hand_out(Run *run)
{
  DcDatabase *database = run->indexer->collection->database;
  gsize room = MOST_UNDER_WAY - MIN(MOST_UNDER_WAY, run->jobs.length);
  if (room < STORED_TOGETHER)
    return;
  sqlite3_stmt *query = dc_query(database, "SELECT id, path, draw FROM pictures WHERE state = 0 "
                                           "AND draw > ?1 ORDER BY draw LIMIT ?2");
  sqlite3_bind_int64(query, 1, run->draw);
  sqlite3_bind_int64(query, 2, (gint64)room);
  while (dc_query_next(database, query)) {
    Job *job = g_new0(Job, 1);
    job->id = sqlite3_column_int64(query, 0);
    job->path = g_strndup(sqlite3_column_blob(query, 1), (gsize)sqlite3_column_bytes(query, 1));
    run->draw = sqlite3_column_int64(query, 2);
    run->under_way++;
    g_queue_push_tail(&run->jobs, job);
    g_async_queue_push(run->indexer->todo, job);
  }
}

/* The pictures may be gone by now: then nothing is stored. */
static void
store(Run *run, const Job *job)
{
  DcDatabase *database = run->indexer->collection->database;
  sqlite3_stmt *query =
      dc_query(database, "UPDATE pictures SET state = ?1, complaint = ?2, width = ?3, height = ?4 "
                         "WHERE id = ?5");
  sqlite3_bind_int(query, 1, job->vector ? DC_PICTURE_EMBEDDED : DC_PICTURE_UNREADABLE);
  sqlite3_bind_text(query, 2, job->complaint, -1, SQLITE_TRANSIENT);
  sqlite3_bind_int(query, 3, job->width);
  sqlite3_bind_int(query, 4, job->height);
  sqlite3_bind_int64(query, 5, job->id);
  dc_query_next(database, query);
  if (!job->vector || dc_database_changes(database) == 0)
    return;
  query = dc_query(database, "REPLACE INTO embeddings(id, vector) VALUES(?, ?)");
  sqlite3_bind_int64(query, 1, job->id);
  sqlite3_bind_blob(query, 2, job->vector,
                    (int)(dc_indexer_dim(run->indexer) * sizeof *job->vector), SQLITE_TRANSIENT);
  dc_query_next(database, query);
}

/* How many of the first ones are to be stored now: 0 while one of them is still looked at. */
static gsize
count_due(const Run *run)
{
  gsize together = MIN(STORED_TOGETHER, run->jobs.length), ready = 0;
  for (const GList *link = run->jobs.head;
       link && ((Job *)link->data)->looked_at && ready < together; link = link->next)
    ready++;
  return ready == together ? together : 0;
}

static gboolean
store_results(Run *run, gsize count, GError **error)
{
  DcDatabase *database = run->indexer->collection->database;
  dc_database_begin(database);
  for (gsize i = 0; i < count; i++) {
    Job *job = g_queue_pop_head(&run->jobs);
    if (job->fatal) {
      g_propagate_error(error, g_steal_pointer(&job->fatal));
      job_free(job);
      dc_database_roll_back(database);
      return FALSE;
    }
    store(run, job);
    job_free(job);
  }
  return dc_database_commit(database, error);
}

/* Waits for what is under way and drops it. */
static void
drain(Run *run)
{
  while (g_async_queue_try_pop(run->indexer->todo))
    run->under_way--;
  for (; run->under_way > 0; run->under_way--)
    g_async_queue_pop(run->indexer->done);
  g_queue_clear_full(&run->jobs, job_free);
}

/* Stores what is due, and tells the caller after each part. */
static gboolean
store_what_is_due(Run *run, DcIndexerTick tick, gpointer user_data, GError **error)
{
  for (gsize count = count_due(run); count > 0; count = count_due(run)) {
    if (!store_results(run, count, error))
      return FALSE;
    hand_out(run);
    if (!tick(count, user_data, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
dc_indexer_run(DcIndexer *indexer, DcIndexerTick tick, gpointer user_data, GError **error)
{
  Run run = {.indexer = indexer, .jobs = G_QUEUE_INIT, .draw = G_MININT64};
  gboolean well = TRUE;
  hand_out(&run);
  while (well && run.under_way > 0) {
    Job *job = g_async_queue_pop(indexer->done);
    job->looked_at = TRUE;
    run.under_way--;
    well = store_what_is_due(&run, tick, user_data, error);
  }
  drain(&run);
  return well && dc_database_check(indexer->collection->database, error);
}
