/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to the state file while adapt-centroids runs: deleted, replaced, its folder gone. */
#include "blobs.h"
#include "folder.h"
#include "streams.h"

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define DIM 8

static gchar *state, *home; /* the state file of the test, in a folder of its own */

static void
enter(void)
{
  folder_enter();
  home = g_build_filename(folder, "home", NULL);
  state = g_build_filename(home, "state", NULL);
  fail_unless(g_mkdir(home, 0755) == 0);
}

/* The folder may be gone. */
static void
empty_home(void)
{
  const gchar *name;
  GDir *files = g_dir_open(home, 0, NULL);
  while (files && (name = g_dir_read_name(files))) {
    g_autofree gchar *path = g_build_filename(home, name, NULL);
    g_remove(path);
  }
  g_clear_pointer(&files, g_dir_close);
  g_rmdir(home);
}

static void
leave(void)
{
  empty_home();
  g_clear_pointer(&state, g_free);
  g_clear_pointer(&home, g_free);
  folder_leave();
}

static GstHarness *
open_element(void)
{
  g_autofree gchar *launch =
      g_strdup_printf("adapt-centroids clusters=3 warm-up=30 interval=30 state-file=%s", state);
  return stream_open(launch);
}

static void
push(GstHarness *h, Blobs *blobs, guint start, guint frames)
{
  for (guint i = 0; i < frames; i++) {
    fail_unless_equals_int(gst_harness_push(h, blobs_buffer(blobs, start + i, 3)), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }
}

static gboolean
save_to(GstHarness *h, const gchar *path)
{
  gboolean done = FALSE;
  GstElement *element = gst_harness_find_element(h, "adapt-centroids");
  g_signal_emit_by_name(element, "save-state", path, &done);
  gst_object_unref(element);
  return done;
}

static gboolean
save(GstHarness *h)
{
  return save_to(h, NULL);
}

/* A stream of three blobs that has been saved once. */
static GstHarness *
begin(Blobs *blobs)
{
  *blobs = blobs_of(3, DIM);
  GstHarness *h = open_element();
  push(h, blobs, 0, 20);
  fail_unless(save(h));
  return h;
}

static gchar *
uuids_of(GstHarness *h)
{
  DcSnapshot *snapshot = stream_snapshot(h);
  fail_unless(snapshot != NULL);
  GString *uuids = g_string_new(NULL);
  for (size_t k = 0; k < dc_snapshot_clusters(snapshot); k++)
    g_string_append(uuids, dc_snapshot_cluster(snapshot, k)->uuid);
  dc_snapshot_unref(snapshot);
  return g_string_free(uuids, FALSE);
}

/* Ends the stream; another one then goes on with the same clusters. */
static void
assert_next_goes_on(GstHarness *h, Blobs *blobs)
{
  g_autofree gchar *before = uuids_of(h);
  gst_harness_teardown(h);
  h = open_element();
  push(h, blobs, 100, 1);
  g_autofree gchar *after = uuids_of(h);
  assert_equals_string(after, before);
  gst_harness_teardown(h);
}

GST_START_TEST(deleted_state_is_written_again)
{
  Blobs blobs;
  GstHarness *h = begin(&blobs);
  fail_unless(g_remove(state) == 0);
  push(h, &blobs, 20, 20);
  fail_unless(save(h));
  fail_unless(g_file_test(state, G_FILE_TEST_IS_REGULAR));
  assert_next_goes_on(h, &blobs);
}
GST_END_TEST

GST_START_TEST(state_deleted_after_the_last_save_is_a_new_start)
{
  Blobs blobs;
  GstHarness *h = begin(&blobs);
  gst_harness_teardown(h);
  empty_home();
  fail_unless(g_mkdir(home, 0755) == 0);
  h = open_element();
  push(h, &blobs, 100, 1);
  fail_unless(stream_snapshot(h) == NULL, "there are clusters of no state"); /* warms up */
  push(h, &blobs, 101, 20);
  fail_unless(stream_version(h) > 0);
  gst_harness_teardown(h);
}
GST_END_TEST

/* Text, nothing at all, and the first half of what was there. */
GST_START_TEST(garbage_in_place_of_the_state_is_written_over)
{
  Blobs blobs;
  GstHarness *h = begin(&blobs);
  gchar *bytes;
  gsize size;
  fail_unless(g_file_get_contents(state, &bytes, &size, NULL));
  const struct {
    const gchar *bytes;
    gssize size;
  } garbage[] = {{"no state", 8}, {"", 0}, {bytes, (gssize)size / 2}};
  for (guint i = 0; i < G_N_ELEMENTS(garbage); i++) {
    fail_unless(g_file_set_contents(state, garbage[i].bytes, garbage[i].size, NULL));
    push(h, &blobs, 20 + 10 * i, 10);
    fail_unless(save(h));
  }
  g_free(bytes);
  assert_next_goes_on(h, &blobs);
}
GST_END_TEST

GST_START_TEST(folder_that_vanishes_is_told_and_the_stream_goes_on)
{
  Blobs blobs;
  GstHarness *h = begin(&blobs);
  GstBus *bus = stream_watch(h->element);
  g_autofree gchar *before = uuids_of(h);
  empty_home();
  for (guint i = 0; i < 3; i++) {
    push(h, &blobs, 20 + 10 * i, 10);
    fail_if(save(h));
    stream_assert_told(bus, GST_MESSAGE_WARNING, state);
    stream_assert_silent(bus, GST_MESSAGE_WARNING);
  }
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "failed-saves"), 3);
  g_autofree gchar *after = uuids_of(h);
  assert_equals_string(after, before);

  fail_unless(g_mkdir(home, 0755) == 0); /* mounted again */
  fail_unless(save(h));
  stream_unwatch(h->element, bus);
  assert_next_goes_on(h, &blobs);
}
GST_END_TEST

GST_START_TEST(copy_that_fails_does_not_mute_the_state_file)
{
  Blobs blobs;
  GstHarness *h = begin(&blobs);
  GstBus *bus = stream_watch(h->element);
  g_autofree gchar *nowhere = g_build_filename(folder, "missing", "copy", NULL);
  fail_if(save_to(h, nowhere));
  stream_assert_told(bus, GST_MESSAGE_WARNING, nowhere);
  empty_home();
  push(h, &blobs, 20, 10);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  stream_assert_told(bus, GST_MESSAGE_WARNING, state);
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(save_that_failed_at_the_end_is_made_up_for_at_the_stop)
{
  Blobs blobs;
  GstHarness *h = begin(&blobs);
  empty_home();
  push(h, &blobs, 20, 10);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "failed-saves"), 1);
  fail_unless(g_mkdir(home, 0755) == 0); /* mounted again */
  assert_next_goes_on(h, &blobs);
}
GST_END_TEST

/* Frames without a region, a week apart. */
GST_START_TEST(days_without_a_detection_change_nothing)
{
  Blobs blobs;
  GstHarness *h = begin(&blobs);
  g_autofree gchar *before = uuids_of(h);
  const guint64 version = stream_version(h);
  for (guint week = 1; week <= 50; week++) {
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 48, NULL);
    GST_BUFFER_PTS(buffer) = week * 7 * 24 * 3600 * GST_SECOND;
    fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }
  assert_equals_uint64(stream_version(h), version);
  fail_unless(save(h));
  push(h, &blobs, 20, 20); /* and the clock is back in the first week */
  g_autofree gchar *after = uuids_of(h);
  assert_equals_string(after, before);
  assert_next_goes_on(h, &blobs);
}
GST_END_TEST

static Suite *
state_loss_suite(void)
{
  Suite *suite = suite_create("state_loss");
  TCase *tests = tcase_create("while it runs");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  tcase_add_checked_fixture(tests, enter, leave);
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, deleted_state_is_written_again);
  tcase_add_test(tests, state_deleted_after_the_last_save_is_a_new_start);
  tcase_add_test(tests, garbage_in_place_of_the_state_is_written_over);
  tcase_add_test(tests, folder_that_vanishes_is_told_and_the_stream_goes_on);
  tcase_add_test(tests, copy_that_fails_does_not_mute_the_state_file);
  tcase_add_test(tests, save_that_failed_at_the_end_is_made_up_for_at_the_stop);
  tcase_add_test(tests, days_without_a_detection_change_nothing);
  return suite;
}

GST_CHECK_MAIN(state_loss)
