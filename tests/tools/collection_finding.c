/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How good the groups of a collection are by what k-means minimises, the sum of squared distances
 * of the pictures from the middle of their group. */
#include "scratch.h"

#include "base/memory.h"
#include "blob_collection.h"
#include "cluster/kmeans.h"
#include "collection/grouping.h"
#include "collection/sample.h"

#include <glib/gstdio.h>

enum { DIM = 8, BLOBS = 48, PICTURES = 6000, SEEDS = 2, STARTS = 10 };

static void
take(gboolean well, GError *error)
{
  if (!well)
    fail_msg("%s", error ? error->message : "failed without a reason");
}

static DcCollection *
make_collection(gint64 seed)
{
  GError *error = NULL;
  g_autofree char *output = g_strdup_printf("groups-%" G_GINT64_FORMAT, seed);
  g_mkdir("pictures", 0777);
  DcCollection *collection = dc_collection_create("pictures", output, &error);
  take(collection != NULL, error);
  dc_collection_set_number(collection, "dim", DIM);
  dc_collection_set_number(collection, "seed", seed);
  DcRandom random;
  dc_random_seed(&random, (guint64)seed, 0);
  blobs_add(collection, PICTURES, BLOBS, DIM, &random);
  /* The order is not to be another one each time. */
  dc_database_run(collection->database, "UPDATE pictures SET draw = id * 2654435761 % 4294967296");
  return collection;
}

static double
found_by_collection(DcCollection *collection)
{
  GError *error = NULL;
  DcGrouping *grouping = dc_grouping_new(collection, DIM, "blobs");
  take(dc_grouping_find(grouping, BLOBS, &error), error);
  dc_grouping_free(grouping);
  DcDatabase *database = collection->database;
  sqlite3_stmt *query =
      dc_query(database, "SELECT sum(distance * distance), count(*) FROM pictures "
                         "WHERE group_id IS NOT NULL");
  double sum = 0;
  gint64 pictures = 0;
  while (dc_query_next(database, query)) {
    sum = sqlite3_column_double(query, 0);
    pictures = sqlite3_column_int64(query, 1);
  }
  take(dc_database_check(database, &error), error);
  assert_int_equal(pictures, PICTURES);
  return sum;
}

static double
found_by_k_means(DcCollection *collection, guint64 seed)
{
  GError *error = NULL;
  DcSample sample;
  take(dc_sample_read(&sample, collection, DC_SAMPLE_ALL, 0, PICTURES, DIM, &error), error);
  float *places = DC_NEW(float, BLOBS *DIM);
  DcMatrix centroids = dc_matrix(places, BLOBS, DIM);
  DcKmeansOptions options = dc_kmeans_options(BLOBS);
  options.restarts = STARTS;
  DcRandom random;
  dc_random_seed(&random, seed, 7);
  DcKmeansResult result;
  assert_int_equal(
      dc_kmeans(&sample.vectors, NULL, &options, &random, &centroids, NULL, &result, NULL), DC_OK);
  dc_free(places);
  dc_sample_clear(&sample);
  return result.inertia;
}

/* Plain ones, which for so many groups are too few. */
static void
test_groups_are_no_worse_than_k_means_of_ten_starts(void **state)
{
  (void)state;
  for (gint64 seed = 1; seed <= SEEDS; seed++) {
    DcCollection *collection = make_collection(seed);
    double collected = found_by_collection(collection);
    double ten_starts = found_by_k_means(collection, (guint64)seed);
    print_message("# seed %d: %.1f, k-means of ten starts %.1f\n", (int)seed, collected,
                  ten_starts);
    if (!(collected <= ten_starts))
      fail_msg("seed %d: %f is above %f", (int)seed, collected, ten_starts);
    dc_collection_close(collection);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_groups_are_no_worse_than_k_means_of_ten_starts),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
