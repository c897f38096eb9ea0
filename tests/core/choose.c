/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/choose.h"

#include "allocations.h"
#include "base/memory.h"
#include "cluster/valley.h"
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIM = 64 };

/* `count` points of a round Gaussian about `centre` on the first axis. */
static void
draw(DcRandom *random, float *rows, size_t count, size_t dim, double centre)
{
  for (size_t i = 0; i < count * dim; i++)
    rows[i] = (float)(dc_random_normal(random) + (i % dim == 0 ? centre : 0));
}

static double
valley_of(const float *a, size_t n, const float *b, size_t m, size_t dim)
{
  DcMatrix first = dc_matrix(a, n, dim), second = dc_matrix(b, m, dim);
  double valley;
  assert_int_equal(dc_valley(&first, &second, &valley, NULL), DC_OK);
  return valley;
}

/* Mean over ten draws, so that a bound on it is no matter of luck. */
static double
mean_valley(size_t count, size_t dim, double apart)
{
  float *rows = DC_NEW(float, 2 * count * dim);
  double sum = 0;
  DcRandom random;
  dc_random_seed(&random, 4, 0);
  for (size_t round = 0; round < 10; round++) {
    draw(&random, rows, count, dim, 0);
    draw(&random, rows + count * dim, count, dim, apart);
    sum += valley_of(rows, count, rows + count * dim, count, dim) / 10;
  }
  dc_free(rows);
  return sum;
}

static void
two_clusters_have_a_valley(void **state)
{
  (void)state;
  static const size_t dims[] = {1, 8, 64};
  for (size_t d = 0; d < 3; d++) {
    /* Of two Gaussians five deviations apart the density in the middle is 2 exp(-25 / 8) = 0.09 of
     * that at the peaks; the kernel, a third of their width at 100 points, fills it to 0.3. */
    assert_true(mean_valley(100, dims[d], 5) < 0.35);
    assert_true(mean_valley(100, dims[d], 5) < dc_valley_bound(100));
    assert_true(mean_valley(100, dims[d], 12) < 0.01);
  }
}

/* Chance opens no gap, whatever the number of dimensions. */
static void
one_cluster_has_none(void **state)
{
  (void)state;
  static const size_t dims[] = {1, 8, 64};
  for (size_t d = 0; d < 3; d++)
    assert_true(mean_valley(100, dims[d], 0) > 0.9);
  assert_true(mean_valley(30, 64, 0) > dc_valley_bound(30));
}

/* Halves of one Gaussian, cut as k-means cuts it. */
static void
halves_of_one_have_none(void **state)
{
  (void)state;
  enum { N = 400, DIM = 8 };
  static float rows[N * DIM], left[N * DIM], right[N * DIM];
  DcRandom random;
  dc_random_seed(&random, 8, 0);
  draw(&random, rows, N, DIM, 0);
  size_t n = 0, m = 0;
  for (size_t i = 0; i < N; i++)
    memcpy(rows[i * DIM] < 0 ? left + n++ * DIM : right + m++ * DIM, rows + i * DIM,
           DIM * sizeof(float));
  assert_true(valley_of(left, n, right, m, DIM) > 1);
}

static void
valley_does_not_depend_on_scale_or_side(void **state)
{
  (void)state;
  enum { N = 60, DIM = 4 };
  float a[N * DIM], b[N * DIM];
  DcRandom random;
  dc_random_seed(&random, 2, 0);
  draw(&random, a, N, DIM, 0);
  draw(&random, b, N, DIM, 3);
  double valley = valley_of(a, N, b, N, DIM);
  assert_near(valley_of(b, N, a, N, DIM), valley, 1e-9); /* sums in another order */
  for (size_t i = 0; i < N * DIM; i++) {
    a[i] *= 1024;
    b[i] *= 1024;
  }
  assert_near(valley_of(a, N, b, N, DIM), valley, 1e-9);
}

static void
what_cannot_be_compared_is_one(void **state)
{
  (void)state;
  const float points[] = {0, 0, 0, 0, 1, 1, 1, 1, 9, 9, 9, 9};
  assert_near(valley_of(points, 3, points + 8, 4, 1), 1, 0); /* too few */
  assert_near(valley_of(points, 0, points + 8, 4, 1), 1, 0);
  assert_near(valley_of(points, 4, points, 4, 1), 1, 0);      /* the same point */
  assert_true(valley_of(points, 4, points + 8, 4, 1) < 1e-9); /* no width, but a gap */
}

static uint32_t
choose(const DcMatrix *samples, uint32_t most, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, 1);
  uint32_t clusters = 99;
  DcError error = {0};
  float *rows = DC_NEW(float, most * samples->cols);
  DcMatrix centroids = dc_matrix(rows, most, samples->cols);
  if (dc_choose_clusters(samples, &random, &clusters, &centroids, &error) != DC_OK)
    fail_msg("%s", error.message);
  assert_true(dc_matrix_is_finite(&centroids));
  dc_free(rows);
  return clusters;
}

/* `count` samples of `clusters` Gaussians whose nearest centres lie `apart` deviations apart. */
static void
draw_world(uint64_t seed, size_t clusters, size_t dim, double apart, float *rows, size_t count)
{
  double centres[40 * MOST_DIM], nearest = INFINITY;
  DcRandom random;
  dc_random_seed(&random, seed, 2);
  for (size_t i = 0; i < clusters * dim; i++)
    centres[i] = dc_random_normal(&random);
  for (size_t a = 0; a < clusters; a++)
    for (size_t b = 0; b < a; b++) {
      double sum = 0;
      for (size_t j = 0; j < dim; j++)
        sum += pow(centres[a * dim + j] - centres[b * dim + j], 2);
      nearest = fmin(nearest, sqrt(sum));
    }
  for (size_t i = 0; i < count; i++) {
    size_t k = dc_random_below(&random, (uint32_t)clusters);
    for (size_t j = 0; j < dim; j++)
      rows[i * dim + j] =
          (float)(centres[k * dim + j] * apart / nearest + dc_random_normal(&random));
  }
}

static void
the_number_of_gaussians_is_found(void **state)
{
  (void)state;
  static float rows[1024 * MOST_DIM];
  static const size_t dims[] = {8, 64}, numbers[] = {3, 8, 20};
  for (size_t d = 0; d < 2; d++)
    for (size_t k = 0; k < 3; k++)
      for (uint64_t seed = 0; seed < 2; seed++) {
        draw_world(seed, numbers[k], dims[d], 6, rows, 1024);
        DcMatrix samples = dc_matrix(rows, 1024, dims[d]);
        uint32_t found = choose(&samples, 64, seed);
        /* A handful of outliers passes for a cluster, and of many clusters a cell here and there
         * lies across two. */
        size_t error = numbers[k] < 10 ? 1 : numbers[k] / 10;
        if (found < numbers[k] - error || found > numbers[k] + error)
          fail_msg("%zu clusters in %zu dimensions, seed %d: %u found", numbers[k], dims[d],
                   (int)seed, found);
      }
}

static void
the_bound_holds(void **state)
{
  (void)state;
  static float rows[512 * 8];
  draw_world(1, 12, 8, 6, rows, 512);
  DcMatrix samples = dc_matrix(rows, 512, 8);
  assert_int_equal(choose(&samples, 5, 0), 5);
  assert_int_equal(choose(&samples, 1, 0), 1);
}

static void
equal_seeds_choose_equally(void **state)
{
  (void)state;
  static float rows[300 * 8];
  draw_world(3, 10, 8, 3, rows, 300);
  DcMatrix samples = dc_matrix(rows, 300, 8);
  uint32_t found = choose(&samples, 32, 9);
  for (size_t again = 0; again < 3; again++)
    assert_int_equal(choose(&samples, 32, 9), found);
}

static void
what_has_no_parts_is_one_cluster(void **state)
{
  (void)state;
  float rows[300 * 4] = {0};
  DcMatrix none = dc_matrix(rows, 1, 4), few = dc_matrix(rows, 15, 4),
           same = dc_matrix(rows, 300, 4);
  assert_int_equal(choose(&none, 32, 0), 1);
  assert_int_equal(choose(&few, 32, 0), 1);
  assert_int_equal(choose(&same, 32, 0), 1);
  DcRandom random;
  dc_random_seed(&random, 6, 0);
  draw(&random, rows, 300, 4, 0);
  DcMatrix gaussian = dc_matrix(rows, 300, 4);
  assert_int_equal(choose(&gaussian, 32, 0), 1);
}

static void
shortage_of_memory_is_told(void **state)
{
  (void)state;
  static float rows[200 * 8];
  draw_world(5, 4, 8, 6, rows, 200);
  DcMatrix samples = dc_matrix(rows, 200, 8);
  DcRandom random;
  uint32_t clusters;
  float rows_of_centroids[32 * 8];
  DcMatrix centroids = dc_matrix(rows_of_centroids, 32, 8);
  allocations = 0;
  dc_random_seed(&random, 0, 0);
  assert_int_equal(dc_choose_clusters(&samples, &random, &clusters, &centroids, NULL), DC_OK);
  size_t all = allocations;
  assert_true(all > 6);
  for (size_t failing = 0; failing < all; failing += failing < 12 ? 1 : 37) {
    dc_random_seed(&random, 0, 0);
    allocations = 0;
    fail_at = failing;
    DcStatus status = dc_choose_clusters(&samples, &random, &clusters, &centroids, NULL);
    fail_at = SIZE_MAX;
    assert_int_equal(status, DC_ERROR_MEMORY);
  }
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_clusters_have_a_valley),
      cmocka_unit_test(one_cluster_has_none),
      cmocka_unit_test(halves_of_one_have_none),
      cmocka_unit_test(valley_does_not_depend_on_scale_or_side),
      cmocka_unit_test(what_cannot_be_compared_is_one),
      cmocka_unit_test(the_number_of_gaussians_is_found),
      cmocka_unit_test(the_bound_holds),
      cmocka_unit_test(equal_seeds_choose_equally),
      cmocka_unit_test(what_has_no_parts_is_one_cluster),
      cmocka_unit_test(shortage_of_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
