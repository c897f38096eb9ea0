/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What metadata costs a buffer: one JSON object per line, in microseconds. */
#include "meta/driftcluster.h"

#define REGIONS 64
#define DIM     128
#define BUFFERS 2000
#define REPEATS 5

typedef void (*Work)(GstBuffer *buffer);

static DriftclusterRegion regions[REGIONS];
static DriftclusterResult results[REGIONS];

static void
fill_tables(void)
{
  for (gint i = 0; i < REGIONS; i++) {
    regions[i] = (DriftclusterRegion){i, i, 32, 32, .key = (guint64)i, .roi_id = i, .row = i};
    results[i] = (DriftclusterResult){
        .x = 0.1,
        .y = 0.2,
        .width = 0.3,
        .height = 0.4,
        .key = (guint64)i,
        .roi_type = g_quark_from_static_string("person"),
        .roi_id = i,
        .cluster = 3,
        .uuid = "c0ffee00-0000-4000-8000-000000000003",
        .label = "cluster-3",
        .confidence = 0.9,
        .distance = 1.5,
    };
  }
}

static void
add_results(GstBuffer *buffer)
{
  driftcluster_buffer_add_results_meta(buffer, 1, "sha256:0", DIM, results, REGIONS);
}

static void
add_embeddings(GstBuffer *buffer)
{
  DriftclusterEmbeddingBlock *block = driftcluster_embedding_block_new(REGIONS, DIM, "sha256:0");
  driftcluster_buffer_add_embedding_meta(buffer, 640, 480, regions, REGIONS, block);
  driftcluster_embedding_block_unref(block);
}

static void
add_and_copy_results(GstBuffer *buffer)
{
  add_results(buffer);
  gst_buffer_unref(gst_buffer_copy(buffer));
}

static void
add_and_copy_embeddings(GstBuffer *buffer)
{
  add_embeddings(buffer);
  gst_buffer_unref(gst_buffer_copy(buffer));
}

/* Microseconds a region for `work` and freeing what it made: the best of some rounds. */
static gdouble
time_of(Work work)
{
  gdouble best = G_MAXDOUBLE;
  for (guint repeat = 0; repeat < REPEATS; repeat++) {
    gint64 start = g_get_monotonic_time();
    for (guint i = 0; i < BUFFERS; i++) {
      GstBuffer *buffer = gst_buffer_new();
      work(buffer);
      gst_buffer_unref(buffer);
    }
    gdouble each = (gdouble)(g_get_monotonic_time() - start) / BUFFERS / REGIONS;
    best = MIN(best, each);
  }
  return best;
}

int
main(int argc, char **argv)
{
  static const struct {
    const gchar *name;
    Work work;
  } cases[] = {
      {"results-meta", add_results},
      {"results-meta-and-copy", add_and_copy_results},
      {"embedding-meta", add_embeddings},
      {"embedding-meta-and-copy", add_and_copy_embeddings},
  };
  gst_init(&argc, &argv);
  fill_tables();
  for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
    g_print("{\"bench\": \"%s\", \"regions\": %d, \"dim\": %d, \"us_per_region\": %.3f}\n",
            cases[i].name, REGIONS, DIM, time_of(cases[i].work));
  return 0;
}
