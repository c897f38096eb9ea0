/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the clusters of assign come from: none yet, others, by name, or none ever. */
#include "common/shared-state.h"

#include "labelling.h"

#include <gst/check/gsttestclock.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

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

static Suite *
assign_source_suite(void)
{
  Suite *suite = suite_create("assign_source");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
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
  return suite;
}

GST_CHECK_MAIN(assign_source)
