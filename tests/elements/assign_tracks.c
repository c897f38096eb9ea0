/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What assign remembers of regions from frame to frame: the last cluster, and votes. */
#include "common/region-iter.h"

#include "labelling.h"

GST_PLUGIN_STATIC_DECLARE(driftcluster);

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

static Suite *
assign_tracks_suite(void)
{
  Suite *suite = suite_create("assign_tracks");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
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
  return suite;
}

GST_CHECK_MAIN(assign_tracks)
