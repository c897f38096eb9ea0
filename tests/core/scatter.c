/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The scatter within clusters and DEKM's greedy step along its worst direction. Data are of the
 * order of 1; a sum of N products in single precision is off by some N * 2^-24 of its terms, which
 * the tolerances relative to the trace leave room for. */
#include "cluster/scatter.h"

#include "base/memory.h"
#include "matrices.h"
#include "tensor/blas.h"
#include "tensor/eigen.h"
#include "test.h"

#include <string.h>

/* More than one block of 1024 rows, and the last of them short. */
#define SAMPLES  1500
#define DIM      5
#define CLUSTERS 4

typedef struct {
  DcMatrix embeddings, centroids;
  uint32_t labels[SAMPLES];
} Clustering;

/* Clusters of differing spread in each direction; the centroids are the means of the members. */
static Clustering
clustering(uint64_t seed)
{
  Clustering made = {.embeddings = new_matrix(SAMPLES, DIM),
                     .centroids = new_matrix(CLUSTERS, DIM)};
  double sums[CLUSTERS][DIM] = {{0}};
  size_t counts[CLUSTERS] = {0};
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  for (size_t i = 0; i < SAMPLES; i++) {
    const uint32_t label = made.labels[i] = dc_random_below(&random, CLUSTERS);
    counts[label]++;
    for (size_t j = 0; j < DIM; j++) {
      const double number =
          (label == j ? 3.0 : 0.0) + dc_random_normal(&random) * (0.2 + 0.1 * (double)j);
      dc_matrix_row(&made.embeddings, i)[j] = (float)number;
      sums[label][j] += (float)number;
    }
  }
  for (size_t k = 0; k < CLUSTERS; k++) {
    for (size_t j = 0; j < DIM; j++)
      dc_matrix_row(&made.centroids, k)[j] = (float)(sums[k][j] / (double)counts[k]);
  }
  return made;
}

static void
free_clustering(Clustering *made)
{
  free_matrices(&made->embeddings, &made->centroids);
}

static void
scatter_of(const Clustering *made, double scatter[DIM * DIM])
{
  assert_int_equal(dc_within_scatter(&made->embeddings, &made->centroids, made->labels, scatter),
                   DC_OK);
}

static double
trace(const double *matrix)
{
  double sum = 0;
  for (size_t j = 0; j < DIM; j++)
    sum += matrix[j * DIM + j];
  return sum;
}

/* Summed squared distances to the centroids, in double. */
static double
inertia(const Clustering *made)
{
  double sum = 0;
  for (size_t i = 0; i < SAMPLES; i++) {
    for (size_t j = 0; j < DIM; j++) {
      const double difference = (double)dc_matrix_row(&made->embeddings, i)[j] -
                                dc_matrix_row(&made->centroids, made->labels[i])[j];
      sum += difference * difference;
    }
  }
  return sum;
}

static void
scatter_equals_its_definition(void **state)
{
  (void)state;
  Clustering made = clustering(1);
  double scatter[DIM * DIM];
  scatter_of(&made, scatter);
  const double tolerance = 1e-5 * trace(scatter);
  for (size_t a = 0; a < DIM; a++) {
    for (size_t b = 0; b < DIM; b++) {
      double sum = 0;
      for (size_t i = 0; i < SAMPLES; i++) {
        const float *h = dc_matrix_row(&made.embeddings, i);
        const float *mu = dc_matrix_row(&made.centroids, made.labels[i]);
        sum += ((double)h[a] - mu[a]) * ((double)h[b] - mu[b]);
      }
      assert_near(scatter[a * DIM + b], sum, tolerance);
      assert_near(scatter[a * DIM + b], scatter[b * DIM + a], 0);
    }
  }
  assert_near(trace(scatter), inertia(&made), tolerance);
  free_clustering(&made);
}

/* S_w + S_b = S_t, where the centroids are means. */
static void
scatter_within_and_between_add_up_to_the_total(void **state)
{
  (void)state;
  Clustering made = clustering(2);
  double scatter[DIM * DIM], total, mean[DIM] = {0}, between = 0;
  scatter_of(&made, scatter);
  assert_int_equal(dc_total_scatter(&made.embeddings, &total), DC_OK);
  for (size_t i = 0; i < SAMPLES; i++) {
    for (size_t j = 0; j < DIM; j++)
      mean[j] += dc_matrix_row(&made.embeddings, i)[j] / (double)SAMPLES;
  }
  for (size_t i = 0; i < SAMPLES; i++) {
    for (size_t j = 0; j < DIM; j++) {
      const double difference = dc_matrix_row(&made.centroids, made.labels[i])[j] - mean[j];
      between += difference * difference;
    }
  }
  assert_near(trace(scatter) + between, total, 1e-5 * total);
  free_clustering(&made);
}

static void
scatter_does_not_depend_on_the_names_of_clusters(void **state)
{
  (void)state;
  Clustering made = clustering(3);
  double before[DIM * DIM], after[DIM * DIM];
  scatter_of(&made, before);
  float moved[CLUSTERS][DIM];
  for (size_t k = 0; k < CLUSTERS; k++)
    memcpy(moved[(k + 1) % CLUSTERS], dc_matrix_row(&made.centroids, k), sizeof moved[0]);
  for (size_t k = 0; k < CLUSTERS; k++)
    memcpy(dc_matrix_row(&made.centroids, k), moved[k], sizeof moved[k]);
  for (size_t i = 0; i < SAMPLES; i++)
    made.labels[i] = (made.labels[i] + 1) % CLUSTERS;
  scatter_of(&made, after);
  assert_memory_equal(before, after, sizeof before);
  free_clustering(&made);
}

static void
the_worst_direction_has_the_largest_scatter(void **state)
{
  (void)state;
  Clustering made = clustering(4);
  double scatter[DIM * DIM], direction[DIM], eigenvalue, length = 0, along = 0;
  scatter_of(&made, scatter);
  assert_int_equal(dc_worst_direction(scatter, DIM, direction, &eigenvalue), DC_OK);
  for (size_t a = 0; a < DIM; a++) {
    length += direction[a] * direction[a];
    for (size_t b = 0; b < DIM; b++)
      along += direction[a] * scatter[a * DIM + b] * direction[b];
  }
  assert_near(length, 1, 1e-12);
  assert_near(along, eigenvalue, 1e-12 * trace(scatter));
  for (size_t j = 0; j < DIM; j++)
    assert_true(scatter[j * DIM + j] <= eigenvalue);
  /* The last coordinate was drawn with the largest deviation. */
  assert_true(fabs(direction[DIM - 1]) > 0.9);
  free_clustering(&made);
}

/* Rotating into the eigenvectors, replacing the last coordinate and rotating back, as the authors'
 * program does it. */
static void
targets_equal_those_of_the_rotation(void **state)
{
  (void)state;
  Clustering made = clustering(5);
  double scatter[DIM * DIM], values[DIM], vectors[DIM * DIM], direction[DIM], eigenvalue;
  scatter_of(&made, scatter);
  assert_int_equal(dc_eigen_symmetric(scatter, DIM, values, vectors), DC_OK);
  assert_int_equal(dc_worst_direction(scatter, DIM, direction, &eigenvalue), DC_OK);
  DcMatrix targets = new_matrix(SAMPLES, DIM);
  dc_greedy_targets(&made.embeddings, &made.centroids, made.labels, direction, &targets);
  for (size_t i = 0; i < SAMPLES; i++) {
    double rotated[DIM] = {0}, centroid = 0;
    for (size_t a = 0; a < DIM; a++) {
      for (size_t j = 0; j < DIM; j++)
        rotated[a] += vectors[a * DIM + j] * dc_matrix_row(&made.embeddings, i)[j];
    }
    for (size_t j = 0; j < DIM; j++)
      centroid += vectors[(DIM - 1) * DIM + j] * dc_matrix_row(&made.centroids, made.labels[i])[j];
    rotated[DIM - 1] = centroid;
    for (size_t j = 0; j < DIM; j++) {
      double back = 0;
      for (size_t a = 0; a < DIM; a++)
        back += vectors[a * DIM + j] * rotated[a];
      assert_near(dc_matrix_row(&targets, i)[j], back, 1e-6);
    }
  }
  free_matrices(&targets);
  free_clustering(&made);
}

/* Replacing the embeddings by their targets keeps the means, lowers the inertia by the largest
 * eigenvalue, and leaves the second largest as the new largest. */
static void
reaching_the_targets_removes_the_worst_direction(void **state)
{
  (void)state;
  Clustering made = clustering(6);
  double scatter[DIM * DIM], values[DIM], vectors[DIM * DIM], direction[DIM], eigenvalue;
  scatter_of(&made, scatter);
  assert_int_equal(dc_eigen_symmetric(scatter, DIM, values, vectors), DC_OK);
  assert_int_equal(dc_worst_direction(scatter, DIM, direction, &eigenvalue), DC_OK);
  const double before = inertia(&made), tolerance = 1e-5 * before;
  double moved = 0;
  DcMatrix targets = new_matrix(SAMPLES, DIM);
  dc_greedy_targets(&made.embeddings, &made.centroids, made.labels, direction, &targets);
  for (size_t i = 0; i < SAMPLES; i++) {
    for (size_t j = 0; j < DIM; j++) {
      const double step =
          (double)dc_matrix_row(&targets, i)[j] - dc_matrix_row(&made.embeddings, i)[j];
      moved += step * step;
    }
  }
  /* The loss of the round, before its first step. */
  assert_near(moved, eigenvalue, tolerance);
  dc_greedy_targets(&made.embeddings, &made.centroids, made.labels, direction, &made.embeddings);
  for (size_t i = 0; i < SAMPLES; i++)
    assert_memory_equal(dc_matrix_row(&made.embeddings, i), dc_matrix_row(&targets, i),
                        DIM * sizeof(float));
  assert_near(inertia(&made), before - eigenvalue, tolerance);
  double next;
  scatter_of(&made, scatter);
  assert_int_equal(dc_worst_direction(scatter, DIM, direction, &next), DC_OK);
  assert_near(next, values[DIM - 2], tolerance);
  free_matrices(&targets);
  free_clustering(&made);
}

static void
equal_samples_have_no_scatter(void **state)
{
  (void)state;
  Clustering made = clustering(7);
  for (size_t i = 0; i < SAMPLES; i++)
    memcpy(dc_matrix_row(&made.embeddings, i), dc_matrix_row(&made.centroids, made.labels[i]),
           DIM * sizeof(float));
  double scatter[DIM * DIM], direction[DIM], eigenvalue;
  scatter_of(&made, scatter);
  assert_int_equal(dc_worst_direction(scatter, DIM, direction, &eigenvalue), DC_OK);
  assert_near(eigenvalue, 0, 0);
  for (size_t j = 0; j < DIM; j++)
    assert_true(isfinite(direction[j]));
  free_clustering(&made);
}

static void
numbers_that_are_none_are_seen(void **state)
{
  (void)state;
  Clustering made = clustering(8);
  dc_matrix_row(&made.embeddings, 1)[2] = NAN;
  double scatter[DIM * DIM], direction[DIM], eigenvalue, total;
  scatter_of(&made, scatter);
  assert_int_equal(dc_worst_direction(scatter, DIM, direction, &eigenvalue), DC_ERROR_NOT_FINITE);
  assert_int_equal(dc_total_scatter(&made.embeddings, &total), DC_OK);
  assert_true(isnan(total));
  free_clustering(&made);
}

static void
a_direction_of_nothing_is_refused(void **state)
{
  (void)state;
  double scatter = 1, direction, eigenvalue;
  assert_int_equal(dc_worst_direction(&scatter, 0, &direction, &eigenvalue), DC_ERROR_ARGUMENT);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(scatter_equals_its_definition),
      cmocka_unit_test(scatter_within_and_between_add_up_to_the_total),
      cmocka_unit_test(scatter_does_not_depend_on_the_names_of_clusters),
      cmocka_unit_test(the_worst_direction_has_the_largest_scatter),
      cmocka_unit_test(targets_equal_those_of_the_rotation),
      cmocka_unit_test(reaching_the_targets_removes_the_worst_direction),
      cmocka_unit_test(equal_samples_have_no_scatter),
      cmocka_unit_test(numbers_that_are_none_are_seen),
      cmocka_unit_test(a_direction_of_nothing_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
