/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _DEFAULT_SOURCE /* flock() */
#include "collection/collection.h"

#include "collection/schema.h"
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define THUMBNAILS_IN_FOLDER 1000

static const char database_name[] = "collection.sqlite";

/* --- opening --- */

static gboolean fail(GError **error, DcStatus status, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
fail(GError **error, DcStatus status, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_set_error_literal(error, DC_TOOLS_ERROR, -(int)status, text);
  return FALSE;
}

/* Of a folder or a file. */
static gboolean
is_empty(const char *path)
{
  g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
  GStatBuf info;
  return dir ? !g_dir_read_name(dir) : g_stat(path, &info) == 0 && info.st_size == 0;
}

/* What comes before the database, and is all that a process leaves which ends there. */
static gboolean
is_made_first(const char *output, const char *name)
{
  static const char *const names[] = {"lock", "data", "page", "thumbs", NULL};
  g_autofree char *path = g_build_filename(output, name, NULL);
  return g_strv_contains(names, name) && is_empty(path);
}

/* A folder that is not empty and was not made here is somebody's: nothing is written into it. */
static gboolean
check_output(const char *output, GError **error)
{
  g_autofree char *database = g_build_filename(output, database_name, NULL);
  if (g_file_test(database, G_FILE_TEST_EXISTS))
    return TRUE;
  g_autoptr(GDir) dir = g_dir_open(output, 0, error);
  if (!dir)
    return FALSE;
  for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir))
    if (!is_made_first(output, name))
      return fail(error, DC_ERROR_MISMATCH,
                  "%s: this folder holds other files; name an empty or a new one", output);
  return TRUE;
}

static gboolean
make_folders(const char *output, GError **error)
{
  static const char *const parts[] = {"", "data", "page", "thumbs"};
  if (g_file_test(output, G_FILE_TEST_EXISTS) && !check_output(output, error))
    return FALSE;
  for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
    g_autofree char *path = g_build_filename(output, parts[i], NULL);
    if (!dc_tools_make_folder(path, error))
      return FALSE;
  }
  return TRUE;
}

static int
open_lock(const char *output)
{
  g_autofree char *path = g_build_filename(output, "lock", NULL);
  return open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);
}

static gboolean
take_lock(DcCollection *collection, GError **error)
{
  collection->lock = open_lock(collection->output);
  if (collection->lock < 0)
    return fail(error, DC_ERROR_IO, "%s cannot be written to: %s; name another OUTPUT",
                collection->output, g_strerror(errno));
  if (flock(collection->lock, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  return fail(error, DC_ERROR_IO,
              "%s: another driftcluster is at work there; wait for it, or name another OUTPUT",
              collection->output);
}

static gboolean
open_database(DcCollection *collection, GError **error)
{
  g_autofree char *path = g_build_filename(collection->output, database_name, NULL);
  collection->database = dc_database_open(path, dc_collection_schema, error);
  if (!collection->database)
    return FALSE;
  gint64 version = dc_collection_number(collection, "version");
  if (version != 0 && version != DC_COLLECTION_VERSION)
    return fail(error, DC_ERROR_VERSION,
                "%s is of version %" G_GINT64_FORMAT ", and this program reads version %d; name "
                "another OUTPUT",
                path, version, DC_COLLECTION_VERSION);
  return TRUE;
}

/* Remembers whose pictures these are, or checks it. */
static gboolean
claim(DcCollection *collection, GError **error)
{
  DcDatabase *database = collection->database;
  g_autofree char *known = dc_collection_text(collection, "folder");
  if (known && strcmp(known, collection->folder) != 0) {
    g_autofree char *shown = g_filename_display_name(known);
    return fail(error, DC_ERROR_MISMATCH, "%s holds the groups of %s; name another OUTPUT",
                collection->output, shown);
  }
  dc_database_begin(database);
  dc_collection_set_number(collection, "version", DC_COLLECTION_VERSION);
  dc_collection_set_text(collection, "folder", collection->folder);
  return dc_database_commit(database, error);
}

static DcCollection *
new_collection(const char *output)
{
  DcCollection *collection = g_new0(DcCollection, 1);
  collection->output = g_canonicalize_filename(output, NULL);
  collection->lock = -1;
  return collection;
}

DcCollection *
dc_collection_create(const char *folder, const char *output, GError **error)
{
  g_autoptr(DcCollection) collection = new_collection(output);
  collection->folder = g_canonicalize_filename(folder, NULL);
  if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
    fail(error, DC_ERROR_NOT_FOUND, "%s: there is no such folder", folder);
    return NULL;
  }
  if (strcmp(collection->folder, collection->output) == 0) {
    fail(error, DC_ERROR_ARGUMENT, "%s: OUTPUT must be another folder than that of the pictures",
         output);
    return NULL;
  }
  if (!make_folders(collection->output, error) || !take_lock(collection, error) ||
      !open_database(collection, error) || !claim(collection, error))
    return NULL;
  return g_steal_pointer(&collection);
}

DcCollection *
dc_collection_open(const char *output, GError **error)
{
  g_autoptr(DcCollection) collection = new_collection(output);
  g_autofree char *path = g_build_filename(output, database_name, NULL);
  if (!g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
    fail(error, DC_ERROR_NOT_FOUND,
         "%s: there is no collection there; make one by driftcluster categorise FOLDER %s", output,
         output);
    return NULL;
  }
  if (!open_database(collection, error))
    return NULL;
  collection->folder = dc_collection_text(collection, "folder");
  if (!collection->folder) {
    fail(error, DC_ERROR_NOT_READY, "%s: nothing is in it yet", output);
    return NULL;
  }
  return g_steal_pointer(&collection);
}

void
dc_collection_close(DcCollection *collection)
{
  if (!collection)
    return;
  dc_database_close(collection->database);
  if (collection->lock >= 0)
    close(collection->lock);
  g_free(collection->folder);
  g_free(collection->output);
  g_free(collection);
}

gboolean
dc_collection_is_attended(DcCollection *collection)
{
  if (collection->lock >= 0)
    return TRUE;
  int lock = open_lock(collection->output);
  if (lock < 0)
    return FALSE;
  gboolean attended = flock(lock, LOCK_SH | LOCK_NB) != 0;
  close(lock);
  return attended;
}

/* --- numbers and texts --- */

gint64
dc_collection_number(DcCollection *collection, const char *key)
{
  sqlite3_stmt *query = dc_query(collection->database, "SELECT value FROM meta WHERE key = ?");
  sqlite3_bind_text(query, 1, key, -1, SQLITE_TRANSIENT);
  return dc_query_number(collection->database, query, 0);
}

void
dc_collection_set_number(DcCollection *collection, const char *key, gint64 value)
{
  sqlite3_stmt *query =
      dc_query(collection->database, "REPLACE INTO meta(key, value) VALUES(?, ?)");
  sqlite3_bind_text(query, 1, key, -1, SQLITE_TRANSIENT);
  sqlite3_bind_int64(query, 2, value);
  dc_query_next(collection->database, query);
}

char *
dc_collection_text(DcCollection *collection, const char *key)
{
  sqlite3_stmt *query = dc_query(collection->database, "SELECT value FROM meta WHERE key = ?");
  sqlite3_bind_text(query, 1, key, -1, SQLITE_TRANSIENT);
  if (!dc_query_next(collection->database, query))
    return NULL;
  char *text = g_strndup(sqlite3_column_blob(query, 0), (gsize)sqlite3_column_bytes(query, 0));
  dc_query_end(query);
  return text;
}

/* As bytes: names of folders need not be UTF-8. */
void
dc_collection_set_text(DcCollection *collection, const char *key, const char *value)
{
  sqlite3_stmt *query =
      dc_query(collection->database, "REPLACE INTO meta(key, value) VALUES(?, ?)");
  sqlite3_bind_text(query, 1, key, -1, SQLITE_TRANSIENT);
  sqlite3_bind_blob(query, 2, value, (int)strlen(value), SQLITE_TRANSIENT);
  dc_query_next(collection->database, query);
}

gint64
dc_collection_foreign_changes(DcCollection *collection)
{
  return dc_query_number(collection->database,
                         dc_query(collection->database, "PRAGMA data_version"), 0);
}

gint64
dc_collection_count(DcCollection *collection, int state)
{
  sqlite3_stmt *query =
      dc_query(collection->database, "SELECT count(*) FROM pictures WHERE state = ?");
  sqlite3_bind_int(query, 1, state);
  return dc_query_number(collection->database, query, 0);
}

char *
dc_collection_thumbnail(gint64 id)
{
  return g_strdup_printf("thumbs/%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT ".jpg",
                         id / THUMBNAILS_IN_FOLDER, id);
}

/* --- the files --- */

/* A scan whose findings go into the database. */
typedef struct {
  DcCollection *collection;
  const DcScanVisitor *visitor;
  gpointer user_data;
  gint64 scan;  /* number of this one */
  gint64 found; /* files */
} Rescan;

static void
bind_path(sqlite3_stmt *query, int index, const char *path)
{
  sqlite3_bind_blob(query, index, path, (int)strlen(path), SQLITE_TRANSIENT);
}

static void
remove_thumbnail(DcCollection *collection, gint64 id)
{
  g_autofree char *name = dc_collection_thumbnail(id);
  g_autofree char *path = g_build_filename(collection->output, name, NULL);
  g_unlink(path);
}

static void
forget(DcCollection *collection, gint64 id)
{
  sqlite3_stmt *query = dc_query(collection->database, "DELETE FROM pictures WHERE id = ?");
  sqlite3_bind_int64(query, 1, id);
  dc_query_next(collection->database, query);
  remove_thumbnail(collection, id);
}

/* A random number that follows from the seed and the path alone: FNV-1a, mixed by the finaliser of
 * SplitMix64, since the last bytes of a path would hardly reach the upper bits. */
static gint64
draw(DcCollection *collection, const char *path)
{
  guint64 hash =
      G_GUINT64_CONSTANT(14695981039346656037) ^ (guint64)dc_collection_number(collection, "seed");
  for (; *path; path++)
    hash = (hash ^ (guint8)*path) * G_GUINT64_CONSTANT(1099511628211);
  hash = (hash ^ hash >> 30) * G_GUINT64_CONSTANT(0xbf58476d1ce4e5b9);
  hash = (hash ^ hash >> 27) * G_GUINT64_CONSTANT(0x94d049bb133111eb);
  return (gint64)(hash ^ hash >> 31);
}

static void
add_waiting(DcCollection *collection, const DcFoundFile *file, gint64 scan)
{
  gint64 drawn = draw(collection, file->path);
  sqlite3_stmt *query =
      dc_query(collection->database, "INSERT INTO pictures(path, modified, size, draw, scan, run) "
                                     "VALUES(?, ?, ?, ?, ?, "
                                     "(SELECT value FROM meta WHERE key = 'run'))");
  bind_path(query, 1, file->path);
  sqlite3_bind_int64(query, 2, file->modified);
  sqlite3_bind_int64(query, 3, file->size);
  sqlite3_bind_int64(query, 4, drawn);
  sqlite3_bind_int64(query, 5, scan);
  dc_query_next(collection->database, query);
}

/* One that could not be read is tried again: the program that reads it may be there now. */
static void
touch(DcCollection *collection, gint64 id, gint64 scan)
{
  sqlite3_stmt *query =
      dc_query(collection->database,
               "UPDATE pictures SET scan = ?1, state = CASE state WHEN 2 THEN 0 ELSE "
               "state END WHERE id = ?2");
  sqlite3_bind_int64(query, 1, scan);
  sqlite3_bind_int64(query, 2, id);
  dc_query_next(collection->database, query);
}

/* What the database knows under a path; FALSE for nothing. */
static gboolean
look_up(DcCollection *collection, const char *path, gint64 *id, DcFoundFile *known)
{
  sqlite3_stmt *query =
      dc_query(collection->database, "SELECT id, modified, size FROM pictures WHERE path = ?");
  bind_path(query, 1, path);
  if (!dc_query_next(collection->database, query))
    return FALSE;
  *id = sqlite3_column_int64(query, 0);
  *known = (DcFoundFile){path, sqlite3_column_int64(query, 1), sqlite3_column_int64(query, 2)};
  dc_query_end(query);
  return TRUE;
}

static gboolean
is_unchanged(const DcFoundFile *file, const DcFoundFile *known)
{
  return file->modified == known->modified && file->size == known->size;
}

static gboolean
note_file(const DcFoundFile *file, gpointer user_data)
{
  Rescan *rescan = user_data;
  DcFoundFile known;
  gint64 id;
  rescan->found++;
  gboolean there = look_up(rescan->collection, file->path, &id, &known);
  if (there && is_unchanged(file, &known)) {
    touch(rescan->collection, id, rescan->scan);
    return TRUE;
  }
  if (there)
    forget(rescan->collection, id);
  add_waiting(rescan->collection, file, rescan->scan);
  return TRUE;
}

static gboolean
note_folder(const char *path, gpointer user_data)
{
  Rescan *rescan = user_data;
  return !rescan->visitor || !rescan->visitor->folder ||
         rescan->visitor->folder(path, rescan->user_data);
}

static gboolean
note_refused(const char *path, const char *reason, gpointer user_data)
{
  Rescan *rescan = user_data;
  return !rescan->visitor || !rescan->visitor->refused ||
         rescan->visitor->refused(path, reason, rescan->user_data);
}

/* Removes what was not seen by this scan, a few at a time so that no list of them grows. */
static void
forget_unseen(Rescan *rescan, const char *below)
{
  DcDatabase *database = rescan->collection->database;
  g_autofree char *prefix = *below ? g_strconcat(below, "/", NULL) : g_strdup("");
  for (;;) {
    gint64 ids[256];
    gsize count = 0;
    sqlite3_stmt *query = dc_query(database, "SELECT id FROM pictures WHERE scan <> ?1 AND "
                                             "substr(path, 1, length(?2)) = ?2 LIMIT 256");
    sqlite3_bind_int64(query, 1, rescan->scan);
    bind_path(query, 2, prefix);
    while (dc_query_next(database, query))
      ids[count++] = sqlite3_column_int64(query, 0);
    for (gsize i = 0; i < count; i++)
      forget(rescan->collection, ids[i]);
    if (count == 0)
      return;
  }
}

/* An unmounted disk looks like a folder from which everything was deleted. */
static gboolean
check_not_emptied(Rescan *rescan, const char *below, GError **error)
{
  gint64 known =
      dc_query_number(rescan->collection->database,
                      dc_query(rescan->collection->database, "SELECT count(*) FROM pictures"), 0);
  if (*below || rescan->found > 0 || known == 0)
    return TRUE;
  return fail(error, DC_ERROR_NOT_FOUND,
              "%s: there is no picture in it any more, and there were %" G_GINT64_FORMAT
              "; is a disk not mounted? Delete %s if they are gone for good",
              rescan->collection->folder, known, rescan->collection->output);
}

gboolean
dc_collection_rescan(DcCollection *collection, const char *below, const DcScanVisitor *visitor,
                     gpointer user_data, GError **error)
{
  static const DcScanVisitor noting = {note_file, note_folder, note_refused};
  DcDatabase *database = collection->database;
  Rescan rescan = {collection, visitor, user_data, 0, 0};
  dc_database_begin(database);
  rescan.scan = dc_collection_number(collection, "scan") + 1;
  dc_collection_set_number(collection, "scan", rescan.scan);
  if (!dc_scan(collection->folder, below, collection->output, &noting, &rescan, error) ||
      !check_not_emptied(&rescan, below, error)) {
    dc_database_roll_back(database);
    return FALSE;
  }
  forget_unseen(&rescan, below);
  return dc_database_commit(database, error);
}

gboolean
dc_collection_forget_below(DcCollection *collection, const char *below, GError **error)
{
  Rescan rescan = {.collection = collection, .scan = -1}; /* no picture has that number */
  dc_database_begin(collection->database);
  forget_unseen(&rescan, below);
  return dc_database_commit(collection->database, error);
}

gboolean
dc_collection_look_at(DcCollection *collection, const char *path, gboolean *changed, GError **error)
{
  DcFoundFile file, known;
  gint64 id;
  gboolean exists = dc_scan_file(collection->folder, path, &file);
  gboolean there = look_up(collection, path, &id, &known);
  *changed = exists != there || (exists && !is_unchanged(&file, &known));
  if (*changed) {
    dc_database_begin(collection->database);
    if (there)
      forget(collection, id);
    if (exists)
      add_waiting(collection, &file, dc_collection_number(collection, "scan"));
    return dc_database_commit(collection->database, error);
  }
  return dc_database_check(collection->database, error);
}
