/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/listing.h"

#include "collection/families.h"
#include "command.h"
#include "common/json-writer.h"

#include <gio/gio.h>
#include <math.h>
#include <sqlite3.h>
#include <string.h>

#define EXEMPLARS       12
#define NEWEST          24
#define MOST_COMPLAINTS 200
#define FLUSH_BYTES     65536

enum { FLAG_NOVEL = 1, FLAG_NEW = 2, FLAG_HELD = 4 };

/* --- writing --- */

static gboolean
flush(GString *text, DcFileWriter *writer, GError **error)
{
  DcError core_error;
  gboolean well = dc_file_append(writer, text->str, text->len, &core_error) == DC_OK;
  g_string_truncate(text, 0);
  return well || dc_tools_take_error(&core_error, error);
}

/* Paths are shown as UTF-8, whatever their bytes are. */
static void
write_path(DcJsonWriter *json, sqlite3_stmt *query, int column)
{
  g_autofree char *path =
      g_strndup(sqlite3_column_blob(query, column), (gsize)sqlite3_column_bytes(query, column));
  g_autofree char *shown = g_filename_display_name(path);
  dc_json_write_string(json, shown);
}

/* The address of a picture below the folder, where its name alone does not tell it. */
static void
write_address(DcJsonWriter *json, sqlite3_stmt *query, int column)
{
  g_autofree char *path =
      g_strndup(sqlite3_column_blob(query, column), (gsize)sqlite3_column_bytes(query, column));
  if (g_utf8_validate(path, -1, NULL))
    return;
  g_autofree char *address = g_uri_escape_string(path, "/", FALSE);
  dc_json_write_string(json, address);
}

static void
write_member(DcJsonWriter *json, const char *name, gint64 value)
{
  dc_json_write_name(json, name);
  dc_json_write_int(json, value);
}

static void
write_text_member(DcJsonWriter *json, const char *name, const char *value)
{
  dc_json_write_name(json, name);
  dc_json_write_string(json, value);
}

static gboolean
check(DcCollection *collection, GError **error)
{
  return dc_database_check(collection->database, error);
}

/* --- the pictures of a group --- */

static int
flags_of(gboolean novel, gboolean is_new, gboolean held)
{
  return (novel ? FLAG_NOVEL : 0) | (is_new ? FLAG_NEW : 0) | (held ? FLAG_HELD : 0);
}

static void
write_neighbours(DcJsonWriter *json, sqlite3_stmt *query, int column)
{
  gsize count = (gsize)sqlite3_column_bytes(query, column) / sizeof(gint64);
  const guint8 *bytes = sqlite3_column_blob(query, column);
  dc_json_open_array(json);
  for (gsize i = 0; i < count; i++) {
    gint64 id;
    memcpy(&id, bytes + i * sizeof id, sizeof id);
    dc_json_write_int(json, GINT64_FROM_LE(id));
  }
  dc_json_close_array(json);
}

/* [id, path, how sure in percent, flags, [neighbours], address?] from the columns id, path, sure,
 * novel, held, run, neighbours. */
static void
write_picture(DcJsonWriter *json, sqlite3_stmt *query, gint64 run)
{
  dc_json_open_array(json);
  dc_json_write_int(json, sqlite3_column_int64(query, 0));
  write_path(json, query, 1);
  dc_json_write_int(json, lround(100 * sqlite3_column_double(query, 2)));
  gint64 own_run = sqlite3_column_int64(query, 5);
  dc_json_write_int(json, flags_of(sqlite3_column_int(query, 3), run > 1 && own_run == run,
                                   sqlite3_column_int(query, 4)));
  write_neighbours(json, query, 6);
  write_address(json, query, 1);
  dc_json_close_array(json);
}

gboolean
dc_listing_group(DcCollection *collection, gint64 group, DcFileWriter *writer, GError **error)
{
  DcDatabase *database = collection->database;
  gint64 run = dc_collection_number(collection, "run");
  g_autoptr(GString) text = g_string_new(NULL);
  DcJsonWriter json;
  dc_json_writer_start(&json, text);
  g_string_append(text, "driftcluster.group(");
  dc_json_open_object(&json);
  write_member(&json, "id", group);
  dc_json_write_name(&json, "pictures");
  dc_json_open_array(&json);
  sqlite3_stmt *query =
      dc_query(database, "SELECT id, path, sure, novel, held, run, neighbours FROM pictures WHERE "
                         "group_id = ? ORDER BY distance, draw");
  sqlite3_bind_int64(query, 1, group);
  while (dc_query_next(database, query)) {
    write_picture(&json, query, run);
    if (text->len > FLUSH_BYTES && !flush(text, writer, error)) {
      dc_query_end(query);
      return FALSE;
    }
  }
  dc_json_close_array(&json);
  dc_json_close_object(&json);
  g_string_append(text, ");\n");
  return flush(text, writer, error) && check(collection, error);
}

/* [id, path, group] from the columns of the same names. */
static void
write_reference(DcJsonWriter *json, sqlite3_stmt *query)
{
  dc_json_open_array(json);
  dc_json_write_int(json, sqlite3_column_int64(query, 0));
  write_path(json, query, 1);
  dc_json_write_int(json, sqlite3_column_int64(query, 2));
  dc_json_close_array(json);
}

gboolean
dc_listing_outliers(DcCollection *collection, gint64 group, DcFileWriter *writer, GError **error)
{
  (void)group;
  DcDatabase *database = collection->database;
  g_autoptr(GString) text = g_string_new(NULL);
  DcJsonWriter json;
  dc_json_writer_start(&json, text);
  g_string_append(text, "driftcluster.outliers(");
  dc_json_open_object(&json);
  dc_json_write_name(&json, "pictures");
  dc_json_open_array(&json);
  sqlite3_stmt *query = dc_query(database, "SELECT id, path, group_id FROM pictures WHERE "
                                           "novel = 1 ORDER BY distance DESC, draw LIMIT 500");
  while (dc_query_next(database, query))
    write_reference(&json, query);
  dc_json_close_array(&json);
  dc_json_close_object(&json);
  g_string_append(text, ");\n");
  return flush(text, writer, error) && check(collection, error);
}

/* --- the index --- */

typedef struct {
  gint64 id;
  gint64 size;
  guint32 family;
} Member;

/* The groups in the order of their sizes, with a mean centroid each. */
typedef struct {
  GArray *members;   /* of Member */
  GArray *centroids; /* of float */
  gsize dim;
} Groups;

/* The mean of the prototypes of a group; zeros when it has none. */
static void
append_centroid(DcCollection *collection, Groups *groups, gint64 id)
{
  sqlite3_stmt *query =
      dc_query(collection->database, "SELECT centroid FROM prototypes WHERE group_id = ?");
  g_autofree float *mean = g_new0(float, groups->dim);
  gsize count = 0;
  sqlite3_bind_int64(query, 1, id);
  while (dc_query_next(collection->database, query)) {
    const guint8 *bytes = sqlite3_column_blob(query, 0);
    count++;
    for (gsize j = 0; j < groups->dim && (gsize)sqlite3_column_bytes(query, 0) >= 4 * (j + 1);
         j++) {
      float value;
      memcpy(&value, bytes + 4 * j, sizeof value);
      mean[j] += (value - mean[j]) / (float)count;
    }
  }
  g_array_append_vals(groups->centroids, mean, (guint)groups->dim);
}

static void
read_groups(DcCollection *collection, Groups *groups)
{
  DcDatabase *database = collection->database;
  groups->members = g_array_new(FALSE, FALSE, sizeof(Member));
  groups->centroids = g_array_new(FALSE, FALSE, sizeof(float));
  groups->dim = (gsize)dc_collection_number(collection, "dim");
  sqlite3_stmt *query =
      dc_query(database,
               "SELECT g.id, (SELECT count(*) FROM pictures WHERE group_id = g.id) AS size "
               "FROM groups g ORDER BY size DESC, g.id");
  while (dc_query_next(database, query)) {
    Member member = {sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1), 0};
    g_array_append_val(groups->members, member);
  }
  for (guint i = 0; i < groups->members->len; i++)
    append_centroid(collection, groups, g_array_index(groups->members, Member, i).id);
}

/* About as many families as the square root of the number of groups; they are numbered in the order
 * in which their largest groups come. */
static gboolean
find_families(Groups *groups, guint *families, GError **error)
{
  guint count = groups->members->len;
  g_autofree guint32 *family = g_new(guint32, MAX(1, count));
  DcMatrix centroids =
      dc_matrix((const float *)(gpointer)groups->centroids->data, count, groups->dim);
  if (!dc_families(&centroids, (guint)lround(sqrt((double)count)), family, families, error))
    return FALSE;
  for (guint i = 0; i < count; i++)
    g_array_index(groups->members, Member, i).family = family[i];
  return TRUE;
}

static void
write_families(DcJsonWriter *json, const Groups *groups, guint count)
{
  dc_json_write_name(json, "families");
  dc_json_open_array(json);
  for (guint family = 0; family < count; family++) {
    dc_json_open_array(json);
    for (guint i = 0; i < groups->members->len; i++) {
      const Member *member = &g_array_index(groups->members, Member, i);
      if (member->family == family)
        dc_json_write_int(json, member->id);
    }
    dc_json_close_array(json);
  }
  dc_json_close_array(json);
}

/* [[id, path], ...], nearest to the middle first. */
static void
write_exemplars(DcCollection *collection, DcJsonWriter *json, gint64 group)
{
  sqlite3_stmt *query =
      dc_query(collection->database,
               "SELECT id, path FROM pictures WHERE group_id = ? ORDER BY distance, draw LIMIT ?");
  sqlite3_bind_int64(query, 1, group);
  sqlite3_bind_int(query, 2, EXEMPLARS);
  dc_json_write_name(json, "exemplars");
  dc_json_open_array(json);
  while (dc_query_next(collection->database, query)) {
    dc_json_open_array(json);
    dc_json_write_int(json, sqlite3_column_int64(query, 0));
    write_path(json, query, 1);
    dc_json_close_array(json);
  }
  dc_json_close_array(json);
}

static void
write_group_members(DcCollection *collection, DcJsonWriter *json, const Member *member, gint64 run)
{
  DcDatabase *database = collection->database;
  sqlite3_stmt *query = dc_query(
      database,
      "SELECT uuid, name, named, pinned, revision, (SELECT avg(sure) FROM pictures WHERE group_id "
      "= "
      "?1), (SELECT count(*) FROM pictures WHERE run > 1 AND run = ?2 AND group_id = ?1), (SELECT "
      "count(*) FROM prototypes WHERE group_id = ?1) FROM groups WHERE id = ?1");
  sqlite3_bind_int64(query, 1, member->id);
  sqlite3_bind_int64(query, 2, run);
  if (!dc_query_next(database, query))
    return;
  write_text_member(json, "uuid", (const char *)sqlite3_column_text(query, 0));
  write_text_member(json, "name", (const char *)sqlite3_column_text(query, 1));
  dc_json_write_name(json, "named");
  dc_json_write_boolean(json, sqlite3_column_int(query, 2));
  dc_json_write_name(json, "pinned");
  dc_json_write_boolean(json, sqlite3_column_int(query, 3));
  write_member(json, "revision", sqlite3_column_int64(query, 4));
  write_member(json, "sure", lround(100 * sqlite3_column_double(query, 5)));
  write_member(json, "new", sqlite3_column_int64(query, 6));
  write_member(json, "prototypes", sqlite3_column_int64(query, 7));
  dc_query_end(query);
}

static void
write_groups(DcCollection *collection, DcJsonWriter *json, const Groups *groups, gint64 run)
{
  dc_json_write_name(json, "groups");
  dc_json_open_array(json);
  for (guint i = 0; i < groups->members->len; i++) {
    const Member *member = &g_array_index(groups->members, Member, i);
    dc_json_open_object(json);
    write_member(json, "id", member->id);
    write_member(json, "size", member->size);
    write_group_members(collection, json, member, run);
    write_exemplars(collection, json, member->id);
    dc_json_close_object(json);
  }
  dc_json_close_array(json);
}

static void
write_newest(DcCollection *collection, DcJsonWriter *json, gint64 run)
{
  sqlite3_stmt *query =
      dc_query(collection->database,
               "SELECT id, path, group_id FROM pictures WHERE run > 1 AND run = ? AND "
               "group_id > 0 ORDER BY id DESC LIMIT ?");
  sqlite3_bind_int64(query, 1, run);
  sqlite3_bind_int(query, 2, NEWEST);
  dc_json_write_name(json, "newest");
  dc_json_open_array(json);
  while (dc_query_next(collection->database, query))
    write_reference(json, query);
  dc_json_close_array(json);
}

/* [[path, why], ...] */
static void
write_unreadable(DcCollection *collection, DcJsonWriter *json)
{
  sqlite3_stmt *query =
      dc_query(collection->database,
               "SELECT path, complaint FROM pictures WHERE state = 2 ORDER BY path LIMIT ?");
  sqlite3_bind_int(query, 1, MOST_COMPLAINTS);
  dc_json_write_name(json, "unreadable");
  dc_json_open_array(json);
  while (dc_query_next(collection->database, query)) {
    dc_json_open_array(json);
    write_path(json, query, 0);
    dc_json_write_string(json, (const char *)sqlite3_column_text(query, 1));
    dc_json_close_array(json);
  }
  dc_json_close_array(json);
}

static void
write_counts(DcCollection *collection, DcJsonWriter *json, gint64 run)
{
  DcDatabase *database = collection->database;
  write_member(json, "waiting", dc_collection_count(collection, DC_PICTURE_WAITING));
  write_member(json, "pictures", dc_collection_count(collection, DC_PICTURE_EMBEDDED));
  write_member(json, "unreadableCount", dc_collection_count(collection, DC_PICTURE_UNREADABLE));
  write_member(json, "outliers",
               dc_query_number(database,
                               dc_query(database, "SELECT count(*) FROM pictures WHERE novel = 1"),
                               0));
  sqlite3_stmt *query =
      dc_query(database,
               "SELECT count(*) FROM pictures WHERE run > 1 AND run = ? AND group_id > 0");
  sqlite3_bind_int64(query, 1, run);
  write_member(json, "new", dc_query_number(database, query, 0));
}

/* What a person is told of the whole. */
static void
write_state(DcCollection *collection, DcJsonWriter *json)
{
  static const char *const texts[] = {"status", "encoder", "title", "model", "learning"};
  g_autofree char *address = g_filename_to_uri(collection->folder, NULL, NULL);
  g_autofree char *folder = g_filename_display_name(collection->folder);
  write_member(json, "format", 1);
  write_text_member(json, "folder", folder);
  write_text_member(json, "address", address);
  for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
    g_autofree char *text = dc_collection_text(collection, texts[i]);
    write_text_member(json, texts[i], text);
  }
  dc_json_write_name(json, "attended");
  g_autofree char *status = dc_collection_text(collection, "status");
  dc_json_write_boolean(json,
                        g_strcmp0(status, "done") != 0 && dc_collection_is_attended(collection));
  g_autoptr(GDateTime) now = g_date_time_new_now_utc();
  g_autofree char *time = g_date_time_format_iso8601(now);
  write_text_member(json, "written", time);
}

gboolean
dc_listing_index(DcCollection *collection, gint64 group, DcFileWriter *writer, GError **error)
{
  (void)group;
  gint64 run = dc_collection_number(collection, "run");
  g_autoptr(GString) text = g_string_new(NULL);
  DcJsonWriter json;
  Groups groups;
  guint families;
  read_groups(collection, &groups);
  gboolean well = find_families(&groups, &families, error);
  dc_json_writer_start(&json, text);
  g_string_append(text, "driftcluster.index(");
  dc_json_open_object(&json);
  write_state(collection, &json);
  write_counts(collection, &json, run);
  write_families(&json, &groups, families);
  write_groups(collection, &json, &groups, run);
  write_newest(collection, &json, run);
  write_unreadable(collection, &json);
  dc_json_close_object(&json);
  g_string_append(text, ");\n");
  g_array_unref(groups.members);
  g_array_unref(groups.centroids);
  return well && flush(text, writer, error) && check(collection, error);
}

GHashTable *
dc_listing_families(DcCollection *collection, GError **error)
{
  g_autoptr(GHashTable) families =
      g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
  Groups groups;
  guint count;
  read_groups(collection, &groups);
  gboolean well = find_families(&groups, &count, error);
  for (guint i = 0; well && i < groups.members->len; i++) {
    const Member *member = &g_array_index(groups.members, Member, i);
    g_hash_table_insert(families, g_memdup2(&member->id, sizeof member->id),
                        g_strdup_printf("Family %u", member->family + 1));
  }
  g_array_unref(groups.members);
  g_array_unref(groups.centroids);
  return well && check(collection, error) ? g_steal_pointer(&families) : NULL;
}
