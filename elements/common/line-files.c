/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/line-files.h"

#include "common/line-output.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define NUMBER_FORMAT "%s.%06" G_GUINT64_FORMAT
#define LEAST_DIGITS  6

typedef struct {
  DcLineSink parent;
  gchar *location;
  DcRotation rotation;
  GMutex lock; /* of `output`, which another thread may interrupt while it is exchanged */
  DcLineOutput *output;
  gboolean interrupted;
  guint64 size;         /* of the present file in bytes */
  guint64 number;       /* of the last one that was completed */
  GstClockTime started; /* stream time of the first line in the present file, or NONE */
  gboolean stuck;       /* the last rotation failed: the file grows on */
} DcLineFiles;

static gboolean
rotates(const DcLineFiles *files)
{
  return files->rotation.size > 0 || files->rotation.interval > 0;
}

/* --- numbered files --- */

/* The number of a completed file of the stem `base`, or 0 when `name` is none. */
static guint64
number_of(const gchar *name, const gchar *base)
{
  guint64 number;
  gsize length = strlen(base);

  if (!g_str_has_prefix(name, base) || name[length] != '.' ||
      strlen(name) - length - 1 < LEAST_DIGITS ||
      !g_ascii_string_to_unsigned(name + length + 1, 10, 1, G_MAXUINT64 - 1, &number, NULL))
    return 0;
  return number;
}

/* Calls `visit` for the number of each completed file. */
static void
visit_numbers(DcLineFiles *files, void (*visit)(DcLineFiles *files, guint64 number))
{
  g_autofree gchar *folder = g_path_get_dirname(files->location);
  g_autofree gchar *base = g_path_get_basename(files->location);
  g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
  const gchar *name;

  while (entries && (name = g_dir_read_name(entries)))
    if (number_of(name, base) > 0)
      visit(files, number_of(name, base));
}

static void
find_last(DcLineFiles *files, guint64 number)
{
  files->number = MAX(files->number, number);
}

static void
remove_surplus(DcLineFiles *files, guint64 number)
{
  g_autofree gchar *path = NULL;

  if (number > files->number || files->number - number < files->rotation.keep)
    return;
  path = g_strdup_printf(NUMBER_FORMAT, files->location, number);
  if (g_unlink(path) < 0)
    GST_WARNING("cannot remove %s: %s", path, g_strerror(errno));
}

/* --- rotation --- */

static gboolean
is_full(const DcLineFiles *files, gsize length, GstClockTime now)
{
  const DcRotation *rotation = &files->rotation;

  if (files->size == 0)
    return FALSE;
  if (rotation->size > 0 && files->size + length > rotation->size)
    return TRUE;
  /* Either way: stream time runs backwards in reverse playback. */
  return rotation->interval > 0 && GST_CLOCK_TIME_IS_VALID(now) &&
         GST_CLOCK_TIME_IS_VALID(files->started) &&
         (guint64)ABS(GST_CLOCK_DIFF(files->started, now)) >= rotation->interval;
}

static void
exchange_output(DcLineFiles *files, DcLineOutput *output)
{
  DcLineOutput *old;

  g_mutex_lock(&files->lock);
  old = files->output;
  files->output = output;
  dc_line_output_interrupt(output, files->interrupted);
  g_mutex_unlock(&files->lock);
  dc_line_output_close(old);
}

/* Completes the present file. Where that fails, say because there are no descriptors, it grows on
 * under its old name: no line is lost, and the next one tries again. */
static void
rotate(DcLineFiles *files)
{
  g_autofree gchar *numbered = g_strdup_printf(NUMBER_FORMAT, files->location, files->number + 1);
  g_autoptr(GError) error = NULL;
  DcLineOutput *output = NULL;

  if (g_rename(files->location, numbered) < 0) {
    g_set_error(&error, G_FILE_ERROR, (gint)g_file_error_from_errno(errno), "%s",
                g_strerror(errno));
  } else {
    output = dc_line_output_open(files->location, FALSE, &error);
    if (!output && g_rename(numbered, files->location) < 0)
      GST_WARNING("%s is left where it is: %s", numbered, g_strerror(errno));
  }
  if (!output && !files->stuck)
    GST_WARNING("cannot begin another %s: %s; it grows on", files->location, error->message);
  files->stuck = output == NULL;
  if (!output)
    return;
  exchange_output(files, output);
  files->number++;
  files->size = 0;
  files->started = GST_CLOCK_TIME_NONE;
  if (files->rotation.keep > 0)
    visit_numbers(files, remove_surplus);
}

/* --- the sink --- */

static gboolean
dc_line_files_write(DcLineSink *sink, const gchar *line, gsize length, GstClockTime now,
                    GError **error)
{
  DcLineFiles *files = (DcLineFiles *)sink;

  if (rotates(files) && is_full(files, length, now))
    rotate(files);
  if (!dc_line_output_write(files->output, line, length, error))
    return FALSE;
  if (!GST_CLOCK_TIME_IS_VALID(files->started))
    files->started = now;
  files->size += length;
  return TRUE;
}

static void
dc_line_files_interrupt(DcLineSink *sink, gboolean interrupt)
{
  DcLineFiles *files = (DcLineFiles *)sink;

  g_mutex_lock(&files->lock);
  files->interrupted = interrupt;
  dc_line_output_interrupt(files->output, interrupt);
  g_mutex_unlock(&files->lock);
}

/* A line that was written has arrived. */
static guint64
dc_line_files_queued(DcLineSink *sink)
{
  (void)sink;
  return 0;
}

static void
dc_line_files_flush(DcLineSink *sink)
{
  (void)sink;
}

static void
dc_line_files_free(DcLineFiles *files)
{
  dc_line_output_close(files->output);
  g_mutex_clear(&files->lock);
  g_free(files->location);
  g_free(files);
}

static guint64
dc_line_files_close(DcLineSink *sink)
{
  dc_line_files_free((DcLineFiles *)sink);
  return 0;
}

static const DcLineSinkClass dc_line_files_class = {
    .write = dc_line_files_write,
    .interrupt = dc_line_files_interrupt,
    .queued = dc_line_files_queued,
    .flush = dc_line_files_flush,
    .close = dc_line_files_close,
};

static gboolean
prepare_rotation(DcLineFiles *files, GError **error)
{
  GStatBuf status;

  if (!rotates(files))
    return TRUE;
  if (g_stat(files->location, &status) < 0 || !S_ISREG(status.st_mode)) {
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                "only a file can be rotated; leave rotate-size and rotate-interval at 0");
    return FALSE;
  }
  files->size = (guint64)status.st_size;
  files->started = GST_CLOCK_TIME_NONE;
  visit_numbers(files, find_last);
  return TRUE;
}

DcLineSink *
dc_line_files_open(const gchar *location, gboolean append, const DcRotation *rotation,
                   GError **error)
{
  DcLineOutput *output = dc_line_output_open(location, append, error);
  DcLineFiles *files;

  if (!output)
    return NULL;
  files = g_new0(DcLineFiles, 1);
  files->parent.class = &dc_line_files_class;
  files->location = g_strdup(location);
  files->rotation = *rotation;
  files->output = output;
  g_mutex_init(&files->lock);
  if (!prepare_rotation(files, error)) {
    dc_line_files_free(files);
    return NULL;
  }
  return &files->parent;
}
