/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/grouping-private.h"

#include <sqlite3.h>

static void
clear_prototypes(DcGrouping *grouping)
{
  g_array_set_size(grouping->prototypes, 0);
  g_array_set_size(grouping->centroids, 0);
  g_array_set_size(grouping->spreads, 0);
}

void
dc_grouping_add_prototype(DcGrouping *grouping, DcPrototype prototype, const float *centroid,
                          float spread)
{
  g_array_append_val(grouping->prototypes, prototype);
  g_array_append_vals(grouping->centroids, centroid, (guint)grouping->dim);
  g_array_append_val(grouping->spreads, spread);
}

DcMatrix
dc_grouping_centroids(const DcGrouping *grouping)
{
  return dc_matrix((const float *)(gpointer)grouping->centroids->data, grouping->prototypes->len,
                   grouping->dim);
}

DcPrototype *
dc_grouping_prototype(const DcGrouping *grouping, gsize index)
{
  return &g_array_index(grouping->prototypes, DcPrototype, index);
}

/* Reads the prototypes of all groups, or of edited ones alone. */
void
dc_grouping_read_prototypes(DcGrouping *grouping, gboolean edited_only)
{
  DcDatabase *database = grouping->collection->database;
  sqlite3_stmt *query =
      dc_query(database,
               "SELECT p.id, g.id, g.pinned, p.centroid, p.spread FROM prototypes p JOIN groups g "
               "ON g.id = p.group_id WHERE g.edited >= ? ORDER BY p.id");
  sqlite3_bind_int(query, 1, edited_only);
  clear_prototypes(grouping);
  grouping->edits = dc_collection_number(grouping->collection, "edits");
  while (dc_query_next(database, query)) {
    DcPrototype prototype = {sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1),
                             sqlite3_column_int(query, 2)};
    if ((gsize)sqlite3_column_bytes(query, 3) == grouping->dim * sizeof(float))
      dc_grouping_add_prototype(grouping, prototype, sqlite3_column_blob(query, 3),
                                (float)sqlite3_column_double(query, 4));
  }
}

void
dc_grouping_store_prototype(DcGrouping *grouping, gsize index)
{
  DcDatabase *database = grouping->collection->database;
  DcPrototype *prototype = dc_grouping_prototype(grouping, index);
  sqlite3_stmt *query =
      dc_query(database,
               "REPLACE INTO prototypes(id, group_id, centroid, spread) VALUES(?, ?, ?, ?)");
  if (prototype->id != 0)
    sqlite3_bind_int64(query, 1, prototype->id);
  sqlite3_bind_int64(query, 2, prototype->group);
  sqlite3_bind_blob(query, 3, &g_array_index(grouping->centroids, float, index * grouping->dim),
                    (int)(grouping->dim * sizeof(float)), SQLITE_TRANSIENT);
  sqlite3_bind_double(query, 4, (double)g_array_index(grouping->spreads, float, index));
  dc_query_next(database, query);
  if (prototype->id == 0)
    prototype->id = dc_database_last_id(database);
}
