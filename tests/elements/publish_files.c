/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE /* a mount namespace for the disk that is full */
/* The files of publish-clusters: rotation, and disks that fill up. */
#include "streams.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define CAPS "video/x-raw,format=GRAY8,width=64,height=48,framerate=10/1"

typedef struct {
  gchar *folder, *path;
  GstElement *element;
  GstHarness *harness;
  GstBus *bus;
  guint pushed;
} Fixture;

static void
make_element(Fixture *fixture)
{
  fixture->element = gst_element_factory_make("publish-clusters", NULL);
  fixture->bus = gst_bus_new();
  gst_object_ref_sink(fixture->element);
  gst_element_set_bus(fixture->element, fixture->bus);
  g_object_set(fixture->element, "location", fixture->path, NULL);
}

static void
fixture_init(Fixture *fixture)
{
  *fixture = (Fixture){.folder = g_dir_make_tmp("publish-files-XXXXXX", NULL)};
  fixture->path = g_build_filename(fixture->folder, "out.jsonl", NULL);
  make_element(fixture);
}

static void
fixture_play(Fixture *fixture)
{
  fixture->harness = gst_harness_new_with_element(fixture->element, "sink", "src");
  gst_harness_set_drop_buffers(fixture->harness, TRUE);
  gst_harness_set_src_caps_str(fixture->harness, CAPS);
}

static void
fixture_stop(Fixture *fixture)
{
  if (fixture->harness)
    gst_harness_teardown(fixture->harness);
  fixture->harness = NULL;
  gst_element_set_bus(fixture->element, NULL);
  gst_element_set_state(fixture->element, GST_STATE_NULL);
  gst_object_unref(fixture->element);
  gst_object_unref(fixture->bus);
}

static gchar *
path_of(const Fixture *fixture, guint number)
{
  return number ? g_strdup_printf("%s.%06u", fixture->path, number) : g_strdup(fixture->path);
}

static void
fixture_clear(Fixture *fixture)
{
  GDir *entries = g_dir_open(fixture->folder, 0, NULL);
  const gchar *name;

  fixture_stop(fixture);
  while ((name = g_dir_read_name(entries))) {
    g_autofree gchar *path = g_build_filename(fixture->folder, name, NULL);

    g_unlink(path);
  }
  g_dir_close(entries);
  g_rmdir(fixture->folder);
  g_free(fixture->path);
  g_free(fixture->folder);
}

/* Ten buffers per second. One check for all of them: each one writes to a file of libcheck, which
 * the limit of a test below would stop. */
static void
push(Fixture *fixture, guint count)
{
  gboolean passed = TRUE;

  for (guint i = 0; i < count; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 48, NULL);

    GST_BUFFER_PTS(buffer) = fixture->pushed++ * 100 * GST_MSECOND;
    passed &= gst_harness_push(fixture->harness, buffer) == GST_FLOW_OK;
  }
  fail_unless(passed);
}

/* The frames of a file, whose lines must be whole and in order; returns how many there are. */
static guint
read_frames(const gchar *path, guint *begin)
{
  g_autofree gchar *text = NULL;
  g_auto(GStrv) lines = NULL;
  guint count = 0;

  fail_unless(g_file_get_contents(path, &text, NULL, NULL), "no %s", path);
  lines = g_strsplit(text, "\n", -1);
  for (; lines[count] && lines[count + 1]; count++) {
    g_autoptr(JsonNode) root = json_from_string(lines[count], NULL);
    guint frame;

    if (!root)
      fail("%s, line %u is no JSON: %s", path, count + 1, lines[count]);
    frame = (guint)json_object_get_int_member(json_node_get_object(root), "frame");
    if (count == 0)
      *begin = frame;
    if (frame != *begin + count)
      fail("%s, line %u is of frame %u", path, count + 1, frame);
  }
  assert_equals_string(lines[count], "");
  return count;
}

/* The numbered files from `oldest` to `newest`, and then the present one, hold the frames from
 * `start` on to the last one that was pushed. */
static void
assert_files(const Fixture *fixture, guint oldest, guint newest, guint start)
{
  guint expected = start;

  for (guint number = oldest; number <= newest + 1; number++) {
    g_autofree gchar *path = path_of(fixture, number <= newest ? number : 0);
    guint begin = expected, count = read_frames(path, &begin);

    assert_equals_int(begin, expected);
    expected += count;
  }
  assert_equals_int(expected, fixture->pushed);
}

static gboolean
exists(const Fixture *fixture, guint number)
{
  g_autofree gchar *path = path_of(fixture, number);

  return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* --- Rotation --- */

GST_START_TEST(files_are_completed_by_size)
{
  GStatBuf status;
  Fixture fixture;

  fixture_init(&fixture);
  g_object_set(fixture.element, "rotate-size", G_GUINT64_CONSTANT(1000), NULL);
  fixture_play(&fixture);
  push(&fixture, 50);
  fail_unless(exists(&fixture, 3));
  for (guint number = 1; exists(&fixture, number); number++) {
    g_autofree gchar *path = path_of(&fixture, number);

    fail_unless(g_stat(path, &status) == 0);
    fail_unless(status.st_size <= 1000 && status.st_size > 800, "%d", (gint)status.st_size);
  }
  assert_files(&fixture, 1, 5, 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lines"), 50);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(files_are_completed_by_stream_time)
{
  g_autofree gchar *path = NULL;
  guint begin = 0;
  Fixture fixture;

  fixture_init(&fixture);
  g_object_set(fixture.element, "rotate-interval", GST_SECOND, NULL);
  fixture_play(&fixture);
  push(&fixture, 35);
  path = path_of(&fixture, 2);
  assert_equals_int(read_frames(path, &begin), 10);
  assert_equals_int(begin, 10);
  assert_files(&fixture, 1, 3, 0);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(only_the_newest_files_are_kept)
{
  g_autofree gchar *other = NULL;
  Fixture fixture;

  fixture_init(&fixture);
  other = g_strconcat(fixture.path, ".000000x", NULL);
  fail_unless(g_file_set_contents(other, "not ours", -1, NULL));
  g_object_set(fixture.element, "rotate-interval", GST_SECOND, "keep-files", 2, NULL);
  fixture_play(&fixture);
  push(&fixture, 95);
  fail_unless(!exists(&fixture, 7));
  assert_files(&fixture, 8, 9, 70);
  fail_unless(g_file_test(other, G_FILE_TEST_EXISTS));
  fixture_clear(&fixture);
}
GST_END_TEST

/* The next run numbers on, and keeps as many all in all. */
GST_START_TEST(another_run_continues_the_numbers)
{
  Fixture fixture;

  fixture_init(&fixture);
  for (guint run = 1; run <= 2; run++) {
    g_object_set(fixture.element, "rotate-interval", GST_SECOND, "keep-files", 3, "append", TRUE,
                 NULL);
    fixture.pushed = 0;
    fixture_play(&fixture);
    push(&fixture, 25);
    fixture_stop(&fixture);
    make_element(&fixture);
  }
  fail_unless(!exists(&fixture, 1) && exists(&fixture, 2) && exists(&fixture, 4));
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(long_lines_have_files_of_their_own)
{
  Fixture fixture;

  fixture_init(&fixture);
  g_object_set(fixture.element, "rotate-size", G_GUINT64_CONSTANT(1), NULL);
  fixture_play(&fixture);
  push(&fixture, 5);
  assert_files(&fixture, 1, 4, 0);
  fixture_clear(&fixture);
}
GST_END_TEST

/* The place of the next numbered file is taken by a folder: the file grows on, no line is lost, and
 * rotation is taken up again. */
GST_START_TEST(rotation_that_fails_loses_nothing)
{
  g_autofree gchar *taken = NULL;
  Fixture fixture;

  fixture_init(&fixture);
  g_object_set(fixture.element, "rotate-interval", GST_SECOND, NULL);
  fixture_play(&fixture);
  taken = path_of(&fixture, 1);
  fail_unless(g_mkdir(taken, 0700) == 0);
  push(&fixture, 25);
  assert_files(&fixture, 1, 0, 0);
  fail_unless(g_rmdir(taken) == 0);
  push(&fixture, 5);
  assert_files(&fixture, 1, 1, 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(only_files_can_be_rotated)
{
  static const gchar *const locations[] = {"-", "fd://1", "/dev/null"};
  Fixture fixture;

  fixture_init(&fixture);
  g_object_set(fixture.element, "rotate-size", G_GUINT64_CONSTANT(1000), NULL);
  for (guint i = 0; i < G_N_ELEMENTS(locations); i++) {
    g_autoptr(GError) error = NULL;
    g_autofree gchar *debug = NULL;
    GstMessage *message;

    g_object_set(fixture.element, "location", locations[i], NULL);
    assert_equals_int(gst_element_set_state(fixture.element, GST_STATE_PAUSED),
                      GST_STATE_CHANGE_FAILURE);
    message = gst_bus_pop_filtered(fixture.bus, GST_MESSAGE_ERROR);
    fail_unless(message != NULL);
    gst_message_parse_error(message, &error, &debug);
    fail_unless(strstr(debug, "only a file can be rotated") != NULL, "%s", debug);
    gst_message_unref(message);
    gst_element_set_state(fixture.element, GST_STATE_NULL);
  }
  fixture_clear(&fixture);
}
GST_END_TEST

/* --- Lines that were cut --- */

/* A crash of the computer left half a line. */
GST_START_TEST(half_a_line_is_closed_before_it_is_continued)
{
  g_autofree gchar *text = NULL;
  Fixture fixture;

  fixture_init(&fixture);
  fail_unless(g_file_set_contents(fixture.path, "{\"sche", -1, NULL));
  g_object_set(fixture.element, "append", TRUE, NULL);
  fixture_play(&fixture);
  push(&fixture, 1);
  fail_unless(g_file_get_contents(fixture.path, &text, NULL, NULL));
  fail_unless(g_str_has_prefix(text, "{\"sche\n{\"schema\":1,"), "%s", text);
  fixture_clear(&fixture);
}
GST_END_TEST

/* Pushes until lines get lost, and on; then there is room again. */
static void
assert_recovery(Fixture *fixture, void (*make_room)(Fixture *fixture))
{
  guint64 lines;
  guint begin = 0;

  push(fixture, 4000);
  lines = stream_element_stat(fixture->element, "lines");
  fail_unless(lines > 10 && lines < 3990, "%u lines", (guint)lines);
  assert_equals_uint64(lines + stream_element_stat(fixture->element, "lost"), 4000);
  assert_equals_int(stream_count_messages(fixture->bus, GST_MESSAGE_WARNING), 1);
  /* The line that did not fit left no trace. */
  assert_equals_int(read_frames(fixture->path, &begin), lines);
  assert_equals_int(begin, 0);

  make_room(fixture);
  push(fixture, 10);
  assert_equals_uint64(stream_element_stat(fixture->element, "lines"), lines + 10);
  assert_equals_int(stream_count_messages(fixture->bus, GST_MESSAGE_WARNING), 0);
}

static void
set_file_limit(rlim_t bytes)
{
  struct rlimit limit;

  fail_unless(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  limit.rlim_cur = bytes;
  fail_unless(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void
lift_file_limit(Fixture *fixture)
{
  (void)fixture;
  set_file_limit(1 << 20);
}

GST_START_TEST(line_beyond_the_limit_of_a_file_is_taken_back)
{
  Fixture fixture;

  signal(SIGXFSZ, SIG_IGN);
  fixture_init(&fixture);
  fixture_play(&fixture);
  set_file_limit(200000);
  assert_recovery(&fixture, lift_file_limit);
  fixture_clear(&fixture);
}
GST_END_TEST

static void
remove_ballast(Fixture *fixture)
{
  g_autofree gchar *ballast = g_build_filename(fixture->folder, "ballast", NULL);

  fail_unless(g_unlink(ballast) == 0);
}

/* Only root can mount a disk of our own; its mount is gone with the process of the test. */
GST_START_TEST(full_disk_loses_whole_lines_and_recovers)
{
  g_autofree gchar *ballast = NULL, *zeros = g_malloc0(65536);
  Fixture fixture;

  fixture_init(&fixture);
  if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
      mount("tmpfs", fixture.folder, "tmpfs", 0, "size=131072") < 0) {
    g_print("skipped: no tmpfs can be mounted here\n");
    fixture_clear(&fixture);
    return;
  }
  ballast = g_build_filename(fixture.folder, "ballast", NULL);
  fail_unless(g_file_set_contents(ballast, zeros, 65536, NULL));
  fixture_play(&fixture);
  assert_recovery(&fixture, remove_ballast);
  fixture_clear(&fixture);
}
GST_END_TEST

static Suite *
publish_files_suite(void)
{
  Suite *suite = suite_create("publish-files");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, files_are_completed_by_size);
  tcase_add_test(cases, files_are_completed_by_stream_time);
  tcase_add_test(cases, only_the_newest_files_are_kept);
  tcase_add_test(cases, another_run_continues_the_numbers);
  tcase_add_test(cases, long_lines_have_files_of_their_own);
  tcase_add_test(cases, rotation_that_fails_loses_nothing);
  tcase_add_test(cases, only_files_can_be_rotated);
  tcase_add_test(cases, half_a_line_is_closed_before_it_is_continued);
  tcase_add_test(cases, line_beyond_the_limit_of_a_file_is_taken_back);
  tcase_add_test(cases, full_disk_loses_whole_lines_and_recovers);
  return suite;
}

GST_CHECK_MAIN(publish_files)
