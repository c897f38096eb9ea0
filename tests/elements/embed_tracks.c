/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Regions of others in `embed`: which are worth a look, and how often. And what it says when it is
 * too slow. */
#include "embed_harness.h"
#include "streams.h"

#define ROI "embed inference-region=roi-list "

/* A frame of 80 x 40 with one region at its left, of the size and the identity given. */
static GstBuffer *
frame_of(guint number, gint id, guint width, guint height)
{
  GstBuffer *frame = gray_frame(80, 40, number);
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 0, 0, width, height)->id = id;
  return frame;
}

static GstHarness *
harness_of_regions(const gchar *launch)
{
  GstHarness *harness = harness_of(launch, mean_model);
  gst_harness_set_src_caps_str(harness,
                               "video/x-raw,format=GRAY8,width=80,height=40,framerate=25/1");
  return harness;
}

/* Pushes a frame; its one region comes out with an embedding, made now or not. */
static void
assert_made_now(GstHarness *harness, GstBuffer *frame, gboolean made_now)
{
  guint64 before = stat_of(harness, "embedded"), reused = stat_of(harness, "reused");
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_int(meta->n_regions, 1);
  assert_embedding(meta, 0, 0.2f);
  assert_equals_int(meta->block->reused, made_now ? 0 : 1);
  assert_equals_uint64(stat_of(harness, "embedded"), before + (made_now ? 1 : 0));
  assert_equals_uint64(stat_of(harness, "reused"), reused + (made_now ? 0 : 1));
  gst_buffer_unref(buffer);
}

/* --- How often --- */

/* 40 ms from frame to frame: every third one. */
GST_START_TEST(followed_region_is_embedded_after_the_interval)
{
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=120000000");
  for (guint i = 0; i < 10; i++)
    assert_made_now(harness, frame_of(i, 5, 10, 10), i % 3 == 0);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(region_that_grows_by_a_fifth_is_embedded)
{
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=3600000000000");
  assert_made_now(harness, frame_of(0, 5, 10, 10), TRUE);
  assert_made_now(harness, frame_of(1, 5, 12, 10), FALSE); /* by 20 %, not more */
  assert_made_now(harness, frame_of(2, 5, 11, 11), TRUE);
  assert_made_now(harness, frame_of(3, 5, 5, 5), FALSE);
  assert_made_now(harness, frame_of(4, 5, 12, 12), FALSE); /* against what was embedded */
  assert_made_now(harness, frame_of(5, 5, 13, 12), TRUE);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(other_regions_are_embedded_on_every_frame)
{
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=3600000000000");
  for (guint i = 0; i < 3; i++)
    assert_made_now(harness, frame_of(i, 0, 10, 10), TRUE); /* without identity */
  for (guint i = 3; i < 6; i++)
    assert_made_now(harness, frame_of(i, (gint)i, 10, 10), TRUE);
  GstBuffer *timeless = frame_of(6, 5, 10, 10);
  GST_BUFFER_PTS(timeless) = GST_CLOCK_TIME_NONE;
  assert_made_now(harness, timeless, TRUE);
  assert_made_now(harness, frame_of(2, 5, 10, 10), TRUE); /* back in time */
  harness_free(harness);
}
GST_END_TEST

/* Two sources of regions, each of which counts from 1. */
GST_START_TEST(regions_of_two_types_share_no_embedding)
{
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=3600000000000");
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame = frame_of(i, 1, 10, 10);
    gst_buffer_add_video_region_of_interest_meta(frame, "motion", 50, 0, 10, 10)->id = 1;
    GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
    DriftclusterEmbeddingMeta *meta = meta_of(buffer);
    assert_embedding(meta, 0, 0.2f);
    assert_embedding(meta, 1, 0.8f);
    assert_equals_int(meta->block->reused, i == 0 ? 0 : 2);
    assert_equals_uint64(meta->regions[1].key, 1);
    gst_buffer_unref(buffer);
  }
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(tiles_are_not_followed)
{
  GstHarness *harness = harness_of("embed inference-region=tiles tiles=1x1 "
                                   "reembed-interval=3600000000000",
                                   mean_model);
  for (guint i = 0; i < 3; i++)
    assert_embeds(harness, i, TRUE);
  assert_equals_uint64(stat_of(harness, "reused"), 0);
  harness_free(harness);
}
GST_END_TEST

/* Reused embeddings lie behind the new ones, whatever the order of the regions. */
GST_START_TEST(new_and_reused_embeddings_share_a_block)
{
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=3600000000000");
  assert_made_now(harness, frame_of(0, 5, 10, 10), TRUE);
  GstBuffer *frame = gray_frame(80, 40, 1);
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 0, 0, 10, 10)->id = 5;
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 50, 0, 20, 20)->id = 6;
  gst_buffer_add_video_region_of_interest_meta(frame, "person", 30, 0, 20, 20)->id = 7;
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_int(meta->block->rows, 3);
  assert_equals_int(meta->block->reused, 1);
  assert_equals_int(meta->regions[0].row, 2);
  assert_embedding(meta, 0, 0.2f);
  assert_embedding(meta, 1, 0.8f);
  assert_embedding(meta, 2, 0.5f);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(remembered_regions_are_bounded)
{
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=3600000000000 max-tracks=2");
  for (gint id = 1; id <= 3; id++)
    assert_made_now(harness, frame_of((guint)id, id, 10, 10), TRUE);
  assert_made_now(harness, frame_of(4, 3, 10, 10), FALSE);
  assert_made_now(harness, frame_of(5, 1, 10, 10), TRUE); /* forgotten */
  harness_free(harness);

  harness = harness_of_regions(ROI "reembed-interval=3600000000000 max-tracks=0");
  for (guint i = 0; i < 3; i++)
    assert_made_now(harness, frame_of(i, 5, 10, 10), TRUE);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(flush_forgets_embeddings)
{
  GstSegment segment;
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=3600000000000");
  assert_made_now(harness, frame_of(0, 5, 10, 10), TRUE);
  assert_made_now(harness, frame_of(1, 5, 10, 10), FALSE);
  gst_harness_push_event(harness, gst_event_new_flush_start());
  gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
  assert_made_now(harness, frame_of(2, 5, 10, 10), TRUE);
  harness_free(harness);
}
GST_END_TEST

/* Another camera's number 5 is another thing. */
GST_START_TEST(another_stream_forgets_embeddings)
{
  GstHarness *harness = harness_of_regions(ROI "reembed-interval=3600000000000");
  assert_made_now(harness, frame_of(0, 5, 10, 10), TRUE);
  stream_start(harness, NULL);
  assert_made_now(harness, frame_of(1, 5, 10, 10), FALSE);
  stream_start(harness, "another");
  assert_made_now(harness, frame_of(2, 5, 10, 10), TRUE);
  assert_made_now(harness, frame_of(3, 5, 10, 10), FALSE);
  harness_free(harness);
}
GST_END_TEST

/* --- Which regions --- */

static void
add_region(GstBuffer *frame, guint width, guint height, gdouble confidence)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_add_video_region_of_interest_meta(frame, "person", 70, 0, width, height);
  if (!(confidence < 0))
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("detection", "confidence", G_TYPE_DOUBLE, confidence, NULL));
}

GST_START_TEST(small_and_unsure_regions_are_left_out)
{
  GstHarness *harness = harness_of_regions(ROI "min-region-size=8 min-confidence=0.5");
  GstBuffer *frame = gray_frame(80, 40, 0);
  add_region(frame, 8, 8, 0.5);
  add_region(frame, 10, 7, 0.9);
  add_region(frame, 7, 30, -1);
  add_region(frame, 30, 30, 0.49);
  add_region(frame, 30, 30, (gdouble)NAN);
  add_region(frame, 3, 3, 0.1); /* unsure first */
  add_region(frame, 30, 30, -1);
  add_region(frame, 0, 9, 1.0);
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_int(meta->n_regions, 2);
  assert_equals_int(meta->regions[0].width, 8);
  assert_equals_int(meta->regions[1].width, 10); /* clipped by the frame, and large enough */
  assert_equals_uint64(stat_of(harness, "small-regions"), 2);
  assert_equals_uint64(stat_of(harness, "unsure-regions"), 3);
  assert_equals_uint64(stat_of(harness, "bad-regions"), 1);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

/* What lies outside of the frame does not count as size. */
GST_START_TEST(size_is_that_on_the_frame)
{
  GstHarness *harness = harness_of_regions(ROI "min-region-size=11");
  GstBuffer *frame = gray_frame(80, 40, 0);
  add_region(frame, 30, 30, -1); /* 10 pixels are on it */
  GstBuffer *buffer = gst_harness_push_and_pull(harness, frame);
  assert_equals_int(meta_of(buffer)->n_regions, 0);
  assert_equals_uint64(stat_of(harness, "small-regions"), 1);
  gst_buffer_unref(buffer);
  harness_free(harness);
}
GST_END_TEST

/* --- Overload --- */

static void
notice_late(GstHarness *harness, GstClockTime timestamp, GstClockTimeDiff late)
{
  gst_harness_push_upstream_event(harness,
                                  gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1.0, late, timestamp));
}

/* Once for each time of overload: pauses shorter than ten seconds belong to it. */
GST_START_TEST(overload_is_said_once_for_each_time)
{
  GstHarness *harness = harness_of("embed", mean_model);
  notice_late(harness, 0, 200 * GST_MSECOND);
  for (guint i = 0; i < 5; i++)
    assert_embeds(harness, i, FALSE);
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 1);
  assert_embeds(harness, 100, TRUE);
  notice_late(harness, 4 * GST_SECOND, GST_SECOND);
  assert_embeds(harness, 110, FALSE);
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 0);

  assert_embeds(harness, 500, TRUE);
  notice_late(harness, 20 * GST_SECOND, GST_SECOND);
  assert_embeds(harness, 510, FALSE);
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 1);
  assert_equals_uint64(stat_of(harness, "shed"), 7);
  harness_free(harness);
}
GST_END_TEST

static Suite *
embed_tracks_suite(void)
{
  Suite *suite = suite_create("embed-tracks");
  TCase *tests = tcase_create("embed-tracks");
  tcase_add_unchecked_fixture(tests, register_plugin, NULL);
  tcase_add_checked_fixture(tests, setup, teardown);
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, followed_region_is_embedded_after_the_interval);
  tcase_add_test(tests, region_that_grows_by_a_fifth_is_embedded);
  tcase_add_test(tests, other_regions_are_embedded_on_every_frame);
  tcase_add_test(tests, regions_of_two_types_share_no_embedding);
  tcase_add_test(tests, tiles_are_not_followed);
  tcase_add_test(tests, new_and_reused_embeddings_share_a_block);
  tcase_add_test(tests, remembered_regions_are_bounded);
  tcase_add_test(tests, flush_forgets_embeddings);
  tcase_add_test(tests, another_stream_forgets_embeddings);
  tcase_add_test(tests, small_and_unsure_regions_are_left_out);
  tcase_add_test(tests, size_is_that_on_the_frame);
  tcase_add_test(tests, overload_is_said_once_for_each_time);
  return suite;
}

GST_CHECK_MAIN(embed_tracks)
