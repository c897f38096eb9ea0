/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/region-iter.h"

#include "fake_bridge.h"

#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

static const DcRegionRules roi_rules = {.where = DC_INFERENCE_REGION_ROI_LIST, .max_regions = 100};

static GstVideoRegionOfInterestMeta *
add_roi(GstBuffer *buffer, const gchar *type, gint id, guint x, guint y, guint width, guint height)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_add_video_region_of_interest_meta(buffer, type, x, y, width, height);
  roi->id = id;
  return roi;
}

static void
assert_box(const DriftclusterRegion *region, gint x, gint y, gint width, gint height)
{
  assert_equals_int(region->x, x);
  assert_equals_int(region->y, y);
  assert_equals_int(region->width, width);
  assert_equals_int(region->height, height);
  assert_equals_int(region->row, -1);
}

GST_START_TEST(full_frame_is_one_region)
{
  DcRegionRules rules = {.where = DC_INFERENCE_REGION_FULL_FRAME, .max_regions = 1};
  GstBuffer *buffer = gst_buffer_new();
  add_roi(buffer, "person", 3, 0, 0, 5, 5);
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &rules, buffer, 7, 5);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 0, 0, 7, 5);
  assert_equals_string(g_quark_to_string(region.roi_type), "frame");
  assert_equals_uint64(region.key, 0);
  assert_equals_int(region.roi_id, -1);
  fail_if(dc_region_iter_next(&iter, &region));
  fail_if(dc_region_iter_next(&iter, &region));
  assert_equals_int(iter.found, 1);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* The tiles of an odd frame cover each of its pixels once. */
GST_START_TEST(tiles_cover_the_frame)
{
  enum { WIDTH = 13, HEIGHT = 10 };
  guint seen[HEIGHT][WIDTH] = {{0}};
  DcRegionRules rules = {
      .where = DC_INFERENCE_REGION_TILES, .columns = 4, .rows = 3, .max_regions = 100};
  GstBuffer *buffer = gst_buffer_new();
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &rules, buffer, WIDTH, HEIGHT);
  for (guint tile = 0; dc_region_iter_next(&iter, &region); tile++) {
    assert_equals_uint64(region.key, tile);
    for (gint y = region.y; y < region.y + region.height; y++)
      for (gint x = region.x; x < region.x + region.width; x++)
        seen[y][x]++;
  }
  assert_equals_int(iter.found, 12);
  for (gint y = 0; y < HEIGHT; y++)
    for (gint x = 0; x < WIDTH; x++)
      assert_equals_int(seen[y][x], 1);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(tiles_without_a_pixel_are_skipped)
{
  DcRegionRules rules = {
      .where = DC_INFERENCE_REGION_TILES, .columns = 4, .rows = 3, .max_regions = 100};
  GstBuffer *buffer = gst_buffer_new();
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &rules, buffer, 1, 1);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 0, 0, 1, 1);
  assert_equals_uint64(region.key, 11);
  fail_if(dc_region_iter_next(&iter, &region));
  assert_equals_int(iter.bad, 11);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(tiles_are_read_from_text)
{
  guint columns = 9, rows = 9;
  fail_unless(dc_tiles_from_string("4x3", &columns, &rows));
  assert_equals_int(columns, 4);
  assert_equals_int(rows, 3);
  fail_unless(dc_tiles_from_string("64x64", &columns, &rows));
}
GST_END_TEST

GST_START_TEST(tiles_of_bad_text_are_refused)
{
  static const gchar *bad[] = {
      NULL,   "",     "4",    "x3",   "4x",  "0x3",   "4x0",
      "65x1", "-4x3", "4 x3", "4x3 ", "4X3", "4x3x2", "99999999999999999999x1",
      " 4x3", "4x+3",
  };
  guint columns = 7, rows = 8;
  for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
    fail_if(dc_tiles_from_string(bad[i], &columns, &rows), "accepted '%s'", bad[i]);
  assert_equals_int(columns, 7);
  assert_equals_int(rows, 8);
}
GST_END_TEST

GST_START_TEST(regions_of_interest_are_clipped)
{
  GstBuffer *buffer = gst_buffer_new();
  add_roi(buffer, "person", 5, 60, 40, 100, 100);
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &roi_rules, buffer, 64, 48);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 60, 40, 4, 8);
  assert_equals_string(g_quark_to_string(region.roi_type), "person");
  assert_equals_int(region.roi_id, 5);
  assert_equals_uint64(region.key, 5);
  fail_if(dc_region_iter_next(&iter, &region));
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(regions_of_interest_outside_or_empty_are_counted)
{
  GstBuffer *buffer = gst_buffer_new();
  add_roi(buffer, "person", 1, 64, 0, 5, 5);
  add_roi(buffer, "person", 2, 0, 48, 5, 5);
  add_roi(buffer, "person", 3, 3, 3, 0, 5);
  add_roi(buffer, "person", 4, 3, 3, 5, 0);
  add_roi(buffer, "person", 5, G_MAXUINT, G_MAXUINT, G_MAXUINT, G_MAXUINT);
  add_roi(buffer, "person", 6, 63, 47, G_MAXUINT, G_MAXUINT);
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &roi_rules, buffer, 64, 48);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 63, 47, 1, 1);
  fail_if(dc_region_iter_next(&iter, &region));
  assert_equals_int(iter.bad, 5);
  assert_equals_int(iter.found, 1);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(object_class_filters)
{
  GstBuffer *buffer = gst_buffer_new();
  add_roi(buffer, "car", 1, 0, 0, 5, 5);
  add_roi(buffer, "person", 2, 1, 1, 5, 5);
  add_roi(buffer, "car", 3, 0, 0, 0, 0);
  DcRegionRules rules = roi_rules;
  rules.object_class = g_quark_from_string("person");
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &rules, buffer, 64, 48);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_equals_uint64(region.key, 2);
  fail_if(dc_region_iter_next(&iter, &region));
  assert_equals_int(iter.bad, 0);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* A tracker's number goes before an id; regions without either do not share a key. */
GST_START_TEST(keys_tell_regions_apart)
{
  GstBuffer *buffer = gst_buffer_new();
  add_roi(buffer, "a", 0, 0, 0, 5, 5);
  add_roi(buffer, "a", 0, 1, 0, 5, 5);
  add_roi(buffer, "a", -7, 2, 0, 5, 5);
  add_roi(buffer, "a", 9, 3, 0, 5, 5);
  GstVideoRegionOfInterestMeta *tracked = add_roi(buffer, "a", 10, 4, 0, 5, 5);
  gst_video_region_of_interest_meta_add_param(tracked, gst_structure_new("object_id", "id",
                                                                         G_TYPE_INT, 77, NULL));
  const guint64 keys[] = {DC_REGION_KEY_UNNAMED(0), DC_REGION_KEY_UNNAMED(1),
                          DC_REGION_KEY_UNNAMED(2), 9, 77};
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &roi_rules, buffer, 64, 48);
  for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
    fail_unless(dc_region_iter_next(&iter, &region));
    assert_equals_int(region.x, i);
    assert_equals_uint64(region.key, keys[i]);
  }
  fail_if(dc_region_iter_next(&iter, &region));
  gst_buffer_unref(buffer);
}
GST_END_TEST

static guint64
track_of(const gchar *type, guint64 key)
{
  DriftclusterRegion region = {.roi_type = g_quark_from_string(type), .key = key};
  guint64 track;
  fail_unless(dc_region_track(&region, &track));
  return track;
}

/* Each detector numbers for itself. */
GST_START_TEST(tracks_are_told_apart_by_type_and_key)
{
  assert_equals_uint64(track_of("a", 1), track_of("a", 1));
  fail_unless(track_of("a", 1) != track_of("a", 2));
  fail_unless(track_of("a", 1) != track_of("b", 1));
  fail_unless(track_of("a", G_MAXUINT32) != track_of("b", G_MAXUINT32));
  DriftclusterRegion unnamed = {.roi_type = g_quark_from_string("a"),
                                .key = DC_REGION_KEY_UNNAMED(0)};
  guint64 track;
  fail_if(dc_region_track(&unnamed, &track));
}
GST_END_TEST

GST_START_TEST(regions_beyond_the_limit_are_counted)
{
  GstBuffer *buffer = gst_buffer_new();
  for (gint i = 1; i <= 1000; i++)
    add_roi(buffer, "a", i, 0, 0, 5, 5);
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &roi_rules, buffer, 64, 48);
  while (dc_region_iter_next(&iter, &region))
    ;
  assert_equals_int(iter.found, 100);
  assert_equals_int(iter.surplus, 900);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* --- Detections of the analytics library --- */

static const DcRegionRules detection_rules = {.where = DC_INFERENCE_REGION_ROI_LIST,
                                              .max_regions = 100,
                                              .analytics = &fake_bridge};

static void
detect(const DcDetection *detections, guint n)
{
  fake_detections = detections;
  n_fake_detections = n;
}

GST_START_TEST(detections_are_regions)
{
  const DcDetection detections[] = {
      {3, 4, 10, 20, g_quark_from_string("person"), 6, FALSE, 0, 1},
      {-5, -6, 15, 16, g_quark_from_string("car"), 7, TRUE, 0, 1},
      {60, 40, 100, 100, g_quark_from_string("car"), 8, FALSE, 0, 1},
  };
  GstBuffer *buffer = gst_buffer_new();
  DcRegionIter iter;
  DriftclusterRegion region;
  detect(detections, G_N_ELEMENTS(detections));
  dc_region_iter_init(&iter, &detection_rules, buffer, 64, 48);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 3, 4, 10, 20);
  assert_equals_string(g_quark_to_string(region.roi_type), "person");
  assert_equals_int(region.roi_id, 6);
  assert_equals_uint64(region.key, DC_REGION_KEY_UNNAMED(0));
  fail_unless(iter.roi == NULL);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 0, 0, 10, 10);
  assert_equals_uint64(region.key, 0); /* of its track */
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 60, 40, 4, 8);
  assert_equals_uint64(region.key, DC_REGION_KEY_UNNAMED(2));
  fail_if(dc_region_iter_next(&iter, &region));
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(detections_outside_or_empty_are_counted)
{
  const DcDetection detections[] = {
      {-10, 0, 10, 5, 0, 0, FALSE, 0, 1},
      {0, -10, 5, 10, 0, 1, FALSE, 0, 1},
      {64, 0, 5, 5, 0, 2, FALSE, 0, 1},
      {3, 3, 0, 5, 0, 3, FALSE, 0, 1},
      {3, 3, 5, -5, 0, 4, FALSE, 0, 1},
      {G_MAXINT, G_MAXINT, G_MAXINT, G_MAXINT, 0, 5, FALSE, 0, 1},
      {G_MININT, G_MININT, G_MAXINT, G_MAXINT, 0, 6, FALSE, 0, 1},
      {-1, -1, G_MAXINT, G_MAXINT, 0, 7, FALSE, 0, 1},
  };
  GstBuffer *buffer = gst_buffer_new();
  DcRegionIter iter;
  DriftclusterRegion region;
  detect(detections, G_N_ELEMENTS(detections));
  dc_region_iter_init(&iter, &detection_rules, buffer, 64, 48);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 0, 0, 64, 48);
  fail_if(dc_region_iter_next(&iter, &region));
  assert_equals_int(iter.bad, 7);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* A detector that writes both means the same things by them. */
GST_START_TEST(regions_of_interest_go_before_detections)
{
  const DcDetection detections[] = {{0, 0, 5, 5, g_quark_from_string("car"), 0, FALSE, 0, 1}};
  GstBuffer *buffer = gst_buffer_new();
  GstVideoRegionOfInterestMeta *roi = add_roi(buffer, "person", 5, 1, 2, 3, 4);
  DcRegionIter iter;
  DriftclusterRegion region;
  detect(detections, G_N_ELEMENTS(detections));
  dc_region_iter_init(&iter, &detection_rules, buffer, 64, 48);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_box(&region, 1, 2, 3, 4);
  fail_unless(iter.roi == roi);
  fail_if(dc_region_iter_next(&iter, &region));
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(object_class_filters_detections)
{
  const DcDetection detections[] = {{0, 0, 5, 5, g_quark_from_string("car"), 0, FALSE, 0, 1},
                                    {1, 1, 5, 5, g_quark_from_string("person"), 1, FALSE, 0, 1}};
  GstBuffer *buffer = gst_buffer_new();
  DcRegionRules rules = detection_rules;
  rules.object_class = g_quark_from_string("person");
  DcRegionIter iter;
  DriftclusterRegion region;
  detect(detections, G_N_ELEMENTS(detections));
  dc_region_iter_init(&iter, &rules, buffer, 64, 48);
  fail_unless(dc_region_iter_next(&iter, &region));
  assert_equals_int(region.roi_id, 1);
  fail_if(dc_region_iter_next(&iter, &region));
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(without_the_analytics_plugin_there_are_no_detections)
{
  const DcDetection detections[] = {{0, 0, 5, 5, g_quark_from_string("car"), 0, FALSE, 0, 1}};
  detect(detections, G_N_ELEMENTS(detections));
  GstBuffer *buffer = gst_buffer_new();
  DcRegionIter iter;
  DriftclusterRegion region;
  dc_region_iter_init(&iter, &roi_rules, buffer, 64, 48);
  fail_if(dc_region_iter_next(&iter, &region));
  gst_buffer_unref(buffer);
}
GST_END_TEST

static Suite *
region_iter_suite(void)
{
  Suite *suite = suite_create("region-iter");
  TCase *tests = tcase_create("regions");
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, full_frame_is_one_region);
  tcase_add_test(tests, tiles_cover_the_frame);
  tcase_add_test(tests, tiles_without_a_pixel_are_skipped);
  tcase_add_test(tests, tiles_are_read_from_text);
  tcase_add_test(tests, tiles_of_bad_text_are_refused);
  tcase_add_test(tests, regions_of_interest_are_clipped);
  tcase_add_test(tests, regions_of_interest_outside_or_empty_are_counted);
  tcase_add_test(tests, object_class_filters);
  tcase_add_test(tests, keys_tell_regions_apart);
  tcase_add_test(tests, tracks_are_told_apart_by_type_and_key);
  tcase_add_test(tests, regions_beyond_the_limit_are_counted);
  TCase *detections = tcase_create("detections");
  suite_add_tcase(suite, detections);
  tcase_add_test(detections, detections_are_regions);
  tcase_add_test(detections, detections_outside_or_empty_are_counted);
  tcase_add_test(detections, regions_of_interest_go_before_detections);
  tcase_add_test(detections, object_class_filters_detections);
  tcase_add_test(detections, without_the_analytics_plugin_there_are_no_detections);
  return suite;
}

GST_CHECK_MAIN(region_iter)
