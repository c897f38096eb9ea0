/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/consensus.h"
#include "cluster/transport_fit.h"
#include "cluster/transport_tracker.h"
#include "tensor/blas.h"

#include <math.h>
#include <string.h>

/* What transport tracking costs an embedding: labelling and learning in batches of 64, with every
 * domain remembered that can be, beside labelling alone; and what a search after a jump costs, and
 * the grouping of a sample. */

enum { CLUSTERS = 10, DIM = 24, SOURCE = 10000, STREAM = 12800, BATCH = 64 };

typedef struct {
  DcMatrix source, stream;
  DcTransportSource *model;
  DcTransportTracker *tracker;
  DcTransportScorer *scorer;
  DcTransportWork work;
  DcTransportSearch *search;
} Bench;

/* Rows of ten groups; those of the stream are turned a little more from one to the next. */
static DcMatrix
draw_rows(size_t count, double turn)
{
  DcMatrix rows = dc_matrix(DC_NEW(float, count *DIM), count, DIM);
  DcRandom random;
  dc_random_seed(&random, 1, count);
  for (size_t n = 0; n < count; n++) {
    float *row = dc_matrix_row(&rows, n);
    for (size_t i = 0; i < DIM; i++)
      row[i] = (n % CLUSTERS == i % CLUSTERS ? 3.0f : 0.0f) + (float)dc_random_normal(&random);
    double angle = turn * (double)n / (double)count;
    float x = row[0], y = row[1];
    row[0] = (float)(cos(angle) * x - sin(angle) * y);
    row[1] = (float)(sin(angle) * x + cos(angle) * y);
  }
  return rows;
}

static void
must(DcStatus status, const char *what)
{
  if (status) {
    fprintf(stderr, "%s: %s\n", what, dc_status_text(status));
    exit(1);
  }
}

static DcTransportTracker *
make_tracker(Bench *bench, size_t window)
{
  DcTransportOptions options = dc_transport_options();
  options.window = window;
  DcTransportTracker *tracker;
  must(dc_transport_tracker_new(bench->model, &options, &tracker, NULL), "tracker");
  return tracker;
}

static void
step_over_stream(void *data)
{
  Bench *bench = data;
  for (size_t row = 0; row < STREAM; row += BATCH) {
    DcMatrix batch = dc_matrix_rows(&bench->stream, row, BATCH);
    must(dc_transport_tracker_step(bench->tracker, &batch, NULL), "step");
  }
}

static void
label_stream(void *data)
{
  Bench *bench = data;
  for (size_t row = 0; row < STREAM; row += BATCH) {
    DcMatrix batch = dc_matrix_rows(&bench->stream, row, BATCH);
    dc_transport_scorer_read(bench->scorer, &batch, &bench->work);
  }
}

static void
run_search(void *data)
{
  Bench *bench = data;
  enum { WINDOW = 1024 };
  double *window = dc_transport_search_begin(bench->search, bench->model->anchor.matrix,
                                             bench->model->anchor.shift);
  for (size_t row = 0; row < WINDOW; row += BATCH) {
    DcMatrix batch = dc_matrix_rows(&bench->stream, row, BATCH);
    dc_transport_project(bench->model, &batch, &bench->work);
    memcpy(window + row * DIM, bench->work.stream, BATCH * DIM * sizeof(double));
  }
  dc_transport_search_run(bench->search);
}

static void
group_sample(void *data)
{
  const DcMatrix *sample = data;
  static uint32_t groups[SOURCE];
  must(dc_consensus(sample, CLUSTERS, 1, groups, NULL), "grouping");
}

static void
time_groupings(const Bench *bench)
{
  const size_t sizes[] = {256, 512, 2048};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    DcMatrix sample = dc_matrix_rows(&bench->source, 0, sizes[i]);
    double seconds[5];
    char parameters[80];
    for (size_t run = 0; run < 5; run++)
      seconds[run] = bench_seconds(group_sample, &sample);
    snprintf(parameters, sizeof parameters, "\"clusters\": %d, \"dim\": %d, \"samples\": %zu",
             CLUSTERS, DIM, sizes[i]);
    bench_print("transport-grouping", parameters, 1e3 * bench_median(seconds, 5), "ms");
  }
}

int
main(void)
{
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  Bench bench = {.source = draw_rows(SOURCE, 0), .stream = draw_rows(STREAM, 0.8)};
  float centres[CLUSTERS * DIM] = {0};
  for (size_t k = 0; k < CLUSTERS; k++)
    for (size_t i = k; i < DIM; i += CLUSTERS)
      centres[k * DIM + i] = 3;
  DcMatrix centroids = dc_matrix(centres, CLUSTERS, DIM);
  DcTransportFitOptions fit = dc_transport_fit_options();
  must(dc_transport_fit(&bench.source, &centroids, &fit, &bench.model, NULL), "source");
  bench.tracker = make_tracker(&bench, 0);
  step_over_stream(&bench); /* fills the memory of domains */
  bench.scorer = dc_transport_tracker_scorer(bench.tracker);
  bench.search = dc_transport_search_new(bench.model, 1024);
  if (!bench.scorer || !bench.search || !dc_transport_work_fit(&bench.work, bench.model))
    must(DC_ERROR_MEMORY, "scratch");

  BenchResult step = bench_against(step_over_stream, label_stream, &bench, 3);
  char parameters[120];
  snprintf(parameters, sizeof parameters,
           "\"clusters\": %d, \"dim\": %d, \"prototypes\": %zu, "
           "\"domains\": %zu",
           CLUSTERS, DIM, bench.model->prototypes,
           dc_transport_tracker_stats(bench.tracker).remembered);
  bench_print("transport-step", parameters, 1e6 * step.seconds / STREAM, "us/embedding");
  bench_print("transport-label", parameters, 1e6 * step.baseline / STREAM, "us/embedding");
  BenchResult search = bench_against(run_search, label_stream, &bench, 2);
  bench_print("transport-search", parameters, 1e3 * search.seconds, "ms");
  time_groupings(&bench);

  dc_transport_search_free(bench.search);
  dc_transport_work_clear(&bench.work);
  dc_transport_scorer_free(bench.scorer);
  dc_transport_tracker_free(bench.tracker);
  dc_transport_source_unref(bench.model);
  dc_free(bench.source.data);
  dc_free(bench.stream.data);
  return 0;
}
