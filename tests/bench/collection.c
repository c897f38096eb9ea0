/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Grouping embeddings of a collection: bench-collection [COUNT [DIM]], drawn around 50 points. The
 * peak of memory is that of the whole process. */
#include "bench.h"

#include "blob_collection.h"
#include "collection/grouping.h"

#include <glib/gstdio.h>
#include <sys/resource.h>

enum { BLOBS = 50 };

static long
peak_mebibytes(void)
{
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

static int
run(const char *folder, gsize count, gsize dim)
{
  g_autofree char *pictures = g_build_filename(folder, "pictures", NULL);
  g_autofree char *output = g_build_filename(folder, "groups", NULL);
  g_autoptr(GError) error = NULL;
  g_mkdir(pictures, 0777);
  DcCollection *collection = dc_collection_create(pictures, output, &error);
  if (!collection) {
    fprintf(stderr, "%s\n", error->message);
    return EXIT_FAILURE;
  }
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  blobs_add(collection, count, BLOBS, dim, &random);
  DcGrouping *grouping = dc_grouping_new(collection, dim, "blobs");
  double start = bench_now();
  gboolean well = dc_grouping_find(grouping, 0, &error);
  double seconds = bench_now() - start;
  if (well)
    printf("{\"name\": \"collection\", \"embeddings\": %zu, \"numbers\": %zu, \"groups\": %zu, "
           "\"seconds\": %.1f, \"peak_mebibytes\": %ld}\n",
           count, dim, dc_grouping_size(grouping), seconds, peak_mebibytes());
  else
    fprintf(stderr, "%s\n", error->message);
  dc_grouping_free(grouping);
  dc_collection_close(collection);
  return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
  gsize count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
  gsize dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 128;
  g_autofree char *folder = g_dir_make_tmp("driftcluster-XXXXXX", NULL);
  int status = folder ? run(folder, count, dim) : EXIT_FAILURE;
  if (folder) {
    const char *const arguments[] = {"rm", "-r", folder, NULL};
    g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                 NULL);
  }
  return status;
}
