/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "embed_harness.h"
#include "image/descriptor.h"

/* --- what is embedded --- */

GST_START_TEST(full_frame_is_embedded)
{
  GstHarness *harness = harness_of("embed", mean_model);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 0));
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_int(meta->width, 8);
  assert_equals_int(meta->height, 4);
  assert_equals_int(meta->n_regions, 1);
  assert_equals_int(meta->regions[0].width, 8);
  assert_equals_int(meta->regions[0].height, 4);
  assert_equals_string(g_quark_to_string(meta->regions[0].roi_type), "frame");
  assert_embedding(meta, 0, 0.5f);
  DcModel *model;
  fail_unless(dc_model_read(mean_model, &model, NULL) == DC_OK);
  assert_equals_string(meta->block->encoder, model->encoder_id);
  dc_model_free(model);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(tiles_are_embedded)
{
  GstHarness *harness =
      harness_of("embed inference-region=tiles tiles=2x2 batch-size=3", mean_model);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 0));
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_int(meta->n_regions, 4);
  assert_equals_int(meta->block->rows, 4);
  for (guint tile = 0; tile < 4; tile++) {
    assert_equals_uint64(meta->regions[tile].key, tile);
    assert_embedding(meta, tile, tile % 2 ? 0.8f : 0.2f);
  }
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(regions_of_interest_are_embedded)
{
  GstHarness *harness =
      harness_of("embed inference-region=roi-list object-class=person", mean_model);
  GstBuffer *frame = gray_frame(8, 4, 0);
  gst_buffer_add_video_region_of_interest_meta(frame, "car", 0, 0, 8, 4);
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 100, 0, 4, 4);
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 4, 0, 400, 4)->id = 21;
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 0, 1, 4, 0);
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 0, 1, 4, 2)->id = 22;
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_int(meta->n_regions, 2);
  assert_equals_uint64(meta->regions[0].key, 21);
  assert_embedding(meta, 0, 0.8f);
  assert_equals_uint64(meta->regions[1].key, 22);
  assert_embedding(meta, 1, 0.2f);
  gst_buffer_unref(buffer);
  assert_equals_uint64(stat_of(harness, "bad-regions"), 2);
  assert_equals_uint64(stat_of(harness, "regions"), 2);
  assert_equals_uint64(stat_of(harness, "embedded"), 2);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(frame_without_regions_says_so)
{
  GstHarness *harness = harness_of("embed inference-region=roi-list", mean_model);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 0));
  assert_equals_int(meta_of(buffer)->n_regions, 0);
  assert_no_embedding(meta_of(buffer));
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(regions_beyond_the_limit_are_left_out)
{
  GstHarness *harness = harness_of("embed inference-region=roi-list max-regions=3", mean_model);
  GstBuffer *frame = gray_frame(8, 4, 0);
  for (guint i = 0; i < 8; i++)
    gst_buffer_add_video_region_of_interest_meta(frame, "face", i % 4 * 2, i / 4 * 2, 2, 2);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  assert_equals_int(meta_of(buffer)->n_regions, 3);
  assert_embedding(meta_of(buffer), 2, 0.8f);
  gst_buffer_unref(buffer);
  assert_equals_uint64(stat_of(harness, "surplus-regions"), 5);
  harness_free(harness);
}
GST_END_TEST

static void
assert_tiles(GstHarness *harness, guint number, guint tiles)
{
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(64, 64, number));
  assert_equals_int(meta_of(buffer)->n_regions, tiles);
  assert_embedding(meta_of(buffer), 0, 0.2f);
  assert_embedding(meta_of(buffer), tiles - 1, 0.8f);
  gst_buffer_unref(buffer);
}

/* Whatever max-regions says of regions of interest. */
GST_START_TEST(every_tile_of_a_fine_grid_is_embedded)
{
  GstHarness *harness = harness_of("embed inference-region=tiles tiles=20x20", mean_model);
  gst_harness_set_src_caps_str(harness,
                               "video/x-raw,format=GRAY8,width=64,height=64,framerate=25/1");
  assert_tiles(harness, 0, 400);
  gst_harness_set(harness, "embed", "tiles", "64x64", NULL);
  assert_tiles(harness, 1, DRIFTCLUSTER_MAX_REGIONS);
  assert_equals_uint64(stat_of(harness, "surplus-regions"), 0);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(descriptor_needs_no_model)
{
  GstHarness *harness = harness_of("embed", NULL);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 0));
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_string(meta->block->encoder, DC_DESCRIPTOR_NAME);
  guint dim;
  const gfloat *embedding = driftcluster_embedding_meta_get_embedding(meta, 0, &dim);
  assert_equals_int(dim, dc_descriptor_size());
  gdouble square = 0;
  for (guint i = 0; i < dim; i++)
    square += (gdouble)embedding[i] * embedding[i];
  fail_unless(fabs(square - 1) < 1e-5, "length %g", sqrt(square));
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

/* A grey frame has the same mean in every format: value / 255, or (value - 16) / 219 for luma. */
GST_START_TEST(every_format_is_read)
{
  static const gchar *formats[] = {"GRAY8", "RGB",  "BGR",  "RGBx", "BGRx",
                                   "RGBA",  "BGRA", "I420", "NV12", "YUY2"};
  GstHarness *harness = harness_of("embed", mean_model);
  for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
    g_autofree gchar *caps =
        g_strdup_printf("video/x-raw,format=%s,width=8,height=4,framerate=25/1", formats[i]);
    gst_harness_set_src_caps_str(harness, caps);
    g_autoptr(GstCaps) parsed = gst_caps_from_string(caps);
    GstVideoInfo info;
    fail_unless(gst_video_info_from_caps(&info, parsed));
    GstBuffer *frame = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);
    gst_buffer_memset(frame, 0, 128, GST_VIDEO_INFO_SIZE(&info));
    GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
    gboolean studio_range = GST_VIDEO_INFO_IS_YUV(&info);
    /* The conversion rounds to 8 bits. */
    const gfloat expected = studio_range ? 112.0f / 219 : 128.0f / 255;
    const gfloat *embedding = driftcluster_embedding_meta_get_embedding(meta_of(buffer), 0, NULL);
    fail_unless(fabsf(embedding[0] - expected) < 1.0f / 255, "%s: %g", formats[i], embedding[0]);
    gst_buffer_unref(buffer);
  }
  harness_free(harness);
}
GST_END_TEST

/* --- pixels are not touched --- */

GST_START_TEST(shared_pixels_are_not_copied)
{
  GstHarness *harness = harness_of("embed", mean_model);
  GstBuffer *frame = gray_frame(8, 4, 0);
  GstMemory *memory = gst_buffer_peek_memory(frame, 0);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gst_buffer_ref(frame));
  fail_unless(buffer != frame);
  fail_unless(gst_buffer_peek_memory(buffer, 0) == memory);
  fail_unless(driftcluster_buffer_get_embedding_meta(frame) == NULL);
  assert_embedding(meta_of(buffer), 0, 0.5f);
  gst_buffer_unref(buffer);
  gst_buffer_unref(frame);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(own_buffer_goes_on_itself)
{
  GstHarness *harness = harness_of("embed", mean_model);
  GstBuffer *frame = gray_frame(8, 4, 0);
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 0, 0, 4, 4);
  /* A stage upstream has embedded already: its meta is replaced. */
  driftcluster_buffer_add_embedding_meta(frame, 3, 3, NULL, 0, NULL);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  fail_unless(buffer == frame);
  assert_equals_int(gst_buffer_get_n_meta(buffer, driftcluster_embedding_meta_api_get_type()), 1);
  assert_equals_int(meta_of(buffer)->width, 8);
  fail_unless(gst_buffer_get_video_region_of_interest_meta_id(buffer, 0) != NULL);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(padded_rows_are_read_right)
{
  enum { STRIDE = 32, OFFSET = 48 };
  GstHarness *harness = harness_of("embed inference-region=tiles tiles=2x1", mean_model);
  GstBuffer *frame = gst_buffer_new_allocate(NULL, OFFSET + 4 * STRIDE, NULL);
  gst_buffer_memset(frame, 0, 255, OFFSET + 4 * STRIDE);
  for (gsize y = 0; y < 4; y++) {
    gst_buffer_memset(frame, OFFSET + y * STRIDE, LEFT, 4);
    gst_buffer_memset(frame, OFFSET + y * STRIDE + 4, RIGHT, 4);
  }
  gsize offsets[GST_VIDEO_MAX_PLANES] = {OFFSET};
  gint strides[GST_VIDEO_MAX_PLANES] = {STRIDE};
  gst_buffer_add_video_meta_full(frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8, 8, 4, 1,
                                 offsets, strides);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  assert_embedding(meta_of(buffer), 0, 0.2f);
  assert_embedding(meta_of(buffer), 1, 0.8f);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

/* --- the stream --- */

GST_START_TEST(interval_embeds_one_frame_in_three)
{
  GstHarness *harness = harness_of("embed inference-interval=3", mean_model);
  for (guint i = 0; i < 7; i++)
    assert_embeds(harness, i, i % 3 == 0);
  assert_equals_uint64(stat_of(harness, "frames"), 7);
  assert_equals_uint64(stat_of(harness, "regions"), 7);
  assert_equals_uint64(stat_of(harness, "embedded"), 3);
  assert_equals_uint64(stat_of(harness, "skipped"), 4);
  /* A shorter interval holds at once, and a flush starts anew. */
  assert_embeds(harness, 7, FALSE);
  gst_harness_set(harness, "embed", "inference-interval", 1, NULL);
  assert_embeds(harness, 8, TRUE);
  gst_harness_set(harness, "embed", "inference-interval", 100, NULL);
  assert_embeds(harness, 9, TRUE);
  assert_embeds(harness, 10, FALSE);
  gst_harness_push_event(harness, gst_event_new_flush_start());
  gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
  assert_embeds(harness, 11, TRUE);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(caps_may_change_in_the_stream)
{
  static const gint sizes[][2] = {{8, 4}, {2, 2}, {640, 10}, {1, 1}, {8, 4}};
  GstHarness *harness = harness_of("embed", mean_model);
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    g_autofree gchar *caps =
        g_strdup_printf("video/x-raw,format=GRAY8,width=%d,height=%d,framerate=25/1", sizes[i][0],
                        sizes[i][1]);
    gst_harness_set_src_caps_str(harness, caps);
    GstBuffer *buffer =
        gst_harness_push_and_pull(harness, gray_frame(sizes[i][0], sizes[i][1], (guint)i));
    DriftclusterEmbeddingMeta *meta = meta_of(buffer);
    assert_equals_int(meta->width, sizes[i][0]);
    assert_equals_int(meta->height, sizes[i][1]);
    /* Of a single pixel, both halves are that pixel. */
    assert_embedding(meta, 0, sizes[i][0] == 1 ? 0.8f : 0.5f);
    gst_buffer_unref(buffer);
  }
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(single_pixel_has_one_tile)
{
  GstHarness *harness = harness_of("embed inference-region=tiles tiles=4x3", mean_model);
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=GRAY8,width=1,height=1,framerate=0/1");
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(1, 1, 0));
  assert_equals_int(meta_of(buffer)->n_regions, 1);
  assert_embedding(meta_of(buffer), 0, 0.8f);
  gst_buffer_unref(buffer);
  assert_equals_uint64(stat_of(harness, "bad-regions"), 11);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(buffers_without_time_are_embedded)
{
  GstHarness *harness = harness_of("embed", mean_model);
  GstBuffer *frame = gray_frame(8, 4, 0);
  GST_BUFFER_PTS(frame) = GST_BUFFER_DURATION(frame) = GST_CLOCK_TIME_NONE;
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  assert_embedding(meta_of(buffer), 0, 0.5f);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

static void
push_late_notice(GstHarness *harness, GstClockTime timestamp, GstClockTimeDiff late)
{
  gst_harness_push_upstream_event(harness,
                                  gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, late, timestamp));
}

GST_START_TEST(segment_need_not_be_of_time)
{
  GstHarness *harness = harness_of("embed", mean_model);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
  push_late_notice(harness, 0, 10 * GST_SECOND);
  assert_embeds(harness, 0, TRUE);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(gaps_and_end_pass)
{
  GstHarness *harness = harness_of("embed", mean_model);
  GstBuffer *frame = gray_frame(8, 4, 0);
  GST_BUFFER_FLAG_SET(frame, GST_BUFFER_FLAG_GAP);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  assert_no_embedding(meta_of(buffer));
  fail_unless(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP));
  gst_buffer_unref(buffer);
  assert_equals_uint64(stat_of(harness, "skipped"), 1);
  assert_embeds(harness, 1, TRUE);

  gst_harness_push_event(harness, gst_event_new_gap(80 * GST_MSECOND, 40 * GST_MSECOND));
  gst_harness_push_event(harness, gst_event_new_eos());
  gboolean gap = FALSE, eos = FALSE;
  GstEvent *event;
  while ((event = gst_harness_try_pull_event(harness))) {
    gap |= GST_EVENT_TYPE(event) == GST_EVENT_GAP;
    eos |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  fail_unless(gap && eos);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(late_frames_pass_without_inference)
{
  GstHarness *harness = harness_of("embed", mean_model);
  assert_embeds(harness, 0, TRUE);
  push_late_notice(harness, 0, 100 * GST_MSECOND);
  assert_embeds(harness, 1, FALSE); /* 40 ms */
  assert_embeds(harness, 2, FALSE); /* 80 ms */
  assert_embeds(harness, 3, TRUE);  /* 120 ms */
  assert_equals_uint64(stat_of(harness, "shed"), 2);
  assert_equals_uint64(stat_of(harness, "skipped"), 0);
  assert_equals_uint64(stat_of(harness, "frames"), 4);

  push_late_notice(harness, 120 * GST_MSECOND, 10 * GST_SECOND);
  assert_embeds(harness, 4, FALSE);
  push_late_notice(harness, 160 * GST_MSECOND, -5 * (GstClockTimeDiff)GST_MSECOND);
  assert_embeds(harness, 5, TRUE); /* caught up */
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(late_frames_are_embedded_when_told)
{
  GstHarness *harness = harness_of("embed shed-late=false", mean_model);
  push_late_notice(harness, 0, 10 * GST_SECOND);
  assert_embeds(harness, 1, TRUE);
  assert_equals_uint64(stat_of(harness, "shed"), 0);
  harness_free(harness);
}
GST_END_TEST

/* --- what goes wrong --- */

GST_START_TEST(buffer_without_a_frame_passes_with_a_warning)
{
  GstHarness *harness = harness_of("embed", mean_model);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *buffer = gst_harness_push_and_pull(harness, gst_buffer_new());
    assert_no_embedding(meta_of(buffer));
    gst_buffer_unref(buffer);
  }
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 1);
  assert_equals_int(count_messages(harness, GST_MESSAGE_ERROR), 0);
  assert_equals_uint64(stat_of(harness, "unreadable"), 3);
  assert_embeds(harness, 3, TRUE);
  harness_free(harness);
}
GST_END_TEST

/* 3e38 * (0.2 + 0.2) is a float, 3e38 * (0.8 + 0.8) is not. */
GST_START_TEST(embeddings_that_are_not_finite_stay_inside)
{
  g_autofree gchar *model = tiny_model_write(folder, "huge.safetensors", 3e38f);
  GstHarness *harness = harness_of("embed inference-region=tiles tiles=2x2", model);
  for (guint i = 0; i < 2; i++) {
    GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, i));
    DriftclusterEmbeddingMeta *meta = meta_of(buffer);
    assert_equals_int(meta->n_regions, 4);
    assert_equals_int(meta->block->rows, 2);
    assert_equals_int(meta->regions[0].row, 0);
    assert_equals_int(meta->regions[1].row, -1);
    assert_equals_int(meta->regions[2].row, 1);
    assert_equals_int(meta->regions[3].row, -1);
    for (guint j = 0; j < 4; j++)
      fail_unless(isfinite(meta->block->data[j]) && meta->block->data[j] != 0);
    gst_buffer_unref(buffer);
  }
  assert_equals_uint64(stat_of(harness, "not-finite"), 4);
  assert_equals_uint64(stat_of(harness, "embedded"), 4);
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 1);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(frame_of_bad_embeddings_has_no_block)
{
  g_autofree gchar *model = tiny_model_write(folder, "huge.safetensors", 3e38f);
  GstHarness *harness = harness_of("embed inference-region=roi-list", model);
  GstBuffer *frame = gray_frame(8, 4, 0);
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 4, 0, 4, 4);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  assert_equals_int(meta_of(buffer)->n_regions, 1);
  assert_no_embedding(meta_of(buffer));
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(tiles_of_bad_text_are_refused)
{
  assert_refuses_to_start("tiles", "five", "5x2", GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS);
}
GST_END_TEST

GST_START_TEST(tiles_of_bad_text_change_nothing_while_running)
{
  GstHarness *harness = harness_of("embed inference-region=tiles tiles=2x1", mean_model);
  gst_harness_set(harness, "embed", "tiles", "0x9", NULL);
  gst_message_unref(wait_for(harness, GST_MESSAGE_WARNING));
  g_autofree gchar *tiles = NULL;
  gst_harness_get(harness, "embed", "tiles", &tiles, NULL);
  assert_equals_string(tiles, "2x1");
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 0));
  assert_equals_int(meta_of(buffer)->n_regions, 2);
  gst_buffer_unref(buffer);
  gst_harness_set(harness, "embed", "tiles", "4x2", NULL);
  buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 1));
  assert_equals_int(meta_of(buffer)->n_regions, 8);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(other_formats_are_not_accepted)
{
  GstHarness *harness = gst_harness_new("embed");
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=Y444,width=8,height=4,framerate=25/1");
  assert_equals_int(gst_harness_push(harness, gst_buffer_new_allocate(NULL, 96, NULL)),
                    GST_FLOW_NOT_NEGOTIATED);
  gst_harness_teardown(harness);
}
GST_END_TEST

static Suite *
embed_suite(void)
{
  Suite *suite = suite_create("embed");
  TCase *tests = tcase_create("embed");
  tcase_add_unchecked_fixture(tests, register_plugin, NULL);
  tcase_add_checked_fixture(tests, setup, teardown);
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, full_frame_is_embedded);
  tcase_add_test(tests, tiles_are_embedded);
  tcase_add_test(tests, regions_of_interest_are_embedded);
  tcase_add_test(tests, frame_without_regions_says_so);
  tcase_add_test(tests, regions_beyond_the_limit_are_left_out);
  tcase_add_test(tests, every_tile_of_a_fine_grid_is_embedded);
  tcase_add_test(tests, descriptor_needs_no_model);
  tcase_add_test(tests, every_format_is_read);
  tcase_add_test(tests, shared_pixels_are_not_copied);
  tcase_add_test(tests, own_buffer_goes_on_itself);
  tcase_add_test(tests, padded_rows_are_read_right);
  tcase_add_test(tests, interval_embeds_one_frame_in_three);
  tcase_add_test(tests, caps_may_change_in_the_stream);
  tcase_add_test(tests, single_pixel_has_one_tile);
  tcase_add_test(tests, buffers_without_time_are_embedded);
  tcase_add_test(tests, segment_need_not_be_of_time);
  tcase_add_test(tests, gaps_and_end_pass);
  tcase_add_test(tests, late_frames_pass_without_inference);
  tcase_add_test(tests, late_frames_are_embedded_when_told);
  tcase_add_test(tests, buffer_without_a_frame_passes_with_a_warning);
  tcase_add_test(tests, embeddings_that_are_not_finite_stay_inside);
  tcase_add_test(tests, frame_of_bad_embeddings_has_no_block);
  tcase_add_test(tests, tiles_of_bad_text_are_refused);
  tcase_add_test(tests, tiles_of_bad_text_change_nothing_while_running);
  tcase_add_test(tests, other_formats_are_not_accepted);
  return suite;
}

GST_CHECK_MAIN(embed)
