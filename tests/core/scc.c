/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/scc.h"

#include "allocations.h"
#include "base/random.h"
#include "test.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

enum { DIM = 3, MOST = 50 };

static double
square(const float *a, const float *b)
{
  double sum = 0;
  for (size_t j = 0; j < DIM; j++)
    sum += ((double)a[j] - b[j]) * ((double)a[j] - b[j]);
  return sum;
}

/* Mean squared distance of the points of two groups, by its definition. */
static double
linkage_reference(const float *points, size_t n, const uint32_t *group, uint32_t a, uint32_t b)
{
  double sum = 0;
  size_t pairs = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      if (group[i] == a && group[j] == b) {
        sum += square(points + i * DIM, points + j * DIM);
        pairs++;
      }
  return sum / (double)pairs;
}

/* Numbers groups in the order of their first points. */
static size_t
renumber(uint32_t *group, size_t n)
{
  uint32_t seen[MOST];
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    size_t at = 0;
    while (at < count && seen[at] != group[i])
      at++;
    if (at == count)
      seen[count++] = group[i];
    group[i] = (uint32_t)at;
  }
  return count;
}

/* One round by the definition: everything is compared anew. Returns the number of groups left. */
static size_t
round_reference(const float *points, size_t n, uint32_t *group, size_t count, double threshold)
{
  uint32_t joined[MOST], nearest[MOST];
  for (uint32_t a = 0; a < count; a++) {
    double best = INFINITY;
    joined[a] = nearest[a] = a;
    for (uint32_t b = 0; b < count; b++) {
      double distance = a == b ? INFINITY : linkage_reference(points, n, group, a, b);
      if (distance <= threshold && distance < best) {
        best = distance;
        nearest[a] = b;
      }
    }
  }
  for (bool changed = true; changed;) { /* connected components by spreading the smallest index */
    changed = false;
    for (uint32_t a = 0; a < count; a++) {
      uint32_t *x = &joined[a], *y = &joined[nearest[a]];
      changed |= *x != *y;
      *x = *y = *x < *y ? *x : *y;
    }
  }
  for (size_t i = 0; i < n; i++)
    group[i] = joined[group[i]];
  return renumber(group, n);
}

static void
draw_points(uint64_t seed, float *points, size_t n)
{
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  for (size_t i = 0; i < n * DIM; i++)
    points[i] = (float)dc_random_normal(&random);
}

static DcScc
run(const float *points, size_t n)
{
  DcScc scc;
  DcError error = {0};
  DcMatrix matrix = dc_matrix(points, n, DIM);
  if (dc_scc(&matrix, &scc, &error) != DC_OK)
    fail_msg("%s", error.message);
  return scc;
}

static void
rounds_are_those_of_the_definition(void **state)
{
  (void)state;
  for (uint64_t seed = 0; seed < 12; seed++) {
    float points[MOST * DIM];
    size_t n = 2 + (size_t)seed * 4;
    draw_points(seed, points, n);
    DcScc scc = run(points, n);
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < i; j++) {
        least = fmin(least, square(points + i * DIM, points + j * DIM));
        most = fmax(most, square(points + i * DIM, points + j * DIM));
      }
    uint32_t group[MOST];
    size_t count = n, level = 1;
    for (size_t i = 0; i < n; i++)
      group[i] = (uint32_t)i;
    for (size_t round = 0; count > 1; round++) {
      double share = (double)round / (DC_SCC_THRESHOLDS - 1);
      /* A pair that is as far apart as the threshold is below it here by single precision. */
      double threshold =
          share < 1 ? least * pow(most / least, share) * (1 + 4 * (double)FLT_EPSILON) : INFINITY;
      size_t left = round_reference(points, n, group, count, threshold);
      if (left == count)
        continue;
      count = left;
      assert_true(level < scc.levels);
      assert_int_equal(scc.groups[level], count);
      assert_memory_equal(scc.group + level * n, group, n * sizeof *group);
      level++;
    }
    assert_int_equal(level, scc.levels);
    dc_scc_clear(&scc);
  }
}

static void
partitions_are_nested_down_to_one(void **state)
{
  (void)state;
  float points[MOST * DIM];
  draw_points(77, points, MOST);
  DcScc scc = run(points, MOST);
  assert_int_equal(scc.groups[0], MOST);
  assert_int_equal(scc.groups[scc.levels - 1], 1);
  for (size_t level = 1; level < scc.levels; level++) {
    const uint32_t *fine = scc.group + (level - 1) * MOST, *coarse = scc.group + level * MOST;
    assert_true(scc.groups[level] < scc.groups[level - 1]);
    for (size_t i = 0; i < MOST; i++) {
      assert_true(coarse[i] < scc.groups[level]);
      for (size_t j = 0; j < MOST; j++)
        assert_true(fine[i] != fine[j] || coarse[i] == coarse[j]);
    }
  }
  dc_scc_clear(&scc);
}

/* Two blobs of blobs: 2 groups of 3, and each of the 6 of 5 points. */
static void
blobs_of_blobs_are_found_at_both_levels(void **state)
{
  (void)state;
  float points[30 * DIM];
  draw_points(5, points, 30);
  for (size_t i = 0; i < 30; i++) {
    points[i * DIM] = 0.1f * points[i * DIM] + (i < 15 ? 0 : 100);
    points[i * DIM + 1] = 0.1f * points[i * DIM + 1] + (float)(i / 5 % 3) * 10;
    points[i * DIM + 2] *= 0.1f;
  }
  DcScc scc = run(points, 30);
  size_t six = dc_scc_level(&scc, 6), two = dc_scc_level(&scc, 2);
  assert_int_equal(scc.groups[six], 6);
  assert_int_equal(scc.groups[two], 2);
  for (size_t i = 0; i < 30; i++) {
    assert_int_equal(scc.group[six * 30 + i], i / 5);
    assert_int_equal(scc.group[two * 30 + i], i / 15);
  }
  dc_scc_clear(&scc);
}

static void
order_of_the_points_does_not_matter(void **state)
{
  (void)state;
  float points[40 * DIM], turned[40 * DIM];
  draw_points(9, points, 40);
  for (size_t i = 0; i < 40; i++)
    memcpy(turned + (39 - i) * DIM, points + i * DIM, DIM * sizeof *points);
  DcScc a = run(points, 40), b = run(turned, 40);
  assert_int_equal(a.levels, b.levels);
  for (size_t level = 0; level < a.levels; level++)
    for (size_t i = 0; i < 40; i++)
      for (size_t j = 0; j < 40; j++)
        assert_int_equal(a.group[level * 40 + i] == a.group[level * 40 + j],
                         b.group[level * 40 + 39 - i] == b.group[level * 40 + 39 - j]);
  dc_scc_clear(&a);
  dc_scc_clear(&b);
}

static void
equal_points_are_one_group_at_once(void **state)
{
  (void)state;
  float points[7 * DIM];
  for (size_t i = 0; i < 7 * DIM; i++)
    points[i] = 4;
  DcScc scc = run(points, 7);
  /* Each points to the first one: one round. */
  assert_int_equal(scc.levels, 2);
  assert_int_equal(scc.groups[1], 1);
  dc_scc_clear(&scc);
}

static void
one_point_is_one_group(void **state)
{
  (void)state;
  float points[DIM] = {1, 2, 3};
  DcScc scc = run(points, 1);
  assert_int_equal(scc.levels, 1);
  assert_int_equal(scc.groups[0], 1);
  assert_int_equal(dc_scc_level(&scc, 5), 0);
  dc_scc_clear(&scc);
}

static void
level_is_the_nearest_and_then_the_finer(void **state)
{
  (void)state;
  size_t groups[] = {8, 5, 3, 1};
  DcScc scc = {.points = 8, .levels = 4, .groups = groups};
  assert_int_equal(dc_scc_level(&scc, 100), 0);
  assert_int_equal(dc_scc_level(&scc, 5), 1);
  assert_int_equal(dc_scc_level(&scc, 4), 1);
  assert_int_equal(dc_scc_level(&scc, 2), 2);
  assert_int_equal(dc_scc_level(&scc, 0), 3);
}

static void
assert_refused(const float *points, size_t n, DcStatus expected)
{
  DcScc scc;
  DcError error = {0};
  DcMatrix matrix = dc_matrix(points, n, DIM);
  assert_int_equal(dc_scc(&matrix, &scc, &error), expected);
  assert_int_equal(error.status, expected);
  assert_true(error.message[0] != 0);
  assert_null(scc.groups);
  assert_null(scc.group);
}

static void
what_has_no_hierarchy_is_refused(void **state)
{
  (void)state;
  float points[4 * DIM] = {0};
  assert_refused(points, 0, DC_ERROR_ARGUMENT);
  assert_refused(points, 65537, DC_ERROR_ARGUMENT);
  points[4] = NAN;
  assert_refused(points, 4, DC_ERROR_NOT_FINITE);
  points[4] = INFINITY;
  assert_refused(points, 4, DC_ERROR_NOT_FINITE);
  points[4] = FLT_MAX; /* its square is no number */
  assert_refused(points, 4, DC_ERROR_NOT_FINITE);
}

static void
shortage_of_memory_is_told(void **state)
{
  (void)state;
  float points[6 * DIM];
  draw_points(3, points, 6);
  for (size_t failing = 0; failing < 6; failing++) {
    allocations = 0;
    fail_at = failing;
    DcScc scc;
    DcMatrix matrix = dc_matrix(points, 6, DIM);
    DcStatus status = dc_scc(&matrix, &scc, NULL);
    fail_at = SIZE_MAX;
    assert_int_equal(status, DC_ERROR_MEMORY);
    assert_null(scc.group);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rounds_are_those_of_the_definition),
      cmocka_unit_test(partitions_are_nested_down_to_one),
      cmocka_unit_test(blobs_of_blobs_are_found_at_both_levels),
      cmocka_unit_test(order_of_the_points_does_not_matter),
      cmocka_unit_test(equal_points_are_one_group_at_once),
      cmocka_unit_test(one_point_is_one_group),
      cmocka_unit_test(level_is_the_nearest_and_then_the_finer),
      cmocka_unit_test(what_has_no_hierarchy_is_refused),
      cmocka_unit_test(shortage_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
