/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Taking another encoder: see candidate.h. */
#include "collection/candidate.h"

#include "tensor/rows.h"

#include <math.h>
#include <sqlite3.h>

/* A prototype of an edited group: where it is, and the mean of its pictures by the candidate. */
typedef struct {
  gint64 group;
  gsize count; /* pictures */
} Moved;

typedef struct {
  DcCollection *collection;
  gsize old_dim, new_dim;
  GArray *moved; /* of Moved */
  GArray *old;   /* of float, a row each */
  GArray *means; /* of float, a row each */
} Moving;

static void
read_edited(Moving *moving)
{
  DcDatabase *database = moving->collection->database;
  sqlite3_stmt *query = dc_query(database, "SELECT p.group_id, p.centroid FROM prototypes p JOIN "
                                           "groups g ON g.id = p.group_id WHERE g.edited = 1 "
                                           "ORDER BY p.id");
  g_autofree float *zeros = g_new0(float, moving->new_dim);
  while (dc_query_next(database, query)) {
    if ((gsize)sqlite3_column_bytes(query, 1) != moving->old_dim * sizeof(float))
      continue;
    Moved moved = {sqlite3_column_int64(query, 0), 0};
    g_array_append_val(moving->moved, moved);
    g_array_append_vals(moving->old, sqlite3_column_blob(query, 1), (guint)moving->old_dim);
    g_array_append_vals(moving->means, zeros, (guint)moving->new_dim);
  }
}

/* The prototype of a group that a picture lay nearest to; NULL: the group has none. */
static Moved *
nearest(const Moving *moving, gint64 group, const float *row, gsize *index)
{
  DcMatrix vector = dc_matrix(row, 1, moving->old_dim);
  float least = INFINITY;
  Moved *found = NULL;
  for (guint k = 0; k < moving->moved->len; k++) {
    Moved *moved = &g_array_index(moving->moved, Moved, k);
    DcMatrix place =
        dc_matrix(&g_array_index(moving->old, float, k * moving->old_dim), 1, moving->old_dim);
    float squared;
    if (moved->group != group)
      continue;
    dc_squared_distances(&vector, &place, NULL, &squared);
    if (!found || squared < least) {
      least = squared;
      *index = k;
      found = moved;
    }
  }
  return found;
}

static void
move_towards(Moving *moving, gsize index, gsize count, const float *row)
{
  float *mean = &g_array_index(moving->means, float, index * moving->new_dim);
  for (gsize j = 0; j < moving->new_dim; j++)
    mean[j] += (row[j] - mean[j]) / (float)count;
}

static void
average(Moving *moving)
{
  DcDatabase *database = moving->collection->database;
  sqlite3_stmt *query =
      dc_query(database, "SELECT p.group_id, e.vector, c.vector FROM pictures p JOIN groups g ON "
                         "g.id = p.group_id JOIN embeddings e ON e.id = p.id JOIN candidates c ON "
                         "c.id = p.id WHERE g.edited = 1 ORDER BY p.draw");
  while (dc_query_next(database, query)) {
    gsize index;
    if ((gsize)sqlite3_column_bytes(query, 1) != moving->old_dim * sizeof(float) ||
        (gsize)sqlite3_column_bytes(query, 2) != moving->new_dim * sizeof(float))
      continue;
    Moved *moved =
        nearest(moving, sqlite3_column_int64(query, 0), sqlite3_column_blob(query, 1), &index);
    if (moved)
      move_towards(moving, index, ++moved->count, sqlite3_column_blob(query, 2));
  }
}

/* How far out the members of each lie is found out when groups are found anew. */
static void
store_moved(const Moving *moving)
{
  DcDatabase *database = moving->collection->database;
  dc_database_run(database, "DELETE FROM prototypes");
  for (guint k = 0; k < moving->moved->len; k++) {
    const Moved *moved = &g_array_index(moving->moved, Moved, k);
    if (moved->count == 0)
      continue;
    sqlite3_stmt *query =
        dc_query(database, "INSERT INTO prototypes(group_id, centroid, spread) VALUES(?, ?, 0)");
    sqlite3_bind_int64(query, 1, moved->group);
    sqlite3_bind_blob(query, 2, &g_array_index(moving->means, float, k * moving->new_dim),
                      (int)(moving->new_dim * sizeof(float)), SQLITE_TRANSIENT);
    dc_query_next(database, query);
  }
}

static void
move_prototypes(DcCollection *collection, gsize new_dim)
{
  Moving moving = {
      .collection = collection,
      .old_dim = (gsize)dc_collection_number(collection, "dim"),
      .new_dim = new_dim,
      .moved = g_array_new(FALSE, FALSE, sizeof(Moved)),
      .old = g_array_new(FALSE, FALSE, sizeof(float)),
      .means = g_array_new(FALSE, FALSE, sizeof(float)),
  };
  read_edited(&moving);
  average(&moving);
  store_moved(&moving);
  g_array_unref(moving.moved);
  g_array_unref(moving.old);
  g_array_unref(moving.means);
}

static void
exchange_embeddings(DcDatabase *database)
{
  dc_database_run(database,
                  "DELETE FROM embeddings;"
                  "INSERT INTO embeddings SELECT c.id, c.vector FROM candidates c JOIN pictures p "
                  "ON p.id = c.id WHERE p.state = 1;"
                  "DELETE FROM candidates;"
                  "UPDATE pictures SET state = 0 WHERE state = 1 AND NOT EXISTS "
                  "(SELECT 1 FROM embeddings e WHERE e.id = pictures.id);"
                  "UPDATE pictures SET neighbours = NULL;"
                  "UPDATE groups SET revision = revision + 1;"
                  "DELETE FROM meta WHERE key = 'candidate'");
}

gboolean
dc_candidate_take(DcCollection *collection, const DcModel *model, const char *path, GError **error)
{
  dc_database_begin(collection->database);
  move_prototypes(collection, model->dim);
  exchange_embeddings(collection->database);
  dc_collection_set_text(collection, "model", path);
  dc_collection_set_text(collection, "encoder", model->encoder_id);
  dc_collection_set_number(collection, "dim", (gint64)model->dim);
  dc_collection_set_number(collection, "grouped", 0); /* to be found anew, also by a later run */
  return dc_database_commit(collection->database, error);
}
