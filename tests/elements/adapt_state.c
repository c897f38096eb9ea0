/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* symlink() */

/* Where adapt-centroids starts from and what it leaves behind: state files and model files. */

#include "base/memory.h"
#include "store/model_file.h"
#include "store/state_file.h"

#include "blobs.h"
#include "folder.h"
#include "streams.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define DIM 8

static gchar *state; /* the state file of the test */

static void
enter(void)
{
  folder_enter();
  state = g_build_filename(folder, "state", NULL);
}

static void
leave(void)
{
  g_clear_pointer(&state, g_free);
  folder_leave();
}

/* The element with the state file and `properties`. */
static gchar *
launch_of(const gchar *properties)
{
  return g_strdup_printf("adapt-centroids clusters=3 warm-up=30 interval=30 state-file=%s %s",
                         state, properties);
}

static GstHarness *
open_element(const gchar *properties)
{
  g_autofree gchar *launch = launch_of(properties);
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

static gchar *
beside(const gchar *extension)
{
  return g_strconcat(state, extension, NULL);
}

static gchar *
contents(const gchar *path, gsize *size)
{
  gchar *bytes = NULL;
  fail_unless(g_file_get_contents(path, &bytes, size, NULL), "%s cannot be read", path);
  return bytes;
}

static void
assert_same_file(const gchar *path, const gchar *bytes, gsize size)
{
  gsize now;
  g_autofree gchar *read = contents(path, &now);
  fail_unless(now == size && memcmp(read, bytes, size) == 0, "%s was changed", path);
}

/* Ruins the middle of a file. */
static void
damage(const gchar *path)
{
  gsize size;
  g_autofree gchar *bytes = contents(path, &size);
  bytes[size / 2] ^= 0x55;
  bytes[size - 1] ^= 0x55;
  fail_unless(g_file_set_contents(path, bytes, (gssize)size, NULL));
}

static gboolean
command(GstHarness *h, const gchar *name, const gchar *path)
{
  gboolean done = FALSE;
  GstElement *element = gst_harness_find_element(h, "adapt-centroids");
  g_signal_emit_by_name(element, name, path, &done);
  gst_object_unref(element);
  return done;
}

/* Leaves a state behind that was saved `saves` times, with 10 frames before each. */
static void
leave_state(guint saves)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("");
  for (guint i = 0; i < saves; i++) {
    push(h, &blobs, 10 * i, 10);
    fail_unless(command(h, "save-state", NULL));
  }
  gst_harness_teardown(h);
}

static void
assert_notice(GstBus *bus, const gchar *kind, const gchar *path)
{
  GstMessage *message = stream_notice(bus, kind);
  fail_unless(message != NULL, "no %s", kind);
  const GstStructure *notice = gst_message_get_structure(message);
  assert_equals_string(gst_structure_get_string(notice, "location"), path);
  fail_unless(gst_structure_has_field_typed(notice, "stream-time", G_TYPE_UINT64));
  fail_unless(gst_structure_has_field(notice, "reason") == g_str_equal(kind, "state-rejected"));
  gst_message_unref(message);
}

static gchar *
uuid_of(GstHarness *h, guint cluster)
{
  DcSnapshot *snapshot = stream_snapshot(h);
  fail_unless(snapshot != NULL);
  gchar *uuid = g_strdup(dc_snapshot_cluster(snapshot, cluster)->uuid);
  dc_snapshot_unref(snapshot);
  return uuid;
}

/* --- Saving and going on --- */

static void
rename_cluster(GstHarness *h, const gchar *cluster, const gchar *label)
{
  gboolean done = FALSE;
  GstElement *element = gst_harness_find_element(h, "adapt-centroids");
  g_signal_emit_by_name(element, "rename-cluster", cluster, label, &done);
  gst_object_unref(element);
  fail_unless(done);
}

GST_START_TEST(restart_goes_on_with_the_same_clusters)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("");
  push(h, &blobs, 0, 10);
  g_autofree gchar *uuid = uuid_of(h, 1);
  rename_cluster(h, "1", "van");
  gst_harness_teardown(h);

  h = open_element("seed=77 post-messages=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 10, 1); /* its first buffer is labelled already */
  g_autofree gchar *again = uuid_of(h, 1);
  assert_equals_string(again, uuid);
  DcSnapshot *snapshot = stream_snapshot(h);
  assert_equals_string(dc_snapshot_cluster(snapshot, 1)->label, "van");
  dc_snapshot_unref(snapshot);
  assert_notice(bus, "state-loaded", state);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* What the next run calls cluster `cluster`. */
static void
assert_next_calls(guint cluster, const gchar *label)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("");
  push(h, &blobs, 100, 1);
  DcSnapshot *snapshot = stream_snapshot(h);
  fail_unless(snapshot != NULL, "there are no clusters");
  assert_equals_string(dc_snapshot_cluster(snapshot, cluster)->label, label);
  dc_snapshot_unref(snapshot);
  gst_harness_teardown(h);
}

/* A stream that has ended, and then had a cluster renamed. */
static GstHarness *
rename_after_the_end(void)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("");
  push(h, &blobs, 0, 10);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  rename_cluster(h, "1", "van");
  return h;
}

GST_START_TEST(copy_elsewhere_does_not_stand_in_for_the_state_file)
{
  g_autofree gchar *copy = beside("-copy");
  GstHarness *h = rename_after_the_end();
  fail_unless(command(h, "save-state", copy));
  gst_harness_teardown(h);
  assert_next_calls(1, "van");
}
GST_END_TEST

GST_START_TEST(copy_that_fails_does_not_stand_in_for_the_state_file)
{
  g_autofree gchar *nowhere = g_build_filename(folder, "missing", "state", NULL);
  GstHarness *h = rename_after_the_end();
  fail_if(command(h, "save-state", nowhere));
  gst_harness_teardown(h);
  assert_next_calls(1, "van");
}
GST_END_TEST

static gboolean
command_reset(GstHarness *h)
{
  gboolean done = FALSE;
  GstElement *element = gst_harness_find_element(h, "adapt-centroids");
  g_signal_emit_by_name(element, "reset", &done);
  gst_object_unref(element);
  return done;
}

GST_START_TEST(reset_holds_for_the_next_run)
{
  Blobs blobs = blobs_of(3, DIM);
  leave_state(1);
  gsize size;
  g_autofree gchar *forgotten = contents(state, &size), *previous = beside(".previous");
  GstHarness *h = open_element("");
  push(h, &blobs, 10, 1);
  fail_unless(command_reset(h));
  gst_harness_teardown(h);
  assert_same_file(previous, forgotten, size);
  h = open_element("");
  push(h, &blobs, 11, 1);
  fail_unless(stream_snapshot(h) == NULL, "goes on with what was forgotten");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(reset_without_a_file_leaves_none)
{
  g_autofree gchar *previous = beside(".previous");
  GstHarness *h = open_element("");
  fail_unless(command_reset(h));
  gst_harness_teardown(h);
  fail_if(g_file_test(state, G_FILE_TEST_EXISTS) || g_file_test(previous, G_FILE_TEST_EXISTS));
}
GST_END_TEST

/* What the last of 40 frames is labelled by, with a restart after the first `pause`. */
static DcSnapshot *
run_with_pause(guint pause)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("");
  g_remove(state);
  push(h, &blobs, 0, pause);
  gst_harness_teardown(h);
  h = open_element("");
  push(h, &blobs, pause, 40 - pause);
  DcSnapshot *snapshot = stream_snapshot(h);
  gst_harness_teardown(h);
  g_remove(state);
  return snapshot;
}

GST_START_TEST(restart_changes_no_bit)
{
  DcSnapshot *early = run_with_pause(12), *late = run_with_pause(35);
  DcMatrix a = dc_snapshot_centroids(early), b = dc_snapshot_centroids(late);
  assert_equals_uint64(dc_snapshot_version(early), dc_snapshot_version(late));
  for (guint k = 0; k < 3; k++) {
    fail_unless(memcmp(dc_matrix_row(&a, k), dc_matrix_row(&b, k), DIM * sizeof(gfloat)) == 0);
    assert_equals_string(dc_snapshot_cluster(early, k)->uuid, dc_snapshot_cluster(late, k)->uuid);
  }
  dc_snapshot_unref(early);
  dc_snapshot_unref(late);
}
GST_END_TEST

GST_START_TEST(end_of_stream_saves)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("post-messages=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 10);
  fail_if(g_file_test(state, G_FILE_TEST_EXISTS));
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  fail_unless(g_file_test(state, G_FILE_TEST_EXISTS));
  assert_notice(bus, "state-saved", state);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "saves"), 1);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h); /* nothing is new since: no second save makes the first .previous */
  g_autofree gchar *previous = beside(".previous");
  fail_if(g_file_test(previous, G_FILE_TEST_EXISTS));
}
GST_END_TEST

GST_START_TEST(short_stream_leaves_its_clusters)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("warm-up=1000");
  push(h, &blobs, 0, 5);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  g_autofree gchar *uuid = uuid_of(h, 0);
  gst_harness_teardown(h);
  h = open_element("warm-up=1000");
  push(h, &blobs, 5, 1);
  g_autofree gchar *again = uuid_of(h, 0);
  assert_equals_string(again, uuid);
  gst_harness_teardown(h);
}
GST_END_TEST

/* The end of the stream makes clusters of what was saved without any. */
GST_START_TEST(clusters_of_the_end_are_saved_after_a_save_by_interval)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("warm-up=1000 save-interval=40000000");
  push(h, &blobs, 0, 5);
  fail_unless(gst_harness_push_event(h, gst_event_new_eos()));
  g_autofree gchar *uuid = uuid_of(h, 0);
  gst_harness_teardown(h);
  h = open_element("warm-up=1000");
  push(h, &blobs, 5, 1);
  g_autofree gchar *again = uuid_of(h, 0);
  assert_equals_string(again, uuid);
  gst_harness_teardown(h);
}
GST_END_TEST

/* After 2.4 s: saves at 1 s and 2 s, one of which may overtake the other. */
static void
assert_saved_by_interval(GstHarness *h)
{
  guint64 saves = 0;
  for (guint i = 0; i < 2000 && saves < 2; i++) {
    saves = stream_stat(h, "adapt-centroids", "saves");
    g_usleep(1000);
  }
  fail_unless(saves == 1 || saves == 2, "%u saves", (guint)saves);
}

GST_START_TEST(reverse_playback_saves_by_the_interval_too)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("save-interval=1000000000");
  for (guint frame = 60; frame > 0; frame--)
    push(h, &blobs, frame, 1);
  assert_saved_by_interval(h);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(saves_keep_to_the_interval)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("save-interval=1000000000");
  push(h, &blobs, 0, 60);
  assert_saved_by_interval(h);
  gst_harness_teardown(h);
  g_autofree gchar *previous = beside(".previous");
  fail_unless(g_file_test(previous, G_FILE_TEST_EXISTS));
}
GST_END_TEST

GST_START_TEST(warm_up_goes_on_after_a_restart)
{
  Blobs blobs = blobs_of(3, DIM);
  GstHarness *h = open_element("");
  push(h, &blobs, 0, 7);
  gst_harness_teardown(h);
  h = open_element("");
  push(h, &blobs, 7, 2);
  fail_unless(stream_snapshot(h) == NULL);
  push(h, &blobs, 9, 1); /* the tenth, all in all */
  fail_unless(stream_version(h) > 0);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(stream_without_embeddings_saves_nothing)
{
  GstHarness *h = open_element("save-interval=40000000");
  for (guint i = 0; i < 5; i++)
    gst_buffer_unref(gst_harness_push_and_pull(h, blobs_frame(i)));
  gst_harness_teardown(h);
  fail_if(g_file_test(state, G_FILE_TEST_EXISTS));
}
GST_END_TEST

GST_START_TEST(commands_save_and_load)
{
  Blobs blobs = blobs_of(3, DIM);
  g_autofree gchar *copy = beside("-copy");
  GstHarness *h = open_element("");
  push(h, &blobs, 0, 10);
  g_autofree gchar *uuid = uuid_of(h, 0);
  fail_unless(command(h, "save-state", NULL));
  fail_unless(g_file_test(state, G_FILE_TEST_EXISTS));
  fail_unless(command(h, "save-state", copy));
  gst_harness_teardown(h);

  h = stream_open("adapt-centroids clusters=3 warm-up=30 interval=30 seed=5 post-messages=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 10);
  g_autofree gchar *other = uuid_of(h, 0);
  fail_if(g_str_equal(other, uuid));
  fail_unless(command(h, "load-state", copy));
  assert_notice(bus, "state-loaded", copy);
  push(h, &blobs, 10, 1);
  g_autofree gchar *loaded = uuid_of(h, 0);
  assert_equals_string(loaded, uuid);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(state_loaded_before_the_stream_waits_for_it)
{
  Blobs blobs = blobs_of(3, DIM);
  leave_state(1);
  GstHarness *h = stream_open("adapt-centroids clusters=3 post-messages=true");
  GstBus *bus = stream_watch(h->element);
  fail_unless(command(h, "load-state", state));
  stream_assert_silent(bus, GST_MESSAGE_ELEMENT);
  push(h, &blobs, 0, 1);
  assert_notice(bus, "state-loaded", state);
  fail_unless(stream_version(h) > 0);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- States that cannot be used --- */

GST_START_TEST(commands_that_fail_say_why)
{
  Blobs blobs = blobs_of(3, DIM);
  g_autofree gchar *nowhere = g_build_filename(folder, "missing", "state", NULL);
  GstHarness *h = stream_open("adapt-centroids clusters=3 warm-up=30 post-messages=true");
  GstBus *bus = stream_watch(h->element);
  fail_if(command(h, "save-state", nowhere));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "nothing to save yet");
  push(h, &blobs, 0, 10);
  fail_if(command(h, "save-state", NULL));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "set state-file");
  fail_if(command(h, "save-state", nowhere));
  stream_assert_told(bus, GST_MESSAGE_WARNING, nowhere);
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  fail_if(command(h, "load-state", nowhere));
  stream_assert_told(bus, GST_MESSAGE_WARNING, nowhere);
  fail_if(command(h, "load-state", NULL));
  stream_assert_told(bus, GST_MESSAGE_WARNING, "path");
  push(h, &blobs, 10, 1); /* and the stream goes on */
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(damaged_state_is_not_loaded_by_command)
{
  Blobs blobs = blobs_of(3, DIM);
  leave_state(1);
  damage(state);
  GstHarness *h = stream_open("adapt-centroids clusters=3 warm-up=30 seed=5 post-messages=true");
  GstBus *bus = stream_watch(h->element);
  push(h, &blobs, 0, 10);
  g_autofree gchar *before = uuid_of(h, 0);
  fail_if(command(h, "load-state", state));
  assert_notice(bus, "state-rejected", state);
  push(h, &blobs, 10, 1);
  g_autofree gchar *after = uuid_of(h, 0);
  assert_equals_string(after, before);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(state_of_another_encoder_is_refused_and_kept)
{
  Blobs other = blobs_of(3, DIM + 4);
  other.encoder = "other-encoder";
  leave_state(1);
  gsize size;
  g_autofree gchar *bytes = contents(state, &size);
  GstHarness *h = open_element("post-messages=true");
  GstBus *bus = stream_watch(h->element);
  fail_unless_equals_int(gst_harness_push(h, blobs_buffer(&other, 0, 3)), GST_FLOW_ERROR);
  GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  g_autoptr(GError) error = NULL;
  gst_message_parse_error(message, &error, NULL);
  fail_unless(strstr(error->message, "other-encoder") && strstr(error->message, BLOBS_ENCODER),
              "does not name both: %s", error->message);
  gst_message_unref(message);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
  assert_same_file(state, bytes, size);
}
GST_END_TEST

GST_START_TEST(refused_state_is_told_of)
{
  Blobs other = blobs_of(3, DIM + 4);
  leave_state(1);
  GstHarness *h = open_element("post-messages=true");
  GstBus *bus = stream_watch(h->element);
  fail_unless_equals_int(gst_harness_push(h, blobs_buffer(&other, 0, 3)), GST_FLOW_ERROR);
  assert_notice(bus, "state-rejected", state);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(previous_state_is_taken_for_a_damaged_one)
{
  Blobs blobs = blobs_of(3, DIM);
  leave_state(2);
  damage(state);
  gsize size;
  g_autofree gchar *bytes = contents(state, &size);
  g_autofree gchar *launch = launch_of("");
  g_autofree gchar *aside = beside(".damaged"), *previous = beside(".previous");
  gsize previous_size;
  g_autofree gchar *previous_bytes = contents(previous, &previous_size);

  GstElement *element = gst_parse_launch(launch, NULL);
  GstBus *bus = stream_watch(element);
  GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
  stream_assert_told(bus, GST_MESSAGE_WARNING, ".damaged");
  gst_harness_set_src_caps_str(h, STREAM_CAPS);
  push(h, &blobs, 30, 1);
  fail_unless(stream_version(h) > 0);
  stream_unwatch(element, bus);
  gst_harness_teardown(h);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
  /* Saved anew, and nothing of what there was is lost. */
  fail_unless(g_file_test(state, G_FILE_TEST_EXISTS));
  assert_same_file(aside, bytes, size);
  assert_same_file(previous, previous_bytes, previous_size);
}
GST_END_TEST

GST_START_TEST(previous_state_outlives_a_run_without_a_buffer)
{
  leave_state(2);
  damage(state);
  g_autofree gchar *previous = beside(".previous");
  gsize size;
  g_autofree gchar *bytes = contents(previous, &size);
  GstHarness *h = open_element("");
  gst_harness_teardown(h);
  assert_same_file(state, bytes, size);
  assert_same_file(previous, bytes, size);
}
GST_END_TEST

GST_START_TEST(previous_state_is_found_behind_a_link)
{
  Blobs blobs = blobs_of(3, DIM);
  leave_state(2);
  damage(state);
  g_autofree gchar *real = g_build_filename(folder, "elsewhere", NULL);
  g_autofree gchar *previous = g_strconcat(real, ".previous", NULL);
  g_autofree gchar *beside_link = beside(".previous");
  fail_unless(g_rename(state, real) == 0 && g_rename(beside_link, previous) == 0);
  fail_unless(symlink(real, state) == 0);
  GstHarness *h = open_element("");
  push(h, &blobs, 30, 1);
  fail_unless(stream_version(h) > 0);
  gst_harness_teardown(h);
  fail_unless(g_file_test(state, G_FILE_TEST_IS_SYMLINK));
  fail_unless(g_file_test(real, G_FILE_TEST_IS_REGULAR));
}
GST_END_TEST

GST_START_TEST(damaged_state_without_a_previous_one_is_an_error)
{
  leave_state(1);
  damage(state);
  gsize size;
  g_autofree gchar *bytes = contents(state, &size);
  g_autofree gchar *launch = launch_of("");
  stream_assert_start_fails(launch, "unset state-file");
  assert_same_file(state, bytes, size);
}
GST_END_TEST

GST_START_TEST(damaged_state_is_not_moved_over_another_one)
{
  leave_state(2);
  damage(state);
  gsize size;
  g_autofree gchar *bytes = contents(state, &size);
  g_autofree gchar *launch = launch_of(""), *aside = beside(".damaged");
  fail_unless(g_file_set_contents(aside, "evidence", -1, NULL));
  stream_assert_start_fails(launch, ".damaged");
  assert_same_file(aside, "evidence", strlen("evidence"));
  assert_same_file(state, bytes, size);
}
GST_END_TEST

GST_START_TEST(file_that_is_no_state_is_an_error_and_kept)
{
  static const gchar text[] = "the only copy of a novel";
  g_autofree gchar *launch = launch_of("");
  fail_unless(g_file_set_contents(state, text, -1, NULL));
  stream_assert_start_fails(launch, state);
  assert_same_file(state, text, strlen(text));
}
GST_END_TEST

/* --- States that cannot be saved --- */

GST_START_TEST(disk_that_is_full_is_told_once_and_the_stream_goes_on)
{
  Blobs blobs = blobs_of(3, DIM);
  leave_state(1);
  gsize size;
  g_autofree gchar *bytes = contents(state, &size);
  /* The next file may have no more bytes than this: as on a full disk, writing fails midway. */
  struct rlimit limit, full = {512, RLIM_INFINITY};
  getrlimit(RLIMIT_FSIZE, &limit);
  full.rlim_max = limit.rlim_max;
  signal(SIGXFSZ, SIG_IGN);

  GstHarness *h = open_element("save-interval=400000000");
  GstBus *bus = stream_watch(h->element);
  setrlimit(RLIMIT_FSIZE, &full);
  push(h, &blobs, 10, 30);                                     /* tries twice */
  fail_unless(gst_harness_push_event(h, gst_event_new_eos())); /* and once more, and waits */
  fail_if(command(h, "save-state", NULL));
  setrlimit(RLIMIT_FSIZE, &limit);
  assert_same_file(state, bytes, size);
  fail_unless(stream_stat(h, "adapt-centroids", "failed-saves") >= 3);
  stream_assert_told(bus, GST_MESSAGE_WARNING, "not saved");
  stream_assert_told(bus, GST_MESSAGE_WARNING, "writing failed"); /* by the command */
  stream_assert_silent(bus, GST_MESSAGE_WARNING);

  fail_unless(command(h, "save-state", NULL)); /* there is room again */
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "saves"), 1);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(folder_that_is_missing_is_told_once_and_at_the_start)
{
  Blobs blobs = blobs_of(3, DIM);
  g_autofree gchar *launch = g_strdup_printf("adapt-centroids clusters=3 warm-up=30 interval=30 "
                                             "save-interval=40000000 state-file=%s/missing/state",
                                             folder);
  GstElement *element = gst_parse_launch(launch, NULL);
  GstBus *bus = stream_watch(element);
  GstHarness *h = gst_harness_new_with_element(element, "sink", "src");
  stream_assert_told(bus, GST_MESSAGE_WARNING, "missing/state");
  gst_harness_set_src_caps_str(h, STREAM_CAPS);
  push(h, &blobs, 0, 30);                                      /* tries at each of them */
  fail_unless(gst_harness_push_event(h, gst_event_new_eos())); /* waits for the last attempt */
  fail_unless(stream_element_stat(element, "failed-saves") >= 1);
  gst_harness_teardown(h);
  gst_element_set_state(element, GST_STATE_NULL);
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  stream_unwatch(element, bus);
  gst_object_unref(element);
}
GST_END_TEST

GST_START_TEST(looking_whether_it_can_be_saved_leaves_nothing)
{
  GstHarness *h = open_element("");
  g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
  fail_unless(g_dir_read_name(files) == NULL);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Models --- */

/* Writes a model of DIM numbers whose `clusters` centroids are the middles of blobs, and returns
 * the identity of its encoder. */
static gchar *
write_model(const gchar *path, guint clusters)
{
  Blobs blobs = blobs_of(3, DIM);
  DcModel *model = dc_model_new();
  DcLayer dense = {.kind = DC_LAYER_DENSE, .output = {.channels = DIM}};
  DcError error;
  model->preprocessing = dc_patch_spec(4, 4, DC_CHANNELS_GRAY);
  model->encoder = dc_network_new((DcShape){4, 4, 1});
  model->dim = DIM;
  fail_unless(dc_network_add(model->encoder, &dense, &error) == DC_OK);
  model->clusters = clusters;
  if (clusters > 0)
    model->centroids = DC_NEW(float, clusters *DIM);
  for (guint k = 0; k < clusters; k++)
    blobs_centre(&blobs, k, model->centroids + k * DIM);
  fail_unless(dc_model_write(model, path, &error) == DC_OK, "%s", error.message);
  gchar *encoder = g_strdup(model->encoder_id);
  dc_model_free(model);
  return encoder;
}

GST_START_TEST(model_is_where_the_clusters_start)
{
  Blobs blobs = blobs_of(3, DIM);
  g_autofree gchar *path = g_build_filename(folder, "model", NULL);
  g_autofree gchar *encoder = write_model(path, 3);
  g_autofree gchar *launch = g_strdup_printf("adapt-centroids model-file=%s", path);
  GstHarness *h = stream_open(launch);
  gst_buffer_unref(gst_harness_push_and_pull(h, blobs_frame(0))); /* no embeddings are needed */
  DcSnapshot *snapshot = stream_snapshot(h);
  fail_unless(snapshot != NULL);
  assert_equals_uint64(dc_snapshot_clusters(snapshot), 3);
  assert_equals_string(dc_snapshot_encoder(snapshot), encoder);
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  for (guint k = 0; k < 3; k++)
    fail_unless(dc_matrix_row(&centroids, k)[k] == BLOBS_RADIUS);
  dc_snapshot_unref(snapshot);
  blobs.encoder = encoder;
  push(h, &blobs, 1, 30);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(reset_goes_back_to_the_model)
{
  Blobs blobs = blobs_of(3, DIM);
  g_autofree gchar *path = g_build_filename(folder, "model", NULL);
  g_autofree gchar *encoder = write_model(path, 3);
  g_autofree gchar *launch = g_strdup_printf("adapt-centroids interval=6 model-file=%s", path);
  GstHarness *h = stream_open(launch);
  blobs.encoder = encoder;
  blobs.shift = 1;
  push(h, &blobs, 0, 30);
  fail_unless(command_reset(h));
  gst_buffer_unref(gst_harness_push_and_pull(h, blobs_frame(30)));
  DcSnapshot *snapshot = stream_snapshot(h);
  DcMatrix centroids = dc_snapshot_centroids(snapshot);
  fail_unless(dc_matrix_row(&centroids, 1)[1] == BLOBS_RADIUS);
  fail_unless(dc_matrix_row(&centroids, 1)[DIM - 1] == 0);
  dc_snapshot_unref(snapshot);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(embeddings_of_another_encoder_than_the_model_are_an_error)
{
  Blobs blobs = blobs_of(3, DIM);
  g_autofree gchar *path = g_build_filename(folder, "model", NULL);
  g_autofree gchar *encoder = write_model(path, 3);
  g_autofree gchar *launch = g_strdup_printf("adapt-centroids model-file=%s", path);
  GstHarness *h = stream_open(launch);
  stream_assert_push_fails(h, blobs_buffer(&blobs, 0, 3), encoder);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(model_that_does_not_fit_is_an_error_at_the_start)
{
  g_autofree gchar *path = g_build_filename(folder, "model", NULL);
  g_autofree gchar *launch = g_strdup_printf("adapt-centroids model-file=%s", path);
  g_autofree gchar *five = g_strdup_printf("adapt-centroids clusters=5 model-file=%s", path);
  stream_assert_start_fails(launch, path); /* it is missing */
  g_autofree gchar *alone = write_model(path, 0);
  stream_assert_start_fails(launch, "no centroids");
  g_autofree gchar *whole = write_model(path, 3);
  stream_assert_start_fails(five, "has 3 clusters, the property clusters asks for 5");
}
GST_END_TEST

GST_START_TEST(state_of_another_encoder_than_the_model_is_an_error_at_the_start)
{
  g_autofree gchar *path = g_build_filename(folder, "model", NULL);
  g_autofree gchar *encoder = write_model(path, 3);
  leave_state(1); /* of the test encoder */
  g_autofree gchar *properties = g_strdup_printf("model-file=%s", path);
  g_autofree gchar *launch = launch_of(properties);
  stream_assert_start_fails(launch, encoder);
  stream_assert_start_fails(launch, BLOBS_ENCODER);
}
GST_END_TEST

static TCase *
new_case(Suite *suite, const gchar *name)
{
  TCase *tests = tcase_create(name);
  tcase_add_checked_fixture(tests, enter, leave);
  suite_add_tcase(suite, tests);
  return tests;
}

static Suite *
adapt_state_suite(void)
{
  Suite *suite = suite_create("adapt_state");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  TCase *saving = new_case(suite, "saving");
  tcase_add_test(saving, restart_goes_on_with_the_same_clusters);
  tcase_add_test(saving, copy_elsewhere_does_not_stand_in_for_the_state_file);
  tcase_add_test(saving, copy_that_fails_does_not_stand_in_for_the_state_file);
  tcase_add_test(saving, reset_holds_for_the_next_run);
  tcase_add_test(saving, reset_without_a_file_leaves_none);
  tcase_add_test(saving, restart_changes_no_bit);
  tcase_add_test(saving, end_of_stream_saves);
  tcase_add_test(saving, short_stream_leaves_its_clusters);
  tcase_add_test(saving, clusters_of_the_end_are_saved_after_a_save_by_interval);
  tcase_add_test(saving, saves_keep_to_the_interval);
  tcase_add_test(saving, reverse_playback_saves_by_the_interval_too);
  tcase_add_test(saving, warm_up_goes_on_after_a_restart);
  tcase_add_test(saving, stream_without_embeddings_saves_nothing);
  tcase_add_test(saving, commands_save_and_load);
  tcase_add_test(saving, state_loaded_before_the_stream_waits_for_it);
  TCase *unusable = new_case(suite, "unusable states");
  tcase_add_test(unusable, commands_that_fail_say_why);
  tcase_add_test(unusable, damaged_state_is_not_loaded_by_command);
  tcase_add_test(unusable, state_of_another_encoder_is_refused_and_kept);
  tcase_add_test(unusable, refused_state_is_told_of);
  tcase_add_test(unusable, previous_state_is_taken_for_a_damaged_one);
  tcase_add_test(unusable, previous_state_outlives_a_run_without_a_buffer);
  tcase_add_test(unusable, previous_state_is_found_behind_a_link);
  tcase_add_test(unusable, damaged_state_without_a_previous_one_is_an_error);
  tcase_add_test(unusable, damaged_state_is_not_moved_over_another_one);
  tcase_add_test(unusable, file_that_is_no_state_is_an_error_and_kept);
  TCase *full = new_case(suite, "full disks");
  tcase_add_test(full, disk_that_is_full_is_told_once_and_the_stream_goes_on);
  tcase_add_test(full, folder_that_is_missing_is_told_once_and_at_the_start);
  tcase_add_test(full, looking_whether_it_can_be_saved_leaves_nothing);
  TCase *models = new_case(suite, "models");
  tcase_add_test(models, model_is_where_the_clusters_start);
  tcase_add_test(models, reset_goes_back_to_the_model);
  tcase_add_test(models, embeddings_of_another_encoder_than_the_model_are_an_error);
  tcase_add_test(models, model_that_does_not_fit_is_an_error_at_the_start);
  tcase_add_test(models, state_of_another_encoder_than_the_model_is_an_error_at_the_start);
  return suite;
}

GST_CHECK_MAIN(adapt_state)
