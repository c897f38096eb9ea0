/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/shared-state.h"
#include "common/snapshot-event.h"

#include "blobs.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#define THREADS   4
#define PUBLISHED 2000

static DcSnapshot *
snapshot_of(guint clusters)
{
  Blobs blobs = blobs_of(clusters, 8);
  return blobs_snapshot(&blobs, NULL, 1);
}

/* --- The event --- */

GST_START_TEST(event_carries_its_snapshot)
{
  DcSnapshot *snapshot = snapshot_of(3);
  GstEvent *event = dc_snapshot_event_new(snapshot);
  fail_unless(dc_snapshot_event_is(event));
  fail_unless(GST_EVENT_IS_STICKY(event) && GST_EVENT_IS_SERIALIZED(event) &&
              GST_EVENT_IS_DOWNSTREAM(event));
  DcSnapshot *carried = dc_snapshot_event_get(event);
  fail_unless(carried == snapshot);
  gst_event_unref(event);
  dc_snapshot_unref(snapshot);
  assert_equals_uint64(dc_snapshot_clusters(carried),
                       3); /* the event's end is not the snapshot's */
  dc_snapshot_unref(carried);
}
GST_END_TEST

GST_START_TEST(event_can_say_that_there_are_no_clusters)
{
  GstEvent *event = dc_snapshot_event_new(NULL);
  fail_unless(dc_snapshot_event_is(event));
  fail_unless(dc_snapshot_event_get(event) == NULL);
  gst_event_unref(event);
}
GST_END_TEST

GST_START_TEST(event_of_others_has_no_snapshot)
{
  GstEvent *flush = gst_event_new_flush_start();
  fail_if(dc_snapshot_event_is(flush));
  fail_unless(dc_snapshot_event_get(flush) == NULL);
  gst_event_unref(flush);

  /* One that only bears the name, as any program could send it. */
  GstEvent *forged = gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                                          gst_structure_new(DC_SNAPSHOT_EVENT_NAME, "snapshot",
                                                            G_TYPE_INT, 5, NULL));
  fail_unless(dc_snapshot_event_get(forged) == NULL);
  gst_event_unref(forged);
}
GST_END_TEST

/* The snapshot that stuck to `pad`. */
static DcSnapshot *
sticky_snapshot(GstPad *pad)
{
  DcSnapshot *snapshot = NULL;
  GstEvent *event;
  for (guint i = 0; (event = gst_pad_get_sticky_event(pad, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, i));
       i++) {
    if (dc_snapshot_event_is(event)) {
      fail_unless(snapshot == NULL, "an older snapshot was kept as well");
      snapshot = dc_snapshot_event_get(event);
    }
    gst_event_unref(event);
  }
  return snapshot;
}

GST_START_TEST(event_sticks_through_queue_and_videoconvert)
{
  GstHarness *h = gst_harness_new_parse("queue ! videoconvert");
  gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1");
  gst_harness_set_sink_caps_str(h, "video/x-raw,format=I420,width=16,height=16,framerate=25/1");
  DcSnapshot *first = snapshot_of(2), *second = snapshot_of(3);

  DcSnapshot *sent[] = {first, second};
  for (guint i = 0; i < 2; i++) {
    fail_unless(gst_harness_push_event(h, dc_snapshot_event_new(sent[i])));
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 16 * 16, NULL);
    GST_BUFFER_PTS(buffer) = i * 40 * GST_MSECOND;
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer));
    DcSnapshot *stuck = sticky_snapshot(h->sinkpad);
    fail_unless(stuck == sent[i]);
    dc_snapshot_unref(stuck);
  }
  dc_snapshot_unref(first);
  dc_snapshot_unref(second);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- The shared state --- */

GST_START_TEST(one_name_is_one_state)
{
  DcSharedState *a = dc_shared_state_get("door");
  DcSharedState *b = dc_shared_state_get("door");
  DcSharedState *other = dc_shared_state_get("yard");
  fail_unless(a == b);
  fail_unless(a != other);
  dc_shared_state_unref(a);
  dc_shared_state_unref(b);
  dc_shared_state_unref(other);
  dc_shared_state_unref(NULL);
}
GST_END_TEST

GST_START_TEST(readers_get_the_newest)
{
  DcSharedState *state = dc_shared_state_get("door");
  fail_unless(dc_shared_state_snapshot(state) == NULL);
  DcSnapshot *first = snapshot_of(2), *second = snapshot_of(3);
  dc_shared_state_publish(state, first);
  dc_shared_state_publish(state, second);
  dc_snapshot_unref(first); /* nobody holds it any more: the leak checker would say otherwise */
  DcSnapshot *newest = dc_shared_state_snapshot(state);
  fail_unless(newest == second);
  dc_snapshot_unref(newest);
  dc_shared_state_publish(state, NULL);
  fail_unless(dc_shared_state_snapshot(state) == NULL);
  dc_snapshot_unref(second);
  dc_shared_state_unref(state);
}
GST_END_TEST

GST_START_TEST(second_writer_is_refused)
{
  int one, two;
  DcSharedState *state = dc_shared_state_get("door");
  fail_unless(dc_shared_state_claim(state, &one));
  fail_unless(dc_shared_state_claim(state, &one)); /* it is the writer already */
  fail_if(dc_shared_state_claim(state, &two));
  dc_shared_state_release(state, &two); /* not its to give up */
  fail_if(dc_shared_state_claim(state, &two));
  dc_shared_state_release(state, &one);
  fail_unless(dc_shared_state_claim(state, &two));
  dc_shared_state_release(state, &two);
  dc_shared_state_unref(state);
}
GST_END_TEST

GST_START_TEST(snapshot_outlives_its_writer_but_not_its_readers)
{
  int writer;
  DcSharedState *reader = dc_shared_state_get("door");
  DcSharedState *written = dc_shared_state_get("door");
  DcSnapshot *snapshot = snapshot_of(2);
  fail_unless(dc_shared_state_claim(written, &writer));
  dc_shared_state_publish(written, snapshot);
  dc_shared_state_release(written, &writer);
  dc_shared_state_unref(written);
  DcSnapshot *kept = dc_shared_state_snapshot(reader);
  fail_unless(kept == snapshot);
  dc_snapshot_unref(kept);
  dc_shared_state_unref(reader);

  reader = dc_shared_state_get("door");
  fail_unless(dc_shared_state_snapshot(reader) == NULL, "the last reference did not forget it");
  dc_shared_state_unref(reader);
  dc_snapshot_unref(snapshot);
}
GST_END_TEST

/* Takes the newest snapshot again and again; the number of clusters seen never falls, as the writer
 * publishes them in growing order. */
static gpointer
read_often(gpointer data)
{
  gint *stop = data;
  gsize seen = 0;
  while (!g_atomic_int_get(stop)) {
    DcSharedState *state = dc_shared_state_get("race");
    DcSnapshot *snapshot = dc_shared_state_snapshot(state);
    if (snapshot) {
      gsize clusters = dc_snapshot_clusters(snapshot);
      if (clusters < seen)
        return GINT_TO_POINTER(1);
      seen = clusters;
    }
    dc_snapshot_unref(snapshot);
    dc_shared_state_unref(state);
  }
  return NULL;
}

GST_START_TEST(readers_and_writer_meet_without_harm)
{
  DcSnapshot *snapshots[6];
  for (guint i = 0; i < G_N_ELEMENTS(snapshots); i++)
    snapshots[i] = snapshot_of(i + 1);
  DcSharedState *state = dc_shared_state_get("race");
  gint stop = 0;
  GThread *threads[THREADS];
  for (guint i = 0; i < THREADS; i++)
    threads[i] = g_thread_new("reader", read_often, &stop);
  for (guint i = 0; i < PUBLISHED; i++)
    dc_shared_state_publish(state, snapshots[i * G_N_ELEMENTS(snapshots) / PUBLISHED]);
  g_atomic_int_set(&stop, 1);
  for (guint i = 0; i < THREADS; i++)
    fail_unless(g_thread_join(threads[i]) == NULL, "a reader saw an older snapshot again");
  dc_shared_state_unref(state);
  for (guint i = 0; i < G_N_ELEMENTS(snapshots); i++)
    dc_snapshot_unref(snapshots[i]);
}
GST_END_TEST

static Suite *
shared_state_suite(void)
{
  Suite *suite = suite_create("shared_state");
  TCase *event = tcase_create("snapshot-event");
  tcase_add_test(event, event_carries_its_snapshot);
  tcase_add_test(event, event_can_say_that_there_are_no_clusters);
  tcase_add_test(event, event_of_others_has_no_snapshot);
  tcase_add_test(event, event_sticks_through_queue_and_videoconvert);
  suite_add_tcase(suite, event);
  TCase *state = tcase_create("shared-state");
  tcase_add_test(state, one_name_is_one_state);
  tcase_add_test(state, readers_get_the_newest);
  tcase_add_test(state, second_writer_is_refused);
  tcase_add_test(state, snapshot_outlives_its_writer_but_not_its_readers);
  tcase_add_test(state, readers_and_writer_meet_without_harm);
  suite_add_tcase(suite, state);
  return suite;
}

GST_CHECK_MAIN(shared_state)
