/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "embed_harness.h"
#include "image/descriptor.h"
#include "onnx/export.h"

/* --- files that are no model --- */

static void
assert_model_refused(const gchar *path, GQuark domain, gint code)
{
  assert_refuses_to_start("model-file", path, mean_model, domain, code);
}

GST_START_TEST(missing_model_is_refused)
{
  g_autofree gchar *path = g_build_filename(folder, "missing.safetensors", NULL);
  assert_model_refused(path, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
}
GST_END_TEST

GST_START_TEST(truncated_model_is_refused)
{
  g_autofree gchar *path = g_build_filename(folder, "short.safetensors", NULL);
  g_autofree gchar *bytes = NULL;
  gsize size;
  fail_unless(g_file_get_contents(mean_model, &bytes, &size, NULL));
  const gsize sizes[] = {0, 4, 8, size / 2, size - 1};
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    fail_unless(g_file_set_contents(path, bytes, (gssize)sizes[i], NULL));
    assert_model_refused(path, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
  }
}
GST_END_TEST

GST_START_TEST(foreign_file_is_refused)
{
  g_autofree gchar *path = g_build_filename(folder, "picture.png", NULL);
  fail_unless(
      g_file_set_contents(path, "\211PNG\r\n\032\n this is no model, but a picture", -1, NULL));
  assert_model_refused(path, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
}
GST_END_TEST

/* A sound model, but of plain vectors. */
GST_START_TEST(model_of_vectors_is_refused)
{
  g_autofree gchar *path = g_build_filename(folder, "vectors.safetensors", NULL);
  DcModel *model = dc_model_new();
  DcLayer layer = {.kind = DC_LAYER_DENSE, .output = {1, 1, 2}};
  model->vectors = true;
  model->dim = 2;
  model->encoder = dc_network_new((DcShape){1, 1, 16});
  fail_unless(dc_network_add(model->encoder, &layer, NULL) == DC_OK);
  fail_unless(dc_model_write(model, path, NULL) == DC_OK);
  dc_model_free(model);
  assert_model_refused(path, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS);
}
GST_END_TEST

/* --- ONNX files --- */

/* Writes the encoder of the model `from` as an ONNX file. Returns its path, or NULL in a build that
 * knows no such files. */
static gchar *
write_onnx(const gchar *from, const gchar *name)
{
  DcModel *model;
  unsigned char *bytes;
  size_t size;
  DcError error = {0};
  fail_unless(dc_model_read(from, &model, &error) == DC_OK, "%s", error.message);
  DcStatus status = dc_onnx_export(model->encoder, &bytes, &size, &error);
  dc_model_free(model);
  if (status == DC_ERROR_UNSUPPORTED)
    return NULL;
  fail_unless(status == DC_OK, "%s", error.message);
  gchar *path = g_build_filename(folder, name, NULL);
  fail_unless(g_file_set_contents(path, (const gchar *)bytes, (gssize)size, NULL));
  dc_free(bytes);
  return path;
}

static void
assert_mean(GstHarness *harness, guint number, gfloat expected)
{
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, number));
  assert_embedding(meta_of(buffer), 0, expected);
  gst_buffer_unref(buffer);
}

/* What is guessed for it, one channel as 0..1 stretched to a shape that is not square, is what the
 * model has. */
GST_START_TEST(onnx_file_is_embedded)
{
  g_autofree gchar *path = write_onnx(mean_model, "mean.onnx");
  if (!path)
    return;
  GstHarness *harness = harness_of("embed", path);
  assert_mean(harness, 0, 0.5f);
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 0);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(missing_onnx_file_is_refused)
{
  g_autofree gchar *there = write_onnx(mean_model, "there.onnx");
  g_autofree gchar *path = g_build_filename(folder, "missing.onnx", NULL);
  if (there) /* a build without such files does not look for them */
    assert_model_refused(path, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
}
GST_END_TEST

GST_START_TEST(truncated_onnx_file_is_refused)
{
  g_autofree gchar *path = write_onnx(mean_model, "short.onnx");
  g_autofree gchar *bytes = NULL;
  gsize size;
  if (!path)
    return;
  fail_unless(g_file_get_contents(path, &bytes, &size, NULL));
  const gsize sizes[] = {0, 4, size / 2, size - 1};
  for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
    fail_unless(g_file_set_contents(path, bytes, (gssize)sizes[i], NULL));
    assert_model_refused(path, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
  }
}
GST_END_TEST

/* The name decides how a file is read. */
GST_START_TEST(model_by_the_name_of_an_onnx_file_is_refused)
{
  g_autofree gchar *path = tiny_model_write(folder, "model.onnx", 0.5f);
  assert_model_refused(path, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE);
}
GST_END_TEST

/* --- changing the model while running --- */

/* Asks for `path` and waits for the outcome of `kind`, after a warning where there is to be one. */
static void
change_model(GstHarness *harness, const gchar *path, const gchar *kind)
{
  gboolean warns = g_str_equal(kind, "model-rejected");
  gst_harness_set(harness, "embed", "model-file", path, NULL);
  if (warns)
    gst_message_unref(wait_for(harness, GST_MESSAGE_WARNING));
  GstMessage *message = wait_for(harness, GST_MESSAGE_ELEMENT);
  const GstStructure *outcome = gst_message_get_structure(message);
  fail_unless(gst_structure_has_name(outcome, "embed"));
  assert_equals_string(gst_structure_get_string(outcome, "kind"), kind);
  assert_equals_string(gst_structure_get_string(outcome, "model-file"), path);
  gst_message_unref(message);
}

GST_START_TEST(model_is_changed_while_running)
{
  g_autofree gchar *double_model = tiny_model_write(folder, "double.safetensors", 1.0f);
  GstHarness *harness = harness_of("embed inference-interval=10", mean_model);
  assert_mean(harness, 0, 0.5f);
  change_model(harness, double_model, "model-loaded");
  assert_mean(harness, 1, 1.0f); /* at once, whatever the interval */
  assert_embeds(harness, 2, FALSE);

  change_model(harness, "", "model-loaded");
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, 3));
  assert_equals_string(meta_of(buffer)->block->encoder, DC_DESCRIPTOR_NAME);
  gst_buffer_unref(buffer);
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 0);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(model_is_changed_to_an_onnx_file_while_running)
{
  g_autofree gchar *double_model = tiny_model_write(folder, "double.safetensors", 1.0f);
  g_autofree gchar *path = write_onnx(double_model, "double.onnx");
  g_autofree gchar *foreign = g_build_filename(folder, "foreign.onnx", NULL);
  if (!path)
    return;
  fail_unless(g_file_set_contents(foreign, "no network", -1, NULL));
  GstHarness *harness = harness_of("embed", mean_model);
  change_model(harness, path, "model-loaded");
  assert_mean(harness, 0, 1.0f);
  change_model(harness, foreign, "model-rejected");
  assert_mean(harness, 1, 1.0f);
  harness_free(harness);
}
GST_END_TEST

GST_START_TEST(model_that_cannot_be_used_changes_nothing)
{
  g_autofree gchar *missing = g_build_filename(folder, "missing.safetensors", NULL);
  g_autofree gchar *foreign = g_build_filename(folder, "foreign.safetensors", NULL);
  fail_unless(g_file_set_contents(foreign, "no model", -1, NULL));
  GstHarness *harness = harness_of("embed", mean_model);
  change_model(harness, missing, "model-rejected");
  change_model(harness, foreign, "model-rejected");
  assert_equals_int(count_messages(harness, GST_MESSAGE_WARNING), 0);
  assert_equals_int(count_messages(harness, GST_MESSAGE_ERROR), 0);
  assert_mean(harness, 0, 0.5f);
  g_autofree gchar *file = NULL;
  gst_harness_get(harness, "embed", "model-file", &file, NULL);
  assert_equals_string(file, mean_model);
  harness_free(harness);
}
GST_END_TEST

/* Wishes that overtake each other while frames flow, then a stop with one on its way. */
GST_START_TEST(last_wish_counts)
{
  g_autofree gchar *double_model = tiny_model_write(folder, "double.safetensors", 1.0f);
  GstHarness *harness = harness_of("embed", mean_model);
  for (guint i = 0; i < 50; i++) {
    gst_harness_set(harness, "embed", "model-file", i % 2 ? mean_model : double_model, NULL);
    gst_buffer_unref(gst_harness_push_and_pull(harness, gray_frame(8, 4, i)));
  }
  gst_harness_set(harness, "embed", "model-file", double_model, NULL);
  gboolean settled = FALSE;
  for (guint i = 50; i < 2000 && !settled; i++) {
    GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, i));
    settled = fabsf(meta_of(buffer)->block->data[0] - 1.0f) < TOLERANCE;
    gst_buffer_unref(buffer);
    g_usleep(1000);
  }
  fail_unless(settled);
  for (guint i = 0; i < 20; i++) {
    gst_harness_set(harness, "embed", "model-file", i % 2 ? mean_model : double_model, NULL);
    gst_element_set_state(harness->element, GST_STATE_READY);
    gst_element_set_state(harness->element, GST_STATE_PLAYING);
  }
  harness_free(harness);
}
GST_END_TEST

static Suite *
embed_model_suite(void)
{
  Suite *suite = suite_create("embed-model");
  TCase *tests = tcase_create("models of embed");
  tcase_add_unchecked_fixture(tests, register_plugin, NULL);
  tcase_add_checked_fixture(tests, setup, teardown);
  suite_add_tcase(suite, tests);
  tcase_add_test(tests, missing_model_is_refused);
  tcase_add_test(tests, truncated_model_is_refused);
  tcase_add_test(tests, foreign_file_is_refused);
  tcase_add_test(tests, model_of_vectors_is_refused);
  tcase_add_test(tests, onnx_file_is_embedded);
  tcase_add_test(tests, missing_onnx_file_is_refused);
  tcase_add_test(tests, truncated_onnx_file_is_refused);
  tcase_add_test(tests, model_by_the_name_of_an_onnx_file_is_refused);
  tcase_add_test(tests, model_is_changed_while_running);
  tcase_add_test(tests, model_is_changed_to_an_onnx_file_while_running);
  tcase_add_test(tests, model_that_cannot_be_used_changes_nothing);
  tcase_add_test(tests, last_wish_counts);
  return suite;
}

GST_CHECK_MAIN(embed_model)
