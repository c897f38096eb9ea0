/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_BLOB_COLLECTION_H
#define DC_TESTS_BLOB_COLLECTION_H

#include "base/random.h"
#include "collection/collection.h"

#include <sqlite3.h>
#include <stdlib.h>

/* Adds `count` embedded pictures that are not there: number i belongs to blob i % blobs, a Gaussian
 * of deviation 0.1 around a corner of the cube. */
static inline void
blobs_add(DcCollection *collection, gsize count, gsize blobs, gsize dim, DcRandom *random)
{
  DcDatabase *database = collection->database;
  float *vector = malloc(dim * sizeof *vector);
  dc_database_begin(database);
  gint64 first = dc_query_number(database, dc_query(database, "SELECT max(id) FROM pictures"), 0);
  for (gsize i = 0; i < count; i++) {
    gint64 id = first + 1 + (gint64)i;
    gsize blob = (gsize)(id - 1) % blobs;
    for (gsize j = 0; j < dim; j++) /* a fixed corner for each blob */
      vector[j] = (float)(((blob + 1) * 2654435761u >> j % 20) & 1) +
                  (float)(0.1 * dc_random_normal(random));
    sqlite3_stmt *query =
        dc_query(database, "INSERT INTO pictures(id, path, modified, size, state, draw, scan, run) "
                           "VALUES(?1, CAST(?1 AS BLOB), 0, 0, 1, random(), 1, 1)");
    sqlite3_bind_int64(query, 1, id);
    dc_query_next(database, query);
    query = dc_query(database, "INSERT INTO embeddings(id, vector) VALUES(?, ?)");
    sqlite3_bind_int64(query, 1, id);
    sqlite3_bind_blob(query, 2, vector, (int)(dim * sizeof *vector), SQLITE_TRANSIENT);
    dc_query_next(database, query);
  }
  dc_database_commit(database, NULL);
  free(vector);
}

#endif
