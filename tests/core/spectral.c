/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Spectral clustering on graphs of nearest neighbours, and how groups are read off eigenvectors. */
#include "cluster/spectral.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/cluster_qr.h"
#include "eval/scores.h"
#include "test.h"

#define POINTS 240

static DcRandom
seeded(void)
{
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  return random;
}

/* Squared distances of points in the plane. */
static void
measure(const double *points, size_t count, double *square)
{
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++)
      square[i * count + j] =
          pow(points[2 * i] - points[2 * j], 2) + pow(points[2 * i + 1] - points[2 * j + 1], 2);
}

/* ---- whole ---- */

/* Three rings about one centre: no mean tells them apart. */
static void
what_hangs_together_is_a_group(void **state)
{
  (void)state;
  static double points[2 * POINTS], square[POINTS * POINTS];
  uint32_t classes[POINTS], groups[POINTS], again[POINTS];
  DcRandom random = seeded();
  for (size_t i = 0; i < POINTS; i++) {
    classes[i] = (uint32_t)(i % 3);
    double radius = 1 + 2.0 * classes[i] + 0.05 * dc_random_normal(&random);
    double angle = 2 * 3.14159265358979 * dc_random_uniform(&random);
    points[2 * i] = radius * cos(angle);
    points[2 * i + 1] = radius * sin(angle);
  }
  measure(points, POINTS, square);
  DcScores scores;
  assert_int_equal(dc_spectral(square, POINTS, 7, 3, groups), DC_OK);
  dc_scores(groups, classes, POINTS, &scores);
  assert_near(scores.acc, 1, 0);
  assert_int_equal(dc_spectral(square, POINTS, 7, 3, again), DC_OK);
  assert_memory_equal(groups, again, sizeof groups);
}

/* Distances of one group ten times those of the other: the scale is each point's own. */
static void
groups_may_be_of_different_scale(void **state)
{
  (void)state;
  static double points[2 * POINTS], square[POINTS * POINTS];
  uint32_t classes[POINTS], groups[POINTS];
  DcRandom random = seeded();
  for (size_t i = 0; i < POINTS; i++) {
    classes[i] = (uint32_t)(i % 2);
    double spread = classes[i] ? 1 : 0.1;
    points[2 * i] = 6.0 * classes[i] + spread * dc_random_normal(&random);
    points[2 * i + 1] = spread * dc_random_normal(&random);
  }
  measure(points, POINTS, square);
  DcScores scores;
  assert_int_equal(dc_spectral(square, POINTS, 10, 2, groups), DC_OK);
  dc_scores(groups, classes, POINTS, &scores);
  assert_true(scores.acc > 0.98);
}

/* Two places, each with half of the points, are two groups; of one place with all of them any
 * grouping is as good as another. */
static void
points_may_repeat(void **state)
{
  (void)state;
  static double points[2 * POINTS], square[POINTS * POINTS];
  uint32_t groups[POINTS];
  for (size_t i = 0; i < POINTS; i++)
    points[2 * i] = i < POINTS / 2;
  measure(points, POINTS, square);
  assert_int_equal(dc_spectral(square, POINTS, 5, 2, groups), DC_OK);
  for (size_t i = 0; i < POINTS; i++)
    assert_int_equal(groups[i], groups[i < POINTS / 2 ? 0 : POINTS - 1]);
  assert_int_not_equal(groups[0], groups[POINTS - 1]);
  for (size_t i = 0; i < 2 * POINTS; i++)
    points[i] = 1;
  measure(points, POINTS, square);
  assert_int_equal(dc_spectral(square, POINTS, 5, 4, groups), DC_OK);
  for (size_t i = 0; i < POINTS; i++)
    assert_true(groups[i] < 4);
}

static void
what_makes_no_graph_is_refused(void **state)
{
  (void)state;
  double square[16] = {0};
  uint32_t groups[4];
  assert_int_equal(dc_spectral(square, 4, 2, 0, groups), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_spectral(square, 4, 0, 2, groups), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_spectral(square, 4, 4, 2, groups), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_spectral(square, 4, 2, 4, groups), DC_ERROR_ARGUMENT);
  for (size_t i = 0; i < 16; i++)
    square[i] = NAN;
  assert_int_equal(dc_spectral(square, 4, 2, 2, groups), DC_ERROR_NOT_FINITE);
}

/* ---- reading groups off vectors ---- */

/* Indicators of three groups of 5, 3 and 4, turned by a rotation of the space: the same groups. */
static void
any_basis_tells_the_same_groups(void **state)
{
  (void)state;
  enum { COUNT = 12, GROUPS = 3 };
  const uint32_t expected[COUNT] = {0, 0, 1, 2, 0, 1, 2, 2, 0, 0, 1, 2};
  const double sizes[GROUPS] = {5, 3, 4}, third = 1.0 / 3;
  /* Rows are orthonormal. */
  const double turn[GROUPS][GROUPS] = {{2 * third, -third, 2 * third},
                                       {2 * third, 2 * third, -third},
                                       {-third, 2 * third, 2 * third}};
  double vectors[GROUPS * COUNT];
  for (size_t k = 0; k < GROUPS; k++)
    for (size_t i = 0; i < COUNT; i++)
      vectors[k * COUNT + i] = turn[k][expected[i]] / sqrt(sizes[expected[i]]);
  uint32_t groups[COUNT];
  assert_int_equal(dc_cluster_qr(vectors, GROUPS, COUNT, groups), DC_OK);
  for (size_t i = 0; i < COUNT; i++)
    for (size_t j = 0; j < COUNT; j++)
      assert_int_equal(groups[i] == groups[j], expected[i] == expected[j]);
}

/* Two of three vectors are the same: there are fewer groups than asked for, and no NaN. */
static void
fewer_groups_than_vectors_do_no_harm(void **state)
{
  (void)state;
  const double vectors[3 * 4] = {1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1};
  uint32_t groups[4];
  assert_int_equal(dc_cluster_qr(vectors, 3, 4, groups), DC_OK);
  assert_int_equal(groups[0], groups[1]);
  assert_int_equal(groups[2], groups[3]);
  assert_int_not_equal(groups[0], groups[2]);
}

static void
vectors_that_are_not_finite_are_refused(void **state)
{
  (void)state;
  const double vectors[2 * 3] = {1, INFINITY, 0, 0, 1, 0};
  uint32_t groups[3];
  assert_int_equal(dc_cluster_qr(vectors, 2, 3, groups), DC_ERROR_NOT_FINITE);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_hangs_together_is_a_group),
      cmocka_unit_test(groups_may_be_of_different_scale),
      cmocka_unit_test(points_may_repeat),
      cmocka_unit_test(what_makes_no_graph_is_refused),
      cmocka_unit_test(any_basis_tells_the_same_groups),
      cmocka_unit_test(fewer_groups_than_vectors_do_no_harm),
      cmocka_unit_test(vectors_that_are_not_finite_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
