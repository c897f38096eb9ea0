/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/mixture_density.h"

#include "base/checked.h"
#include "base/memory.h"
#include "cluster/transport_linear.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#define LOG_2_PI 1.8378770664093453

/* Cholesky from the LAPACK that OpenBLAS brings along; see tensor/eigen.c. */
void dpotrf_(const char *triangle, const int *n, double *matrix, const int *leading, int *info,
             size_t triangle_length);

bool
dc_mixture_covariance_size(DcCovariance covariance, size_t clusters, size_t dim, size_t *size)
{
  size_t square;
  if (covariance == DC_COVARIANCE_SPHERICAL) {
    *size = clusters;
    return true;
  }
  if (!dc_checked_mul(dim, dim, &square))
    return false;
  return dc_checked_mul(square, covariance == DC_COVARIANCE_FULL ? clusters : 1, size);
}

bool
dc_mixture_density_init(DcMixtureDensity *density, DcCovariance covariance, size_t clusters,
                        size_t dim)
{
  *density = (DcMixtureDensity){.covariance = covariance, .clusters = clusters, .dim = dim};
  size_t factors, centres, samples, scores;
  if (!dc_mixture_covariance_size(covariance, clusters, dim, &factors) ||
      !dc_checked_mul(clusters, dim, &centres) ||
      !dc_checked_mul(DC_MIXTURE_BLOCK, dim, &samples) ||
      !dc_checked_mul(DC_MIXTURE_BLOCK, clusters, &scores))
    return false;
  const DcLinearPiece pieces[] = {
      {&density->origin, dim},         {&density->centres, centres},
      {&density->norms, clusters},     {&density->factors, factors},
      {&density->constants, clusters}, {&density->precisions, clusters},
      {&density->samples, samples},    {&density->offsets, samples},
      {&density->scores, scores},
  };
  return dc_linear_allocate(&density->arena, pieces, sizeof pieces / sizeof *pieces);
}

void
dc_mixture_density_clear(DcMixtureDensity *density)
{
  dc_arena_clear(&density->arena);
}

/* ---- taking the parameters ---- */

static DcStatus
singular(DcError *error)
{
  return dc_error_set(error, DC_ERROR_ARGUMENT,
                      "the covariance of a cluster is singular: its samples lie in a subspace; "
                      "regularise more, or take fewer clusters or a simpler covariance");
}

/* Factors `covariance` (d x d) into `factor`; half the logarithm of its determinant to
 * *half_log_det. False when it is singular. LAPACK's upper triangle by columns is our lower one by
 * rows. */
static bool
factorise(const double *covariance, size_t dim, double *factor, double *half_log_det)
{
  int n = (int)dim, info;
  memcpy(factor, covariance, dim * dim * sizeof *factor);
  dpotrf_("U", &n, factor, &n, &info, 1);
  *half_log_det = 0;
  for (size_t k = 0; k < dim && info == 0; k++)
    *half_log_det += log(factor[k * dim + k]);
  return info == 0 && isfinite(*half_log_det);
}

/* Each of the `count` rows x of `rows` becomes L^-1 x. */
static void
whiten(const double *factor, size_t dim, double *rows, size_t count)
{
  cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)count, (int)dim,
              1, factor, (int)dim, rows, (int)dim);
}

static DcStatus
take_spherical(DcMixtureDensity *density, const DcMixture *mixture, size_t cluster, DcError *error)
{
  double variance = mixture->covariances[cluster];
  density->precisions[cluster] = 1 / variance;
  density->constants[cluster] -= 0.5 * (double)density->dim * log(variance);
  return variance > 0 && isfinite(density->precisions[cluster]) ? DC_OK : singular(error);
}

static DcStatus
take_full(DcMixtureDensity *density, const DcMixture *mixture, size_t cluster, DcError *error)
{
  size_t square = density->dim * density->dim;
  double half_log_det;
  if (!factorise(mixture->covariances + cluster * square, density->dim,
                 density->factors + cluster * square, &half_log_det))
    return singular(error);
  density->constants[cluster] -= half_log_det;
  return DC_OK;
}

static DcStatus
take_tied(DcMixtureDensity *density, const DcMixture *mixture, DcError *error)
{
  double half_log_det;
  if (!factorise(mixture->covariances, density->dim, density->factors, &half_log_det))
    return singular(error);
  for (size_t j = 0; j < density->clusters; j++)
    density->constants[j] -= half_log_det;
  whiten(density->factors, density->dim, density->centres, density->clusters);
  return DC_OK;
}

static double
squared_norm(const double *row, size_t dim)
{
  return cblas_ddot((int)dim, row, 1, row, 1);
}

DcStatus
dc_mixture_density_aim(DcMixtureDensity *density, const DcMixture *mixture, DcError *error)
{
  size_t dim = density->dim, clusters = density->clusters;
  for (size_t j = 0; j < clusters; j++) {
    for (size_t k = 0; k < dim; k++)
      density->centres[j * dim + k] = mixture->means[j * dim + k] - density->origin[k];
    density->constants[j] = log(mixture->weights[j]) - 0.5 * (double)dim * LOG_2_PI;
    density->precisions[j] = 1;
  }
  DcStatus status =
      density->covariance == DC_COVARIANCE_TIED ? take_tied(density, mixture, error) : DC_OK;
  for (size_t j = 0; j < clusters && status == DC_OK; j++) {
    if (density->covariance == DC_COVARIANCE_SPHERICAL)
      status = take_spherical(density, mixture, j, error);
    else if (density->covariance == DC_COVARIANCE_FULL)
      status = take_full(density, mixture, j, error);
    density->norms[j] = squared_norm(density->centres + j * dim, dim);
  }
  return status;
}

/* ---- samples ---- */

void
dc_mixture_density_load(DcMixtureDensity *density, const DcMatrix *samples)
{
  for (size_t i = 0; i < samples->rows; i++) {
    const float *sample = dc_matrix_row(samples, i);
    double *row = density->samples + i * density->dim;
    for (size_t k = 0; k < density->dim; k++)
      row[k] = sample[k] - density->origin[k];
  }
}

void
dc_mixture_density_offsets(DcMixtureDensity *density, size_t cluster, size_t count)
{
  size_t dim = density->dim;
  const double *centre = density->centres + cluster * dim;
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < dim; k++)
      density->offsets[i * dim + k] = density->samples[i * dim + k] - centre[k];
}

/* All clusters measure alike: distances come from one product with the centres. */
static void
score_alike(DcMixtureDensity *density, size_t count)
{
  size_t dim = density->dim, clusters = density->clusters;
  const double *rows = density->samples;
  if (density->covariance == DC_COVARIANCE_TIED) {
    memcpy(density->offsets, density->samples, count * dim * sizeof *density->offsets);
    whiten(density->factors, dim, density->offsets, count);
    rows = density->offsets;
  }
  dc_linear_multiply_transposed(rows, density->centres, count, dim, clusters, density->scores);
  for (size_t i = 0; i < count; i++) {
    double norm = squared_norm(rows + i * dim, dim), *scores = density->scores + i * clusters;
    for (size_t j = 0; j < clusters; j++)
      scores[j] = density->constants[j] -
                  0.5 * density->precisions[j] * (norm - 2 * scores[j] + density->norms[j]);
  }
}

static void
score_each(DcMixtureDensity *density, size_t cluster, size_t count)
{
  size_t dim = density->dim;
  dc_mixture_density_offsets(density, cluster, count);
  whiten(density->factors + cluster * dim * dim, dim, density->offsets, count);
  for (size_t i = 0; i < count; i++)
    density->scores[i * density->clusters + cluster] =
        density->constants[cluster] - 0.5 * squared_norm(density->offsets + i * dim, dim);
}

void
dc_mixture_density_score(DcMixtureDensity *density, size_t count)
{
  if (density->covariance != DC_COVARIANCE_FULL) {
    score_alike(density, count);
    return;
  }
  for (size_t j = 0; j < density->clusters; j++)
    score_each(density, j, count);
}

/* e to this is below half the last digit of 1, which the largest term of the sum is. */
#define LEAST_EXPONENT (-40.0)

double
dc_mixture_responsibilities(double *scores, size_t clusters)
{
  double largest = scores[0], sum = 0;
  for (size_t j = 1; j < clusters; j++)
    largest = scores[j] > largest ? scores[j] : largest;
  for (size_t j = 0; j < clusters; j++) {
    const double exponent = scores[j] - largest;
    scores[j] = exponent < LEAST_EXPONENT ? 0 : exp(exponent);
    sum += scores[j];
  }
  for (size_t j = 0; j < clusters; j++)
    scores[j] /= sum;
  return largest + log(sum);
}
