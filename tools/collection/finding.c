/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/grouping-private.h"

#include "cluster/kmeans.h"
#include "cluster/matching.h"
#include "collection/group.h"
#include "collection/sample.h"
#include "command.h"

#include <sqlite3.h>
#include <string.h>

#define SAMPLE_BYTES   ((gsize)16 << 20) /* of embeddings that groups are found in */
#define LEAST_RESTARTS 3 /* of k-means; more where the sample is small and they cost nothing */
#define MOST_RESTARTS  40
#define RESTART_ROWS   60000

static gboolean
cluster(const DcMatrix *sample, guint64 seed, guint32 clusters, float *centroids, guint32 *labels,
        GError **error)
{
  DcKmeansOptions options = dc_kmeans_options(clusters);
  options.restarts =
      (guint32)CLAMP(RESTART_ROWS / MAX(1, sample->rows), LEAST_RESTARTS, MOST_RESTARTS);
  options.candidates = dc_kmeans_greedy(clusters);
  options.threads = 2;
  DcRandom random;
  dc_random_seed(&random, seed, 0);
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

/* Prototypes from `first` on, and the groups that they go on as, 0 for new ones. */
typedef struct {
  gsize first;
  const gint64 *matched;
} Found;

/* Stores what was found, in groups of its own, instead of all unedited ones. */
static void
store_found(DcGrouping *grouping, const Found *found)
{
  DcDatabase *database = grouping->collection->database;
  dc_database_run(database, "DELETE FROM prototypes WHERE group_id IN "
                            "(SELECT id FROM groups WHERE edited = 0)");
  for (gsize k = found->first; k < grouping->prototypes->len; k++) {
    DcPrototype *prototype = dc_grouping_prototype(grouping, k);
    gint64 matched = found->matched[k - found->first];
    prototype->group = matched ? matched : dc_group_new(grouping->collection);
    dc_grouping_store_prototype(grouping, k);
  }
  dc_database_run(database, "DELETE FROM groups WHERE edited = 0 AND NOT EXISTS "
                            "(SELECT 1 FROM prototypes WHERE group_id = groups.id)");
}

/* Before anybody has seen them for long, the largest group is the first. Names of edited groups are
 * passed over. */
static void
number_by_size(DcGrouping *grouping)
{
  DcDatabase *database = grouping->collection->database;
  if (dc_collection_number(grouping->collection, "settled"))
    return;
  dc_database_run(
      database,
      "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers "
      "  WHERE number < (SELECT count(*) FROM groups)),"
      "free AS (SELECT 'Group ' || number AS label, row_number() OVER (ORDER BY number) AS rank "
      "  FROM numbers WHERE 'Group ' || number NOT IN (SELECT name FROM groups WHERE edited = 1)),"
      "ranked AS (SELECT id AS ranked, row_number() OVER (ORDER BY "
      "  (SELECT count(*) FROM pictures WHERE group_id = groups.id) DESC, id) AS rank "
      "  FROM groups WHERE edited = 0)"
      "UPDATE groups SET name = (SELECT label FROM ranked JOIN free USING(rank) "
      "  WHERE ranked = groups.id) WHERE edited = 0");
}

static gboolean
store_and_place(DcGrouping *grouping, gpointer data, GError **error)
{
  store_found(grouping, data);
  if (!dc_grouping_place_all(grouping, error))
    return FALSE;
  number_by_size(grouping);
  return TRUE;
}

/* One attempt; `overtaken` tells that it came to nothing because somebody edited meanwhile. */
static gboolean
find_in(DcGrouping *grouping, const DcSample *sample, guint32 clusters, gboolean *overtaken,
        GError **error)
{
  g_autofree float *centroids = g_new(float, MAX(1, clusters * grouping->dim));
  g_autofree guint32 *labels = g_new(guint32, MAX(1, sample->vectors.rows));
  g_autofree gint64 *matched = g_new0(gint64, MAX(1, clusters));
  Found found = {grouping->prototypes->len, matched};
  guint64 seed = (guint64)dc_collection_number(grouping->collection, "seed");
  if (clusters > 0 && (!cluster(&sample->vectors, seed, clusters, centroids, labels, error) ||
                       !match_groups(sample, labels, clusters, matched, error)))
    return FALSE;
  for (guint32 k = 0; k < clusters; k++)
    dc_grouping_add_prototype(grouping, (DcPrototype){0}, centroids + k * grouping->dim, 0);
  return dc_grouping_start_adapter(grouping, FALSE, error) &&
         dc_grouping_prime(grouping, &sample->vectors, error) &&
         dc_grouping_change(grouping, store_and_place, &found, overtaken, error);
}

/* How many distinct groups the prototypes read so far have. */
static guint32
count_groups(const DcGrouping *grouping)
{
  g_autoptr(GHashTable) groups = g_hash_table_new(g_int64_hash, g_int64_equal);
  for (gsize k = 0; k < grouping->prototypes->len; k++)
    g_hash_table_add(groups, &dc_grouping_prototype(grouping, k)->group);
  return g_hash_table_size(groups);
}

static gboolean
attempt(DcGrouping *grouping, guint32 wanted, gboolean *overtaken, GError **error)
{
  DcCollection *collection = grouping->collection;
  gint64 pictures = dc_collection_count(collection, DC_PICTURE_EMBEDDED);
  dc_grouping_read_prototypes(grouping, TRUE);
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
                  find_in(grouping, &sample, clusters, overtaken, error);
  dc_sample_clear(&sample);
  return well;
}

gboolean
dc_grouping_find(DcGrouping *grouping, guint32 wanted, GError **error)
{
  gboolean overtaken = TRUE;
  for (int i = 0; overtaken && i < DC_GROUPING_ATTEMPTS; i++)
    if (!attempt(grouping, wanted, &overtaken, error))
      return FALSE;
  return TRUE;
}
