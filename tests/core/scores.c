/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval/scores.h"

#include "allocations.h"
#include "base/memory.h"
#include "base/random.h"
#include "test.h"

#include <float.h>
#include <math.h>

static void
assert_scores(const uint32_t *clusters, const uint32_t *classes, size_t n, double acc, double nmi,
              double ari, double purity)
{
  DcScores scores;
  assert_int_equal(dc_scores(clusters, classes, n, &scores), DC_OK);
  /* A few dozen rounded operations on numbers up to 100. */
  assert_near(scores.acc, acc, 1e-14);
  assert_near(scores.nmi, nmi, 1e-14);
  assert_near(scores.ari, ari, 1e-14);
  assert_near(scores.purity, purity, 1e-14);
  assert_int_equal(scores.samples, n);
}

/* Clusters {a a a} {b b c}: cells 3 | 2 1, so ACC and purity 5/6;
 * pairs together 3 + 1, in clusters 6, in classes 3 + 1 = 4, expected 6 * 4 / 15 = 1.6,
 * ARI (4 - 1.6) / (5 - 1.6). H(clusters) = log 2, H(classes) = log 6 - (3 log 3 + 2 log 2) / 6,
 * and every class lies in one cluster, so that the mutual information is log 2. */
static void
scores_equal_a_calculation_by_hand(void **state)
{
  (void)state;
  static const uint32_t clusters[] = {0, 0, 0, 1, 1, 1}, classes[] = {0, 0, 0, 1, 1, 2};
  double class_entropy = log(6) - (3 * log(3) + 2 * log(2)) / 6;
  assert_scores(clusters, classes, 6, 5.0 / 6, 2 * log(2) / (log(2) + class_entropy), 2.4 / 3.4,
                5.0 / 6);
  DcScores scores;
  dc_scores(clusters, classes, 6, &scores);
  assert_int_equal(scores.clusters, 2);
  assert_int_equal(scores.classes, 3);
}

/* Expected values by scikit-learn 1.2.1 and SciPy 1.10.1, for `clusters` p and `classes` t:
 *   c = contingency_matrix(t, p); r, k = linear_sum_assignment(-c)
 *   c[r, k].sum() / n, normalized_mutual_info_score(t, p), adjusted_rand_score(t, p),
 *   c.max(axis=0).sum() / n */
static void
scores_equal_those_of_scikit_learn(void **state)
{
  (void)state;
  static const struct {
    size_t n;
    uint32_t clusters[15], classes[15];
    double acc, nmi, ari, purity;
  } cases[] = {
      {4, {0, 0, 1, 1}, {0, 0, 1, 1}, 1, 1, 1, 1},
      {4, {1, 1, 0, 0}, {0, 0, 1, 1}, 1, 1, 1, 1},
      {4, {0, 0, 1, 2}, {0, 0, 1, 1}, 0.75, 0.7999999999999999, 0.5714285714285714, 1},
      {4, {0, 0, 0, 0}, {0, 1, 2, 3}, 0.25, 0, 0, 0.25},
      {4, {0, 1, 2, 3}, {0, 0, 0, 0}, 0.25, 0, 0, 1},
      {4, {0, 0, 0, 0}, {0, 0, 0, 0}, 1, 1, 1, 1},
      {4, {0, 1, 2, 3}, {0, 1, 2, 3}, 1, 1, 1, 1},
      {4, {0, 1, 0, 1}, {0, 0, 1, 1}, 0.5, 0, -0.5, 0.5},
      {6,
       {0, 0, 0, 1, 1, 1},
       {0, 0, 1, 1, 2, 2},
       0.6666666666666666,
       0.5158037429793888,
       0.24242424242424243,
       0.6666666666666666},
      {10,
       {0, 0, 1, 1, 1, 2, 2, 2, 2, 2},
       {0, 0, 0, 1, 1, 1, 2, 2, 2, 0},
       0.7,
       0.3991502288153316,
       0.1366906474820144,
       0.7},
      {12,
       {5, 5, 5, 9, 9, 9, 9, 2, 2, 2, 2, 2},
       {1, 1, 3, 3, 3, 3, 1, 4, 4, 4, 1, 3},
       0.6666666666666666,
       0.31092265931469076,
       0.11310190369540873,
       0.6666666666666666},
      {15,
       {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2},
       {0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1},
       0.4666666666666667,
       0.06495330378207438,
       -0.02203856749311295,
       0.6666666666666666},
      {12,
       {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2},
       {0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1},
       0.3333333333333333,
       0,
       -0.13793103448275862,
       0.5},
      {1, {3}, {8}, 1, 1, 1, 1},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
    assert_scores(cases[c].clusters, cases[c].classes, cases[c].n, cases[c].acc, cases[c].nmi,
                  cases[c].ari, cases[c].purity);
}

enum { N = 2000 };

static void
draw_labels(DcRandom *random, uint32_t *clusters, uint32_t *classes)
{
  for (size_t i = 0; i < N; i++) {
    classes[i] = dc_random_below(random, 6);
    clusters[i] = dc_random_uniform(random) < 0.6 ? classes[i] : dc_random_below(random, 9);
  }
}

static void
scores_depend_neither_on_names_nor_on_order(void **state)
{
  (void)state;
  static const uint32_t names[] = {4000000000u, 17, 0, UINT32_MAX, 5, 9, 1, 100000, 3};
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  uint32_t clusters[N], classes[N], order[N], renamed[N], reordered[N];
  draw_labels(&random, clusters, classes);
  for (uint32_t i = 0; i < N; i++)
    order[i] = i;
  dc_random_shuffle(&random, order, N);
  for (size_t i = 0; i < N; i++) {
    renamed[i] = names[clusters[order[i]]];
    reordered[i] = names[8 - classes[order[i]]];
  }
  DcScores plain;
  assert_int_equal(dc_scores(clusters, classes, N, &plain), DC_OK);
  assert_true(plain.acc > 0.6 && plain.acc < 0.75);
  assert_scores(renamed, reordered, N, plain.acc, plain.nmi, plain.ari, plain.purity);
}

static void
scores_other_than_purity_are_symmetric(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  uint32_t clusters[N], classes[N];
  draw_labels(&random, clusters, classes);
  DcScores one, other;
  assert_int_equal(dc_scores(clusters, classes, N, &one), DC_OK);
  assert_int_equal(dc_scores(classes, clusters, N, &other), DC_OK);
  assert_near(one.acc, other.acc, 0);
  assert_near(one.nmi, other.nmi, 1e-14);
  assert_near(one.ari, other.ari, 1e-14);
}

static void
scores_of_chance_are_small(void **state)
{
  (void)state;
  DcRandom random;
  dc_random_seed(&random, 3, 0);
  uint32_t clusters[N], classes[N];
  for (size_t i = 0; i < N; i++) {
    clusters[i] = dc_random_below(&random, 5);
    classes[i] = dc_random_below(&random, 5);
  }
  DcScores scores;
  assert_int_equal(dc_scores(clusters, classes, N, &scores), DC_OK);
  assert_near(scores.ari, 0, 0.01); /* its expectation, and its spread of about 0.001 */
  assert_true(scores.nmi < 0.02);
  assert_true(scores.acc >= 0.2 && scores.acc < 0.27);
  assert_true(scores.purity >= scores.acc);
}

static void
scores_refuse_no_samples(void **state)
{
  (void)state;
  DcScores scores = {.acc = 7};
  assert_int_equal(dc_scores(NULL, NULL, 0, &scores), DC_ERROR_ARGUMENT);
  assert_near(scores.acc, 7, 0);
}

static void
scores_refuse_labels_that_are_all_different(void **state)
{
  (void)state;
  enum { MANY = 5000 };
  static uint32_t labels[MANY], classes[MANY];
  for (uint32_t i = 0; i < MANY; i++)
    labels[i] = i * 3;
  DcScores scores = {.acc = 7};
  assert_int_equal(dc_scores(labels, labels, MANY, &scores), DC_ERROR_UNSUPPORTED);
  assert_near(scores.acc, 7, 0);
  assert_int_equal(dc_scores(labels, classes, MANY, &scores), DC_OK);
  assert_near(scores.purity, 1, 0);
}

static void
scores_survive_every_failed_allocation(void **state)
{
  (void)state;
  static const uint32_t labels[] = {0, 1, 1};
  DcScores scores = {.acc = 7};
  size_t before = allocations;
  assert_int_equal(dc_scores(labels, labels, 3, &scores), DC_OK);
  size_t needed = allocations - before;
  scores.acc = 7;
  for (size_t failing = 0; failing < needed; failing++) {
    fail_at = allocations + failing;
    assert_int_equal(dc_scores(labels, labels, 3, &scores), DC_ERROR_MEMORY);
    assert_near(scores.acc, 7, 0);
  }
  fail_at = SIZE_MAX;
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scores_equal_a_calculation_by_hand),
      cmocka_unit_test(scores_equal_those_of_scikit_learn),
      cmocka_unit_test(scores_depend_neither_on_names_nor_on_order),
      cmocka_unit_test(scores_other_than_purity_are_symmetric),
      cmocka_unit_test(scores_of_chance_are_small),
      cmocka_unit_test(scores_refuse_no_samples),
      cmocka_unit_test(scores_refuse_labels_that_are_all_different),
      cmocka_unit_test(scores_survive_every_failed_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
