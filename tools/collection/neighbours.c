/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/neighbours.h"

#include "collection/sample.h"
#include "tensor/blas.h"
#include "tensor/rows.h"

#include <sqlite3.h>
#include <string.h>

#define MOST_CANDIDATES 4096
#define AT_ONCE         128

typedef struct {
  DcCollection *collection;
  gsize dim;
  DcSample candidates;
  float *norms;    /* of the candidates */
  float *rows;     /* AT_ONCE x dim, the pictures whose neighbours are looked for */
  float *products; /* AT_ONCE x candidates */
  gint64 ids[AT_ONCE];
} Search;

static gsize
read_waiting(Search *search, gint64 group)
{
  DcDatabase *database = search->collection->database;
  gsize count = 0;
  sqlite3_stmt *query =
      dc_query(database, "SELECT p.id, e.vector FROM pictures p JOIN embeddings e ON e.id = p.id "
                         "WHERE p.group_id = ? AND p.neighbours IS NULL ORDER BY p.draw LIMIT ?");
  sqlite3_bind_int64(query, 1, group);
  sqlite3_bind_int(query, 2, AT_ONCE);
  while (dc_query_next(database, query)) {
    search->ids[count] = sqlite3_column_int64(query, 0);
    memcpy(search->rows + count * search->dim, sqlite3_column_blob(query, 1),
           MIN((gsize)sqlite3_column_bytes(query, 1), search->dim * sizeof(float)));
    count++;
  }
  return count;
}

/* The candidates nearest to one row, by |c|^2 - 2 c.row, which orders them as distances do. */
static gsize
choose(const Search *search, const float *products, gint64 own, gint64 *chosen)
{
  float nearest[DC_NEIGHBOURS];
  gsize count = 0;
  for (gsize i = 0; i < search->candidates.vectors.rows; i++) {
    float score = search->norms[i] - 2 * products[i];
    if (search->candidates.ids[i] == own ||
        (count == DC_NEIGHBOURS && !(score < nearest[count - 1])))
      continue;
    gsize at = count < DC_NEIGHBOURS ? count++ : count - 1;
    for (; at > 0 && score < nearest[at - 1]; at--) {
      nearest[at] = nearest[at - 1];
      chosen[at] = chosen[at - 1];
    }
    nearest[at] = score;
    chosen[at] = search->candidates.ids[i];
  }
  return count;
}

static void
store(Search *search, gint64 id, const gint64 *chosen, gsize count)
{
  DcDatabase *database = search->collection->database;
  gint64 stored[DC_NEIGHBOURS] = {0};
  for (gsize i = 0; i < count; i++)
    stored[i] = GINT64_TO_LE(chosen[i]);
  sqlite3_stmt *query = dc_query(database, "UPDATE pictures SET neighbours = ? WHERE id = ?");
  sqlite3_bind_blob(query, 1, stored, (int)(count * sizeof *stored), SQLITE_TRANSIENT);
  sqlite3_bind_int64(query, 2, id);
  dc_query_next(database, query);
}

static void
search_group(Search *search, gint64 group)
{
  const DcMatrix *candidates = &search->candidates.vectors;
  for (gsize count = read_waiting(search, group); count > 0; count = read_waiting(search, group)) {
    DcMatrix rows = dc_matrix(search->rows, count, search->dim);
    DcMatrix products = dc_matrix(search->products, count, candidates->rows);
    dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &rows, candidates, 0, &products);
    for (gsize i = 0; i < count; i++) {
      gint64 chosen[DC_NEIGHBOURS];
      gsize found = choose(search, dc_matrix_row(&products, i), search->ids[i], chosen);
      store(search, search->ids[i], chosen, found);
    }
  }
}

static gboolean
update_group(DcCollection *collection, gsize dim, gint64 group, GError **error)
{
  Search search = {.collection = collection, .dim = dim};
  gboolean well = dc_sample_read(&search.candidates, collection, DC_SAMPLE_GROUP, group,
                                 MOST_CANDIDATES, dim, error);
  gsize candidates = search.candidates.vectors.rows;
  search.norms = g_new(float, MAX(1, candidates));
  search.rows = g_new0(float, AT_ONCE *dim);
  search.products = g_new(float, MAX(1, AT_ONCE * candidates));
  if (well && candidates > 0) {
    dc_squared_norms(&search.candidates.vectors, search.norms);
    dc_database_begin(collection->database);
    search_group(&search, group);
    well = dc_database_commit(collection->database, error);
  }
  dc_sample_clear(&search.candidates);
  g_free(search.norms);
  g_free(search.rows);
  g_free(search.products);
  return well;
}

gboolean
dc_neighbours_update(DcCollection *collection, gsize dim, GError **error)
{
  DcDatabase *database = collection->database;
  g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(gint64));
  sqlite3_stmt *query = dc_query(database, "SELECT DISTINCT group_id FROM pictures WHERE "
                                           "neighbours IS NULL AND group_id > 0");
  while (dc_query_next(database, query)) {
    gint64 group = sqlite3_column_int64(query, 0);
    g_array_append_val(groups, group);
  }
  for (guint i = 0; i < groups->len; i++)
    if (!update_group(collection, dim, g_array_index(groups, gint64, i), error))
      return FALSE;
  return dc_database_check(database, error);
}
