/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "blobs.h"
#include "streams.h"

GST_PLUGIN_STATIC_DECLARE(driftcluster);

/* Clusters that come and go by themselves: what an application sees of it. */

#define ADAPT "adapt-centroids warm-up=240 window=1024 interval=32 post-messages=true "
enum { KNOWN = 3 }; /* blobs of the start */

/* Frames `start` to `end`, on which the first `known` blobs of four are. */
static void
push(GstHarness *h, Blobs *blobs, guint start, guint end, guint known)
{
  for (guint frame = start; frame < end; frame++) {
    GstBuffer *buffer = blobs_frame(frame);
    DriftclusterEmbeddingBlock *block =
        driftcluster_embedding_block_new(known, blobs->dim, blobs->encoder);
    for (guint i = 0; i < known; i++)
      blobs_draw(blobs, i, block->data + i * blobs->dim);
    blobs_attach(buffer, block);
    fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }
}

static guint64
count_changes(GstHarness *h)
{
  return stream_stat(h, "adapt-centroids", "births") + stream_stat(h, "adapt-centroids", "splits") +
         stream_stat(h, "adapt-centroids", "merges") +
         stream_stat(h, "adapt-centroids", "retirements");
}

GST_START_TEST(a_new_thing_gets_a_cluster_and_is_told_of)
{
  Blobs blobs = blobs_of(KNOWN + 1, 8);
  GstHarness *h = stream_open(ADAPT "clusters=0");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 300, KNOWN);
  DcSnapshot *before = stream_snapshot(h);
  assert_equals_uint64(dc_snapshot_clusters(before), KNOWN);
  assert_equals_uint64(count_changes(h), 0);
  push(h, &blobs, 300, 400, KNOWN + 1);
  DcSnapshot *after = stream_snapshot(h);
  assert_equals_uint64(dc_snapshot_clusters(after), KNOWN + 1);
  for (guint k = 0; k < KNOWN; k++)
    assert_equals_string(dc_snapshot_cluster(after, k)->uuid, dc_snapshot_cluster(before, k)->uuid);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "births"), 1);
  assert_equals_uint64(count_changes(h), 1);

  GstMessage *message = stream_notice(bus, "cluster-born");
  fail_unless(message != NULL);
  const GstStructure *notice = gst_message_get_structure(message);
  const DcClusterInfo *born = dc_snapshot_cluster(after, KNOWN);
  gboolean automatic = FALSE;
  assert_equals_string(gst_structure_get_string(notice, "uuid"), born->uuid);
  assert_equals_string(gst_structure_get_string(notice, "label"), born->label);
  fail_unless(gst_structure_get_boolean(notice, "automatic", &automatic) && automatic);
  fail_unless(!gst_structure_has_field(notice, "other-uuid"));
  gst_message_unref(message);
  dc_snapshot_unref(before);
  dc_snapshot_unref(after);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* A given number, or one that is not to be revised, stays. */
GST_START_TEST(nothing_is_revised_where_it_should_not_be)
{
  const gchar *const settings[] = {"clusters=3", "clusters=0 revise=never",
                                   "clusters=3 revise=never novelty-threshold=0.01"};
  for (guint i = 0; i < G_N_ELEMENTS(settings); i++) {
    g_autofree gchar *launch = g_strconcat(ADAPT, settings[i], NULL);
    Blobs blobs = blobs_of(KNOWN + 1, 8);
    GstHarness *h = stream_open(launch);
    GstBus *bus = stream_watch(h->element);
    push(h, &blobs, 0, 150, KNOWN);
    push(h, &blobs, 150, 350, KNOWN + 1);
    DcSnapshot *snapshot = stream_snapshot(h);
    assert_equals_uint64(dc_snapshot_clusters(snapshot), KNOWN);
    assert_equals_uint64(count_changes(h), 0);
    fail_unless(stream_notice(bus, "cluster-born") == NULL);
    dc_snapshot_unref(snapshot);
    stream_unwatch(h->element, bus);
    gst_harness_teardown(h);
  }
}
GST_END_TEST

GST_START_TEST(a_cluster_out_of_sight_retires_when_it_is_told_to)
{
  Blobs blobs = blobs_of(KNOWN + 1, 8);
  GstHarness *h = stream_open(ADAPT "clusters=3 revise=always retire-after=8000000000");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 150, KNOWN);
  push(h, &blobs, 150, 340, KNOWN - 1); /* 7.6 s */
  assert_equals_uint64(count_changes(h), 0);
  push(h, &blobs, 340, 400, KNOWN - 1);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "retirements"), 1);
  DcSnapshot *snapshot = stream_snapshot(h);
  assert_equals_uint64(dc_snapshot_clusters(snapshot), KNOWN - 1);
  dc_snapshot_unref(snapshot);
  GstMessage *message = stream_notice(bus, "cluster-retired");
  fail_unless(message != NULL);
  gst_message_unref(message);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
open_world_suite(void)
{
  Suite *suite = suite_create("open-world");
  TCase *tests = tcase_create("clusters that come and go");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, tests);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, a_new_thing_gets_a_cluster_and_is_told_of);
  tcase_add_test(tests, nothing_is_revised_where_it_should_not_be);
  tcase_add_test(tests, a_cluster_out_of_sight_retires_when_it_is_told_to);
  return suite;
}

GST_CHECK_MAIN(open_world)
