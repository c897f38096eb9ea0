/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In front of a sink that cuts frames itself, elements that look at pixels still get what the caps
 * say. */
#include "embed_harness.h"

/* The harness's sink takes frames larger than the caps, and cuts them. */
static void
take_crops(GstHarness *harness)
{
  gst_harness_add_propose_allocation_meta(harness, GST_VIDEO_META_API_TYPE, NULL);
  gst_harness_add_propose_allocation_meta(harness, GST_VIDEO_CROP_META_API_TYPE, NULL);
}

GST_START_TEST(crops_are_not_asked_for)
{
  static const gchar *const launches[] = {"embed", "find-motion", "draw-clusters"};
  for (guint i = 0; i < G_N_ELEMENTS(launches); i++) {
    GstHarness *harness = gst_harness_new_parse(launches[i]);
    take_crops(harness);
    gst_harness_set_src_caps_str(harness,
                                 "video/x-raw,format=GRAY8,width=8,height=4,framerate=25/1");
    g_autoptr(GstCaps) caps = gst_pad_get_current_caps(harness->srcpad);
    GstQuery *query = gst_query_new_allocation(caps, FALSE);
    fail_unless(gst_pad_peer_query(harness->srcpad, query), "%s", launches[i]);
    fail_unless(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL), "%s",
                launches[i]);
    fail_if(gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, NULL), "%s",
            launches[i]);
    gst_query_unref(query);
    gst_harness_teardown(harness);
  }
}
GST_END_TEST

GST_START_TEST(cropped_frame_is_the_one_of_the_caps)
{
  g_autoptr(GstElementFactory) videocrop = gst_element_factory_find("videocrop");
  if (!videocrop) {
    g_print("videocrop of gstreamer1.0-plugins-good is missing: skipped\n");
    return;
  }
  g_autofree gchar *launch = g_strdup_printf("videocrop left=4 ! embed model-file=%s", mean_model);
  GstHarness *harness = gst_harness_new_parse(launch);
  take_crops(harness);
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=8,height=4,framerate=25/1");
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 0));
  assert_equals_int(meta_of(buffer)->width, 4);
  assert_embedding(meta_of(buffer), 0, 0.8f);
  fail_unless(gst_buffer_get_video_crop_meta(buffer) == NULL);
  gst_buffer_unref(buffer);
  gst_harness_teardown(harness);
}
GST_END_TEST

static Suite *
whole_frames_suite(void)
{
  Suite *suite = suite_create("whole-frames");
  TCase *tests = tcase_create("whole-frames");
  tcase_add_unchecked_fixture(tests, register_plugin, NULL);
  tcase_add_checked_fixture(tests, setup, teardown);
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, crops_are_not_asked_for);
  tcase_add_test(tests, cropped_frame_is_the_one_of_the_caps);
  return suite;
}

GST_CHECK_MAIN(whole_frames)
