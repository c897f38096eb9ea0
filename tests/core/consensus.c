/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/consensus.h"

#include "base/random.h"
#include "cluster/ward.h"
#include "eval/scores.h"
#include "tensor/blas.h"
#include "test.h"

#include <string.h>

/* ---- Ward's criterion ---- */

enum { MOST_POINTS = 40 };

/* Groups points (count x dim) by their distances. */
static void
ward(const double *points, const double *weights, size_t count, size_t dim, size_t groups,
     uint32_t *group)
{
  double square[MOST_POINTS * MOST_POINTS];
  assert_true(count <= MOST_POINTS);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < count; j++) {
      square[i * count + j] = 0;
      for (size_t c = 0; c < dim; c++)
        square[i * count + j] += pow(points[i * dim + c] - points[j * dim + c], 2);
    }
  assert_int_equal(dc_ward(square, weights, count, groups, group), DC_OK);
}

/* Merging costs: 0 and 1: 1/2; 10 and 12: 2; the two pairs: 110.25; 50 and those of 10: much more.
 */
static void
ward_merges_as_by_hand(void **state)
{
  (void)state;
  const double points[] = {0, 10, 1, 12, 50}, weights[] = {1, 1, 1, 1, 1};
  uint32_t group[5];
  const uint32_t four[] = {0, 1, 0, 2, 3}, three[] = {0, 1, 0, 1, 2}, two[] = {0, 0, 0, 0, 1};
  ward(points, weights, 5, 1, 4, group);
  assert_memory_equal(group, four, sizeof four);
  ward(points, weights, 5, 1, 3, group);
  assert_memory_equal(group, three, sizeof three);
  ward(points, weights, 5, 1, 2, group);
  assert_memory_equal(group, two, sizeof two);
}

/* A pair of heavy points costs more to merge than a light one farther apart. */
static void
ward_minds_weights(void **state)
{
  (void)state;
  const double points[] = {0, 1, 10, 13}, weights[] = {100, 100, 1, 1};
  uint32_t group[4];
  const uint32_t expected[] = {0, 1, 2, 2};
  ward(points, weights, 4, 1, 3, group);
  assert_memory_equal(group, expected, sizeof expected);
}

/* Every step against a search over all pairs of means. */
static void
ward_equals_its_definition(void **state)
{
  (void)state;
  enum { COUNT = MOST_POINTS, DIM = 3, GROUPS = 7 };
  double points[COUNT * DIM], weights[COUNT], mean[COUNT * DIM], mass[COUNT];
  uint32_t group[COUNT], merged[COUNT];
  DcRandom random;
  dc_random_seed(&random, 5, 0);
  for (size_t i = 0; i < COUNT * DIM; i++)
    mean[i] = points[i] = dc_random_normal(&random);
  for (size_t i = 0; i < COUNT; i++) {
    mass[i] = weights[i] = 1 + dc_random_uniform(&random);
    merged[i] = (uint32_t)i;
  }
  for (size_t left = COUNT; left > GROUPS; left--) {
    double least = INFINITY;
    size_t a = 0, b = 0;
    for (size_t i = 0; i < COUNT; i++)
      for (size_t j = i + 1; j < COUNT; j++) {
        double cost = 0;
        for (size_t c = 0; c < DIM; c++)
          cost += pow(mean[i * DIM + c] - mean[j * DIM + c], 2);
        cost *= mass[i] * mass[j] / (mass[i] + mass[j]);
        if (mass[i] > 0 && mass[j] > 0 && cost < least) {
          least = cost;
          a = i;
          b = j;
        }
      }
    for (size_t c = 0; c < DIM; c++)
      mean[a * DIM + c] =
          (mass[a] * mean[a * DIM + c] + mass[b] * mean[b * DIM + c]) / (mass[a] + mass[b]);
    mass[a] += mass[b];
    mass[b] = 0;
    for (size_t i = 0; i < COUNT; i++)
      merged[i] = merged[i] == b ? (uint32_t)a : merged[i];
  }
  ward(points, weights, COUNT, DIM, GROUPS, group);
  for (size_t i = 0; i < COUNT; i++)
    for (size_t j = 0; j < COUNT; j++)
      assert_int_equal(group[i] == group[j], merged[i] == merged[j]);
}

/* ---- consensus ---- */

enum { SAMPLES = 900 };

/* Three stripes side by side, longer than they are apart. */
static void
draw_stripes(float *samples, uint32_t *classes)
{
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  for (size_t i = 0; i < SAMPLES; i++) {
    classes[i] = dc_random_below(&random, 3);
    samples[2 * i] = (float)(5 * dc_random_uniform(&random));
    samples[2 * i + 1] = (float)(3.0 * classes[i] + 0.3 * dc_random_normal(&random));
  }
}

static void
groups_need_not_be_round(void **state)
{
  (void)state;
  float samples[2 * SAMPLES];
  uint32_t classes[SAMPLES], groups[SAMPLES], again[SAMPLES];
  draw_stripes(samples, classes);
  DcMatrix rows = dc_matrix(samples, SAMPLES, 2);
  DcScores scores;
  assert_int_equal(dc_consensus(&rows, 3, 1, groups, NULL), DC_OK);
  dc_scores(groups, classes, SAMPLES, &scores);
  assert_true(scores.acc > 0.98);
  assert_int_equal(dc_consensus(&rows, 3, 1, again, NULL), DC_OK);
  assert_memory_equal(groups, again, sizeof groups);
}

/* More groups than the points that graphs are made of, and one group of a dozen samples, which make
 * no graph of fourteen neighbours. */
static void
there_may_be_many_groups_or_one(void **state)
{
  (void)state;
  enum { MANY = 520, EACH = 12 };
  static float samples[MANY * EACH];
  static uint32_t groups[MANY * EACH];
  static uint8_t found[MANY];
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  for (size_t i = 0; i < MANY * EACH; i++)
    samples[i] = (float)(i % MANY) + 0.01F * (float)dc_random_uniform(&random);
  DcMatrix rows = dc_matrix(samples, MANY * EACH, 1);
  assert_int_equal(dc_consensus(&rows, MANY, 1, groups, NULL), DC_OK);
  size_t count = 0;
  for (size_t i = 0; i < MANY * EACH; i++) {
    assert_true(groups[i] < MANY);
    count += !found[groups[i]];
    found[groups[i]] = 1;
  }
  assert_int_equal(count, MANY);
  rows = dc_matrix(samples, EACH, 1);
  assert_int_equal(dc_consensus(&rows, 1, 1, groups, NULL), DC_OK);
  for (size_t i = 0; i < EACH; i++)
    assert_int_equal(groups[i], 0);
}

static void
samples_that_repeat_do_no_harm(void **state)
{
  (void)state;
  float samples[2 * SAMPLES];
  uint32_t groups[SAMPLES];
  for (size_t i = 0; i < 2 * SAMPLES; i++)
    samples[i] = (float)(i / 2 % 2);
  DcMatrix rows = dc_matrix(samples, SAMPLES, 2);
  assert_int_equal(dc_consensus(&rows, 4, 1, groups, NULL), DC_OK);
  for (size_t i = 0; i < SAMPLES; i++)
    assert_true(groups[i] < 4 && (groups[i] == groups[i % 2]));
  memset(samples, 0, sizeof samples);
  assert_int_equal(dc_consensus(&rows, 4, 1, groups, NULL), DC_OK);
  for (size_t i = 0; i < SAMPLES; i++)
    assert_int_equal(groups[i], groups[0]);
}

static void
too_few_samples_are_refused(void **state)
{
  (void)state;
  float samples[2 * SAMPLES] = {0};
  uint32_t groups[SAMPLES];
  DcError error;
  DcMatrix rows = dc_matrix(samples, 35, 2);
  assert_int_equal(dc_consensus(&rows, 3, 1, groups, &error), DC_ERROR_NOT_READY);
  assert_non_null(strstr(error.message, "35 samples"));
  assert_int_equal(dc_consensus(&rows, 0, 1, groups, &error), DC_ERROR_ARGUMENT);
  assert_int_equal(dc_consensus(&rows, 36, 1, groups, &error), DC_ERROR_ARGUMENT);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ward_merges_as_by_hand),
      cmocka_unit_test(ward_minds_weights),
      cmocka_unit_test(ward_equals_its_definition),
      cmocka_unit_test(groups_need_not_be_round),
      cmocka_unit_test(there_may_be_many_groups_or_one),
      cmocka_unit_test(samples_that_repeat_do_no_harm),
      cmocka_unit_test(too_few_samples_are_refused),
  };
  dc_blas_set_threads(1); /* products are small; threads that wait for them only spin */
  return cmocka_run_group_tests(tests, NULL, NULL);
}
