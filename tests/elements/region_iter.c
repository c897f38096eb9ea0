/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/region-iter.h"

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
  DcRegionRules rules = {DC_INFERENCE_REGION_TILES, 4, 3, 0, 100};
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
  DcRegionRules rules = {DC_INFERENCE_REGION_TILES, 4, 3, 0, 100};
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
  tcase_add_test(tests, regions_beyond_the_limit_are_counted);
  return suite;
}

GST_CHECK_MAIN(region_iter)
