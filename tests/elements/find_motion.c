/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* find-motion in a harness: a dark box that moves over stripes with sensor noise. */
#include "streams.h"

#include "base/random.h"

#include <gst/video/video.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define INTERVAL   (40 * GST_MSECOND)
#define CAPS(f, w) "video/x-raw,format=" f ",width=" #w ",height=120,framerate=25/1"

typedef struct {
  GstHarness *h;
  GstVideoInfo info;
  GstClockTime time; /* of the next frame */
  DcRandom random;
} Camera;

static void
camera_set_caps(Camera *camera, const gchar *caps)
{
  gst_harness_set_src_caps_str(camera->h, caps);
  g_autoptr(GstCaps) parsed = gst_caps_from_string(caps);
  fail_unless(gst_video_info_from_caps(&camera->info, parsed));
}

static Camera
camera_open(const gchar *launch, const gchar *caps)
{
  Camera camera = {.h = gst_harness_new_parse(launch)};
  camera_set_caps(&camera, caps);
  dc_random_seed(&camera.random, 11, 0);
  return camera;
}

static void
camera_close(Camera *camera)
{
  gst_harness_teardown(camera->h);
}

static guint8
stripe(Camera *camera, gint column)
{
  return (guint8)(110 + ((column / 8) & 1) * 30 + (gint)dc_random_below(&camera->random, 5));
}

/* A frame with a box of 20 x 30 at `x` (< 0: none). */
static GstBuffer *
camera_frame(Camera *camera, gint x)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&camera->info), NULL);
  GstVideoFrame frame;
  gst_buffer_memset(buffer, 0, 128, G_MAXSIZE);
  fail_unless(gst_video_frame_map(&frame, &camera->info, buffer, GST_MAP_WRITE));
  guint8 *row = GST_VIDEO_FRAME_PLANE_DATA(&frame, 0);
  for (gint v = 0; v < GST_VIDEO_FRAME_HEIGHT(&frame); v++) {
    for (gint u = 0; u < GST_VIDEO_FRAME_WIDTH(&frame); u++) {
      gboolean inside = x >= 0 && u >= x && u < x + 20 && v >= 40 && v < 70;
      row[u] = inside ? 20 : stripe(camera, u);
    }
    row += GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  }
  gst_video_frame_unmap(&frame);
  GST_BUFFER_PTS(buffer) = camera->time;
  GST_BUFFER_DURATION(buffer) = INTERVAL;
  camera->time += INTERVAL;
  return buffer;
}

/* The only region of interest of `buffer`, or NULL. */
static GstVideoRegionOfInterestMeta *
only_region(GstBuffer *buffer)
{
  gpointer state = NULL;
  GstVideoRegionOfInterestMeta *roi = (GstVideoRegionOfInterestMeta *)
      gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
  if (roi)
    fail_unless(!gst_buffer_iterate_meta_filtered(buffer, &state,
                                                  GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
  return roi;
}

/* Pushes a frame; returns the id of its region, or -1 without one. */
static gint
camera_show(Camera *camera, gint x)
{
  GstBuffer *buffer = gst_harness_push_and_pull(camera->h, camera_frame(camera, x));
  fail_unless(buffer != NULL);
  GstVideoRegionOfInterestMeta *roi = only_region(buffer);
  gint id = -1;
  if (roi) {
    id = roi->id;
    fail_unless(ABS((gint)roi->x - x) <= 3 && ABS((gint)roi->w - 20) <= 5, "%u+%u, not %d+20",
                roi->x, roi->w, x);
    fail_unless(ABS((gint)roi->y - 40) <= 3 && ABS((gint)roi->h - 30) <= 5);
  }
  gst_buffer_unref(buffer);
  return id;
}

static void
camera_learn(Camera *camera, guint frames)
{
  for (guint i = 0; i < frames; i++)
    assert_equals_int(camera_show(camera, -1), -1);
}

/* A box walks to the right; returns its id at the end. */
static gint
camera_walk(Camera *camera, guint frames)
{
  gint id = -1;
  for (guint i = 0; i < frames; i++)
    id = camera_show(camera, 10 + 2 * (gint)i);
  return id;
}

GST_START_TEST(every_format_gives_the_same_region)
{
  static const gchar *const formats[] = {CAPS("GRAY8", 160), CAPS("I420", 160), CAPS("NV12", 160),
                                         CAPS("GRAY8", 161)};
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    Camera camera = camera_open("find-motion", formats[i]);
    camera_learn(&camera, 60);
    assert_equals_int(camera_walk(&camera, 20), 1);
    assert_equals_uint64(stream_stat(camera.h, "find-motion", "frames"), 80);
    assert_equals_uint64(stream_stat(camera.h, "find-motion", "regions"),
                         18); /* from the third on */
    camera_close(&camera);
  }
}
GST_END_TEST

GST_START_TEST(region_bears_what_others_read)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  camera_learn(&camera, 60);
  camera_walk(&camera, 20);
  GstBuffer *buffer = gst_harness_push_and_pull(camera.h, camera_frame(&camera, 50));
  GstVideoRegionOfInterestMeta *roi = only_region(buffer);
  fail_unless(roi != NULL);
  assert_equals_string(g_quark_to_string(roi->roi_type), "motion");
  gdouble x_min, x_max, confidence, area, speed;
  gint id;
  GstStructure *detection = gst_video_region_of_interest_meta_get_param(roi, "detection");
  fail_unless(gst_structure_get_double(detection, "x_min", &x_min) &&
              gst_structure_get_double(detection, "x_max", &x_max) &&
              gst_structure_get_double(detection, "confidence", &confidence));
  fail_unless(ABS(x_min * 160 - roi->x) < 1e-6 && ABS(x_max * 160 - roi->x - roi->w) < 1e-6);
  fail_unless(confidence > 0.5 && confidence <= 1);
  GstStructure *object = gst_video_region_of_interest_meta_get_param(roi, "object_id");
  fail_unless(gst_structure_get_int(object, "id", &id) && id == roi->id);
  GstStructure *motion = gst_video_region_of_interest_meta_get_param(roi, "motion");
  fail_unless(gst_structure_get_double(motion, "area", &area) &&
              gst_structure_get_double(motion, "speed-x", &speed));
  fail_unless(ABS(area - 600) < 120, "%g", area);
  fail_unless(ABS(speed - 50) < 10, "%g", speed); /* 2 pixels in 40 ms */
  gst_buffer_unref(buffer);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(pixels_are_not_copied)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  GstBuffer *in = gst_buffer_ref(camera_frame(&camera, 5));
  GstMemory *memory = gst_buffer_peek_memory(in, 0);
  GstBuffer *out = gst_harness_push_and_pull(camera.h, gst_buffer_ref(in));
  fail_unless(gst_buffer_peek_memory(out, 0) == memory);
  gst_buffer_unref(out);
  gst_buffer_unref(in);
  gst_buffer_unref(in);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(another_size_starts_anew_and_ids_go_on)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  camera_learn(&camera, 60);
  gint before = camera_walk(&camera, 20);
  camera_set_caps(&camera, CAPS("NV12", 200));
  camera_learn(&camera, 60);
  gint after = camera_walk(&camera, 20);
  fail_unless(after > before, "%d after %d", after, before);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(flush_ends_regions_and_keeps_the_background)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  camera_learn(&camera, 60);
  gint before = camera_walk(&camera, 20);
  gst_harness_push_event(camera.h, gst_event_new_flush_start());
  gst_harness_push_event(camera.h, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(camera.h, gst_event_new_segment(&segment));
  camera.time = 0;
  gint after = camera_walk(&camera, 10); /* no time to learn: it is known */
  fail_unless(after > before, "%d after %d", after, before);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(another_stream_ends_regions_and_keeps_the_background)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  camera_learn(&camera, 60);
  gint before = camera_walk(&camera, 20);
  stream_start(camera.h, NULL);
  assert_equals_int(camera_show(&camera, 50), before);
  stream_start(camera.h, "another");
  assert_equals_int(camera_show(&camera, 52), -1);
  gint after = camera_walk(&camera, 10);
  fail_unless(after > before, "%d after %d", after, before);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(time_that_jumps_back_ends_regions)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  camera_learn(&camera, 60);
  gint before = camera_walk(&camera, 20);
  camera.time = GST_SECOND;
  assert_equals_int(camera_show(&camera, 50), -1);
  gint after = camera_walk(&camera, 10);
  fail_unless(after > before, "%d after %d", after, before);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(reverse_playback_has_no_regions)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  camera_learn(&camera, 60);
  for (gint i = 0; i < 20; i++) {
    camera.time = 10 * GST_SECOND - (GstClockTime)i * INTERVAL;
    assert_equals_int(camera_show(&camera, 50 - 2 * i), -1);
  }
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(buffers_without_time_are_looked_at)
{
  Camera camera = camera_open("find-motion", "video/x-raw,format=GRAY8,width=160,height=120,"
                                             "framerate=0/1");
  gint id = -1;
  for (gint i = 0; i < 80; i++) {
    GstBuffer *in = camera_frame(&camera, i < 60 ? -1 : 2 * (i - 60));
    GST_BUFFER_PTS(in) = GST_BUFFER_DURATION(in) = GST_CLOCK_TIME_NONE;
    GstBuffer *out = gst_harness_push_and_pull(camera.h, in);
    GstVideoRegionOfInterestMeta *roi = only_region(out);
    id = roi ? roi->id : -1;
    gst_buffer_unref(out);
  }
  assert_equals_int(id, 1);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(gaps_pass_untouched)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  GstBuffer *gap = camera_frame(&camera, 5);
  GST_BUFFER_FLAG_SET(gap, GST_BUFFER_FLAG_GAP);
  GstBuffer *out = gst_harness_push_and_pull(camera.h, gap);
  fail_unless(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_GAP));
  gst_buffer_unref(out);
  assert_equals_uint64(stream_stat(camera.h, "find-motion", "skipped"), 1);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(short_buffers_pass_with_one_warning)
{
  Camera camera = camera_open("find-motion", CAPS("I420", 160));
  GstBus *bus = stream_watch(camera.h->element);
  for (gint i = 0; i < 3; i++) {
    GstBuffer *out = gst_harness_push_and_pull(camera.h, gst_buffer_new_allocate(NULL, 100, NULL));
    fail_unless(only_region(out) == NULL);
    gst_buffer_unref(out);
  }
  stream_assert_told(bus, GST_MESSAGE_WARNING, "100 bytes");
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  assert_equals_uint64(stream_stat(camera.h, "find-motion", "unreadable"), 3);
  stream_unwatch(camera.h->element, bus);
  camera_close(&camera);
}
GST_END_TEST

/* A buffer all of one luma. */
static void
camera_show_flat(Camera *camera, guint8 luma)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&camera->info), NULL);
  gst_buffer_memset(buffer, 0, luma, G_MAXSIZE);
  GST_BUFFER_PTS(buffer) = camera->time;
  camera->time += INTERVAL;
  gst_buffer_unref(gst_harness_push_and_pull(camera->h, buffer));
}

static void
assert_noticed(GstBus *bus, const gchar *kind)
{
  g_autoptr(GstMessage) notice = stream_notice(bus, kind);
  fail_unless(notice != NULL, "no message of kind %s", kind);
  const GstStructure *told = gst_message_get_structure(notice);
  guint64 time;
  fail_unless(gst_structure_has_name(told, "find-motion") &&
              gst_structure_get_uint64(told, "stream-time", &time));
}

GST_START_TEST(what_happens_to_the_picture_is_told)
{
  Camera camera = camera_open("find-motion", CAPS("GRAY8", 160));
  GstBus *bus = stream_watch(camera.h->element);
  camera_learn(&camera, 60);
  fail_unless(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT) == NULL);
  for (gint i = 0; i < 10; i++)
    camera_show_flat(&camera, 16);
  assert_noticed(bus, "picture-lost");
  camera_learn(&camera, 30);
  assert_noticed(bus, "picture-back");
  fail_unless(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT) == NULL);
  gst_harness_set(camera.h, "find-motion", "post-messages", FALSE, NULL);
  camera_show_flat(&camera, 16);
  fail_unless(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT) == NULL);
  stream_unwatch(camera.h->element, bus);
  camera_close(&camera);
}
GST_END_TEST

/* A picture of blocks that is always the same, to the bit. */
static void
camera_show_blocks(Camera *camera)
{
  GstBuffer *buffer = camera_frame(camera, -1);
  GstVideoFrame frame;
  fail_unless(gst_video_frame_map(&frame, &camera->info, buffer, GST_MAP_WRITE));
  guint8 *row = GST_VIDEO_FRAME_PLANE_DATA(&frame, 0);
  for (gint v = 0; v < GST_VIDEO_FRAME_HEIGHT(&frame); v++) {
    for (gint u = 0; u < GST_VIDEO_FRAME_WIDTH(&frame); u++)
      row[u] = (guint8)(30 + (u / 16 * 7 + v / 16 * 13) % 10 * 20);
    row += GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
  }
  gst_video_frame_unmap(&frame);
  buffer = gst_harness_push_and_pull(camera->h, buffer);
  fail_unless(only_region(buffer) == NULL);
  gst_buffer_unref(buffer);
}

GST_START_TEST(cuts_and_pictures_that_stand_still_are_told)
{
  Camera camera = camera_open("find-motion", CAPS("GRAY8", 160));
  GstBus *bus = stream_watch(camera.h->element);
  camera_learn(&camera, 60);
  fail_unless(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT) == NULL);
  camera_show_blocks(&camera);
  assert_noticed(bus, "scene-changed");
  /* Five seconds, and a frame to see that it is the same. */
  for (guint64 i = 0; i <= 5 * GST_SECOND / INTERVAL; i++)
    camera_show_blocks(&camera);
  assert_noticed(bus, "picture-frozen");
  fail_unless(gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT) == NULL);
  stream_unwatch(camera.h->element, bus);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(settings_hold_from_the_next_frame_on)
{
  Camera camera = camera_open("find-motion min-area=700", CAPS("GRAY8", 160));
  camera_learn(&camera, 60);
  assert_equals_int(camera_walk(&camera, 10), -1); /* the box has 600 pixels */
  gst_harness_set(camera.h, "find-motion", "min-area", 100, NULL);
  fail_unless(camera_walk(&camera, 10) > 0);
  gst_harness_set(camera.h, "find-motion", "threshold", 100.0, NULL);
  assert_equals_int(camera_walk(&camera, 10), -1);
  camera_close(&camera);
}
GST_END_TEST

GST_START_TEST(other_formats_are_refused)
{
  GstHarness *h = gst_harness_new("find-motion");
  g_autoptr(GstCaps) accepted = gst_pad_query_caps(GST_PAD_PEER(h->srcpad), NULL);
  g_autoptr(GstCaps) rgb = gst_caps_from_string("video/x-raw,format=RGB,width=8,height=8");
  fail_unless(!gst_caps_can_intersect(accepted, rgb));
  gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
find_motion_suite(void)
{
  Suite *suite = suite_create("find-motion");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, every_format_gives_the_same_region);
  tcase_add_test(cases, region_bears_what_others_read);
  tcase_add_test(cases, pixels_are_not_copied);
  tcase_add_test(cases, another_size_starts_anew_and_ids_go_on);
  tcase_add_test(cases, flush_ends_regions_and_keeps_the_background);
  tcase_add_test(cases, another_stream_ends_regions_and_keeps_the_background);
  tcase_add_test(cases, time_that_jumps_back_ends_regions);
  tcase_add_test(cases, reverse_playback_has_no_regions);
  tcase_add_test(cases, buffers_without_time_are_looked_at);
  tcase_add_test(cases, gaps_pass_untouched);
  tcase_add_test(cases, short_buffers_pass_with_one_warning);
  tcase_add_test(cases, what_happens_to_the_picture_is_told);
  tcase_add_test(cases, cuts_and_pictures_that_stand_still_are_told);
  tcase_add_test(cases, settings_hold_from_the_next_frame_on);
  tcase_add_test(cases, other_formats_are_refused);
  return suite;
}

GST_CHECK_MAIN(find_motion)
