/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"
#include "eval/scores.h"
#include "store/idx.h"
#include "stream/adapter.h"
#include "tensor/blas.h"
#include "tensor/eigen.h"
#include "tensor/rows.h"

#include <math.h>
#include <stdbool.h>

/* How well adapted centroids follow drift: MNIST digits, embedded by PCA to 24 numbers that is
 * fitted on the first 10 000, then a stream of 30 000 others, each labelled before it is learnt
 * from.
 *
 *   bench-adapting DATA-FOLDER [SEEDS]      (DRIFTCLUSTER_DATA goes before DATA-FOLDER)
 *
 * One JSON object for each stream and method: `acc` is with one mapping of clusters to digits for
 * the whole stream, so that a cluster that changes its meaning costs; `window_acc` maps every 1 000
 * anew. */

#define PI 3.14159265358979323846

enum { SIDE = 28, PIXELS = SIDE * SIDE, DIM = 24, CLUSTERS = 10, CLASSES = 10 };
enum { SOURCE = 10000, LENGTH = 30000, BATCH = 64, SCORED = 1000 };

typedef struct {
  DcIdx images, digits;
  uint32_t *order;   /* a permutation of the images */
  float *mean;       /* PIXELS */
  float *directions; /* DIM x PIXELS */
  float *source;     /* SOURCE x DIM */
  float *centroids;  /* CLUSTERS x DIM */
  float *spread;     /* CLUSTERS */
  float *stream;     /* LENGTH x DIM */
  uint32_t *truth;   /* LENGTH */
  uint32_t *labels;  /* LENGTH */
} Bench;

static void
must(DcStatus status, const char *what)
{
  if (status == DC_OK)
    return;
  fprintf(stderr, "%s: %s\n", what, dc_status_text(status));
  exit(1);
}

/* --- pictures --- */

/* An 8-bit picture turned by `degrees` about its centre, bilinear, black outside, times `contrast`
 * plus `brightness`, as numbers 0..1. */
static void
render(const uint8_t *pixels, double degrees, double contrast, double brightness, float *values)
{
  double c = cos(degrees * PI / 180), s = sin(degrees * PI / 180), centre = (SIDE - 1) / 2.0;
  for (int y = 0; y < SIDE; y++) {
    for (int x = 0; x < SIDE; x++) {
      double u = c * (x - centre) - s * (y - centre) + centre;
      double v = s * (x - centre) + c * (y - centre) + centre;
      int left = (int)floor(u), top = (int)floor(v);
      double sum = 0;
      for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++)
          if (left + i >= 0 && left + i < SIDE && top + j >= 0 && top + j < SIDE)
            sum += pixels[(top + j) * SIDE + left + i] * (1 - fabs(u - left - i)) *
                   (1 - fabs(v - top - j));
      values[y * SIDE + x] = (float)(fmin(fmax(sum * contrast + brightness, 0), 255) / 255);
    }
  }
}

static const uint8_t *
picture(const Bench *bench, size_t index)
{
  return bench->images.data + (size_t)bench->order[index] * PIXELS;
}

static uint32_t
digit(const Bench *bench, size_t index)
{
  return bench->digits.data[bench->order[index]];
}

static void
embed(const Bench *bench, float *patch, float *embedding)
{
  DcMatrix directions = dc_matrix(bench->directions, DIM, PIXELS);
  for (size_t i = 0; i < PIXELS; i++)
    patch[i] -= bench->mean[i];
  dc_gemv(DC_PLAIN, 1, &directions, patch, 0, embedding);
}

/* --- the source: PCA and k-means --- */

static void
fit_pca(Bench *bench)
{
  float *patches = DC_NEW(float, SOURCE *PIXELS), *covariance = DC_NEW(float, PIXELS *PIXELS);
  double *means = DC_NEW(double, PIXELS), *matrix = DC_NEW(double, PIXELS *PIXELS);
  double *values = DC_NEW(double, PIXELS);
  DcMatrix all = dc_matrix(patches, SOURCE, PIXELS);
  DcMatrix target = dc_matrix(covariance, PIXELS, PIXELS);
  for (size_t i = 0; i < SOURCE; i++)
    render(picture(bench, i), 0, 1, 0, patches + i * PIXELS);
  dc_column_moments(&all, NULL, means, NULL);
  for (size_t i = 0; i < PIXELS; i++)
    bench->mean[i] = (float)means[i];
  for (size_t i = 0; i < SOURCE * PIXELS; i++)
    patches[i] -= bench->mean[i % PIXELS];
  dc_syrk(DC_TRANSPOSED, 1.0f / SOURCE, &all, 0, &target);
  for (size_t i = 0; i < PIXELS * PIXELS; i++)
    matrix[i] = covariance[i];
  must(dc_eigen_symmetric(matrix, PIXELS, values, matrix), "PCA");
  for (size_t i = 0; i < DIM; i++)
    for (size_t j = 0; j < PIXELS; j++)
      bench->directions[i * PIXELS + j] = (float)matrix[(PIXELS - 1 - i) * PIXELS + j];
  DcMatrix directions = dc_matrix(bench->directions, DIM, PIXELS);
  DcMatrix codes = dc_matrix(bench->source, SOURCE, DIM);
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &all, &directions, 0, &codes);
  dc_free(patches);
  dc_free(covariance);
  dc_free(means);
  dc_free(matrix);
  dc_free(values);
}

static void
fit_clusters(Bench *bench, uint64_t seed)
{
  DcRandom random;
  dc_random_seed(&random, seed, 1);
  DcMatrix samples = dc_matrix(bench->source, SOURCE, DIM);
  DcMatrix centroids = dc_matrix(bench->centroids, CLUSTERS, DIM);
  DcKmeansOptions options = dc_kmeans_options(CLUSTERS);
  DcKmeansResult result;
  uint32_t *labels = DC_NEW(uint32_t, SOURCE);
  float *distances = DC_NEW(float, SOURCE);
  options.restarts = 5;
  must(dc_kmeans(&samples, NULL, &options, &random, &centroids, labels, &result, NULL), "k-means");
  dc_squared_distances(&samples, &centroids, labels, distances);
  double sums[CLUSTERS] = {0}, counts[CLUSTERS] = {0};
  for (size_t i = 0; i < SOURCE; i++) {
    sums[labels[i]] += distances[i];
    counts[labels[i]]++;
  }
  for (size_t k = 0; k < CLUSTERS; k++)
    bench->spread[k] = (float)sqrt(sums[k] / fmax(counts[k], 1));
  dc_free(labels);
  dc_free(distances);
}

/* --- streams --- */

typedef struct {
  const char *name;
  bool bursts;     /* of one digit, 50 to 500 long; else as shuffled */
  double turn;     /* degrees at the end */
  double swing;    /* degrees, two periods of a sine */
  double jump;     /* degrees in the middle third */
  double contrast; /* how much of it is gone in the middle */
} Drift;

static const Drift drifts[] = {
    {.name = "none"},
    {.name = "rotate 0-60", .turn = 60},
    {.name = "rotate +-30 twice", .swing = 30},
    {.name = "bursts", .bursts = true},
    {.name = "bursts + rotate 0-45", .bursts = true, .turn = 45},
    {.name = "sudden 40 and back", .jump = 40},
    {.name = "contrast and brightness", .contrast = 0.6},
};

/* Which picture comes when: source pictures in order, or piece by piece of one digit. */
static void
order_stream(const Bench *bench, const Drift *drift, uint64_t seed, uint32_t *order)
{
  if (!drift->bursts) {
    for (uint32_t n = 0; n < LENGTH; n++)
      order[n] = SOURCE + n;
    return;
  }
  DcRandom random;
  dc_random_seed(&random, seed, 2);
  uint32_t next[CLASSES];
  for (uint32_t k = 0; k < CLASSES; k++)
    next[k] = SOURCE;
  for (uint32_t n = 0; n < LENGTH;) {
    uint32_t class = dc_random_below(&random, CLASSES);
    uint32_t left = 50 + dc_random_below(&random, 451);
    for (; next[class] < SOURCE + LENGTH && left > 0; next[class]++) {
      if (digit(bench, next[class]) == class) {
        order[n++] = next[class];
        left--;
      }
    }
  }
}

static void
make_stream(Bench *bench, const Drift *drift, uint64_t seed)
{
  uint32_t *order = DC_NEW(uint32_t, LENGTH);
  float *patch = DC_NEW(float, PIXELS);
  order_stream(bench, drift, seed, order);
  for (size_t n = 0; n < LENGTH; n++) {
    double t = (double)n / LENGTH, middle = 1 - fabs(2 * t - 1);
    double degrees = drift->turn * t + drift->swing * sin(4 * PI * t) +
                     (t >= 1.0 / 3 && t < 2.0 / 3 ? drift->jump : 0);
    render(picture(bench, order[n]), degrees, 1 - drift->contrast * middle,
           100 * drift->contrast * middle, patch);
    embed(bench, patch, bench->stream + n * DIM);
    bench->truth[n] = digit(bench, order[n]);
  }
  dc_free(order);
  dc_free(patch);
}

/* --- methods --- */

typedef struct {
  const char *name;
  DcMethod method;
  double half_life; /* of the peer, in embeddings; 0: not the peer */
} Method;

static const Method methods[] = {
    {.name = "frozen", .method = DC_METHOD_NONE},
    {.name = "transport", .method = DC_METHOD_TRANSPORT},
    {.name = "attention", .method = DC_METHOD_ATTENTION},
    {.name = "k-means", .method = DC_METHOD_K_MEANS},
    {.name = "mixture", .method = DC_METHOD_MIXTURE},
    {.name = "secu", .method = DC_METHOD_SECU},
    {.name = "peer: forgetting 2000", .half_life = 2000},
    {.name = "peer: forgetting 5000", .half_life = 5000},
};

static void
run_adapter(Bench *bench, const Method *method)
{
  DcAdapterConfig config = dc_adapter_config();
  config.method = method->method;
  config.clusters = CLUSTERS;
  config.interval = BATCH;
  DcAdapter *adapter;
  DcMatrix centroids = dc_matrix(bench->centroids, CLUSTERS, DIM);
  must(dc_adapter_new(&config, DIM, "pca", &adapter, NULL), "adapter");
  must(dc_adapter_start(adapter, &centroids, bench->spread, NULL, NULL), "start");
  DcAssigner *assigner = dc_assigner_new();
  for (size_t first = 0; first < LENGTH; first += BATCH) {
    size_t count = LENGTH - first < BATCH ? LENGTH - first : BATCH;
    DcMatrix batch = dc_matrix(bench->stream + first * DIM, count, DIM);
    DcAssignment assignments[BATCH];
    DcPushResult result;
    DcSnapshot *snapshot = dc_adapter_snapshot(adapter);
    must(dc_snapshot_assign(snapshot, assigner, &batch, 0, assignments), "assign");
    dc_snapshot_unref(snapshot);
    for (size_t i = 0; i < count; i++)
      bench->labels[first + i] = assignments[i].cluster;
    must(dc_adapter_push(adapter, &batch, first, &result), "push");
    must(dc_adapter_adapt(adapter, true, NULL), "adapt");
  }
  dc_assigner_free(assigner);
  dc_adapter_free(adapter);
}

/* Streaming k-means with forgetting (as in MLlib): means of all members, weighed by age. */
static void
run_forgetting(Bench *bench, const Method *method)
{
  double centres[CLUSTERS][DIM], mass[CLUSTERS], fade = exp2(-BATCH / method->half_life);
  float now[CLUSTERS * DIM];
  float *scratch = DC_NEW(float, dc_nearest_scratch(CLUSTERS, DIM));
  DcMatrix centroids = dc_matrix(now, CLUSTERS, DIM);
  for (size_t k = 0; k < CLUSTERS; k++) {
    mass[k] = method->half_life / CLUSTERS;
    for (size_t j = 0; j < DIM; j++)
      centres[k][j] = bench->centroids[k * DIM + j];
  }
  for (size_t first = 0; first < LENGTH; first += BATCH) {
    size_t count = LENGTH - first < BATCH ? LENGTH - first : BATCH;
    DcMatrix batch = dc_matrix(bench->stream + first * DIM, count, DIM);
    for (size_t i = 0; i < CLUSTERS * DIM; i++)
      now[i] = (float)centres[i / DIM][i % DIM];
    dc_nearest(&batch, &centroids, scratch, bench->labels + first, NULL);
    for (size_t k = 0; k < CLUSTERS; k++)
      mass[k] *= fade;
    for (size_t i = 0; i < count; i++) {
      uint32_t k = bench->labels[first + i];
      mass[k]++;
      for (size_t j = 0; j < DIM; j++)
        centres[k][j] += ((double)dc_matrix_row(&batch, i)[j] - centres[k][j]) / mass[k];
    }
  }
  dc_free(scratch);
}

static void
report(const Bench *bench, const Drift *drift, const Method *method, unsigned seed, double seconds)
{
  DcScores whole, part;
  double windows = 0;
  must(dc_scores(bench->labels, bench->truth, LENGTH, &whole), "scores");
  for (size_t first = 0; first < LENGTH; first += SCORED) {
    must(dc_scores(bench->labels + first, bench->truth + first, SCORED, &part), "scores");
    windows += part.acc * SCORED / LENGTH;
  }
  printf("{\"benchmark\": \"adapting\", \"stream\": \"%s\", \"method\": \"%s\", \"seed\": %u, "
         "\"acc\": %.1f, \"window_acc\": %.1f, \"nmi\": %.1f, \"us_per_embedding\": %.2f}\n",
         drift->name, method->name, seed, 100 * whole.acc, 100 * windows, 100 * whole.nmi,
         1e6 * seconds / LENGTH);
  fflush(stdout);
}

static void
run_seed(Bench *bench, unsigned seed)
{
  size_t count = bench->images.shape[0];
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  for (uint32_t i = 0; i < count; i++)
    bench->order[i] = i;
  dc_random_shuffle(&random, bench->order, count);
  fit_pca(bench);
  fit_clusters(bench, seed);
  for (size_t d = 0; d < sizeof drifts / sizeof *drifts; d++) {
    make_stream(bench, &drifts[d], seed);
    for (size_t m = 0; m < sizeof methods / sizeof *methods; m++) {
      double start = bench_now();
      if (methods[m].half_life > 0)
        run_forgetting(bench, &methods[m]);
      else
        run_adapter(bench, &methods[m]);
      report(bench, &drifts[d], &methods[m], seed, bench_now() - start);
    }
  }
}

static bool
read_mnist(Bench *bench, const char *folder)
{
  char path[4096];
  DcError error;
  snprintf(path, sizeof path, "%s/train-images-idx3-ubyte.gz", folder);
  if (dc_idx_read(path, &bench->images, &error) == DC_OK) {
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte.gz", folder);
    if (dc_idx_read(path, &bench->digits, &error) == DC_OK)
      return bench->images.rank == 3 && bench->images.shape[0] == bench->digits.shape[0] &&
             bench->images.shape[0] >= SOURCE + LENGTH &&
             bench->images.size == bench->images.shape[0] * PIXELS;
    dc_idx_clear(&bench->images);
  }
  fprintf(stderr, "skipped: %s\n", error.message);
  return false;
}

int
main(int argc, char **argv)
{
  Bench bench = {0};
  const char *data = getenv("DRIFTCLUSTER_DATA");
  char folder[4000];
  snprintf(folder, sizeof folder, "%s/mnist", data ? data : argc > 1 ? argv[1] : ".");
  if (!read_mnist(&bench, folder))
    return 77;
  dc_blas_choose_kernels();
  dc_blas_set_threads(1);
  bench.order = DC_NEW(uint32_t, bench.images.shape[0]);
  bench.mean = DC_NEW(float, PIXELS);
  bench.directions = DC_NEW(float, DIM *PIXELS);
  bench.source = DC_NEW(float, SOURCE *DIM);
  bench.centroids = DC_NEW(float, CLUSTERS *DIM);
  bench.spread = DC_NEW(float, CLUSTERS);
  bench.stream = DC_NEW(float, LENGTH *DIM);
  bench.truth = DC_NEW(uint32_t, LENGTH);
  bench.labels = DC_NEW(uint32_t, LENGTH);
  unsigned seeds = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
  for (unsigned seed = 0; seed < seeds; seed++)
    run_seed(&bench, seed);
  void *blocks[] = {bench.order,  bench.mean,   bench.directions, bench.source, bench.centroids,
                    bench.spread, bench.stream, bench.truth,      bench.labels};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    dc_free(blocks[i]);
  dc_idx_clear(&bench.images);
  dc_idx_clear(&bench.digits);
  return 0;
}
