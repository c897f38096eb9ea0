/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE /* nice(), WIFEXITED() */
#include "collection/lesson.h"

#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NICENESS 10
#define METHOD   "secu"
#define WARM_UP  "warm-up=3"

struct DcLesson {
  GPid child;
  DcLessonState state;
  char *log;        /* what the child says */
  char *checkpoint; /* where it saves the course */
};

static gboolean
fail_io(GError **error, const char *path, const char *what)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: %s: %s", path, what, g_strerror(errno));
  return FALSE;
}

static char *
learning_path(const DcCollection *collection, const char *name)
{
  return g_build_filename(collection->output, "learning", name, NULL);
}

char *
dc_lesson_model(const DcCollection *collection)
{
  return learning_path(collection, "model.safetensors");
}

/* Where the course of the model is saved. */
static char *
checkpoint_path(const DcCollection *collection)
{
  return learning_path(collection, "model.safetensors.checkpoint");
}

void
dc_lesson_remove(const DcCollection *collection)
{
  g_autofree char *model = dc_lesson_model(collection);
  g_autofree char *checkpoint = checkpoint_path(collection);
  g_unlink(model);
  g_unlink(checkpoint);
}

/* --- what is learnt from --- */

static void
clear_folder(const char *path)
{
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
    g_autofree char *file = g_build_filename(path, name, NULL);
    g_unlink(file);
  }
}

/* A second name for a thumbnail: it stays for the course when its picture leaves the collection.
 * Where a file cannot have two names, a link leads to it. */
static gboolean
add_picture(DcCollection *collection, const char *folder, gint64 id, GError **error)
{
  g_autofree char *name = dc_collection_thumbnail(id);
  g_autofree char *thumbnail = g_build_filename(collection->output, name, NULL);
  g_autofree char *number = g_strdup_printf("%" G_GINT64_FORMAT ".jpg", id);
  g_autofree char *path = g_build_filename(folder, number, NULL);
  return link(thumbnail, path) == 0 || errno == ENOENT || symlink(thumbnail, path) == 0 ||
         fail_io(error, path, "cannot be made");
}

static gboolean
gather_pictures(DcCollection *collection, const char *folder, GError **error)
{
  if (g_mkdir_with_parents(folder, 0777) != 0)
    return fail_io(error, folder, "cannot be made");
  clear_folder(folder);
  sqlite3_stmt *query =
      dc_query(collection->database,
               "SELECT id, draw FROM pictures WHERE state = 1 ORDER BY draw LIMIT ?");
  sqlite3_bind_int64(query, 1, DC_LESSON_MOST_PICTURES);
  gboolean well = TRUE;
  while (well && dc_query_next(collection->database, query))
    if (DC_LESSON_IS_LEARNT_FROM(sqlite3_column_int64(query, 1)))
      well = add_picture(collection, folder, sqlite3_column_int64(query, 0), error);
  dc_query_end(query);
  return well && dc_database_check(collection->database, error);
}

/* --- the child --- */

/* Between fork and exec. It is to end, saving what it has, with its parent. */
static void
prepare_child(gpointer user_data)
{
  const char *log = user_data;
  int file = open(log, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0666);
  if (file >= 0)
    dup2(file, STDERR_FILENO);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (nice(NICENESS) == -1)
    return; /* then it runs at our own priority */
}

static gboolean
spawn(DcLesson *lesson, DcCollection *collection, guint32 clusters, guint epochs, gboolean resume,
      GError **error)
{
  g_autofree char *model = dc_lesson_model(collection);
  g_autofree char *pictures = learning_path(collection, "pictures");
  g_autofree char *program = g_file_read_link("/proc/self/exe", error);
  g_autofree char *count = g_strdup_printf("%u", clusters);
  g_autofree char *passes = g_strdup_printf("%u", epochs);
  g_autofree char *seed =
      g_strdup_printf("%" G_GINT64_FORMAT, dc_collection_number(collection, "seed"));
  if (!program)
    return FALSE;
  const char *arguments[] = {
      program,     "train", "--method", METHOD, "--clusters", count,
      "--seed",    seed,    "--epochs", passes, "--set",      WARM_UP,
      "--threads", "1",     "--output", model,  pictures,     resume ? "--resume" : NULL,
      NULL};
  return g_spawn_async(NULL, (char **)arguments, NULL,
                       G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, prepare_child,
                       lesson->log, &lesson->child, error);
}

/* Goes on only with a course of the same kind. */
static gboolean
can_resume(DcCollection *collection, const char *kind)
{
  g_autofree char *checkpoint = checkpoint_path(collection);
  g_autofree char *known = dc_collection_text(collection, "lesson");
  return g_strcmp0(known, kind) == 0 && g_file_test(checkpoint, G_FILE_TEST_EXISTS);
}

DcLesson *
dc_lesson_start(DcCollection *collection, guint32 clusters, guint epochs, GError **error)
{
  g_autofree char *pictures = learning_path(collection, "pictures");
  g_autofree char *kind = g_strdup_printf(METHOD " %u %u", epochs, clusters);
  gboolean resume = can_resume(collection, kind);
  if (!resume && !gather_pictures(collection, pictures, error))
    return NULL;
  dc_collection_set_text(collection, "lesson", kind);
  DcLesson *lesson = g_new0(DcLesson, 1);
  lesson->log = learning_path(collection, "log");
  lesson->checkpoint = checkpoint_path(collection);
  if (dc_database_check(collection->database, error) &&
      spawn(lesson, collection, clusters, epochs, resume, error))
    return lesson;
  dc_lesson_free(lesson);
  return NULL;
}

static void
take_end(DcLesson *lesson, int status)
{
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : DC_EXIT_FAILURE;
  lesson->child = 0;
  lesson->state = code == DC_EXIT_OK            ? DC_LESSON_LEARNT
                  : code == DC_EXIT_INTERRUPTED ? DC_LESSON_INTERRUPTED
                                                : DC_LESSON_FAILED;
  if (lesson->state == DC_LESSON_FAILED && WIFEXITED(status))
    g_unlink(lesson->checkpoint); /* what cannot be gone on with would fail every time */
}

DcLessonState
dc_lesson_poll(DcLesson *lesson)
{
  int status;
  if (lesson->child != 0 && waitpid(lesson->child, &status, WNOHANG) == lesson->child)
    take_end(lesson, status);
  return lesson->state;
}

char *
dc_lesson_note(const DcLesson *lesson)
{
  g_autofree char *text = NULL;
  if (!g_file_get_contents(lesson->log, &text, NULL, NULL))
    return g_strdup("");
  g_strchomp(text);
  const char *line = strrchr(text, '\n');
  return g_utf8_make_valid(line ? line + 1 : text, -1);
}

void
dc_lesson_free(DcLesson *lesson)
{
  if (!lesson)
    return;
  if (lesson->child != 0) {
    int status;
    kill(lesson->child, SIGTERM);
    while (waitpid(lesson->child, &status, 0) < 0 && errno == EINTR)
      continue;
  }
  g_free(lesson->log);
  g_free(lesson->checkpoint);
  g_free(lesson);
}
