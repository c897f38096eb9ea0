/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm_source.h"

#include "base/memory.h"
#include "cluster/tdcm_metrics.h"
#include "cluster/tdcm_use.h"
#include "cluster/transport_linear.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

/* Starts are looked for among so many samples a cluster, with so many blocks; the best goes on. One
 * that after the first few is so far behind the best, in nats a sample, as that was then, is given
 * up. */
#define SEARCH_SAMPLES 128
#define FIRST_BLOCKS   2
#define MORE_BLOCKS    8
#define HOPELESS       0.1

/* Clusters settle on so many samples each, before the last blocks see all. */
#define SETTLE_SAMPLES 256
#define LAST_BLOCKS    2

/* Standardised samples of a domain, in any order, so that the first of them are a random choice. */
typedef struct {
  size_t count, dim;
  double *means, scale; /* d, with room for d variances */
  float *numbers;       /* N x d */
  uint32_t *order;      /* N: the place of each in the samples */
} Standard;

static void
standard_clear(Standard *standard)
{
  dc_free(standard->means);
  dc_free(standard->numbers);
  dc_free(standard->order);
}

static bool
standard_init(Standard *standard, const DcMatrix *samples)
{
  *standard = (Standard){.count = samples->rows, .dim = samples->cols};
  standard->means = dc_alloc(samples->cols, 2 * sizeof(double));
  standard->numbers = dc_alloc(samples->rows, samples->cols * sizeof(float));
  standard->order = DC_NEW(uint32_t, samples->rows);
  return standard->means && standard->numbers && standard->order;
}

static void
shuffle(uint32_t *order, size_t count, DcRandom *random)
{
  for (size_t i = 0; i < count; i++)
    order[i] = (uint32_t)i;
  for (size_t i = count; i > 1; i--) {
    const size_t other = dc_random_below(random, (uint32_t)i);
    const uint32_t last = order[i - 1];
    order[i - 1] = order[other];
    order[other] = last;
  }
}

static void
standardise(Standard *standard, const DcMatrix *samples, DcRandom *random)
{
  const DcMatrix numbers = dc_matrix(standard->numbers, standard->count, standard->dim);
  dc_tdcm_measure(samples, NULL, standard->means, &standard->scale);
  shuffle(standard->order, standard->count, random);
  for (size_t i = 0; i < standard->count; i++) {
    const DcMatrix sample = dc_matrix_rows(samples, standard->order[i], 1);
    const DcMatrix z = dc_matrix_rows(&numbers, i, 1);
    dc_standardise_rows(&sample, standard->means, standard->scale, &z);
  }
}

static DcMatrix
some_of(const Standard *standard, size_t wanted)
{
  return dc_matrix(standard->numbers, wanted < standard->count ? wanted : standard->count,
                   standard->dim);
}

/* ---- starts ---- */

static void
copy_mixture(const DcMixture *from, DcMixture *to)
{
  const size_t k = from->clusters, d = from->dim;
  memcpy(to->weights, from->weights, k * sizeof(double));
  memcpy(to->means, from->means, k * d * sizeof(double));
  memcpy(to->covariances, from->covariances, k * d * d * sizeof(double));
}

/* Clusters of equal shares at `centroids`, all with the covariance (2 W)^-1 of the shared metric.
 */
static DcStatus
share_metric(const DcTdcmModule *module, const DcMatrix *centroids, DcMixture *mixture)
{
  const size_t d = module->dim;
  uint32_t *pivot = DC_NEW(uint32_t, d);
  double *metric = DC_NEW(double, d *d);
  bool regular = pivot && metric;
  if (regular) {
    dc_tdcm_metric(module, metric);
    for (size_t k = 0; k < d * d; k++)
      metric[k] *= 2;
    dc_linear_set_identity(mixture->covariances, d);
    regular = dc_linear_factor(metric, d, 0, pivot);
  }
  if (regular)
    dc_linear_solve(metric, pivot, d, mixture->covariances, d);
  DcStatus status = !pivot || !metric ? DC_ERROR_MEMORY : regular ? DC_OK : DC_ERROR_ARGUMENT;
  for (size_t j = 0; j < mixture->clusters && !status; j++) {
    mixture->weights[j] = 1 / (double)mixture->clusters;
    for (size_t k = 0; k < d; k++)
      mixture->means[j * d + k] = dc_matrix_row(centroids, j)[k];
    if (j > 0)
      memcpy(mixture->covariances + j * d * d, mixture->covariances, d * d * sizeof(double));
  }
  dc_free(pivot);
  dc_free(metric);
  return status;
}

/* Start of a search: the blocks of the shared metric, then the first with metrics of their own. */
static DcStatus
begin_start(const DcTdcmModule *module, const DcMatrix *some, DcRandom *random,
            const DcMatrix *centroids, DcMixture *mixture, double *log_density, DcError *error)
{
  DcTdcmModule shared = *module;
  DcTdcmMetricsOptions options = dc_tdcm_metrics_options();
  shared.seeds = 1;
  options.blocks = FIRST_BLOCKS;
  DcStatus status = dc_tdcm_apply_shared(&shared, some, random, 1, centroids, NULL, NULL, error);
  if (!status)
    status = share_metric(module, centroids, mixture);
  return status ? status : dc_tdcm_metrics_run(&options, some, mixture, log_density);
}

static DcStatus
end_start(const DcMatrix *some, DcMixture *mixture, double *log_density)
{
  DcTdcmMetricsOptions options = dc_tdcm_metrics_options();
  options.blocks = MORE_BLOCKS;
  return dc_tdcm_metrics_run(&options, some, mixture, log_density);
}

/* The best of `starts` on a part of the samples. */
static DcStatus
search(const DcTdcmModule *module, const Standard *standard, uint32_t starts, DcRandom *random,
       DcMixture *best, DcError *error)
{
  const size_t clusters = best->clusters, d = best->dim;
  const DcMatrix some = some_of(standard, SEARCH_SAMPLES * clusters);
  DcMixture *tried = dc_mixture_new(DC_COVARIANCE_FULL, clusters, d);
  float *places = dc_alloc(clusters, d * sizeof(float));
  const DcMatrix centroids = dc_matrix(places, clusters, d);
  DcStatus status = tried && places ? DC_OK : DC_ERROR_MEMORY;
  double begun_at = -INFINITY, ended_at = -INFINITY; /* log-densities of the best */
  for (uint32_t start = 0; start < starts && !status; start++) {
    double begun = 0, ended = 0;
    status = begin_start(module, &some, random, &centroids, tried, &begun, error);
    if (status || begun < begun_at - HOPELESS)
      continue;
    status = end_start(&some, tried, &ended);
    if (!status && ended > ended_at) {
      begun_at = begun;
      ended_at = ended;
      copy_mixture(tried, best);
    }
  }
  dc_mixture_free(tried);
  dc_free(places);
  return status;
}

/* Runs blocks over `wanted` samples until the clusters settle, then a few over all. */
static DcStatus
settle(const Standard *standard, size_t wanted, DcMixture *mixture)
{
  const DcMatrix some = some_of(standard, wanted);
  const DcMatrix all = some_of(standard, standard->count);
  DcTdcmMetricsOptions options = dc_tdcm_metrics_options();
  DcStatus status = dc_tdcm_metrics_run(&options, &some, mixture, NULL);
  options.blocks = LAST_BLOCKS;
  return status || some.rows == all.rows ? status
                                         : dc_tdcm_metrics_run(&options, &all, mixture, NULL);
}

static DcStatus
describe(DcStatus status, const DcMatrix *samples, DcError *error)
{
  if (status == DC_ERROR_MEMORY)
    return dc_error_set(error, status, "no memory to give %zu samples' clusters their metrics",
                        samples->rows);
  if (status == DC_ERROR_ARGUMENT)
    return dc_error_set(error, status,
                        "the metric of a cluster cannot be inverted: the attention module holds "
                        "numbers that no training makes");
  return dc_tdcm_use_describe(status, samples, error);
}

/* ---- learning ---- */

static DcStatus
learn(const DcTdcmModule *module, const Standard *standard, uint32_t starts, DcRandom *random,
      DcMixture *source, DcError *error)
{
  DcStatus status = search(module, standard, starts, random, source, error);
  return status ? status : settle(standard, standard->count, source);
}

DcStatus
dc_tdcm_learn_source(DcTdcmModule *module, const DcMatrix *samples, uint32_t clusters,
                     uint32_t starts, DcRandom *random, DcError *error)
{
  DcStatus status = dc_tdcm_check(module, error);
  if (status)
    return status;
  if (module->score != DC_TDCM_QUADRATIC || starts < 1 || clusters < 1 ||
      samples->rows < clusters || samples->cols != module->dim)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "metrics for %u clusters of %zu samples of %zu numbers from %u starts; "
                        "quadratic scores, a start, and at least as many samples of %zu numbers "
                        "as clusters are needed",
                        clusters, samples->rows, samples->cols, starts, module->dim);
  if (!dc_matrix_is_finite(samples))
    return describe(DC_ERROR_NOT_FINITE, samples, error);
  Standard standard = {0};
  DcMixture *source = dc_mixture_new(DC_COVARIANCE_FULL, clusters, module->dim);
  status = source && standard_init(&standard, samples) ? DC_OK : DC_ERROR_MEMORY;
  if (!status) {
    standardise(&standard, samples, random);
    status = learn(module, &standard, starts, random, source, error);
  }
  standard_clear(&standard);
  if (status) {
    dc_mixture_free(source);
    return describe(status, samples, error);
  }
  dc_mixture_free(module->source);
  module->source = source;
  return DC_OK;
}

/* ---- use ---- */

/* Free numbers of a mixture: weights, means and covariances. */
static double
free_numbers(const DcMixture *mixture)
{
  const double d = (double)mixture->dim;
  return (double)mixture->clusters * (1 + d + d * (d + 1) / 2) - 1;
}

/* The clusters of the source as they settle here, or those of the domain's own starts where these
 * explain more than free numbers explain by themselves: half a nat each, in expectation. `own`
 * holds what is chosen. */
static DcStatus
choose(const DcTdcmModule *module, const Standard *standard, DcMixture *own, double *log_density)
{
  const DcMatrix all = some_of(standard, standard->count);
  DcStatus status = dc_tdcm_metrics_assign(own, &all, NULL, log_density);
  if (status || module->source->clusters != own->clusters)
    return status;
  DcMixture *known = dc_mixture_new(DC_COVARIANCE_FULL, own->clusters, own->dim);
  double log_density_of_known = -INFINITY;
  if (!known)
    return DC_ERROR_MEMORY;
  copy_mixture(module->source, known);
  status = settle(standard, SETTLE_SAMPLES * own->clusters, known);
  if (!status)
    status = dc_tdcm_metrics_assign(known, &all, NULL, &log_density_of_known);
  const double margin = free_numbers(own) / (2 * (double)standard->count);
  if (!status && !(*log_density > log_density_of_known + margin)) {
    copy_mixture(known, own);
    *log_density = log_density_of_known;
  }
  dc_mixture_free(known);
  return status;
}

static DcStatus
write_result(const Standard *standard, const DcMixture *found, const DcMatrix *centroids,
             uint32_t *labels)
{
  const size_t d = standard->dim;
  const DcMatrix all = some_of(standard, standard->count);
  for (size_t j = 0; j < found->clusters; j++)
    for (size_t k = 0; k < d; k++)
      dc_matrix_row(centroids, j)[k] =
          (float)(standard->means[k] + standard->scale * found->means[j * d + k]);
  if (!labels)
    return DC_OK;
  double log_density;
  uint32_t *shuffled = DC_NEW(uint32_t, standard->count);
  DcStatus status =
      shuffled ? dc_tdcm_metrics_assign(found, &all, shuffled, &log_density) : DC_ERROR_MEMORY;
  for (size_t i = 0; i < standard->count && !status; i++)
    labels[standard->order[i]] = shuffled[i];
  dc_free(shuffled);
  return status;
}

static DcStatus
apply(const DcTdcmModule *module, const Standard *standard, DcRandom *random,
      const DcMatrix *centroids, uint32_t *labels, DcTdcmFit *fit, DcMixture *own, DcError *error)
{
  double log_density = 0;
  DcStatus status = search(module, standard, module->seeds, random, own, error);
  if (!status)
    status = settle(standard, SETTLE_SAMPLES * own->clusters, own);
  if (!status)
    status = choose(module, standard, own, &log_density);
  if (!status)
    status = write_result(standard, own, centroids, labels);
  if (!status && fit)
    *fit = (DcTdcmFit){.loss = -log_density - log((double)own->clusters) +
                               0.5 * (double)own->dim * log(2),
                       .scale = standard->scale};
  return status;
}

DcStatus
dc_tdcm_apply_own(const DcTdcmModule *module, const DcMatrix *samples, DcRandom *random,
                  const DcMatrix *centroids, uint32_t *labels, DcTdcmFit *fit, DcError *error)
{
  if (!dc_matrix_is_finite(samples))
    return describe(DC_ERROR_NOT_FINITE, samples, error);
  Standard standard = {0};
  DcMixture *own = dc_mixture_new(DC_COVARIANCE_FULL, centroids->rows, module->dim);
  DcStatus status = own && standard_init(&standard, samples) ? DC_OK : DC_ERROR_MEMORY;
  if (!status) {
    standardise(&standard, samples, random);
    status = apply(module, &standard, random, centroids, labels, fit, own, error);
  }
  standard_clear(&standard);
  dc_mixture_free(own);
  return describe(status, samples, error);
}
