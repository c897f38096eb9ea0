/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/region-iter.h"
#include "common/roi-label.h"
#include "common/shared-state.h"
#include "common/snapshot-event.h"

#include "blobs.h"
#include "streams.h"

#include <glib/gstdio.h>
#include <gst/check/gsttestclock.h>
#include <gst/video/video.h>
#include <math.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define TOLERANCE 1e-5 /* of distances and posteriors that are computed in single precision */
#define NOTHING   G_MAXUINT

static void
push_snapshot(GstHarness *h, const Blobs *blobs, const guint *order, guint64 version)
{
  DcSnapshot *snapshot = blobs_snapshot(blobs, order, version);
  fail_unless(gst_harness_push_event(h, dc_snapshot_event_new(snapshot)));
  dc_snapshot_unref(snapshot);
}

/* A harness of `launch` that knows the three blobs in their order. */
static GstHarness *
new_harness_of_blobs(const gchar *launch, const Blobs *blobs)
{
  GstHarness *h = stream_open(launch);
  push_snapshot(h, blobs, NULL, 5);
  return h;
}

/* Frame `frame` with one region, key 9, in the middle of blob `blob`; NOTHING: without embedding.
 */
static GstBuffer *
buffer_of(const Blobs *blobs, guint frame, guint blob)
{
  GstBuffer *buffer = blobs_frame(frame);
  DriftclusterRegion region = {16, 12, 32, 24, 9, g_quark_from_string("person"), -1, 0};
  DriftclusterEmbeddingBlock *block = NULL;
  if (blob == NOTHING)
    region.row = -1;
  else
    block = blobs_centres(blobs, &blob, 1);
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, &region, 1, block);
  if (block)
    driftcluster_embedding_block_unref(block);
  return buffer;
}

static DriftclusterResult
result_of(GstBuffer *buffer, guint index)
{
  DriftclusterResult result;
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  fail_unless(meta != NULL, "no results");
  fail_unless(driftcluster_results_meta_get_result(meta, index, &result));
  return result;
}

/* The cluster of the first region of `buffer` (transfer full) after it went through. */
static gint
cluster_after(GstHarness *h, GstBuffer *buffer)
{
  GstBuffer *out = gst_harness_push_and_pull(h, buffer);
  fail_unless(out != NULL);
  gint cluster = result_of(out, 0).cluster;
  gst_buffer_unref(out);
  return cluster;
}

/* --- What a label says --- */

GST_START_TEST(region_is_labelled_by_the_nearest_cluster)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  guint blob = 1;
  DriftclusterEmbeddingBlock *block = blobs_centres(&blobs, &blob, 1);
  block->data[7] += 0.75f; /* beside its centroid, away from the others */
  GstBuffer *buffer = blobs_frame(0);
  DriftclusterRegion region = {16, 12, 32, 24, 9, g_quark_from_string("person"), -1, 0};
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, &region, 1, block);
  driftcluster_embedding_block_unref(block);

  buffer = gst_harness_push_and_pull(h, buffer);
  DriftclusterResult result = result_of(buffer, 0);
  assert_equals_int(result.cluster, 1);
  assert_equals_string(result.uuid, "blob-1");
  assert_equals_string(result.label, "cluster-1");
  fail_unless(fabs(result.distance - 0.75) < TOLERANCE);
  /* The other two centroids are 200 farther in square: exp(-100) of the mass. */
  fail_unless(fabs(result.confidence - 1) < TOLERANCE);
  fail_if(result.novel || result.stale);
  fail_unless(result.x == 0.25 && result.y == 0.25 && result.width == 0.5 && result.height == 0.5);
  assert_equals_uint64(result.key, 9);
  assert_equals_string(g_quark_to_string(result.roi_type), "person");
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  assert_equals_uint64(driftcluster_results_meta_get_version(meta), 5);
  GstStructure *structure = gst_custom_meta_get_structure(meta);
  assert_equals_string(gst_structure_get_string(structure, "encoder"), BLOBS_ENCODER);
  gint dim;
  fail_unless(gst_structure_get_int(structure, "dim", &dim));
  assert_equals_int(dim, 8);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(every_region_has_its_own_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = gst_harness_push_and_pull(h, blobs_buffer(&blobs, 2, 7));
  for (guint i = 0; i < 7; i++)
    assert_equals_int(result_of(buffer, i).cluster, (2 + i) % 3);
  gst_buffer_unref(buffer);
  assert_equals_uint64(stream_stat(h, "assign", "buffers"), 1);
  assert_equals_uint64(stream_stat(h, "assign", "regions"), 7);
  assert_equals_uint64(stream_stat(h, "assign", "assigned"), 7);
  assert_equals_uint64(stream_stat(h, "assign", "tracks"), 7);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(pixels_are_not_copied)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *shared = buffer_of(&blobs, 0, 1);
  gst_buffer_append_memory(shared, gst_allocator_alloc(NULL, 64 * 48, NULL));
  GstMemory *memory = gst_buffer_peek_memory(shared, 0);
  gst_buffer_ref(shared); /* as after a tee */
  GstBuffer *buffer = gst_harness_push_and_pull(h, shared);
  fail_unless(buffer != shared);
  fail_unless(gst_buffer_peek_memory(buffer, 0) == memory);
  fail_unless(driftcluster_buffer_get_results_meta(shared) == NULL);
  gst_buffer_unref(shared);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(buffer_without_embeddings_passes_unlabelled)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = gst_harness_push_and_pull(h, blobs_frame(0));
  fail_unless(driftcluster_buffer_get_results_meta(buffer) == NULL);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(frame_without_regions_has_empty_results)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = blobs_frame(0);
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, NULL, 0, NULL);
  buffer = gst_harness_push_and_pull(h, buffer);
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  fail_unless(meta != NULL);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 0);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(labelling_again_replaces_the_labels)
{
  Blobs blobs = blobs_of(3, 8);
  const guint order[] = {2, 0, 1};
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstHarness *again = stream_open("assign");
  push_snapshot(again, &blobs, order, 8);
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_of(&blobs, 0, 1));
  assert_equals_int(result_of(buffer, 0).cluster, 1);
  buffer = gst_harness_push_and_pull(again, buffer);
  assert_equals_int(result_of(buffer, 0).cluster, 2);
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  assert_equals_uint64(driftcluster_results_meta_get_version(meta), 8);
  assert_equals_int(gst_buffer_get_n_meta(buffer, ((GstMeta *)meta)->info->api), 1);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
  gst_harness_teardown(again);
}
GST_END_TEST

/* --- Clusters that are not there, or change --- */

GST_START_TEST(without_clusters_regions_are_unassigned)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("assign");
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_of(&blobs, 0, 1));
  DriftclusterResult result = result_of(buffer, 0);
  assert_equals_int(result.cluster, -1);
  fail_unless(result.uuid == NULL && result.label == NULL);
  fail_unless(result.confidence == 0 && result.width == 0.5);
  gst_buffer_unref(buffer);
  assert_equals_uint64(stream_stat(h, "assign", "unassigned"), 1);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(unassigned_regions_can_be_left_out)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("assign unassigned=omit");
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_of(&blobs, 0, 1));
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 0);
  gst_buffer_unref(buffer);

  push_snapshot(h, &blobs, NULL, 1);
  buffer = blobs_buffer(&blobs, 1, 3);
  DriftclusterEmbeddingMeta *embeddings = driftcluster_buffer_get_embedding_meta(buffer);
  embeddings->block->data[8] = NAN; /* of the region in the middle */
  buffer = gst_harness_push_and_pull(h, buffer);
  meta = driftcluster_buffer_get_results_meta(buffer);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 2);
  assert_equals_uint64(result_of(buffer, 0).key, 0);
  assert_equals_uint64(result_of(buffer, 1).key, 2);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(each_buffer_is_labelled_by_the_version_before_it)
{
  Blobs blobs = blobs_of(3, 8);
  const guint order[] = {1, 2, 0};
  GstHarness *h = stream_open("queue ! assign");
  guint64 versions[] = {1, 1, 2, 2, 3};
  for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
    if (i == 0 || versions[i] != versions[i - 1])
      push_snapshot(h, &blobs, versions[i] == 2 ? order : NULL, versions[i]);
    fail_unless_equals_int(gst_harness_push(h, buffer_of(&blobs, i, 0)), GST_FLOW_OK);
  }
  for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
    GstBuffer *buffer = gst_harness_pull(h);
    GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
    assert_equals_uint64(driftcluster_results_meta_get_version(meta), versions[i]);
    assert_equals_int(result_of(buffer, 0).cluster, versions[i] == 2 ? 2 : 0);
    gst_buffer_unref(buffer);
  }
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(clusters_can_be_taken_back)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 1)), 1);
  fail_unless(gst_harness_push_event(h, dc_snapshot_event_new(NULL)));
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 1, 1)), -1);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 2, NOTHING)), -1);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(ready_forgets_the_stream)
{
  Blobs blobs = blobs_of(3, 8);
  GstElement *assign = gst_element_factory_make("assign", NULL);
  GstHarness *h = gst_harness_new_with_element(assign, "sink", "src");
  gst_harness_set_src_caps_str(h, STREAM_CAPS);
  push_snapshot(h, &blobs, NULL, 5);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 1)), 1);
  gst_harness_teardown(h);

  gst_element_set_state(assign, GST_STATE_READY);
  h = gst_harness_new_with_element(assign, "sink", "src");
  gst_harness_set_src_caps_str(h, STREAM_CAPS);
  assert_equals_uint64(stream_stat(h, "assign", "regions"), 0);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 1)), -1);
  gst_harness_teardown(h);
  gst_object_unref(assign);
}
GST_END_TEST

GST_START_TEST(clusters_of_another_pipeline_are_read_by_name)
{
  Blobs blobs = blobs_of(3, 8);
  const guint order[] = {1, 2, 0};
  GstHarness *h = stream_open("assign state-id=lobby");
  DcSharedState *state = dc_shared_state_get("lobby");
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 0)), -1);
  DcSnapshot *snapshot = blobs_snapshot(&blobs, order, 1);
  dc_shared_state_publish(state, snapshot);
  dc_snapshot_unref(snapshot);
  push_snapshot(h, &blobs, NULL, 9); /* what comes in line is of no concern then */
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 1, 0)), 2);
  dc_shared_state_unref(state);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Clusters that nobody makes --- */

#define PATIENCE (10 * GST_SECOND) /* with who has the state-id */

static void
push_frames(GstHarness *h, guint first, guint frames)
{
  Blobs blobs = blobs_of(3, 8);
  for (guint i = first; i < first + frames; i++)
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer_of(&blobs, i, 1)));
}

static void
advance(GstHarness *h, GstClockTime time)
{
  GstTestClock *clock = gst_harness_get_testclock(h);
  gst_test_clock_advance_time(clock, (GstClockTimeDiff)time);
  gst_object_unref(clock);
}

GST_START_TEST(nobody_upstream_is_told_of_once)
{
  GstHarness *h = stream_open("assign");
  GstBus *bus = stream_watch(h->element);
  push_frames(h, 0, 1);
  stream_assert_told(bus, GST_MESSAGE_WARNING, "there is no adapt-centroids upstream; put one");
  push_frames(h, 1, 300);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(clusters_that_are_to_come_are_waited_for)
{
  GstHarness *h = stream_open("adapt-centroids warm-up=64 ! queue ! assign");
  GstBus *bus = stream_watch(h->element);
  push_frames(h, 0, 10);
  advance(h, 2 * PATIENCE);
  push_frames(h, 10, 1);
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(name_that_nobody_has_is_told_of_once)
{
  GstHarness *h = stream_open("assign state-id=loby");
  GstBus *bus = stream_watch(h->element);
  push_frames(h, 0, 300); /* as quick as a file: 12 s of the stream */
  advance(h, PATIENCE - 1);
  push_frames(h, 300, 1);
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  advance(h, 1);
  push_frames(h, 301, 1);
  stream_assert_told(bus, GST_MESSAGE_WARNING, "has the state-id 'loby'; set it");
  push_frames(h, 302, 300);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(name_that_nobody_has_is_told_of_at_the_end)
{
  GstHarness *h = stream_open("assign state-id=loby");
  GstBus *bus = stream_watch(h->element);
  push_frames(h, 0, 3);
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "'loby'");
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* A writer that starts later, and whose clusters take longer than the reader's patience; or one
 * that has gone by then, and said itself why there are none. */
GST_START_TEST(late_writer_is_waited_for)
{
  for (guint gone = 0; gone < 2; gone++) {
    GstHarness *h = stream_open("assign state-id=lobby");
    GstBus *bus = stream_watch(h->element);
    push_frames(h, 0, 3);
    advance(h, PATIENCE / 2);
    push_frames(h, 3, 1);
    GstHarness *writer = stream_open("adapt-centroids warm-up=64 state-id=lobby");
    if (gone)
      gst_harness_teardown(writer);
    advance(h, PATIENCE);
    push_frames(h, 4, 1);
    fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
    stream_assert_silent(bus, GST_MESSAGE_WARNING);
    stream_unwatch(h->element, bus);
    if (!gone)
      gst_harness_teardown(writer);
    gst_harness_teardown(h);
  }
}
GST_END_TEST

/* --- Stale labels and votes --- */

GST_START_TEST(region_without_embedding_keeps_its_cluster)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 2)), 2);
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_of(&blobs, 1, NOTHING));
  DriftclusterResult result = result_of(buffer, 0);
  assert_equals_int(result.cluster, 2);
  assert_equals_string(result.uuid, "blob-2");
  fail_unless(result.stale);
  gst_buffer_unref(buffer);
  assert_equals_uint64(stream_stat(h, "assign", "stale"), 1);
  assert_equals_uint64(stream_stat(h, "assign", "assigned"), 2);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(stale_label_follows_the_identity_of_its_cluster)
{
  Blobs blobs = blobs_of(3, 8), fewer = blobs_of(2, 8);
  const guint order[] = {1, 2, 0};
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 2)), 2);
  push_snapshot(h, &blobs, order, 6);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 1, NOTHING)), 1);
  push_snapshot(h, &fewer, NULL, 7); /* without blob 2 */
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 2, NOTHING)), -1);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(region_never_seen_is_unassigned)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_of(&blobs, 0, NOTHING));
  DriftclusterResult result = result_of(buffer, 0);
  assert_equals_int(result.cluster, -1);
  fail_if(result.stale);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(remembered_regions_are_bounded)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign max-tracks=2", &blobs);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 1)), 1); /* key 9 */
  gst_buffer_unref(gst_harness_push_and_pull(h, blobs_buffer(&blobs, 1, 5)));
  assert_equals_uint64(stream_stat(h, "assign", "tracks"), 2);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 2, NOTHING)), -1);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(flush_forgets_regions_but_not_clusters)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstSegment segment;
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 1)), 1);
  gst_harness_push_event(h, gst_event_new_flush_start());
  gst_harness_push_event(h, gst_event_new_flush_stop(TRUE));
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(h, gst_event_new_segment(&segment));
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 1, NOTHING)), -1);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 2, 1)), 1);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(another_stream_forgets_regions_but_not_clusters)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 0, 1)), 1);
  stream_start(h, NULL);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 1, NOTHING)), 1);
  stream_start(h, "another");
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 2, NOTHING)), -1);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 3, 1)), 1);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(smoothing_outvotes_a_flicker)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign smoothing=3 hysteresis=1", &blobs);
  for (guint i = 0; i < 2; i++)
    assert_equals_int(cluster_after(h, buffer_of(&blobs, i, 1)), 1);
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_of(&blobs, 2, 0));
  DriftclusterResult result = result_of(buffer, 0);
  assert_equals_int(result.cluster, 1);
  assert_equals_string(result.uuid, "blob-1");
  /* From the middle of blob 0 to that of blob 1, and two votes of three. */
  fail_unless(fabs(result.distance - BLOBS_RADIUS * sqrt(2)) < TOLERANCE);
  fail_unless(fabs(result.confidence - 2.0 / 3) < TOLERANCE);
  gst_buffer_unref(buffer);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 3, 0)), 0);

  gst_harness_set(h, "assign", "smoothing", 0, NULL);
  assert_equals_int(cluster_after(h, buffer_of(&blobs, 4, 2)), 2);
  gst_harness_teardown(h);
}
GST_END_TEST

/* An embedding on the boundary of two clusters falls now on this side, now on that. */
GST_START_TEST(alternating_region_keeps_its_label)
{
  Blobs blobs = blobs_of(3, 8);
  for (guint smoothing = 2; smoothing <= 9; smoothing++) {
    g_autofree gchar *launch = g_strdup_printf("assign smoothing=%u", smoothing);
    GstHarness *h = new_harness_of_blobs(launch, &blobs);
    for (guint i = 0; i < 40; i++)
      assert_equals_int(cluster_after(h, buffer_of(&blobs, i, i % 2)), 0);
    /* It moves over for good: the label follows, by the end of the window. */
    for (guint i = 40; i < 40 + smoothing; i++)
      cluster_after(h, buffer_of(&blobs, i, 1));
    assert_equals_int(cluster_after(h, buffer_of(&blobs, 50, 1)), 1);
    gst_harness_teardown(h);
  }
}
GST_END_TEST

/* Without hysteresis it is as restless as its embeddings. */
GST_START_TEST(alternating_region_flaps_without_hysteresis)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign smoothing=2 hysteresis=0", &blobs);
  for (guint i = 0; i < 10; i++)
    assert_equals_int(cluster_after(h, buffer_of(&blobs, i, i % 2)), i % 2);
  gst_harness_teardown(h);
}
GST_END_TEST

/* One embedding, told three times, has one vote. */
GST_START_TEST(reused_embeddings_do_not_vote)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign smoothing=5 hysteresis=0", &blobs);
  for (guint i = 0; i < 2; i++)
    assert_equals_int(cluster_after(h, buffer_of(&blobs, i, 1)), 1);
  for (guint i = 2; i < 6; i++) {
    GstBuffer *buffer = buffer_of(&blobs, i, 0);
    DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);
    meta->block->reused = meta->block->rows;
    buffer = gst_harness_push_and_pull(h, buffer);
    DriftclusterResult result = result_of(buffer, 0);
    assert_equals_int(result.cluster, 1);
    fail_if(result.stale);
    gst_buffer_unref(buffer);
  }
  gst_harness_teardown(h);
}
GST_END_TEST

/* Frame `frame` with two regions of these names and of one blob each, or both without embedding. */
static GstBuffer *
buffer_of_two(const Blobs *blobs, guint frame, const DriftclusterRegion names[2],
              const guint which[2])
{
  GstBuffer *buffer = blobs_frame(frame);
  DriftclusterEmbeddingBlock *block = which ? blobs_centres(blobs, which, 2) : NULL;
  DriftclusterRegion regions[2];
  for (gint i = 0; i < 2; i++)
    regions[i] = (DriftclusterRegion){
        .width = 8, .height = 8, .key = names[i].key, .roi_type = names[i].roi_type, .row = i};
  if (!which)
    regions[0].row = regions[1].row = -1;
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, regions, 2, block);
  if (block)
    driftcluster_embedding_block_unref(block);
  return buffer;
}

static void
assert_clusters(GstHarness *h, GstBuffer *buffer, gint one, gint other)
{
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_int(result_of(buffer, 0).cluster, one);
  assert_equals_int(result_of(buffer, 1).cluster, other);
  gst_buffer_unref(buffer);
}

/* Two things that a detector lists now in this order, now in that. */
GST_START_TEST(regions_without_identity_share_no_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign smoothing=5", &blobs);
  GQuark type = g_quark_from_string("person");
  const DriftclusterRegion names[] = {{.key = DC_REGION_KEY_UNNAMED(0), .roi_type = type},
                                      {.key = DC_REGION_KEY_UNNAMED(1), .roi_type = type}};
  const guint orders[2][2] = {{0, 1}, {1, 0}};
  for (guint i = 0; i < 8; i++)
    assert_clusters(h, buffer_of_two(&blobs, i, names, orders[i % 2]), i % 2, 1 - i % 2);
  assert_clusters(h, buffer_of_two(&blobs, 8, names, NULL), -1, -1);
  assert_equals_uint64(stream_stat(h, "assign", "tracks"), 0);
  gst_harness_teardown(h);
}
GST_END_TEST

/* Two detectors, each of which counts from 1. */
GST_START_TEST(regions_of_two_types_share_no_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign smoothing=5", &blobs);
  const DriftclusterRegion names[] = {{.key = 1, .roi_type = g_quark_from_string("face")},
                                      {.key = 1, .roi_type = g_quark_from_string("motion")}};
  const guint which[] = {0, 1};
  for (guint i = 0; i < 8; i++)
    assert_clusters(h, buffer_of_two(&blobs, i, names, which), 0, 1);
  assert_clusters(h, buffer_of_two(&blobs, 8, names, NULL), 0, 1);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Names --- */

static gchar *
write_labels(const gchar *text)
{
  gchar *path = NULL;
  gint file = g_file_open_tmp("labels-XXXXXX", &path, NULL);
  fail_unless(file >= 0);
  g_close(file, NULL);
  fail_unless(g_file_set_contents(path, text, -1, NULL));
  return path;
}

static void
assert_label(GstHarness *h, GstBuffer *buffer, const gchar *label)
{
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_string(result_of(buffer, 0).label, label);
  gst_buffer_unref(buffer);
}

GST_START_TEST(labels_file_names_clusters)
{
  Blobs blobs = blobs_of(3, 8);
  g_autofree gchar *path = write_labels("zero\n\n");
  g_autofree gchar *launch = g_strdup_printf("assign labels-file=%s", path);
  GstHarness *h = new_harness_of_blobs(launch, &blobs);
  assert_label(h, buffer_of(&blobs, 0, 0), "zero");
  assert_label(h, buffer_of(&blobs, 1, 1), "cluster-1"); /* an empty line */
  assert_label(h, buffer_of(&blobs, 2, 2), "cluster-2"); /* no line */

  fail_unless(g_file_set_contents(path, "null\neins\nzwei\n", -1, NULL));
  GstElement *assign = gst_harness_find_element(h, "assign");
  g_object_set(assign, "labels-file", path, NULL);
  assert_label(h, buffer_of(&blobs, 3, 1), "eins");
  g_object_set(assign, "labels-file", NULL, NULL);
  assert_label(h, buffer_of(&blobs, 4, 1), "cluster-1");
  gst_object_unref(assign);
  g_remove(path);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(unreadable_labels_are_an_error_at_the_start)
{
  stream_assert_start_fails("assign labels-file=/nonexistent/labels", "/nonexistent/labels");
}
GST_END_TEST

/* What kept it from starting can be mended by one property after the other. */
GST_START_TEST(unreadable_labels_can_be_replaced_after_the_failed_start)
{
  g_autofree gchar *path = write_labels("zero\n");
  const gchar *const files[] = {"/nonexistent/other", path};
  g_autoptr(GstElement) assign = gst_object_ref_sink(gst_element_factory_make("assign", NULL));
  GstBus *bus = stream_watch(assign);
  g_object_set(assign, "labels-file", "/nonexistent/labels", NULL);
  fail_unless_equals_int(gst_element_set_state(assign, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(assign, GST_STATE_NULL);
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree gchar *taken = NULL;
    g_object_set(assign, "labels-file", files[i], NULL);
    g_object_get(assign, "labels-file", &taken, NULL);
    assert_equals_string(taken, files[i]);
  }
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  fail_unless_equals_int(gst_element_set_state(assign, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(assign, GST_STATE_NULL);
  stream_unwatch(assign, bus);
  g_remove(path);
}
GST_END_TEST

GST_START_TEST(unreadable_labels_change_nothing_while_running)
{
  Blobs blobs = blobs_of(3, 8);
  g_autofree gchar *path = write_labels("zero\n");
  g_autofree gchar *launch = g_strdup_printf("assign labels-file=%s", path);
  GstHarness *h = new_harness_of_blobs(launch, &blobs);
  GstBus *bus = stream_watch(h->element);
  GstElement *assign = gst_harness_find_element(h, "assign");
  g_object_set(assign, "labels-file", "/nonexistent/labels", NULL);
  stream_assert_told(bus, GST_MESSAGE_WARNING, "/nonexistent/labels");
  assert_label(h, buffer_of(&blobs, 0, 0), "zero");
  g_autofree gchar *kept = NULL;
  g_object_get(assign, "labels-file", &kept, NULL);
  assert_equals_string(kept, path);
  gst_object_unref(assign);
  g_remove(path);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Novelty --- */

/* Frame `frame` with one region at `distance` from blob 0, away from the others. */
static GstBuffer *
buffer_at(const Blobs *blobs, guint frame, gfloat distance)
{
  GstBuffer *buffer = buffer_of(blobs, frame, 0);
  driftcluster_buffer_get_embedding_meta(buffer)->block->data[blobs->dim - 1] = distance;
  return buffer;
}

static gboolean
is_novel(GstHarness *h, GstBuffer *buffer)
{
  buffer = gst_harness_push_and_pull(h, buffer);
  gboolean novel = result_of(buffer, 0).novel;
  gst_buffer_unref(buffer);
  return novel;
}

GST_START_TEST(threshold_is_a_share_of_the_members)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstElement *assign = gst_harness_find_element(h, "assign");
  fail_if(is_novel(h, buffer_at(&blobs, 0, 100))); /* off */
  /* The members lie evenly at 0 to 2: three quarters of them beyond 0.5, a quarter beyond 1.5. */
  g_object_set(assign, "novelty-threshold", 0.5, NULL);
  fail_if(is_novel(h, buffer_at(&blobs, 1, 0.5f)));
  fail_unless(is_novel(h, buffer_at(&blobs, 2, 1.5f)));
  g_object_set(assign, "novelty-threshold", 0.1, NULL);
  fail_if(is_novel(h, buffer_at(&blobs, 3, 1.5f)));
  fail_unless(is_novel(h, buffer_at(&blobs, 4, 100)));
  assert_equals_uint64(stream_stat(h, "assign", "novel"), 2);
  gst_object_unref(assign);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(novel_regions_are_told_once_a_second)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign novelty-threshold=0.1 post-messages=true", &blobs);
  GstBus *bus = stream_watch(h->element);
  for (guint frame = 0; frame < 60; frame++) /* 2.4 s */
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer_at(&blobs, frame, 100)));
  const guint64 times[] = {0, GST_SECOND, 2 * GST_SECOND}, counts[] = {1, 25, 25};
  for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
    GstMessage *message = stream_notice(bus, "novel-region");
    fail_unless(message != NULL);
    const GstStructure *notice = gst_message_get_structure(message);
    guint64 time, duration, count, key;
    gdouble distance;
    fail_unless(gst_structure_has_name(notice, "assign"));
    fail_unless(gst_structure_get(notice, "stream-time", G_TYPE_UINT64, &time, "duration",
                                  G_TYPE_UINT64, &duration, "count", G_TYPE_UINT64, &count, "key",
                                  G_TYPE_UINT64, &key, "distance", G_TYPE_DOUBLE, &distance, NULL));
    assert_equals_uint64(time, times[i]);
    assert_equals_uint64(duration, 40 * GST_MSECOND);
    assert_equals_uint64(count, counts[i]);
    assert_equals_uint64(key, 9);
    fail_unless(fabs(distance - 100) < 1e-3);
    gst_message_unref(message);
  }
  stream_assert_silent(bus, GST_MESSAGE_ELEMENT);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(novel_regions_are_told_once_a_second_in_reverse)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign novelty-threshold=0.1 post-messages=true", &blobs);
  GstBus *bus = stream_watch(h->element);
  for (guint frame = 60; frame > 0; frame--) /* 2.4 s */
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer_at(&blobs, frame, 100)));
  assert_equals_int(stream_count_messages(bus, GST_MESSAGE_ELEMENT), 3);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(nothing_is_told_unless_asked_for)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign novelty-threshold=0.1", &blobs);
  GstBus *bus = stream_watch(h->element);
  fail_unless(is_novel(h, buffer_at(&blobs, 0, 100)));
  stream_assert_silent(bus, GST_MESSAGE_ELEMENT);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Regions of interest --- */

static GstVideoRegionOfInterestMeta *
add_roi(GstBuffer *buffer, guint x)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_add_video_region_of_interest_meta(buffer, "person", x, 0, 8, 8);
  roi->id = 3; /* the same for all, as with detectors that do not count */
  return roi;
}

/* Two regions of one id, the left one of blob 0 and the right one of blob 1. */
static GstBuffer *
buffer_with_rois(const Blobs *blobs)
{
  const guint which[] = {0, 1};
  GQuark type = g_quark_from_string("person");
  DriftclusterRegion regions[] = {{0, 0, 8, 8, 1, type, 3, 0}, {40, 0, 7, 8, 2, type, 3, 1}};
  DriftclusterEmbeddingBlock *block = blobs_centres(blobs, which, 2);
  GstBuffer *buffer = blobs_frame(0);
  add_roi(buffer, 0);
  gst_video_region_of_interest_meta_add_param(
      add_roi(buffer, 40), gst_structure_new("detection", "confidence", G_TYPE_DOUBLE, 0.5, NULL));
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, regions, 2, block);
  driftcluster_embedding_block_unref(block);
  return buffer;
}

static void
assert_roi_label(GstVideoRegionOfInterestMeta *roi, const gchar *label, gint id, guint params)
{
  GstStructure *param = gst_video_region_of_interest_meta_get_param(roi, DC_ROI_LABEL_NAME);
  gint label_id;
  gdouble confidence;
  fail_unless(param != NULL);
  assert_equals_int(g_list_length(roi->params), params);
  assert_equals_string(gst_structure_get_string(param, "label"), label);
  fail_unless(gst_structure_get(param, "label_id", G_TYPE_INT, &label_id, "confidence",
                                G_TYPE_DOUBLE, &confidence, NULL));
  assert_equals_int(label_id, id);
  fail_unless(fabs(confidence - 1) < TOLERANCE);
}

GST_START_TEST(regions_of_interest_bear_the_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign ! assign", &blobs);
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_with_rois(&blobs));
  gpointer state = NULL;
  GstVideoRegionOfInterestMeta *left = (GstVideoRegionOfInterestMeta *)
      gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
  GstVideoRegionOfInterestMeta *right = (GstVideoRegionOfInterestMeta *)
      gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
  assert_roi_label(left, "cluster-0", 0, 1);
  assert_roi_label(right, "cluster-1", 1, 2);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(unassigned_region_of_interest_bears_no_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs), *again = stream_open("assign");
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_with_rois(&blobs));
  buffer = gst_harness_push_and_pull(again, buffer);
  gpointer state = NULL;
  GstMeta *meta;
  while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                  GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    fail_unless(gst_video_region_of_interest_meta_get_param((GstVideoRegionOfInterestMeta *)meta,
                                                            DC_ROI_LABEL_NAME) == NULL);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
  gst_harness_teardown(again);
}
GST_END_TEST

/* --- Embeddings that do not fit --- */

GST_START_TEST(other_dimension_is_an_error_that_names_both)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 12);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "embeddings of 12 numbers");
  gst_harness_teardown(h);
  h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "clusters have 8 numbers");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(other_encoder_is_an_error_that_names_both)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 8);
  other.encoder = "other-encoder";
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "'other-encoder'");
  gst_harness_teardown(h);
  h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "'" BLOBS_ENCODER "'");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(embedding_that_is_no_number_spoils_no_other)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  const gfloat bad[] = {NAN, INFINITY};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    GstBuffer *buffer = blobs_buffer(&blobs, 0, 3);
    gfloat *row = driftcluster_buffer_get_embedding_meta(buffer)->block->data + 8;
    row[i] = bad[i];
    buffer = gst_harness_push_and_pull(h, buffer);
    assert_equals_int(result_of(buffer, 0).cluster, 0);
    assert_equals_int(result_of(buffer, 1).cluster, -1);
    assert_equals_int(result_of(buffer, 2).cluster, 2);
    gst_buffer_unref(buffer);
  }
  assert_equals_uint64(stream_stat(h, "assign", "refused-embeddings"), 2);
  gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
assign_suite(void)
{
  Suite *suite = suite_create("assign");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  TCase *labels = tcase_create("labels");
  tcase_add_test(labels, region_is_labelled_by_the_nearest_cluster);
  tcase_add_test(labels, every_region_has_its_own_label);
  tcase_add_test(labels, pixels_are_not_copied);
  tcase_add_test(labels, buffer_without_embeddings_passes_unlabelled);
  tcase_add_test(labels, frame_without_regions_has_empty_results);
  tcase_add_test(labels, labelling_again_replaces_the_labels);
  suite_add_tcase(suite, labels);
  TCase *clusters = tcase_create("clusters");
  tcase_add_test(clusters, without_clusters_regions_are_unassigned);
  tcase_add_test(clusters, unassigned_regions_can_be_left_out);
  tcase_add_test(clusters, each_buffer_is_labelled_by_the_version_before_it);
  tcase_add_test(clusters, clusters_can_be_taken_back);
  tcase_add_test(clusters, ready_forgets_the_stream);
  tcase_add_test(clusters, clusters_of_another_pipeline_are_read_by_name);
  suite_add_tcase(suite, clusters);
  TCase *nobody = tcase_create("nobody makes clusters");
  tcase_add_test(nobody, nobody_upstream_is_told_of_once);
  tcase_add_test(nobody, clusters_that_are_to_come_are_waited_for);
  tcase_add_test(nobody, name_that_nobody_has_is_told_of_once);
  tcase_add_test(nobody, name_that_nobody_has_is_told_of_at_the_end);
  tcase_add_test(nobody, late_writer_is_waited_for);
  suite_add_tcase(suite, nobody);

  TCase *tracks = tcase_create("tracks");
  tcase_add_test(tracks, region_without_embedding_keeps_its_cluster);
  tcase_add_test(tracks, stale_label_follows_the_identity_of_its_cluster);
  tcase_add_test(tracks, region_never_seen_is_unassigned);
  tcase_add_test(tracks, remembered_regions_are_bounded);
  tcase_add_test(tracks, flush_forgets_regions_but_not_clusters);
  tcase_add_test(tracks, another_stream_forgets_regions_but_not_clusters);
  tcase_add_test(tracks, smoothing_outvotes_a_flicker);
  tcase_add_test(tracks, alternating_region_keeps_its_label);
  tcase_add_test(tracks, alternating_region_flaps_without_hysteresis);
  tcase_add_test(tracks, reused_embeddings_do_not_vote);
  tcase_add_test(tracks, regions_without_identity_share_no_label);
  tcase_add_test(tracks, regions_of_two_types_share_no_label);
  suite_add_tcase(suite, tracks);
  TCase *names = tcase_create("names");
  tcase_add_test(names, labels_file_names_clusters);
  tcase_add_test(names, unreadable_labels_are_an_error_at_the_start);
  tcase_add_test(names, unreadable_labels_can_be_replaced_after_the_failed_start);
  tcase_add_test(names, unreadable_labels_change_nothing_while_running);
  suite_add_tcase(suite, names);
  TCase *novelty = tcase_create("novelty");
  tcase_add_test(novelty, threshold_is_a_share_of_the_members);
  tcase_add_test(novelty, novel_regions_are_told_once_a_second);
  tcase_add_test(novelty, novel_regions_are_told_once_a_second_in_reverse);
  tcase_add_test(novelty, nothing_is_told_unless_asked_for);
  suite_add_tcase(suite, novelty);
  TCase *rois = tcase_create("regions of interest");
  tcase_add_test(rois, regions_of_interest_bear_the_label);
  tcase_add_test(rois, unassigned_region_of_interest_bears_no_label);
  suite_add_tcase(suite, rois);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, other_dimension_is_an_error_that_names_both);
  tcase_add_test(errors, other_encoder_is_an_error_that_names_both);
  tcase_add_test(errors, embedding_that_is_no_number_spoils_no_other);
  suite_add_tcase(suite, errors);
  return suite;
}

GST_CHECK_MAIN(assign)
