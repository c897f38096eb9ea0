/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/mixture.h"

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/mixture_density.h"
#include "cluster/transport_linear.h"
#include "tensor/rows.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* A cluster of no more mass than this many samples keeps its place: a mean of nothing but rounding
 * would be none. */
#define LEAST_MASS (10 * DBL_EPSILON)

DcMixtureOptions
dc_mixture_options(uint32_t clusters, DcCovariance covariance)
{
  return (DcMixtureOptions){.clusters = clusters,
                            .covariance = covariance,
                            .restarts = 10,
                            .max_iterations = 100,
                            .tolerance = 1e-3,
                            .regularisation = 1e-6};
}

DcMixture *
dc_mixture_new(DcCovariance covariance, size_t clusters, size_t dim)
{
  size_t covariances;
  DcMixture *mixture = DC_NEW(DcMixture, 1);
  if (!mixture || !dc_mixture_covariance_size(covariance, clusters, dim, &covariances)) {
    dc_free(mixture);
    return NULL;
  }
  mixture->covariance = covariance;
  mixture->clusters = clusters;
  mixture->dim = dim;
  mixture->weights = DC_NEW(double, clusters);
  mixture->means = dc_alloc(clusters, dim * sizeof(double));
  mixture->covariances = DC_NEW(double, covariances);
  if (mixture->weights && mixture->means && mixture->covariances)
    return mixture;
  dc_mixture_free(mixture);
  return NULL;
}

void
dc_mixture_free(DcMixture *mixture)
{
  if (!mixture)
    return;
  dc_free(mixture->weights);
  dc_free(mixture->means);
  dc_free(mixture->covariances);
  dc_free(mixture);
}

/* ---- arguments ---- */

static DcStatus
check_options(const DcMixtureOptions *options, DcError *error)
{
  if (options->clusters == 0 || options->restarts == 0 || options->max_iterations == 0)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%u clusters, %u restarts and %u iterations; at least 1 of each is needed",
                        options->clusters, options->restarts, options->max_iterations);
  if (!(options->tolerance >= 0) || !(options->regularisation >= 0) ||
      isinf(options->regularisation))
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "tolerance %g and regularisation %g; both are at least 0, and finite",
                        options->tolerance, options->regularisation);
  return DC_OK;
}

static DcStatus
check_data(const DcMatrix *samples, const DcMatrix *start, uint32_t clusters, DcError *error)
{
  if (samples->cols == 0 || samples->cols > INT32_MAX)
    return dc_error_set(error, DC_ERROR_SHAPE, "samples of %zu numbers; at least 1 is needed",
                        samples->cols);
  if (start && (start->cols != samples->cols || start->rows != clusters))
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "%zu centroids of %zu numbers to start from; %u of %zu are needed",
                        start->rows, start->cols, clusters, samples->cols);
  if (samples->rows < clusters)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "%zu samples for %u clusters; give at least as many samples as clusters",
                        samples->rows, clusters);
  if (!dc_matrix_is_finite(samples) || (start && !dc_matrix_is_finite(start)))
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "a sample or centroid holds NaN or infinity; leave such samples out");
  return DC_OK;
}

static DcStatus
no_memory(const DcMatrix *samples, size_t clusters, DcError *error)
{
  return dc_error_set(error, DC_ERROR_MEMORY,
                      "no memory for a mixture of %zu samples of %zu numbers in %zu clusters",
                      samples->rows, samples->cols, clusters);
}

/* ---- a fit ---- */

/* What an iteration adds up. Samples count relative to the origin of `density`. */
typedef struct {
  DcMixtureDensity density;
  DcMixture *mixture; /* the current parameters */
  double ridge;       /* added to each diagonal */
  DcArena arena;
  double *masses;   /* K: summed responsibilities */
  double *sums;     /* K x d: of the samples */
  double *squares;  /* spherical; K: of the squared norms of the samples */
  double *scatters; /* full; K x d x d: of the products of samples relative to the old mean */
  double *scatter;  /* tied; d x d: of the products of all samples, which never changes */
  double *shift;    /* d */
} Fit;

static void
fit_clear(Fit *fit)
{
  dc_mixture_density_clear(&fit->density);
  dc_arena_clear(&fit->arena);
  dc_mixture_free(fit->mixture);
}

static bool
allocate(Fit *fit, const DcMixtureOptions *options, size_t dim)
{
  size_t clusters = options->clusters, covariances;
  *fit = (Fit){.mixture = dc_mixture_new(options->covariance, clusters, dim)};
  if (!fit->mixture ||
      !dc_mixture_density_init(&fit->density, options->covariance, clusters, dim) ||
      !dc_mixture_covariance_size(options->covariance, clusters, dim, &covariances))
    return false;
  double **scatter = options->covariance == DC_COVARIANCE_SPHERICAL ? &fit->squares
                     : options->covariance == DC_COVARIANCE_TIED    ? &fit->scatter
                                                                    : &fit->scatters;
  const DcLinearPiece pieces[] = {{&fit->masses, clusters},
                                  {&fit->sums, clusters * dim},
                                  {scatter, covariances},
                                  {&fit->shift, dim}};
  return dc_linear_allocate(&fit->arena, pieces, sizeof pieces / sizeof *pieces);
}

/* Lower triangle of `products` (d x d) += rows^T rows. */
static void
add_products(const double *rows, size_t count, size_t dim, double *products)
{
  cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)dim, (int)count, 1, rows, (int)dim, 1,
              products, (int)dim);
}

static DcMatrix
block_of(const DcMatrix *samples, size_t first)
{
  size_t left = samples->rows - first;
  return dc_matrix_rows(samples, first, left < DC_MIXTURE_BLOCK ? left : DC_MIXTURE_BLOCK);
}

static void
sum_all_products(Fit *fit, const DcMatrix *samples)
{
  for (size_t first = 0; first < samples->rows; first += DC_MIXTURE_BLOCK) {
    DcMatrix block = block_of(samples, first);
    dc_mixture_density_load(&fit->density, &block);
    add_products(fit->density.samples, block.rows, samples->cols, fit->scatter);
  }
}

/* The origin is the mean of the samples; their variance sets the ridge, and the covariance of
 * clusters that no sample ever belongs to. */
static bool
measure(Fit *fit, const DcMatrix *samples, double regularisation)
{
  size_t dim = samples->cols;
  double *variances = DC_NEW(double, dim), variance = 0;
  if (!variances)
    return false;
  dc_column_moments(samples, NULL, fit->density.origin, variances);
  for (size_t k = 0; k < dim; k++)
    variance += variances[k] / (double)dim;
  dc_free(variances);
  if (!(variance > 0))
    variance = 1;
  fit->ridge = regularisation * variance;
  size_t step = fit->mixture->covariance == DC_COVARIANCE_SPHERICAL ? 1 : dim;
  size_t matrices = fit->mixture->covariance == DC_COVARIANCE_TIED ? 1 : fit->mixture->clusters;
  for (size_t j = 0; j < matrices; j++)
    for (size_t k = 0; k < step; k++)
      fit->mixture->covariances[(j * step + k) * step + k] = variance;
  if (fit->scatter)
    sum_all_products(fit, samples);
  return true;
}

/* ---- expectation ---- */

static void
reset_sums(Fit *fit)
{
  size_t clusters = fit->mixture->clusters, dim = fit->mixture->dim;
  memset(fit->masses, 0, clusters * sizeof(double));
  memset(fit->sums, 0, clusters * dim * sizeof(double));
  if (fit->squares)
    memset(fit->squares, 0, clusters * sizeof(double));
  if (fit->scatters)
    memset(fit->scatters, 0, clusters * dim * dim * sizeof(double));
}

static void
add_squares(Fit *fit, size_t count)
{
  size_t clusters = fit->mixture->clusters, dim = fit->mixture->dim;
  for (size_t i = 0; i < count; i++) {
    const double *row = fit->density.samples + i * dim;
    double norm = cblas_ddot((int)dim, row, 1, row, 1);
    for (size_t j = 0; j < clusters; j++)
      fit->squares[j] += fit->density.scores[i * clusters + j] * norm;
  }
}

static void
add_scatter(Fit *fit, size_t cluster, size_t count)
{
  size_t clusters = fit->mixture->clusters, dim = fit->mixture->dim;
  dc_mixture_density_offsets(&fit->density, cluster, count);
  for (size_t i = 0; i < count; i++)
    cblas_dscal((int)dim, sqrt(fit->density.scores[i * clusters + cluster]),
                fit->density.offsets + i * dim, 1);
  add_products(fit->density.offsets, count, dim, fit->scatters + cluster * dim * dim);
}

/* Adds the block that is loaded, whose scores are responsibilities by now. */
static void
add_block(Fit *fit, size_t count)
{
  size_t clusters = fit->mixture->clusters, dim = fit->mixture->dim;
  const double *shares = fit->density.scores;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < clusters; j++)
      fit->masses[j] += shares[i * clusters + j];
  dc_linear_add_products(shares, fit->density.samples, clusters, count, dim, fit->sums);
  if (fit->squares)
    add_squares(fit, count);
  for (size_t j = 0; j < clusters && fit->scatters; j++)
    add_scatter(fit, j, count);
}

/* Adds up everything under the current parameters; returns the mean log-likelihood. */
static double
expect(Fit *fit, const DcMatrix *samples)
{
  size_t clusters = fit->mixture->clusters;
  double sum = 0;
  reset_sums(fit);
  for (size_t first = 0; first < samples->rows; first += DC_MIXTURE_BLOCK) {
    DcMatrix block = block_of(samples, first);
    dc_mixture_density_load(&fit->density, &block);
    dc_mixture_density_score(&fit->density, block.rows);
    for (size_t i = 0; i < block.rows; i++)
      sum += dc_mixture_responsibilities(fit->density.scores + i * clusters, clusters);
    add_block(fit, block.rows);
  }
  return sum / (double)samples->rows;
}

/* The same where each sample belongs to the cluster of its label. */
static void
expect_labels(Fit *fit, const DcMatrix *samples, const uint32_t *labels)
{
  size_t clusters = fit->mixture->clusters;
  reset_sums(fit);
  for (size_t first = 0; first < samples->rows; first += DC_MIXTURE_BLOCK) {
    DcMatrix block = block_of(samples, first);
    dc_mixture_density_load(&fit->density, &block);
    memset(fit->density.scores, 0, block.rows * clusters * sizeof(double));
    for (size_t i = 0; i < block.rows; i++)
      fit->density.scores[i * clusters + labels[first + i]] = 1;
    add_block(fit, block.rows);
  }
}

/* ---- maximisation ---- */

/* Moves the mean of a cluster; fit->shift becomes what it moved by. */
static void
move_mean(Fit *fit, size_t cluster)
{
  size_t dim = fit->mixture->dim;
  double *mean = fit->mixture->means + cluster * dim;
  for (size_t k = 0; k < dim; k++) {
    double relative = fit->sums[cluster * dim + k] / fit->masses[cluster];
    fit->shift[k] = relative - (mean[k] - fit->density.origin[k]);
    mean[k] = fit->density.origin[k] + relative;
  }
}

/* The variance of the members around their mean, in all directions together. */
static void
take_variance(Fit *fit, size_t cluster)
{
  size_t dim = fit->mixture->dim;
  double mass = fit->masses[cluster];
  double norm = dc_linear_norm(fit->sums + cluster * dim, dim) / mass;
  double variance = (fit->squares[cluster] / mass - norm * norm) / (double)dim;
  fit->mixture->covariances[cluster] = (variance > 0 ? variance : 0) + fit->ridge;
}

/* `covariance` becomes `scatter` / mass with the ridge; both triangles from the lower one. */
static void
finish_covariance(const Fit *fit, const double *scatter, double mass, double *covariance)
{
  size_t dim = fit->mixture->dim;
  for (size_t k = 0; k < dim; k++) {
    for (size_t l = 0; l <= k; l++)
      covariance[k * dim + l] = covariance[l * dim + k] = scatter[k * dim + l] / mass;
    covariance[k * dim + k] += fit->ridge;
  }
}

static void
take_covariance(Fit *fit, size_t cluster)
{
  size_t dim = fit->mixture->dim;
  double *scatter = fit->scatters + cluster * dim * dim;
  cblas_dsyr(CblasRowMajor, CblasLower, (int)dim, -fit->masses[cluster], fit->shift, 1, scatter,
             (int)dim);
  finish_covariance(fit, scatter, fit->masses[cluster],
                    fit->mixture->covariances + cluster * dim * dim);
}

/* The scatter of all samples less that of the means is the scatter within the clusters. */
static void
take_tied(Fit *fit, size_t count)
{
  size_t dim = fit->mixture->dim;
  double *within = fit->mixture->covariances;
  memcpy(within, fit->scatter, dim * dim * sizeof *within);
  for (size_t j = 0; j < fit->mixture->clusters; j++)
    if (fit->masses[j] > LEAST_MASS)
      cblas_dsyr(CblasRowMajor, CblasLower, (int)dim, -1 / fit->masses[j], fit->sums + j * dim, 1,
                 within, (int)dim);
  finish_covariance(fit, within, (double)count, within);
}

static DcStatus
maximise(Fit *fit, size_t count, DcError *error)
{
  for (size_t j = 0; j < fit->mixture->clusters; j++) {
    fit->mixture->weights[j] = fit->masses[j] / (double)count;
    if (fit->masses[j] <= LEAST_MASS)
      continue;
    move_mean(fit, j);
    if (fit->squares)
      take_variance(fit, j);
    if (fit->scatters)
      take_covariance(fit, j);
  }
  if (fit->scatter)
    take_tied(fit, count);
  return dc_mixture_density_aim(&fit->density, fit->mixture, error);
}

/* ---- the course of a fit ---- */

/* The centroids that the fit starts from, and the labels that they give. */
static DcStatus
find_start(const DcMatrix *samples, const DcMixtureOptions *options, DcRandom *random,
           const DcMatrix *start, const DcMatrix *centroids, uint32_t *labels, DcError *error)
{
  if (!start) {
    DcKmeansOptions kmeans = dc_kmeans_options(options->clusters);
    kmeans.restarts = options->restarts;
    DcKmeansResult found;
    return dc_kmeans(samples, NULL, &kmeans, random, centroids, labels, &found, error);
  }
  size_t size = dc_nearest_scratch(start->rows, start->cols);
  float *scratch = size ? DC_NEW(float, size) : NULL;
  if (!scratch)
    return no_memory(samples, start->rows, error);
  dc_matrix_copy(start, centroids);
  dc_nearest(samples, start, scratch, labels, NULL);
  dc_free(scratch);
  return DC_OK;
}

static DcStatus
run_start(Fit *fit, const DcMatrix *samples, const DcMatrix *centroids, const uint32_t *labels,
          DcError *error)
{
  size_t dim = samples->cols;
  for (size_t j = 0; j < centroids->rows; j++)
    for (size_t k = 0; k < dim; k++) {
      double place = dc_matrix_row(centroids, j)[k];
      fit->mixture->means[j * dim + k] = place;
      fit->density.centres[j * dim + k] = place - fit->density.origin[k];
    }
  expect_labels(fit, samples, labels);
  return maximise(fit, samples->rows, error);
}

static DcStatus
iterate(Fit *fit, const DcMatrix *samples, const DcMixtureOptions *options, DcMixtureResult *result,
        DcError *error)
{
  *result = (DcMixtureResult){.log_likelihood = -INFINITY};
  DcStatus status = DC_OK;
  while (status == DC_OK && result->iterations < options->max_iterations && !result->converged) {
    double before = result->log_likelihood;
    result->log_likelihood = expect(fit, samples);
    result->converged = fabs(result->log_likelihood - before) < options->tolerance;
    result->iterations++;
    status = maximise(fit, samples->rows, error);
  }
  return status;
}

static uint32_t
largest(const double *scores, size_t clusters)
{
  uint32_t best = 0;
  for (size_t j = 1; j < clusters; j++)
    if (scores[j] > scores[best])
      best = (uint32_t)j;
  return best;
}

/* Labels and log-densities, where wanted; returns the mean of the latter. */
static double
assign(DcMixtureDensity *density, const DcMatrix *samples, uint32_t *labels, double *log_densities)
{
  double sum = 0;
  for (size_t first = 0; first < samples->rows; first += DC_MIXTURE_BLOCK) {
    DcMatrix block = block_of(samples, first);
    dc_mixture_density_load(density, &block);
    dc_mixture_density_score(density, block.rows);
    for (size_t i = 0; i < block.rows; i++) {
      double *scores = density->scores + i * density->clusters;
      if (labels)
        labels[first + i] = largest(scores, density->clusters);
      double log_density = dc_mixture_responsibilities(scores, density->clusters);
      if (log_densities)
        log_densities[first + i] = log_density;
      sum += log_density;
    }
  }
  return sum / (double)samples->rows;
}

static DcStatus
run(Fit *fit, const DcMatrix *samples, const DcMixtureOptions *options, DcRandom *random,
    const DcMatrix *start, const DcMatrix *centroids, uint32_t *labels, DcMixtureResult *result,
    DcError *error)
{
  DcStatus status = find_start(samples, options, random, start, centroids, labels, error);
  if (status == DC_OK && !measure(fit, samples, options->regularisation))
    status = no_memory(samples, options->clusters, error);
  if (status == DC_OK)
    status = run_start(fit, samples, centroids, labels, error);
  if (status == DC_OK)
    status = iterate(fit, samples, options, result, error);
  if (status == DC_OK)
    result->log_likelihood = assign(&fit->density, samples, labels, NULL);
  return status;
}

DcStatus
dc_mixture_fit(const DcMatrix *samples, const DcMixtureOptions *options, DcRandom *random,
               const DcMatrix *start, DcMixture **mixture, uint32_t *labels,
               DcMixtureResult *result, DcError *error)
{
  *mixture = NULL;
  DcStatus status = check_options(options, error);
  if (status == DC_OK)
    status = check_data(samples, start, options->clusters, error);
  if (status != DC_OK)
    return status;
  Fit fit;
  uint32_t *own_labels = DC_NEW(uint32_t, samples->rows);
  float *places = dc_alloc(options->clusters, samples->cols * sizeof(float));
  DcMatrix centroids = dc_matrix(places, options->clusters, samples->cols);
  if (allocate(&fit, options, samples->cols) && own_labels && places)
    status = run(&fit, samples, options, random, start, &centroids, own_labels, result, error);
  else
    status = no_memory(samples, options->clusters, error);
  if (status == DC_OK) {
    if (labels)
      memcpy(labels, own_labels, samples->rows * sizeof *labels);
    *mixture = fit.mixture;
    fit.mixture = NULL;
  }
  dc_free(own_labels);
  dc_free(places);
  fit_clear(&fit);
  return status;
}

/* ---- use ---- */

/* The mean of the means: near all of them. */
static void
set_origin(DcMixtureDensity *density, const DcMixture *mixture)
{
  for (size_t j = 0; j < mixture->clusters; j++)
    for (size_t k = 0; k < mixture->dim; k++)
      density->origin[k] += mixture->means[j * mixture->dim + k] / (double)mixture->clusters;
}

DcStatus
dc_mixture_assign(const DcMixture *mixture, const DcMatrix *samples, uint32_t *labels,
                  double *log_densities, DcError *error)
{
  if (samples->cols != mixture->dim)
    return dc_error_set(error, DC_ERROR_SHAPE,
                        "samples of %zu numbers for a mixture of %zu; both need the same",
                        samples->cols, mixture->dim);
  DcMixtureDensity density;
  DcStatus status;
  if (dc_mixture_density_init(&density, mixture->covariance, mixture->clusters, mixture->dim)) {
    set_origin(&density, mixture);
    status = dc_mixture_density_aim(&density, mixture, error);
  } else {
    status = no_memory(samples, mixture->clusters, error);
  }
  if (status == DC_OK)
    assign(&density, samples, labels, log_densities);
  dc_mixture_density_clear(&density);
  return status;
}
