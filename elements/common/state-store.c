/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/state-store.h"

#include "common/error.h"
#include "common/state-recovery.h"
#include "common/state-saver.h"
#include "store/file.h"

struct DcStateStore {
  GstElement *element;
  DcClusterKeeper *keeper;
  DcStateNews news;
  gpointer user_data;
  DcStateSaver *saver;

  GMutex mutex;     /* guards what follows, up to the line */
  gchar *path;      /* NULL: only commands */
  gchar *taken;     /* file of the state that the keeper was given last */
  guint64 written;  /* number of the last change that is in the file at `path` */
  gboolean failing; /* told once, until a save succeeds */
  DcStateStoreStats stats;

  GstClockTime saved; /* stream time of the last save by interval */
};

static gchar *
copy_of(DcStateStore *store, gchar *const *text)
{
  g_mutex_lock(&store->mutex);
  gchar *copy = g_strdup(*text);
  g_mutex_unlock(&store->mutex);
  return copy;
}

static void
set_text(DcStateStore *store, gchar **text, const gchar *value)
{
  g_mutex_lock(&store->mutex);
  g_free(*text);
  *text = g_strdup(value);
  g_mutex_unlock(&store->mutex);
}

/* Counts a save. TRUE when its failure is news: nobody waited who is told, and it is the first one
 * since the file of the store could be written. */
static gboolean
count_save(DcStateStore *store, const DcSaveOutcome *outcome)
{
  gboolean failed = outcome->error.status != DC_OK, is_news = FALSE;

  g_mutex_lock(&store->mutex);
  store->stats.saves += !failed;
  store->stats.failed_saves += failed;
  if (g_strcmp0(outcome->path, store->path) == 0) {
    is_news = failed && !store->failing && outcome->waiters == 0;
    store->failing = failed;
    if (!failed)
      store->written = outcome->change;
  }
  g_mutex_unlock(&store->mutex);
  return is_news;
}

/* On the saver's thread. */
static void
note_saved(const DcSaveOutcome *outcome, gpointer user_data)
{
  DcStateStore *store = user_data;

  if (count_save(store, outcome))
    GST_ELEMENT_WARNING(store->element, RESOURCE, WRITE,
                        ("The clusters are not saved: %s.", outcome->error.message),
                        ("The video goes on and so do attempts to save to '%s'; a file from "
                         "before is as it was. Make the folder, make room in it, or save to "
                         "another place.",
                         outcome->path));
  if (outcome->error.status == DC_OK)
    store->news("state-saved", outcome->path, NULL, store->user_data);
}

DcStateStore *
dc_state_store_new(GstElement *element, DcClusterKeeper *keeper, DcStateNews news,
                   gpointer user_data)
{
  DcStateStore *store = g_new0(DcStateStore, 1);
  store->element = element;
  store->keeper = keeper;
  store->news = news;
  store->user_data = user_data;
  store->saver = dc_state_saver_new(note_saved, store);
  g_mutex_init(&store->mutex);
  return store;
}

void
dc_state_store_free(DcStateStore *store)
{
  if (!store)
    return;
  dc_state_saver_free(store->saver);
  g_mutex_clear(&store->mutex);
  g_free(store->path);
  g_free(store->taken);
  g_free(store);
}

/* Gives `state` (transfer full) to the keeper, and tells what became of it once that is known. */
static DcStatus
hand_over(DcStateStore *store, DcState *state, const gchar *path, DcError *error)
{
  gboolean waits;
  set_text(store, &store->taken, path);
  DcStatus status = dc_cluster_keeper_restore(store->keeper, state, &waits, error);
  if (status != DC_OK)
    dc_state_store_tell_outcome(store, error);
  else if (!waits)
    dc_state_store_tell_outcome(store, NULL);
  return status;
}

/* Warns where the file could not be written, as long as there is time to see to it. That counts as
 * the first failure: the saves that follow are not news. */
static void
try_to_write(DcStateStore *store, const gchar *path)
{
  DcFileWriter writer;
  DcError error;
  if (dc_file_create(&writer, path, &error) == DC_OK) {
    dc_file_discard(&writer);
    return;
  }
  g_mutex_lock(&store->mutex);
  store->failing = TRUE;
  g_mutex_unlock(&store->mutex);
  GST_ELEMENT_WARNING(store->element, RESOURCE, WRITE,
                      ("The clusters could not be saved now: %s.", error.message),
                      ("The video goes on, and saving is tried in its time. Until then make the "
                       "folder of '%s', or allow writing there.",
                       path));
}

DcStatus
dc_state_store_open(DcStateStore *store, const gchar *path, DcError *error)
{
  set_text(store, &store->path, path);
  store->saved = GST_CLOCK_TIME_NONE;
  guint64 change = dc_cluster_keeper_last_change(store->keeper);
  g_mutex_lock(&store->mutex);
  store->written = change;
  store->failing = FALSE;
  store->stats = (DcStateStoreStats){0};
  g_mutex_unlock(&store->mutex);
  if (!path)
    return DC_OK;

  DcState *state;
  DcError warning;
  DcStatus status = dc_state_recover(path, &state, &warning, error);
  if (warning.status != DC_OK)
    DC_ELEMENT_WARNING(store->element, &warning);
  if (status != DC_OK)
    store->news("state-rejected", path, error->message, store->user_data);
  else
    try_to_write(store, path);
  return state ? hand_over(store, state, path, error) : status;
}

void
dc_state_store_close(DcStateStore *store)
{
  dc_state_saver_drain(store->saver);
  set_text(store, &store->path, NULL);
}

/* Whether anything changed that is not in the file of the store. */
static gboolean
has_news(DcStateStore *store)
{
  guint64 change = dc_cluster_keeper_last_change(store->keeper);
  g_mutex_lock(&store->mutex);
  gboolean news = store->path && store->written != change;
  g_mutex_unlock(&store->mutex);
  return news;
}

/* A reset that nothing has come after: the next run must not go on with what was forgotten. */
static void
set_forgotten_aside(DcStateStore *store, const gchar *path)
{
  DcError error;
  if (dc_file_set_aside(path, &error) != DC_OK)
    GST_ELEMENT_WARNING(store->element, RESOURCE, WRITE,
                        ("The next run would go on with the clusters that were forgotten: %s.",
                         error.message),
                        ("Move the file away."));
}

/* Brings the file at the path of the store up to date. */
static void
save_news(DcStateStore *store)
{
  g_autofree gchar *path = copy_of(store, &store->path);
  DcState *state;
  guint64 change;
  if (!has_news(store))
    return;
  DcStatus status = dc_cluster_keeper_capture(store->keeper, &state, &change, NULL);
  if (status == DC_OK)
    dc_state_saver_save(store->saver, state, change, path);
  else if (status == DC_ERROR_NOT_READY)
    set_forgotten_aside(store, path);
}

void
dc_state_store_save_when_due(DcStateStore *store, GstClockTime interval, GstClockTime now)
{
  if (interval == 0 || !GST_CLOCK_TIME_IS_VALID(now))
    return;
  gboolean begins = !GST_CLOCK_TIME_IS_VALID(store->saved);
  if (!begins && (GstClockTime)ABS(GST_CLOCK_DIFF(store->saved, now)) < interval)
    return;
  store->saved = now;
  if (!begins)
    save_news(store);
}

void
dc_state_store_finish(DcStateStore *store)
{
  dc_state_saver_drain(store->saver); /* what is on its way may be all that is new */
  save_news(store);
  dc_state_saver_drain(store->saver);
}

DcStatus
dc_state_store_save_as(DcStateStore *store, const gchar *path, DcError *error)
{
  g_autofree gchar *own = path ? NULL : copy_of(store, &store->path);
  const gchar *target = path ? path : own;
  if (!target)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "there is no file to save to: give the command a path, or set state-file");
  DcState *state;
  guint64 change;
  DcStatus status = dc_cluster_keeper_capture(store->keeper, &state, &change, error);
  return status == DC_OK ? dc_state_saver_save_and_wait(store->saver, state, change, target, error)
                         : status;
}

DcStatus
dc_state_store_load(DcStateStore *store, const gchar *path, DcError *error)
{
  if (!path)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "there is no file to load from: give the command a path");
  DcState *state;
  DcStatus status = dc_state_read(path, &state, error);
  if (status == DC_OK)
    return hand_over(store, state, path, error);
  store->news("state-rejected", path, error->message, store->user_data);
  return status;
}

void
dc_state_store_tell_outcome(DcStateStore *store, const DcError *error)
{
  g_autofree gchar *path = copy_of(store, &store->taken);
  if (error)
    store->news("state-rejected", path, error->message, store->user_data);
  else
    store->news("state-loaded", path, NULL, store->user_data);
}

DcStateStoreStats
dc_state_store_stats(DcStateStore *store)
{
  g_mutex_lock(&store->mutex);
  DcStateStoreStats stats = store->stats;
  g_mutex_unlock(&store->mutex);
  return stats;
}
