/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* symlink() */
#include "collection/exports.h"

#include "collection/paths.h"
#include "command.h"
#include "store/file.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static char *
column_bytes(sqlite3_stmt *query, int column)
{
  return g_strndup(sqlite3_column_blob(query, column), (gsize)sqlite3_column_bytes(query, column));
}

static gboolean
fail_io(GError **error, const char *path, const char *what)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: %s: %s", path, what, g_strerror(errno));
  return FALSE;
}

/* --- CSV --- */

/* Quoted always: it is never wrong. */
static void
append_field(GString *line, const char *text)
{
  g_string_append_c(line, '"');
  for (; *text; text++) {
    if (*text == '"')
      g_string_append_c(line, '"');
    g_string_append_c(line, *text);
  }
  g_string_append_c(line, '"');
}

static void
format_picture(GString *line, sqlite3_stmt *query)
{
  g_autofree char *path = column_bytes(query, 0);
  g_autofree char *shown = g_filename_display_name(path);
  g_string_truncate(line, 0);
  append_field(line, shown);
  g_string_append_c(line, ',');
  append_field(line, (const char *)sqlite3_column_text(query, 1));
  g_string_append_printf(line, ",%s,%.2f,%d\r\n", (const char *)sqlite3_column_text(query, 2),
                         sqlite3_column_double(query, 3), sqlite3_column_int(query, 4));
}

static gboolean
append_line(DcFileWriter *writer, const GString *line, GError **error)
{
  DcError core_error;
  return dc_file_append(writer, line->str, line->len, &core_error) == DC_OK ||
         dc_tools_take_error(&core_error, error);
}

static gboolean
write_lines(DcCollection *collection, DcFileWriter *writer, GError **error)
{
  g_autoptr(GString) line = g_string_new("path,group,uuid,sure,outlier\r\n");
  gboolean well = append_line(writer, line, error);
  sqlite3_stmt *query =
      dc_query(collection->database,
               "SELECT p.path, g.name, g.uuid, p.sure, p.novel FROM pictures p JOIN "
               "groups g ON g.id = p.group_id ORDER BY p.path");
  while (well && dc_query_next(collection->database, query)) {
    format_picture(line, query);
    well = append_line(writer, line, error);
  }
  dc_query_end(query);
  return well && dc_database_check(collection->database, error);
}

gboolean
dc_export_csv_check(const char *path, GError **error)
{
  DcFileWriter writer;
  DcError core_error;
  if (g_file_test(path, G_FILE_TEST_EXISTS) && !g_file_test(path, G_FILE_TEST_IS_REGULAR) &&
      !g_file_test(path, G_FILE_TEST_IS_DIR))
    return TRUE; /* who reads from a pipe would see it end */
  if (dc_file_create(&writer, path, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  dc_file_discard(&writer);
  return TRUE;
}

gboolean
dc_export_csv(DcCollection *collection, const char *path, GError **error)
{
  DcFileWriter writer;
  DcError core_error;
  if (dc_file_create(&writer, path, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (!write_lines(collection, &writer, error)) {
    dc_file_discard(&writer);
    return FALSE;
  }
  return dc_file_commit(&writer, &core_error) == DC_OK || dc_tools_take_error(&core_error, error);
}

/* --- links --- */

/* `pictures` is the folder that links lead to. */
typedef gboolean (*EntryVisit)(const char *path, const char *pictures, GError **error);

static gboolean
visit_entries(const char *folder, EntryVisit visit, const char *pictures, GError **error)
{
  g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
  if (!dir)
    return FALSE;
  for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
    g_autofree char *path = g_build_filename(folder, name, NULL);
    if (!visit(path, pictures, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
refuse_entry(const char *path, const char *what, GError **error)
{
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MISMATCH,
              "%s: it is no %s; name an empty or a new folder", path, what);
  return FALSE;
}

/* By name and target: others keep links in folders, too. */
static gboolean
is_own_link(const char *path, const char *pictures)
{
  g_autofree char *target = g_file_read_link(path, NULL);
  g_autofree char *name = g_path_get_basename(path);
  gsize digits = strspn(name, "0123456789");
  return digits > 0 && name[digits] == '-' && target && dc_path_is_within(target, pictures);
}

static gboolean
check_link(const char *path, const char *pictures, GError **error)
{
  return is_own_link(path, pictures) || refuse_entry(path, "link that was made before", error);
}

static gboolean
check_group(const char *path, const char *pictures, GError **error)
{
  if (!g_file_test(path, G_FILE_TEST_IS_DIR) || g_file_test(path, G_FILE_TEST_IS_SYMLINK))
    return refuse_entry(path, "folder of links", error);
  return visit_entries(path, check_link, pictures, error);
}

gboolean
dc_export_links_check(const DcCollection *collection, const char *folder, GError **error)
{
  return dc_tools_make_folder(folder, error) &&
         visit_entries(folder, check_group, collection->folder, error);
}

static gboolean
remove_link(const char *path, const char *pictures, GError **error)
{
  (void)pictures;
  return g_unlink(path) == 0 || fail_io(error, path, "cannot be removed");
}

static gboolean
remove_group(const char *path, const char *pictures, GError **error)
{
  return visit_entries(path, remove_link, pictures, error) &&
         (g_rmdir(path) == 0 || fail_io(error, path, "cannot be removed"));
}

/* The name of a group as that of a folder that is not in `taken`: "a/b" beside "a_b" is
 * "a_b (2)". */
static char *
folder_name(const char *group, GHashTable *taken)
{
  g_autofree char *plain = g_strdelimit(g_strdup(group), "/", '_');
  if (plain[0] == '.')
    plain[0] = '_';
  char *name = g_strdup(plain);
  for (guint number = 2; g_hash_table_contains(taken, name); number++) {
    g_free(name);
    name = g_strdup_printf("%s (%u)", plain, number);
  }
  return name;
}

/* The number of each group by the name of its folder. Names that can stay as they are come first,
 * so that they do. */
static GHashTable *
name_folders(DcCollection *collection)
{
  GHashTable *folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  sqlite3_stmt *query =
      dc_query(collection->database,
               "SELECT id, name FROM groups ORDER BY name LIKE '%/%' OR name LIKE '.%', id");
  while (dc_query_next(collection->database, query)) {
    gint64 group = sqlite3_column_int64(query, 0);
    char *name = folder_name((const char *)sqlite3_column_text(query, 1), folders);
    g_hash_table_insert(folders, name, g_memdup2(&group, sizeof group));
  }
  return folders;
}

static gboolean
link_picture(DcCollection *collection, const char *parent, sqlite3_stmt *query, GError **error)
{
  g_autofree char *path = column_bytes(query, 1);
  g_autofree char *base = g_path_get_basename(path);
  g_autofree char *name =
      g_strdup_printf("%" G_GINT64_FORMAT "-%s", (gint64)sqlite3_column_int64(query, 0), base);
  g_autofree char *link = g_build_filename(parent, name, NULL);
  g_autofree char *target = g_build_filename(collection->folder, path, NULL);
  if (g_mkdir_with_parents(parent, 0777) != 0)
    return fail_io(error, parent, "cannot be made");
  return symlink(target, link) == 0 || fail_io(error, link, "cannot be made");
}

static gboolean
link_group(DcCollection *collection, gint64 group, const char *parent, GError **error)
{
  gboolean well = TRUE;
  sqlite3_stmt *query = dc_query(collection->database,
                                 "SELECT id, path FROM pictures WHERE group_id = ? ORDER BY id");
  sqlite3_bind_int64(query, 1, group);
  while (well && dc_query_next(collection->database, query))
    well = link_picture(collection, parent, query, error);
  dc_query_end(query);
  return well;
}

static gboolean
link_groups(DcCollection *collection, const char *folder, GError **error)
{
  g_autoptr(GHashTable) folders = name_folders(collection);
  GHashTableIter iter;
  gpointer name, group;
  gboolean well = TRUE;
  g_hash_table_iter_init(&iter, folders);
  while (well && g_hash_table_iter_next(&iter, &name, &group)) {
    g_autofree char *parent = g_build_filename(folder, name, NULL);
    well = link_group(collection, *(gint64 *)group, parent, error);
  }
  return well && dc_database_check(collection->database, error);
}

gboolean
dc_export_links(DcCollection *collection, const char *folder, GError **error)
{
  /* All of it is looked at before any of it goes. */
  return dc_export_links_check(collection, folder, error) &&
         visit_entries(folder, remove_group, collection->folder, error) &&
         link_groups(collection, folder, error);
}
