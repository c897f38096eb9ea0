/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/edits.h"

#include "cluster/kmeans.h"
#include "collection/group.h"
#include "collection/sample.h"
#include "command.h"
#include "tensor/rows.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#define SPLIT_SAMPLE 16384 /* pictures that a group is parted by */
#define RESTARTS     10
#define SEED         1
#define AT_ONCE      512

static gboolean
refuse(GError **error, DcStatus status, const char *text)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -(int)status, text);
  return FALSE;
}

/* Runs `sql`, which is a constant, with two numbers. */
static void
run(DcCollection *collection, const char *sql, gint64 first, gint64 second)
{
  sqlite3_stmt *query = dc_query(collection->database, sql);
  sqlite3_bind_int64(query, 1, first);
  if (sqlite3_bind_parameter_count(query) > 1)
    sqlite3_bind_int64(query, 2, second);
  dc_query_next(collection->database, query);
}

static gboolean
need_group(DcCollection *collection, gint64 group, GError **error)
{
  sqlite3_stmt *query = dc_query(collection->database, "SELECT count(*) FROM groups WHERE id = ?");
  sqlite3_bind_int64(query, 1, group);
  if (dc_query_number(collection->database, query, 0) == 1)
    return TRUE;
  return dc_database_check(collection->database, error) &&
         refuse(error, DC_ERROR_NOT_FOUND, "there is no such group any more");
}

static void
mark_edited(DcCollection *collection, gint64 group)
{
  run(collection, "UPDATE groups SET edited = 1, revision = revision + 1 WHERE id = ?", group, 0);
}

/* Begins an edit of `group`. */
static gboolean
begin(DcCollection *collection, gint64 group, GError **error)
{
  dc_database_begin(collection->database);
  if (need_group(collection, group, error))
    return TRUE;
  dc_database_roll_back(collection->database);
  return FALSE;
}

static gboolean
end(DcCollection *collection, gboolean well, GError **error)
{
  if (!well) {
    dc_database_roll_back(collection->database);
    return FALSE;
  }
  dc_collection_set_number(collection, "edits", dc_collection_number(collection, "edits") + 1);
  return dc_database_commit(collection->database, error);
}

/* --- names --- */

static gboolean
check_name(const char *name, GError **error)
{
  gsize length = strlen(name);
  gboolean fine = length >= 1 && length <= DC_GROUP_NAME_MOST && g_utf8_validate(name, -1, NULL);
  for (const char *at = name; fine && *at; at = g_utf8_next_char(at))
    fine = !g_unichar_iscntrl(g_utf8_get_char(at));
  return fine || refuse(error, DC_ERROR_ARGUMENT,
                        "a name has 1 to 63 bytes of text and no control characters");
}

static gboolean
is_taken(DcCollection *collection, gint64 group, const char *name)
{
  sqlite3_stmt *query =
      dc_query(collection->database, "SELECT count(*) FROM groups WHERE name = ? AND id <> ?");
  sqlite3_bind_text(query, 1, name, -1, SQLITE_TRANSIENT);
  sqlite3_bind_int64(query, 2, group);
  return dc_query_number(collection->database, query, 0) > 0;
}

gboolean
dc_edit_rename_group(DcCollection *collection, gint64 group, const char *name, GError **error)
{
  g_autofree char *stripped = g_strstrip(g_strdup(name));
  if (!check_name(stripped, error) || !begin(collection, group, error))
    return FALSE;
  if (is_taken(collection, group, stripped))
    return end(collection,
               refuse(error, DC_ERROR_ARGUMENT,
                      "another group has this name; merge the two, or choose another"),
               error);
  sqlite3_stmt *query = dc_query(collection->database, "UPDATE groups SET name = ?, named = 1 "
                                                       "WHERE id = ?");
  sqlite3_bind_text(query, 1, stripped, -1, SQLITE_TRANSIENT);
  sqlite3_bind_int64(query, 2, group);
  dc_query_next(collection->database, query);
  mark_edited(collection, group);
  return end(collection, TRUE, error);
}

/* --- pins, merges, moves --- */

gboolean
dc_edit_pin_group(DcCollection *collection, gint64 group, gboolean pinned, GError **error)
{
  if (!begin(collection, group, error))
    return FALSE;
  run(collection, "UPDATE groups SET pinned = ? WHERE id = ?", pinned, group);
  mark_edited(collection, group);
  return end(collection, TRUE, error);
}

gboolean
dc_edit_merge_groups(DcCollection *collection, gint64 group, gint64 into, GError **error)
{
  if (group == into)
    return refuse(error, DC_ERROR_ARGUMENT, "a group cannot be merged with itself");
  if (!begin(collection, group, error))
    return FALSE;
  if (!need_group(collection, into, error))
    return end(collection, FALSE, error);
  run(collection, "UPDATE pictures SET group_id = ? WHERE group_id = ?", into, group);
  run(collection, "UPDATE prototypes SET group_id = ? WHERE group_id = ?", into, group);
  run(collection, "DELETE FROM groups WHERE id = ?", group, 0);
  mark_edited(collection, into);
  return end(collection, TRUE, error);
}

gboolean
dc_edit_move_picture(DcCollection *collection, gint64 picture, gint64 group, GError **error)
{
  if (!begin(collection, group, error))
    return FALSE;
  sqlite3_stmt *query =
      dc_query(collection->database, "SELECT group_id FROM pictures WHERE id = ?");
  sqlite3_bind_int64(query, 1, picture);
  gint64 before = dc_query_number(collection->database, query, 0);
  if (before == 0)
    return end(collection, refuse(error, DC_ERROR_NOT_FOUND, "there is no such picture any more"),
               error);
  run(collection,
      "UPDATE pictures SET group_id = ?, held = 1, novel = 0, sure = 1, neighbours = NULL WHERE id "
      "= ?",
      group, picture);
  mark_edited(collection, group);
  run(collection, "UPDATE groups SET revision = revision + 1 WHERE id = ?", before, 0);
  return end(collection, TRUE, error);
}

/* --- splitting --- */

typedef struct {
  DcCollection *collection;
  gint64 groups[2]; /* the larger part's and the new one's */
  DcMatrix centroids;
} Split;

/* Root mean squared distance of the sample's rows in part `part` to its centroid. */
static double
spread_of(const DcSample *sample, const guint32 *labels, const DcMatrix *centroids, guint32 part)
{
  g_autofree float *distances = g_new(float, sample->vectors.rows);
  double sum = 0;
  gsize count = 0;
  dc_squared_distances(&sample->vectors, centroids, labels, distances);
  for (gsize i = 0; i < sample->vectors.rows; i++)
    if (labels[i] == part) {
      sum += (double)distances[i];
      count++;
    }
  return count > 0 ? sqrt(sum / (double)count) : 0;
}

static void
add_prototype(const Split *split, guint32 part, double spread)
{
  DcDatabase *database = split->collection->database;
  sqlite3_stmt *query =
      dc_query(database, "INSERT INTO prototypes(group_id, centroid, spread) VALUES(?, ?, ?)");
  sqlite3_bind_int64(query, 1, split->groups[part]);
  sqlite3_bind_blob(query, 2, dc_matrix_row(&split->centroids, part),
                    (int)(split->centroids.cols * sizeof(float)), SQLITE_TRANSIENT);
  sqlite3_bind_double(query, 3, spread);
  dc_query_next(database, query);
}

static double
squared_distance(const float *a, const float *b, gsize dim)
{
  DcMatrix left = dc_matrix(a, 1, dim), right = dc_matrix(b, 1, dim);
  float square;
  dc_squared_distances(&left, &right, NULL, &square);
  return (double)square;
}

/* Gives a picture to the nearer part. */
static void
part_picture(const Split *split, gint64 id, const float *vector)
{
  gsize dim = split->centroids.cols;
  double distances[2];
  for (gsize part = 0; part < 2; part++)
    distances[part] = squared_distance(vector, dc_matrix_row(&split->centroids, part), dim);
  int nearer = distances[1] < distances[0];
  sqlite3_stmt *query =
      dc_query(split->collection->database,
               "UPDATE pictures SET group_id = ?, distance = ?, neighbours = NULL WHERE id = ?");
  sqlite3_bind_int64(query, 1, split->groups[nearer]);
  sqlite3_bind_double(query, 2, sqrt(distances[nearer]));
  sqlite3_bind_int64(query, 3, id);
  dc_query_next(split->collection->database, query);
}

static gsize
read_members(const Split *split, gint64 last, gint64 *ids, float *rows)
{
  DcDatabase *database = split->collection->database;
  gsize count = 0, size = split->centroids.cols * sizeof(float);
  sqlite3_stmt *query =
      dc_query(database,
               "SELECT p.id, e.vector FROM pictures p JOIN embeddings e ON e.id = p.id WHERE "
               "p.group_id = ? AND p.held = 0 AND p.id > ? ORDER BY p.id LIMIT ?");
  sqlite3_bind_int64(query, 1, split->groups[0]);
  sqlite3_bind_int64(query, 2, last);
  sqlite3_bind_int(query, 3, AT_ONCE);
  while (dc_query_next(database, query)) {
    ids[count] = sqlite3_column_int64(query, 0);
    memcpy(rows + count * split->centroids.cols, sqlite3_column_blob(query, 1),
           MIN((gsize)sqlite3_column_bytes(query, 1), size));
    count++;
  }
  return count;
}

static void
part_pictures(const Split *split)
{
  g_autofree gint64 *ids = g_new(gint64, AT_ONCE);
  g_autofree float *rows = g_new0(float, AT_ONCE * split->centroids.cols);
  gint64 last = 0;
  for (gsize count = read_members(split, last, ids, rows); count > 0;
       count = read_members(split, last, ids, rows)) {
    for (gsize i = 0; i < count; i++)
      part_picture(split, ids[i], rows + i * split->centroids.cols);
    last = ids[count - 1];
  }
}

/* The larger part comes first. */
static void
put_larger_first(const DcMatrix *centroids, guint32 *labels, gsize count)
{
  gsize ones = 0;
  for (gsize i = 0; i < count; i++)
    ones += labels[i];
  if (2 * ones <= count)
    return;
  for (gsize i = 0; i < count; i++)
    labels[i] = 1 - labels[i];
  for (gsize j = 0; j < centroids->cols; j++) {
    float swapped = centroids->data[j];
    centroids->data[j] = dc_matrix_row(centroids, 1)[j];
    dc_matrix_row(centroids, 1)[j] = swapped;
  }
}

static gboolean
find_parts(const DcSample *sample, const DcMatrix *centroids, guint32 *labels, GError **error)
{
  DcKmeansOptions options = dc_kmeans_options(2);
  options.restarts = RESTARTS;
  DcRandom random;
  dc_random_seed(&random, SEED, 0);
  DcKmeansResult result;
  DcError core_error;
  if (dc_kmeans(&sample->vectors, NULL, &options, &random, centroids, labels, &result,
                &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  if (result.inertia <= 0 &&
      squared_distance(centroids->data, dc_matrix_row(centroids, 1), centroids->cols) <= 0)
    return refuse(error, DC_ERROR_ARGUMENT, "all pictures of this group look the same");
  put_larger_first(centroids, labels, sample->vectors.rows);
  return TRUE;
}

static gboolean
split_sample(DcCollection *collection, gint64 group, const DcSample *sample, GError **error)
{
  gsize dim = sample->vectors.cols;
  if (sample->vectors.rows < 2)
    return refuse(error, DC_ERROR_ARGUMENT, "a group of less than two pictures cannot be split");
  g_autofree float *numbers = g_new(float, 2 * dim);
  g_autofree guint32 *labels = g_new(guint32, sample->vectors.rows);
  DcMatrix centroids = dc_matrix(numbers, 2, dim);
  if (!find_parts(sample, &centroids, labels, error))
    return FALSE;
  Split split = {collection, {group, dc_group_new(collection)}, centroids};
  run(collection, "DELETE FROM prototypes WHERE group_id = ?", group, 0);
  for (guint32 part = 0; part < 2; part++) {
    add_prototype(&split, part, spread_of(sample, labels, &centroids, part));
    mark_edited(collection, split.groups[part]);
  }
  part_pictures(&split);
  return TRUE;
}

gboolean
dc_edit_split_group(DcCollection *collection, gint64 group, GError **error)
{
  if (!begin(collection, group, error))
    return FALSE;
  DcSample sample;
  gboolean well = dc_sample_read(&sample, collection, DC_SAMPLE_GROUP, group, SPLIT_SAMPLE,
                                 (gsize)dc_collection_number(collection, "dim"), error) &&
                  split_sample(collection, group, &sample, error);
  dc_sample_clear(&sample);
  return end(collection, well, error);
}
