/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_DATABASE_H
#define DC_TOOLS_COLLECTION_DATABASE_H

#include <glib.h>

G_BEGIN_DECLS

/* SQLite with one place for errors: the first failure is kept, everything after it does nothing,
 * and dc_database_commit() or dc_database_check() reports it. Several processes may have one file
 * open; one thread per DcDatabase. */
typedef struct DcDatabase DcDatabase;
struct sqlite3_stmt;

/* Opens or creates the file and runs `schema`, which must be repeatable ("IF NOT EXISTS"). */
DcDatabase *dc_database_open(const char *path, const char *schema, GError **error);
void dc_database_close(DcDatabase *database); /* NULL is ignored */

/* The statement of that text, ready for its values (sqlite3_bind_*()); each text is compiled once.
 * `sql` must be a constant. */
struct sqlite3_stmt *dc_query(DcDatabase *database, const char *sql);

/* Runs to the next row: TRUE when there is one. After FALSE the statement is at rest. Whoever stops
 * earlier calls dc_query_end(). */
gboolean dc_query_next(DcDatabase *database, struct sqlite3_stmt *query);
void dc_query_end(struct sqlite3_stmt *query);

/* The first number of the first row, or `otherwise`; the statement is at rest. */
gint64 dc_query_number(DcDatabase *database, struct sqlite3_stmt *query, gint64 otherwise);

/* Runs statements without values and results. */
void dc_database_run(DcDatabase *database, const char *sql);

/* A transaction that may write: waits some seconds for others that write. On failure nothing of it
 * is left. */
void dc_database_begin(DcDatabase *database);
gboolean dc_database_commit(DcDatabase *database, GError **error);
void dc_database_roll_back(DcDatabase *database);

/* FALSE with the first failure since the last time this was asked. */
gboolean dc_database_check(DcDatabase *database, GError **error);

gint64 dc_database_last_id(DcDatabase *database); /* of the row inserted last */
gint64 dc_database_changes(DcDatabase *database); /* rows that the last statement changed */

G_END_DECLS

#endif
