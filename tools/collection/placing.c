/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/grouping-private.h"

#include "command.h"
#include "tensor/rows.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#define NOVELTY        0.01 /* farther out than so many of 1 of a group's own pictures: an outlier */
#define PLACED_AT_ONCE 512

typedef struct {
  gint64 id, group;
  gboolean held, novel;
  double sure;
} Placed;

static double
distance_to(const DcGrouping *grouping, const float *row, gsize prototype)
{
  DcMatrix vector = dc_matrix(row, 1, grouping->dim);
  DcMatrix centroids = dc_grouping_centroids(grouping);
  DcMatrix centroid = dc_matrix_rows(&centroids, prototype, 1);
  float squared;
  dc_squared_distances(&vector, &centroid, NULL, &squared);
  return sqrt((double)squared);
}

/* How sure it is that a picture at `distance` from its prototype belongs to this group: what it has
 * of it beside the nearest other group, as fuzzy c-means with the fuzzifier 1.5 has it (Bezdek
 * 1981), 0.5..1. The posterior of the assignment is that of isotropic Gaussians, which in hundreds
 * of dimensions is always 0 or 1. */
static double
surety(const DcGrouping *grouping, const float *row, const DcAssignment *place)
{
  DcMatrix centroids = dc_grouping_centroids(grouping), vector = dc_matrix(row, 1, grouping->dim);
  g_autofree float *squares = g_new(float, centroids.rows);
  dc_squared_distances(&centroids, &vector, NULL, squares);
  gint64 own = dc_grouping_prototype(grouping, place->cluster)->group;
  double near = (double)squares[place->cluster], other = INFINITY;
  for (gsize k = 0; k < centroids.rows; k++)
    if (dc_grouping_prototype(grouping, k)->group != own)
      other = fmin(other, (double)squares[k]);
  if (isinf(other) || near <= 0)
    return 1;
  return fmax(0.5, other * other / (other * other + near * near));
}

/* A pinned group is judged from where it was pinned, not from where the stream would move it. */
static void
prefer_pinned(const DcGrouping *grouping, const float *row, DcAssignment *place)
{
  if (dc_grouping_prototype(grouping, place->cluster)->pinned) {
    place->distance = (float)distance_to(grouping, row, place->cluster);
    float other = (float)distance_to(grouping, row, place->second);
    if (other < place->distance) {
      place->cluster = place->second;
      place->distance = other;
    }
  }
  for (guint k = 0; k < grouping->prototypes->len; k++) {
    float distance = dc_grouping_prototype(grouping, k)->pinned
                         ? (float)distance_to(grouping, row, k)
                         : INFINITY;
    if (distance < place->distance) {
      place->cluster = k;
      place->distance = distance;
    }
  }
}

static void
touch(DcGrouping *grouping, gint64 group)
{
  if (group != 0)
    g_hash_table_add(grouping->touched, g_memdup2(&group, sizeof group));
}

static void
raise_revisions(DcGrouping *grouping)
{
  DcDatabase *database = grouping->collection->database;
  GHashTableIter iter;
  gpointer group;
  g_hash_table_iter_init(&iter, grouping->touched);
  while (g_hash_table_iter_next(&iter, &group, NULL)) {
    sqlite3_stmt *query =
        dc_query(database, "UPDATE groups SET revision = revision + 1 WHERE id = ?");
    sqlite3_bind_int64(query, 1, *(gint64 *)group);
    dc_query_next(database, query);
  }
  g_hash_table_remove_all(grouping->touched);
}

static void
store_place(DcGrouping *grouping, const Placed *before, const DcAssignment *place, const float *row)
{
  DcDatabase *database = grouping->collection->database;
  gint64 group =
      before->held ? before->group : dc_grouping_prototype(grouping, place->cluster)->group;
  double sure = before->held ? 1 : surety(grouping, row, place);
  gboolean novel = place->novel && !before->held;
  if (group == before->group && novel == before->novel && fabs(sure - before->sure) < 0.005)
    return;
  touch(grouping, before->group);
  touch(grouping, group);
  sqlite3_stmt *query =
      dc_query(database, "UPDATE pictures SET group_id = ?1, sure = ?2, distance = ?3, novel = ?4, "
                         "neighbours = CASE WHEN group_id = ?1 THEN neighbours END WHERE id = ?5");
  sqlite3_bind_int64(query, 1, group);
  sqlite3_bind_double(query, 2, sure);
  sqlite3_bind_double(query, 3, (double)place->distance);
  sqlite3_bind_int(query, 4, novel);
  sqlite3_bind_int64(query, 5, before->id);
  dc_query_next(database, query);
}

static const char all_pictures[] =
    "SELECT p.id, p.group_id, p.held, p.novel, p.sure, e.vector, e.id FROM embeddings e JOIN "
    "pictures p ON p.id = e.id WHERE e.id > ? ORDER BY e.id LIMIT ?";
static const char new_pictures[] =
    "SELECT p.id, p.group_id, p.held, p.novel, p.sure, e.vector, p.draw FROM pictures p JOIN "
    "embeddings e ON e.id = p.id WHERE p.group_id IS NULL AND p.state = 1 AND p.draw > ? "
    "ORDER BY p.draw LIMIT ?";

/* Reads the next pictures behind `*last`, which moves on; returns how many. */
static gsize
read_pictures(DcGrouping *grouping, const char *which, gint64 *last, Placed *placed, float *rows)
{
  DcDatabase *database = grouping->collection->database;
  gsize count = 0;
  sqlite3_stmt *query = dc_query(database, which);
  sqlite3_bind_int64(query, 1, *last);
  sqlite3_bind_int(query, 2, PLACED_AT_ONCE);
  while (dc_query_next(database, query)) {
    placed[count] =
        (Placed){sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1),
                 sqlite3_column_int(query, 2), sqlite3_column_int(query, 3),
                 sqlite3_column_type(query, 4) == SQLITE_NULL ? -1
                                                              : sqlite3_column_double(query, 4)};
    gsize bytes = MIN((gsize)sqlite3_column_bytes(query, 5), grouping->dim * sizeof(float));
    memcpy(rows + count * grouping->dim, sqlite3_column_blob(query, 5), bytes);
    *last = sqlite3_column_int64(query, 6);
    count++;
  }
  return count;
}

/* Moves what is stored of the prototypes to where the adapter has them; not the pinned ones. */
static void
follow_adapter(DcGrouping *grouping)
{
  DcMatrix centroids = dc_snapshot_centroids(grouping->snapshot);
  for (gsize k = 0; k < grouping->prototypes->len; k++) {
    if (dc_grouping_prototype(grouping, k)->pinned)
      continue;
    memcpy(&g_array_index(grouping->centroids, float, k * grouping->dim),
           dc_matrix_row(&centroids, k), grouping->dim * sizeof(float));
    g_array_index(grouping->spreads, float, k) = dc_snapshot_cluster(grouping->snapshot, k)->spread;
    dc_grouping_store_prototype(grouping, k);
  }
}

/* Lets the adapter see rows that were placed. */
static gboolean
learn(DcGrouping *grouping, const DcMatrix *rows, GError **error)
{
  DcPushResult result;
  dc_adapter_push(grouping->adapter, rows, UINT64_MAX, &result);
  if (!dc_adapter_is_due(grouping->adapter))
    return TRUE;
  if (!dc_grouping_take_snapshot(grouping, TRUE, error))
    return FALSE;
  follow_adapter(grouping);
  return TRUE;
}

static gboolean
place(DcGrouping *grouping, const char *which, gboolean adapt, GError **error)
{
  g_autofree Placed *placed = g_new(Placed, PLACED_AT_ONCE);
  g_autofree DcAssignment *places = g_new(DcAssignment, PLACED_AT_ONCE);
  g_autofree float *rows = g_new0(float, PLACED_AT_ONCE * grouping->dim);
  gint64 last = G_MININT64;
  for (;;) {
    gsize count = read_pictures(grouping, which, &last, placed, rows);
    if (count == 0)
      break;
    DcMatrix matrix = dc_matrix(rows, count, grouping->dim);
    DcStatus status =
        dc_snapshot_assign(grouping->snapshot, grouping->assigner, &matrix, NOVELTY, places);
    if (status != DC_OK) {
      g_set_error(error, DC_TOOLS_ERROR, -(int)status, "pictures cannot be placed: %s",
                  dc_status_text(status));
      return FALSE;
    }
    for (gsize i = 0; i < count; i++) {
      prefer_pinned(grouping, rows + i * grouping->dim, &places[i]);
      store_place(grouping, &placed[i], &places[i], rows + i * grouping->dim);
    }
    if (adapt && !learn(grouping, &matrix, error))
      return FALSE;
  }
  raise_revisions(grouping);
  return TRUE;
}

gboolean
dc_grouping_place_all(DcGrouping *grouping, GError **error)
{
  return place(grouping, all_pictures, FALSE, error);
}

static gboolean
place_new(DcGrouping *grouping, gpointer adapt, GError **error)
{
  return place(grouping, new_pictures, *(gboolean *)adapt, error);
}

gboolean
dc_grouping_place_new(DcGrouping *grouping, gboolean adapt, GError **error)
{
  gboolean overtaken = TRUE;
  for (int i = 0; overtaken && grouping->adapter && i < DC_GROUPING_ATTEMPTS; i++)
    if (!dc_grouping_change(grouping, place_new, &adapt, &overtaken, error) ||
        (overtaken && !dc_grouping_load(grouping, error)))
      return FALSE;
  return TRUE;
}
