/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/grouping.h"

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/matching.h"
#include "collection/sample.h"
#include "command.h"
#include "stream/adapter.h"
#include "tensor/rows.h"

#include <math.h>
#include <sqlite3.h>
#include <string.h>

#define SAMPLE_BYTES   ((gsize)16 << 20) /* of embeddings that groups are found in */
#define MEMBERS        64                /* remembered of each prototype */
#define LEAST_WINDOW   2048
#define NOVELTY        0.01 /* farther out than so many of 1 of a group's own pictures: an outlier */
#define LEAST_RESTARTS 3    /* of k-means; more where the sample is small and they cost nothing */
#define MOST_RESTARTS  20
#define RESTART_ROWS   20000
#define PLACED_AT_ONCE 512
#define MOST_ATTEMPTS  20 /* at finding groups while somebody edits */
#define MOST_SUITABLE  64
#define SEED           1

typedef struct {
  gint64 id, group;
  gboolean pinned;
} Prototype;

struct DcGrouping {
  DcCollection *collection;
  gsize dim;
  char *encoder;
  GArray *prototypes; /* of Prototype */
  GArray *centroids;  /* of float, a row for each prototype: where a pinned one stays */
  GArray *spreads;    /* of float */
  DcAdapter *adapter; /* NULL: no groups */
  DcSnapshot *snapshot;
  DcAssigner *assigner;
  GHashTable *touched; /* groups whose pictures changed */
};

DcGrouping *
dc_grouping_new(DcCollection *collection, gsize dim, const char *encoder)
{
  DcGrouping *grouping = g_new0(DcGrouping, 1);
  grouping->collection = collection;
  grouping->dim = dim;
  grouping->encoder = g_strdup(encoder);
  grouping->prototypes = g_array_new(FALSE, FALSE, sizeof(Prototype));
  grouping->centroids = g_array_new(FALSE, FALSE, sizeof(float));
  grouping->spreads = g_array_new(FALSE, FALSE, sizeof(float));
  grouping->assigner = dc_assigner_new();
  grouping->touched = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  return grouping;
}

static void
clear_prototypes(DcGrouping *grouping)
{
  g_array_set_size(grouping->prototypes, 0);
  g_array_set_size(grouping->centroids, 0);
  g_array_set_size(grouping->spreads, 0);
}

static void
drop_adapter(DcGrouping *grouping)
{
  dc_snapshot_unref(grouping->snapshot);
  dc_adapter_free(grouping->adapter);
  grouping->snapshot = NULL;
  grouping->adapter = NULL;
}

void
dc_grouping_free(DcGrouping *grouping)
{
  if (!grouping)
    return;
  drop_adapter(grouping);
  dc_assigner_free(grouping->assigner);
  g_array_unref(grouping->prototypes);
  g_array_unref(grouping->centroids);
  g_array_unref(grouping->spreads);
  g_hash_table_unref(grouping->touched);
  g_free(grouping->encoder);
  g_free(grouping);
}

gsize
dc_grouping_size(const DcGrouping *grouping)
{
  return grouping->prototypes->len;
}

/* Half the square root: 5 for a hundred, 16 for a thousand, 50 for ten thousand. Too many groups
 * are merged with a click and seen together in families; what lies in too few is not seen at all.
 */
guint32
dc_grouping_suitable(gint64 pictures)
{
  return (guint32)CLAMP(lround(sqrt((double)pictures) / 2), 2, MOST_SUITABLE);
}

/* --- prototypes --- */

static void
add_prototype(DcGrouping *grouping, Prototype prototype, const float *centroid, float spread)
{
  g_array_append_val(grouping->prototypes, prototype);
  g_array_append_vals(grouping->centroids, centroid, (guint)grouping->dim);
  g_array_append_val(grouping->spreads, spread);
}

static DcMatrix
centroid_matrix(const DcGrouping *grouping)
{
  return dc_matrix((const float *)(gpointer)grouping->centroids->data, grouping->prototypes->len,
                   grouping->dim);
}

static Prototype *
prototype_at(const DcGrouping *grouping, gsize index)
{
  return &g_array_index(grouping->prototypes, Prototype, index);
}

/* Reads the prototypes of all groups, or of edited ones alone. */
static void
read_prototypes(DcGrouping *grouping, gboolean edited_only)
{
  DcDatabase *database = grouping->collection->database;
  sqlite3_stmt *query =
      dc_query(database,
               "SELECT p.id, g.id, g.pinned, p.centroid, p.spread FROM prototypes p JOIN groups g "
               "ON g.id = p.group_id WHERE g.edited >= ? ORDER BY p.id");
  sqlite3_bind_int(query, 1, edited_only);
  clear_prototypes(grouping);
  while (dc_query_next(database, query)) {
    Prototype prototype = {sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1),
                           sqlite3_column_int(query, 2)};
    if ((gsize)sqlite3_column_bytes(query, 3) == grouping->dim * sizeof(float))
      add_prototype(grouping, prototype, sqlite3_column_blob(query, 3),
                    (float)sqlite3_column_double(query, 4));
  }
}

static void
store_prototype(DcGrouping *grouping, gsize index)
{
  DcDatabase *database = grouping->collection->database;
  Prototype *prototype = prototype_at(grouping, index);
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

/* --- the adapter --- */

static gboolean
take_snapshot(DcGrouping *grouping, gboolean adapt, GError **error)
{
  DcError core_error;
  if (dc_adapter_adapt(grouping->adapter, adapt, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  dc_snapshot_unref(grouping->snapshot);
  grouping->snapshot = dc_adapter_snapshot(grouping->adapter);
  return TRUE;
}

static gboolean
start_adapter(DcGrouping *grouping, gboolean known_spreads, GError **error)
{
  DcMatrix centroids = centroid_matrix(grouping);
  DcAdapterConfig config = dc_adapter_config();
  config.method = DC_METHOD_ATTENTION;
  config.clusters = (guint32)centroids.rows;
  config.window = MAX(LEAST_WINDOW, MEMBERS * centroids.rows);
  config.warm_up = MAX(config.warm_up, centroids.rows);
  DcError core_error;
  drop_adapter(grouping);
  if (dc_adapter_new(&config, grouping->dim, grouping->encoder, &grouping->adapter, &core_error) !=
          DC_OK ||
      dc_adapter_start(grouping->adapter, &centroids,
                       known_spreads ? (const float *)(gpointer)grouping->spreads->data : NULL,
                       NULL, &core_error) != DC_OK) {
    drop_adapter(grouping);
    return dc_tools_take_error(&core_error, error);
  }
  return TRUE;
}

/* Shows the adapter a random sample, so that it knows how far out the members of each group lie. */
static gboolean
prime(DcGrouping *grouping, const DcMatrix *sample, GError **error)
{
  DcPushResult result;
  dc_adapter_push(grouping->adapter, sample, UINT64_MAX, &result);
  if (!take_snapshot(grouping, FALSE, error))
    return FALSE;
  for (gsize k = 0; k < grouping->prototypes->len; k++)
    g_array_index(grouping->spreads, float, k) = dc_snapshot_cluster(grouping->snapshot, k)->spread;
  return TRUE;
}

gboolean
dc_grouping_load(DcGrouping *grouping, GError **error)
{
  read_prototypes(grouping, FALSE);
  drop_adapter(grouping);
  if (!dc_database_check(grouping->collection->database, error))
    return FALSE;
  if (grouping->prototypes->len == 0)
    return TRUE;
  DcSample sample;
  gboolean well = dc_sample_read(&sample, grouping->collection, DC_SAMPLE_ALL, 0,
                                 MAX(LEAST_WINDOW, MEMBERS * grouping->prototypes->len),
                                 grouping->dim, error) &&
                  start_adapter(grouping, TRUE, error) && prime(grouping, &sample.vectors, error);
  dc_sample_clear(&sample);
  return well;
}

/* --- placing --- */

typedef struct {
  gint64 id, group;
  gboolean held, novel;
  double sure;
} Placed;

static double
distance_to(const DcGrouping *grouping, const float *row, gsize prototype)
{
  DcMatrix vector = dc_matrix(row, 1, grouping->dim);
  DcMatrix centroids = centroid_matrix(grouping);
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
  DcMatrix centroids = centroid_matrix(grouping), vector = dc_matrix(row, 1, grouping->dim);
  g_autofree float *squares = g_new(float, centroids.rows);
  dc_squared_distances(&centroids, &vector, NULL, squares);
  gint64 own = prototype_at(grouping, place->cluster)->group;
  double near = (double)squares[place->cluster], other = INFINITY;
  for (gsize k = 0; k < centroids.rows; k++)
    if (prototype_at(grouping, k)->group != own)
      other = fmin(other, (double)squares[k]);
  if (isinf(other) || near <= 0)
    return 1;
  return fmax(0.5, other * other / (other * other + near * near));
}

/* A pinned group is judged from where it was pinned, not from where the stream would move it. */
static void
prefer_pinned(const DcGrouping *grouping, const float *row, DcAssignment *place)
{
  if (prototype_at(grouping, place->cluster)->pinned) {
    place->distance = (float)distance_to(grouping, row, place->cluster);
    float other = (float)distance_to(grouping, row, place->second);
    if (other < place->distance) {
      place->cluster = place->second;
      place->distance = other;
    }
  }
  for (guint k = 0; k < grouping->prototypes->len; k++) {
    float distance =
        prototype_at(grouping, k)->pinned ? (float)distance_to(grouping, row, k) : INFINITY;
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
  gint64 group = before->held ? before->group : prototype_at(grouping, place->cluster)->group;
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
    "SELECT p.id, p.group_id, p.held, p.novel, p.sure, e.vector FROM embeddings e JOIN pictures p "
    "ON p.id = e.id WHERE e.id > ? ORDER BY e.id LIMIT ?";
static const char new_pictures[] =
    "SELECT p.id, p.group_id, p.held, p.novel, p.sure, e.vector FROM pictures p JOIN embeddings e "
    "ON e.id = p.id WHERE p.group_id IS NULL AND p.id > ? ORDER BY p.id LIMIT ?";

/* Reads the next pictures behind `last`; returns how many. */
static gsize
read_pictures(DcGrouping *grouping, const char *which, gint64 last, Placed *placed, float *rows)
{
  DcDatabase *database = grouping->collection->database;
  gsize count = 0;
  sqlite3_stmt *query = dc_query(database, which);
  sqlite3_bind_int64(query, 1, last);
  sqlite3_bind_int(query, 2, PLACED_AT_ONCE);
  while (dc_query_next(database, query)) {
    placed[count] =
        (Placed){sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1),
                 sqlite3_column_int(query, 2), sqlite3_column_int(query, 3),
                 sqlite3_column_type(query, 4) == SQLITE_NULL ? -1
                                                              : sqlite3_column_double(query, 4)};
    gsize bytes = MIN((gsize)sqlite3_column_bytes(query, 5), grouping->dim * sizeof(float));
    memcpy(rows + count * grouping->dim, sqlite3_column_blob(query, 5), bytes);
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
    if (prototype_at(grouping, k)->pinned)
      continue;
    memcpy(&g_array_index(grouping->centroids, float, k * grouping->dim),
           dc_matrix_row(&centroids, k), grouping->dim * sizeof(float));
    g_array_index(grouping->spreads, float, k) = dc_snapshot_cluster(grouping->snapshot, k)->spread;
    store_prototype(grouping, k);
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
  if (!take_snapshot(grouping, TRUE, error))
    return FALSE;
  follow_adapter(grouping);
  return TRUE;
}

/* Within a transaction. */
static gboolean
place(DcGrouping *grouping, const char *which, gboolean adapt, GError **error)
{
  g_autofree Placed *placed = g_new(Placed, PLACED_AT_ONCE);
  g_autofree DcAssignment *places = g_new(DcAssignment, PLACED_AT_ONCE);
  g_autofree float *rows = g_new0(float, PLACED_AT_ONCE * grouping->dim);
  gint64 last = 0;
  for (;;) {
    gsize count = read_pictures(grouping, which, last, placed, rows);
    if (count == 0)
      break;
    last = placed[count - 1].id;
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
dc_grouping_place_new(DcGrouping *grouping, gboolean adapt, GError **error)
{
  if (!grouping->adapter)
    return TRUE;
  dc_database_begin(grouping->collection->database);
  if (place(grouping, new_pictures, adapt, error))
    return dc_database_commit(grouping->collection->database, error);
  dc_database_roll_back(grouping->collection->database);
  return FALSE;
}

/* --- finding --- */

static gboolean
cluster(const DcMatrix *sample, guint32 clusters, float *centroids, guint32 *labels, GError **error)
{
  DcKmeansOptions options = dc_kmeans_options(clusters);
  options.restarts =
      (guint32)CLAMP(RESTART_ROWS / MAX(1, sample->rows), LEAST_RESTARTS, MOST_RESTARTS);
  options.threads = 2;
  DcRandom random;
  dc_random_seed(&random, SEED, 0);
  DcMatrix matrix = dc_matrix(centroids, clusters, sample->cols);
  DcKmeansResult result;
  DcError core_error;
  return dc_kmeans(sample, NULL, &options, &random, &matrix, labels, &result, &core_error) ==
             DC_OK ||
         dc_tools_take_error(&core_error, error);
}

/* The groups that the sample was in, each once, without 0. */
static GArray *
groups_of(const DcSample *sample)
{
  g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
  GArray *groups = g_array_new(FALSE, FALSE, sizeof(gint64));
  for (gsize i = 0; i < sample->vectors.rows; i++)
    if (sample->groups[i] != 0 && g_hash_table_add(seen, &sample->groups[i]))
      g_array_append_val(groups, sample->groups[i]);
  return groups;
}

static guint
index_of(const GArray *groups, gint64 group)
{
  guint i = 0;
  while (i < groups->len && g_array_index(groups, gint64, i) != group)
    i++;
  return i;
}

/* For each cluster the group that it goes on as, 0 for a new one: as many pictures as possible stay
 * in their group. */
static gboolean
match_groups(const DcSample *sample, const guint32 *labels, guint32 clusters, gint64 *matched,
             GError **error)
{
  g_autoptr(GArray) groups = groups_of(sample);
  g_autofree double *gain = g_new0(double, MAX(1, (gsize)groups->len * clusters));
  g_autofree guint32 *match = g_new(guint32, MAX(1, groups->len));
  memset(matched, 0, clusters * sizeof *matched);
  for (gsize i = 0; i < sample->vectors.rows; i++)
    if (sample->groups[i] != 0)
      gain[(gsize)index_of(groups, sample->groups[i]) * clusters + labels[i]]++;
  if (groups->len > 0 && dc_match(gain, groups->len, clusters, match) != DC_OK) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory");
    return FALSE;
  }
  for (guint g = 0; g < groups->len; g++)
    if (match[g] != DC_UNMATCHED && gain[(gsize)g * clusters + match[g]] > 0)
      matched[match[g]] = g_array_index(groups, gint64, g);
  return TRUE;
}

/* Stores prototypes from `first` on, in groups of their own, instead of all unedited ones. */
static void
store_found(DcGrouping *grouping, gsize first, const gint64 *matched)
{
  DcDatabase *database = grouping->collection->database;
  dc_database_run(database, "DELETE FROM prototypes WHERE group_id IN "
                            "(SELECT id FROM groups WHERE edited = 0)");
  for (gsize k = first; k < grouping->prototypes->len; k++) {
    Prototype *prototype = prototype_at(grouping, k);
    prototype->group = matched[k - first] ? matched[k - first] : dc_group_new(grouping->collection);
    store_prototype(grouping, k);
  }
  dc_database_run(database, "DELETE FROM groups WHERE edited = 0 AND NOT EXISTS "
                            "(SELECT 1 FROM prototypes WHERE group_id = groups.id)");
}

/* Before anybody has seen them for long, the largest group is the first. */
static void
number_by_size(DcGrouping *grouping)
{
  DcDatabase *database = grouping->collection->database;
  if (dc_collection_number(grouping->collection, "settled"))
    return;
  dc_database_run(
      database,
      "UPDATE groups SET name = 'Group ' || (SELECT rank FROM (SELECT id AS ranked, row_number() "
      "OVER (ORDER BY (SELECT count(*) FROM pictures WHERE group_id = groups.id) DESC, id) AS rank "
      "FROM groups WHERE edited = 0) WHERE ranked = groups.id) WHERE edited = 0");
}

static gboolean
store_and_place(DcGrouping *grouping, gsize first, const gint64 *matched, gint64 edits,
                gboolean *overtaken, GError **error)
{
  DcDatabase *database = grouping->collection->database;
  dc_database_begin(database);
  *overtaken = dc_collection_number(grouping->collection, "edits") != edits;
  if (!*overtaken) {
    store_found(grouping, first, matched);
    if (place(grouping, all_pictures, FALSE, error)) {
      number_by_size(grouping);
      return dc_database_commit(database, error);
    }
  }
  dc_database_roll_back(database);
  return *overtaken && dc_database_check(database, error);
}

/* One attempt; `overtaken` tells that it came to nothing because somebody edited meanwhile. */
static gboolean
find_in(DcGrouping *grouping, const DcSample *sample, guint32 clusters, gint64 edits,
        gboolean *overtaken, GError **error)
{
  gsize first = grouping->prototypes->len;
  g_autofree float *centroids = g_new(float, MAX(1, clusters * grouping->dim));
  g_autofree guint32 *labels = g_new(guint32, MAX(1, sample->vectors.rows));
  g_autofree gint64 *matched = g_new0(gint64, MAX(1, clusters));
  if (clusters > 0 && (!cluster(&sample->vectors, clusters, centroids, labels, error) ||
                       !match_groups(sample, labels, clusters, matched, error)))
    return FALSE;
  for (guint32 k = 0; k < clusters; k++)
    add_prototype(grouping, (Prototype){0}, centroids + k * grouping->dim, 0);
  return start_adapter(grouping, FALSE, error) && prime(grouping, &sample->vectors, error) &&
         store_and_place(grouping, first, matched, edits, overtaken, error);
}

/* How many distinct groups the prototypes read so far have. */
static guint32
count_groups(const DcGrouping *grouping)
{
  g_autoptr(GHashTable) groups = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (gsize k = 0; k < grouping->prototypes->len; k++)
    g_hash_table_add(groups, &prototype_at(grouping, k)->group);
  return g_hash_table_size(groups);
}

static gboolean
attempt(DcGrouping *grouping, guint32 wanted, gboolean *overtaken, GError **error)
{
  DcCollection *collection = grouping->collection;
  gint64 edits = dc_collection_number(collection, "edits");
  gint64 pictures = dc_collection_count(collection, DC_PICTURE_EMBEDDED);
  read_prototypes(grouping, TRUE);
  *overtaken = FALSE;
  if (!dc_database_check(collection->database, error))
    return FALSE;
  DcSample sample;
  if (!dc_sample_read(&sample, collection, DC_SAMPLE_UNEDITED, 0,
                      SAMPLE_BYTES / (grouping->dim * sizeof(float)), grouping->dim, error))
    return FALSE;
  guint32 edited = count_groups(grouping);
  guint32 all = wanted ? wanted : dc_grouping_suitable(pictures);
  guint32 clusters = all > edited ? all - edited : 1;
  clusters = (guint32)MIN(clusters, sample.vectors.rows);
  gboolean well = clusters + grouping->prototypes->len == 0 ||
                  find_in(grouping, &sample, clusters, edits, overtaken, error);
  dc_sample_clear(&sample);
  return well;
}

gboolean
dc_grouping_find(DcGrouping *grouping, guint32 wanted, GError **error)
{
  gboolean overtaken = TRUE;
  for (int i = 0; overtaken && i < MOST_ATTEMPTS; i++)
    if (!attempt(grouping, wanted, &overtaken, error))
      return FALSE;
  return TRUE;
}
