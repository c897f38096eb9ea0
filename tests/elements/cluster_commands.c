/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "blobs.h"
#include "streams.h"

GST_PLUGIN_STATIC_DECLARE(driftcluster);

/* What applications do to clusters while the stream runs. */

#define ADAPT "adapt-centroids clusters=3 warm-up=30 interval=30 post-messages=true "

static void
push(GstHarness *h, Blobs *blobs, guint start, guint frames)
{
  for (guint i = 0; i < frames; i++) {
    fail_unless_equals_int(gst_harness_push(h, blobs_buffer(blobs, start + i, 3)), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }
}

static gboolean
command(GstHarness *h, const gchar *name, const gchar *cluster, const gchar *other)
{
  gboolean done = FALSE;
  g_autoptr(GstElement) element = gst_harness_find_element(h, "adapt-centroids");
  if (g_str_equal(name, "split-cluster"))
    g_signal_emit_by_name(element, name, cluster, &done);
  else
    g_signal_emit_by_name(element, name, cluster, other, &done);
  return done;
}

static gboolean
mark(GstHarness *h, const gchar *name, const gchar *cluster, gboolean on)
{
  gboolean done = FALSE;
  g_autoptr(GstElement) element = gst_harness_find_element(h, "adapt-centroids");
  g_signal_emit_by_name(element, name, cluster, on, &done);
  return done;
}

/* A message of that kind was posted, with these labels ("": none). */
static void
assert_told(GstBus *bus, const gchar *kind, const gchar *label, const gchar *other)
{
  GstMessage *message = stream_notice(bus, kind);
  fail_unless(message != NULL, "no message %s", kind);
  const GstStructure *notice = gst_message_get_structure(message);
  assert_equals_string(gst_structure_get_string(notice, "label"), label);
  const gchar *found = gst_structure_get_string(notice, "other-label");
  assert_equals_string(found ? found : "", other);
  fail_unless(gst_structure_get_string(notice, "uuid") != NULL);
  gst_message_unref(message);
}

GST_START_TEST(clusters_are_merged_and_split)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 10);
  fail_unless(command(h, "rename-cluster", "cluster-2", "van"));
  assert_told(bus, "cluster-renamed", "van", "");
  fail_unless(command(h, "merge-clusters", "0", "van"));
  assert_told(bus, "clusters-merged", "van", "van");
  push(h, &blobs, 10, 1);
  DcSnapshot *snapshot = stream_snapshot(h);
  assert_equals_uint64(dc_snapshot_clusters(snapshot), 2);
  dc_snapshot_unref(snapshot);
  fail_unless(command(h, "split-cluster", "van", NULL));
  assert_told(bus, "cluster-split", "van", "cluster-3");
  push(h, &blobs, 11, 1);
  snapshot = stream_snapshot(h);
  assert_equals_uint64(dc_snapshot_clusters(snapshot), 3);
  dc_snapshot_unref(snapshot);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(clusters_are_pinned_and_ignored)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "! assign name=a");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 10);
  fail_unless(mark(h, "pin-cluster", "1", TRUE));
  assert_told(bus, "cluster-pinned", "cluster-1", "");
  fail_unless(mark(h, "ignore-cluster", "cluster-1", TRUE));
  assert_told(bus, "cluster-ignored", "cluster-1", "");
  fail_unless_equals_int(gst_harness_push(h, blobs_buffer(&blobs, 10, 3)), GST_FLOW_OK);
  GstBuffer *buffer = gst_harness_pull(h);
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  guint ignored = 0;
  for (guint i = 0; i < driftcluster_results_meta_get_n_results(meta); i++) {
    DriftclusterResult result;
    fail_unless(driftcluster_results_meta_get_result(meta, i, &result));
    assert_equals_int(result.ignored, result.cluster == 1);
    fail_unless(result.second_label != NULL && result.second != result.cluster);
    fail_unless(result.margin > 0 && result.margin <= result.confidence);
    ignored += result.ignored ? 1 : 0;
  }
  assert_equals_int(ignored, 1);
  gst_buffer_unref(buffer);
  fail_unless(mark(h, "pin-cluster", "1", FALSE));
  assert_told(bus, "cluster-released", "cluster-1", "");
  fail_unless(mark(h, "ignore-cluster", "1", FALSE));
  assert_told(bus, "cluster-heeded", "cluster-1", "");
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

static gboolean
send(GstHarness *h, gboolean upstream, const gchar *name, const gchar *cluster, const gchar *label)
{
  GstStructure *structure =
      gst_structure_new("driftcluster-command", "command", G_TYPE_STRING, name, "cluster",
                        G_TYPE_STRING, cluster, "label", G_TYPE_STRING, label, NULL);
  GstEvent *event =
      gst_event_new_custom(upstream ? GST_EVENT_CUSTOM_UPSTREAM : GST_EVENT_CUSTOM_DOWNSTREAM,
                           structure);
  return upstream ? gst_harness_push_upstream_event(h, event) : gst_harness_push_event(h, event);
}

GST_START_TEST(events_are_commands_too)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 10);
  fail_unless(send(h, TRUE, "rename-cluster", "0", "bus"));
  assert_told(bus, "cluster-renamed", "bus", "");
  fail_unless(send(h, FALSE, "rename-cluster", "bus", "tram"));
  assert_told(bus, "cluster-renamed", "tram", "");
  fail_unless(send(h, TRUE, "pin-cluster", "tram", NULL));
  assert_told(bus, "cluster-pinned", "tram", "");
  fail_if(send(h, TRUE, "paint-cluster", "0", NULL));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "paint-cluster");
  fail_if(send(h, FALSE, "rename-cluster", "9", "x"));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "no cluster '9'");
  fail_if(send(h, TRUE, "rename-cluster", NULL, "x"));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "missing");
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(commands_that_cannot_be_say_why)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  GstBus *bus = stream_watch(h->element);
  fail_if(command(h, "merge-clusters", "0", "1"));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "no clusters yet");
  fail_if(command(h, "split-cluster", "0", NULL));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "no clusters yet");
  push(h, &blobs, 0, 10);
  fail_unless(command(h, "rename-cluster", "0", "twin"));
  fail_unless(command(h, "rename-cluster", "1", "twin"));
  guint64 version = stream_version(h);
  const struct {
    const gchar *name, *cluster, *other, *told;
  } cases[] = {
      {"merge-clusters", "0", "3", "no cluster '3'"},
      {"merge-clusters", "x", "0", "no cluster 'x'"},
      {"merge-clusters", "0", "0", "itself"},
      {"merge-clusters", NULL, "0", "missing"},
      {"merge-clusters", "0", NULL, "missing"},
      {"split-cluster", "7", NULL, "no cluster '7'"},
      {"split-cluster", NULL, NULL, "missing"},
      {"split-cluster", "twin", NULL, "more than one"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    fail_if(command(h, cases[i].name, cases[i].cluster, cases[i].other));
    stream_assert_told(bus, GST_MESSAGE_WARNING, cases[i].told);
  }
  fail_if(mark(h, "pin-cluster", "5", TRUE));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "no cluster '5'");
  fail_if(mark(h, "ignore-cluster", NULL, TRUE));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "missing");
  assert_equals_uint64(stream_version(h), version);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* Commands from another thread while the stream learns: nothing is lost, nothing waits for ever. */
static gpointer
command_often(gpointer data)
{
  GstHarness *h = data;
  for (guint i = 0; i < 40; i++) {
    command(h, "split-cluster", "0", NULL);
    command(h, "merge-clusters", "0", "1");
    mark(h, "pin-cluster", "0", i % 2);
  }
  return NULL;
}

GST_START_TEST(commands_and_stream_meet_without_harm)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("adapt-centroids clusters=3 warm-up=30 interval=4 ! assign");
  push(h, &blobs, 0, 10);
  GThread *thread = g_thread_new("commands", command_often, h);
  push(h, &blobs, 10, 200);
  g_thread_join(thread);
  push(h, &blobs, 210, 10);
  gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
cluster_commands_suite(void)
{
  Suite *suite = suite_create("cluster-commands");
  TCase *tests = tcase_create("commands");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, tests);
  tcase_set_timeout(tests, 60);
  tcase_add_test(tests, clusters_are_merged_and_split);
  tcase_add_test(tests, clusters_are_pinned_and_ignored);
  tcase_add_test(tests, events_are_commands_too);
  tcase_add_test(tests, commands_that_cannot_be_say_why);
  tcase_add_test(tests, commands_and_stream_meet_without_harm);
  return suite;
}

GST_CHECK_MAIN(cluster_commands)
