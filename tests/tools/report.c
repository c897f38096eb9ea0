/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report_case.h"

#include "drawing.h"

#include <json-glib/json-glib.h>

/* ---- pictures ---- */

static void
every_picture_decodes_and_is_mostly_white(void **state)
{
  (void)state;
  static const char *const names[] = {"all/loss.png", "all/embedding.png", "all/clusters.png",
                                      "all/confusion.png"};
  ReportCase what;
  case_init(&what);
  case_write(&what, "all");
  for (size_t i = 0; i < 4; i++) {
    DcPicture picture;
    assert_int_equal(dc_png_read(names[i], &picture, NULL), DC_OK);
    size_t pixels = (size_t)picture.width * (size_t)picture.height;
    size_t white = count_pixels(names[i], 255, 255, 255);
    assert_in_range(picture.width, 300, 1400);
    assert_in_range(picture.height, 150, 800);
    assert_true(white > pixels / 3 && white < pixels);
    dc_picture_clear(&picture);
  }
  case_clear(&what);
}

/* The legend has a square of 12 x 12 for each cluster, the mark of its centroid more of it. */
static void
the_embedding_has_the_colour_of_each_cluster_and_of_no_other(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  case_write(&what, "colours");
  for (guint k = 0; k < DC_PALETTE_BASE; k++) {
    DcColour colour = dc_cluster_colour(k);
    size_t count = count_pixels("colours/embedding.png", colour.red, colour.green, colour.blue);
    if (k < CASE_CLUSTERS)
      assert_true(count > 12 * 12);
    else
      assert_int_equal(count, 0);
  }
  case_clear(&what);
}

/* Of the 12 samples each is shown once, since none of the clusters has more than the ten that are
 * shown as the nearest; 8 pixels become 40. */
static void
exemplars_have_the_colours_of_the_samples(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  case_write(&what, "exemplars");
  for (int i = 0; i < CASE_SAMPLES; i++)
    assert_int_equal(count_pixels("exemplars/clusters.png", 10 + i, 200, 60), 40 * 40);
  case_clear(&what);
}

static void
a_patch_of_blue_green_red_is_shown_in_its_true_colours(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  what.spec.channels = DC_CHANNELS_BGR;
  case_write(&what, "bgr");
  for (int i = 0; i < CASE_SAMPLES; i++)
    assert_int_equal(count_pixels("bgr/clusters.png", 60, 200, 10 + i), 40 * 40);
  case_clear(&what);
}

/* The decoder gives back a constant: (1, 0.5, 0.25) before the mean and deviation are undone, which
 * is 191, 128, 64 of 255. */
static void
centroids_are_shown_as_the_decoder_sees_them(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  DcNetwork *decoder = dc_network_new((DcShape){1, 1, CASE_WIDTH});
  DcLayer dense = {.kind = DC_LAYER_DENSE, .output = {1, 1, CASE_SIDE * CASE_SIDE * 3}};
  assert_int_equal(dc_network_add(decoder, &dense, NULL), DC_OK);
  static const float constant[3] = {1, 0.5f, 0.25f};
  for (int i = 0; i < CASE_SIDE * CASE_SIDE * 3; i++)
    dc_network_layer(decoder, 0)->bias[i] = constant[i % 3];
  what.report.decoder = decoder;
  case_write(&what, "decoded");
  assert_int_equal(count_pixels("decoded/clusters.png", 191, 128, 64), CASE_CLUSTERS * 40 * 40);
  dc_network_free(decoder);
  case_clear(&what);
}

/* Two of the three clusters are pure: their cells have the full colour, numbers and frames apart.
 */
static void
the_confusion_table_is_darkest_where_a_cluster_is_pure(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  case_write(&what, "confusion");
  DcColour full = dc_palette_colour(4);
  size_t count = count_pixels("confusion/confusion.png", full.red, full.green, full.blue);
  /* A cell is 32 x 26, of which frame and digits take less than half. */
  assert_in_range(count, 32 * 26, 2 * 32 * 26);
  case_clear(&what);
}

/* ---- figures ---- */

static JsonObject *
read_figures(JsonParser *parser, const char *path)
{
  GError *error = NULL;
  if (!json_parser_load_from_file(parser, path, &error))
    fail_msg("%s", error->message);
  return json_node_get_object(json_parser_get_root(parser));
}

static void
figures_equal_a_calculation_by_hand(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  const DcReportSetting settings[] = {{"rounds", NULL, 3}, {"score", "hard", 0}};
  what.report.settings = settings;
  what.report.setting_count = 2;
  case_write(&what, "figures");
  g_autoptr(JsonParser) parser = json_parser_new();
  JsonObject *figures = read_figures(parser, "figures/figures.json");
  assert_string_equal(json_object_get_string_member(figures, "method"), "dekm");
  assert_int_equal(json_object_get_int_member(figures, "samples"), CASE_SAMPLES);
  assert_int_equal(json_object_get_int_member(figures, "clusters"), CASE_CLUSTERS);
  assert_int_equal(json_object_get_int_member(figures, "seed"), 5);
  assert_int_equal(json_object_get_int_member(figures, "threads"), 2);
  assert_near(json_object_get_double_member(figures, "seconds"), 1.5, 0);
  /* A process with GLib and OpenBLAS in it has more than 4 MB. */
  assert_true(json_object_get_int_member(figures, "peak_memory_bytes") > 4 << 20);
  JsonArray *sizes = json_object_get_array_member(figures, "sizes");
  assert_int_equal(json_array_get_length(sizes), 3);
  assert_int_equal(json_array_get_int_element(sizes, 0), 6);
  assert_int_equal(json_array_get_int_element(sizes, 1), 4);
  assert_int_equal(json_array_get_int_element(sizes, 2), 2);
  JsonObject *scores = json_object_get_object_member(figures, "scores");
  /* One division. */
  assert_near(json_object_get_double_member(scores, "acc"), 11.0 / 12, 1e-15);
  assert_near(json_object_get_double_member(scores, "purity"), 11.0 / 12, 1e-15);
  assert_int_equal(json_object_get_int_member(scores, "classes"), 3);
  JsonObject *set = json_object_get_object_member(figures, "settings");
  assert_near(json_object_get_double_member(set, "rounds"), 3, 0);
  assert_string_equal(json_object_get_string_member(set, "score"), "hard");
  case_clear(&what);
}

static void
curves_are_told_with_what_is_unknown_in_them(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  case_write(&what, "curves");
  g_autoptr(JsonParser) parser = json_parser_new();
  JsonArray *curves =
      json_object_get_array_member(read_figures(parser, "curves/figures.json"), "curves");
  assert_int_equal(json_array_get_length(curves), 2);
  JsonObject *loss = json_array_get_object_element(curves, 0);
  assert_string_equal(json_object_get_string_member(loss, "stage"), "autoencoder");
  assert_near(json_object_get_double_member(loss, "last"), 0.25, 0);
  JsonObject *changed = json_array_get_object_element(curves, 1);
  assert_string_equal(json_object_get_string_member(changed, "name"), "changed");
  assert_near(json_object_get_double_member(changed, "last"), 0.125, 0);
  JsonArray *values = json_object_get_array_member(changed, "values");
  assert_near(json_array_get_double_element(values, 0), 0.125, 0);
  assert_true(json_array_get_null_element(values, 1));
  assert_near(json_array_get_double_element(json_object_get_array_member(changed, "epochs"), 1), 2,
              0);
  case_clear(&what);
}

/* ---- what is not there ---- */

static void
vectors_without_labels_leave_two_pictures_and_remove_older_ones(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  case_write(&what, "vectors");
  assert_true(scratch_exists("vectors/clusters.png"));
  what.report.spec = NULL;
  what.report.samples = NULL;
  what.report.labels = NULL;
  case_write(&what, "vectors");
  assert_false(scratch_exists("vectors/clusters.png"));
  assert_false(scratch_exists("vectors/confusion.png"));
  g_autoptr(JsonParser) parser = json_parser_new();
  JsonObject *figures = read_figures(parser, "vectors/figures.json");
  assert_false(json_object_has_member(figures, "scores"));
  JsonArray *pictures = json_object_get_array_member(figures, "pictures");
  assert_int_equal(json_array_get_length(pictures), 2);
  assert_string_equal(json_array_get_string_element(pictures, 0), "loss.png");
  assert_string_equal(json_array_get_string_element(pictures, 1), "embedding.png");
  case_clear(&what);
}

static void
equal_reports_give_equal_pictures(void **state)
{
  (void)state;
  static const char *const names[] = {"loss.png", "embedding.png", "clusters.png", "confusion.png"};
  ReportCase what;
  case_init(&what);
  case_write(&what, "one");
  case_write(&what, "two");
  for (size_t i = 0; i < 4; i++) {
    g_autofree char *one = g_build_filename("one", names[i], NULL);
    g_autofree char *two = g_build_filename("two", names[i], NULL);
    size_t size, other;
    unsigned char *bytes = scratch_read(one, &size), *others = scratch_read(two, &other);
    assert_int_equal(size, other);
    assert_memory_equal(bytes, others, size);
    free(bytes);
    free(others);
  }
  case_clear(&what);
}

/* 200 clusters of one sample each, and as many classes: every picture stays small. */
static void
many_clusters_and_classes_make_no_large_picture(void **state)
{
  (void)state;
  enum { MANY = 200 };
  ReportCase what;
  case_init(&what);
  g_autofree guint32 *numbers = g_new(guint32, MANY);
  g_autofree float *values = g_new(float, MANY * 192);
  for (guint i = 0; i < MANY * 192; i++)
    values[i] = (float)(i % 97) / 97;
  for (guint i = 0; i < MANY; i++)
    numbers[i] = i;
  what.report.samples = values;
  what.report.labels = numbers;
  what.report.clustering = (DcClustering){dc_matrix(values, MANY, CASE_WIDTH),
                                          dc_matrix(values, MANY, CASE_WIDTH), numbers};
  case_write(&what, "many");
  DcPicture picture;
  assert_int_equal(dc_png_read("many/clusters.png", &picture, NULL), DC_OK);
  assert_in_range(picture.height, 64 * 40, 64 * 50);
  dc_picture_clear(&picture);
  assert_int_equal(dc_png_read("many/confusion.png", &picture, NULL), DC_OK);
  assert_in_range(picture.height, 60 * 26, 60 * 30);
  assert_in_range(picture.width, 40 * 30, 40 * 60);
  dc_picture_clear(&picture);
  case_clear(&what);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_picture_decodes_and_is_mostly_white),
      cmocka_unit_test(the_embedding_has_the_colour_of_each_cluster_and_of_no_other),
      cmocka_unit_test(exemplars_have_the_colours_of_the_samples),
      cmocka_unit_test(a_patch_of_blue_green_red_is_shown_in_its_true_colours),
      cmocka_unit_test(centroids_are_shown_as_the_decoder_sees_them),
      cmocka_unit_test(the_confusion_table_is_darkest_where_a_cluster_is_pure),
      cmocka_unit_test(figures_equal_a_calculation_by_hand),
      cmocka_unit_test(curves_are_told_with_what_is_unknown_in_them),
      cmocka_unit_test(vectors_without_labels_leave_two_pictures_and_remove_older_ones),
      cmocka_unit_test(equal_reports_give_equal_pictures),
      cmocka_unit_test(many_clusters_and_classes_make_no_large_picture),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
