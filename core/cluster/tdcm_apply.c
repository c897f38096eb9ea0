/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/checked.h"
#include "base/memory.h"
#include "base/workers.h"
#include "cluster/affinity.h"
#include "cluster/attention.h"
#include "cluster/kmeans.h"
#include "cluster/tdcm_source.h"
#include "tensor/blas.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"

#include <math.h>
#include <string.h>

/* What one thread works in. */
typedef struct {
  DcAttention *attention;
  float *affinity;  /* memory of a DcAffinity */
  double *mass;     /* K */
  float *scores;    /* a chunk: of the cluster of each sample */
  uint32_t *labels; /* a chunk */
  DcStatus status;  /* the first failure of its starts */
} Desk;

/* A module being applied. Every sample stands as 2 d numbers: its features y, then its standardised
 * numbers z. The blocks score and average the same numbers, the "points": these are z, with the
 * metric W, where scores are linear in z, and else all of (y, z), with a metric that sees y only.
 */
typedef struct {
  const DcTdcmModule *module;
  size_t samples, clusters, width; /* N, K, of a point */
  double *means, scale;            /* d; of the samples */
  float *numbers;                  /* N x 2 d */
  float *root;                     /* G, d x d */
  float *metric;                   /* width x width */
  double *point_means;             /* width */
  double constant;                 /* the part of L_nll that centroids do not change */
  uint32_t *first;                 /* R x K: the samples that are the first centroids */
  float *centroids;                /* R x K x width */
  float *biases;                   /* R x K: what is added to the scores for the centroids */
  double *losses;                  /* R */
  size_t desk_count;
  Desk *desks;
} Use;

static bool
is_linear(const Use *use)
{
  return use->module->score != DC_TDCM_NONLINEAR;
}

static DcMatrix
points_of(const Use *use)
{
  const size_t d = use->module->dim;
  return (DcMatrix){use->numbers + (is_linear(use) ? d : 0), use->samples, use->width, 2 * d};
}

static DcMatrix
features_of(const Use *use)
{
  const size_t d = use->module->dim;
  return (DcMatrix){use->numbers, use->samples, d, 2 * d};
}

/* The part of centroids that is in the units of z. */
static DcMatrix
standardised_part(const Use *use, const DcMatrix *points)
{
  const size_t d = use->module->dim;
  return (DcMatrix){points->data + points->cols - d, points->rows, d, points->stride};
}

static DcMatrix
centroids_of(const Use *use, size_t start)
{
  return dc_matrix(use->centroids + start * use->clusters * use->width, use->clusters, use->width);
}

static float *
bias_of(const Use *use, size_t start)
{
  return use->biases + start * use->clusters;
}

/* ---- memory ---- */

static bool
open_desk(Desk *desk, const Use *use)
{
  const size_t affinity = dc_affinity_size(use->clusters, use->width);
  desk->attention = dc_attention_new(use->clusters, use->width);
  desk->affinity = affinity ? DC_NEW(float, affinity) : NULL;
  if (!desk->attention || !desk->affinity)
    return false;
  const DcAffinity layout = dc_affinity_place(desk->affinity, use->clusters, use->width);
  desk->mass = DC_NEW(double, use->clusters);
  desk->scores = DC_NEW(float, dc_affinity_chunk(&layout));
  desk->labels = DC_NEW(uint32_t, dc_affinity_chunk(&layout));
  return desk->mass && desk->scores && desk->labels;
}

static void
close_desk(Desk *desk)
{
  dc_attention_free(desk->attention);
  dc_free(desk->affinity);
  dc_free(desk->mass);
  dc_free(desk->scores);
  dc_free(desk->labels);
}

static void
use_clear(Use *use)
{
  dc_free(use->means);
  dc_free(use->numbers);
  dc_free(use->root);
  dc_free(use->metric);
  dc_free(use->point_means);
  dc_free(use->first);
  dc_free(use->centroids);
  dc_free(use->biases);
  dc_free(use->losses);
  for (size_t i = 0; use->desks && i < use->desk_count; i++)
    close_desk(&use->desks[i]);
  dc_free(use->desks);
}

static bool
allocate(Use *use)
{
  const size_t d = use->module->dim, starts = use->module->seeds;
  size_t first, centroids;
  if (!dc_checked_mul(starts, use->clusters, &first) ||
      !dc_checked_mul(first, use->width, &centroids))
    return false;
  use->means = dc_alloc(d, 2 * sizeof(double)); /* and variances, on the way */
  use->numbers = dc_alloc(use->samples, 2 * d * sizeof(float));
  use->root = DC_NEW(float, d *d);
  use->metric = DC_NEW(float, use->width * use->width);
  use->point_means = DC_NEW(double, use->width);
  use->first = DC_NEW(uint32_t, first);
  use->centroids = DC_NEW(float, centroids);
  use->biases = DC_NEW(float, first);
  use->losses = DC_NEW(double, starts);
  use->desks = DC_NEW(Desk, use->desk_count);
  bool complete = use->means && use->numbers && use->root && use->metric && use->point_means &&
                  use->first && use->centroids && use->biases && use->losses && use->desks;
  for (size_t i = 0; complete && i < use->desk_count; i++)
    complete = open_desk(&use->desks[i], use);
  return complete;
}

/* ---- preparing ---- */

static void
standardise(Use *use, const DcMatrix *samples)
{
  const size_t d = samples->cols;
  double *variances = use->means + d, sum = 0;
  dc_column_moments(samples, NULL, use->means, variances);
  for (size_t k = 0; k < d; k++)
    sum += variances[k];
  use->scale = sum > 0 ? sqrt(sum / (double)d) : 1;
  for (size_t i = 0; i < samples->rows; i++) {
    const float *sample = dc_matrix_row(samples, i);
    float *z = use->numbers + (2 * i + 1) * d;
    for (size_t k = 0; k < d; k++)
      z[k] = (float)((sample[k] - use->means[k]) / use->scale);
  }
}

/* Features of samples or centroids that are in the units of z. */
static void
map(const Use *use, const DcMatrix *z, const DcMatrix *features)
{
  const size_t d = use->module->dim;
  const DcMatrix root = dc_matrix(use->root, d, d);
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, z, &root, 0, features);
  for (size_t i = 0; !is_linear(use) && i < features->rows; i++) {
    float *y = dc_matrix_row(features, i);
    for (size_t k = 0; k < d; k++)
      y[k] = (float)asinh(y[k] + use->module->shift[k]);
  }
}

static DcStatus
find_metric(Use *use)
{
  const size_t d = use->module->dim;
  if (!is_linear(use)) {
    for (size_t k = 0; k < d; k++)
      use->metric[k * use->width + k] = 1;
    return DC_OK;
  }
  double *metric = DC_NEW(double, d *d);
  if (!metric)
    return DC_ERROR_MEMORY;
  /* The blocks have 2 z W c: half of W for z W c. */
  const double factor = use->module->score == DC_TDCM_BILINEAR ? 0.5 : 1;
  dc_tdcm_metric(use->module, metric);
  for (size_t i = 0; i < d * d; i++)
    use->metric[i] = (float)(factor * metric[i]);
  dc_free(metric);
  return DC_OK;
}

static double
constant_of_loss(const Use *use)
{
  const size_t d = use->module->dim;
  double sum = 0;
  for (size_t i = 0; i < use->samples; i++) {
    const float *y = use->numbers + 2 * i * d;
    for (size_t k = 0; k < d; k++)
      sum += (double)y[k] * y[k] + (is_linear(use) ? 0 : dc_tdcm_log_cosh(y[k]));
  }
  return sum / (double)use->samples + dc_tdcm_log_volume(use->module);
}

/* Draws all starts, one after the other, so that the threads do not matter. */
static DcStatus
draw_starts(Use *use, DcRandom *random)
{
  float *scratch = dc_alloc(use->samples, 2 * sizeof(float));
  if (!scratch)
    return DC_ERROR_MEMORY;
  const DcMatrix features = features_of(use), points = points_of(use);
  for (size_t start = 0; start < use->module->seeds; start++) {
    uint32_t *rows = use->first + start * use->clusters;
    const DcMatrix centroids = centroids_of(use, start);
    dc_kmeans_seed_rows(&features, random, scratch, use->clusters, rows);
    for (size_t j = 0; j < use->clusters; j++)
      memcpy(dc_matrix_row(&centroids, j), dc_matrix_row(&points, rows[j]),
             use->width * sizeof(float));
  }
  dc_free(scratch);
  return DC_OK;
}

static DcStatus
prepare(Use *use, const DcMatrix *samples, DcRandom *random)
{
  for (size_t i = 0; i < use->module->dim * use->module->dim; i++)
    use->root[i] = (float)use->module->root[i];
  standardise(use, samples);
  const DcMatrix numbers = dc_matrix(use->numbers, use->samples, 2 * use->module->dim);
  const DcMatrix z = standardised_part(use, &numbers), features = features_of(use);
  const DcMatrix points = points_of(use);
  map(use, &z, &features);
  use->constant = constant_of_loss(use);
  dc_column_moments(&points, NULL, use->point_means, NULL);
  if (!dc_matrix_is_finite(&numbers))
    return DC_ERROR_NOT_FINITE;
  DcStatus status = find_metric(use);
  return status ? status : draw_starts(use, random);
}

/* ---- one start ---- */

/* a^T M b for the metric of the blocks. */
static double
metric_product(const Use *use, const double *a, const float *b)
{
  double sum = 0;
  for (size_t k = 0; k < use->width; k++) {
    double row = 0;
    for (size_t l = 0; l < use->width; l++)
      row += (double)use->metric[k * use->width + l] * b[l];
    sum += a[k] * row;
  }
  return sum;
}

/* |c|^2 in the metric of the blocks. */
static double
squared_length(const Use *use, const float *c)
{
  double sum = 0;
  for (size_t k = 0; k < use->width; k++)
    for (size_t l = 0; l < use->width; l++)
      sum += (double)c[k] * use->metric[k * use->width + l] * c[l];
  return sum;
}

/* What is added to the scores; `mass` (NULL: none yet) is that of the block before. */
static void
find_bias(const Use *use, const DcMatrix *centroids, const double *mass, float *bias)
{
  const double k = (double)use->clusters, epsilon = use->module->epsilon;
  for (size_t j = 0; j < use->clusters; j++) {
    double sum = 0;
    if (use->module->score == DC_TDCM_BILINEAR) /* takes back what the blocks subtract */
      sum += squared_length(use, dc_matrix_row(centroids, j));
    if (use->module->shares && mass)
      sum += log(k * (mass[j] + epsilon) / ((double)use->samples + k * epsilon));
    bias[j] = (float)sum;
  }
}

/* Assigns a chunk: labels, and the sum of log sum_j exp S_ij, with S relative to the affinity's
 * origin. */
static double
assign_chunk(DcAffinity *affinity, const DcMatrix *chunk, float *best, uint32_t *labels)
{
  const DcMatrix scores = dc_affinity_score(affinity, chunk);
  double sum = 0;
  dc_largest_in_columns(&scores, labels);
  for (size_t i = 0; i < chunk->rows; i++)
    best[i] = dc_matrix_row(&scores, labels[i])[i];
  dc_softmax_columns(&scores, NULL, NULL);
  /* The weight of a score is exp(score - log sum): at least 1 / K for the largest. */
  for (size_t i = 0; i < chunk->rows; i++)
    sum += best[i] - log(dc_matrix_row(&scores, labels[i])[i]);
  return sum;
}

/* Assigns all samples to the centroids of a start; returns L_nll. `labels` may be NULL. */
static double
assign(const Use *use, Desk *desk, size_t start, uint32_t *labels)
{
  const DcMatrix points = points_of(use), centroids = centroids_of(use, start);
  DcAffinity affinity = dc_affinity_place(desk->affinity, use->clusters, use->width);
  dc_affinity_aim(&affinity, &centroids,
                  &(DcAffinityMetric){.metric = use->metric, .bias = bias_of(use, start)});
  const size_t most = dc_affinity_chunk(&affinity);
  double sum = 0;
  for (size_t first = 0; first < use->samples; first += most) {
    const size_t rest = use->samples - first, count = rest < most ? rest : most;
    const DcMatrix chunk = dc_matrix_rows(&points, first, count);
    sum += assign_chunk(&affinity, &chunk, desk->scores, desk->labels);
    if (labels)
      memcpy(labels + first, desk->labels, count * sizeof *labels);
  }
  /* Scores relative to an origin o lack 2 x.o - |o|^2. */
  const double lacking = 2 * metric_product(use, use->point_means, affinity.origin) -
                         squared_length(use, affinity.origin);
  return use->constant - sum / (double)use->samples - lacking;
}

static void
map_centroids(const Use *use, const DcMatrix *centroids)
{
  const DcMatrix z = standardised_part(use, centroids);
  const DcMatrix features = {centroids->data, centroids->rows, use->module->dim, centroids->stride};
  map(use, &z, &features);
}

static DcStatus
run_blocks(const Use *use, Desk *desk, size_t start)
{
  const DcMatrix points = points_of(use), centroids = centroids_of(use, start);
  const DcAttentionOptions options = {.metric = use->metric,
                                      .bias = bias_of(use, start),
                                      .epsilon = use->module->epsilon};
  find_bias(use, &centroids, NULL, bias_of(use, start));
  for (uint32_t block = 0; block < use->module->blocks; block++) {
    DcStatus status = dc_attention_update(desk->attention, &options, &points, NULL, &centroids,
                                          &centroids, desk->mass);
    if (status)
      return status;
    if (!is_linear(use))
      map_centroids(use, &centroids);
    find_bias(use, &centroids, desk->mass, bias_of(use, start));
  }
  return DC_OK;
}

/* The starts of one thread. */
static void
run_starts(void *data, size_t worker)
{
  const Use *use = data;
  Desk *desk = &use->desks[worker];
  for (size_t start = worker; start < use->module->seeds && !desk->status;
       start += use->desk_count) {
    desk->status = run_blocks(use, desk, start);
    if (!desk->status)
      use->losses[start] = assign(use, desk, start, NULL);
    if (!desk->status && !isfinite(use->losses[start]))
      desk->status = DC_ERROR_NOT_FINITE;
  }
}

static DcStatus
run_all_starts(Use *use)
{
  DcWorkers *workers = dc_workers_new(use->desk_count);
  if (!workers)
    return DC_ERROR_MEMORY;
  dc_workers_run(workers, run_starts, use);
  dc_workers_free(workers);
  for (size_t i = 0; i < use->desk_count; i++)
    if (use->desks[i].status)
      return use->desks[i].status;
  return DC_OK;
}

/* ---- the result ---- */

static size_t
best_start(const Use *use)
{
  size_t best = 0;
  for (size_t start = 1; start < use->module->seeds; start++)
    if (use->losses[start] < use->losses[best])
      best = start;
  return best;
}

static void
write_centroids(const Use *use, size_t start, const DcMatrix *centroids)
{
  const DcMatrix points = centroids_of(use, start), z = standardised_part(use, &points);
  for (size_t j = 0; j < z.rows; j++)
    for (size_t k = 0; k < z.cols; k++)
      dc_matrix_row(centroids, j)[k] =
          (float)(use->means[k] + use->scale * dc_matrix_row(&z, j)[k]);
}

static DcStatus
check(const DcTdcmModule *module, const DcMatrix *samples, const DcMatrix *centroids,
      size_t threads, DcError *error)
{
  DcStatus status = dc_tdcm_check(module, error);
  if (status)
    return status;
  if (threads < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "applying an attention module with 0 threads");
  if (samples->cols != module->dim || centroids->cols != module->dim || !samples->rows ||
      !centroids->rows)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "an attention module of dimension %zu, %zu samples of %zu numbers and %zu "
                        "centroids of %zu do not fit",
                        module->dim, samples->rows, samples->cols, centroids->rows,
                        centroids->cols);
  return DC_OK;
}

static DcStatus
describe(DcStatus status, const DcMatrix *samples, DcError *error)
{
  if (status == DC_ERROR_MEMORY)
    return dc_error_set(error, status, "no memory to apply an attention module to %zu samples",
                        samples->rows);
  if (status == DC_ERROR_NOT_FINITE)
    return dc_error_set(error, status,
                        "attention over %zu samples has no finite result: a sample holds NaN or "
                        "infinity, or the numbers are too large",
                        samples->rows);
  return status;
}

DcStatus
dc_tdcm_apply_shared(const DcTdcmModule *module, const DcMatrix *samples, DcRandom *random,
                     size_t threads, const DcMatrix *centroids, uint32_t *labels, DcTdcmFit *fit,
                     DcError *error)
{
  Use use = {.module = module,
             .samples = samples->rows,
             .clusters = centroids->rows,
             .width = module->score == DC_TDCM_NONLINEAR ? 2 * module->dim : module->dim,
             .desk_count = threads < module->seeds ? threads : module->seeds};
  DcStatus status = allocate(&use) ? prepare(&use, samples, random) : DC_ERROR_MEMORY;
  if (!status)
    status = run_all_starts(&use);
  if (!status) {
    const size_t best = best_start(&use);
    write_centroids(&use, best, centroids);
    if (labels)
      assign(&use, &use.desks[0], best, labels);
    if (fit)
      *fit = (DcTdcmFit){.loss = use.losses[best], .scale = use.scale};
  }
  use_clear(&use);
  return describe(status, samples, error);
}

DcStatus
dc_tdcm_apply(const DcTdcmModule *module, const DcMatrix *samples, DcRandom *random, size_t threads,
              const DcMatrix *centroids, uint32_t *labels, DcTdcmFit *fit, DcError *error)
{
  DcStatus status = check(module, samples, centroids, threads, error);
  if (status)
    return status;
  /* Fewer samples than clusters say nothing of the clusters' shapes. */
  if (module->source && samples->rows >= centroids->rows)
    return dc_tdcm_apply_own(module, samples, random, centroids, labels, fit, error);
  return dc_tdcm_apply_shared(module, samples, random, threads, centroids, labels, fit, error);
}
