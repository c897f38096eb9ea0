/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report_case.h"

#include "command.h"

/* The report is refused with a message that has `word` in it. */
static void
assert_refused(const ReportCase *what, const char *folder, DcStatus status, const char *word)
{
  g_autoptr(GError) error = NULL;
  assert_false(dc_report_write(folder, &what->report, &error));
  assert_non_null(error);
  assert_true(g_error_matches(error, DC_TOOLS_ERROR, -(int)status));
  if (!strstr(error->message, word))
    fail_msg("\"%s\" does not say \"%s\"", error->message, word);
}

static void
assert_not_prepared(const char *folder, const char *word)
{
  g_autoptr(GError) error = NULL;
  assert_false(dc_report_prepare(folder, &error));
  if (!strstr(error->message, word))
    fail_msg("\"%s\" does not say \"%s\"", error->message, word);
}

static void
a_file_in_the_place_of_the_folder_is_refused(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  scratch_write("taken", "x", 1);
  assert_refused(&what, "taken", DC_ERROR_IO, "taken");
  assert_refused(&what, "taken/below", DC_ERROR_IO, "no folder");
  assert_not_prepared("taken", "no folder");
  case_clear(&what);
}

static void
a_device_in_the_place_of_the_folder_is_refused(void **state)
{
  (void)state;
  assert_not_prepared("/dev/full", "/dev/full");
}

static void
a_folder_that_cannot_be_written_to_is_refused(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  assert_int_equal(mkdir("closed", 0555), 0);
  scratch_become_nobody();
  assert_refused(&what, "closed", DC_ERROR_IO, "closed/loss.png");
  assert_refused(&what, "closed/below", DC_ERROR_IO, "closed/below");
  assert_not_prepared("closed", "closed/figures.json");
  scratch_become_oneself();
  case_clear(&what);
}

static void
a_folder_is_prepared_without_leaving_a_file(void **state)
{
  (void)state;
  GError *error = NULL;
  assert_true(dc_report_prepare("new/deep", &error));
  assert_null(error);
  assert_int_equal(rmdir("new/deep"), 0);
}

/* The device stands for a disk that fills up while this file is written. */
static void
a_full_disk_is_told_for_every_file(void **state)
{
  (void)state;
  static const char *const names[] = {"loss.png", "embedding.png", "clusters.png", "confusion.png",
                                      "figures.json"};
  if (access("/dev/full", W_OK) != 0)
    skip();
  ReportCase what;
  case_init(&what);
  for (size_t i = 0; i < 5; i++) {
    g_autofree char *folder = g_strdup_printf("full%zu", i);
    g_autofree char *path = g_build_filename(folder, names[i], NULL);
    assert_int_equal(mkdir(folder, 0755), 0);
    assert_int_equal(symlink("/dev/full", path), 0);
    assert_refused(&what, folder, DC_ERROR_IO, path);
  }
  case_clear(&what);
}

static void
a_folder_in_the_place_of_an_older_picture_is_refused(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  what.report.labels = NULL;
  assert_int_equal(g_mkdir_with_parents("blocked/confusion.png/inside", 0755), 0);
  assert_refused(&what, "blocked", DC_ERROR_IO, "older report");
  case_clear(&what);
}

static void
a_decoder_of_other_shapes_is_refused(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  DcNetwork *decoder = dc_network_new((DcShape){1, 1, CASE_WIDTH});
  DcLayer dense = {.kind = DC_LAYER_DENSE, .output = {1, 1, 5}};
  assert_int_equal(dc_network_add(decoder, &dense, NULL), DC_OK);
  what.report.decoder = decoder;
  assert_refused(&what, "shapes", DC_ERROR_SHAPE, "decoder");
  dc_network_free(decoder);
  case_clear(&what);
}

static void
centroids_that_are_no_numbers_are_refused(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  static const float broken[CASE_CLUSTERS * CASE_WIDTH] = {0, 0, NAN, 0, 0, 3};
  what.report.clustering.centroids = dc_matrix(broken, CASE_CLUSTERS, CASE_WIDTH);
  assert_refused(&what, "nan", DC_ERROR_NOT_FINITE, "principal directions");
  case_clear(&what);
}

static void
a_curve_of_no_numbers_is_drawn_as_such(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  dc_curves_add(&what.curves, "clusters", "nothing", 1, NAN);
  dc_curves_add(&what.curves, "clusters", "nothing", 2, INFINITY);
  case_write(&what, "nothing");
  assert_true(count_pixels("nothing/loss.png", 255, 255, 255) > 0);
  case_clear(&what);
}

static void
a_course_that_was_stopped_before_its_first_epoch_has_no_chart(void **state)
{
  (void)state;
  ReportCase what;
  case_init(&what);
  DcCurves none;
  dc_curves_init(&none);
  what.report.curves = &none;
  case_write(&what, "none");
  assert_false(scratch_exists("none/loss.png"));
  assert_true(scratch_exists("none/figures.json"));
  dc_curves_clear(&none);
  case_clear(&what);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_in_the_place_of_the_folder_is_refused),
      cmocka_unit_test(a_device_in_the_place_of_the_folder_is_refused),
      cmocka_unit_test(a_folder_that_cannot_be_written_to_is_refused),
      cmocka_unit_test(a_folder_is_prepared_without_leaving_a_file),
      cmocka_unit_test(a_full_disk_is_told_for_every_file),
      cmocka_unit_test(a_folder_in_the_place_of_an_older_picture_is_refused),
      cmocka_unit_test(a_decoder_of_other_shapes_is_refused),
      cmocka_unit_test(centroids_that_are_no_numbers_are_refused),
      cmocka_unit_test(a_curve_of_no_numbers_is_drawn_as_such),
      cmocka_unit_test(a_course_that_was_stopped_before_its_first_epoch_has_no_chart),
  };
  return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
