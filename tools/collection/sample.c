/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/sample.h"

#include "base/memory.h"
#include "command.h"

#include <sqlite3.h>
#include <string.h>

static const char *const queries[] = {
    [DC_SAMPLE_ALL] = "SELECT p.id, p.group_id, e.vector FROM pictures p JOIN embeddings e ON "
                      "e.id = p.id WHERE p.state = 1 AND ?2 = 0 ORDER BY p.draw LIMIT ?1",
    [DC_SAMPLE_UNEDITED] = "SELECT p.id, p.group_id, e.vector FROM pictures p JOIN embeddings e ON "
                           "e.id = p.id WHERE p.state = 1 AND ?2 = 0 AND (p.group_id IS NULL OR "
                           "p.group_id IN (SELECT id FROM groups WHERE edited = 0)) "
                           "ORDER BY p.draw LIMIT ?1",
    [DC_SAMPLE_GROUP] = "SELECT p.id, p.group_id, e.vector FROM pictures p JOIN embeddings e ON "
                        "e.id = p.id WHERE p.group_id = ?2 ORDER BY p.draw LIMIT ?1",
};

static gsize
count_embedded(DcCollection *collection)
{
  return (gsize)dc_collection_count(collection, DC_PICTURE_EMBEDDED);
}

gboolean
dc_sample_read(DcSample *sample, DcCollection *collection, DcSampleOf of, gint64 group, gsize most,
               gsize dim, GError **error)
{
  most = MIN(most, count_embedded(collection));
  float *vectors = DC_NEW(float, MAX(1, most * dim));
  *sample = (DcSample){dc_matrix(vectors, 0, dim), g_new(gint64, MAX(1, most)),
                       g_new(gint64, MAX(1, most))};
  if (!vectors) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory for %zu embeddings",
                most);
    return FALSE;
  }
  sqlite3_stmt *query = dc_query(collection->database, queries[of]);
  sqlite3_bind_int64(query, 1, (gint64)most);
  sqlite3_bind_int64(query, 2, group);
  while (dc_query_next(collection->database, query)) {
    gsize row = sample->vectors.rows;
    if (row == most || (gsize)sqlite3_column_bytes(query, 2) != dim * sizeof(float))
      continue;
    sample->ids[row] = sqlite3_column_int64(query, 0);
    sample->groups[row] = sqlite3_column_int64(query, 1);
    memcpy(vectors + row * dim, sqlite3_column_blob(query, 2), dim * sizeof(float));
    sample->vectors.rows++;
  }
  return dc_database_check(collection->database, error);
}

void
dc_sample_clear(DcSample *sample)
{
  dc_free(sample->vectors.data);
  g_free(sample->ids);
  g_free(sample->groups);
  *sample = (DcSample){0};
}
