/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What gallery-sink keeps and shows; gallery_files.c has what goes wrong with its folder. */
#include "blobs.h"
#include "gallery.h"
#include "store/png.h"

#include <gst/base/gstbasesink.h>
#include <gst/video/video.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

static void
read_exemplar(const Gallery *gallery, JsonObject *exemplar, DcPicture *picture)
{
  const gchar *file = json_object_get_string_member(exemplar, "file");
  g_autofree gchar *path = g_build_filename(gallery->location, file, NULL);

  fail_unless(dc_png_read(path, picture, NULL) == DC_OK, "%s", path);
}

/* --- Pictures --- */

/* Smaller than a picture may be: its pixels are those of the frame. */
GST_START_TEST(exemplar_is_the_region_of_the_frame)
{
  const DriftclusterResult result = gallery_result(2, GALLERY_UUID "1");
  g_autoptr(JsonNode) data = NULL;
  DcPicture picture;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_push(&gallery, &result, 1);
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  read_exemplar(&gallery, gallery_exemplar(gallery_group(data, 0), 0), &picture);
  assert_equals_int(picture.width, 16);
  assert_equals_int(picture.height, 12);
  assert_equals_int(picture.channels, 1);
  for (gint y = 0; y < 12; y++)
    for (gint x = 0; x < 16; x++)
      if (picture.pixels[16 * y + x] != (16 + x) * 3 + 24 + y)
        fail("pixel %d, %d is %d", x, y, picture.pixels[16 * y + x]);
  dc_picture_clear(&picture);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(large_regions_are_shrunk_and_cut_at_the_frame)
{
  DriftclusterResult result = gallery_result(2, GALLERY_UUID "1");
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 1024 * 512, NULL);
  g_autoptr(JsonNode) data = NULL;
  JsonObject *exemplar;
  DcPicture picture;
  Gallery gallery;

  result.x = result.y = -0.5;
  result.width = result.height = 1.5;
  gst_buffer_memset(buffer, 0, 77, 1024 * 512);
  gallery_add(buffer, &result, 1);
  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gst_harness_set_src_caps_str(gallery.harness,
                               "video/x-raw,format=GRAY8,width=1024,height=512,framerate=10/1");
  assert_equals_int(gst_harness_push(gallery.harness, buffer), GST_FLOW_OK);
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  exemplar = gallery_exemplar(gallery_group(data, 0), 0);
  read_exemplar(&gallery, exemplar, &picture);
  assert_equals_int(picture.width, 256);
  assert_equals_int(picture.height, 128);
  assert_equals_int(json_object_get_int_member(exemplar, "width"), 256);
  assert_equals_int(json_object_get_int_member(exemplar, "height"), 128);
  assert_equals_int(picture.pixels[0], 77);
  dc_picture_clear(&picture);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(every_format_of_the_pad_is_read)
{
  static const gchar *const formats[] = {"GRAY8", "RGB",  "BGR",  "RGBx", "BGRx",
                                         "RGBA",  "BGRA", "I420", "NV12", "YUY2"};

  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    const DriftclusterResult result = gallery_result(2, GALLERY_UUID "1");
    g_autoptr(JsonNode) data = NULL;
    GstVideoInfo info;
    DcPicture picture;
    Gallery gallery;
    GstBuffer *buffer;

    gst_video_info_set_format(&info, gst_video_format_from_string(formats[i]), 64, 48);
    buffer = gst_buffer_new_allocate(NULL, info.size, NULL);
    gst_buffer_memset(buffer, 0, 128, info.size); /* grey in all of them */
    gallery_add(buffer, &result, 1);
    gallery_prepare(&gallery);
    gallery_play(&gallery);
    gst_harness_set_src_caps(gallery.harness, gst_video_info_to_caps(&info));
    assert_equals_int(gst_harness_push(gallery.harness, buffer), GST_FLOW_OK);
    gallery_end(&gallery);
    data = gallery_data(&gallery);
    read_exemplar(&gallery, gallery_exemplar(gallery_group(data, 0), 0), &picture);
    assert_equals_int(picture.channels, i == 0 ? 1 : 3);
    /* 128 of the studio range, 16..235, is (128 - 16) / 219 of the full one. */
    assert_equals_int(picture.pixels[0], i < 7 ? 128 : 130);
    assert_equals_int(picture.pixels[picture.channels - 1], picture.pixels[0]);
    dc_picture_clear(&picture);
    gallery_clear(&gallery);
  }
}
GST_END_TEST

/* --- Figures --- */

GST_START_TEST(page_tells_what_a_group_is)
{
  DriftclusterResult results[3];
  g_autoptr(JsonNode) data = NULL;
  JsonObject *group, *head;
  Gallery gallery;

  gallery_prepare(&gallery);
  g_object_set(gallery.element, "title", "A <title>", NULL);
  gallery_play(&gallery);
  for (guint i = 0; i < 3; i++)
    results[i] = gallery_result(2, GALLERY_UUID "1");
  results[0].group = "vehicles";
  results[1].group = "vehicles";
  results[1].novel = TRUE;
  results[1].confidence = 0.625;
  results[2] = gallery_result(5, GALLERY_UUID "2");
  results[2].label = NULL;
  gallery_push(&gallery, &results[0], 1);
  gallery_push(&gallery, &results[1], 2);
  gallery_end(&gallery);

  data = gallery_data(&gallery);
  head = json_node_get_object(data);
  assert_equals_string(json_object_get_string_member(head, "title"), "A <title>");
  fail_unless(json_object_get_boolean_member(head, "ended"));
  assert_equals_int(json_object_get_int_member(head, "time"), 100);
  assert_equals_int(json_array_get_length(gallery_groups(data)), 2);
  group = gallery_group(data, 0);
  assert_equals_string(json_object_get_string_member(group, "uuid"), GALLERY_UUID "1");
  assert_equals_string(json_object_get_string_member(group, "label"), "shoe");
  assert_equals_string(json_object_get_string_member(group, "family"), "vehicles");
  assert_equals_string(json_object_get_string_member(group, "state"), "present");
  assert_equals_string(json_object_get_string_member(group, "colour"), "#009e73");
  assert_equals_int(json_object_get_int_member(group, "count"), 2);
  assert_equals_int(json_object_get_int_member(group, "novel"), 1);
  assert_equals_int(json_object_get_int_member(group, "sure"), 75);
  assert_equals_int(json_object_get_int_member(group, "first"), 0);
  assert_equals_int(json_object_get_int_member(group, "last"), 100);
  group = gallery_group(data, 1);
  assert_equals_string(json_object_get_string_member(group, "label"), "cluster-5");
  fail_unless(json_object_get_null_member(group, "family"));
  assert_equals_int(gallery_assert_files(&gallery), 3);
  assert_equals_uint64(gallery_stat(&gallery, "frames"), 2);
  assert_equals_uint64(gallery_stat(&gallery, "regions"), 3);
  assert_equals_uint64(gallery_stat(&gallery, "exemplars"), 3);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(what_repeats_or_is_of_no_interest_is_not_counted)
{
  DriftclusterResult results[4];
  g_autoptr(JsonNode) data = NULL;
  Gallery gallery;

  for (guint i = 0; i < 4; i++)
    results[i] = gallery_result(1, GALLERY_UUID "1");
  results[1].stale = TRUE;
  results[2].ignored = TRUE;
  results[3].cluster = -1;
  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_push(&gallery, results, 4);
  gallery_push(&gallery, &results[1], 1);
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  assert_equals_int(json_array_get_length(gallery_groups(data)), 1);
  assert_equals_int(json_object_get_int_member(gallery_group(data, 0), "count"), 1);
  assert_equals_int(json_object_get_int_member(gallery_group(data, 0), "last"), 100);
  assert_equals_int(gallery_assert_files(&gallery), 1);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(few_pictures_are_kept_of_a_long_stream)
{
  g_autoptr(JsonNode) data = NULL;
  JsonArray *exemplars;
  Gallery gallery;
  gint64 best_time = -1;

  gallery_prepare(&gallery);
  g_object_set(gallery.element, "per-cluster", 4, NULL);
  gallery_play(&gallery);
  for (guint i = 0; i < 200; i++) {
    DriftclusterResult result = gallery_result(0, GALLERY_UUID "1");

    result.confidence = i == 150 ? 1.0 : 0.5 + i % 7 * 0.01;
    gallery_push(&gallery, &result, 1);
    gallery_wait(&gallery, "pages", i); /* none is shed */
  }
  gallery_end(&gallery);
  assert_equals_uint64(gallery_stat(&gallery, "shed"), 0);
  data = gallery_data(&gallery);
  exemplars = json_object_get_array_member(gallery_group(data, 0), "exemplars");
  fail_unless(json_array_get_length(exemplars) >= 2 && json_array_get_length(exemplars) <= 4);
  for (guint i = 0; i < json_array_get_length(exemplars); i++) {
    JsonObject *exemplar = json_array_get_object_element(exemplars, i);

    gint64 sure = json_object_get_int_member(exemplar, "sure");

    if (sure == 100)
      best_time = json_object_get_int_member(exemplar, "time");
    else
      fail_unless(sure == 56, "%d %%", (gint)sure);
  }
  assert_equals_int64(best_time, 15000);
  gallery_assert_files(&gallery);
  gallery_clear(&gallery);
}
GST_END_TEST

/* More groups than are kept: the one unseen for longest goes, with its pictures. */
GST_START_TEST(groups_are_bounded)
{
  g_autoptr(JsonNode) data = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  g_object_set(gallery.element, "interval", 3600 * GST_SECOND, NULL);
  gallery_play(&gallery);
  for (gint i = 0; i < 258; i++) {
    g_autofree gchar *uuid = g_strdup_printf("0b1c2d3e-0000-4000-8000-%012d", i);
    const DriftclusterResult result = gallery_result(i, uuid);

    gallery_push(&gallery, &result, 1);
    gallery_wait(&gallery, "exemplars", (guint64)i + 1);
  }
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  assert_equals_int(json_array_get_length(gallery_groups(data)), 256);
  assert_equals_string(json_object_get_string_member(gallery_group(data, 0), "uuid"),
                       "0b1c2d3e-0000-4000-8000-000000000002");
  assert_equals_int(gallery_assert_files(&gallery), 256);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(streams_without_times_have_groups_too)
{
  const DriftclusterResult result = gallery_result(0, GALLERY_UUID "1");
  g_autoptr(JsonNode) data = NULL;
  JsonObject *group;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *buffer = gallery_frame(&gallery);

    GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
    gallery_add(buffer, &result, 1);
    assert_equals_int(gst_harness_push(gallery.harness, buffer), GST_FLOW_OK);
  }
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  group = gallery_group(data, 0);
  fail_unless(json_object_get_null_member(group, "first"));
  assert_equals_int(json_object_get_int_member(group, "count"), 3);
  fail_unless(json_object_get_null_member(gallery_exemplar(group, 2), "time"));
  gallery_clear(&gallery);
}
GST_END_TEST

/* --- Names --- */

static void
follow(Gallery *gallery, guint clusters, const guint *order)
{
  Blobs blobs = blobs_of(clusters, 8);
  DcSnapshot *snapshot = clusters > 0 ? blobs_snapshot(&blobs, order, 1) : NULL;

  fail_unless(gst_harness_push_event(gallery->harness, dc_snapshot_event_new(snapshot)));
  dc_snapshot_unref(snapshot);
}

static void
assert_group(JsonNode *data, guint place, const gchar *label, const gchar *state)
{
  JsonObject *group = gallery_group(data, place);

  assert_equals_string(json_object_get_string_member(group, "label"), label);
  assert_equals_string(json_object_get_string_member(group, "state"), state);
}

/* Groups out of sight, named and merged: the clusters themselves tell of it. */
GST_START_TEST(names_and_ends_of_clusters_are_followed)
{
  static const guint renamed[] = {1, 0, 2};
  DriftclusterResult results[3];
  g_autoptr(JsonNode) data = NULL, later = NULL, none = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  follow(&gallery, 3, NULL);
  for (gint i = 0; i < 3; i++)
    results[i] = gallery_result(i, i == 0 ? "blob-0" : i == 1 ? "blob-1" : "blob-2");
  results[0].label = "cluster-0";
  results[1].label = "from a file of labels";
  results[2].label = "cluster-2";
  gallery_push(&gallery, results, 3);
  follow(&gallery, 3, renamed);
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  assert_group(data, 0, "cluster-1", "present");
  assert_group(data, 1, "from a file of labels", "present");
  assert_group(data, 2, "cluster-2", "present");

  gallery_resume(&gallery);
  follow(&gallery, 2, NULL);
  gallery_end(&gallery);
  later = gallery_data(&gallery);
  assert_group(later, 0, "cluster-0", "present");
  assert_group(later, 2, "cluster-2", "gone");
  assert_equals_int(gallery_assert_files(&gallery), 3);

  gallery_resume(&gallery);
  follow(&gallery, 0, NULL);
  gallery_end(&gallery);
  none = gallery_data(&gallery);
  assert_group(none, 0, "cluster-0", "gone");
  gallery_clear(&gallery);
}
GST_END_TEST

/* Anybody may write a results meta. */
GST_START_TEST(hostile_names_stay_text_and_within_the_folder)
{
  static const gchar *const uuids[] = {"../../escaped", "/tmp/escaped", "..", "a/b", ""};
  g_autoptr(JsonNode) data = NULL;
  g_autofree gchar *escaped = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  for (guint i = 0; i < G_N_ELEMENTS(uuids); i++) {
    DriftclusterResult result = gallery_result((gint)i, uuids[i]);

    result.label = "</script><img src=x onerror=alert(1)>\"\n\\";
    gallery_push(&gallery, &result, 1);
  }
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  assert_equals_int(json_array_get_length(gallery_groups(data)), G_N_ELEMENTS(uuids));
  for (guint i = 0; i < G_N_ELEMENTS(uuids); i++) {
    JsonObject *group = gallery_group(data, i);
    const gchar *id = json_object_get_string_member(group, "id");

    assert_equals_string(json_object_get_string_member(group, "label"),
                         "</script><img src=x onerror=alert(1)>\"\n\\");
    fail_unless(strspn(id, "0123456789abcdef") == 64 && id[64] == 0, "%s", id);
  }
  assert_equals_int(gallery_assert_files(&gallery), G_N_ELEMENTS(uuids));
  escaped = g_build_filename(gallery.folder, "escaped", NULL);
  fail_if(g_file_test(escaped, G_FILE_TEST_EXISTS));
  gallery_clear(&gallery);
}
GST_END_TEST

/* --- When it is written --- */

GST_START_TEST(page_follows_the_stream_without_an_end)
{
  const DriftclusterResult result = gallery_result(0, GALLERY_UUID "1");
  g_autoptr(JsonNode) data = NULL;
  Gallery gallery;
  guint64 pages;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_wait(&gallery, "pages", 1);
  gallery_push(&gallery, &result, 1);
  gallery_wait(&gallery, "exemplars", 1);
  pages = gallery_stat(&gallery, "pages");
  gallery_push(&gallery, &result, 1);
  gallery_wait(&gallery, "pages", pages + 1);
  data = gallery_data(&gallery);
  fail_if(json_object_get_boolean_member(json_node_get_object(data), "ended"));
  gallery_exemplar(gallery_group(data, 0), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(interval_bounds_the_updates)
{
  const DriftclusterResult result = gallery_result(0, GALLERY_UUID "1");
  Gallery gallery;

  gallery_prepare(&gallery);
  g_object_set(gallery.element, "interval", 3600 * GST_SECOND, NULL);
  gallery_play(&gallery);
  gallery_wait(&gallery, "pages", 1);
  for (guint i = 0; i < 10; i++)
    gallery_push(&gallery, &result, 1);
  gallery_wait(&gallery, "exemplars", 10);
  assert_equals_uint64(gallery_stat(&gallery, "pages"), 1);
  gallery_end(&gallery);
  assert_equals_uint64(gallery_stat(&gallery, "pages"), 2);

  /* A shorter interval holds at once. */
  gallery_resume(&gallery);
  gallery_push(&gallery, &result, 1);
  g_object_set(gallery.element, "interval", G_GUINT64_CONSTANT(0), NULL);
  gallery_wait(&gallery, "pages", 3);
  gallery_clear(&gallery);
}
GST_END_TEST

/* Nobody watches the frames: a recording is not slowed down to the speed at which it is watched. */
GST_START_TEST(frames_are_not_waited_for)
{
  GstElement *element = gst_object_ref_sink(gst_element_factory_make("gallery-sink", NULL));

  fail_if(gst_base_sink_get_sync(GST_BASE_SINK(element)));
  fail_if(gst_base_sink_is_last_sample_enabled(GST_BASE_SINK(element)));
  gst_object_unref(element);
}
GST_END_TEST

/* --- What is wrong with a stream --- */

GST_START_TEST(buffers_that_hold_no_frame_pass)
{
  const DriftclusterResult result = gallery_result(0, GALLERY_UUID "1");
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 10, NULL);
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_add(buffer, &result, 1);
  assert_equals_int(gst_harness_push(gallery.harness, buffer), GST_FLOW_OK);
  gallery_end(&gallery);
  assert_equals_uint64(gallery_stat(&gallery, "unreadable-frames"), 1);
  assert_equals_int(gallery_assert_files(&gallery), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(regions_beside_the_frame_have_no_picture)
{
  DriftclusterResult results[3];
  Gallery gallery;

  for (guint i = 0; i < 3; i++)
    results[i] = gallery_result(0, GALLERY_UUID "1");
  results[0].x = 7;
  results[1].width = 0;
  results[2].x = 1e300;
  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_push(&gallery, results, 3);
  gallery_end(&gallery);
  assert_equals_uint64(gallery_stat(&gallery, "regions"), 3);
  assert_equals_int(gallery_assert_files(&gallery), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(broken_metadata_is_refused_and_counted)
{
  const DriftclusterResult results[2] = {gallery_result(0, GALLERY_UUID "1"),
                                         gallery_result(0, GALLERY_UUID "1")};
  g_autoptr(GstStructure) broken = gst_structure_new("regions", "region-0", G_TYPE_INT, 7, NULL);
  GstBuffer *buffer;
  GstCustomMeta *meta;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  buffer = gallery_frame(&gallery);
  gallery_add(buffer, results, 2);
  meta = driftcluster_buffer_get_results_meta(buffer);
  gst_structure_set(gst_custom_meta_get_structure(meta), "regions", GST_TYPE_STRUCTURE, broken,
                    NULL);
  assert_equals_int(gst_harness_push(gallery.harness, buffer), GST_FLOW_OK);
  gallery_push(&gallery, results, 1);
  gallery_end(&gallery);
  assert_equals_uint64(gallery_stat(&gallery, "refused-regions"), 1);
  assert_equals_int(gallery_assert_files(&gallery), 1);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(streams_without_groups_make_an_empty_page)
{
  g_autoptr(JsonNode) data = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  assert_equals_int(gst_harness_push(gallery.harness, gallery_frame(&gallery)), GST_FLOW_OK);
  gallery_end(&gallery);
  data = gallery_data(&gallery);
  assert_equals_int(json_array_get_length(gallery_groups(data)), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

static Suite *
gallery_sink_suite(void)
{
  Suite *suite = suite_create("gallery-sink");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, exemplar_is_the_region_of_the_frame);
  tcase_add_test(cases, large_regions_are_shrunk_and_cut_at_the_frame);
  tcase_add_test(cases, every_format_of_the_pad_is_read);
  tcase_add_test(cases, page_tells_what_a_group_is);
  tcase_add_test(cases, what_repeats_or_is_of_no_interest_is_not_counted);
  tcase_add_test(cases, few_pictures_are_kept_of_a_long_stream);
  tcase_add_test(cases, groups_are_bounded);
  tcase_add_test(cases, streams_without_times_have_groups_too);
  tcase_add_test(cases, names_and_ends_of_clusters_are_followed);
  tcase_add_test(cases, hostile_names_stay_text_and_within_the_folder);
  tcase_add_test(cases, page_follows_the_stream_without_an_end);
  tcase_add_test(cases, interval_bounds_the_updates);
  tcase_add_test(cases, frames_are_not_waited_for);
  tcase_add_test(cases, buffers_that_hold_no_frame_pass);
  tcase_add_test(cases, regions_beside_the_frame_have_no_picture);
  tcase_add_test(cases, broken_metadata_is_refused_and_counted);
  tcase_add_test(cases, streams_without_groups_make_an_empty_page);
  return suite;
}

GST_CHECK_MAIN(gallery_sink)
