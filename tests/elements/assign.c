/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/region-iter.h"
#include "common/roi-label.h"

#include "labelling.h"

#include <glib/gstdio.h>
#include <gst/video/video.h>
#include <math.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

/* --- What a label says --- */

GST_START_TEST(region_is_labelled_by_the_nearest_cluster)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  guint blob = 1;
  DriftclusterEmbeddingBlock *block = blobs_centres(&blobs, &blob, 1);
  block->data[7] += 0.75f; /* beside its centroid, away from the others */
  GstBuffer *buffer = blobs_frame(0);
  DriftclusterRegion region = {16, 12, 32, 24, 9, g_quark_from_string("person"), -1, 0};
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, &region, 1, block);
  driftcluster_embedding_block_unref(block);

  buffer = gst_harness_push_and_pull(h, buffer);
  DriftclusterResult result = result_of(buffer, 0);
  assert_equals_int(result.cluster, 1);
  assert_equals_string(result.uuid, "blob-1");
  assert_equals_string(result.label, "cluster-1");
  fail_unless(fabs(result.distance - 0.75) < TOLERANCE);
  /* The other two centroids are 200 farther in square: exp(-100) of the mass. */
  fail_unless(fabs(result.confidence - 1) < TOLERANCE);
  fail_if(result.novel || result.stale);
  fail_unless(result.x == 0.25 && result.y == 0.25 && result.width == 0.5 && result.height == 0.5);
  assert_equals_uint64(result.key, 9);
  assert_equals_string(g_quark_to_string(result.roi_type), "person");
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  assert_equals_uint64(driftcluster_results_meta_get_version(meta), 5);
  GstStructure *structure = gst_custom_meta_get_structure(meta);
  assert_equals_string(gst_structure_get_string(structure, "encoder"), BLOBS_ENCODER);
  gint dim;
  fail_unless(gst_structure_get_int(structure, "dim", &dim));
  assert_equals_int(dim, 8);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(every_region_has_its_own_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = gst_harness_push_and_pull(h, blobs_buffer(&blobs, 2, 7));
  for (guint i = 0; i < 7; i++)
    assert_equals_int(result_of(buffer, i).cluster, (2 + i) % 3);
  gst_buffer_unref(buffer);
  assert_equals_uint64(stream_stat(h, "assign", "buffers"), 1);
  assert_equals_uint64(stream_stat(h, "assign", "regions"), 7);
  assert_equals_uint64(stream_stat(h, "assign", "assigned"), 7);
  assert_equals_uint64(stream_stat(h, "assign", "tracks"), 7);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(pixels_are_not_copied)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *shared = buffer_of(&blobs, 0, 1);
  gst_buffer_append_memory(shared, gst_allocator_alloc(NULL, 64 * 48, NULL));
  GstMemory *memory = gst_buffer_peek_memory(shared, 0);
  gst_buffer_ref(shared); /* as after a tee */
  GstBuffer *buffer = gst_harness_push_and_pull(h, shared);
  fail_unless(buffer != shared);
  fail_unless(gst_buffer_peek_memory(buffer, 0) == memory);
  fail_unless(driftcluster_buffer_get_results_meta(shared) == NULL);
  gst_buffer_unref(shared);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(buffer_without_embeddings_passes_unlabelled)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = gst_harness_push_and_pull(h, blobs_frame(0));
  fail_unless(driftcluster_buffer_get_results_meta(buffer) == NULL);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(frame_without_regions_has_empty_results)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = blobs_frame(0);
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, NULL, 0, NULL);
  buffer = gst_harness_push_and_pull(h, buffer);
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  fail_unless(meta != NULL);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 0);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(labelling_again_replaces_the_labels)
{
  Blobs blobs = blobs_of(3, 8);
  const guint order[] = {2, 0, 1};
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstHarness *again = stream_open("assign");
  push_snapshot(again, &blobs, order, 8);
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_of(&blobs, 0, 1));
  assert_equals_int(result_of(buffer, 0).cluster, 1);
  buffer = gst_harness_push_and_pull(again, buffer);
  assert_equals_int(result_of(buffer, 0).cluster, 2);
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  assert_equals_uint64(driftcluster_results_meta_get_version(meta), 8);
  assert_equals_int(gst_buffer_get_n_meta(buffer, ((GstMeta *)meta)->info->api), 1);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
  gst_harness_teardown(again);
}
GST_END_TEST

/* --- Names --- */

static gchar *
write_labels(const gchar *text)
{
  gchar *path = NULL;
  gint file = g_file_open_tmp("labels-XXXXXX", &path, NULL);
  fail_unless(file >= 0);
  g_close(file, NULL);
  fail_unless(g_file_set_contents(path, text, -1, NULL));
  return path;
}

static void
assert_label(GstHarness *h, GstBuffer *buffer, const gchar *label)
{
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_string(result_of(buffer, 0).label, label);
  gst_buffer_unref(buffer);
}

GST_START_TEST(labels_file_names_clusters)
{
  Blobs blobs = blobs_of(3, 8);
  g_autofree gchar *path = write_labels("zero\n\n");
  g_autofree gchar *launch = g_strdup_printf("assign labels-file=%s", path);
  GstHarness *h = new_harness_of_blobs(launch, &blobs);
  assert_label(h, buffer_of(&blobs, 0, 0), "zero");
  assert_label(h, buffer_of(&blobs, 1, 1), "cluster-1"); /* an empty line */
  assert_label(h, buffer_of(&blobs, 2, 2), "cluster-2"); /* no line */

  fail_unless(g_file_set_contents(path, "null\neins\nzwei\n", -1, NULL));
  GstElement *assign = gst_harness_find_element(h, "assign");
  g_object_set(assign, "labels-file", path, NULL);
  assert_label(h, buffer_of(&blobs, 3, 1), "eins");
  g_object_set(assign, "labels-file", NULL, NULL);
  assert_label(h, buffer_of(&blobs, 4, 1), "cluster-1");
  gst_object_unref(assign);
  g_remove(path);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(unreadable_labels_are_an_error_at_the_start)
{
  stream_assert_start_fails("assign labels-file=/nonexistent/labels", "/nonexistent/labels");
}
GST_END_TEST

/* What kept it from starting can be mended by one property after the other. */
GST_START_TEST(unreadable_labels_can_be_replaced_after_the_failed_start)
{
  g_autofree gchar *path = write_labels("zero\n");
  const gchar *const files[] = {"/nonexistent/other", path};
  g_autoptr(GstElement) assign = gst_object_ref_sink(gst_element_factory_make("assign", NULL));
  GstBus *bus = stream_watch(assign);
  g_object_set(assign, "labels-file", "/nonexistent/labels", NULL);
  fail_unless_equals_int(gst_element_set_state(assign, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(assign, GST_STATE_NULL);
  for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
    g_autofree gchar *taken = NULL;
    g_object_set(assign, "labels-file", files[i], NULL);
    g_object_get(assign, "labels-file", &taken, NULL);
    assert_equals_string(taken, files[i]);
  }
  stream_assert_silent(bus, GST_MESSAGE_WARNING);
  fail_unless_equals_int(gst_element_set_state(assign, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(assign, GST_STATE_NULL);
  stream_unwatch(assign, bus);
  g_remove(path);
}
GST_END_TEST

GST_START_TEST(unreadable_labels_change_nothing_while_running)
{
  Blobs blobs = blobs_of(3, 8);
  g_autofree gchar *path = write_labels("zero\n");
  g_autofree gchar *launch = g_strdup_printf("assign labels-file=%s", path);
  GstHarness *h = new_harness_of_blobs(launch, &blobs);
  GstBus *bus = stream_watch(h->element);
  GstElement *assign = gst_harness_find_element(h, "assign");
  g_object_set(assign, "labels-file", "/nonexistent/labels", NULL);
  stream_assert_told(bus, GST_MESSAGE_WARNING, "/nonexistent/labels");
  assert_label(h, buffer_of(&blobs, 0, 0), "zero");
  g_autofree gchar *kept = NULL;
  g_object_get(assign, "labels-file", &kept, NULL);
  assert_equals_string(kept, path);
  gst_object_unref(assign);
  g_remove(path);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Novelty --- */

/* Frame `frame` with one region at `distance` from blob 0, away from the others. */
static GstBuffer *
buffer_at(const Blobs *blobs, guint frame, gfloat distance)
{
  GstBuffer *buffer = buffer_of(blobs, frame, 0);
  driftcluster_buffer_get_embedding_meta(buffer)->block->data[blobs->dim - 1] = distance;
  return buffer;
}

static gboolean
is_novel(GstHarness *h, GstBuffer *buffer)
{
  buffer = gst_harness_push_and_pull(h, buffer);
  gboolean novel = result_of(buffer, 0).novel;
  gst_buffer_unref(buffer);
  return novel;
}

GST_START_TEST(threshold_is_a_share_of_the_members)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  GstElement *assign = gst_harness_find_element(h, "assign");
  fail_if(is_novel(h, buffer_at(&blobs, 0, 100))); /* off */
  /* The members lie evenly at 0 to 2: three quarters of them beyond 0.5, a quarter beyond 1.5. */
  g_object_set(assign, "novelty-threshold", 0.5, NULL);
  fail_if(is_novel(h, buffer_at(&blobs, 1, 0.5f)));
  fail_unless(is_novel(h, buffer_at(&blobs, 2, 1.5f)));
  g_object_set(assign, "novelty-threshold", 0.1, NULL);
  fail_if(is_novel(h, buffer_at(&blobs, 3, 1.5f)));
  fail_unless(is_novel(h, buffer_at(&blobs, 4, 100)));
  assert_equals_uint64(stream_stat(h, "assign", "novel"), 2);
  gst_object_unref(assign);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(novel_regions_are_told_once_a_second)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign novelty-threshold=0.1 post-messages=true", &blobs);
  GstBus *bus = stream_watch(h->element);
  for (guint frame = 0; frame < 60; frame++) /* 2.4 s */
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer_at(&blobs, frame, 100)));
  const guint64 times[] = {0, GST_SECOND, 2 * GST_SECOND}, counts[] = {1, 25, 25};
  for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
    GstMessage *message = stream_notice(bus, "novel-region");
    fail_unless(message != NULL);
    const GstStructure *notice = gst_message_get_structure(message);
    guint64 time, duration, count, key;
    gdouble distance;
    fail_unless(gst_structure_has_name(notice, "assign"));
    fail_unless(gst_structure_get(notice, "stream-time", G_TYPE_UINT64, &time, "duration",
                                  G_TYPE_UINT64, &duration, "count", G_TYPE_UINT64, &count, "key",
                                  G_TYPE_UINT64, &key, "distance", G_TYPE_DOUBLE, &distance, NULL));
    assert_equals_uint64(time, times[i]);
    assert_equals_uint64(duration, 40 * GST_MSECOND);
    assert_equals_uint64(count, counts[i]);
    assert_equals_uint64(key, 9);
    fail_unless(fabs(distance - 100) < 1e-3);
    gst_message_unref(message);
  }
  stream_assert_silent(bus, GST_MESSAGE_ELEMENT);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(novel_regions_are_told_once_a_second_in_reverse)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign novelty-threshold=0.1 post-messages=true", &blobs);
  GstBus *bus = stream_watch(h->element);
  for (guint frame = 60; frame > 0; frame--) /* 2.4 s */
    gst_buffer_unref(gst_harness_push_and_pull(h, buffer_at(&blobs, frame, 100)));
  assert_equals_int(stream_count_messages(bus, GST_MESSAGE_ELEMENT), 3);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(nothing_is_told_unless_asked_for)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign novelty-threshold=0.1", &blobs);
  GstBus *bus = stream_watch(h->element);
  fail_unless(is_novel(h, buffer_at(&blobs, 0, 100)));
  stream_assert_silent(bus, GST_MESSAGE_ELEMENT);
  stream_unwatch(h->element, bus);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Regions of interest --- */

static GstVideoRegionOfInterestMeta *
add_roi(GstBuffer *buffer, guint x)
{
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_add_video_region_of_interest_meta(buffer, "person", x, 0, 8, 8);
  roi->id = 3; /* the same for all, as with detectors that do not count */
  return roi;
}

/* Two regions of one id, the left one of blob 0 and the right one of blob 1. */
static GstBuffer *
buffer_with_rois(const Blobs *blobs)
{
  const guint which[] = {0, 1};
  GQuark type = g_quark_from_string("person");
  DriftclusterRegion regions[] = {{0, 0, 8, 8, 1, type, 3, 0}, {40, 0, 7, 8, 2, type, 3, 1}};
  DriftclusterEmbeddingBlock *block = blobs_centres(blobs, which, 2);
  GstBuffer *buffer = blobs_frame(0);
  add_roi(buffer, 0);
  gst_video_region_of_interest_meta_add_param(
      add_roi(buffer, 40), gst_structure_new("detection", "confidence", G_TYPE_DOUBLE, 0.5, NULL));
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, regions, 2, block);
  driftcluster_embedding_block_unref(block);
  return buffer;
}

static void
assert_roi_label(GstVideoRegionOfInterestMeta *roi, const gchar *label, gint id, guint params)
{
  GstStructure *param = gst_video_region_of_interest_meta_get_param(roi, DC_ROI_LABEL_NAME);
  gint label_id;
  gdouble confidence;
  fail_unless(param != NULL);
  assert_equals_int(g_list_length(roi->params), params);
  assert_equals_string(gst_structure_get_string(param, "label"), label);
  fail_unless(gst_structure_get(param, "label_id", G_TYPE_INT, &label_id, "confidence",
                                G_TYPE_DOUBLE, &confidence, NULL));
  assert_equals_int(label_id, id);
  fail_unless(fabs(confidence - 1) < TOLERANCE);
}

GST_START_TEST(regions_of_interest_bear_the_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign ! assign", &blobs);
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_with_rois(&blobs));
  gpointer state = NULL;
  GstVideoRegionOfInterestMeta *left = (GstVideoRegionOfInterestMeta *)
      gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
  GstVideoRegionOfInterestMeta *right = (GstVideoRegionOfInterestMeta *)
      gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
  assert_roi_label(left, "cluster-0", 0, 1);
  assert_roi_label(right, "cluster-1", 1, 2);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(unassigned_region_of_interest_bears_no_label)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs), *again = stream_open("assign");
  GstBuffer *buffer = gst_harness_push_and_pull(h, buffer_with_rois(&blobs));
  buffer = gst_harness_push_and_pull(again, buffer);
  gpointer state = NULL;
  GstMeta *meta;
  while ((meta = gst_buffer_iterate_meta_filtered(buffer, &state,
                                                  GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)))
    fail_unless(gst_video_region_of_interest_meta_get_param((GstVideoRegionOfInterestMeta *)meta,
                                                            DC_ROI_LABEL_NAME) == NULL);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
  gst_harness_teardown(again);
}
GST_END_TEST

/* --- Embeddings that do not fit --- */

GST_START_TEST(other_dimension_is_an_error_that_names_both)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 12);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "embeddings of 12 numbers");
  gst_harness_teardown(h);
  h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "clusters have 8 numbers");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(other_encoder_is_an_error_that_names_both)
{
  Blobs blobs = blobs_of(3, 8), other = blobs_of(3, 8);
  other.encoder = "other-encoder";
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "'other-encoder'");
  gst_harness_teardown(h);
  h = new_harness_of_blobs("assign", &blobs);
  stream_assert_push_fails(h, buffer_of(&other, 0, 1), "'" BLOBS_ENCODER "'");
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(embedding_that_is_no_number_spoils_no_other)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = new_harness_of_blobs("assign", &blobs);
  const gfloat bad[] = {NAN, INFINITY};
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
    GstBuffer *buffer = blobs_buffer(&blobs, 0, 3);
    gfloat *row = driftcluster_buffer_get_embedding_meta(buffer)->block->data + 8;
    row[i] = bad[i];
    buffer = gst_harness_push_and_pull(h, buffer);
    assert_equals_int(result_of(buffer, 0).cluster, 0);
    assert_equals_int(result_of(buffer, 1).cluster, -1);
    assert_equals_int(result_of(buffer, 2).cluster, 2);
    gst_buffer_unref(buffer);
  }
  assert_equals_uint64(stream_stat(h, "assign", "refused-embeddings"), 2);
  gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
assign_suite(void)
{
  Suite *suite = suite_create("assign");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  TCase *labels = tcase_create("labels");
  tcase_add_test(labels, region_is_labelled_by_the_nearest_cluster);
  tcase_add_test(labels, every_region_has_its_own_label);
  tcase_add_test(labels, pixels_are_not_copied);
  tcase_add_test(labels, buffer_without_embeddings_passes_unlabelled);
  tcase_add_test(labels, frame_without_regions_has_empty_results);
  tcase_add_test(labels, labelling_again_replaces_the_labels);
  suite_add_tcase(suite, labels);
  TCase *names = tcase_create("names");
  tcase_add_test(names, labels_file_names_clusters);
  tcase_add_test(names, unreadable_labels_are_an_error_at_the_start);
  tcase_add_test(names, unreadable_labels_can_be_replaced_after_the_failed_start);
  tcase_add_test(names, unreadable_labels_change_nothing_while_running);
  suite_add_tcase(suite, names);
  TCase *novelty = tcase_create("novelty");
  tcase_add_test(novelty, threshold_is_a_share_of_the_members);
  tcase_add_test(novelty, novel_regions_are_told_once_a_second);
  tcase_add_test(novelty, novel_regions_are_told_once_a_second_in_reverse);
  tcase_add_test(novelty, nothing_is_told_unless_asked_for);
  suite_add_tcase(suite, novelty);
  TCase *rois = tcase_create("regions of interest");
  tcase_add_test(rois, regions_of_interest_bear_the_label);
  tcase_add_test(rois, unassigned_region_of_interest_bears_no_label);
  suite_add_tcase(suite, rois);
  TCase *errors = tcase_create("errors");
  tcase_add_test(errors, other_dimension_is_an_error_that_names_both);
  tcase_add_test(errors, other_encoder_is_an_error_that_names_both);
  tcase_add_test(errors, embedding_that_is_no_number_spoils_no_other);
  suite_add_tcase(suite, errors);
  return suite;
}

GST_CHECK_MAIN(assign)
