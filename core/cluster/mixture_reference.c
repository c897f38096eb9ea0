/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/mixture.h"

#include <math.h>
#include <string.h>

#define LOG_2_PI 1.8378770664093453

/* Element (k, l) of the covariance of a cluster, whatever its kind. */
static double
covariance_at(const DcMixture *mixture, size_t cluster, size_t k, size_t l)
{
  size_t dim = mixture->dim;
  if (mixture->covariance == DC_COVARIANCE_SPHERICAL)
    return k == l ? mixture->covariances[cluster] : 0;
  size_t first = mixture->covariance == DC_COVARIANCE_TIED ? 0 : cluster * dim * dim;
  return mixture->covariances[first + k * dim + l];
}

/* Cholesky and Banachiewicz, row by row; false when the matrix is singular. */
static bool
factorise(const DcMixture *mixture, size_t cluster, double *factor)
{
  size_t dim = mixture->dim;
  for (size_t k = 0; k < dim; k++)
    for (size_t l = 0; l <= k; l++) {
      double rest = covariance_at(mixture, cluster, k, l);
      for (size_t m = 0; m < l; m++)
        rest -= factor[k * dim + m] * factor[l * dim + m];
      if (k == l && !(rest > 0))
        return false;
      factor[k * dim + l] = k == l ? sqrt(rest) : rest / factor[l * dim + l];
    }
  return true;
}

/* log N(x; mean, L L^T), with L^-1 (x - mean) in `solved`. */
static double
log_density(const double *factor, const double *mean, const float *sample, size_t dim,
            double *solved)
{
  double sum = (double)dim * LOG_2_PI;
  for (size_t k = 0; k < dim; k++) {
    solved[k] = sample[k] - mean[k];
    for (size_t l = 0; l < k; l++)
      solved[k] -= factor[k * dim + l] * solved[l];
    solved[k] /= factor[k * dim + k];
    sum += solved[k] * solved[k] + 2 * log(factor[k * dim + k]);
  }
  return -sum / 2;
}

/* A row of log-densities becomes responsibilities; returns the logarithm of their sum. */
static double
share(double *row, size_t clusters)
{
  double largest = -INFINITY, sum = 0;
  for (size_t j = 0; j < clusters; j++)
    largest = fmax(largest, row[j]);
  for (size_t j = 0; j < clusters; j++)
    sum += exp(row[j] - largest);
  for (size_t j = 0; j < clusters; j++)
    row[j] = exp(row[j] - largest) / sum;
  return largest + log(sum);
}

DcStatus
dc_mixture_expect_reference(const DcMixture *mixture, const DcMatrix *samples,
                            double *responsibilities, double *log_likelihood)
{
  size_t clusters = mixture->clusters, dim = mixture->dim;
  double *factor = dc_alloc(dim + 1, dim * sizeof(double));
  DcStatus status = factor ? DC_OK : DC_ERROR_MEMORY;
  for (size_t j = 0; j < clusters && status == DC_OK; j++) {
    if (!factorise(mixture, j, factor))
      status = DC_ERROR_ARGUMENT;
    for (size_t i = 0; i < samples->rows && status == DC_OK; i++)
      responsibilities[i * clusters + j] =
          log(mixture->weights[j]) + log_density(factor, mixture->means + j * dim,
                                                 dc_matrix_row(samples, i), dim,
                                                 factor + dim * dim);
  }
  dc_free(factor);
  *log_likelihood = 0;
  for (size_t i = 0; i < samples->rows && status == DC_OK; i++)
    *log_likelihood += share(responsibilities + i * clusters, clusters) / (double)samples->rows;
  return status;
}

/* Weight and mean of a cluster; returns its mass. */
static double
take_mean(const DcMatrix *samples, const double *responsibilities, size_t cluster,
          DcMixture *mixture)
{
  size_t clusters = mixture->clusters, dim = mixture->dim;
  double *mean = mixture->means + cluster * dim, mass = 0;
  memset(mean, 0, dim * sizeof *mean);
  for (size_t i = 0; i < samples->rows; i++) {
    mass += responsibilities[i * clusters + cluster];
    for (size_t k = 0; k < dim; k++)
      mean[k] += responsibilities[i * clusters + cluster] * dc_matrix_row(samples, i)[k];
  }
  for (size_t k = 0; k < dim; k++)
    mean[k] /= mass;
  mixture->weights[cluster] = mass / (double)samples->rows;
  return mass;
}

/* The products of coordinates k and l relative to the mean, summed over the members. */
static double
product(const DcMatrix *samples, const double *responsibilities, size_t cluster,
        const DcMixture *mixture, size_t k, size_t l)
{
  const double *mean = mixture->means + cluster * mixture->dim;
  double sum = 0;
  for (size_t i = 0; i < samples->rows; i++)
    sum += responsibilities[i * mixture->clusters + cluster] *
           (dc_matrix_row(samples, i)[k] - mean[k]) * (dc_matrix_row(samples, i)[l] - mean[l]);
  return sum;
}

void
dc_mixture_maximise_reference(const DcMatrix *samples, const double *responsibilities, double ridge,
                              DcMixture *mixture)
{
  size_t clusters = mixture->clusters, dim = mixture->dim;
  bool spherical = mixture->covariance == DC_COVARIANCE_SPHERICAL;
  bool tied = mixture->covariance == DC_COVARIANCE_TIED;
  size_t size = spherical ? clusters : tied ? dim * dim : clusters * dim * dim;
  memset(mixture->covariances, 0, size * sizeof(double));
  for (size_t j = 0; j < clusters; j++) {
    double mass = take_mean(samples, responsibilities, j, mixture);
    for (size_t k = 0; k < dim; k++)
      for (size_t l = 0; l < dim; l++) {
        double sum = product(samples, responsibilities, j, mixture, k, l);
        if (spherical)
          mixture->covariances[j] += k == l ? (sum / mass + ridge) / (double)dim : 0;
        else if (tied)
          mixture->covariances[k * dim + l] +=
              (sum + (k == l ? mass * ridge : 0)) / (double)samples->rows;
        else
          mixture->covariances[(j * dim + k) * dim + l] = sum / mass + (k == l ? ridge : 0);
      }
  }
}
