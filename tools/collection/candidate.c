/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/candidate.h"

#include "base/memory.h"
#include "collection/lesson.h"
#include "collection/picture.h"
#include "collection/stability.h"
#include "command.h"
#include "stream/encoder.h"

#include <sqlite3.h>
#include <string.h>

#define TOGETHER 16

void
dc_candidate_begin(DcCollection *collection, const DcModel *model)
{
  g_autofree char *known = dc_collection_text(collection, "candidate");
  if (g_strcmp0(known, model->encoder_id) == 0)
    return;
  dc_database_run(collection->database, "DELETE FROM candidates");
  dc_collection_set_text(collection, "candidate", model->encoder_id);
}

/* --- embedding --- */

typedef struct {
  gint64 ids[TOGETHER];
  char *paths[TOGETHER];
  gsize count;
} Part;

static void
read_part(DcCollection *collection, gint64 *last, gint64 left, Part *part)
{
  sqlite3_stmt *query =
      dc_query(collection->database,
               "SELECT id, path, draw FROM pictures p WHERE state = 1 AND draw > ? AND "
               "NOT EXISTS (SELECT 1 FROM candidates c WHERE c.id = p.id) "
               "ORDER BY draw LIMIT ?");
  sqlite3_bind_int64(query, 1, *last);
  sqlite3_bind_int64(query, 2, MIN(left, TOGETHER));
  part->count = 0;
  while (dc_query_next(collection->database, query)) {
    part->ids[part->count] = sqlite3_column_int64(query, 0);
    part->paths[part->count++] =
        g_strndup(sqlite3_column_blob(query, 1), (gsize)sqlite3_column_bytes(query, 1));
    *last = sqlite3_column_int64(query, 2);
  }
}

static gboolean
embed(DcEncoder *encoder, const char *path, float *vector)
{
  DcPicture picture;
  int width, height;
  if (!dc_picture_load(path, &picture, &width, &height, NULL))
    return FALSE;
  DcImage image = {
      .format = DC_PIXELS_RGB,
      .width = picture.width,
      .height = picture.height,
      .planes = {picture.pixels},
      .strides = {(ptrdiff_t)picture.width * 3},
  };
  DcRect all = {0, 0, picture.width, picture.height};
  bool valid = false;
  DcStatus status = dc_encoder_run(encoder, &image, &all, 1, vector, &valid);
  dc_picture_clear(&picture);
  return status == DC_OK && valid;
}

static void
store(DcCollection *collection, gint64 id, const float *vector, gsize dim)
{
  sqlite3_stmt *query =
      dc_query(collection->database, "REPLACE INTO candidates(id, vector) VALUES(?, ?)");
  sqlite3_bind_int64(query, 1, id);
  sqlite3_bind_blob(query, 2, vector, (int)(dim * sizeof *vector), SQLITE_TRANSIENT);
  dc_query_next(collection->database, query);
}

static gboolean
embed_part(DcCollection *collection, DcEncoder *encoder, Part *part, GError **error)
{
  gsize dim = dc_encoder_dim(encoder);
  g_autofree float *vectors = g_new(float, TOGETHER *dim);
  gboolean seen[TOGETHER];
  for (gsize i = 0; i < part->count; i++) {
    g_autofree char *path = g_build_filename(collection->folder, part->paths[i], NULL);
    seen[i] = embed(encoder, path, vectors + i * dim);
    g_free(part->paths[i]);
  }
  dc_database_begin(collection->database);
  for (gsize i = 0; i < part->count; i++)
    if (seen[i])
      store(collection, part->ids[i], vectors + i * dim, dim);
  return dc_database_commit(collection->database, error);
}

gboolean
dc_candidate_embed(DcCollection *collection, const DcModel *model, gint64 most,
                   DcCandidateTick tick, gpointer user_data, GError **error)
{
  DcEncoder *encoder;
  DcError core_error;
  if (dc_encoder_new(&model->preprocessing, model->encoder, model->encoder_id, 1, &encoder,
                     &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  gint64 known =
      dc_query_number(collection->database,
                      dc_query(collection->database, "SELECT count(*) FROM candidates"), 0);
  gint64 last = G_MININT64;
  gboolean well = TRUE;
  for (Part part = {.count = 1}; well && part.count > 0 && known < most;) {
    read_part(collection, &last, most - known, &part);
    known += (gint64)part.count;
    well = part.count == 0 ||
           (embed_part(collection, encoder, &part, error) && tick(user_data, error));
  }
  dc_encoder_free(encoder);
  return well && dc_database_check(collection->database, error);
}

/* --- judging --- */

/* The pictures that both encoders have seen, parted into those that were learnt from and others. */
typedef struct {
  GArray *rows[2]; /* of float */
  gsize dim;
} Rows;

static void
add_row(Rows *rows, gboolean judged, sqlite3_stmt *query, int column)
{
  gsize bytes = (gsize)sqlite3_column_bytes(query, column);
  if (rows->dim == 0)
    rows->dim = bytes / sizeof(float);
  if (bytes == rows->dim * sizeof(float))
    g_array_append_vals(rows->rows[judged], sqlite3_column_blob(query, column), (guint)rows->dim);
}

static void
read_rows(DcCollection *collection, Rows *present, Rows *candidate)
{
  sqlite3_stmt *query = dc_query(
      collection->database,
      "SELECT e.vector, c.vector, p.draw FROM pictures p JOIN embeddings e ON e.id = p.id JOIN "
      "candidates c ON c.id = p.id WHERE p.state = 1 ORDER BY p.draw LIMIT ?");
  sqlite3_bind_int64(query, 1, DC_LESSON_MOST_PICTURES);
  while (dc_query_next(collection->database, query)) {
    gboolean judged = !DC_LESSON_IS_LEARNT_FROM(sqlite3_column_int64(query, 2));
    add_row(present, judged, query, 0);
    add_row(candidate, judged, query, 1);
  }
}

static gboolean
judge(const Rows *rows, guint32 clusters, guint64 seed, double *stability, GError **error)
{
  gsize dim = MAX(1, rows->dim);
  DcMatrix parts[2];
  for (int i = 0; i < 2; i++)
    parts[i] =
        dc_matrix((const float *)(gpointer)rows->rows[i]->data, rows->rows[i]->len / dim, dim);
  return dc_stability(&parts[0], &parts[1], clusters, seed, stability, error);
}

gboolean
dc_candidate_judge(DcCollection *collection, guint32 clusters, double *present, double *candidate,
                   GError **error)
{
  Rows rows[2] = {0};
  for (int i = 0; i < 4; i++)
    rows[i / 2].rows[i % 2] = g_array_new(FALSE, FALSE, sizeof(float));
  read_rows(collection, &rows[0], &rows[1]);
  guint64 seed = (guint64)dc_collection_number(collection, "seed");
  gboolean well = dc_database_check(collection->database, error) &&
                  judge(&rows[0], clusters, seed, present, error) &&
                  judge(&rows[1], clusters, seed, candidate, error);
  for (int i = 0; i < 4; i++)
    g_array_unref(rows[i / 2].rows[i % 2]);
  return well;
}
