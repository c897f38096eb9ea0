/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clustering core beside the matrix products that it cannot do without: the update of attention
 * and the nearest centroid, each with the time of its products alone, on one thread. */

#include "bench.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/attention.h"
#include "cluster/kmeans.h"
#include "tensor/blas.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  DcMatrix samples, centroids, updated;
  DcMatrix scores; /* K x N */
  DcAttention *attention;
  float *scratch;
  uint32_t *labels;
  float *distances;
} Problem;

static DcMatrix
new_matrix(size_t rows, size_t cols)
{
  DcMatrix matrix = dc_matrix(DC_NEW(float, rows *cols), rows, cols);
  if (!matrix.data) {
    fprintf(stderr, "no memory for a %zu x %zu matrix\n", rows, cols);
    exit(1);
  }
  return matrix;
}

static DcMatrix
random_matrix(DcRandom *random, size_t rows, size_t cols)
{
  DcMatrix matrix = new_matrix(rows, cols);
  for (size_t i = 0; i < rows * cols; i++)
    matrix.data[i] = (float)dc_random_normal(random);
  return matrix;
}

static Problem
new_problem(size_t samples, size_t dim, size_t clusters)
{
  DcRandom random;
  dc_random_seed(&random, 1, 0);
  Problem problem = {.samples = random_matrix(&random, samples, dim),
                     .centroids = random_matrix(&random, clusters, dim),
                     .updated = new_matrix(clusters, dim),
                     .scores = new_matrix(clusters, samples),
                     .attention = dc_attention_new(clusters, dim),
                     .scratch = DC_NEW(float, dc_nearest_scratch(clusters, dim)),
                     .labels = DC_NEW(uint32_t, samples),
                     .distances = DC_NEW(float, samples)};
  if (!problem.attention || !problem.scratch || !problem.labels || !problem.distances) {
    fprintf(stderr, "no memory for %zu samples and %zu clusters\n", samples, clusters);
    exit(1);
  }
  return problem;
}

static void
free_problem(Problem *problem)
{
  dc_free(problem->samples.data);
  dc_free(problem->centroids.data);
  dc_free(problem->updated.data);
  dc_free(problem->scores.data);
  dc_attention_free(problem->attention);
  dc_free(problem->scratch);
  dc_free(problem->labels);
  dc_free(problem->distances);
}

static void
update(void *data)
{
  Problem *p = data;
  DcAttentionOptions options = {.temperature = 16, .epsilon = 1e-6};
  dc_attention_update(p->attention, &options, &p->samples, NULL, &p->centroids, &p->updated, NULL);
}

static void
score_product(void *data)
{
  Problem *p = data;
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &p->centroids, &p->samples, 0, &p->scores);
}

static void
update_products(void *data)
{
  Problem *p = data;
  score_product(p);
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, &p->scores, &p->samples, 0, &p->updated);
}

static void
nearest(void *data)
{
  Problem *p = data;
  dc_nearest(&p->samples, &p->centroids, p->scratch, p->labels, NULL);
}

static void
nearest_with_distances(void *data)
{
  Problem *p = data;
  dc_nearest(&p->samples, &p->centroids, p->scratch, p->labels, p->distances);
}

static void
bench_update(size_t dim, size_t clusters, size_t window)
{
  Problem problem = new_problem(window, dim, clusters);
  BenchResult result = bench_against(update, update_products, &problem, 1);
  char parameters[128];
  snprintf(parameters, sizeof parameters, "\"dim\": %zu, \"clusters\": %zu, \"window\": %zu", dim,
           clusters, window);
  bench_print("attention-update", parameters, 1e6 * result.seconds, "us");
  bench_print("attention-update-to-products", parameters, result.ratio, "ratio");
  free_problem(&problem);
}

static void
bench_nearest(BenchWork work, bool distances, size_t clusters)
{
  const size_t dim = 64, samples = 4096;
  Problem problem = new_problem(samples, dim, clusters);
  BenchResult result = bench_against(work, score_product, &problem, 1);
  char parameters[128];
  snprintf(parameters, sizeof parameters,
           "\"dim\": %zu, \"clusters\": %zu, \"samples\": %zu, \"distances\": %s", dim, clusters,
           samples, distances ? "true" : "false");
  bench_print("nearest", parameters, (double)samples / result.seconds, "embeddings/s");
  bench_print("nearest-to-product", parameters, result.ratio, "ratio");
  free_problem(&problem);
}

int
main(void)
{
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  bench_update(64, 10, 1024);
  bench_update(64, 100, 4096);
  bench_update(128, 1000, 8192);
  for (size_t clusters = 10; clusters <= 1000; clusters *= 10) {
    bench_nearest(nearest, false, clusters);
    bench_nearest(nearest_with_distances, true, clusters);
  }
  return 0;
}
