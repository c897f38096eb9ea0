/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/secu_constraint.h"

#include "matrices.h"

#include <math.h>
#include <string.h>

static DcSecuHead
new_head(size_t clusters, size_t samples)
{
  DcSecuHead head = {.clusters = clusters,
                     .samples = samples,
                     .labels = DC_NEW(uint32_t, samples),
                     .counts = DC_NEW(int64_t, clusters),
                     .duals = DC_NEW(double, clusters),
                     .gains = DC_NEW(double, clusters),
                     .losses = DC_NEW(double, clusters)};
  assert_true(head.labels && head.counts && head.duals && head.gains && head.losses);
  for (size_t i = 0; i < samples; i++)
    head.labels[i] = DC_SECU_UNLABELLED;
  return head;
}

static void
free_head(DcSecuHead *head)
{
  dc_free(head->labels);
  dc_free(head->counts);
  dc_free(head->duals);
  dc_free(head->gains);
  dc_free(head->losses);
}

enum { BATCH = 16 };

/* Labels samples first .. first + count - 1 (at most BATCH). */
static void
label_batch(const DcSecuConstraint *constraint, DcSecuHead *head, const DcMatrix *similarities,
            size_t first, size_t count)
{
  uint32_t rows[BATCH], labels[BATCH];
  const DcMatrix part = dc_matrix_rows(similarities, first, count);
  for (size_t i = 0; i < count; i++)
    rows[i] = (uint32_t)(first + i);
  dc_secu_assign(constraint, head, &part, rows, labels);
  dc_secu_take_labels(constraint, head, rows, count, labels);
}

static void
label_all(const DcSecuConstraint *constraint, DcSecuHead *head, const DcMatrix *similarities)
{
  for (size_t first = 0; first < similarities->rows; first += BATCH) {
    const size_t rest = similarities->rows - first;
    label_batch(constraint, head, similarities, first, rest < BATCH ? rest : BATCH);
  }
}

static int64_t
smallest_count(const DcSecuHead *head)
{
  int64_t least = head->counts[0];
  for (size_t k = 1; k < head->clusters; k++)
    least = head->counts[k] < least ? head->counts[k] : least;
  return least;
}

static int64_t
labelled(const DcSecuHead *head)
{
  int64_t sum = 0;
  for (size_t k = 0; k < head->clusters; k++)
    sum += head->counts[k];
  return sum;
}

/* Similarities in -1 .. 1 that favour the first clusters. */
static DcMatrix
uneven_similarities(size_t samples, size_t clusters, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  DcMatrix similarities = new_matrix(samples, clusters);
  for (size_t i = 0; i < samples; i++)
    for (size_t k = 0; k < clusters; k++)
      dc_matrix_row(&similarities, i)[k] =
          (float)(dc_random_uniform(&random) - 0.6 * (double)k / (double)clusters);
  return similarities;
}

/* Property 9, rho_k beginning where no clamp takes part. */
static void
duals_follow_the_counts_of_a_batch(void **state)
{
  (void)state;
  DcMatrix similarities = uneven_similarities(BATCH, 4, 1);
  DcSecuConstraint constraint = {.kind = DC_SECU_SIZE, .share = 0.9, .rate = 0.1};
  DcSecuHead head = new_head(4, BATCH);
  for (size_t k = 0; k < 4; k++)
    head.duals[k] = 0.5;
  label_batch(&constraint, &head, &similarities, 0, BATCH);
  double sum = 0;
  for (size_t k = 0; k < 4; k++) {
    assert_near(head.duals[k], 0.5 - 0.1 * ((double)head.counts[k] / BATCH - 0.9 / 4), 1e-15);
    sum += head.duals[k] - 0.5;
  }
  assert_near(sum, -0.1 * (1 - 0.9), 1e-15);
  free_head(&head);
  free_matrices(&similarities);
}

static void
an_empty_cluster_rises_and_no_dual_falls_below_0(void **state)
{
  (void)state;
  DcMatrix similarities = new_matrix(BATCH, 3);
  for (size_t i = 0; i < BATCH; i++)
    memcpy(dc_matrix_row(&similarities, i), (float[]){1, 0, -1}, 3 * sizeof(float));
  static const double shares[] = {0.9, 1};
  for (size_t s = 0; s < 2; s++) {
    DcSecuConstraint constraint = {.kind = DC_SECU_SIZE, .share = shares[s]};
    DcSecuHead head = new_head(3, BATCH);
    for (int pass = 1; pass <= 5; pass++) {
      label_batch(&constraint, &head, &similarities, 0, BATCH);
      /* The standard rate: an empty cluster gains 0.01 a batch. */
      assert_near(head.duals[1], 0.01 * pass, 1e-12);
      assert_near(head.duals[2], 0.01 * pass, 1e-12);
    }
    /* Only the exact balance pushes a full cluster away. */
    assert_true(shares[s] < 1 ? head.duals[0] == 0 : head.duals[0] < -0.05);
    free_head(&head);
  }
  free_matrices(&similarities);
}

/* Property 10. */
static void
every_cluster_gets_its_least_size(void **state)
{
  (void)state;
  DcMatrix similarities = uneven_similarities(1000, 8, 2);
  DcSecuConstraint constraint = {.kind = DC_SECU_SIZE, .share = 0.9};
  DcSecuHead head = new_head(8, 1000), free = new_head(8, 1000);
  for (int pass = 0; pass < 40; pass++)
    label_all(&constraint, &head, &similarities);
  assert_true((double)smallest_count(&head) >= 0.9 * 0.9 * 1000 / 8);
  assert_int_equal(labelled(&head), 1000);
  constraint.share = 0;
  label_all(&constraint, &free, &similarities);
  assert_true(smallest_count(&free) < 60);
  free_head(&head);
  free_head(&free);
  free_matrices(&similarities);
}

/* Properties 11 and 14. */
static void
without_a_constraint_the_nearest_centre_wins(void **state)
{
  (void)state;
  DcMatrix similarities = uneven_similarities(300, 5, 3);
  dc_matrix_row(&similarities, 7)[1] = dc_matrix_row(&similarities, 7)[3] = 2; /* a tie */
  static const DcSecuConstraint constraints[] = {{.kind = DC_SECU_SIZE, .share = 0},
                                                 {.kind = DC_SECU_ENTROPY, .weight = 0}};
  for (size_t c = 0; c < 2; c++) {
    DcSecuHead head = new_head(5, 300);
    for (int pass = 0; pass < 3; pass++)
      label_all(&constraints[c], &head, &similarities);
    for (size_t i = 0; i < 300; i++) {
      const float *row = dc_matrix_row(&similarities, i);
      for (size_t k = 0; k < 5; k++)
        assert_true(row[k] <= row[head.labels[i]]);
    }
    assert_int_equal(head.labels[7], 1);
    free_head(&head);
  }
  free_matrices(&similarities);
}

/* -sum of similarities of the labels + alpha sum p ln p, in plain terms. */
static double
entropy_objective(const DcSecuHead *head, const DcMatrix *similarities, double weight)
{
  const double n = (double)head->samples;
  double sum = 0;
  for (size_t i = 0; i < head->samples; i++)
    sum -= dc_matrix_row(similarities, i)[head->labels[i]];
  for (size_t k = 0; k < head->clusters; k++) {
    const double p = (double)head->counts[k] / n;
    sum += p > 0 ? weight * n * p * log(p) : 0;
  }
  return sum;
}

/* Property 12; the objective is a sum of 200 numbers, computed to 1e-12. */
static void
a_batch_of_one_never_raises_the_objective(void **state)
{
  (void)state;
  DcMatrix similarities = uneven_similarities(200, 6, 4);
  DcSecuConstraint constraint = {.kind = DC_SECU_ENTROPY, .weight = 0.3};
  DcSecuHead head = new_head(6, 200);
  label_all(&constraint, &head, &similarities);
  double objective = entropy_objective(&head, &similarities, 0.3);
  const double before = objective;
  for (int pass = 0; pass < 3; pass++) {
    for (size_t i = 0; i < 200; i++) {
      label_batch(&constraint, &head, &similarities, i, 1);
      const double after = entropy_objective(&head, &similarities, 0.3);
      assert_true(after <= objective + 1e-10);
      objective = after;
      assert_int_equal(labelled(&head), 200);
    }
  }
  assert_true(objective < before - 0.1);
  free_head(&head);
  free_matrices(&similarities);
}

/* A label that a sample has costs nothing, so that of two equal clusters it keeps its own. */
static void
a_sample_stays_where_nothing_is_gained(void **state)
{
  (void)state;
  DcMatrix similarities = new_matrix(4, 2);
  for (size_t i = 0; i < 4; i++)
    memcpy(dc_matrix_row(&similarities, i), (float[]){0.5f, 0.5f}, 2 * sizeof(float));
  DcSecuConstraint constraint = {.kind = DC_SECU_ENTROPY, .weight = 0.12};
  DcSecuHead head = new_head(2, 4);
  static const uint32_t rows[] = {0, 1, 2, 3}, labels[] = {1, 0, 1, 0};
  assert_int_equal(dc_secu_take_labels(&constraint, &head, rows, 4, labels), 4);
  label_all(&constraint, &head, &similarities);
  assert_memory_equal(head.labels, labels, sizeof labels);
  free_head(&head);
  free_matrices(&similarities);
}

/* The very first batch is labelled by similarity alone; the next goes to the clusters that have
 * nothing, by p = count / (n + 1). */
static void
the_first_epoch_builds_the_shares_up(void **state)
{
  (void)state;
  DcMatrix similarities = new_matrix(3, 3);
  for (size_t i = 0; i < 3; i++)
    memcpy(dc_matrix_row(&similarities, i), (float[]){0.9f, 0.5f, 0.4f}, 3 * sizeof(float));
  DcSecuConstraint constraint = {.kind = DC_SECU_ENTROPY, .weight = 0.12};
  DcSecuHead head = new_head(3, 3);
  label_batch(&constraint, &head, &similarities, 0, 1);
  assert_int_equal(head.labels[0], 0);
  /* alpha = 0.36 and n = 1: joining 0 changes sum p ln p by -1/2 ln 1/2 = 0.347, joining 1 by
   * -0.347: a gap of 0.249 in cosine units, below the 0.4 between the similarities. */
  label_batch(&constraint, &head, &similarities, 1, 1);
  assert_int_equal(head.labels[1], 0);
  constraint.weight = 0.3; /* a gap of 0.62 */
  label_batch(&constraint, &head, &similarities, 2, 1);
  assert_int_equal(head.labels[2], 1);
  free_head(&head);
  free_matrices(&similarities);
}

/* Property 13. The difference of the exact from the first-order form is about 1 / (2 count) of 1,
 * relative to ln(p_k / p_l). */
static void
entropy_change_is_exact_and_near_the_dual(void **state)
{
  (void)state;
  const int64_t total = 50000;
  static const int64_t counts[] = {1000, 2000, 5000, 12000, 30000};
  for (size_t k = 0; k < 5; k++) {
    for (size_t l = 0; l < 5; l++) {
      if (k == l)
        continue;
      const double exact = (double)total * (dc_secu_entropy_change(counts[k], total, 1) +
                                            dc_secu_entropy_change(counts[l], total, -1));
      const double first_order = log((double)counts[k] / (double)counts[l]);
      assert_near(exact / first_order, 1, 1.5e-3);
    }
  }
  /* 1/n ln 1/n. */
  assert_near(dc_secu_entropy_change(0, total, 1) * total, -log(50000.0), 1e-12);
  assert_near(dc_secu_entropy_change(1, total, -1) * total, log(50000.0), 1e-12);
  assert_near(dc_secu_entropy_change(1, total, 1) * total, 2 * log(2 / 50000.0) - log(1 / 50000.0),
              1e-12);
  /* There and back again. */
  for (int64_t count = 0; count < 40; count++)
    assert_near(dc_secu_entropy_change(count, total, 1) +
                    dc_secu_entropy_change(count + 1, total, -1),
                0, 1e-19);
}

/* Property 14. */
static void
a_heavy_entropy_makes_clusters_even(void **state)
{
  (void)state;
  DcMatrix similarities = uneven_similarities(800, 8, 5);
  double entropies[2];
  for (size_t c = 0; c < 2; c++) {
    DcSecuConstraint constraint = {.kind = DC_SECU_ENTROPY, .weight = c ? 100 : 0.05};
    DcSecuHead head = new_head(8, 800);
    for (int pass = 0; pass < 4; pass++)
      for (size_t i = 0; i < 800; i++)
        label_batch(&constraint, &head, &similarities, i, 1);
    entropies[c] = 0;
    for (size_t k = 0; k < 8; k++) {
      const double p = (double)head.counts[k] / 800;
      entropies[c] -= p > 0 ? p * log(p) / log(8) : 0;
    }
    free_head(&head);
  }
  assert_true(entropies[0] < 0.99 && entropies[1] > 0.9999);
  free_matrices(&similarities);
}

/* Property 19: the lower bound cannot hold, so that duals grow until the cap. */
static void
duals_end_where_samples_are_too_few(void **state)
{
  (void)state;
  DcMatrix similarities = uneven_similarities(3, 9, 6);
  static const double shares[] = {0.9, 1};
  for (size_t s = 0; s < 2; s++) {
    DcSecuConstraint constraint = {.kind = DC_SECU_SIZE, .share = shares[s], .rate = 20};
    DcSecuHead head = new_head(9, 3);
    for (int pass = 0; pass < 1000; pass++)
      label_all(&constraint, &head, &similarities);
    for (size_t k = 0; k < 9; k++)
      assert_true(fabs(head.duals[k]) <= 2);
    assert_int_equal(labelled(&head), 3);
    free_head(&head);
  }
  free_matrices(&similarities);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(duals_follow_the_counts_of_a_batch),
      cmocka_unit_test(an_empty_cluster_rises_and_no_dual_falls_below_0),
      cmocka_unit_test(every_cluster_gets_its_least_size),
      cmocka_unit_test(without_a_constraint_the_nearest_centre_wins),
      cmocka_unit_test(a_batch_of_one_never_raises_the_objective),
      cmocka_unit_test(a_sample_stays_where_nothing_is_gained),
      cmocka_unit_test(the_first_epoch_builds_the_shares_up),
      cmocka_unit_test(entropy_change_is_exact_and_near_the_dual),
      cmocka_unit_test(a_heavy_entropy_makes_clusters_even),
      cmocka_unit_test(duals_end_where_samples_are_too_few),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
