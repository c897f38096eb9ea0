/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/database.h"

#include "command.h"

#include <sqlite3.h>

#define BUSY_MILLISECONDS 10000 /* how long another process may write before that is an error */

struct DcDatabase {
  sqlite3 *handle;
  char *path;
  GHashTable *statements; /* text -> sqlite3_stmt */
  GError *failure;
};

static void
note_failure(DcDatabase *database, int code)
{
  if (database->failure)
    return;
  const char *advice = code == SQLITE_FULL       ? "; make room and start again, nothing is lost"
                       : code == SQLITE_CORRUPT  ? "; delete the file and start again"
                       : code == SQLITE_NOTADB   ? "; choose another OUTPUT"
                       : code == SQLITE_READONLY ? "; it must be possible to write there"
                                                 : "";
  database->failure = g_error_new(DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: %s%s", database->path,
                                  sqlite3_errmsg(database->handle), advice);
}

DcDatabase *
dc_database_open(const char *path, const char *schema, GError **error)
{
  DcDatabase *database = g_new0(DcDatabase, 1);
  database->path = g_strdup(path);
  database->statements = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                               (GDestroyNotify)(void (*)(void))sqlite3_finalize);
  int code = sqlite3_open(path, &database->handle);
  if (code != SQLITE_OK)
    note_failure(database, code);
  sqlite3_busy_timeout(database->handle, BUSY_MILLISECONDS);
  /* Readers and one writer side by side; after a power cut the last moments may be missing, never
   * more. */
  dc_database_run(database, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
  dc_database_run(database, schema);
  if (dc_database_check(database, error))
    return database;
  dc_database_close(database);
  return NULL;
}

void
dc_database_close(DcDatabase *database)
{
  if (!database)
    return;
  g_hash_table_unref(database->statements);
  sqlite3_close(database->handle);
  g_clear_error(&database->failure);
  g_free(database->path);
  g_free(database);
}

struct sqlite3_stmt *
dc_query(DcDatabase *database, const char *sql)
{
  sqlite3_stmt *query = g_hash_table_lookup(database->statements, sql);
  if (!query) {
    int code =
        sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &query, NULL);
    if (code != SQLITE_OK) {
      note_failure(database, code);
      return NULL;
    }
    g_hash_table_insert(database->statements, (gpointer)sql, query);
  }
  sqlite3_reset(query);
  sqlite3_clear_bindings(query);
  return query;
}

gboolean
dc_query_next(DcDatabase *database, struct sqlite3_stmt *query)
{
  if (!query || database->failure)
    return FALSE;
  int code = sqlite3_step(query);
  if (code == SQLITE_ROW)
    return TRUE;
  if (code != SQLITE_DONE)
    note_failure(database, code);
  sqlite3_reset(query);
  return FALSE;
}

void
dc_query_end(struct sqlite3_stmt *query)
{
  if (query)
    sqlite3_reset(query);
}

gint64
dc_query_number(DcDatabase *database, struct sqlite3_stmt *query, gint64 otherwise)
{
  if (!dc_query_next(database, query))
    return otherwise;
  gint64 number =
      sqlite3_column_type(query, 0) == SQLITE_NULL ? otherwise : sqlite3_column_int64(query, 0);
  dc_query_end(query);
  return number;
}

void
dc_database_run(DcDatabase *database, const char *sql)
{
  if (database->failure)
    return;
  int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
  if (code != SQLITE_OK)
    note_failure(database, code);
}

void
dc_database_begin(DcDatabase *database)
{
  dc_database_run(database, "BEGIN IMMEDIATE");
}

gboolean
dc_database_commit(DcDatabase *database, GError **error)
{
  dc_database_run(database, "COMMIT");
  if (dc_database_check(database, error))
    return TRUE;
  dc_database_roll_back(database);
  return FALSE;
}

void
dc_database_roll_back(DcDatabase *database)
{
  GHashTableIter iter;
  gpointer query;
  g_hash_table_iter_init(&iter, database->statements);
  while (g_hash_table_iter_next(&iter, NULL, &query))
    sqlite3_reset(query);
  if (!sqlite3_get_autocommit(database->handle))
    sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
}

gboolean
dc_database_check(DcDatabase *database, GError **error)
{
  if (!database->failure)
    return TRUE;
  g_propagate_error(error, g_steal_pointer(&database->failure));
  return FALSE;
}

gint64
dc_database_last_id(DcDatabase *database)
{
  return sqlite3_last_insert_rowid(database->handle);
}

gint64
dc_database_changes(DcDatabase *database)
{
  return sqlite3_changes64(database->handle);
}
