/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/frame-reader.h"

#include <gst/check/gstcheck.h>

static GstVideoInfo
info_of(GstVideoFormat format, guint width, guint height)
{
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, width, height);
  return info;
}

static GstBuffer *
buffer_of(const GstVideoInfo *info)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(info), NULL);
  gst_buffer_memset(buffer, 0, 0, GST_VIDEO_INFO_SIZE(info));
  return buffer;
}

/* Each format of the caps is accepted and its planes lie where the format says. */
GST_START_TEST(formats_of_the_caps_are_read)
{
  GstCaps *caps = gst_caps_from_string("video/x-raw, format=" DC_FRAME_FORMATS);
  const GValue *formats = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");
  assert_equals_int(gst_value_list_get_size(formats), DC_PIXELS_COUNT);
  for (guint i = 0; i < gst_value_list_get_size(formats); i++) {
    const gchar *name = g_value_get_string(gst_value_list_get_value(formats, i));
    GstVideoInfo info = info_of(gst_video_format_from_string(name), 7, 5);
    fail_unless(dc_frame_reader_accepts(&info), "%s", name);
    GstBuffer *buffer = buffer_of(&info);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    DcFrameReader reader;
    fail_unless(dc_frame_reader_open(&reader, &info, buffer));
    assert_equals_int(reader.image.format, i);
    assert_equals_int(reader.image.width, 7);
    assert_equals_int(reader.image.height, 5);
    for (guint plane = 0; plane < GST_VIDEO_INFO_N_PLANES(&info); plane++) {
      fail_unless(reader.image.planes[plane] ==
                  map.data + GST_VIDEO_INFO_PLANE_OFFSET(&info, plane));
      assert_equals_int(reader.image.strides[plane], GST_VIDEO_INFO_PLANE_STRIDE(&info, plane));
    }
    dc_frame_reader_close(&reader);
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
  }
  gst_caps_unref(caps);
}
GST_END_TEST

GST_START_TEST(strides_and_offsets_of_the_meta_are_honoured)
{
  GstVideoInfo info = info_of(GST_VIDEO_FORMAT_I420, 6, 4);
  gsize offsets[GST_VIDEO_MAX_PLANES] = {64, 256, 384};
  gint strides[GST_VIDEO_MAX_PLANES] = {40, 24, 28};
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 512, NULL);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_I420, 6, 4, 3,
                                 offsets, strides);
  DcFrameReader reader;
  fail_unless(dc_frame_reader_open(&reader, &info, buffer));
  for (guint plane = 1; plane < 3; plane++)
    assert_equals_int(reader.image.planes[plane] - reader.image.planes[0],
                      offsets[plane] - offsets[0]);
  for (guint plane = 0; plane < 3; plane++)
    assert_equals_int(reader.image.strides[plane], strides[plane]);
  dc_frame_reader_close(&reader);
  gst_buffer_unref(buffer);
}
GST_END_TEST

static DcImage
image_with(const gchar *colorimetry)
{
  GstVideoInfo info = info_of(GST_VIDEO_FORMAT_NV12, 4, 4);
  fail_unless(gst_video_colorimetry_from_string(&info.colorimetry, colorimetry));
  GstBuffer *buffer = buffer_of(&info);
  DcFrameReader reader;
  fail_unless(dc_frame_reader_open(&reader, &info, buffer));
  DcImage image = reader.image;
  dc_frame_reader_close(&reader);
  gst_buffer_unref(buffer);
  return image;
}

GST_START_TEST(colorimetry_is_passed_on)
{
  assert_equals_int(image_with("bt601").colour, DC_COLOUR_BT601);
  assert_equals_int(image_with("bt601").full_range, 0);
  assert_equals_int(image_with("bt709").colour, DC_COLOUR_BT709);
  assert_equals_int(image_with("bt2020").colour, DC_COLOUR_BT709);
  assert_equals_int(image_with("1:4:0:0").colour, DC_COLOUR_BT601);
  assert_equals_int(image_with("1:4:0:0").full_range, 1);
}
GST_END_TEST

GST_START_TEST(shared_memory_is_not_copied)
{
  GstVideoInfo info = info_of(GST_VIDEO_FORMAT_RGB, 8, 8);
  GstBuffer *buffer = buffer_of(&info), *shared = gst_buffer_copy(buffer);
  DcFrameReader reader;
  fail_unless(dc_frame_reader_open(&reader, &info, shared));
  fail_unless(gst_buffer_peek_memory(buffer, 0) == gst_buffer_peek_memory(shared, 0));
  dc_frame_reader_close(&reader);
  fail_unless(gst_buffer_peek_memory(buffer, 0) == gst_buffer_peek_memory(shared, 0));
  gst_buffer_unref(buffer);
  gst_buffer_unref(shared);
}
GST_END_TEST

GST_START_TEST(buffer_without_a_frame_is_refused)
{
  GstVideoInfo info = info_of(GST_VIDEO_FORMAT_RGB, 8, 8);
  DcFrameReader reader;
  GstBuffer *empty = gst_buffer_new(), *shorter = gst_buffer_new_allocate(NULL, 100, NULL);
  fail_if(dc_frame_reader_open(&reader, &info, empty));
  fail_if(dc_frame_reader_open(&reader, &info, shorter));
  gst_buffer_unref(empty);
  gst_buffer_unref(shorter);
}
GST_END_TEST

GST_START_TEST(meta_that_contradicts_the_caps_is_refused)
{
  GstVideoInfo info = info_of(GST_VIDEO_FORMAT_RGB, 8, 8);
  DcFrameReader reader;
  GstBuffer *other = buffer_of(&info), *smaller = buffer_of(&info);
  gst_buffer_add_video_meta(other, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_BGR, 8, 8);
  gst_buffer_add_video_meta(smaller, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, 8, 4);
  fail_if(dc_frame_reader_open(&reader, &info, other));
  fail_if(dc_frame_reader_open(&reader, &info, smaller));
  gst_buffer_unref(other);
  gst_buffer_unref(smaller);
}
GST_END_TEST

/* Not that of the meta: elements tell of places in the frame of the caps. */
GST_START_TEST(larger_frame_has_the_size_of_the_caps)
{
  GstVideoInfo info = info_of(GST_VIDEO_FORMAT_GRAY8, 8, 4);
  GstVideoInfo larger = info_of(GST_VIDEO_FORMAT_GRAY8, 16, 12);
  DcFrameReader reader;
  GstBuffer *buffer = buffer_of(&larger);
  gst_buffer_add_video_meta(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 16, 12);
  fail_unless(dc_frame_reader_open(&reader, &info, buffer));
  assert_equals_int(reader.image.width, 8);
  assert_equals_int(reader.image.height, 4);
  assert_equals_int(reader.image.strides[0], 16);
  dc_frame_reader_close(&reader);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(other_formats_are_refused)
{
  GstVideoInfo info = info_of(GST_VIDEO_FORMAT_Y444, 8, 8);
  fail_if(dc_frame_reader_accepts(&info));
  GstBuffer *buffer = buffer_of(&info);
  DcFrameReader reader;
  fail_if(dc_frame_reader_open(&reader, &info, buffer));
  gst_buffer_unref(buffer);
}
GST_END_TEST

static Suite *
frame_reader_suite(void)
{
  Suite *suite = suite_create("frame-reader");
  TCase *tests = tcase_create("frames");
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, formats_of_the_caps_are_read);
  tcase_add_test(tests, strides_and_offsets_of_the_meta_are_honoured);
  tcase_add_test(tests, colorimetry_is_passed_on);
  tcase_add_test(tests, shared_memory_is_not_copied);
  tcase_add_test(tests, buffer_without_a_frame_is_refused);
  tcase_add_test(tests, meta_that_contradicts_the_caps_is_refused);
  tcase_add_test(tests, larger_frame_has_the_size_of_the_caps);
  tcase_add_test(tests, other_formats_are_refused);
  return suite;
}

GST_CHECK_MAIN(frame_reader)
