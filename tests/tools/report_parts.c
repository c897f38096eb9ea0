/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the pictures of a report are made of: axes, projections, exemplars. */
#include "test.h"

#include "axis.h"
#include "base/random.h"
#include "curves.h"
#include "exemplars.h"
#include "projection.h"

/* ---- axes ---- */

static void
assert_ticks(const DcAxis *axis, const char *expected)
{
  g_autoptr(GString) text = g_string_new(NULL);
  double tick;
  for (guint i = 0; dc_axis_tick(axis, i, &tick); i++) {
    g_autofree char *label = dc_axis_label(axis, tick);
    g_string_append_printf(text, "%s%s", i ? " " : "", label);
  }
  assert_string_equal(text->str, expected);
}

static void
ticks_lie_at_round_numbers(void **state)
{
  (void)state;
  DcAxis axis = dc_axis_linear(1, 6, 9, FALSE);
  assert_ticks(&axis, "1 2 3 4 5 6");
  axis = dc_axis_linear(0.021, 0.078, 7, TRUE);
  assert_ticks(&axis, "0.02 0.03 0.04 0.05 0.06 0.07 0.08");
  axis = dc_axis_linear(-120, 210, 5, FALSE);
  assert_ticks(&axis, "-100 0 100 200");
  axis = dc_axis_linear(0, 5e7, 6, TRUE);
  assert_ticks(&axis, "0 1e+07 2e+07 3e+07 4e+07 5e+07");
  axis = dc_axis_logarithmic(0.003, 7, 7);
  assert_ticks(&axis, "0.001 0.01 0.1 1 10");
  axis = dc_axis_logarithmic(1e-12, 1, 5);
  assert_ticks(&axis, "1e-12 1e-09 1e-06 0.001 1");
}

static void
places_go_from_end_to_end(void **state)
{
  (void)state;
  DcAxis axis = dc_axis_linear(2, 4, 5, FALSE);
  /* One subtraction and one division each. */
  assert_near(dc_axis_place(&axis, 2), 0, 1e-15);
  assert_near(dc_axis_place(&axis, 3.5), 0.75, 1e-15);
  axis = dc_axis_logarithmic(1, 100, 5);
  assert_near(dc_axis_place(&axis, 10), 0.5, 1e-15);
}

static void
an_axis_of_one_value_is_widened(void **state)
{
  (void)state;
  const double values[] = {0, 5, -3e-9, 1e12};
  for (size_t i = 0; i < 4; i++) {
    DcAxis axis = dc_axis_linear(values[i], values[i], 7, TRUE);
    assert_true(axis.least < values[i] && values[i] < axis.most);
    double tick;
    guint count = 0;
    while (count < 100 && dc_axis_tick(&axis, count, &tick))
      count++;
    assert_in_range(count, 2, 9);
  }
  DcAxis axis = dc_axis_logarithmic(10, 10, 7);
  assert_true(axis.least <= 10 && axis.most > 10);
}

/* ---- projections ---- */

static double
distance(const DcMatrix *rows, size_t i, size_t j)
{
  double sum = 0;
  for (size_t k = 0; k < rows->cols; k++) {
    double difference = (double)dc_matrix_row(rows, i)[k] - dc_matrix_row(rows, j)[k];
    sum += difference * difference;
  }
  return sqrt(sum);
}

/* Projects all rows and compares their distances with those in full. */
static void
assert_keeps_distances(const DcProjection *projection, const DcMatrix *rows)
{
  g_autofree guint32 *all = g_new(guint32, rows->rows);
  for (guint32 i = 0; i < rows->rows; i++)
    all[i] = i;
  g_autofree float *places = g_new(float, 2 * rows->rows);
  DcMatrix points = dc_matrix(places, rows->rows, 2);
  dc_projection_run(projection, rows, all, rows->rows, &points);
  for (size_t i = 0; i < rows->rows; i++)
    for (size_t j = 0; j < i; j++)
      /* The scatter is summed in float: its eigenvectors are right to about 1e-6 of numbers that
       * are below 20, times their number of terms. */
      assert_near(distance(&points, i, j), distance(rows, i, j), 1e-4);
}

static void
fill_normal(DcRandom *random, float *values, size_t count)
{
  for (size_t i = 0; i < count; i++)
    values[i] = (float)dc_random_normal(random);
}

/* Three centroids lie in one plane: seen in it they keep their distances, in a space that has more
 * dimensions than there are centroids and in one that has fewer. */
static void
three_centroids_keep_their_distances(void **state)
{
  (void)state;
  const size_t widths[] = {2, 3, 50};
  for (size_t w = 0; w < 3; w++) {
    float values[30 * 50], centroids[3 * 50];
    guint32 clusters[30];
    DcRandom random;
    dc_random_seed(&random, 1 + w, 0);
    fill_normal(&random, values, 30 * 50);
    fill_normal(&random, centroids, 3 * 50);
    for (guint32 i = 0; i < 30; i++)
      clusters[i] = i % 3;
    DcClustering clustering = {dc_matrix(values, 30, widths[w]), dc_matrix(centroids, 3, widths[w]),
                               clusters};
    DcProjection projection;
    assert_true(dc_projection_init(&projection, &clustering, 1, NULL));
    assert_true(projection.of_centroids);
    /* Two directions are all there is. */
    assert_near(projection.shares[0] + projection.shares[1], 1, 1e-5);
    assert_true(projection.shares[0] >= projection.shares[1]);
    assert_keeps_distances(&projection, &clustering.centroids);
    dc_projection_clear(&projection);
  }
}

static void
two_clusters_are_seen_in_the_directions_of_the_embeddings(void **state)
{
  (void)state;
  float values[40 * 2];
  const float centroids[] = {0, 0, 1, 1, 5, 5};
  guint32 clusters[40];
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  fill_normal(&random, values, 80);
  for (guint32 i = 0; i < 40; i++)
    clusters[i] = i % 2;
  /* The third has no members and does not count. */
  DcClustering clustering = {dc_matrix(values, 40, 2), dc_matrix(centroids, 3, 2), clusters};
  DcProjection projection;
  assert_true(dc_projection_init(&projection, &clustering, 1, NULL));
  assert_false(projection.of_centroids);
  assert_keeps_distances(&projection, &clustering.embeddings);
  dc_projection_clear(&projection);
}

static void
equal_embeddings_have_no_direction(void **state)
{
  (void)state;
  static const float values[8], centroids[2];
  static const guint32 clusters[4];
  DcClustering clustering = {dc_matrix(values, 4, 2), dc_matrix(centroids, 1, 2), clusters};
  DcProjection projection;
  assert_true(dc_projection_init(&projection, &clustering, 1, NULL));
  assert_near(projection.shares[0], 0, 0);
  assert_near(projection.shares[1], 0, 0);
  assert_keeps_distances(&projection, &clustering.embeddings);
  dc_projection_clear(&projection);
}

static void
embeddings_that_are_no_numbers_have_no_projection(void **state)
{
  (void)state;
  static const float values[8] = {0, 1, NAN, 3, 4, 5, 6, 7}, centroids[2];
  static const guint32 clusters[4];
  DcClustering clustering = {dc_matrix(values, 4, 2), dc_matrix(centroids, 1, 2), clusters};
  DcProjection projection;
  g_autoptr(GError) error = NULL;
  assert_false(dc_projection_init(&projection, &clustering, 1, &error));
  assert_non_null(error);
}

static void
a_subset_has_no_sample_twice(void **state)
{
  (void)state;
  g_autoptr(GArray) subset = dc_draw_subset(1000, 300, 7);
  assert_int_equal(subset->len, 300);
  gboolean seen[1000] = {FALSE};
  for (guint i = 0; i < subset->len; i++) {
    guint32 item = g_array_index(subset, guint32, i);
    assert_in_range(item, 0, 999);
    assert_false(seen[item]);
    seen[item] = TRUE;
  }
  g_autoptr(GArray) all = dc_draw_subset(5, 300, 7);
  assert_int_equal(all->len, 5);
}

/* ---- curves ---- */

static void
assert_curve(const DcCurve *curve, const char *stage, const char *name, const double *points,
             guint count)
{
  assert_non_null(curve);
  assert_string_equal(curve->stage, stage);
  assert_string_equal(curve->name, name);
  assert_int_equal(curve->values->len, count);
  for (guint i = 0; i < count; i++) {
    assert_near(g_array_index(curve->epochs, double, i), points[2 * i], 0);
    assert_near(g_array_index(curve->values, double, i), points[2 * i + 1], 0);
  }
}

/* Two epochs of the first stage and one of the second, which has a figure. */
static void
curves_tell_of_a_course_stage_by_stage(void **state)
{
  (void)state;
  static const char *const stages[] = {"first", "second", NULL}, *const figures[] = {"share", NULL};
  DcLearnPoint course[] = {
      {.stage = 0, .epoch = 1, .loss = 8, .figures = {NAN}},
      {.stage = 0, .epoch = 2, .loss = 7, .figures = {NAN}},
      {.stage = 1, .epoch = 1, .loss = 3, .figures = {0.5}},
  };
  DcLearnerClass class = {.stages = stages, .figures = figures};
  DcLearner learner = {.class = &class, .curve = course, .curve_count = G_N_ELEMENTS(course)};
  DcCurves curves;
  dc_curves_init(&curves);
  dc_curves_add_course(&curves, &learner);
  assert_curve(dc_curves_get(&curves, 0), "first", "loss", (const double[]){1, 8, 2, 7}, 2);
  assert_curve(dc_curves_get(&curves, 1), "second", "loss", (const double[]){1, 3}, 1);
  assert_curve(dc_curves_get(&curves, 2), "second", "share", (const double[]){1, 0.5}, 1);
  assert_null(dc_curves_get(&curves, 3));
  dc_curves_clear(&curves);
}

static void
a_course_without_an_ended_epoch_has_no_curves(void **state)
{
  (void)state;
  DcLearner learner = {.at = {.step = 7, .loss = 5, .weight = 1}};
  DcCurves curves;
  dc_curves_init(&curves);
  dc_curves_add_course(&curves, &learner);
  assert_null(dc_curves_get(&curves, 0));
  dc_curves_clear(&curves);
}

/* ---- exemplars ---- */

/* Sample i lies at i, the centroid of all but the last two of them at 20.2: 20 is the nearest, then
 * 21, 19, 22 ... */
static void
the_nearest_come_first_and_none_twice(void **state)
{
  (void)state;
  enum { COUNT = 40 };
  float values[COUNT];
  const float centroids[] = {20.2f, 38};
  guint32 clusters[COUNT];
  for (guint32 i = 0; i < COUNT; i++) {
    values[i] = (float)i;
    clusters[i] = i >= COUNT - 2;
  }
  DcClustering clustering = {dc_matrix(values, COUNT, 1), dc_matrix(centroids, 2, 1), clusters};
  g_autofree gsize *sizes = dc_clustering_sizes(&clustering);
  g_autoptr(GArray) rows = dc_clustering_by_size(&clustering, sizes);
  assert_int_equal(sizes[0], 38);
  assert_int_equal(g_array_index(rows, guint32, 0), 0);
  g_autofree DcExemplars *exemplars = dc_exemplars_choose(&clustering, rows, 1);
  static const guint32 nearest[] = {20, 21, 19, 22, 18, 23, 17, 24, 16, 25};
  assert_int_equal(exemplars[0].nearest_count, DC_EXEMPLARS_NEAREST);
  assert_memory_equal(exemplars[0].nearest, nearest, sizeof nearest);
  assert_int_equal(exemplars[0].random_count, DC_EXEMPLARS_RANDOM);
  for (gsize i = 0; i < exemplars[0].random_count; i++) {
    guint32 drawn = exemplars[0].random[i];
    assert_true(drawn < 16 || (drawn > 25 && drawn < COUNT - 2));
    for (gsize j = 0; j < i; j++)
      assert_int_not_equal(drawn, exemplars[0].random[j]);
  }
  assert_int_equal(exemplars[1].nearest_count, 2);
  assert_int_equal(exemplars[1].nearest[0], 38);
  assert_int_equal(exemplars[1].random_count, 0);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ticks_lie_at_round_numbers),
      cmocka_unit_test(places_go_from_end_to_end),
      cmocka_unit_test(an_axis_of_one_value_is_widened),
      cmocka_unit_test(three_centroids_keep_their_distances),
      cmocka_unit_test(two_clusters_are_seen_in_the_directions_of_the_embeddings),
      cmocka_unit_test(equal_embeddings_have_no_direction),
      cmocka_unit_test(embeddings_that_are_no_numbers_have_no_projection),
      cmocka_unit_test(a_subset_has_no_sample_twice),
      cmocka_unit_test(curves_tell_of_a_course_stage_by_stage),
      cmocka_unit_test(a_course_without_an_ended_epoch_has_no_curves),
      cmocka_unit_test(the_nearest_come_first_and_none_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
