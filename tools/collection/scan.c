/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* st_mtim */
#include "collection/scan.h"

#include "command.h"
#include "store/image_folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
  const char *root;
  const DcScanVisitor *visitor;
  gpointer user_data;
  GHashTable *entered; /* "device:inode" of each folder */
} Scan;

static char *
identity(const struct stat *info)
{
  return g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)info->st_dev,
                         (guint64)info->st_ino);
}

static DcFoundFile
found_file(const char *path, const struct stat *info)
{
  return (DcFoundFile){path,
                       (gint64)info->st_mtim.tv_sec * G_GINT64_CONSTANT(1000000000) +
                           info->st_mtim.tv_nsec,
                       (gint64)info->st_size};
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder without the hidden ones, in byte order. */
static GPtrArray *
list_names(const char *path, GError **error)
{
  g_autoptr(GDir) dir = g_dir_open(path, 0, error);
  if (!dir)
    return NULL;
  GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
  for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir))
    if (name[0] != '.')
      g_ptr_array_add(names, g_strdup(name));
  g_ptr_array_sort(names, compare_names);
  return names;
}

static gboolean
tell_refused(Scan *scan, const char *path, const char *reason)
{
  return !scan->visitor->refused || scan->visitor->refused(path, reason, scan->user_data);
}

static gboolean scan_subfolder(Scan *scan, const char *below);

/* Entries that vanish while they are looked at, and links to nothing, are passed over. */
static gboolean
scan_entry(Scan *scan, const char *below, const char *name)
{
  g_autofree char *path = *below ? g_build_filename(below, name, NULL) : g_strdup(name);
  g_autofree char *full = g_build_filename(scan->root, path, NULL);
  struct stat info;
  if (stat(full, &info) != 0)
    return errno == ENOENT || errno == ELOOP || tell_refused(scan, full, g_strerror(errno));
  if (S_ISREG(info.st_mode) && dc_image_folder_is_picture(name) && scan->visitor->file) {
    DcFoundFile file = found_file(path, &info);
    return scan->visitor->file(&file, scan->user_data);
  }
  if (!S_ISDIR(info.st_mode) || !g_hash_table_add(scan->entered, identity(&info)))
    return TRUE;
  return scan_subfolder(scan, path);
}

static gboolean
scan_folder(Scan *scan, const char *below, GError **error)
{
  g_autofree char *full = g_build_filename(scan->root, below, NULL);
  /* Watched before it is read, so that what comes in between is not missed. */
  if (scan->visitor->folder && !scan->visitor->folder(full, scan->user_data))
    return FALSE;
  g_autoptr(GPtrArray) names = list_names(full, error);
  if (!names)
    return FALSE;
  gboolean go_on = TRUE;
  for (guint i = 0; go_on && i < names->len; i++)
    go_on = scan_entry(scan, below, g_ptr_array_index(names, i));
  return go_on;
}

/* What is in one that cannot be read is left out. */
static gboolean
scan_subfolder(Scan *scan, const char *below)
{
  g_autofree char *full = g_build_filename(scan->root, below, NULL);
  g_autoptr(GError) failure = NULL;
  if (scan_folder(scan, below, &failure))
    return TRUE;
  return failure && tell_refused(scan, full, failure->message);
}

gboolean
dc_scan(const char *folder, const char *below, const char *left_out, const DcScanVisitor *visitor,
        gpointer user_data, GError **error)
{
  g_autoptr(GHashTable) entered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  Scan scan = {folder, visitor, user_data, entered};
  struct stat info;
  if (left_out && stat(left_out, &info) == 0)
    g_hash_table_add(entered, identity(&info));
  g_autofree char *full = g_build_filename(folder, below, NULL);
  if (stat(full, &info) == 0)
    g_hash_table_add(entered, identity(&info));
  return *below ? scan_subfolder(&scan, below) : scan_folder(&scan, below, error);
}

gboolean
dc_scan_tell_refused(const char *path, const char *reason, gpointer user_data)
{
  (void)user_data;
  fprintf(stderr, "left out: %s: %s\n", path, reason);
  return TRUE;
}

gboolean
dc_scan_file(const char *folder, const char *path, DcFoundFile *file)
{
  g_autofree char *full = g_build_filename(folder, path, NULL);
  struct stat info;
  if (stat(full, &info) != 0 || !S_ISREG(info.st_mode) || !dc_image_folder_is_picture(path))
    return FALSE;
  *file = found_file(path, &info);
  return TRUE;
}
