/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "meta/driftcluster.h"

#include <gst/check/gstcheck.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>

static DriftclusterEmbeddingBlock *
block_of(guint rows, guint dim)
{
  DriftclusterEmbeddingBlock *block = driftcluster_embedding_block_new(rows, dim, "test-encoder");
  fail_unless(block != NULL);
  for (guint i = 0; i < rows * dim; i++)
    block->data[i] = (gfloat)i + 0.5f;
  return block;
}

/* Two regions side by side over 64 x 48, the left one with an embedding. */
static GstBuffer *
buffer_with_embeddings(DriftclusterEmbeddingBlock **block)
{
  DriftclusterRegion regions[] = {
      {0, 0, 33, 48, 7, g_quark_from_string("tile"), -1, 0},
      {33, 0, 31, 48, 8, g_quark_from_string("tile"), 12, -1},
  };
  *block = block_of(1, 3);
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 48, NULL);
  fail_unless(driftcluster_buffer_add_embedding_meta(buffer, 64, 48, regions, 2, *block) != NULL);
  return buffer;
}

static void
assert_region(const DriftclusterRegion *region, gint x, gint y, gint width, gint height)
{
  fail_unless(region != NULL);
  assert_equals_int(region->x, x);
  assert_equals_int(region->y, y);
  assert_equals_int(region->width, width);
  assert_equals_int(region->height, height);
}

GST_START_TEST(block_is_aligned_and_zeroed)
{
  for (guint dim = 1; dim < 40; dim += 7) {
    DriftclusterEmbeddingBlock *block = driftcluster_embedding_block_new(3, dim, "e");
    assert_equals_int((guintptr)block->data % 64, 0);
    for (guint i = 0; i < 3 * dim; i++)
      fail_unless(block->data[i] == 0);
    guint size;
    fail_unless(driftcluster_embedding_block_get_row(block, 2, &size) == block->data + 2 * dim);
    assert_equals_int(size, dim);
    driftcluster_embedding_block_unref(block);
  }
}
GST_END_TEST

GST_START_TEST(block_without_rows_has_none)
{
  DriftclusterEmbeddingBlock *block = driftcluster_embedding_block_new(0, 5, "e");
  guint size = 99;
  fail_unless(driftcluster_embedding_block_get_row(block, 0, &size) == NULL);
  assert_equals_int(size, 0);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(block_refuses_sizes_that_overflow)
{
  fail_unless(driftcluster_embedding_block_new(G_MAXUINT, G_MAXUINT, "e") == NULL);
  ASSERT_CRITICAL(driftcluster_embedding_block_new(1, 0, "e"));
  ASSERT_CRITICAL(driftcluster_embedding_block_new(1, 1, NULL));
}
GST_END_TEST

GST_START_TEST(copy_shares_the_block)
{
  DriftclusterEmbeddingBlock *block;
  GstBuffer *buffer = buffer_with_embeddings(&block);
  assert_equals_int(block->ref_count, 2);

  GstBuffer *copy = gst_buffer_copy(buffer), *deep = gst_buffer_copy_deep(buffer);
  assert_equals_int(block->ref_count, 4);
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(deep);
  fail_unless(meta->block == block);
  assert_equals_int(meta->n_regions, 2);
  assert_equals_int(meta->width, 64);
  assert_equals_int(meta->height, 48);
  assert_region(driftcluster_embedding_meta_get_region(meta, 0), 0, 0, 33, 48);
  assert_equals_int(meta->regions[1].roi_id, 12);
  assert_equals_uint64(meta->regions[1].key, 8);

  gst_buffer_unref(copy);
  gst_buffer_unref(deep);
  gst_buffer_unref(buffer);
  assert_equals_int(block->ref_count, 1);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(embedding_of_a_region)
{
  DriftclusterEmbeddingBlock *block;
  GstBuffer *buffer = buffer_with_embeddings(&block);
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);
  guint dim;
  const gfloat *embedding = driftcluster_embedding_meta_get_embedding(meta, 0, &dim);
  assert_equals_int(dim, 3);
  assert_equals_float(embedding[2], 2.5f);
  fail_unless(driftcluster_embedding_meta_get_embedding(meta, 1, &dim) == NULL);
  assert_equals_int(dim, 0);
  fail_unless(driftcluster_embedding_meta_get_embedding(meta, 2, NULL) == NULL);
  fail_unless(driftcluster_embedding_meta_get_region(meta, 2) == NULL);
  gst_buffer_unref(buffer);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(second_meta_replaces_the_first)
{
  DriftclusterEmbeddingBlock *block;
  GstBuffer *buffer = buffer_with_embeddings(&block);
  driftcluster_buffer_add_embedding_meta(buffer, 10, 10, NULL, 0, NULL);
  assert_equals_int(gst_buffer_get_n_meta(buffer, driftcluster_embedding_meta_api_get_type()), 1);
  assert_equals_int(driftcluster_buffer_get_embedding_meta(buffer)->n_regions, 0);
  assert_equals_int(block->ref_count, 1);

  driftcluster_buffer_add_results_meta(buffer, 1, "e", 3, NULL, 0);
  GstCustomMeta *later = driftcluster_buffer_add_results_meta(buffer, 2, "e", 3, NULL, 0);
  fail_unless(driftcluster_buffer_get_results_meta(buffer) == later);
  assert_equals_uint64(driftcluster_results_meta_get_version(later), 2);
  gst_buffer_unref(buffer);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(part_of_a_frame_has_no_embedding_meta)
{
  DriftclusterEmbeddingBlock *block;
  GstBuffer *buffer = buffer_with_embeddings(&block);
  GstBuffer *part = gst_buffer_copy_region(buffer, GST_BUFFER_COPY_ALL, 0, 100);
  fail_unless(driftcluster_buffer_get_embedding_meta(part) == NULL);
  GstBuffer *all = gst_buffer_copy_region(buffer, GST_BUFFER_COPY_ALL, 0, 64 * 48);
  fail_unless(driftcluster_buffer_get_embedding_meta(all) != NULL);
  gst_buffer_unref(part);
  gst_buffer_unref(all);
  gst_buffer_unref(buffer);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

/* What a scaler does to the metas of its input. */
static gboolean
transform(GstBuffer *from, GstBuffer *to, GQuark type, gint in_width, gint in_height,
          gint out_width, gint out_height)
{
  GstVideoInfo in, out;
  gst_video_info_set_format(&in, GST_VIDEO_FORMAT_GRAY8, (guint)in_width, (guint)in_height);
  gst_video_info_set_format(&out, GST_VIDEO_FORMAT_GRAY8, (guint)out_width, (guint)out_height);
  GstVideoMetaTransform data = {&in, &out};
  GstMeta *meta = (GstMeta *)driftcluster_buffer_get_embedding_meta(from);
  return driftcluster_embedding_meta_get_info()->transform_func(to, meta, from, type, &data);
}

GST_START_TEST(scaling_moves_boxes_and_frame)
{
  DriftclusterEmbeddingBlock *block;
  GstBuffer *from = buffer_with_embeddings(&block), *to = gst_buffer_new();
  fail_unless(transform(from, to, gst_video_meta_transform_scale_get_quark(), 64, 48, 32, 96));
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(to);
  assert_equals_int(meta->width, 32);
  assert_equals_int(meta->height, 96);
  /* The common edge 33 goes to 16.5, which rounds up for both: still neighbours. */
  assert_region(&meta->regions[0], 0, 0, 17, 96);
  assert_region(&meta->regions[1], 17, 0, 15, 96);
  fail_unless(meta->block == block);
  gst_buffer_unref(from);
  gst_buffer_unref(to);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(scaling_keeps_a_pixel_of_each_region)
{
  DriftclusterEmbeddingBlock *block;
  GstBuffer *from = buffer_with_embeddings(&block), *to = gst_buffer_new();
  fail_unless(transform(from, to, gst_video_meta_transform_scale_get_quark(), 64, 48, 1, 1));
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(to);
  assert_region(&meta->regions[0], 0, 0, 1, 1);
  assert_region(&meta->regions[1], 0, 0, 1, 1);
  gst_buffer_unref(from);
  gst_buffer_unref(to);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(unknown_geometry_drops_the_embedding_meta)
{
  DriftclusterEmbeddingBlock *block;
  GstBuffer *from = buffer_with_embeddings(&block), *to = gst_buffer_new();
  fail_if(transform(from, to, g_quark_from_string("gst-video-rotate"), 64, 48, 48, 64));
  /* Boxes of another frame than the one that is scaled. */
  fail_if(transform(from, to, gst_video_meta_transform_scale_get_quark(), 640, 480, 64, 48));
  fail_unless(driftcluster_buffer_get_embedding_meta(to) == NULL);
  assert_equals_int(block->ref_count, 2);
  gst_buffer_unref(from);
  gst_buffer_unref(to);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

static void
assert_refused(DriftclusterRegion region, DriftclusterEmbeddingBlock *block)
{
  GstBuffer *buffer = gst_buffer_new();
  ASSERT_CRITICAL(driftcluster_buffer_add_embedding_meta(buffer, 64, 48, &region, 1, block));
  fail_unless(driftcluster_buffer_get_embedding_meta(buffer) == NULL);
  gst_buffer_unref(buffer);
}

GST_START_TEST(regions_outside_frame_or_block_are_refused)
{
  DriftclusterEmbeddingBlock *block = block_of(2, 1);
  assert_refused((DriftclusterRegion){-1, 0, 4, 4, .row = -1}, block);
  assert_refused((DriftclusterRegion){0, 0, 65, 4, .row = -1}, block);
  assert_refused((DriftclusterRegion){0, 0, 4, 0, .row = -1}, block);
  assert_refused((DriftclusterRegion){G_MAXINT, 0, G_MAXINT, 4, .row = -1}, block);
  assert_refused((DriftclusterRegion){0, 0, 4, 4, .row = 2}, block);
  assert_refused((DriftclusterRegion){0, 0, 4, 4, .row = -2}, block);
  assert_refused((DriftclusterRegion){0, 0, 4, 4, .row = 0}, NULL);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(more_reused_rows_than_rows_are_refused)
{
  DriftclusterEmbeddingBlock *block = block_of(2, 1);
  block->reused = 3;
  assert_refused((DriftclusterRegion){0, 0, 4, 4, .row = 0}, block);
  driftcluster_embedding_block_unref(block);
}
GST_END_TEST

GST_START_TEST(too_many_regions_are_refused)
{
  static DriftclusterRegion regions[DRIFTCLUSTER_MAX_REGIONS + 1];
  static DriftclusterResult results[DRIFTCLUSTER_MAX_REGIONS + 1];
  for (guint i = 0; i <= DRIFTCLUSTER_MAX_REGIONS; i++)
    regions[i] = (DriftclusterRegion){0, 0, 1, 1, .key = i, .row = -1};
  GstBuffer *buffer = gst_buffer_new();
  ASSERT_CRITICAL(driftcluster_buffer_add_embedding_meta(buffer, 8, 8, regions,
                                                         DRIFTCLUSTER_MAX_REGIONS + 1, NULL));
  ASSERT_CRITICAL(driftcluster_buffer_add_embedding_meta(buffer, 8, 8, regions, G_MAXUINT, NULL));
  ASSERT_CRITICAL(driftcluster_buffer_add_embedding_meta(buffer, 8, 8, NULL, 1, NULL));
  ASSERT_CRITICAL(driftcluster_buffer_add_results_meta(buffer, 1, "e", 1, results, G_MAXUINT));
  fail_unless(driftcluster_buffer_add_embedding_meta(buffer, 8, 8, regions,
                                                     DRIFTCLUSTER_MAX_REGIONS, NULL) != NULL);
  GstCustomMeta *meta =
      driftcluster_buffer_add_results_meta(buffer, 1, "e", 1, results, DRIFTCLUSTER_MAX_REGIONS);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), DRIFTCLUSTER_MAX_REGIONS);
  gst_buffer_unref(buffer);
}
GST_END_TEST

static DriftclusterResult
some_result(void)
{
  return (DriftclusterResult){
      .x = 0.25,
      .y = 0.5,
      .width = 0.125,
      .height = 0.0625,
      .key = G_MAXUINT64,
      .roi_type = g_quark_from_string("person"),
      .roi_id = 41,
      .cluster = 3,
      .uuid = "c0ffee00-0000-4000-8000-000000000003",
      .label = "caf\303\251",
      .confidence = 0.75,
      .distance = 1.5,
      .novel = TRUE,
      .stale = FALSE,
  };
}

GST_START_TEST(results_are_read_as_written)
{
  DriftclusterResult written[2] = {some_result(), {.roi_id = -1, .cluster = -1, .stale = TRUE}};
  GstBuffer *buffer = gst_buffer_new();
  driftcluster_buffer_add_results_meta(buffer, 17, "sha256:ab", 64, written, 2);
  /* Read from a copy: the meta has no tags, so that everything copies it. */
  GstBuffer *copy = gst_buffer_copy(buffer);
  gst_buffer_unref(buffer);

  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(copy);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 2);
  assert_equals_uint64(driftcluster_results_meta_get_version(meta), 17);
  DriftclusterResult read;
  fail_unless(driftcluster_results_meta_get_result(meta, 0, &read));
  assert_equals_float(read.x, 0.25);
  assert_equals_float(read.y, 0.5);
  assert_equals_float(read.width, 0.125);
  assert_equals_float(read.height, 0.0625);
  assert_equals_uint64(read.key, G_MAXUINT64);
  assert_equals_int(read.roi_type, g_quark_from_string("person"));
  assert_equals_int(read.roi_id, 41);
  assert_equals_int(read.cluster, 3);
  assert_equals_string(read.uuid, "c0ffee00-0000-4000-8000-000000000003");
  assert_equals_string(read.label, "caf\303\251");
  assert_equals_float(read.confidence, 0.75);
  assert_equals_float(read.distance, 1.5);
  fail_unless(read.novel && !read.stale);

  fail_unless(driftcluster_results_meta_get_result(meta, 1, &read));
  fail_unless(read.uuid == NULL && read.label == NULL && read.roi_type == 0);
  assert_equals_int(read.cluster, -1);
  fail_unless(read.stale);
  fail_if(driftcluster_results_meta_get_result(meta, 2, &read));
  fail_if(driftcluster_results_meta_get_result(meta, G_MAXUINT, &read));
  gst_buffer_unref(copy);
}
GST_END_TEST

GST_START_TEST(results_repair_text_that_is_not_utf8)
{
  DriftclusterResult result = some_result();
  result.label = "broken \377";
  GstBuffer *buffer = gst_buffer_new();
  GstCustomMeta *meta = driftcluster_buffer_add_results_meta(buffer, 1, NULL, 1, &result, 1);
  DriftclusterResult read;
  fail_unless(driftcluster_results_meta_get_result(meta, 0, &read));
  assert_equals_string(read.label, "broken \357\277\275");
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* A meta whose region 0 is `region`, as another program may have written it. */
static GstBuffer *
buffer_with_foreign_region(const gchar *region)
{
  driftcluster_results_meta_register();
  GstBuffer *buffer = gst_buffer_new();
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, DRIFTCLUSTER_RESULTS_META_NAME);
  GstStructure *regions = gst_structure_new_empty("regions");
  GstStructure *nested = gst_structure_from_string(region, NULL);
  fail_unless(nested != NULL, "%s", region);
  gst_structure_set(regions, "region-0", GST_TYPE_STRUCTURE, nested, NULL);
  gst_structure_set(gst_custom_meta_get_structure(meta), "regions", GST_TYPE_STRUCTURE, regions,
                    NULL);
  gst_structure_free(nested);
  gst_structure_free(regions);
  return buffer;
}

static gboolean
foreign_region_is_read(const gchar *region)
{
  GstBuffer *buffer = buffer_with_foreign_region(region);
  GstCustomMeta *meta = driftcluster_buffer_get_results_meta(buffer);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 1);
  DriftclusterResult result;
  gboolean read = driftcluster_results_meta_get_result(meta, 0, &result);
  gst_buffer_unref(buffer);
  return read;
}

#define FOREIGN_BOX "x=0.0,y=0.0,width=1.0,height=1.0,key=(guint64)0,roi-id=-1,cluster=0,"

GST_START_TEST(foreign_results_are_checked)
{
  fail_unless(foreign_region_is_read("region," FOREIGN_BOX
                                     "confidence=0.5,distance=1.0,novel=true,stale=false"));
  fail_if(foreign_region_is_read("region"));
  fail_if(foreign_region_is_read("region," FOREIGN_BOX
                                 "confidence=nan,distance=1.0,novel=true,stale=false"));
  fail_if(foreign_region_is_read("region," FOREIGN_BOX
                                 "confidence=0.5,distance=inf,novel=true,stale=false"));
  fail_if(foreign_region_is_read("region," FOREIGN_BOX
                                 "confidence=(int)1,distance=1.0,novel=true,stale=false"));
  fail_if(foreign_region_is_read("region," FOREIGN_BOX "confidence=0.5,distance=1.0"));
}
GST_END_TEST

GST_START_TEST(foreign_results_without_regions_are_empty)
{
  driftcluster_results_meta_register();
  GstBuffer *buffer = gst_buffer_new();
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, DRIFTCLUSTER_RESULTS_META_NAME);
  DriftclusterResult result;
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 0);
  assert_equals_uint64(driftcluster_results_meta_get_version(meta), 0);
  fail_if(driftcluster_results_meta_get_result(meta, 0, &result));
  gst_structure_set(gst_custom_meta_get_structure(meta), "regions", G_TYPE_INT, 3, "version",
                    G_TYPE_STRING, "x", NULL);
  assert_equals_int(driftcluster_results_meta_get_n_results(meta), 0);
  assert_equals_uint64(driftcluster_results_meta_get_version(meta), 0);
  gst_buffer_unref(buffer);
}
GST_END_TEST

static Suite *
meta_suite(void)
{
  Suite *suite = suite_create("meta");
  TCase *tests = tcase_create("metadata library");
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, block_is_aligned_and_zeroed);
  tcase_add_test(tests, block_without_rows_has_none);
  tcase_add_test(tests, block_refuses_sizes_that_overflow);
  tcase_add_test(tests, copy_shares_the_block);
  tcase_add_test(tests, embedding_of_a_region);
  tcase_add_test(tests, second_meta_replaces_the_first);
  tcase_add_test(tests, part_of_a_frame_has_no_embedding_meta);
  tcase_add_test(tests, scaling_moves_boxes_and_frame);
  tcase_add_test(tests, scaling_keeps_a_pixel_of_each_region);
  tcase_add_test(tests, unknown_geometry_drops_the_embedding_meta);
  tcase_add_test(tests, regions_outside_frame_or_block_are_refused);
  tcase_add_test(tests, more_reused_rows_than_rows_are_refused);
  tcase_add_test(tests, too_many_regions_are_refused);
  tcase_add_test(tests, results_are_read_as_written);
  tcase_add_test(tests, results_repair_text_that_is_not_utf8);
  tcase_add_test(tests, foreign_results_are_checked);
  tcase_add_test(tests, foreign_results_without_regions_are_empty);
  return suite;
}

GST_CHECK_MAIN(meta)
