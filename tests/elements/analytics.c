/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The plugin driftclusteranalytics with the analytics library itself. */
#include "common/snapshot-event.h"

#include "blobs.h"
#include "streams.h"

#include <gst/analytics/analytics.h>
#include <gst/video/video.h>
#include <math.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);
GST_PLUGIN_STATIC_DECLARE(driftclusteranalytics);

#define BOTH_FORWARDS  (GST_ANALYTICS_REL_TYPE_RELATE_TO | GST_ANALYTICS_REL_TYPE_CONTAIN)
#define BOTH_BACKWARDS (GST_ANALYTICS_REL_TYPE_RELATE_TO | GST_ANALYTICS_REL_TYPE_IS_PART_OF)

static GstHarness *
harness_of_blobs(const gchar *launch, const Blobs *blobs)
{
  GstHarness *h = stream_open(launch);
  DcSnapshot *snapshot = blobs_snapshot(blobs, NULL, 1);
  fail_unless(gst_harness_push_event(h, dc_snapshot_event_new(snapshot)));
  dc_snapshot_unref(snapshot);
  return h;
}

static guint
detect(GstBuffer *buffer, const gchar *type, gint x, gint y, gint width, gint height)
{
  GstAnalyticsODMtd detection;
  fail_unless(gst_analytics_relation_meta_add_od_mtd(gst_buffer_add_analytics_relation_meta(buffer),
                                                     g_quark_from_string(type), x, y, width, height,
                                                     0.5f, &detection));
  return detection.id;
}

static void
track(GstBuffer *buffer, guint detection, guint64 number)
{
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  GstAnalyticsTrackingMtd tracking;
  fail_unless(gst_analytics_relation_meta_add_tracking_mtd(relations, number, 0, &tracking));
  fail_unless(gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_RELATE_TO,
                                                       detection, tracking.id));
}

/* A grey frame that embed can read. */
static GstBuffer *
frame(guint number)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, BLOBS_WIDTH * BLOBS_HEIGHT, NULL);
  gst_buffer_memset(buffer, 0, 100, BLOBS_WIDTH * BLOBS_HEIGHT);
  GST_BUFFER_PTS(buffer) = number * 40 * GST_MSECOND;
  return buffer;
}

static guint
count_classes(GstBuffer *buffer)
{
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  gpointer state = NULL;
  GstAnalyticsMtd mtd;
  guint count = 0;
  while (relations && gst_analytics_relation_meta_iterate(
                          relations, &state, gst_analytics_cls_mtd_get_mtd_type(), &mtd))
    count++;
  return count;
}

/* The class that a reader of `relation` finds for `detection`; NULL: none. */
static const gchar *
class_of(GstBuffer *buffer, guint detection, GstAnalyticsRelTypes relation, gfloat *confidence)
{
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  gpointer state = NULL;
  GstAnalyticsClsMtd class;
  if (!gst_analytics_relation_meta_get_direct_related(
          relations, detection, relation, gst_analytics_cls_mtd_get_mtd_type(), &state, &class))
    return NULL;
  assert_equals_int((gint)gst_analytics_cls_mtd_get_length(&class), 1);
  *confidence = gst_analytics_cls_mtd_get_level(&class, 0);
  return g_quark_to_string(gst_analytics_cls_mtd_get_quark(&class, 0));
}

/* Hangs regions on `buffer`, region i in the middle of blob i. */
static void
attach(GstBuffer *buffer, const Blobs *blobs, const DriftclusterRegion *regions, guint n)
{
  const guint order[] = {0, 1, 2};
  DriftclusterEmbeddingBlock *block = blobs_centres(blobs, order, n);
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, regions, n, block);
  driftcluster_embedding_block_unref(block);
}

/* --- Detections as regions --- */

GST_START_TEST(detections_are_embedded)
{
  GstHarness *h = stream_open("embed inference-region=roi-list");
  GstBuffer *buffer = frame(0);
  detect(buffer, "person", 1, 2, 30, 40);
  guint id = detect(buffer, "car", -10, -10, 30, 30);
  track(buffer, id, 77);
  buffer = gst_harness_push_and_pull(h, buffer);
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);
  assert_equals_int(meta->n_regions, 2);
  assert_equals_string(g_quark_to_string(meta->regions[0].roi_type), "person");
  assert_equals_int(meta->regions[0].width, 30);
  assert_equals_int(meta->regions[0].row, 0);
  assert_equals_int(meta->regions[1].x, 0);
  assert_equals_int(meta->regions[1].width, 20);
  assert_equals_uint64(meta->regions[1].key, 77);
  assert_equals_int(meta->regions[1].roi_id, (gint)id);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(buffer_without_detections_has_no_regions)
{
  GstHarness *h = stream_open("embed inference-region=roi-list");
  GstBuffer *buffer = frame(0);
  gst_buffer_add_analytics_relation_meta(buffer);
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_int(driftcluster_buffer_get_embedding_meta(buffer)->n_regions, 0);
  gst_buffer_unref(buffer);
  buffer = gst_harness_push_and_pull(h, frame(1));
  assert_equals_int(driftcluster_buffer_get_embedding_meta(buffer)->n_regions, 0);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- Labels --- */

GST_START_TEST(labels_are_found_by_either_convention)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = frame(0);
  guint ids[] = {detect(buffer, "person", 1, 2, 30, 40), detect(buffer, "car", -10, -10, 30, 30)};
  const DriftclusterRegion regions[] = {
      {0, 0, 20, 20, 7, g_quark_from_string("car"), (gint)ids[1], 0},
      {1, 2, 30, 40, 8, g_quark_from_string("person"), (gint)ids[0], 1}};
  attach(buffer, &blobs, regions, 2);
  buffer = gst_harness_push_and_pull(h, buffer);
  const GstAnalyticsRelTypes conventions[] = {GST_ANALYTICS_REL_TYPE_RELATE_TO,
                                              GST_ANALYTICS_REL_TYPE_CONTAIN};
  for (guint i = 0; i < G_N_ELEMENTS(conventions); i++) {
    gfloat confidence;
    assert_equals_string(class_of(buffer, ids[1], conventions[i], &confidence), "cluster-0");
    fail_unless(confidence > 0.99f && confidence <= 1);
    assert_equals_string(class_of(buffer, ids[0], conventions[i], &confidence), "cluster-1");
  }
  assert_equals_int(count_classes(buffer), 2);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(relations_hold_in_both_directions)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = frame(0);
  guint id = detect(buffer, "person", 1, 2, 30, 40);
  const DriftclusterRegion region = {1, 2, 30, 40, 8, g_quark_from_string("person"), (gint)id, 0};
  attach(buffer, &blobs, &region, 1);
  buffer = gst_harness_push_and_pull(h, buffer);
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  GstAnalyticsMtd class;
  gpointer state = NULL;
  fail_unless(gst_analytics_relation_meta_iterate(relations, &state,
                                                  gst_analytics_cls_mtd_get_mtd_type(), &class));
  assert_equals_int(gst_analytics_relation_meta_get_relation(relations, id, class.id),
                    BOTH_FORWARDS);
  assert_equals_int(gst_analytics_relation_meta_get_relation(relations, class.id, id),
                    BOTH_BACKWARDS);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(regions_without_a_cluster_get_no_class)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("assign"); /* that knows no clusters */
  GstBuffer *buffer = frame(0);
  guint id = detect(buffer, "person", 1, 2, 30, 40);
  const DriftclusterRegion region = {1, 2, 30, 40, 8, g_quark_from_string("person"), (gint)id, 0};
  attach(buffer, &blobs, &region, 1);
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_int(count_classes(buffer), 0);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

/* No detection is made up for a tile, a region of interest, or one that has gone. */
GST_START_TEST(regions_of_no_detection_get_no_class)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = frame(0);
  guint id = detect(buffer, "person", 1, 2, 30, 40);
  const DriftclusterRegion regions[] = {{1, 2, 30, 40, 0, g_quark_from_string("tile"), -1, 0},
                                        {1, 2, 30, 40, 1, g_quark_from_string("car"), (gint)id, 1},
                                        {10, 2, 30, 40, 2, g_quark_from_string("person"), (gint)id,
                                         2}};
  attach(buffer, &blobs, regions, 3);
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_int(count_classes(buffer), 0);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(the_id_decides_between_equal_boxes)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = frame(0);
  guint ids[2];
  for (guint i = 0; i < 2; i++)
    ids[i] = detect(buffer, "person", 1, 2, 30, 40);
  const DriftclusterRegion regions[] = {
      {1, 2, 30, 40, 0, g_quark_from_string("person"), (gint)ids[0], 0},
      {1, 2, 30, 40, 1, g_quark_from_string("person"), (gint)ids[1], 1}};
  attach(buffer, &blobs, regions, 2);
  buffer = gst_harness_push_and_pull(h, buffer);
  gfloat confidence;
  assert_equals_string(class_of(buffer, ids[0], GST_ANALYTICS_REL_TYPE_RELATE_TO, &confidence),
                       "cluster-0");
  assert_equals_string(class_of(buffer, ids[1], GST_ANALYTICS_REL_TYPE_RELATE_TO, &confidence),
                       "cluster-1");
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

/* The detector's own class stays what a reader of the first one finds. */
GST_START_TEST(class_of_the_detector_stays_the_first)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = frame(0);
  guint id = detect(buffer, "person", 1, 2, 30, 40);
  GstAnalyticsRelationMeta *relations = gst_buffer_get_analytics_relation_meta(buffer);
  GstAnalyticsClsMtd own;
  fail_unless(gst_analytics_relation_meta_add_one_cls_mtd(relations, 0.25f,
                                                          g_quark_from_string("tall"), &own));
  fail_unless(gst_analytics_relation_meta_set_relation(relations, GST_ANALYTICS_REL_TYPE_RELATE_TO,
                                                       id, own.id));
  const DriftclusterRegion region = {1, 2, 30, 40, 8, g_quark_from_string("person"), (gint)id, 0};
  attach(buffer, &blobs, &region, 1);
  buffer = gst_harness_push_and_pull(h, buffer);
  gfloat confidence;
  assert_equals_string(class_of(buffer, id, GST_ANALYTICS_REL_TYPE_RELATE_TO, &confidence), "tall");
  assert_equals_string(class_of(buffer, id, GST_ANALYTICS_REL_TYPE_CONTAIN, &confidence),
                       "cluster-0");
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

/* Half the size, with edges that are rounded by GStreamer and by us. */
GST_START_TEST(labels_find_detections_that_were_scaled)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("videoscale ! video/x-raw,width=33,height=25 ! assign");
  DcSnapshot *snapshot = blobs_snapshot(&blobs, NULL, 1);
  fail_unless(gst_harness_push_event(h, dc_snapshot_event_new(snapshot)));
  dc_snapshot_unref(snapshot);
  GstBuffer *buffer = frame(0);
  const gint boxes[][4] = {{1, 3, 31, 37}, {13, 7, 33, 29}, {-5, -5, 64, 64}};
  DriftclusterRegion regions[3];
  for (guint i = 0; i < 3; i++) {
    guint id = detect(buffer, "person", boxes[i][0], boxes[i][1], boxes[i][2], boxes[i][3]);
    gint right = MIN(boxes[i][0] + boxes[i][2], BLOBS_WIDTH);
    gint bottom = MIN(boxes[i][1] + boxes[i][3], BLOBS_HEIGHT);
    gint left = MAX(boxes[i][0], 0), top = MAX(boxes[i][1], 0);
    regions[i] = (DriftclusterRegion){left,         top,    right - left,
                                      bottom - top, i,      g_quark_from_string("person"),
                                      (gint)id,     (gint)i};
  }
  attach(buffer, &blobs, regions, 3);
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_int(driftcluster_buffer_get_embedding_meta(buffer)->width, 33);
  assert_equals_int(count_classes(buffer), 3);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(label_of_the_frame_stands_alone)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = harness_of_blobs("assign", &blobs);
  GstBuffer *buffer = frame(0);
  const DriftclusterRegion region = {
      0, 0, BLOBS_WIDTH, BLOBS_HEIGHT, 0, g_quark_from_string("frame"), -1, 0};
  attach(buffer, &blobs, &region, 1);
  buffer = gst_harness_push_and_pull(h, buffer);
  assert_equals_int(count_classes(buffer), 1);
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

/* --- GstTensorMeta --- */

/* Hangs a tensor of a x b numbers on `buffer`, in the place of one that it has. */
static void
add_tensor(GstBuffer *buffer, const gchar *name, GstTensorDataType type, GstTensorDimOrder order,
           const gfloat *numbers, gsize a, gsize b)
{
  gsize dims[] = {a, b};
  gsize width = type == GST_TENSOR_DATA_TYPE_FLOAT16 ? 2 : 4;
  GstTensor *tensor =
      gst_tensor_new_simple(g_quark_from_string(name), type,
                            gst_buffer_new_memdup(numbers, a * b * width), order, 2, dims);
  fail_unless(tensor != NULL);
  GstTensor **tensors = g_new(GstTensor *, 1);
  tensors[0] = tensor;
  gst_tensor_meta_set(gst_buffer_add_tensor_meta(buffer), 1, tensors);
}

static GstBuffer *
tensor_frame(Blobs *blobs, guint number, guint blob)
{
  GstBuffer *buffer = blobs_frame(number);
  gfloat embedding[8];
  blobs_draw(blobs, blob, embedding);
  add_tensor(buffer, "features", GST_TENSOR_DATA_TYPE_FLOAT32, GST_TENSOR_DIM_ORDER_ROW_MAJOR,
             embedding, 1, 8);
  return buffer;
}

GST_START_TEST(tensors_are_embeddings_of_the_frame)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("adapt-centroids clusters=3 warm-up=60 ! assign");
  gint clusters[3] = {-1, -1, -1};
  for (guint i = 0; i < 90; i++) {
    GstBuffer *buffer = gst_harness_push_and_pull(h, tensor_frame(&blobs, i, i % 3));
    DriftclusterResult result;
    GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
    fail_unless(meta && driftcluster_results_meta_get_result(meta, 0, &result));
    fail_unless(result.width == 1 && result.height == 1);
    if (i >= 60) {
      fail_unless(result.cluster >= 0);
      fail_unless(clusters[i % 3] == -1 || clusters[i % 3] == result.cluster);
      clusters[i % 3] = result.cluster;
      assert_equals_int(count_classes(buffer), 1);
    }
    gst_buffer_unref(buffer);
  }
  fail_unless(clusters[0] != clusters[1] && clusters[1] != clusters[2] &&
              clusters[0] != clusters[2]);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(rows_of_a_tensor_belong_to_detections)
{
  Blobs blobs = blobs_of(3, 8);
  blobs.encoder = "tensor::features";
  GstHarness *h = harness_of_blobs("assign tensor-region=roi-list", &blobs);
  GstBuffer *buffer = blobs_frame(0);
  guint ids[] = {detect(buffer, "person", 1, 2, 30, 40), detect(buffer, "car", -10, -10, 30, 30)};
  const guint order[] = {2, 0};
  DriftclusterEmbeddingBlock *block = blobs_centres(&blobs, order, 2);
  add_tensor(buffer, "features", GST_TENSOR_DATA_TYPE_FLOAT32, GST_TENSOR_DIM_ORDER_ROW_MAJOR,
             block->data, 2, 8);
  driftcluster_embedding_block_unref(block);
  buffer = gst_harness_push_and_pull(h, buffer);
  gfloat confidence;
  assert_equals_string(class_of(buffer, ids[0], GST_ANALYTICS_REL_TYPE_RELATE_TO, &confidence),
                       "cluster-2");
  assert_equals_string(class_of(buffer, ids[1], GST_ANALYTICS_REL_TYPE_RELATE_TO, &confidence),
                       "cluster-0");
  gst_buffer_unref(buffer);
  gst_harness_teardown(h);
}
GST_END_TEST

/* A column-major vector is a vector, a column-major matrix has its numbers in another order. */
GST_START_TEST(tensors_of_another_kind_are_told_of)
{
  const gfloat numbers[8] = {0};
  const struct {
    GstTensorDataType type;
    GstTensorDimOrder order;
    gsize a, b;
    const gchar *expected;
  } cases[] = {
      {GST_TENSOR_DATA_TYPE_FLOAT16, GST_TENSOR_DIM_ORDER_ROW_MAJOR, 1, 8, "'x' (float16, 1 x 8)"},
      {GST_TENSOR_DATA_TYPE_INT32, GST_TENSOR_DIM_ORDER_ROW_MAJOR, 1, 8, "'x' (int32, 1 x 8)"},
      {GST_TENSOR_DATA_TYPE_FLOAT32, GST_TENSOR_DIM_ORDER_ROW_MAJOR, 2, 4, "'x' (float32, 2 x 4)"},
      {GST_TENSOR_DATA_TYPE_FLOAT32, GST_TENSOR_DIM_ORDER_COL_MAJOR, 2, 4, "'x' (float32, 2 x 4)"},
  };
  for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
    GstHarness *h = stream_open("adapt-centroids");
    GstBus *bus = stream_watch(h->element);
    GstBuffer *buffer = blobs_frame(0);
    add_tensor(buffer, "x", cases[i].type, cases[i].order, numbers, cases[i].a, cases[i].b);
    fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
    stream_assert_told(bus, GST_MESSAGE_WARNING, cases[i].expected);
    assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 0);
    stream_unwatch(h->element, bus);
    gst_harness_teardown(h);
  }
  GstHarness *h = stream_open("adapt-centroids");
  GstBuffer *buffer = blobs_frame(0);
  add_tensor(buffer, "x", GST_TENSOR_DATA_TYPE_FLOAT32, GST_TENSOR_DIM_ORDER_COL_MAJOR, numbers, 1,
             8);
  fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 1);
  gst_harness_teardown(h);
}
GST_END_TEST

static Suite *
analytics_suite(void)
{
  Suite *suite = suite_create("analytics");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  GST_PLUGIN_STATIC_REGISTER(driftclusteranalytics);
  TCase *detections = tcase_create("detections");
  suite_add_tcase(suite, detections);
  tcase_add_test(detections, detections_are_embedded);
  tcase_add_test(detections, buffer_without_detections_has_no_regions);
  TCase *labels = tcase_create("labels");
  suite_add_tcase(suite, labels);
  tcase_add_test(labels, labels_are_found_by_either_convention);
  tcase_add_test(labels, relations_hold_in_both_directions);
  tcase_add_test(labels, regions_without_a_cluster_get_no_class);
  tcase_add_test(labels, regions_of_no_detection_get_no_class);
  tcase_add_test(labels, the_id_decides_between_equal_boxes);
  tcase_add_test(labels, class_of_the_detector_stays_the_first);
  tcase_add_test(labels, labels_find_detections_that_were_scaled);
  tcase_add_test(labels, label_of_the_frame_stands_alone);
  TCase *tensors = tcase_create("tensors");
  suite_add_tcase(suite, tensors);
  tcase_add_test(tensors, tensors_are_embeddings_of_the_frame);
  tcase_add_test(tensors, rows_of_a_tensor_belong_to_detections);
  tcase_add_test(tensors, tensors_of_another_kind_are_told_of);
  return suite;
}

GST_CHECK_MAIN(analytics)
