/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/grouping-private.h"

#include "collection/sample.h"
#include "command.h"

#include <math.h>

#define MEMBERS       64 /* remembered of each prototype */
#define LEAST_WINDOW  2048
#define MOST_SUITABLE 64

DcGrouping *
dc_grouping_new(DcCollection *collection, gsize dim, const char *encoder)
{
  DcGrouping *grouping = g_new0(DcGrouping, 1);
  grouping->collection = collection;
  grouping->dim = dim;
  grouping->encoder = g_strdup(encoder);
  grouping->prototypes = g_array_new(FALSE, FALSE, sizeof(DcPrototype));
  grouping->centroids = g_array_new(FALSE, FALSE, sizeof(float));
  grouping->spreads = g_array_new(FALSE, FALSE, sizeof(float));
  grouping->assigner = dc_assigner_new();
  grouping->touched = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  return grouping;
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

/* --- the adapter --- */

gboolean
dc_grouping_take_snapshot(DcGrouping *grouping, gboolean adapt, GError **error)
{
  DcError core_error;
  if (dc_adapter_adapt(grouping->adapter, adapt, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  dc_snapshot_unref(grouping->snapshot);
  grouping->snapshot = dc_adapter_snapshot(grouping->adapter);
  return TRUE;
}

gboolean
dc_grouping_start_adapter(DcGrouping *grouping, gboolean known_spreads, GError **error)
{
  DcMatrix centroids = dc_grouping_centroids(grouping);
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
gboolean
dc_grouping_prime(DcGrouping *grouping, const DcMatrix *sample, GError **error)
{
  DcPushResult result;
  dc_adapter_push(grouping->adapter, sample, UINT64_MAX, &result);
  if (!dc_grouping_take_snapshot(grouping, FALSE, error))
    return FALSE;
  for (gsize k = 0; k < grouping->prototypes->len; k++)
    g_array_index(grouping->spreads, float, k) = dc_snapshot_cluster(grouping->snapshot, k)->spread;
  return TRUE;
}

gboolean
dc_grouping_change(DcGrouping *grouping, DcGroupingChange change, gpointer data,
                   gboolean *overtaken, GError **error)
{
  DcDatabase *database = grouping->collection->database;
  dc_database_begin(database);
  *overtaken = dc_collection_number(grouping->collection, "edits") != grouping->edits;
  if (!*overtaken && change(grouping, data, error))
    return dc_database_commit(database, error);
  dc_database_roll_back(database);
  return *overtaken && dc_database_check(database, error);
}

gboolean
dc_grouping_load(DcGrouping *grouping, GError **error)
{
  dc_grouping_read_prototypes(grouping, FALSE);
  drop_adapter(grouping);
  if (!dc_database_check(grouping->collection->database, error))
    return FALSE;
  if (grouping->prototypes->len == 0)
    return TRUE;
  DcSample sample;
  gboolean well = dc_sample_read(&sample, grouping->collection, DC_SAMPLE_ALL, 0,
                                 MAX(LEAST_WINDOW, MEMBERS * grouping->prototypes->len),
                                 grouping->dim, error) &&
                  dc_grouping_start_adapter(grouping, TRUE, error) &&
                  dc_grouping_prime(grouping, &sample.vectors, error);
  dc_sample_clear(&sample);
  return well;
}
