/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/tdcm.h"
#include "stream/adapter.h"
#include "tensor/blas.h"

#include <math.h>

/* What one adaptation takes with each method, without the receiving of its embeddings, once the
 * memory is full: medians of 25, in processor time of one core. */

enum { INTERVAL = 64, RUNS = 25 };

typedef struct {
  const char *name;
  DcMethod method;
  DcEffort effort;
  int score; /* of a trained attention; -1: none */
} Way;

static const Way ways[] = {
    {"transport", DC_METHOD_TRANSPORT, DC_EFFORT_FULL, -1},
    {"transport, simple", DC_METHOD_TRANSPORT, DC_EFFORT_SIMPLE, -1},
    {"attention", DC_METHOD_ATTENTION, DC_EFFORT_FULL, -1},
    {"attention, quadratic", DC_METHOD_ATTENTION, DC_EFFORT_FULL, DC_TDCM_QUADRATIC},
    {"attention, nonlinear", DC_METHOD_ATTENTION, DC_EFFORT_FULL, DC_TDCM_NONLINEAR},
    {"k-means", DC_METHOD_K_MEANS, DC_EFFORT_FULL, -1},
    {"mixture", DC_METHOD_MIXTURE, DC_EFFORT_FULL, -1},
    {"secu", DC_METHOD_SECU, DC_EFFORT_FULL, -1},
    {"none", DC_METHOD_NONE, DC_EFFORT_FULL, -1},
};

typedef struct {
  size_t clusters, dim, window;
  DcMatrix rows; /* as many as fill the memory of every cluster, and more */
} Case;

static void
must(DcStatus status, const char *what)
{
  if (status) {
    fprintf(stderr, "%s: %s\n", what, dc_status_text(status));
    exit(1);
  }
}

/* Groups about random places, in turn. */
static Case
make_case(size_t clusters, size_t dim, size_t window)
{
  Case made = {clusters, dim, window, dc_matrix(DC_NEW(float, 3 * window * dim), 3 * window, dim)};
  float *places = DC_NEW(float, clusters *dim);
  DcRandom random;
  dc_random_seed(&random, 1, 1);
  for (size_t i = 0; i < clusters * dim; i++)
    places[i] = 2 * (float)dc_random_normal(&random);
  for (size_t n = 0; n < made.rows.rows; n++)
    for (size_t j = 0; j < dim; j++)
      dc_matrix_row(&made.rows, n)[j] =
          places[n % clusters * dim + j] + (float)dc_random_normal(&random);
  dc_free(places);
  return made;
}

/* Pushes the next rows, round and round. */
static void
push(DcAdapter *adapter, const Case *what, size_t *next, size_t count)
{
  DcPushResult result;
  DcMatrix rows = dc_matrix_rows(&what->rows, *next, count);
  must(dc_adapter_push(adapter, &rows, *next * 1000, &result), "push");
  *next = *next + 2 * count <= what->rows.rows ? *next + count : 0;
}

static DcAdapter *
start(const Case *what, const Way *way, const DcTdcmModule *module)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = way->method;
  config.effort = way->effort;
  config.module = module;
  config.clusters = (uint32_t)what->clusters;
  config.window = what->window;
  config.interval = INTERVAL;
  config.warm_up = what->clusters;
  DcAdapter *adapter;
  must(dc_adapter_new(&config, what->dim, "bench", &adapter, NULL), "adapter");
  DcMatrix centroids = dc_matrix_rows(&what->rows, 0, what->clusters);
  must(dc_adapter_start(adapter, &centroids, NULL, NULL, NULL), "start");
  return adapter;
}

static void
time_way(const Case *what, const Way *way)
{
  DcTdcmModule *module = way->score < 0 ? NULL : dc_tdcm_new(what->dim, (DcTdcmScore)way->score);
  DcAdapter *adapter = start(what, way, module);
  double times[RUNS];
  size_t next = 0;
  for (size_t n = 0; n < 2 * what->window; n += 1024)
    push(adapter, what, &next, 1024);
  must(dc_adapter_adapt(adapter, true, NULL), "adapt"); /* describes the source */
  for (int i = -5; i < RUNS; i++) {
    push(adapter, what, &next, INTERVAL);
    double begin = bench_processor_now();
    must(dc_adapter_adapt(adapter, true, NULL), "adapt");
    if (i >= 0)
      times[i] = bench_processor_now() - begin;
  }
  printf("{\"benchmark\": \"adaptation\", \"method\": \"%s\", \"clusters\": %zu, \"dim\": %zu, "
         "\"window\": %zu, \"ms\": %.3f}\n",
         way->name, what->clusters, what->dim, what->window, 1e3 * bench_median(times, RUNS));
  fflush(stdout);
  dc_adapter_free(adapter);
  dc_tdcm_free(module);
}

int
main(void)
{
  const size_t sizes[][3] = {{100, 64, 4096}, {10, 24, 2048}, {1000, 512, 4096}};
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    Case what = make_case(sizes[i][0], sizes[i][1], sizes[i][2]);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
      time_way(&what, &ways[w]);
    dc_free(what.rows.data);
  }
  return 0;
}
