/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L /* pipes and FIFOs */
#include "meta/driftcluster.h"

#include "descriptors.h"
#include "streams.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define CAPS "video/x-raw,format=GRAY8,width=64,height=48,framerate=10/1"
#define HEAD(frame, time)                                                                          \
  "{\"schema\":1,\"frame\":" #frame ",\"timestamp\":" #time ",\"stream_time\":" #time              \
  ",\"width\":64,\"height\":48,\"regions\":["

/* An element that writes to a file of its own folder. */
typedef struct {
  gchar *folder, *path;
  GstElement *element;
  GstHarness *harness;
  GstBus *bus;
} Fixture;

static void
fixture_prepare(Fixture *fixture)
{
  fixture->folder = g_dir_make_tmp("publish-clusters-XXXXXX", NULL);
  fixture->path = g_build_filename(fixture->folder, "out.jsonl", NULL);
  fixture->element = gst_element_factory_make("publish-clusters", NULL);
  fixture->bus = gst_bus_new();
  fixture->harness = NULL;
  gst_object_ref_sink(fixture->element);
  gst_element_set_bus(fixture->element, fixture->bus);
  g_object_set(fixture->element, "location", fixture->path, NULL);
}

static void
fixture_play(Fixture *fixture)
{
  fixture->harness = gst_harness_new_with_element(fixture->element, "sink", "src");
  gst_harness_set_src_caps_str(fixture->harness, CAPS);
}

static void
fixture_clear(Fixture *fixture)
{
  if (fixture->harness)
    gst_harness_teardown(fixture->harness);
  gst_element_set_bus(fixture->element, NULL);
  gst_element_set_state(fixture->element, GST_STATE_NULL);
  gst_object_unref(fixture->element);
  gst_object_unref(fixture->bus);
  g_unlink(fixture->path);
  fail_unless(g_rmdir(fixture->folder) == 0);
  g_free(fixture->path);
  g_free(fixture->folder);
}

static GstBuffer *
buffer_at(GstClockTime time)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 48, NULL);

  GST_BUFFER_PTS(buffer) = time;
  return buffer;
}

/* Pushes `buffer` and drops what comes out, which is the same. */
static void
push(Fixture *fixture, GstBuffer *buffer)
{
  GstBuffer *out;

  gst_buffer_ref(buffer);
  assert_equals_int(gst_harness_push(fixture->harness, buffer), GST_FLOW_OK);
  out = gst_harness_pull(fixture->harness);
  fail_unless(out == buffer);
  gst_buffer_unref(out);
  gst_buffer_unref(buffer);
}

static void
assert_file(const Fixture *fixture, const gchar *expected)
{
  g_autofree gchar *text = NULL;

  fail_unless(g_file_get_contents(fixture->path, &text, NULL, NULL));
  assert_equals_string(text, expected);
}

static DriftclusterResult
tile_result(void)
{
  return (DriftclusterResult){.x = 0.25,
                              .y = 0.5,
                              .width = 0.25,
                              .height = 0.25,
                              .key = 6,
                              .roi_type = g_quark_from_static_string("tile"),
                              .roi_id = -1,
                              .cluster = 2,
                              .uuid = "0b1c",
                              .label = "shoe",
                              .confidence = 0.875,
                              .distance = 1.5};
}

static void
add_results(GstBuffer *buffer, const DriftclusterResult *results, guint n)
{
  fail_unless(driftcluster_buffer_add_results_meta(buffer, 17, "encoder", 2, results, n) != NULL);
}

GST_START_TEST(line_has_every_field_of_a_result)
{
  DriftclusterResult result = tile_result();
  GstBuffer *buffer = buffer_at(100);
  Fixture fixture;

  fixture_prepare(&fixture);
  fixture_play(&fixture);
  add_results(buffer, &result, 1);
  push(&fixture, buffer);
  assert_file(&fixture, HEAD(0, 100) "{\"x\":16,\"y\":24,\"w\":16,\"h\":12,\"roi_type\":\"tile\","
                                     "\"region_id\":6,\"cluster\":{\"id\":2,\"uuid\":\"0b1c\","
                                     "\"label\":\"shoe\",\"confidence\":0.875,\"distance\":1.5,"
                                     "\"novel\":false,\"version\":17}}]}\n");
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(line_tells_novel_stale_and_unassigned)
{
  DriftclusterResult results[3] = {tile_result(), tile_result(), tile_result()};
  GstBuffer *buffer = buffer_at(0);
  Fixture fixture;

  results[0].novel = TRUE;
  results[0].roi_type = 0;
  results[1].stale = TRUE;
  results[1].uuid = results[1].label = NULL;
  results[2].cluster = -1;
  fixture_prepare(&fixture);
  fixture_play(&fixture);
  add_results(buffer, results, 3);
  push(&fixture, buffer);
  assert_file(
      &fixture,
      HEAD(0, 0) "{\"x\":16,\"y\":24,\"w\":16,\"h\":12,\"roi_type\":null,\"region_id\":6,"
                 "\"cluster\":{\"id\":2,\"uuid\":\"0b1c\",\"label\":\"shoe\",\"confidence\":0.875,"
                 "\"distance\":1.5,\"novel\":true,\"version\":17}},"
                 "{\"x\":16,\"y\":24,\"w\":16,\"h\":12,\"roi_type\":\"tile\",\"region_id\":6,"
                 "\"cluster\":{\"id\":2,\"uuid\":null,\"label\":null,\"confidence\":0.875,"
                 "\"distance\":1.5,\"novel\":false,\"version\":17,\"stale\":true}},"
                 "{\"x\":16,\"y\":24,\"w\":16,\"h\":12,\"roi_type\":\"tile\",\"region_id\":6,"
                 "\"cluster\":null}]}\n");
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(every_buffer_has_its_line_in_order)
{
  Fixture fixture;

  fixture_prepare(&fixture);
  fixture_play(&fixture);
  push(&fixture, buffer_at(0));
  push(&fixture, buffer_at(GST_CLOCK_TIME_NONE));
  push(&fixture, buffer_at(7));
  assert_file(&fixture, HEAD(0, 0) "]}\n" HEAD(1, null) "]}\n" HEAD(2, 7) "]}\n");
  assert_equals_uint64(stream_element_stat(fixture.element, "frames"), 3);
  assert_equals_uint64(stream_element_stat(fixture.element, "lines"), 3);
  assert_equals_uint64(stream_element_stat(fixture.element, "bytes"),
                       strlen(HEAD(0, 0) "]}\n" HEAD(1, null) "]}\n" HEAD(2, 7) "]}\n"));
  fixture_clear(&fixture);
}
GST_END_TEST

/* The stream time of a buffer is where it lies in the recording, whatever its timestamp. */
GST_START_TEST(stream_time_follows_the_segment)
{
  GstSegment segment;
  Fixture fixture;

  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 1000;
  segment.time = 250;
  fixture_prepare(&fixture);
  fixture_play(&fixture);
  gst_harness_push_event(fixture.harness, gst_event_new_segment(&segment));
  push(&fixture, buffer_at(1100));
  assert_file(&fixture, "{\"schema\":1,\"frame\":0,\"timestamp\":1100,\"stream_time\":350,"
                        "\"width\":64,\"height\":48,\"regions\":[]}\n");
  fixture_clear(&fixture);
}
GST_END_TEST

static gchar *
line_with_reference(const gchar *caps, GstClockTime time)
{
  g_autoptr(GstCaps) reference = gst_caps_from_string(caps);
  GstBuffer *buffer = buffer_at(0);
  gchar *text = NULL;
  Fixture fixture;

  gst_buffer_add_reference_timestamp_meta(buffer, reference, time, GST_CLOCK_TIME_NONE);
  fixture_prepare(&fixture);
  fixture_play(&fixture);
  push(&fixture, buffer);
  fail_unless(g_file_get_contents(fixture.path, &text, NULL, NULL));
  fixture_clear(&fixture);
  return text;
}

/* Cameras tell the time of day as it is counted by Unix or by NTP. */
GST_START_TEST(time_of_day_is_told_where_the_source_does)
{
  g_autofree gchar *by_unix = line_with_reference("timestamp/x-unix", 1700000000000000123);
  g_autofree gchar *by_ntp = line_with_reference("timestamp/x-ntp", 3908988800000000123);
  g_autofree gchar *by_none = line_with_reference("timestamp/x-ptp", 7);
  g_autofree gchar *too_early = line_with_reference("timestamp/x-ntp", 7);

  fail_unless(strstr(by_unix, ",\"unix_time\":1700000000000000123,") != NULL, "%s", by_unix);
  assert_equals_string(by_unix, by_ntp);
  assert_equals_string(by_none, HEAD(0, 0) "]}\n");
  assert_equals_string(too_early, by_none);
}
GST_END_TEST

/* Two regions: only the first has an embedding. */
static void
add_embeddings(GstBuffer *buffer, gfloat second_number)
{
  DriftclusterRegion regions[] = {
      {16, 24, 16, 12, 6, g_quark_from_string("tile"), -1, 0},
      {0, 0, 63, 48, 7, g_quark_from_string("tile"), -1, -1},
  };
  DriftclusterEmbeddingBlock *block = driftcluster_embedding_block_new(1, 2, "encoder");

  block->data[0] = 1.0f;
  block->data[1] = second_number;
  driftcluster_buffer_add_embedding_meta(buffer, 64, 48, regions, 2, block);
  driftcluster_embedding_block_unref(block);
}

GST_START_TEST(regions_without_results_are_unassigned)
{
  GstBuffer *buffer = buffer_at(0);
  Fixture fixture;

  fixture_prepare(&fixture);
  g_object_set(fixture.element, "embeddings", 1, NULL);
  fixture_play(&fixture);
  add_embeddings(buffer, -2.5f);
  push(&fixture, buffer);
  assert_file(&fixture,
              HEAD(0, 0) "{\"x\":16,\"y\":24,\"w\":16,\"h\":12,\"roi_type\":\"tile\","
                         "\"region_id\":6,\"cluster\":null,\"embedding\":\"AACAPwAAIMA=\"},"
                         "{\"x\":0,\"y\":0,\"w\":63,\"h\":48,\"roi_type\":\"tile\","
                         "\"region_id\":7,\"cluster\":null,\"embedding\":null}]}\n");
  fixture_clear(&fixture);
}
GST_END_TEST

/* The labelled region is the second of the results, but the first of the embeddings. */
GST_START_TEST(embedding_is_that_of_the_region)
{
  DriftclusterResult results[2] = {tile_result(), tile_result()};
  GstBuffer *buffer = buffer_at(0);
  g_autofree gchar *text = NULL;
  Fixture fixture;

  results[0].key = 99;
  fixture_prepare(&fixture);
  gst_util_set_object_arg(G_OBJECT(fixture.element), "embeddings", "base64");
  fixture_play(&fixture);
  add_results(buffer, results, 2);
  add_embeddings(buffer, -2.5f);
  push(&fixture, buffer);
  fail_unless(g_file_get_contents(fixture.path, &text, NULL, NULL));
  fail_unless(strstr(text, "\"version\":17},\"embedding\":null},{") != NULL);
  fail_unless(g_str_has_suffix(text, "\"version\":17},\"embedding\":\"AACAPwAAIMA=\"}]}\n"));
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(embedding_that_is_not_finite_is_null)
{
  GstBuffer *buffer = buffer_at(0);
  g_autofree gchar *text = NULL;
  Fixture fixture;

  fixture_prepare(&fixture);
  gst_util_set_object_arg(G_OBJECT(fixture.element), "embeddings", "base64");
  fixture_play(&fixture);
  add_embeddings(buffer, NAN);
  push(&fixture, buffer);
  fail_unless(g_file_get_contents(fixture.path, &text, NULL, NULL));
  fail_unless(strstr(text, "\"region_id\":6,\"cluster\":null,\"embedding\":null}") != NULL);
  fixture_clear(&fixture);
}
GST_END_TEST

/* NaN is refused by the meta, a box beyond integers by the element; the third one is fine. */
GST_START_TEST(broken_regions_are_left_out_and_counted)
{
  DriftclusterResult results[3] = {tile_result(), tile_result(), tile_result()};
  GstBuffer *buffer = buffer_at(0);
  g_autofree gchar *text = NULL;
  Fixture fixture;

  results[0].distance = (gdouble)NAN;
  results[1].width = 1e300;
  results[2].key = 8;
  fixture_prepare(&fixture);
  fixture_play(&fixture);
  add_results(buffer, results, 3);
  push(&fixture, buffer);
  fail_unless(g_file_get_contents(fixture.path, &text, NULL, NULL));
  fail_unless(strstr(text, "\"regions\":[{\"x\":16,") != NULL);
  fail_unless(strstr(text, "\"region_id\":8") != NULL);
  fail_unless(strstr(text, "\"region_id\":6") == NULL);
  assert_equals_uint64(stream_element_stat(fixture.element, "refused-regions"), 2);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(any_label_makes_one_line_of_json)
{
  static const gchar *const labels[] = {"two\nlines", "\"quoted\"", "back\\slash", "\377\376", ""};
  g_autofree gchar *text = NULL;
  g_auto(GStrv) lines = NULL;
  Fixture fixture;

  fixture_prepare(&fixture);
  fixture_play(&fixture);
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
    DriftclusterResult result = tile_result();
    GstBuffer *buffer = buffer_at(i);

    result.label = labels[i];
    add_results(buffer, &result, 1);
    push(&fixture, buffer);
  }
  fail_unless(g_file_get_contents(fixture.path, &text, NULL, NULL));
  lines = g_strsplit(text, "\n", -1);
  assert_equals_int(g_strv_length(lines), G_N_ELEMENTS(labels) + 1);
  for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
    g_autoptr(JsonNode) root = json_from_string(lines[i], NULL);
    g_autofree gchar *expected = g_utf8_make_valid(labels[i], -1);
    JsonObject *region;

    fail_unless(root != NULL, "no JSON: %s", lines[i]);
    region = json_array_get_object_element(
        json_object_get_array_member(json_node_get_object(root), "regions"), 0);
    assert_equals_string(
        json_object_get_string_member(json_object_get_object_member(region, "cluster"), "label"),
        expected);
  }
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(file_is_emptied_or_continued)
{
  Fixture fixture;

  for (guint append = 0; append < 2; append++) {
    fixture_prepare(&fixture);
    fail_unless(g_file_set_contents(fixture.path, "before\n", -1, NULL));
    g_object_set(fixture.element, "append", append, NULL);
    fixture_play(&fixture);
    push(&fixture, buffer_at(0));
    assert_file(&fixture, append ? "before\n" HEAD(0, 0) "]}\n" : HEAD(0, 0) "]}\n");
    fixture_clear(&fixture);
  }
}
GST_END_TEST

/* 10 buffers per second, 4 lines per second: the grid 0, 250, 500, 750 ms lets through the first
 * buffers that are not before it. */
GST_START_TEST(max_rate_bounds_lines_per_second)
{
  static const gboolean expected[] = {1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1};
  Fixture fixture;
  guint64 lines = 0;

  fixture_prepare(&fixture);
  g_object_set(fixture.element, "max-rate", 4.0, NULL);
  fixture_play(&fixture);
  for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
    push(&fixture, buffer_at(i * 100 * GST_MSECOND));
    lines += expected[i] ? 1 : 0;
    fail_unless(stream_element_stat(fixture.element, "lines") == lines, "buffer %u", i);
  }
  assert_equals_uint64(stream_element_stat(fixture.element, "skipped"),
                       G_N_ELEMENTS(expected) - lines);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(max_rate_survives_jumps_and_missing_times)
{
  static const struct {
    GstClockTime time;
    gboolean expected;
  } steps[] = {
      {100 * GST_SECOND, TRUE},      {100 * GST_SECOND + 1, FALSE}, {GST_CLOCK_TIME_NONE, TRUE},
      {10 * GST_SECOND, TRUE},       {10 * GST_SECOND + 1, FALSE},  {500 * GST_SECOND, TRUE},
      {500 * GST_SECOND + 1, FALSE},
  };
  Fixture fixture;
  guint64 lines = 0;

  fixture_prepare(&fixture);
  g_object_set(fixture.element, "max-rate", 1.0, NULL);
  fixture_play(&fixture);
  for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
    push(&fixture, buffer_at(steps[i].time));
    lines += steps[i].expected ? 1 : 0;
    fail_unless(stream_element_stat(fixture.element, "lines") == lines, "step %u", i);
  }
  fixture_clear(&fixture);
}
GST_END_TEST

/* --- Descriptors --- */

static void
set_descriptor(Fixture *fixture, gint descriptor)
{
  g_autofree gchar *location = g_strdup_printf("fd://%d", descriptor);

  g_object_set(fixture->element, "location", location, NULL);
}

GST_START_TEST(descriptor_is_written_and_left_open)
{
  gchar text[256] = "";
  Fixture fixture;
  gint ends[2];

  fail_unless(pipe(ends) == 0);
  fixture_prepare(&fixture);
  set_descriptor(&fixture, ends[1]);
  fixture_play(&fixture);
  push(&fixture, buffer_at(0));
  fail_unless(read(ends[0], text, sizeof text - 1) > 0);
  assert_equals_string(text, HEAD(0, 0) "]}\n");
  fixture_clear(&fixture);
  fail_unless(fcntl(ends[1], F_GETFD) >= 0);
  close(ends[0]);
  close(ends[1]);
}
GST_END_TEST

GST_START_TEST(reader_that_goes_costs_one_warning_and_no_video)
{
  Fixture fixture;
  gint ends[2];

  fail_unless(pipe(ends) == 0);
  fixture_prepare(&fixture);
  set_descriptor(&fixture, ends[1]);
  fixture_play(&fixture);
  push(&fixture, buffer_at(0));
  close(ends[0]);
  push(&fixture, buffer_at(1));
  push(&fixture, buffer_at(2));
  assert_equals_int(stream_count_messages(fixture.bus, GST_MESSAGE_WARNING), 1);
  assert_equals_uint64(stream_element_stat(fixture.element, "lines"), 1);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 2);
  fixture_clear(&fixture);
  close(ends[1]);
}
GST_END_TEST

GST_START_TEST(full_disk_costs_one_warning_and_no_video)
{
  GstMessage *message;
  Fixture fixture;

  fixture_prepare(&fixture);
  g_object_set(fixture.element, "location", "/dev/full", NULL);
  fixture_play(&fixture);
  for (guint i = 0; i < 5; i++)
    push(&fixture, buffer_at(i));
  message = gst_bus_pop_filtered(fixture.bus, GST_MESSAGE_WARNING);
  fail_unless(message != NULL);
  {
    g_autoptr(GError) error = NULL;
    g_autofree gchar *debug = NULL;

    gst_message_parse_warning(message, &error, &debug);
    fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT));
    fail_unless(strstr(error->message, "/dev/full") != NULL);
    fail_unless(strstr(debug, "free some") != NULL);
  }
  gst_message_unref(message);
  assert_equals_int(stream_count_messages(fixture.bus, GST_MESSAGE_WARNING), 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 5);
  assert_equals_uint64(stream_element_stat(fixture.element, "lines"), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

/* --- A reader that stands still --- */

/* A line of several times what a pipe takes at once, so that it is cut in the middle. */
static GstBuffer *
long_buffer_at(GstClockTime time)
{
  DriftclusterResult results[100];
  GstBuffer *buffer = buffer_at(time);

  for (guint i = 0; i < G_N_ELEMENTS(results); i++)
    results[i] = tile_result();
  add_results(buffer, results, G_N_ELEMENTS(results));
  return buffer;
}

static gpointer
push_until_lost(gpointer data)
{
  Fixture *fixture = data;
  gint64 end = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;

  for (guint i = 0;
       stream_element_stat(fixture->element, "lost") == 0 && g_get_monotonic_time() < end; i++)
    if (gst_harness_push(fixture->harness, long_buffer_at(i)) != GST_FLOW_OK)
      break;
  return NULL;
}

/* Returns when the thread has filled the pipe and waits. */
static GThread *
fill_pipe(Fixture *fixture)
{
  GThread *thread = g_thread_new("fill", push_until_lost, fixture);
  guint64 before, now = 0;

  do {
    before = now;
    g_usleep(100000);
    now = stream_element_stat(fixture->element, "lines");
  } while (now == 0 || now != before);
  return thread;
}

/* `whole` lines are JSON; one more, which was cut, is not. */
static void
assert_lines(const gchar *text, guint64 whole)
{
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  guint64 good = 0, bad = 0;

  for (guint i = 0; lines[i + 1]; i++) {
    g_autoptr(JsonNode) root = json_from_string(lines[i], NULL);

    good += root ? 1 : 0;
    bad += root ? 0 : 1;
  }
  assert_equals_uint64(good, whole);
  assert_equals_uint64(bad, 1);
  assert_equals_string(lines[good + bad], "");
}

/* Takes what is in the pipe out of it, into `text`. */
static void
drain(gint descriptor, GString *text)
{
  gint flags = fcntl(descriptor, F_GETFL);
  gchar part[4096];
  gssize size;

  fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  while ((size = read(descriptor, part, sizeof part)) > 0)
    g_string_append_len(text, part, size);
}

/* The stream goes on after the flush, and the line that was cut spoils no other. */
GST_START_TEST(flush_ends_the_wait_for_a_reader)
{
  g_autoptr(GString) text = g_string_new(NULL);
  GstSegment segment;
  Fixture fixture;
  GThread *thread;
  gint ends[2];

  fail_unless(pipe(ends) == 0);
  fixture_prepare(&fixture);
  set_descriptor(&fixture, ends[1]);
  fixture_play(&fixture);
  thread = fill_pipe(&fixture);
  gst_harness_push_event(fixture.harness, gst_event_new_flush_start());
  g_thread_join(thread);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 1);
  assert_equals_int(stream_count_messages(fixture.bus, GST_MESSAGE_WARNING), 0);

  drain(ends[0], text);
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(fixture.harness, gst_event_new_flush_stop(TRUE));
  gst_harness_push_event(fixture.harness, gst_event_new_segment(&segment));
  assert_equals_int(gst_harness_push(fixture.harness, buffer_at(0)), GST_FLOW_OK);
  drain(ends[0], text);
  assert_lines(text->str, stream_element_stat(fixture.element, "lines"));
  fixture_clear(&fixture);
  close(ends[0]);
  close(ends[1]);
}
GST_END_TEST

GST_START_TEST(stopping_ends_the_wait_for_a_reader)
{
  Fixture fixture;
  GThread *thread;
  gint ends[2];

  fail_unless(pipe(ends) == 0);
  fixture_prepare(&fixture);
  set_descriptor(&fixture, ends[1]);
  fixture_play(&fixture);
  thread = fill_pipe(&fixture);
  assert_equals_int(gst_element_set_state(fixture.element, GST_STATE_NULL),
                    GST_STATE_CHANGE_SUCCESS);
  g_thread_join(thread);
  fixture_clear(&fixture);
  close(ends[0]);
  close(ends[1]);
}
GST_END_TEST

/* --- Locations that cannot work --- */

/* The element does not start, and says `hint`. */
static void
assert_refused(Fixture *fixture, const gchar *location, const gchar *hint)
{
  g_autoptr(GError) error = NULL;
  g_autofree gchar *debug = NULL;
  GstMessage *message;

  g_object_set(fixture->element, "location", location, NULL);
  assert_equals_int(gst_element_set_state(fixture->element, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered(fixture->bus, GST_MESSAGE_ERROR);
  fail_unless(message != NULL, "no error for %s", location);
  gst_message_parse_error(message, &error, &debug);
  fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE));
  fail_unless(strstr(error->message, location) != NULL, "%s", error->message);
  fail_unless(strstr(debug, hint) != NULL, "%s", debug);
  assert_equals_int(stream_count_messages(fixture->bus, GST_MESSAGE_ERROR), 0);
  gst_message_unref(message);
  gst_element_set_state(fixture->element, GST_STATE_NULL);
}

GST_START_TEST(locations_that_cannot_be_written_are_refused)
{
  g_autofree gchar *missing = NULL;
  gint only_read = open("/dev/null", O_RDONLY);
  g_autofree gchar *reader = g_strdup_printf("fd://%d", only_read);
  Fixture fixture;

  fixture_prepare(&fixture);
  missing = g_build_filename(fixture.folder, "no", "such.jsonl", NULL);
  assert_refused(&fixture, missing, "No such file");
  assert_refused(&fixture, fixture.folder, "directory");
  assert_refused(&fixture, "fd://999999", "no such descriptor");
  assert_refused(&fixture, "fd://", "fd:// and a number");
  assert_refused(&fixture, "fd://-1", "fd:// and a number");
  assert_refused(&fixture, "fd://3x", "fd:// and a number");
  assert_refused(&fixture, "fd://99999999999999999999", "fd:// and a number");
  assert_refused(&fixture, reader, "reading only");
  close(only_read);
  fixture_clear(&fixture);
}
GST_END_TEST

/* Only what may have to be waited for needs more of them. */
GST_START_TEST(shortage_of_descriptors_is_told)
{
  g_autofree gchar *to_pipe = NULL, *to_file = NULL;
  struct rlimit limit;
  Fixture fixture;
  gint ends[2], file;

  fail_unless(pipe(ends) == 0);
  fixture_prepare(&fixture);
  file = open(fixture.path, O_WRONLY | O_CREAT, 0600);
  to_pipe = g_strdup_printf("fd://%d", ends[1]);
  to_file = g_strdup_printf("fd://%d", file);
  limit = descriptors_end();
  assert_refused(&fixture, fixture.path, "Too many open files");
  assert_refused(&fixture, to_pipe, "ulimit -n");
  g_object_set(fixture.element, "location", to_file, NULL);
  assert_equals_int(gst_element_set_state(fixture.element, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_SUCCESS);
  setrlimit(RLIMIT_NOFILE, &limit);
  gst_element_set_state(fixture.element, GST_STATE_NULL);
  fixture_clear(&fixture);
  close(ends[0]);
  close(ends[1]);
  close(file);
}
GST_END_TEST

GST_START_TEST(fifo_needs_its_reader_first)
{
  gchar text[256] = "";
  Fixture fixture;
  gint reader;

  fixture_prepare(&fixture);
  fail_unless(mkfifo(fixture.path, 0600) == 0);
  assert_refused(&fixture, fixture.path, "start its reader first");
  reader = open(fixture.path, O_RDONLY | O_NONBLOCK);
  fixture_play(&fixture);
  push(&fixture, buffer_at(0));
  fail_unless(read(reader, text, sizeof text - 1) > 0);
  assert_equals_string(text, HEAD(0, 0) "]}\n");
  fixture_clear(&fixture);
  close(reader);
}
GST_END_TEST

static Suite *
publish_clusters_suite(void)
{
  Suite *suite = suite_create("publish-clusters");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, line_has_every_field_of_a_result);
  tcase_add_test(cases, line_tells_novel_stale_and_unassigned);
  tcase_add_test(cases, every_buffer_has_its_line_in_order);
  tcase_add_test(cases, stream_time_follows_the_segment);
  tcase_add_test(cases, time_of_day_is_told_where_the_source_does);
  tcase_add_test(cases, regions_without_results_are_unassigned);
  tcase_add_test(cases, embedding_is_that_of_the_region);
  tcase_add_test(cases, embedding_that_is_not_finite_is_null);
  tcase_add_test(cases, broken_regions_are_left_out_and_counted);
  tcase_add_test(cases, any_label_makes_one_line_of_json);
  tcase_add_test(cases, file_is_emptied_or_continued);
  tcase_add_test(cases, max_rate_bounds_lines_per_second);
  tcase_add_test(cases, max_rate_survives_jumps_and_missing_times);
  tcase_add_test(cases, descriptor_is_written_and_left_open);
  tcase_add_test(cases, reader_that_goes_costs_one_warning_and_no_video);
  tcase_add_test(cases, full_disk_costs_one_warning_and_no_video);
  tcase_add_test(cases, flush_ends_the_wait_for_a_reader);
  tcase_add_test(cases, stopping_ends_the_wait_for_a_reader);
  tcase_add_test(cases, locations_that_cannot_be_written_are_refused);
  tcase_add_test(cases, shortage_of_descriptors_is_told);
  tcase_add_test(cases, fifo_needs_its_reader_first);
  return suite;
}

GST_CHECK_MAIN(publish_clusters)
