/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/foreign-embeddings.h"

#include "blobs.h"
#include "fake_bridge.h"
#include "foreign.h"
#include "streams.h"

#include <math.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

static const DcForeignRules frame_rules = {.where = DC_INFERENCE_REGION_FULL_FRAME,
                                           .analytics = &fake_bridge};
static const DcForeignRules list_rules = {.where = DC_INFERENCE_REGION_ROI_LIST,
                                          .analytics = &fake_bridge};

static const gfloat numbers[] = {1, 2, 3, 4, 5, 6};

/* A tensor of the first numbers of `numbers`, of the axes a x b x c (0: none further). */
static DcForeignTensor
tensor_of(const gchar *name, gsize a, gsize b, gsize c)
{
  DcForeignTensor tensor = {.model = "",
                            .name = name,
                            .type = "float32",
                            .is_float = TRUE,
                            .rank = c ? 3 : (b ? 2 : 1),
                            .dims = {a, b, c},
                            .bytes = numbers,
                            .size = sizeof(gfloat) * a * MAX(b, 1) * MAX(c, 1)};
  g_assert(tensor.size <= sizeof numbers);
  return tensor;
}

static void
bring(const DcForeignTensor *tensors, gsize n)
{
  fake_tensors = tensors;
  n_fake_tensors = n;
}

static DcForeignEmbeddings
read_well(const DcForeignRules *rules, GstBuffer *buffer)
{
  DcForeignEmbeddings found;
  DcError error = {0};
  DcStatus status = dc_foreign_embeddings_read(rules, buffer, 64, 48, &found, &error);
  fail_unless(status == DC_OK, "%s", error.message);
  return found;
}

static void
assert_brings_nothing(const DcForeignRules *rules, GstBuffer *buffer)
{
  DcForeignEmbeddings found = read_well(rules, buffer);
  fail_unless(found.block == NULL);
  dc_foreign_embeddings_clear(&found);
}

/* The buffer is refused with `status`, and a text that holds `text`. */
static void
assert_refused(const DcForeignRules *rules, GstBuffer *buffer, DcStatus status, const gchar *text)
{
  DcForeignEmbeddings found;
  DcError error = {0};
  fail_unless_equals_int(dc_foreign_embeddings_read(rules, buffer, 64, 48, &found, &error), status);
  fail_unless(strstr(error.message, text) != NULL, "'%s' is not in: %s", text, error.message);
  dc_foreign_embeddings_clear(&found);
}

static void
assert_row(const DcForeignEmbeddings *found, gint row, gfloat one, gfloat other)
{
  guint dim;
  const gfloat *embedding = driftcluster_embedding_block_get_row(found->block, (guint)row, &dim);
  fail_unless(embedding != NULL);
  assert_equals_int(dim, 2);
  fail_unless(embedding[0] == one && embedding[1] == other);
}

/* --- Tensors in the parameters of regions of interest --- */

GST_START_TEST(each_region_of_interest_brings_its_own)
{
  GstBuffer *buffer = gst_buffer_new();
  foreign_add_roi(buffer, 1, 2, foreign_param("net", "features", numbers, 2, 1));
  foreign_add_roi(buffer, 11, 12, NULL);
  foreign_add_roi(buffer, 21, 22, foreign_param("net", "features", numbers + 2, 2, 1));
  fake_bridge_empty();
  DcForeignEmbeddings found = read_well(&frame_rules, buffer);
  assert_equals_int(found.n_regions, 3);
  assert_equals_int(found.block->rows, 2);
  assert_equals_string(found.block->encoder, "tensor:net:features");
  assert_equals_int(found.regions[0].x, 1);
  assert_row(&found, found.regions[0].row, 1, 2);
  assert_equals_int(found.regions[1].row, -1);
  assert_equals_int(found.regions[2].y, 22);
  assert_row(&found, found.regions[2].row, 3, 4);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(region_of_interest_outside_the_frame_is_left_out)
{
  GstBuffer *buffer = gst_buffer_new();
  foreign_add_roi(buffer, 64, 0, foreign_param("net", "features", numbers, 2, 1));
  foreign_add_roi(buffer, 1, 2, foreign_param("net", "features", numbers + 2, 2, 1));
  fake_bridge_empty();
  DcForeignEmbeddings found = read_well(&frame_rules, buffer);
  assert_equals_int(found.n_regions, 1);
  assert_equals_int(found.block->rows, 1);
  assert_row(&found, found.regions[0].row, 3, 4);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* Scores of classes of which one won are not an embedding, unless somebody says so. */
GST_START_TEST(interpreted_tensors_are_only_taken_by_name)
{
  GstBuffer *buffer = gst_buffer_new();
  GstStructure *scores = foreign_param("net", "scores", numbers, 2, 1);
  gst_structure_set(scores, "label", G_TYPE_STRING, "cat", NULL);
  foreign_add_roi(buffer, 1, 2, scores);
  fake_bridge_empty();
  assert_brings_nothing(&frame_rules, buffer);
  DcForeignRules named = frame_rules;
  named.tensor = "scores";
  DcForeignEmbeddings found = read_well(&named, buffer);
  assert_row(&found, found.regions[0].row, 1, 2);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(two_tensors_of_a_region_need_a_name)
{
  GstBuffer *buffer = gst_buffer_new();
  GstVideoRegionOfInterestMeta *roi =
      foreign_add_roi(buffer, 1, 2, foreign_param("net", "features", numbers, 2, 1));
  gst_video_region_of_interest_meta_add_param(roi, foreign_param("net", "age", numbers, 3, 1));
  fake_bridge_empty();
  assert_refused(&frame_rules, buffer, DC_ERROR_MISMATCH,
                 "'features' (float32, 1 x 2) and 'age' (float32, 1 x 3)");
  DcForeignRules named = frame_rules;
  named.tensor = "features";
  DcForeignEmbeddings found = read_well(&named, buffer);
  assert_row(&found, 0, 1, 2);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(lengths_that_differ_within_a_frame_are_refused)
{
  GstBuffer *buffer = gst_buffer_new();
  foreign_add_roi(buffer, 1, 2, foreign_param("net", "features", numbers, 2, 1));
  foreign_add_roi(buffer, 3, 4, foreign_param("net", "features", numbers, 3, 1));
  fake_bridge_empty();
  assert_refused(&frame_rules, buffer, DC_ERROR_MISMATCH, "of 2 and of 3 numbers");
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(a_map_is_no_embedding)
{
  GstBuffer *buffer = gst_buffer_new();
  foreign_add_roi(buffer, 1, 2, foreign_param("net", "keypoints", numbers, 3, 2));
  fake_bridge_empty();
  assert_refused(&frame_rules, buffer, DC_ERROR_UNSUPPORTED, "'keypoints' (float32, 2 x 3)");
  DcForeignRules named = frame_rules;
  named.tensor = "keypoints";
  assert_refused(&named, buffer, DC_ERROR_MISMATCH, "'keypoints' (float32, 2 x 3)");
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* What anybody can put there. */
GST_START_TEST(damaged_parameters_are_passed_by)
{
  GstStructure *params[6];
  for (guint i = 0; i < G_N_ELEMENTS(params); i++)
    params[i] = foreign_param("net", "features", numbers, 2, 1);
  gst_structure_remove_field(params[0], "data_buffer");
  gst_structure_set(params[1], "data_buffer", G_TYPE_INT, 7, NULL);
  gst_structure_set(params[2], "data_buffer", G_TYPE_VARIANT, g_variant_new_string("no"), NULL);
  gst_structure_remove_field(params[3], "precision");
  gst_structure_set(params[4], "dims", G_TYPE_STRING, "1x2", NULL);
  gst_structure_set(params[5], "data_buffer", G_TYPE_VARIANT, NULL, NULL);
  fake_bridge_empty();
  for (guint i = 0; i < G_N_ELEMENTS(params); i++) {
    GstBuffer *buffer = gst_buffer_new();
    foreign_add_roi(buffer, 1, 2, params[i]);
    assert_brings_nothing(&frame_rules, buffer);
    gst_buffer_unref(buffer);
  }
}
GST_END_TEST

GST_START_TEST(parameters_of_other_numbers_are_told_of)
{
  GstStructure *params[3];
  for (guint i = 0; i < G_N_ELEMENTS(params); i++)
    params[i] = foreign_param("net", "features", numbers, 2, 1);
  gst_structure_set(params[0], "precision", G_TYPE_INT, 11, NULL); /* float16 */
  foreign_set_dims(params[1], 1, 3);                               /* that are not there */
  foreign_set_dims(params[2], G_MAXUINT, G_MAXUINT);
  fake_bridge_empty();
  for (guint i = 0; i < G_N_ELEMENTS(params); i++) {
    GstBuffer *buffer = gst_buffer_new();
    foreign_add_roi(buffer, 1, 2, params[i]);
    assert_refused(&frame_rules, buffer, DC_ERROR_UNSUPPORTED, "'features'");
    gst_buffer_unref(buffer);
  }
}
GST_END_TEST

/* --- Tensors of the buffer --- */

GST_START_TEST(a_vector_is_the_embedding_of_the_frame)
{
  const DcForeignTensor shapes[] = {tensor_of("out", 2, 0, 0), tensor_of("out", 1, 2, 0),
                                    tensor_of("out", 1, 2, 1)};
  GstBuffer *buffer = gst_buffer_new();
  fake_bridge_empty();
  for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
    bring(&shapes[i], 1);
    DcForeignEmbeddings found = read_well(&frame_rules, buffer);
    assert_equals_int(found.n_regions, 1);
    assert_equals_int(found.regions[0].width, 64);
    assert_equals_int(found.regions[0].height, 48);
    assert_equals_string(g_quark_to_string(found.regions[0].roi_type), "frame");
    assert_equals_string(found.block->encoder, "tensor::out");
    assert_row(&found, found.regions[0].row, 1, 2);
    dc_foreign_embeddings_clear(&found);
  }
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(numbers_in_a_buffer_are_read)
{
  DcForeignTensor tensor = tensor_of("out", 1, 2, 0);
  tensor.bytes = NULL;
  tensor.buffer = gst_buffer_new_memdup(numbers + 2, 2 * sizeof *numbers);
  GstBuffer *buffer = gst_buffer_new();
  fake_bridge_empty();
  bring(&tensor, 1);
  DcForeignEmbeddings found = read_well(&frame_rules, buffer);
  assert_row(&found, 0, 3, 4);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(tensor.buffer);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* Each keeps its row when one before it has no pixel. */
GST_START_TEST(rows_belong_to_detections_in_order)
{
  const DcDetection detections[] = {{1, 2, 3, 4, 0, 0, FALSE, 0, 1},
                                    {64, 0, 5, 5, 0, 1, FALSE, 0, 1},
                                    {5, 6, 7, 8, 0, 2, TRUE, 99, 1}};
  const DcForeignTensor tensor = tensor_of("out", 3, 2, 0);
  GstBuffer *buffer = gst_buffer_new();
  bring(&tensor, 1);
  fake_detections = detections;
  n_fake_detections = G_N_ELEMENTS(detections);
  DcForeignEmbeddings found = read_well(&list_rules, buffer);
  assert_equals_int(found.n_regions, 2);
  assert_equals_int(found.block->rows, 3);
  assert_row(&found, found.regions[0].row, 1, 2);
  assert_equals_uint64(found.regions[1].key, 99);
  assert_row(&found, found.regions[1].row, 5, 6);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(as_many_rows_as_detections_are_wanted)
{
  const DcDetection detections[] = {{1, 2, 3, 4, 0, 0, FALSE, 0, 1},
                                    {5, 6, 7, 8, 0, 1, FALSE, 0, 1}};
  const DcForeignTensor tensor = tensor_of("out", 3, 2, 0);
  GstBuffer *buffer = gst_buffer_new();
  bring(&tensor, 1);
  fake_detections = detections;
  n_fake_detections = G_N_ELEMENTS(detections);
  assert_refused(&list_rules, buffer, DC_ERROR_UNSUPPORTED, "2 vector(s)");
  assert_refused(&frame_rules, buffer, DC_ERROR_UNSUPPORTED, "1 vector(s)");
  n_fake_detections = 0;
  assert_brings_nothing(&list_rules, buffer);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* The outputs of a detector go by; what is left is unambiguous, or needs a name. */
GST_START_TEST(the_only_one_that_fits_is_taken)
{
  const DcForeignTensor tensors[] = {tensor_of("boxes", 1, 3, 2), tensor_of("out", 1, 2, 0),
                                     tensor_of("other", 1, 3, 0)};
  GstBuffer *buffer = gst_buffer_new();
  fake_bridge_empty();
  bring(tensors, 2);
  DcForeignEmbeddings found = read_well(&frame_rules, buffer);
  assert_equals_string(found.block->encoder, "tensor::out");
  dc_foreign_embeddings_clear(&found);

  bring(tensors, 3);
  assert_refused(&frame_rules, buffer, DC_ERROR_MISMATCH, "'out' (float32, 1 x 2) and 'other'");
  DcForeignRules named = frame_rules;
  named.tensor = "other";
  found = read_well(&named, buffer);
  assert_equals_int(found.block->dim, 3);
  dc_foreign_embeddings_clear(&found);
  named.tensor = "boxes";
  assert_refused(&named, buffer, DC_ERROR_MISMATCH, "'boxes' (float32, 1 x 3 x 2)");
  named.tensor = "nowhere";
  assert_brings_nothing(&named, buffer);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(tensors_of_other_shapes_do_not_fit)
{
  DcForeignTensor bad[] = {tensor_of("out", 1, 2, 0), tensor_of("out", 1, 2, 0),
                           tensor_of("out", 1, 2, 0), tensor_of("out", 1, 2, 0),
                           tensor_of("out", 1, 1, 0), tensor_of("out", 2, 2, 0)};
  bad[0].is_float = FALSE;
  bad[1].size--;           /* fewer bytes than the axes tell */
  bad[2].dims[1] = 0;      /* an axis that is open */
  bad[3].rank = G_MAXSIZE; /* of which most were not read */
  guint dim;
  for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
    fail_if(dc_foreign_tensor_fits(&bad[i], 1, &dim), "case %u", i);
  DcForeignTensor huge = tensor_of("out", 2, 2, 0);
  huge.dims[0] = 3;
  huge.dims[1] = G_MAXSIZE / 4;
  fail_if(dc_foreign_tensor_fits(&huge, 3, &dim));
  fail_if(dc_foreign_tensor_fits(&huge, 0, &dim));
  g_autofree gchar *text = dc_foreign_tensor_describe(&bad[3]);
  fail_unless(g_str_has_suffix(text, "x ...)"), "%s", text);
}
GST_END_TEST

GST_START_TEST(regions_of_interest_go_before_the_buffer)
{
  const DcForeignTensor tensor = tensor_of("out", 3, 0, 0);
  GstBuffer *buffer = gst_buffer_new();
  foreign_add_roi(buffer, 1, 2, foreign_param("net", "features", numbers, 2, 1));
  fake_bridge_empty();
  bring(&tensor, 1);
  DcForeignEmbeddings found = read_well(&frame_rules, buffer);
  assert_equals_int(found.block->dim, 2);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);

  buffer = gst_buffer_new(); /* a detector's region, and the frame's embedding */
  foreign_add_roi(buffer, 1, 2, NULL);
  found = read_well(&frame_rules, buffer);
  assert_equals_int(found.block->dim, 3);
  assert_equals_int(found.n_regions, 1);
  assert_equals_int(found.regions[0].width, 64);
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);
}
GST_END_TEST

GST_START_TEST(long_names_are_told_by_their_checksum)
{
  g_autofree gchar *longest = g_strnfill(500, 'a'), *other = g_strnfill(501, 'a');
  DcForeignTensor tensor = tensor_of(longest, 2, 0, 0);
  GstBuffer *buffer = gst_buffer_new();
  fake_bridge_empty();
  bring(&tensor, 1);
  DcForeignEmbeddings found = read_well(&frame_rules, buffer);
  fail_unless(strlen(found.block->encoder) < 128);
  const gchar *encoder = found.block->encoder;
  dc_foreign_embeddings_clear(&found);
  tensor.name = other;
  found = read_well(&frame_rules, buffer);
  fail_if(g_str_equal(found.block->encoder, encoder));
  dc_foreign_embeddings_clear(&found);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* --- Elements --- */

/* Frame `frame` with a region of interest in each of the three blobs. */
static GstBuffer *
foreign_frame(Blobs *blobs, guint frame)
{
  GstBuffer *buffer = blobs_frame(frame);
  for (guint blob = 0; blob < blobs->blobs; blob++) {
    gfloat embedding[8];
    blobs_draw(blobs, blob, embedding);
    foreign_add_roi(buffer, 20 * blob, 1, foreign_param("net", "features", embedding, 8, 1));
  }
  return buffer;
}

GST_START_TEST(elements_work_alone_behind_another_inference)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("adapt-centroids clusters=3 warm-up=60 ! assign");
  for (guint frame = 0; frame < 30; frame++)
    fail_unless_equals_int(gst_harness_push(h, foreign_frame(&blobs, frame)), GST_FLOW_OK);
  gint seen[3] = {-1, -1, -1};
  for (guint frame = 0; frame < 30; frame++) {
    GstBuffer *buffer = gst_harness_pull(h);
    GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
    fail_unless(meta != NULL);
    assert_equals_int(driftcluster_results_meta_get_n_results(meta), 3);
    for (guint i = 0; i < 3 && frame >= 25; i++) {
      DriftclusterResult result;
      fail_unless(driftcluster_results_meta_get_result(meta, i, &result));
      fail_unless(result.cluster >= 0);
      fail_unless(seen[i] == -1 || seen[i] == result.cluster);
      seen[i] = result.cluster;
    }
    gst_buffer_unref(buffer);
  }
  fail_unless(seen[0] != seen[1] && seen[1] != seen[2] && seen[0] != seen[2]);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 90);
  gst_harness_teardown(h);
}
GST_END_TEST

GST_START_TEST(embeddings_that_are_no_numbers_are_counted)
{
  GstHarness *h = stream_open("adapt-centroids");
  const gfloat bad[] = {1, NAN};
  GstBuffer *buffer = blobs_frame(0);
  foreign_add_roi(buffer, 1, 1, foreign_param("net", "features", bad, 2, 1));
  fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "rejected"), 1);
  gst_harness_teardown(h);
}
GST_END_TEST

/* `embed` has the last word on a buffer that it has seen. */
GST_START_TEST(embedding_meta_goes_before_tensors)
{
  Blobs blobs = blobs_of(3, 8);
  GstHarness *h = stream_open("adapt-centroids");
  GstBuffer *buffer = blobs_buffer(&blobs, 0, 1);
  foreign_add_roi(buffer, 1, 1, foreign_param("net", "features", numbers, 2, 1));
  fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
  buffer = blobs_frame(1);
  driftcluster_buffer_add_embedding_meta(buffer, BLOBS_WIDTH, BLOBS_HEIGHT, NULL, 0, NULL);
  foreign_add_roi(buffer, 1, 1, foreign_param("net", "features", numbers, 2, 1));
  fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_OK);
  assert_equals_uint64(stream_stat(h, "adapt-centroids", "accepted"), 1);
  gst_harness_teardown(h);
}
GST_END_TEST

static GstBuffer *
frame_of_keypoints(guint frame)
{
  GstBuffer *buffer = blobs_frame(frame);
  foreign_add_roi(buffer, 1, 1, foreign_param("net", "keypoints", numbers, 3, 2));
  return buffer;
}

GST_START_TEST(tensors_that_do_not_fit_are_told_of_once)
{
  static const gchar *const launches[] = {"adapt-centroids", "assign"};
  for (guint i = 0; i < G_N_ELEMENTS(launches); i++) {
    GstHarness *h = stream_open(launches[i]);
    GstBus *bus = stream_watch(h->element);
    fail_unless(gst_harness_push_event(h, dc_snapshot_event_new(NULL))); /* clusters are to come */
    for (guint frame = 0; frame < 3; frame++)
      fail_unless_equals_int(gst_harness_push(h, frame_of_keypoints(frame)), GST_FLOW_OK);
    stream_assert_told(bus, GST_MESSAGE_WARNING, "'keypoints'");
    stream_assert_silent(bus, GST_MESSAGE_WARNING);
    stream_unwatch(h->element, bus);
    gst_harness_teardown(h);
  }
}
GST_END_TEST

GST_START_TEST(named_tensor_that_does_not_fit_is_an_error)
{
  static const gchar *const launches[] = {"adapt-centroids tensor-name=keypoints",
                                          "assign tensor-name=keypoints"};
  for (guint i = 0; i < G_N_ELEMENTS(launches); i++) {
    GstHarness *h = stream_open(launches[i]);
    stream_assert_push_fails(h, frame_of_keypoints(0), "tensor-name");
    gst_harness_teardown(h);
  }
}
GST_END_TEST

static Suite *
foreign_embeddings_suite(void)
{
  Suite *suite = suite_create("foreign-embeddings");
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  TCase *regions = tcase_create("regions of interest");
  suite_add_tcase(suite, regions);
  tcase_add_test(regions, each_region_of_interest_brings_its_own);
  tcase_add_test(regions, region_of_interest_outside_the_frame_is_left_out);
  tcase_add_test(regions, interpreted_tensors_are_only_taken_by_name);
  tcase_add_test(regions, two_tensors_of_a_region_need_a_name);
  tcase_add_test(regions, lengths_that_differ_within_a_frame_are_refused);
  tcase_add_test(regions, a_map_is_no_embedding);
  tcase_add_test(regions, damaged_parameters_are_passed_by);
  tcase_add_test(regions, parameters_of_other_numbers_are_told_of);
  TCase *tensors = tcase_create("buffers");
  suite_add_tcase(suite, tensors);
  tcase_add_test(tensors, a_vector_is_the_embedding_of_the_frame);
  tcase_add_test(tensors, numbers_in_a_buffer_are_read);
  tcase_add_test(tensors, rows_belong_to_detections_in_order);
  tcase_add_test(tensors, as_many_rows_as_detections_are_wanted);
  tcase_add_test(tensors, the_only_one_that_fits_is_taken);
  tcase_add_test(tensors, tensors_of_other_shapes_do_not_fit);
  tcase_add_test(tensors, regions_of_interest_go_before_the_buffer);
  tcase_add_test(tensors, long_names_are_told_by_their_checksum);
  TCase *elements = tcase_create("elements");
  suite_add_tcase(suite, elements);
  tcase_add_test(elements, elements_work_alone_behind_another_inference);
  tcase_add_test(elements, embeddings_that_are_no_numbers_are_counted);
  tcase_add_test(elements, embedding_meta_goes_before_tensors);
  tcase_add_test(elements, tensors_that_do_not_fit_are_told_of_once);
  tcase_add_test(elements, named_tensor_that_does_not_fit_is_an_error);
  return suite;
}

GST_CHECK_MAIN(foreign_embeddings)
