/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/gallery-writer.h"

#include "store/file.h"

#include <errno.h>
#include <glib/gstdio.h>

#define DATA_FILE       "data/groups.js"
#define DATA_CALL       "driftcluster.gallery("
#define RETRY_INTERVAL  G_USEC_PER_SEC /* at least, after the data could not be written */
#define FOLDER_MODE     0777           /* less what the user's mask takes */
#define INITIAL_PAYLOAD 16384

typedef struct {
  guint64 number;
  gchar *path;
  DcPicture picture;
} Job;

struct DcGalleryWriter {
  DcGallery *gallery;
  gchar *folder, *title;
  DcGalleryReport report;
  gpointer user_data;
  GThread *thread;

  /* Of the thread. */
  GString *text, *payload;
  GPtrArray *left; /* files that no page names once the next one is written */

  GMutex mutex; /* guards what follows */
  GCond changed;
  Job ring[DC_GALLERY_QUEUE];
  guint first, waiting;   /* place of the oldest job, and how many there are */
  gint64 interval;        /* us */
  gint64 last;            /* monotonic time of the last text; 0: none yet */
  gboolean failed;        /* that one could not be written */
  gboolean dirty;         /* the page is behind */
  gboolean page_was_last; /* the last work was a page, not a picture */
  gboolean working;
  gboolean hurrying; /* somebody waits: the text need not be due, only the last thing */
  gboolean ended;
  gboolean stopping;
};

/* --- Files; without the lock --- */

static void
free_job(Job *job)
{
  dc_picture_clear(&job->picture);
  g_free(job->path);
}

static DcStatus
make_folder_of(const gchar *path, DcError *error)
{
  g_autofree gchar *folder = g_path_get_dirname(path);

  if (g_mkdir_with_parents(folder, FOLDER_MODE) == 0)
    return DC_OK;
  return dc_error_set(error, DC_ERROR_IO, "%s: cannot make this folder: %s", folder,
                      g_strerror(errno));
}

static void
write_exemplar(DcGalleryWriter *writer, const Job *job)
{
  g_autofree gchar *path = g_build_filename(writer->folder, job->path, NULL);
  DcError error;
  DcStatus status;

  if (!dc_gallery_wants(writer->gallery, job->number))
    return;
  status = make_folder_of(path, &error);
  if (status == DC_OK)
    status = dc_png_write(path, &job->picture, &error);
  if (!dc_gallery_settle(writer->gallery, job->number, status == DC_OK) && status == DC_OK)
    g_unlink(path);
  writer->report(writer->user_data, DC_GALLERY_EXEMPLAR, status == DC_OK ? NULL : &error);
}

static DcStatus
write_data(DcGalleryWriter *writer, DcError *error)
{
  g_autofree gchar *path = g_build_filename(writer->folder, DATA_FILE, NULL);
  DcFileWriter file;
  DcStatus status = dc_file_create(&file, path, error);

  if (status == DC_OK)
    status = dc_file_append(&file, writer->payload->str, writer->payload->len, error);
  return status == DC_OK ? dc_file_commit(&file, error) : status;
}

/* Removes the pictures that nothing names any more, and the folders that are empty then. */
static void
remove_left(DcGalleryWriter *writer)
{
  for (guint i = 0; i < writer->left->len; i++) {
    g_autofree gchar *path =
        g_build_filename(writer->folder, g_ptr_array_index(writer->left, i), NULL);
    g_autofree gchar *folder = g_path_get_dirname(path);

    g_unlink(path);
    g_rmdir(folder);
  }
  g_ptr_array_set_size(writer->left, 0);
}

static gboolean
write_page(DcGalleryWriter *writer, gboolean ended)
{
  DcError error;
  DcStatus status;

  dc_gallery_write(writer->gallery, writer->title, ended, writer->text, writer->left);
  g_string_printf(writer->payload, DATA_CALL "%s);\n", writer->text->str);
  status = write_data(writer, &error);
  if (status == DC_OK)
    remove_left(writer);
  writer->report(writer->user_data, DC_GALLERY_PAGE, status == DC_OK ? NULL : &error);
  return status == DC_OK;
}

/* --- The thread; with the lock, which is given up while there is work --- */

/* Monotonic time before which there is no other text. */
static gint64
due_time(const DcGalleryWriter *writer)
{
  gint64 pause = writer->failed ? MAX(writer->interval, RETRY_INTERVAL) : writer->interval;

  return writer->last > 0 ? writer->last + pause : 0;
}

/* Pictures wait for no more than one page, however often it changes. */
static gboolean
page_is_due(const DcGalleryWriter *writer)
{
  if (!writer->dirty || (writer->page_was_last && writer->waiting > 0))
    return FALSE;
  return (g_get_monotonic_time() >= due_time(writer) || (writer->hurrying && writer->waiting == 0));
}

static void
do_page(DcGalleryWriter *writer)
{
  gboolean ended = writer->ended, written;

  writer->dirty = FALSE;
  g_mutex_unlock(&writer->mutex);
  written = write_page(writer, ended);
  g_mutex_lock(&writer->mutex);
  writer->last = g_get_monotonic_time();
  writer->page_was_last = TRUE;
  writer->failed = !written;
  /* Who waits for the end does not wait for a disk to have room again. */
  if (!written && !writer->hurrying)
    writer->dirty = TRUE;
}

static void
do_exemplar(DcGalleryWriter *writer)
{
  Job job = writer->ring[writer->first];

  writer->first = (writer->first + 1) % DC_GALLERY_QUEUE;
  writer->waiting--;
  writer->page_was_last = FALSE;
  g_mutex_unlock(&writer->mutex);
  write_exemplar(writer, &job);
  free_job(&job);
  g_mutex_lock(&writer->mutex);
  writer->dirty = TRUE;
}

static void
wait_for_work(DcGalleryWriter *writer)
{
  writer->working = FALSE;
  g_cond_broadcast(&writer->changed);
  if (writer->dirty)
    g_cond_wait_until(&writer->changed, &writer->mutex, due_time(writer));
  else
    g_cond_wait(&writer->changed, &writer->mutex);
  writer->working = TRUE;
}

static gpointer
work(gpointer data)
{
  DcGalleryWriter *writer = data;

  g_mutex_lock(&writer->mutex);
  while (!writer->stopping) {
    if (page_is_due(writer))
      do_page(writer);
    else if (writer->waiting > 0)
      do_exemplar(writer);
    else
      wait_for_work(writer);
  }
  g_mutex_unlock(&writer->mutex);
  return NULL;
}

/* --- Its callers --- */

DcGalleryWriter *
dc_gallery_writer_new(const DcGalleryTarget *target)
{
  DcGalleryWriter *writer = g_new0(DcGalleryWriter, 1);

  writer->gallery = target->gallery;
  writer->folder = g_strdup(target->folder);
  writer->title = g_strdup(target->title);
  writer->report = target->report;
  writer->user_data = target->user_data;
  writer->interval = target->interval;
  writer->text = g_string_sized_new(INITIAL_PAYLOAD);
  writer->payload = g_string_sized_new(INITIAL_PAYLOAD);
  writer->left = g_ptr_array_new_with_free_func(g_free);
  g_mutex_init(&writer->mutex);
  g_cond_init(&writer->changed);
  writer->working = TRUE;
  writer->dirty = TRUE; /* an open page hears that there is a new stream */
  writer->thread = g_thread_new("dc-gallery", work, writer);
  return writer;
}

void
dc_gallery_writer_free(DcGalleryWriter *writer)
{
  if (!writer)
    return;
  dc_gallery_writer_end(writer);
  g_mutex_lock(&writer->mutex);
  writer->stopping = TRUE;
  g_cond_broadcast(&writer->changed);
  g_mutex_unlock(&writer->mutex);
  g_thread_join(writer->thread);
  g_mutex_clear(&writer->mutex);
  g_cond_clear(&writer->changed);
  g_ptr_array_unref(writer->left);
  g_string_free(writer->text, TRUE);
  g_string_free(writer->payload, TRUE);
  g_free(writer->folder);
  g_free(writer->title);
  g_free(writer);
}

void
dc_gallery_writer_set_interval(DcGalleryWriter *writer, gint64 interval)
{
  g_mutex_lock(&writer->mutex);
  writer->interval = interval;
  g_cond_broadcast(&writer->changed);
  g_mutex_unlock(&writer->mutex);
}

gboolean
dc_gallery_writer_has_room(DcGalleryWriter *writer)
{
  gboolean room;

  g_mutex_lock(&writer->mutex);
  room = writer->waiting < DC_GALLERY_QUEUE;
  g_mutex_unlock(&writer->mutex);
  return room;
}

void
dc_gallery_writer_push(DcGalleryWriter *writer, guint64 number, gchar *path, DcPicture *picture)
{
  g_mutex_lock(&writer->mutex);
  writer->ring[(writer->first + writer->waiting++) % DC_GALLERY_QUEUE] =
      (Job){.number = number, .path = path, .picture = *picture};
  g_cond_broadcast(&writer->changed);
  g_mutex_unlock(&writer->mutex);
  *picture = (DcPicture){0};
}

void
dc_gallery_writer_touch(DcGalleryWriter *writer)
{
  g_mutex_lock(&writer->mutex);
  if (!writer->dirty)
    g_cond_broadcast(&writer->changed);
  writer->dirty = TRUE;
  writer->ended = FALSE;
  g_mutex_unlock(&writer->mutex);
}

void
dc_gallery_writer_end(DcGalleryWriter *writer)
{
  g_mutex_lock(&writer->mutex);
  if (!writer->ended) {
    writer->ended = TRUE;
    writer->dirty = TRUE;
  }
  writer->hurrying = TRUE;
  g_cond_broadcast(&writer->changed);
  while (writer->waiting > 0 || writer->dirty || writer->working)
    g_cond_wait(&writer->changed, &writer->mutex);
  writer->hurrying = FALSE;
  g_mutex_unlock(&writer->mutex);
}
