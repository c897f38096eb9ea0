/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* flock() */
#include "common/gallery-folder.h"

#include "gallery-page.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_FILE   "gallery.lock" /* also tells a gallery from somebody's folder */
#define EXEMPLARS   "exemplars"
#define FOLDER_MODE 0777
#define FILE_MODE   0666

struct DcGalleryFolder {
  gchar *path;
  gint lock;
};

/* FALSE, with `error` from errno. */
static gboolean
fail(const gchar *path, const gchar *what, GError **error)
{
  gint reason = errno;

  g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(reason), "%s: %s: %s", path, what,
              g_strerror(reason));
  return FALSE;
}

static gboolean
make_folder(const gchar *path, GError **error)
{
  return g_mkdir_with_parents(path, FOLDER_MODE) == 0 ||
         fail(path, "cannot make this folder", error);
}

/* --- Whose folder it is --- */

/* Whether it is empty, or a gallery's. */
static gboolean
may_be_used(const gchar *path, GError **error)
{
  g_autoptr(GDir) entries = g_dir_open(path, 0, error);
  g_autofree gchar *lock = g_build_filename(path, LOCK_FILE, NULL);

  if (!entries)
    return FALSE;
  if (!g_dir_read_name(entries) || g_file_test(lock, G_FILE_TEST_IS_REGULAR))
    return TRUE;
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
              "%s: holds files that no gallery made; name an empty folder, or one that is not "
              "there yet",
              path);
  return FALSE;
}

static gboolean
take_lock(DcGalleryFolder *folder, GError **error)
{
  g_autofree gchar *path = g_build_filename(folder->path, LOCK_FILE, NULL);

  folder->lock = g_open(path, O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
  if (folder->lock < 0)
    return fail(path, "cannot write there", error);
  if (flock(folder->lock, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  if (errno != EWOULDBLOCK)
    return fail(path, "cannot be locked", error);
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
              "%s: another gallery-sink writes there; give each one a folder of its own",
              folder->path);
  return FALSE;
}

/* --- The page --- */

static gboolean
install_page(const gchar *folder, GError **error)
{
  static const gchar *const files[] = {"index.html",      "page/style.css",
                                       "page/common.js",  "page/gallery.js",
                                       "page/editing.js", "page/gallery-edit.js"};

  for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree gchar *name = g_strconcat("/driftcluster/gallery/", files[i], NULL);
    g_autofree gchar *path = g_build_filename(folder, files[i], NULL);
    g_autoptr(GBytes) bytes = g_resource_lookup_data(dc_gallery_page_get_resource(), name,
                                                     G_RESOURCE_LOOKUP_FLAGS_NONE, error);
    gsize size;
    const gchar *data = bytes ? g_bytes_get_data(bytes, &size) : NULL;

    if (!data || !g_file_set_contents_full(path, data, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT,
                                           FILE_MODE, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
make_folders(const gchar *folder, GError **error)
{
  static const gchar *const names[] = {"page", "data", EXEMPLARS};

  for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
    g_autofree gchar *path = g_build_filename(folder, names[i], NULL);

    if (!make_folder(path, error))
      return FALSE;
  }
  return TRUE;
}

/* --- Earlier exemplars --- */

/* "17.png" */
static gboolean
is_exemplar(const gchar *name)
{
  gsize digits = strspn(name, "0123456789");

  return digits > 0 && strcmp(name + digits, ".png") == 0;
}

static void
clear_group(const gchar *path)
{
  g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
  const gchar *name;

  while (entries && (name = g_dir_read_name(entries))) {
    g_autofree gchar *file = g_build_filename(path, name, NULL);

    if (is_exemplar(name))
      g_unlink(file);
  }
  g_rmdir(path); /* stays when it holds anything else */
}

static void
clear_exemplars(const gchar *folder)
{
  g_autofree gchar *path = g_build_filename(folder, EXEMPLARS, NULL);
  g_autoptr(GDir) entries = g_dir_open(path, 0, NULL);
  const gchar *name;

  while (entries && (name = g_dir_read_name(entries))) {
    g_autofree gchar *group = g_build_filename(path, name, NULL);

    if (!g_file_test(group, G_FILE_TEST_IS_SYMLINK))
      clear_group(group);
  }
}

/* --- The folder --- */

DcGalleryFolder *
dc_gallery_folder_open(const gchar *location, GError **error)
{
  g_autoptr(DcGalleryFolder) folder = g_new0(DcGalleryFolder, 1);

  folder->path = g_strdup(location);
  folder->lock = -1;
  if (!make_folder(location, error) || !may_be_used(location, error) || !take_lock(folder, error) ||
      !make_folders(location, error) || !install_page(location, error))
    return NULL;
  clear_exemplars(location);
  return g_steal_pointer(&folder);
}

void
dc_gallery_folder_close(DcGalleryFolder *folder)
{
  if (!folder)
    return;
  if (folder->lock >= 0)
    close(folder->lock);
  g_free(folder->path);
  g_free(folder);
}
