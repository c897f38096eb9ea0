/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/group.h"

#include <sqlite3.h>

/* The smallest number whose name nobody has. */
static char *
free_name(DcCollection *collection)
{
  for (guint number = 1;; number++) {
    g_autofree char *name = g_strdup_printf("Group %u", number);
    sqlite3_stmt *query =
        dc_query(collection->database, "SELECT count(*) FROM groups WHERE name = ?");
    sqlite3_bind_text(query, 1, name, -1, SQLITE_TRANSIENT);
    if (dc_query_number(collection->database, query, 0) == 0)
      return g_steal_pointer(&name);
  }
}

/* The same for equal seeds, folders and encoders, so that runs can be compared; never twice in one
 * OUTPUT, whose numbers of groups only grow. Version 8 of RFC 9562: of one's own making. */
static char *
new_uuid(DcCollection *collection)
{
  DcDatabase *database = collection->database;
  g_autofree char *encoder = dc_collection_text(collection, "encoder");
  gint64 last = dc_query_number(
      database, dc_query(database, "SELECT seq FROM sqlite_sequence WHERE name = 'groups'"), 0);
  g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s %s",
                                          dc_collection_number(collection, "seed"), last,
                                          encoder ? encoder : "", collection->folder);
  g_autofree char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
  return g_strdup_printf("%.8s-%.4s-8%.3s-a%.3s-%.12s", digest, digest + 8, digest + 12,
                         digest + 15, digest + 18);
}

gint64
dc_group_new(DcCollection *collection)
{
  g_autofree char *name = free_name(collection);
  g_autofree char *uuid = new_uuid(collection);
  sqlite3_stmt *query =
      dc_query(collection->database, "INSERT INTO groups(uuid, name) VALUES(?, ?)");
  sqlite3_bind_text(query, 1, uuid, -1, SQLITE_TRANSIENT);
  sqlite3_bind_text(query, 2, name, -1, SQLITE_TRANSIENT);
  dc_query_next(collection->database, query);
  return dc_database_last_id(collection->database);
}
