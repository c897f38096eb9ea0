/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/shared-state.h"

#include "blobs.h"
#include "streams.h"

#include <math.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

/* Three blobs, found in 30 embeddings. */
#define ADAPT "adapt-centroids clusters=3 warm-up=30 interval=30 "

static void
push(GstHarness *h, Blobs *blobs, guint start, guint frames, guint regions)
{
  for (guint i = 0; i < frames; i++) {
    fail_unless_equals_int(gst_harness_push(h, blobs_buffer(blobs, start + i, regions)),
                           GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }
}

/* The cluster of `snapshot` that is nearest to the middle of blob `blob`, and how far it is. */
static guint
nearest_cluster(const DcSnapshot *snapshot, const Blobs *blobs, guint blob, gdouble *distance)
{
  gfloat centre[64];
  guint nearest = 0;
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  blobs_centre(blobs, blob, centre);
  *distance = INFINITY;
  for (guint k = 0; k < centroids.rows; k++) {
    gdouble sum = 0;
    for (guint i = 0; i < centroids.cols; i++)
      sum += pow(dc_matrix_row(&centroids, k)[i] - centre[i], 2);
    if (sqrt(sum) < *distance) {
      *distance = sqrt(sum);
      nearest = k;
    }
  }
  return nearest;
}

/* Each blob has a cluster of its own within `tolerance`. */
static void
assert_clusters_on_blobs(GstHarness *h, const Blobs *blobs, gdouble tolerance)
{
  DcSnapshot *snapshot = stream_snapshot(h);
  fail_unless(snapshot != NULL);
  assert_equals_uint64(dc_snapshot_clusters(snapshot), blobs->blobs);
  guint taken = 0;
  for (guint blob = 0; blob < blobs->blobs; blob++) {
    gdouble distance;
    taken |= 1u << nearest_cluster(snapshot, blobs, blob, &distance);
    fail_unless(distance < tolerance, "blob %u is %g from a centroid", blob, distance);
  }
  assert_equals_int(taken, (1u << blobs->blobs) - 1);
  dc_snapshot_unref(snapshot);
}

/* --- Finding and following clusters --- */

/* Noise of 0.5 over 8 numbers, averaged over the 10 embeddings of a blob: 0.45; twice that. */
#define WARM_UP_TOLERANCE 0.9

GST_START_TEST(warm_up_finds_the_clusters)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 9, 3); /* 27 */
  fail_unless(stream_snapshot(h) == NULL);
  push(h, &blobs, 9, 1, 3);
  assert_equals_uint64(stream_version(h) > 0, TRUE);
  assert_clusters_on_blobs(h, &blobs, WARM_UP_TOLERANCE);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 30);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "clusters"), 3);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(number_of_clusters_can_be_chosen)
{
  Blobs blobs = blobs_of(4, 8);
  GstHarness *h = stream_open("adapt-centroids warm-up=120 max-clusters=10");
  push(h, &blobs, 0, 30, 4);
  assert_clusters_on_blobs(h, &blobs, WARM_UP_TOLERANCE);
  gst_harness_teardown(h);
}
GST_END_TEST

typedef struct {
  guint64 version;      /* of the newest event seen */
  guint64 expected[10]; /* seen before each buffer */
  guint buffers;
} Order;

static GstPadProbeReturn
note_order(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  Order *order = user_data;
  (void)pad;
  if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
    order->expected[order->buffers++] = order->version;
  } else {
    DcSnapshot *snapshot = dc_snapshot_event_get(GST_PAD_PROBE_INFO_EVENT(info));
    if (snapshot)
      order->version = dc_snapshot_version(snapshot);
    dc_snapshot_unref(snapshot);
  }
  return GST_PAD_PROBE_OK;
}

GST_START_TEST(clusters_precede_the_buffer_that_made_them)
{
  Blobs blobs = blobs_of(3, 8);
  Order order = {0};
  GstHarness *h = stream_open(ADAPT);
  gst_pad_add_probe(h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
                    note_order, &order, NULL);
  push(h, &blobs, 0, 7, 10); /* 30 embeddings end the warm-up, every 30 adapt */
  for (guint i = 0; i < 7; i++)
    fail_unless((order.expected[i] > 0) == (i >= 2), "buffer %u", i);
  fail_unless(order.expected[2] == order.expected[4]);
  fail_unless(order.expected[5] == order.expected[2] + 1);
  gst_harness_teardown(h);
}
GST_END_TEST

/* Labels of a stream that drifts, as text. */
static gchar *
label_stream(const gchar *launch)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(launch);
  GString *text = g_string_new(NULL);
  for (guint frame = 0; frame < 60; frame++) {
    blobs.shift = 0.05f * (gfloat)frame;
    fail_unless_equals_int(gst_harness_push(h, blobs_buffer(&blobs, frame, 5)), GST_FLOW_OK);
  }
  for (guint frame = 0; frame < 60; frame++) {
    GstBuffer *buffer = gst_harness_pull(h);
    GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
    g_autofree gchar *line = gst_structure_to_string(gst_custom_meta_get_structure(meta));
    g_string_append(text, line);
    gst_buffer_unref(buffer);
  }
  gst_harness_teardown(h);
  return g_string_free(text, FALSE);
}

GST_START_TEST(clusters_of_another_one_end_here)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "! adapt-centroids clusters=3 warm-up=60");
  push(h, &blobs, 0, 10, 3);
  fail_unless(stream_snapshot(h) == NULL, "labelled by the first one");
  push(h, &blobs, 10, 10, 3);
  fail_unless(stream_snapshot(h) != NULL);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(same_input_gives_the_same_bytes)
{
  g_autofree gchar *once = label_stream(ADAPT "! assign smoothing=3");
  g_autofree gchar *again = label_stream(ADAPT "! assign smoothing=3");
  g_autofree gchar *queued = label_stream(ADAPT "! queue ! assign smoothing=3");
  g_autofree gchar *seeded = label_stream(ADAPT "seed=5 ! assign smoothing=3");
  fail_unless(strlen(once) > 60 * 5 * 100); /* it says something */
  assert_equals_string(once, again);
  assert_equals_string(once, queued); /* versions keep to their buffers across threads */
  fail_if(g_str_equal(once, seeded), "the seed changes the identities at least");
}
GST_END_TEST

/* The shift of the blobs that the centroids end with, when the stream ends with 2. */
static gdouble
followed_shift(const gchar *launch, guint frames)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(launch);
  push(h, &blobs, 0, 10, 3);
  for (guint i = 0; i < frames; i++) {
    blobs.shift = 2 * (gfloat)(i + 1) / (gfloat)frames;
    push(h, &blobs, 10 + i, 1, 6);
  }
  DcSnapshot *snapshot = stream_snapshot(h);
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  gdouble shift = 0;
  for (guint k = 0; k < 3; k++)
    shift += dc_matrix_row(&centroids, k)[7] / 3.0;
  fail_unless(dc_snapshot_version(snapshot) > 10); /* statistics move in any case */
  dc_snapshot_unref(snapshot);
  gst_harness_teardown(h);
  return shift;
}

GST_START_TEST(centroids_follow_a_drift_unless_frozen)
{
  /* The memory holds the last 60 embeddings, 10 frames or a shift of 0.2: the centroids lag behind
   * by half of that, and by a noise of 0.1. */
  gdouble followed = followed_shift(ADAPT "window=60 method=attention", 100);
  fail_unless(fabs(followed - 1.9) < 0.4, "followed to %g", followed);
  gdouble by_k_means = followed_shift(ADAPT "window=60 method=k-means", 100);
  fail_unless(fabs(by_k_means - 1.9) < 0.4, "k-means followed to %g", by_k_means);
  /* The fastest map takes a quarter of what is left with every 64 embeddings: it lags behind by 4
   * such batches, which are 43 of these frames or a shift of 0.14. */
  gdouble by_transport = followed_shift(ADAPT, 600);
  fail_unless(fabs(by_transport - 1.86) < 0.3, "transport followed to %g", by_transport);
  /* Where the warm-up put them, to the noise of a mean of 30: 0.1. */
  fail_unless(fabs(followed_shift(ADAPT "window=60 adapt=false", 100)) < 0.3);
  fail_unless(fabs(followed_shift(ADAPT "window=60 method=none", 100)) < 0.3);
  fail_unless(fabs(followed_shift(ADAPT "window=60 adaptation-rate=0", 100)) < 0.3);
}
GST_END_TEST

GST_START_TEST(freezing_holds_from_the_next_buffer)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 10, 3);
  gst_harness_set(h, "adapt-centroids", "adapt", FALSE, NULL);
  DcSnapshot *before = stream_snapshot(h);
  push(h, &blobs, 10, 20, 3);
  DcSnapshot *after = stream_snapshot(h);
  DcMatrix old = dc_snapshot_centroids(before), new = dc_snapshot_centroids(after);
  fail_unless(dc_snapshot_version(after) > dc_snapshot_version(before));
  for (guint k = 0; k < 3; k++)
    fail_unless(memcmp(dc_matrix_row(&old, k), dc_matrix_row(&new, k), 8 * sizeof(gfloat)) == 0);
  dc_snapshot_unref(before);
  dc_snapshot_unref(after);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(buffers_pass_untouched)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  GstBuffer *buffer = blobs_buffer(&blobs, 0, 3);
  gst_buffer_ref(buffer); /* shared, as after a tee */
  GstBuffer *out = gst_harness_push_and_pull(h, buffer);
  fail_unless(out == buffer);
  gst_buffer_unref(buffer);
  gst_buffer_unref(out);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(buffers_without_times_or_embeddings_are_no_trouble)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "half-life=1000000000");
  gst_buffer_unref(gst_harness_push_and_pull(h, gst_buffer_new()));
  for (guint i = 0; i < 40; i++) {
    GstBuffer *buffer = blobs_buffer(&blobs, i, 3);
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer));
  }
  assert_clusters_on_blobs(h, &blobs, WARM_UP_TOLERANCE);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(other_caps_change_nothing)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 5, 3);
  gst_harness_set_src_caps_str(h, "video/x-raw(memory:DMABuf),format=NV12,width=320,height=240,"
                                  "framerate=25/1");
  push(h, &blobs, 5, 5, 3);
  assert_clusters_on_blobs(h, &blobs, WARM_UP_TOLERANCE);
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(h->sinkpad);
  fail_unless(gst_caps_features_contains(gst_caps_get_features(caps, 0), "memory:DMABuf"));
  gst_harness_teardown(h);
}
GST_END_TEST

static void
flush(GstHarness *h)
{
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  fail_unless(gst_harness_push_event(h, gst_event_new_flush_start()));
  fail_unless(gst_harness_push_event(h, gst_event_new_flush_stop(TRUE)));
  fail_unless(gst_harness_push_event(h, gst_event_new_segment(&segment)));
}

GST_START_TEST(clusters_outlive_a_seek_but_not_ready)
{
  Blobs blobs = blobs_of(3, 8);
  GstElement *element = gst_parse_launch(ADAPT, NULL);
  GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
  gst_harness_set_src_caps_str(h, STREAM_CAPS);
  push(h, &blobs, 0, 10, 3);
  guint64 version = stream_version(h);
  flush(h);
  push(h, &blobs, 0, 10, 3); /* the same times once more */
  assert_equals_uint64(stream_version(h), version + 1);
  gst_harness_teardown(h);

  gst_element_set_state(element, GST_STATE_READY);
  h = gst_harness_new_with_element(element, "sink", "src");
  gst_harness_set_src_caps_str(h, STREAM_CAPS);
  push(h, &blobs, 0, 9, 3);
  fail_unless(stream_snapshot(h) == NULL);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 27);
  gst_harness_teardown(h);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}
GST_END_TEST

GST_START_TEST(embeddings_of_an_application_are_welcome)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "! assign");
  for (guint frame = 0; frame < 20; frame++) {
    GstBuffer *buffer = gst_harness_push_and_pull(h, blobs_buffer(&blobs, frame, 3));
    GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
    DriftclusterResult first, second;
    fail_unless(driftcluster_results_meta_get_result(meta, 0, &first));
    fail_unless(driftcluster_results_meta_get_result(meta, 1, &second));
    /* The buffer that ends the warm-up is labelled already. */
    fail_unless((first.cluster >= 0) == (frame >= 9));
    fail_unless(frame < 9 || first.cluster != second.cluster);
    gst_buffer_unref(buffer);
  }
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- On a thread of its own --- */

GST_START_TEST(worker_has_learnt_all_at_the_end)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "async=true");
  push(h, &blobs, 0, 200, 3);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  assert_clusters_on_blobs(h, &blobs, WARM_UP_TOLERANCE);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted") +
                           stream_stat(h, "adapt-centroids", "dropped"),
                       600);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(flushing_a_worker_is_safe)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "interval=3 async=true");
  for (guint round = 0; round < 20; round++) {
    push(h, &blobs, 0, 20, 3);
    flush(h);
  }
  push(h, &blobs, 0, 10, 3);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  fail_unless(stream_stat(h, "adapt-centroids", "accepted") >= 30);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(error_of_the_worker_ends_the_stream)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 12);
  GstHarness *h = stream_open(ADAPT "async=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 10, 3);
  GstFlowReturn flow = GST_FLOW_OK;
  for (guint i = 0; i < 5000 && flow == GST_FLOW_OK; i++) {
    flow = gst_harness_push(h, blobs_buffer(&other, 10 + i, 3));
    g_usleep(1000);
  }
  fail_unless_equals_int(flow, GST_FLOW_ERROR);
  stream_assert_told(bus, GST_MESSAGE_ERROR, "embeddings of 12 numbers");
  stream_assert_silent(bus, GST_MESSAGE_ERROR);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Streams that end early --- */

GST_START_TEST(short_stream_ends_with_clusters)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("adapt-centroids clusters=3 warm-up=1000 post-messages=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 4, 3);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  assert_clusters_on_blobs(h, &blobs, 2 * WARM_UP_TOLERANCE);
  GstMessage *message = stream_notice(bus, "clusters-created");
  fail_unless(message != NULL);
  gst_message_unref(message);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(short_stream_is_told_of)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("adapt-centroids clusters=3 warm-up=1000");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 4, 3);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "after 12 embeddings, the warm-up needs 1000");
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(stream_of_too_few_embeddings_has_no_clusters)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 1, 2);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "2 embeddings are too few for 3 clusters");
  fail_unless(stream_snapshot(h) == NULL);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(stream_without_embeddings_is_told_of)
{
  GstHarness *h = stream_open(ADAPT);
  GstBus *bus = stream_watch(h->element);
  gst_buffer_unref(gst_harness_push_and_pull(h, blobs_frame(0)));
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "no embeddings: put embed before adapt-centroids");
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Messages --- */

GST_START_TEST(messages_tell_when_and_what)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "interval=3 post-messages=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 70, 3); /* clusters after 0.36 s; adapts on each of the frames up to 2.76 s */

  GstMessage *message = stream_notice(bus, "clusters-created");
  fail_unless(message != NULL);
  const GstStructure *notice = gst_message_get_structure(message);
  fail_unless(gst_structure_has_name(notice, "adapt-centroids"));
  guint64 timestamp, stream_time, running_time, duration, embeddings;
  guint clusters;
  fail_unless(gst_structure_get(notice, "timestamp", G_TYPE_UINT64, &timestamp, "stream-time",
                                G_TYPE_UINT64, &stream_time, "running-time", G_TYPE_UINT64,
                                &running_time, "duration", G_TYPE_UINT64, &duration, "embeddings",
                                G_TYPE_UINT64, &embeddings, "clusters", G_TYPE_UINT, &clusters,
                                NULL));
  assert_equals_uint64(timestamp, 360 * GST_MSECOND);
  assert_equals_uint64(stream_time, 360 * GST_MSECOND);
  assert_equals_uint64(running_time, 360 * GST_MSECOND);
  assert_equals_uint64(duration, 40 * GST_MSECOND);
  assert_equals_uint64(embeddings, 30);
  assert_equals_int(clusters, 3);
  gst_message_unref(message);

  const guint64 expected[] = {400, 1400, 2400}; /* ms: at most one a second */
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    message = stream_notice(bus, "adapted");
    fail_unless(message != NULL);
    notice = gst_message_get_structure(message);
    fail_unless(gst_structure_get(notice, "stream-time", G_TYPE_UINT64, &stream_time, NULL));
    assert_equals_uint64(stream_time, expected[i] * GST_MSECOND);
    gst_message_unref(message);
  }
  fail_unless(stream_notice(bus, "adapted") == NULL);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* Frames whose embeddings lie halfway between two blobs each. */
static void
push_halfway(GstHarness *h, const Blobs *blobs, guint start, guint frames)
{
  for (guint i = 0; i < frames; i++) {
    GstBuffer *buffer = blobs_frame(start + i);
    DriftclusterEmbeddingBlock *block = blobs_centres(blobs, (const guint[]){0, 1, 2}, 3);
    for (guint n = 0; n < 3; n++) {
      gfloat *row = block->data + n * block->dim;
      row[n] = row[(n + 1) % 3] = BLOBS_RADIUS / 2;
    }
    blobs_attach(buffer, block);
    fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }
}

/* The margin of the message's clusters against that of the start. */
static gdouble
margin_share(const GstMessage *message)
{
  gdouble margin, reference;
  fail_unless(gst_structure_get(gst_message_get_structure((GstMessage *)message), "margin",
                                G_TYPE_DOUBLE, &margin, "margin-reference", G_TYPE_DOUBLE,
                                &reference, NULL));
  return margin / reference;
}

GST_START_TEST(lost_separation_is_told_once)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "method=none post-messages=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 400, 3); /* the reference is complete after 1 054 embeddings */
  fail_unless(stream_notice(bus, "separation-lost") == NULL);
  push_halfway(h, &blobs, 400, 400);
  GstMessage *message = stream_notice(bus, "separation-lost");
  fail_unless(message != NULL);
  fail_unless(margin_share(message) < 0.85);
  gst_message_unref(message);
  fail_unless(stream_notice(bus, "separation-lost") == NULL);
  push(h, &blobs, 800, 2000, 3);
  message = stream_notice(bus, "separation-regained");
  fail_unless(message != NULL);
  fail_unless(margin_share(message) >= 0.92);
  gst_message_unref(message);
  fail_unless(stream_notice(bus, "separation-regained") == NULL);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(no_messages_unless_asked_for)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 30, 3);
  stream_assert_silent(bus, GST_MESSAGE_ELEMENT);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(rejected_embeddings_are_told_once_a_burst)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "post-messages=true");
  GstBus *bus = stream_watch(h->element);
  const gboolean bad[] = {FALSE, TRUE, TRUE, FALSE, TRUE, FALSE};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    GstBuffer *buffer = blobs_buffer(&blobs, i, 3);
    if (bad[i])
      driftcluster_buffer_get_embedding_meta(buffer)->block->data[8] = NAN;
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer));
  }
  for (guint burst = 0; burst < 2; burst++) {
    GstMessage *message = stream_notice(bus, "embeddings-rejected");
    fail_unless(message != NULL);
    guint64 rejected;
    fail_unless(
        gst_structure_get_uint64(gst_message_get_structure(message), "rejected", &rejected));
    assert_equals_uint64(rejected, 1);
    gst_message_unref(message);
  }
  fail_unless(stream_notice(bus, "embeddings-rejected") == NULL);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "rejected"), 3);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 15);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Commands --- */

static gboolean
command(GstHarness *h, const gchar *name, const gchar *first, const gchar *second)
{
  gboolean done = FALSE;
  GstElement *element = gst_harness_find_element(h, "adapt-centroids");
  g_signal_emit_by_name(element, name, first, second, &done);
  gst_object_unref(element);
  return done;
}

static gboolean
command_reset(GstHarness *h)
{
  gboolean done = FALSE;
  GstElement *element = gst_harness_find_element(h, "adapt-centroids");
  g_signal_emit_by_name(element, "reset", &done);
  gst_object_unref(element);
  return done;
}

GST_START_TEST(clusters_can_be_named)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 10, 3);
  DcSnapshot *snapshot = stream_snapshot(h);
  fail_unless(command(h, "rename-cluster", "1", "van"));
  fail_unless(command(h, "rename-cluster", dc_snapshot_cluster(snapshot, 2)->uuid, "caf\xc3\xa9"));
  dc_snapshot_unref(snapshot);
  push(h, &blobs, 10, 1, 3); /* the next buffer brings the names */
  snapshot = stream_snapshot(h);
  assert_equals_string(dc_snapshot_cluster(snapshot, 1)->label, "van");
  assert_equals_string(dc_snapshot_cluster(snapshot, 2)->label, "caf\xc3\xa9");
  dc_snapshot_unref(snapshot);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(names_that_cannot_be_given_are_refused)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT);
  GstBus *bus = stream_watch(h->element);
  g_autofree gchar *long_label = g_strnfill(DC_LABEL_SIZE, 'x');
  fail_if(command(h, "rename-cluster", "0", "van"));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "no clusters yet");
  push(h, &blobs, 0, 10, 3);
  guint64 version = stream_version(h);
  const struct {
    const gchar *cluster, *label, *told;
  } cases[] = {
      {"3", "van", "no cluster '3'"},
      {"-1", "van", "no cluster '-1'"},
      {"", "van", "no cluster ''"},
      {"1x", "van", "no cluster '1x'"},
      {"0", "", "1 to 63 bytes"},
      {"0", long_label, "1 to 63 bytes"},
      {"0", "\xff", "UTF-8"},
      {NULL, "van", "one of them is missing"},
      {"0", NULL, "one of them is missing"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    fail_if(command(h, "rename-cluster", cases[i].cluster, cases[i].label));
    stream_assert_told(bus, GST_MESSAGE_WARNING, cases[i].told);
  }
  push(h, &blobs, 10, 1, 3);
  assert_equals_uint64(stream_version(h), version);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(reset_starts_again)
{
  Blobs blobs = blobs_of(3, 8), wider = blobs_of(3, 12);
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 10, 3);
  fail_unless(stream_version(h) > 0);
  fail_unless(command_reset(h));
  push(h, &wider, 10, 1, 3); /* of another encoder even */
  fail_unless(stream_snapshot(h) == NULL, "downstream still labels by clusters that are gone");
  push(h, &wider, 11, 9, 3);
  assert_clusters_on_blobs(h, &wider, WARM_UP_TOLERANCE * 1.3);
  gst_harness_teardown(h);
}
GST_END_TEST

/* After the reset, and before embed has read the new model, frames of the old one still come. */
GST_START_TEST(encoder_may_change_after_a_reset)
{
  Blobs blobs = blobs_of(3, 8), wider = blobs_of(3, 12);
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 10, 3);
  for (guint round = 0; round < 2; round++) {
    fail_unless(command_reset(h));
    push(h, &blobs, 10, 3, 3);
    push(h, &wider, 13, 10, 3);
    assert_clusters_on_blobs(h, &wider, WARM_UP_TOLERANCE * 1.3);
    assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 30);
  }
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(commands_need_a_running_element)
{
  gboolean done = TRUE;
  GstElement *element = gst_element_factory_make("adapt-centroids", NULL);
  GstBus *bus = stream_watch(element);
  g_signal_emit_by_name(element, "reset", &done);
  fail_if(done);
  stream_assert_told(bus, GST_MESSAGE_WARNING, "not running");
  done = TRUE;
  g_signal_emit_by_name(element, "save-state", "/tmp/never-written", &done);
  fail_if(done);
  stream_assert_told(bus, GST_MESSAGE_WARNING, "not running");
  stream_unwatch(element, bus);
  gst_object_unref(element);
}
GST_END_TEST

/* --- What must not be --- */

GST_START_TEST(other_dimension_is_an_error_that_names_both)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 12);
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 10, 3);
  stream_assert_push_fails(
      h, blobs_buffer(&other, 10, 3),
      "embeddings of 12 numbers made by encoder 'test-encoder', the clusters have 8");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(other_encoder_is_an_error_that_names_both)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 8);
  other.encoder = "other-encoder";
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 10, 3);
  stream_assert_push_fails(
      h, blobs_buffer(&other, 10, 3),
      "'other-encoder', the clusters have 8 numbers made by encoder 'test-encoder'");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(encoders_that_take_turns_are_an_error)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 8);
  other.encoder = "other-encoder";
  GstHarness *h = stream_open(ADAPT);
  push(h, &blobs, 0, 1, 3);
  push(h, &other, 1, 1, 3); /* might be another model of embed */
  stream_assert_push_fails(h, blobs_buffer(&blobs, 2, 3), "'other-encoder'");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(settings_that_contradict_are_an_error_at_the_start)
{
  stream_assert_start_fails("adapt-centroids clusters=30 warm-up=20", "warm-up of 20");
  stream_assert_start_fails("adapt-centroids clusters=30 window=20", "window of 20");
}
GST_END_TEST

GST_START_TEST(writers_share_no_name)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open(ADAPT "state-id=lobby");
  DcSharedState *state = dc_shared_state_get("lobby");
  stream_assert_start_fails("adapt-centroids state-id=lobby", "'lobby'");
  push(h, &blobs, 0, 10, 3);
  DcSnapshot *shared = dc_shared_state_snapshot(state), *inline_ = stream_snapshot(h);
  fail_unless(shared != NULL && shared == inline_);
  dc_snapshot_unref(inline_);
  gst_harness_teardown(h);

  DcSnapshot *kept = dc_shared_state_snapshot(state);
  fail_unless(kept == shared, "readers lost the clusters with their writer");
  dc_snapshot_unref(kept);
  dc_snapshot_unref(shared);
  h = stream_open("adapt-centroids state-id=lobby"); /* the name is free again */
  gst_harness_teardown(h);
  dc_shared_state_unref(state);
}
GST_END_TEST

static Suite *
adapt_centroids_suite(void)
{
  Suite *suite = suite_create("adapt_centroids");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  TCase *clusters = tcase_create("clusters");
  tcase_add_test(clusters, warm_up_finds_the_clusters);
  tcase_add_test(clusters, number_of_clusters_can_be_chosen);
  tcase_add_test(clusters, clusters_precede_the_buffer_that_made_them);
  tcase_add_test(clusters, clusters_of_another_one_end_here);
  tcase_add_test(clusters, same_input_gives_the_same_bytes);
  tcase_add_test(clusters, centroids_follow_a_drift_unless_frozen);
  tcase_add_test(clusters, freezing_holds_from_the_next_buffer);
  suite_add_tcase(suite, clusters);
  TCase *streams = tcase_create("streams");
  tcase_add_test(streams, buffers_pass_untouched);
  tcase_add_test(streams, buffers_without_times_or_embeddings_are_no_trouble);
  tcase_add_test(streams, other_caps_change_nothing);
  tcase_add_test(streams, clusters_outlive_a_seek_but_not_ready);
  tcase_add_test(streams, embeddings_of_an_application_are_welcome);
  suite_add_tcase(suite, streams);
  TCase *worker = tcase_create("worker");
  tcase_add_test(worker, worker_has_learnt_all_at_the_end);
  tcase_add_test(worker, flushing_a_worker_is_safe);
  tcase_add_test(worker, error_of_the_worker_ends_the_stream);
  suite_add_tcase(suite, worker);
  TCase *ends = tcase_create("early ends");
  tcase_add_test(ends, short_stream_ends_with_clusters);
  tcase_add_test(ends, short_stream_is_told_of);
  tcase_add_test(ends, stream_of_too_few_embeddings_has_no_clusters);
  tcase_add_test(ends, stream_without_embeddings_is_told_of);
  suite_add_tcase(suite, ends);
  TCase *messages = tcase_create("messages");
  tcase_add_test(messages, messages_tell_when_and_what);
  tcase_add_test(messages, lost_separation_is_told_once);
  tcase_add_test(messages, no_messages_unless_asked_for);
  tcase_add_test(messages, rejected_embeddings_are_told_once_a_burst);
  suite_add_tcase(suite, messages);
  TCase *commands = tcase_create("commands");
  tcase_add_test(commands, clusters_can_be_named);
  tcase_add_test(commands, names_that_cannot_be_given_are_refused);
  tcase_add_test(commands, reset_starts_again);
  tcase_add_test(commands, encoder_may_change_after_a_reset);
  tcase_add_test(commands, commands_need_a_running_element);
  suite_add_tcase(suite, commands);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, other_dimension_is_an_error_that_names_both);
  tcase_add_test(errors, other_encoder_is_an_error_that_names_both);
  tcase_add_test(errors, encoders_that_take_turns_are_an_error);
  tcase_add_test(errors, settings_that_contradict_are_an_error_at_the_start);
  tcase_add_test(errors, writers_share_no_name);
  suite_add_tcase(suite, errors);
  return suite;
}

GST_CHECK_MAIN(adapt_centroids)
