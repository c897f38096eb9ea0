/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs a stream of drifting embeddings through the elements for long, and fails if memory grows:
 *   soak-elements BUFFERS
 * Tracks come and go, clusters are saved and messages posted all the while. Memory is compared
 * between the end and the time when a fifth is done, at which everything that has a bound has
 * reached it. */

#include "../elements/blobs.h"

#include <glib/gstdio.h>
#include <gst/check/gstharness.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define REGIONS    8
#define DIM        64
#define BLOBS      10
#define MAX_TRACKS 256
#define LIFE       100 /* buffers that a track lives for */

/* What the allocator may keep back besides what is in use. */
#define MAX_GROWTH (1 << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_TELLS FALSE /* sanitizers hold freed memory back */
#else
#define MEMORY_TELLS TRUE
#endif

/* Bytes of this process that are in memory now. */
static gint64
resident_bytes(void)
{
  long long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%*s %lld", &pages) != 1)
    g_error("/proc/self/statm cannot be read");
  fclose(file);
  return pages * sysconf(_SC_PAGESIZE);
}

/* Frame `frame`; every LIFE frames all tracks are new ones, and half of the frames are skipped by
 * the encoder. */
static GstBuffer *
next_buffer(Blobs *blobs, guint frame)
{
  blobs->shift = 3 * (gfloat)(frame % 10000) / 10000;
  GstBuffer *buffer = blobs_buffer(blobs, frame, REGIONS);
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);
  for (guint i = 0; i < REGIONS; i++) {
    meta->regions[i].key = (guint64)frame / LIFE * REGIONS + i;
    if (frame % 2 && i % 2)
      meta->regions[i].row = -1;
  }
  return buffer;
}

static void
drain_bus(GstBus *bus)
{
  GstMessage *message;
  while ((message = gst_bus_pop(bus))) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
      blobs_fail(message);
    gst_message_unref(message);
  }
}

/* The harness keeps every event, and so every snapshot, until it is taken. */
static void
drain_events(GstHarness *h)
{
  GstEvent *event;
  while ((event = gst_harness_try_pull_event(h)))
    gst_event_unref(event);
}

static guint64
stat_of(GstHarness *h, const gchar *factory, const gchar *name)
{
  g_autoptr(GstStructure) stats = NULL;
  guint64 value = 0;
  gst_harness_get(h, factory, "stats", &stats, NULL);
  gst_structure_get_uint64(stats, name, &value);
  return value;
}

/* Returns by how many bytes memory grew over the last four fifths of `buffers`. */
static gint64
run_stream(GstHarness *h, guint buffers)
{
  Blobs blobs = blobs_of(BLOBS, DIM);
  g_autoptr(GstBus) bus = gst_bus_new();
  gint64 settled = 0;
  gst_element_set_bus(h->element, bus);
  for (guint frame = 0; frame < buffers; frame++) {
    if (gst_harness_push(h, next_buffer(&blobs, frame)) != GST_FLOW_OK)
      g_error("buffer %u was refused", frame);
    gst_buffer_unref(gst_harness_pull(h));
    drain_bus(bus);
    drain_events(h);
    if (frame == buffers / 5)
      settled = resident_bytes();
  }
  gst_element_set_bus(h->element, NULL);
  return resident_bytes() - settled;
}

int
main(int argc, char **argv)
{
  gst_init(&argc, &argv);
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  guint buffers = argc > 1 ? (guint)strtoul(argv[1], NULL, 10) : 50000;
  g_autofree gchar *folder = g_dir_make_tmp("soak-XXXXXX", NULL);
  g_autofree gchar *state = g_build_filename(folder, "state", NULL);
  g_autofree gchar *launch = g_strdup_printf(
      "adapt-centroids clusters=%d half-life=60000000000 post-messages=true state-file=%s "
      "save-interval=60000000000 ! queue ! "
      "assign smoothing=5 novelty-threshold=0.01 max-tracks=%d post-messages=true",
      BLOBS, state, MAX_TRACKS);
  GstHarness *h = gst_harness_new_parse(launch);
  gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=64,height=48,framerate=25/1");
  gint64 start = g_get_monotonic_time();
  gint64 growth = run_stream(h, buffers);
  gdouble seconds = (gdouble)(g_get_monotonic_time() - start) / G_USEC_PER_SEC;
  guint64 tracks = stat_of(h, "assign", "tracks");
  guint64 saves = stat_of(h, "adapt-centroids", "saves");
  gst_harness_teardown(h);

  g_autofree gchar *remove = g_strdup_printf("rm -r '%s'", folder);
  if (system(remove) != 0)
    g_printerr("%s was left behind\n", folder);
  g_print("{\"soak\": \"elements\", \"buffers\": %u, \"seconds\": %.1f, \"growth_bytes\": %lld, "
          "\"tracks\": %" G_GUINT64_FORMAT ", \"saves\": %" G_GUINT64_FORMAT "}\n",
          buffers, seconds, (long long)growth, tracks, saves);
  gboolean flat = !MEMORY_TELLS || growth <= MAX_GROWTH;
  gboolean saved = saves > 0 || buffers < 5000;
  return flat && saved && tracks <= MAX_TRACKS ? 0 : 1;
}
