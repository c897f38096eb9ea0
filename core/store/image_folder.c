/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/image_folder.h"

#include <glib.h>
#include <glib/gstdio.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  GPtrArray *paths;    /* of the pictures found so far */
  GHashTable *visited; /* "device:inode" of each folder entered so far */
  DcError *error;
} Walk;

bool
dc_image_folder_is_picture(const char *name)
{
  static const char *const endings[] = {".png", ".jpg", ".jpeg", ".webp",
                                        ".gif", ".bmp", ".tif",  ".tiff"};
  const char *ending = strrchr(name, '.');
  for (size_t i = 0; ending && i < G_N_ELEMENTS(endings); i++)
    if (g_ascii_strcasecmp(ending, endings[i]) == 0)
      return true;
  return false;
}

static int
compare_strings(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder without the hidden ones, in byte order: where several links lead to one
 * folder, the same one is followed on every machine. */
static DcStatus
list_names(const char *path, GPtrArray **names, DcError *error)
{
  g_autoptr(GError) failure = NULL;
  g_autoptr(GDir) dir = g_dir_open(path, 0, &failure);
  if (!dir) {
    gboolean missing = g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    return dc_error_set(error, missing ? DC_ERROR_NOT_FOUND : DC_ERROR_IO, "%s", failure->message);
  }
  *names = g_ptr_array_new_with_free_func(g_free);
  for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir))
    if (name[0] != '.')
      g_ptr_array_add(*names, g_strdup(name));
  g_ptr_array_sort(*names, compare_strings);
  return DC_OK;
}

/* False when this folder was entered before, through whatever link. */
static gboolean
enter(Walk *walk, const GStatBuf *info)
{
  return g_hash_table_add(walk->visited,
                          g_strdup_printf("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                          (guint64)info->st_dev, (guint64)info->st_ino));
}

static DcStatus
walk_folder(Walk *walk, const char *path)
{
  g_autoptr(GPtrArray) names = NULL;
  DcStatus status = list_names(path, &names, walk->error);
  for (guint i = 0; status == DC_OK && i < names->len; i++) {
    const char *name = g_ptr_array_index(names, i);
    g_autofree char *child = g_build_filename(path, name, NULL);
    GStatBuf info;
    if (g_stat(child, &info) != 0) {
      if (errno != ENOENT && errno != ELOOP) /* links to nothing are no pictures */
        status = dc_error_set(walk->error, DC_ERROR_IO, "%s: cannot look at it: %s", child,
                              g_strerror(errno));
    } else if (S_ISDIR(info.st_mode)) {
      if (enter(walk, &info))
        status = walk_folder(walk, child);
    } else if (S_ISREG(info.st_mode) && dc_image_folder_is_picture(name)) {
      g_ptr_array_add(walk->paths, g_steal_pointer(&child));
    }
  }
  return status;
}

/* The first folder of `path` below `root`, or NULL for a picture directly in it. */
static char *
class_name(const char *root, const char *path)
{
  size_t length = strlen(root);
  while (length > 0 && root[length - 1] == G_DIR_SEPARATOR)
    length--;
  const char *start = path + length + 1;
  const char *end = strchr(start, G_DIR_SEPARATOR);
  return end ? g_strndup(start, (gsize)(end - start)) : NULL;
}

/* Names the classes in byte order and numbers the pictures. `folder->paths` is sorted, so that
 * pictures of one class follow each other. */
static void
number_classes(const char *root, DcImageFolder *folder)
{
  GPtrArray *names = g_ptr_array_new();
  for (size_t i = 0; i < folder->count; i++) {
    g_autofree char *name = class_name(root, folder->paths[i]);
    if (name && (names->len == 0 || strcmp(name, names->pdata[names->len - 1]) != 0))
      g_ptr_array_add(names, g_steal_pointer(&name));
  }
  g_ptr_array_sort(names, compare_strings);
  folder->n_classes = names->len;
  folder->class_names = (char **)g_ptr_array_free(names, FALSE);

  folder->classes = g_new(uint32_t, folder->count);
  for (size_t i = 0; i < folder->count; i++) {
    g_autofree char *name = class_name(root, folder->paths[i]);
    char **found = name ? bsearch(&name, folder->class_names, folder->n_classes, sizeof(char *),
                                  compare_strings)
                        : NULL;
    folder->classes[i] = found ? (uint32_t)(found - folder->class_names) : DC_NO_CLASS;
  }
}

DcStatus
dc_image_folder_list(const char *path, DcImageFolder *folder, DcError *error)
{
  *folder = (DcImageFolder){0};
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
  g_autoptr(GHashTable) visited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
  Walk walk = {paths, visited, error};
  GStatBuf info;
  if (g_stat(path, &info) == 0)
    enter(&walk, &info);
  DcStatus status = walk_folder(&walk, path);
  if (status != DC_OK)
    return status;
  if (paths->len == 0)
    return dc_error_set(error, DC_ERROR_NOT_FOUND,
                        "%s: no picture in this folder (.png, .jpg, .jpeg, .webp, .gif, .bmp, .tif "
                        "or .tiff)",
                        path);
  g_ptr_array_sort(paths, compare_strings);
  folder->count = paths->len;
  g_ptr_array_set_free_func(paths, NULL);
  folder->paths = (char **)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
  number_classes(path, folder);
  return DC_OK;
}

void
dc_image_folder_clear(DcImageFolder *folder)
{
  for (size_t i = 0; i < folder->count; i++)
    g_free(folder->paths[i]);
  for (size_t i = 0; i < folder->n_classes; i++)
    g_free(folder->class_names[i]);
  g_free(folder->paths);
  g_free(folder->classes);
  g_free(folder->class_names);
  *folder = (DcImageFolder){0};
}
