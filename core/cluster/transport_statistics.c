/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/transport_fit_private.h"
#include "cluster/transport_linear.h"
#include "cluster/transport_newton.h"
#include "cluster/transport_score.h"

#include <math.h>
#include <string.h>

/* Directions with less than this share of the largest variance are numerical dust. */
#define LEAST_VARIANCE 1e-6

static DcStatus
make_source(DcTransportFit *fit)
{
  size_t dim = fit->samples->cols, d = fit->dim, clusters = fit->centroids->rows;
  DcTransportSource *s = dc_transport_source_alloc(dim, d, clusters, fit->prototypes);
  if (!s)
    return dc_transport_fit_no_memory(fit);
  fit->source = s;
  double total = 0;
  for (size_t m = 0; m < fit->prototypes; m++)
    total += fit->share[m];
  for (size_t m = 0; m < fit->prototypes; m++)
    s->share[m] = fit->share[m] / total;
  memcpy(s->mean, fit->mean, dim * sizeof(double));
  memcpy(s->basis, fit->basis, dim * d * sizeof(double));
  memcpy(s->prototype, fit->prototype, fit->prototypes * d * sizeof(double));
  memcpy(s->size, fit->size, clusters * sizeof(double));
  return dc_transport_fit_project(fit, fit->centroids, s->centroid);
}

/* c - mean - U U^T (c - mean); nothing when the basis spans the whole space. */
static void
find_rest(DcTransportFit *fit)
{
  DcTransportSource *s = fit->source;
  if (s->dim == s->input_dim)
    return;
  dc_linear_multiply_transposed(s->centroid, s->basis, s->clusters, s->dim, s->input_dim, s->rest);
  for (size_t k = 0; k < s->clusters; k++)
    for (size_t j = 0; j < s->input_dim; j++)
      s->rest[k * s->input_dim + j] =
          dc_matrix_row(fit->centroids, k)[j] - s->mean[j] - s->rest[k * s->input_dim + j];
}

static void
find_moments_of_directions(DcTransportFit *fit)
{
  DcTransportSource *s = fit->source;
  size_t d = s->dim, count = fit->samples->rows;
  double mean[DC_TRANSPORT_MAX_DIM] = {0};
  for (size_t n = 0; n < count; n++)
    for (size_t i = 0; i < d; i++)
      mean[i] += fit->rows[n * d + i] / (double)count;
  for (size_t n = 0; n < count; n++)
    for (size_t i = 0; i < d; i++) {
      double x = fit->rows[n * d + i], centred = x - mean[i];
      s->variance[i] += centred * centred / (double)count;
      s->skewness[i] += x * x * x / (double)count;
    }
  for (size_t i = 0; i < d; i++)
    s->skewness[i] /= pow(s->variance[i], 1.5);
  for (size_t n = 0; n < count; n++)
    s->occupancy[fit->cell[n]] += 1 / (double)count;
}

static uint32_t
nearest_prototype(const DcTransportFit *fit, const double *row)
{
  uint32_t nearest = 0;
  double least = INFINITY;
  for (size_t m = 0; m < fit->prototypes; m++) {
    double distance = 0;
    for (size_t i = 0; i < fit->dim; i++) {
      double step = row[i] - fit->prototype[m * fit->dim + i];
      distance += step * step;
    }
    if (distance < least) {
      least = distance;
      nearest = (uint32_t)m;
    }
  }
  return nearest;
}

/* Covariance of the samples about their nearest prototypes. */
static void
add_within(const DcTransportFit *fit, double *within)
{
  size_t d = fit->dim, count = fit->samples->rows;
  double residual[DC_TRANSPORT_MAX_DIM];
  for (size_t n = 0; n < count; n++) {
    const double *x = fit->rows + n * d;
    const double *p = fit->prototype + nearest_prototype(fit, x) * d;
    for (size_t i = 0; i < d; i++)
      residual[i] = x[i] - p[i];
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j < d; j++)
        within[i * d + j] += residual[i] * residual[j] / (double)count;
  }
}

static double
trace(const double *matrix, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += matrix[i * n + i];
  return sum;
}

/* Shrinks towards a multiple of I, which is kept above numerical dust where every sample is a
 * prototype of its own. */
static void
shrink(const DcTransportFit *fit, double *within)
{
  size_t d = fit->dim;
  double even = trace(within, d) / (double)d, total = 0;
  for (size_t i = 0; i < d; i++)
    total += fit->source->variance[i];
  double kept = 1 - fit->options->shrinkage;
  double least = LEAST_VARIANCE * total / (double)d;
  for (size_t i = 0; i < d * d; i++)
    within[i] *= kept;
  for (size_t i = 0; i < d; i++)
    within[i * d + i] += (1 - kept) * even + (even < least ? least : 0);
}

/* `inverse` of the symmetric positive definite `matrix`, which is destroyed. */
static bool
invert(double *matrix, size_t d, double *inverse)
{
  uint32_t pivot[DC_TRANSPORT_MAX_DIM];
  if (!dc_linear_factor(matrix, d, 0, pivot))
    return false;
  dc_linear_set_identity(inverse, d);
  dc_linear_solve(matrix, pivot, d, inverse, d);
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < i; j++)
      inverse[i * d + j] = inverse[j * d + i] = (inverse[i * d + j] + inverse[j * d + i]) / 2;
  return true;
}

/* U^T W U of the learned metric W. */
static bool
project_metric(const DcTransportFit *fit, double *projected)
{
  const DcTransportSource *s = fit->source;
  size_t n = s->input_dim, d = s->dim;
  double *half = DC_NEW(double, n *d); /* W U */
  if (!half)
    return false;
  dc_linear_multiply(fit->options->metric, s->basis, n, n, d, half);
  memset(projected, 0, d * d * sizeof *projected);
  dc_linear_add_products(s->basis, half, d, n, d, projected);
  dc_free(half);
  return true;
}

/* tr(A B) of symmetric matrices: the mean of r A r over residuals r of covariance B. */
static double
trace_of_product(const double *a, const double *b, size_t n)
{
  double sum = 0;
  for (size_t i = 0; i < n * n; i++)
    sum += a[i] * b[i];
  return sum;
}

/* The learned metric, scaled to what the residuals, of covariance `within`, are in it: the most
 * probable scale of a normal density. */
static DcStatus
take_metric(DcTransportFit *fit, const double *within)
{
  DcTransportSource *s = fit->source;
  size_t d = s->dim;
  if (!project_metric(fit, s->precision))
    return dc_transport_fit_no_memory(fit);
  double mean = trace_of_product(s->precision, within, d);
  if (!(mean > 0 && mean < INFINITY))
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "the learned metric is not positive definite and finite");
  for (size_t i = 0; i < d * d; i++)
    s->precision[i] *= (double)d / mean;
  return DC_OK;
}

static DcStatus
invert_covariance(DcTransportFit *fit, double *within)
{
  if (invert(within, fit->source->dim, fit->source->precision))
    return DC_OK;
  return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                      "the covariance within clusters is singular: more source embeddings, or a "
                      "shrinkage above 0, are needed");
}

static DcStatus
find_metric(DcTransportFit *fit)
{
  DcTransportSource *s = fit->source;
  double *within = DC_NEW(double, s->dim * s->dim);
  if (!within)
    return dc_transport_fit_no_memory(fit);
  add_within(fit, within);
  shrink(fit, within);
  s->figure[DC_TRANSPORT_RMS] = sqrt(trace(within, s->dim));
  DcStatus status =
      fit->options->metric ? take_metric(fit, within) : invert_covariance(fit, within);
  dc_free(within);
  return status ? status : dc_transport_source_complete(s, fit->error);
}

/* Sums over the source that the step of a map compares with. */
typedef struct {
  DcTransportEvidence evidence;
  DcTransportWork work;
  double *products; /* sum of pbar^T pbar, pbar = A p: dim x dim */
  double *square;
  double *residual; /* clusters x dim */
  double likelihood, likelihood2;
} Sums;

static void
add_chunk(const DcTransportFit *fit, size_t row, size_t rows, Sums *sums)
{
  const DcTransportSource *s = fit->source;
  DcTransportWork *work = &sums->work;
  dc_transport_score(s, &s->anchor, fit->rows + row * s->dim, rows, work);
  dc_transport_evidence_add(s, &s->anchor, work, rows, &sums->evidence);
  for (size_t i = 0; i < rows * s->dim; i++)
    work->pull[i] += work->restored[i]; /* A p */
  dc_linear_add_products(work->pull, work->pull, s->dim, rows, s->dim, sums->products);
  for (size_t i = 0; i < rows; i++) {
    sums->likelihood += work->likelihood[i];
    sums->likelihood2 += work->likelihood[i] * work->likelihood[i];
  }
}

/* f_i = -[Wi (Cov Wi - I)]_ii with Cov = sum abar_m p_m^T p_m - mean of pbar^T pbar, at least 1 /
 * lam. */
static void
find_curvature(const DcTransportFit *fit, Sums *sums)
{
  DcTransportSource *s = fit->source;
  size_t d = s->dim;
  double count = (double)fit->samples->rows;
  double *spread = sums->products;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j < d; j++) {
      double sum = 0;
      for (size_t m = 0; m < s->prototypes; m++)
        sum += sums->evidence.prototype_mass[m] * s->prototype[m * d + i] * s->prototype[m * d + j];
      spread[i * d + j] = (sum - spread[i * d + j]) / count;
    }
  dc_linear_multiply(spread, s->precision, d, d, d, sums->square);
  for (size_t i = 0; i < d; i++)
    sums->square[i * d + i] -= 1;
  for (size_t i = 0; i < d; i++) {
    double curvature = 0;
    for (size_t j = 0; j < d; j++)
      curvature -= s->precision[i * d + j] * sums->square[j * d + i];
    s->curvature[i] = fmax(curvature, 1 / s->variance[i]);
  }
}

static void
find_likelihood(const DcTransportFit *fit, const Sums *sums)
{
  double *figure = fit->source->figure, count = (double)fit->samples->rows;
  figure[DC_TRANSPORT_LIKELIHOOD] = sums->likelihood / count;
  double mean = figure[DC_TRANSPORT_LIKELIHOOD];
  figure[DC_TRANSPORT_DEVIATION] = sqrt(fmax(sums->likelihood2 / count - mean * mean, 0));
}

static DcStatus
find_statistics(DcTransportFit *fit)
{
  DcTransportSource *s = fit->source;
  size_t count = fit->samples->rows, d = s->dim;
  Sums sums = {0};
  double *block;
  DcArena memory;
  const DcLinearPiece pieces[] = {{&block, dc_transport_evidence_size(s)},
                                  {&sums.products, d * d},
                                  {&sums.square, d * d},
                                  {&sums.residual, s->clusters * d}};
  if (!dc_transport_work_init(&sums.work, s))
    return dc_transport_fit_no_memory(fit);
  if (!dc_linear_allocate(&memory, pieces, 4)) {
    dc_transport_work_clear(&sums.work);
    return dc_transport_fit_no_memory(fit);
  }
  dc_transport_evidence_place(s, block, &sums.evidence);
  for (size_t row = 0; row < count; row += DC_TRANSPORT_CHUNK)
    add_chunk(fit, row, count - row < DC_TRANSPORT_CHUNK ? count - row : DC_TRANSPORT_CHUNK, &sums);
  /* The model's own moments and residuals are still 0, so these are the plain means. */
  dc_transport_moments(s, &sums.evidence, sums.square, sums.residual);
  memcpy(s->moment, sums.square, d * d * sizeof(double));
  memcpy(s->gradient, sums.residual, d * sizeof(double));
  find_curvature(fit, &sums);
  dc_transport_residuals(s, &s->anchor, &sums.evidence, sums.residual);
  memcpy(s->residual, sums.residual, s->clusters * d * sizeof(double));
  find_likelihood(fit, &sums);
  dc_arena_clear(&memory);
  dc_transport_work_clear(&sums.work);
  return DC_OK;
}

/* ---- the whole ---- */

DcStatus
dc_transport_fit_describe(DcTransportFit *fit)
{
  DcStatus status = make_source(fit);
  if (status)
    return status;
  find_rest(fit);
  find_moments_of_directions(fit);
  status = find_metric(fit);
  return status ? status : find_statistics(fit);
}
