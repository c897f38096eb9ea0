/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* flock() */
#include "collection/page.h"

#include "collection/listing.h"
#include "collection/page-resources.h"
#include "command.h"
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define GROUP_FILE "group-"

struct DcPage {
  DcCollection *collection;
  GHashTable *revisions; /* group -> the revision of it that was written */
};

DcPage *
dc_page_new(DcCollection *collection)
{
  DcPage *page = g_new0(DcPage, 1);
  page->collection = collection;
  page->revisions = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  return page;
}

void
dc_page_free(DcPage *page)
{
  if (!page)
    return;
  g_hash_table_unref(page->revisions);
  g_free(page);
}

/* --- the page itself --- */

gboolean
dc_page_install(DcPage *page, GError **error)
{
  for (gsize i = 0; dc_page_resources[i]; i++) {
    g_autoptr(GBytes) bytes = dc_page_resource(dc_page_resources[i]);
    g_autofree char *path = g_build_filename(page->collection->output, dc_page_resources[i], NULL);
    gsize size;
    const char *data = g_bytes_get_data(bytes, &size);
    if (!g_file_set_contents_full(path, data, (gssize)size, G_FILE_SET_CONTENTS_CONSISTENT, 0666,
                                  error))
      return FALSE;
  }
  return TRUE;
}

/* --- its data --- */

/* Runs `write` into a file below OUTPUT/data that appears as a whole. */
static gboolean
write_data(DcPage *page, const char *name, DcListing listing, gint64 group, GError **error)
{
  g_autofree char *path = g_build_filename(page->collection->output, "data", name, NULL);
  DcFileWriter writer;
  DcError core_error;
  if (dc_file_create(&writer, path, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (!listing(page->collection, group, &writer, error)) {
    dc_file_discard(&writer);
    return FALSE;
  }
  return dc_file_commit(&writer, &core_error) == DC_OK || dc_tools_take_error(&core_error, error);
}

static char *
group_file(gint64 group)
{
  return g_strdup_printf(GROUP_FILE "%" G_GINT64_FORMAT ".js", group);
}

static gboolean
write_group(DcPage *page, gint64 group, gint64 revision, GError **error)
{
  gint64 *written = g_hash_table_lookup(page->revisions, &group);
  if (written && *written == revision)
    return TRUE;
  g_autofree char *name = group_file(group);
  if (!write_data(page, name, dc_listing_group, group, error))
    return FALSE;
  g_hash_table_insert(page->revisions, g_memdup2(&group, sizeof group),
                      g_memdup2(&revision, sizeof revision));
  return TRUE;
}

static gboolean
has_group(const GArray *groups, gint64 group)
{
  for (guint i = 0; i < groups->len; i += 2)
    if (g_array_index(groups, gint64, i) == group)
      return TRUE;
  return FALSE;
}

/* The group that a file of that name is of; FALSE: it is none of a group. */
static gboolean
group_of_file(const char *name, gint64 *group)
{
  if (!g_str_has_prefix(name, GROUP_FILE))
    return FALSE;
  *group = g_ascii_strtoll(name + strlen(GROUP_FILE), NULL, 10);
  g_autofree char *own = group_file(*group);
  return strcmp(name, own) == 0;
}

/* Removes the files of groups that are no more, those of earlier runs too. */
static void
remove_others(DcPage *page, const GArray *groups)
{
  g_autofree char *folder = g_build_filename(page->collection->output, "data", NULL);
  g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
  const char *name;
  gint64 group;
  while (files && (name = g_dir_read_name(files))) {
    if (!group_of_file(name, &group) || has_group(groups, group))
      continue;
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_unlink(path);
    g_hash_table_remove(page->revisions, &group);
  }
}

/* Groups and their revisions in turn. */
static GArray *
read_revisions(DcPage *page)
{
  DcDatabase *database = page->collection->database;
  GArray *revisions = g_array_new(FALSE, FALSE, sizeof(gint64));
  sqlite3_stmt *query = dc_query(database, "SELECT id, revision FROM groups");
  while (dc_query_next(database, query))
    for (int i = 0; i < 2; i++) {
      gint64 number = sqlite3_column_int64(query, i);
      g_array_append_val(revisions, number);
    }
  return revisions;
}

/* The index comes last: what it names is there. */
static gboolean
write_all(DcPage *page, GError **error)
{
  g_autoptr(GArray) groups = read_revisions(page);
  for (guint i = 0; i + 1 < groups->len; i += 2)
    if (!write_group(page, g_array_index(groups, gint64, i), g_array_index(groups, gint64, i + 1),
                     error))
      return FALSE;
  if (!write_data(page, "outliers.js", dc_listing_outliers, 0, error) ||
      !write_data(page, "index.js", dc_listing_index, 0, error))
    return FALSE;
  remove_others(page, groups);
  return TRUE;
}

gboolean
dc_page_publish(DcPage *page, GError **error)
{
  DcDatabase *database = page->collection->database;
  g_autofree char *path = g_build_filename(page->collection->output, "data", ".lock", NULL);
  int lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
  if (lock < 0 || flock(lock, LOCK_EX) != 0) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s cannot be written to: %s", path,
                g_strerror(errno));
    if (lock >= 0)
      close(lock);
    return FALSE;
  }
  dc_database_run(database, "BEGIN"); /* one state of the collection, whoever writes meanwhile */
  gboolean well = write_all(page, error);
  if (well)
    well = dc_database_commit(database, error);
  else
    dc_database_roll_back(database);
  close(lock);
  return well;
}
