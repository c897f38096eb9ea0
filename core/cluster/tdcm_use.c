/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm_use.h"

#include "base/checked.h"
#include "base/memory.h"
#include "tensor/blas.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"

#include <math.h>
#include <string.h>

static bool
is_linear(const DcTdcmUse *use)
{
  return use->module->score != DC_TDCM_NONLINEAR;
}

DcMatrix
dc_tdcm_use_points(const DcTdcmUse *use)
{
  const size_t d = use->module->dim;
  return (DcMatrix){use->numbers + (is_linear(use) ? d : 0), use->samples, use->width, 2 * d};
}

DcMatrix
dc_tdcm_use_features(const DcTdcmUse *use)
{
  const size_t d = use->module->dim;
  return (DcMatrix){use->numbers, use->samples, d, 2 * d};
}

/* The part of points that is scored. */
static DcMatrix
scored_part(const DcTdcmUse *use, const DcMatrix *points)
{
  return (DcMatrix){points->data, points->rows, use->module->dim, points->stride};
}

/* The part of points that is averaged, in the units of z. */
static DcMatrix
standardised_part(const DcTdcmUse *use, const DcMatrix *points)
{
  const size_t d = use->module->dim;
  return (DcMatrix){points->data + points->cols - d, points->rows, d, points->stride};
}

DcMatrix
dc_tdcm_use_centroids(const DcTdcmUse *use, size_t start)
{
  return dc_matrix(use->centroids + start * use->clusters * use->width, use->clusters, use->width);
}

float *
dc_tdcm_use_bias(const DcTdcmUse *use, size_t start)
{
  return use->biases + start * use->clusters;
}

/* ---- memory ---- */

static bool
open_desk(DcTdcmDesk *desk, const DcTdcmUse *use)
{
  const size_t d = use->module->dim, affinity = dc_affinity_size(use->clusters, d);
  desk->attention = dc_attention_new(use->clusters, d);
  desk->affinity = affinity ? DC_NEW(float, affinity) : NULL;
  if (!desk->attention || !desk->affinity)
    return false;
  const DcAffinity layout = dc_affinity_place(desk->affinity, use->clusters, d);
  desk->mass = DC_NEW(double, use->clusters);
  desk->scores = DC_NEW(float, dc_affinity_chunk(&layout));
  desk->labels = DC_NEW(uint32_t, dc_affinity_chunk(&layout));
  return desk->mass && desk->scores && desk->labels;
}

static void
close_desk(DcTdcmDesk *desk)
{
  dc_attention_free(desk->attention);
  dc_free(desk->affinity);
  dc_free(desk->mass);
  dc_free(desk->scores);
  dc_free(desk->labels);
}

void
dc_tdcm_use_clear(DcTdcmUse *use)
{
  dc_free(use->means);
  dc_free(use->numbers);
  dc_free(use->root);
  dc_free(use->shift);
  dc_free(use->metric);
  dc_free(use->scored_means);
  dc_free(use->first);
  dc_free(use->centroids);
  dc_free(use->biases);
  dc_free(use->losses);
  for (size_t i = 0; use->desks && i < use->desk_count; i++)
    close_desk(&use->desks[i]);
  dc_free(use->desks);
}

static bool
allocate(DcTdcmUse *use)
{
  const size_t d = use->module->dim, starts = use->starts;
  size_t first, centroids;
  if (!dc_checked_mul(starts, use->clusters, &first) ||
      !dc_checked_mul(first, use->width, &centroids))
    return false;
  use->means = dc_alloc(d, 2 * sizeof(double)); /* and variances, on the way */
  use->numbers = dc_alloc(use->samples, 2 * d * sizeof(float));
  use->root = DC_NEW(float, d *d);
  use->shift = DC_NEW(float, d);
  use->metric = DC_NEW(float, d *d);
  use->scored_means = DC_NEW(double, d);
  use->first = DC_NEW(uint32_t, first);
  use->centroids = DC_NEW(float, centroids);
  use->biases = DC_NEW(float, first);
  use->losses = DC_NEW(double, starts);
  use->desks = DC_NEW(DcTdcmDesk, use->desk_count);
  bool complete = use->means && use->numbers && use->root && use->shift && use->metric &&
                  use->scored_means && use->first && use->centroids && use->biases && use->losses &&
                  use->desks;
  for (size_t i = 0; complete && i < use->desk_count; i++)
    complete = open_desk(&use->desks[i], use);
  return complete;
}

/* ---- preparing ---- */

double
dc_tdcm_measure(const DcMatrix *samples, const float *weights, double *means, double *scale)
{
  const size_t d = samples->cols;
  double *variances = means + d, sum = 0;
  const double total = dc_column_moments(samples, weights, means, variances);
  for (size_t k = 0; k < d; k++)
    sum += variances[k];
  *scale = sum > 0 ? sqrt(sum / (double)d) : 1;
  return total;
}

static void
standardise(DcTdcmUse *use, const DcMatrix *samples)
{
  const DcMatrix numbers = dc_matrix(use->numbers, use->samples, 2 * use->module->dim);
  const DcMatrix z = standardised_part(use, &numbers);
  use->total = dc_tdcm_measure(samples, use->weights, use->means, &use->scale);
  dc_standardise_rows(samples, use->means, use->scale, &z);
}

/* Features of samples or centroids that are in the units of z. */
static void
map(const DcTdcmUse *use, const DcMatrix *z, const DcMatrix *features)
{
  const size_t d = use->module->dim;
  const DcMatrix root = dc_matrix(use->root, d, d);
  dc_gemm(DC_PLAIN, DC_PLAIN, 1, z, &root, 0, features);
  if (!is_linear(use))
    dc_asinh_rows(features, use->shift);
}

static bool
find_metric(DcTdcmUse *use)
{
  const size_t d = use->module->dim;
  if (!is_linear(use)) {
    for (size_t k = 0; k < d; k++)
      use->metric[k * d + k] = 1;
    return true;
  }
  double *metric = DC_NEW(double, d *d);
  if (!metric)
    return false;
  /* The blocks have 2 z W c: half of W for z W c. */
  const double factor = use->module->score == DC_TDCM_BILINEAR ? 0.5 : 1;
  dc_tdcm_metric(use->module, metric);
  for (size_t i = 0; i < d * d; i++)
    use->metric[i] = (float)(factor * metric[i]);
  dc_free(metric);
  return true;
}

/* What scores take of the module, whatever the samples. */
static bool
read_module(DcTdcmUse *use)
{
  const DcTdcmModule *module = use->module;
  for (size_t i = 0; i < module->dim * module->dim; i++)
    use->root[i] = (float)module->root[i];
  for (size_t k = 0; k < module->dim && !is_linear(use); k++)
    use->shift[k] = (float)module->shift[k];
  return find_metric(use);
}

static double
constant_of_loss(const DcTdcmUse *use)
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

static void
map_samples(const DcTdcmUse *use)
{
  const DcMatrix numbers = dc_matrix(use->numbers, use->samples, 2 * use->module->dim);
  const DcMatrix z = standardised_part(use, &numbers), features = dc_tdcm_use_features(use);
  map(use, &z, &features);
}

DcStatus
dc_tdcm_use_ready_loss(DcTdcmUse *use)
{
  const DcMatrix points = dc_tdcm_use_points(use), features = dc_tdcm_use_features(use);
  const DcMatrix scored = scored_part(use, &points);
  if (is_linear(use))
    map_samples(use);
  if (!dc_matrix_is_finite(&features))
    return DC_ERROR_NOT_FINITE;
  use->constant = constant_of_loss(use);
  dc_column_moments(&scored, NULL, use->scored_means, NULL);
  return DC_OK;
}

bool
dc_tdcm_use_open(DcTdcmUse *use, const DcTdcmModule *module, size_t samples, size_t clusters,
                 size_t starts, size_t desks)
{
  *use = (DcTdcmUse){.module = module,
                     .samples = samples,
                     .clusters = clusters,
                     .width = module->score == DC_TDCM_NONLINEAR ? 2 * module->dim : module->dim,
                     .starts = starts,
                     .desk_count = desks};
  return allocate(use) && read_module(use);
}

DcStatus
dc_tdcm_use_take(DcTdcmUse *use, const DcMatrix *samples, const float *weights)
{
  use->weights = weights;
  standardise(use, samples);
  if (!is_linear(use))
    map_samples(use);
  const DcMatrix points = dc_tdcm_use_points(use);
  return dc_matrix_is_finite(&points) ? DC_OK : DC_ERROR_NOT_FINITE;
}

/* ---- one start ---- */

/* a^T M b for the metric of the scores. */
static double
metric_product(const DcTdcmUse *use, const double *a, const float *b)
{
  const size_t d = use->module->dim;
  double sum = 0;
  for (size_t k = 0; k < d; k++) {
    double row = 0;
    for (size_t l = 0; l < d; l++)
      row += (double)use->metric[k * d + l] * b[l];
    sum += a[k] * row;
  }
  return sum;
}

/* |c|^2 in the metric of the scores. */
static double
squared_length(const DcTdcmUse *use, const float *c)
{
  const size_t d = use->module->dim;
  double sum = 0;
  for (size_t k = 0; k < d; k++)
    for (size_t l = 0; l < d; l++)
      sum += (double)c[k] * use->metric[k * d + l] * c[l];
  return sum;
}

/* What is added to the scores; `mass` (NULL: none yet) is that of the block before. */
static void
find_bias(const DcTdcmUse *use, const DcMatrix *centroids, const double *mass, float *bias)
{
  const double k = (double)use->clusters, epsilon = use->module->epsilon;
  for (size_t j = 0; j < use->clusters; j++) {
    double sum = 0;
    if (use->module->score == DC_TDCM_BILINEAR) /* takes back what the blocks subtract */
      sum += squared_length(use, dc_matrix_row(centroids, j));
    if (use->module->shares && mass)
      sum += log(k * (mass[j] + epsilon) / (use->total + k * epsilon));
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

double
dc_tdcm_use_assign(const DcTdcmUse *use, DcTdcmDesk *desk, size_t start, uint32_t *labels)
{
  const DcMatrix points = dc_tdcm_use_points(use), places = dc_tdcm_use_centroids(use, start);
  const DcMatrix samples = scored_part(use, &points), centroids = scored_part(use, &places);
  DcAffinity affinity = dc_affinity_place(desk->affinity, use->clusters, use->module->dim);
  dc_affinity_aim(&affinity, &centroids,
                  &(DcAffinityMetric){.metric = use->metric, .bias = dc_tdcm_use_bias(use, start)});
  const size_t most = dc_affinity_chunk(&affinity);
  double sum = 0;
  for (size_t first = 0; first < use->samples; first += most) {
    const size_t rest = use->samples - first, count = rest < most ? rest : most;
    const DcMatrix chunk = dc_matrix_rows(&samples, first, count);
    sum += assign_chunk(&affinity, &chunk, desk->scores, desk->labels);
    if (labels)
      memcpy(labels + first, desk->labels, count * sizeof *labels);
  }
  /* Scores relative to an origin o lack 2 x.o - |o|^2. */
  const double lacking = 2 * metric_product(use, use->scored_means, affinity.origin) -
                         squared_length(use, affinity.origin);
  return use->constant - sum / (double)use->samples - lacking;
}

static void
map_centroids(const DcTdcmUse *use, const DcMatrix *centroids)
{
  const DcMatrix z = standardised_part(use, centroids);
  const DcMatrix features = {centroids->data, centroids->rows, use->module->dim, centroids->stride};
  map(use, &z, &features);
}

DcStatus
dc_tdcm_use_run(const DcTdcmUse *use, DcTdcmDesk *desk, size_t start, uint32_t blocks)
{
  const DcMatrix points = dc_tdcm_use_points(use), centroids = dc_tdcm_use_centroids(use, start);
  const DcMatrix samples = scored_part(use, &points), keys = scored_part(use, &centroids);
  const DcAttentionValues values = {standardised_part(use, &points),
                                    standardised_part(use, &centroids)};
  const DcAttentionOptions options = {.metric = is_linear(use) ? use->metric : NULL,
                                      .temperature = 1,
                                      .bias = dc_tdcm_use_bias(use, start),
                                      .epsilon = use->module->epsilon,
                                      .values = is_linear(use) ? NULL : &values};
  find_bias(use, &centroids, NULL, dc_tdcm_use_bias(use, start));
  for (uint32_t block = 0; block < blocks; block++) {
    DcStatus status = dc_attention_update(desk->attention, &options, &samples, use->weights, &keys,
                                          &values.centroids, desk->mass);
    if (status)
      return status;
    if (!is_linear(use))
      map_centroids(use, &centroids);
    find_bias(use, &centroids, desk->mass, dc_tdcm_use_bias(use, start));
  }
  return DC_OK;
}

/* ---- centroids in the units of the samples ---- */

void
dc_tdcm_use_read(const DcTdcmUse *use, size_t start, const DcMatrix *centroids)
{
  const DcMatrix points = dc_tdcm_use_centroids(use, start), z = standardised_part(use, &points);
  dc_standardise_rows(centroids, use->means, use->scale, &z);
  if (!is_linear(use))
    map_centroids(use, &points);
}

void
dc_tdcm_use_write(const DcTdcmUse *use, size_t start, const DcMatrix *centroids)
{
  const DcMatrix points = dc_tdcm_use_centroids(use, start), z = standardised_part(use, &points);
  for (size_t j = 0; j < z.rows; j++)
    for (size_t k = 0; k < z.cols; k++)
      dc_matrix_row(centroids, j)[k] =
          (float)(use->means[k] + use->scale * dc_matrix_row(&z, j)[k]);
}

/* ---- refusing ---- */

DcStatus
dc_tdcm_use_check(const DcTdcmModule *module, const DcMatrix *samples, const DcMatrix *centroids,
                  DcError *error)
{
  DcStatus status = dc_tdcm_check(module, error);
  if (status)
    return status;
  if (samples->cols != module->dim || centroids->cols != module->dim || !samples->rows ||
      !centroids->rows)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "an attention module of dimension %zu, %zu samples of %zu numbers and %zu "
                        "centroids of %zu do not fit",
                        module->dim, samples->rows, samples->cols, centroids->rows,
                        centroids->cols);
  return DC_OK;
}

DcStatus
dc_tdcm_use_describe(DcStatus status, const DcMatrix *samples, DcError *error)
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
