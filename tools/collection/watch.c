/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/watch.h"

#include "collection/paths.h"
#include "interrupt.h"
#include "store/image_folder.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MILLISECONDS 50 /* how often it is asked whether something is to be done */
#define CALM_PERIOD       (G_USEC_PER_SEC / 10) /* without a change: nothing is being written */
#define PATIENCE          G_USEC_PER_SEC        /* with changes that wait for calm */
#define RETRY_PERIOD      (2 * G_USEC_PER_SEC)  /* for a folder that vanished */
#define RESCAN_PERIOD     (30 * G_USEC_PER_SEC) /* where the kernel follows no more folders */

typedef struct {
  DcSession *session;
  DcCollection *collection;
  GMainLoop *loop;
  GHashTable *monitors; /* folder -> GFileMonitor */
  GHashTable *changed;  /* paths below the folder */
  GHashTable *entered;  /* new folders, below the folder */
  gint64 first_change;  /* of those that were not looked at yet; monotonic */
  gint64 last_change;   /* monotonic */
  gint64 tried;         /* when a rescan was tried last */
  gboolean vanished;    /* the folder is not there */
  gboolean incomplete;  /* a folder could not be followed */
  GError *failure;
} Watch;

static void on_event(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
                     gpointer data);

/* --- which folders --- */

static gboolean
follow(const char *path, gpointer data)
{
  Watch *watch = data;
  if (g_hash_table_contains(watch->monitors, path))
    return TRUE;
  g_autoptr(GFile) file = g_file_new_for_path(path);
  g_autoptr(GError) error = NULL;
  GFileMonitor *monitor = g_file_monitor_directory(file, G_FILE_MONITOR_WATCH_MOVES, NULL, &error);
  if (!monitor) {
    if (!watch->incomplete)
      fprintf(stderr, "%s cannot be followed (%s): looking every %d seconds instead\n", path,
              error->message, (int)(RESCAN_PERIOD / G_USEC_PER_SEC));
    watch->incomplete = TRUE;
    return TRUE;
  }
  g_signal_connect(monitor, "changed", G_CALLBACK(on_event), watch);
  g_hash_table_insert(watch->monitors, g_strdup(path), monitor);
  return TRUE;
}

static gboolean
rescan(Watch *watch, const char *below, GError **error)
{
  /* What is left out of the whole was said when the session began. */
  static const DcScanVisitor whole = {.folder = follow};
  static const DcScanVisitor part = {.folder = follow, .refused = dc_scan_tell_refused};
  return dc_collection_rescan(watch->collection, below, *below ? &part : &whole, watch, error);
}

/* --- what happens --- */

/* The path below the folder, or NULL for one elsewhere or hidden. */
static char *
path_below(const Watch *watch, GFile *file)
{
  g_autoptr(GFile) root = g_file_new_for_path(watch->collection->folder);
  char *path = file ? g_file_get_relative_path(root, file) : NULL;
  if (path && (path[0] == '.' || strstr(path, "/.")))
    g_clear_pointer(&path, g_free);
  return path;
}

static gboolean
has_changes(const Watch *watch)
{
  return g_hash_table_size(watch->changed) + g_hash_table_size(watch->entered) > 0;
}

/* Notes a picture or folder that something happened to. */
static void
note(Watch *watch, GFile *file)
{
  g_autofree char *path = path_below(watch, file);
  if (!path)
    return;
  g_autofree char *full = g_build_filename(watch->collection->folder, path, NULL);
  if (dc_path_is_within(full, watch->collection->output))
    return;
  gboolean folder =
      g_hash_table_contains(watch->monitors, full) || g_file_test(full, G_FILE_TEST_IS_DIR);
  if (!folder && !dc_image_folder_is_picture(path))
    return;
  watch->last_change = g_get_monotonic_time();
  if (!has_changes(watch))
    watch->first_change = watch->last_change;
  g_hash_table_add(folder ? watch->entered : watch->changed, g_steal_pointer(&path));
}

static void
on_event(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, gpointer data)
{
  (void)monitor;
  Watch *watch = data;
  if (event == G_FILE_MONITOR_EVENT_ATTRIBUTE_CHANGED || event == G_FILE_MONITOR_EVENT_PRE_UNMOUNT)
    return;
  note(watch, file);
  note(watch, other);
  if (!g_file_test(watch->collection->folder, G_FILE_TEST_IS_DIR))
    watch->last_change = g_get_monotonic_time();
}

/* --- what is done about it --- */

static void
stop_following(Watch *watch, const char *full)
{
  GHashTableIter iter;
  gpointer folder;
  g_hash_table_iter_init(&iter, watch->monitors);
  while (g_hash_table_iter_next(&iter, &folder, NULL))
    if (dc_path_is_within(folder, full))
      g_hash_table_iter_remove(&iter);
}

/* A subfolder that came, went or was moved. */
static gboolean
look_at_folder(Watch *watch, const char *path, GError **error)
{
  g_autofree char *full = g_build_filename(watch->collection->folder, path, NULL);
  stop_following(watch, full);
  if (g_file_test(full, G_FILE_TEST_IS_DIR))
    return rescan(watch, path, error);
  return dc_collection_forget_below(watch->collection, path, error);
}

static gboolean
look_at_changes(Watch *watch, gboolean *anything, GError **error)
{
  GHashTableIter iter;
  gpointer path;
  *anything = g_hash_table_size(watch->entered) > 0;
  g_hash_table_iter_init(&iter, watch->entered);
  while (g_hash_table_iter_next(&iter, &path, NULL))
    if (!look_at_folder(watch, path, error))
      return FALSE;
  g_hash_table_iter_init(&iter, watch->changed);
  while (g_hash_table_iter_next(&iter, &path, NULL)) {
    gboolean changed;
    if (!dc_collection_look_at(watch->collection, path, &changed, error))
      return FALSE;
    *anything |= changed;
  }
  g_hash_table_remove_all(watch->entered);
  g_hash_table_remove_all(watch->changed);
  return TRUE;
}

static gboolean
catch_up(Watch *watch, GError **error)
{
  gboolean anything;
  if (!look_at_changes(watch, &anything, error))
    return FALSE;
  return !anything || dc_session_catch_up(watch->session, error);
}

/* --- a folder that is not there --- */

static gboolean
say_vanished(Watch *watch, GError **error)
{
  g_autofree char *shown = g_filename_display_name(watch->collection->folder);
  fprintf(stderr, "%s has vanished; its groups stay, and it is followed again when it is back\n",
          shown);
  watch->vanished = TRUE;
  g_hash_table_remove_all(watch->monitors);
  g_hash_table_remove_all(watch->changed);
  g_hash_table_remove_all(watch->entered);
  return dc_session_set_status(watch->session, "vanished", error);
}

/* Looks for the folder now and then; one that is back but empty is not believed. */
static gboolean
look_for_folder(Watch *watch, GError **error)
{
  watch->tried = g_get_monotonic_time();
  g_autoptr(GError) not_yet = NULL;
  if (!g_file_test(watch->collection->folder, G_FILE_TEST_IS_DIR) || !rescan(watch, "", &not_yet)) {
    g_hash_table_remove_all(watch->monitors);
    return TRUE;
  }
  g_autofree char *shown = g_filename_display_name(watch->collection->folder);
  fprintf(stderr, "%s is back\n", shown);
  watch->vanished = FALSE;
  return dc_session_set_status(watch->session, "watching", error) &&
         dc_session_catch_up(watch->session, error);
}

/* --- the loop --- */

static gboolean
is_older(gint64 time, gint64 period)
{
  return g_get_monotonic_time() - time >= period;
}

/* What failed because the folder vanished meanwhile is no failure. */
static gboolean
settle(Watch *watch, gboolean well, GError *failure, GError **error)
{
  if (!well && !watch->vanished && !g_file_test(watch->collection->folder, G_FILE_TEST_IS_DIR)) {
    g_clear_error(&failure);
    return say_vanished(watch, error);
  }
  if (failure)
    g_propagate_error(error, failure);
  return well;
}

static gboolean
step(Watch *watch, GError **error)
{
  if (watch->vanished)
    return !is_older(watch->tried, RETRY_PERIOD) || look_for_folder(watch, error);
  if (!g_file_test(watch->collection->folder, G_FILE_TEST_IS_DIR))
    return say_vanished(watch, error);
  if (watch->incomplete && is_older(watch->tried, RESCAN_PERIOD)) {
    watch->tried = g_get_monotonic_time();
    return rescan(watch, "", error) && dc_session_catch_up(watch->session, error);
  }
  if (has_changes(watch) &&
      (is_older(watch->last_change, CALM_PERIOD) || is_older(watch->first_change, PATIENCE)))
    return catch_up(watch, error);
  return dc_session_heed_edits(watch->session, error) && dc_session_teach(watch->session, error);
}

static gboolean
on_time(gpointer data)
{
  Watch *watch = data;
  GError *failure = NULL;
  gboolean well = !dc_interrupted() && step(watch, &failure);
  if (well || (!dc_interrupted() && settle(watch, well, failure, &watch->failure)))
    return G_SOURCE_CONTINUE;
  g_main_loop_quit(watch->loop);
  return G_SOURCE_REMOVE;
}

static GHashTable *
new_set(void)
{
  return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

/* Followed first, then looked at once more: nothing that came in between is missed. */
static gboolean
begin(Watch *watch, GError **error)
{
  return dc_session_begin_watch(watch->session, error) && rescan(watch, "", error) &&
         dc_session_catch_up(watch->session, error);
}

static gboolean
run(Watch *watch, GError **error)
{
  GError *failure = NULL;
  gboolean well = begin(watch, &failure);
  if (!settle(watch, well, failure, error))
    return FALSE;
  g_autofree char *shown = g_filename_display_name(watch->collection->folder);
  fprintf(stderr, "Watching %s; Ctrl-C ends\n", shown);
  g_timeout_add(LOOK_MILLISECONDS, on_time, watch);
  g_main_loop_run(watch->loop);
  if (watch->failure) {
    g_propagate_error(error, g_steal_pointer(&watch->failure));
    return FALSE;
  }
  return TRUE;
}

gboolean
dc_watch(DcSession *session, GError **error)
{
  Watch watch = {
      .session = session,
      .collection = dc_session_collection(session),
      .loop = g_main_loop_new(NULL, FALSE),
      .monitors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref),
      .changed = new_set(),
      .entered = new_set(),
  };
  gboolean well = run(&watch, error);
  g_hash_table_unref(watch.monitors);
  g_hash_table_unref(watch.changed);
  g_hash_table_unref(watch.entered);
  g_main_loop_unref(watch.loop);
  return well;
}
