/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm_metrics.h"

#include "base/checked.h"
#include "cluster/transport_linear.h"
#include "tensor/rows.h"
#include "tensor/softmax.h"

#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>

/* Samples at once: their products, in doubles, stay in the cache. */
#define CHUNK 128

/* Added to the diagonal of every covariance, in units of the samples' variance, which is 1. */
#define RIDGE 1e-6

/* A cluster of no more mass than this many samples keeps its place: a mean of nothing but rounding
 * would be none. */
#define LEAST_MASS (10 * DBL_EPSILON)

/* Cholesky and the inverse made of it, from the LAPACK that OpenBLAS brings along; see
 * tensor/eigen.c. LAPACK's upper triangle by columns is our lower one by rows. */
void dpotrf_(const char *triangle, const int *n, double *matrix, const int *leading, int *info,
             size_t triangle_length);
void dpotri_(const char *triangle, const int *n, double *matrix, const int *leading, int *info,
             size_t triangle_length);

DcTdcmMetricsOptions
dc_tdcm_metrics_options(void)
{
  return (DcTdcmMetricsOptions){.shrinkage = 0.1, .tolerance = 1e-3, .blocks = 60};
}

/* A sample z stands as its "lift": 1, z_k, and z_k z_l for l <= k, L = 1 + d + d (d + 1) / 2
 * numbers in which the scores are linear and whose sums are the moments of a cluster. The lifts and
 * scores of a chunk of n samples stand as columns, so that loops run along the samples. */
typedef struct {
  size_t clusters, dim, width; /* K, d, L */
  DcArena arena;
  double *keys;    /* K x L: S = key . lift */
  double *lifts;   /* L x n */
  double *scores;  /* K x n */
  double *moments; /* K x L: summed responsibilities times lifts */
  double *inverse; /* d x d */
  double *common;  /* d x d: T */
} Blocks;

static DcStatus
blocks_init(Blocks *blocks, size_t clusters, size_t dim)
{
  size_t square, keys, lifts;
  *blocks = (Blocks){.clusters = clusters, .dim = dim};
  if (!dc_checked_mul(dim, dim, &square))
    return DC_ERROR_MEMORY;
  blocks->width = 1 + dim + (square + dim) / 2;
  if (!dc_checked_mul(clusters, blocks->width, &keys) ||
      !dc_checked_mul(CHUNK, blocks->width, &lifts))
    return DC_ERROR_MEMORY;
  const DcLinearPiece pieces[] = {{&blocks->keys, keys},      {&blocks->lifts, lifts},
                                  {&blocks->moments, keys},   {&blocks->scores, CHUNK * clusters},
                                  {&blocks->inverse, square}, {&blocks->common, square}};
  return dc_linear_allocate(&blocks->arena, pieces, sizeof pieces / sizeof *pieces)
             ? DC_OK
             : DC_ERROR_MEMORY;
}

static void
blocks_clear(Blocks *blocks)
{
  dc_arena_clear(&blocks->arena);
}

/* ---- scores ---- */

/* The inverse of `covariance` as a lower triangle; its log det to `*log_det`. False when it is
 * singular. */
static bool
invert(const double *covariance, size_t dim, double *inverse, double *log_det)
{
  int n = (int)dim, info;
  memcpy(inverse, covariance, dim * dim * sizeof *inverse);
  dpotrf_("U", &n, inverse, &n, &info, 1);
  *log_det = 0;
  for (size_t k = 0; k < dim && info == 0; k++)
    *log_det += 2 * log(inverse[k * dim + k]);
  if (info != 0 || !isfinite(*log_det))
    return false;
  dpotri_("U", &n, inverse, &n, &info, 1);
  return info == 0;
}

/* The key of a cluster: log w - 1/2 (log det + m^T P m), P m, and -P_kl, half of it on the
 * diagonal, with P the inverse covariance. */
static DcStatus
find_key(Blocks *blocks, const DcMixture *mixture, size_t cluster)
{
  const size_t d = blocks->dim;
  const double *mean = mixture->means + cluster * d;
  double *key = blocks->keys + cluster * blocks->width, *linear = key + 1, *square = linear + d;
  double log_det;
  if (!invert(mixture->covariances + cluster * d * d, d, blocks->inverse, &log_det))
    return DC_ERROR_ARGUMENT;
  cblas_dsymv(CblasRowMajor, CblasLower, (int)d, 1, blocks->inverse, (int)d, mean, 1, 0, linear, 1);
  key[0] =
      log(mixture->weights[cluster]) - 0.5 * (log_det + cblas_ddot((int)d, mean, 1, linear, 1));
  for (size_t k = 0; k < d; k++)
    for (size_t l = 0; l <= k; l++)
      *square++ = (k == l ? -0.5 : -1) * blocks->inverse[k * d + l];
  return DC_OK;
}

static DcStatus
aim(Blocks *blocks, const DcMixture *mixture)
{
  DcStatus status = DC_OK;
  for (size_t j = 0; j < blocks->clusters && !status; j++)
    status = find_key(blocks, mixture, j);
  return status;
}

static void
lift(Blocks *blocks, const DcMatrix *samples)
{
  const size_t count = samples->rows, d = blocks->dim;
  double *const linear = blocks->lifts + count, *square = linear + d * count;
  for (size_t i = 0; i < count; i++) {
    const float *z = dc_matrix_row(samples, i);
    blocks->lifts[i] = 1;
    for (size_t k = 0; k < d; k++)
      linear[k * count + i] = z[k];
  }
  for (size_t k = 0; k < d; k++)
    for (size_t l = 0; l <= k; l++, square += count)
      dc_multiply_each(linear + k * count, linear + l * count, count, square);
}

static DcMatrix
chunk_of(const DcMatrix *samples, size_t first)
{
  const size_t left = samples->rows - first;
  return dc_matrix_rows(samples, first, left < CHUNK ? left : CHUNK);
}

/* Lifts and scores a chunk. */
static void
score(Blocks *blocks, const DcMatrix *chunk)
{
  lift(blocks, chunk);
  dc_linear_multiply(blocks->keys, blocks->lifts, blocks->clusters, blocks->width, chunk->rows,
                     blocks->scores);
}

/* ---- a block ---- */

/* Adds up the moments under the current keys; returns the mean log-density. */
static double
expect(Blocks *blocks, const DcMatrix *samples)
{
  const size_t clusters = blocks->clusters;
  double sum = 0;
  memset(blocks->moments, 0, clusters * blocks->width * sizeof *blocks->moments);
  for (size_t first = 0; first < samples->rows; first += CHUNK) {
    const DcMatrix chunk = chunk_of(samples, first);
    score(blocks, &chunk);
    sum += dc_softmax_columns_double(blocks->scores, clusters, chunk.rows);
    dc_linear_add_multiplied_transposed(blocks->scores, blocks->lifts, clusters, chunk.rows,
                                        blocks->width, blocks->moments);
  }
  return sum / (double)samples->rows;
}

/* Mean and scatter T_j of a cluster from its moments. */
static void
take_moments(const Blocks *blocks, size_t cluster, double *mean, double *scatter)
{
  const size_t d = blocks->dim;
  const double *moments = blocks->moments + cluster * blocks->width, *products = moments + 1 + d;
  const double mass = moments[0];
  for (size_t k = 0; k < d; k++)
    mean[k] = moments[1 + k] / mass;
  for (size_t k = 0; k < d; k++)
    for (size_t l = 0; l <= k; l++)
      scatter[k * d + l] = scatter[l * d + k] = *products++ - mass * mean[k] * mean[l];
}

/* Sigma_j from T_j, in place. */
static void
shrink(const Blocks *blocks, double mass, double pseudo_mass, double count, double *scatter)
{
  const size_t d = blocks->dim;
  for (size_t k = 0; k < d * d; k++)
    scatter[k] = (scatter[k] + pseudo_mass / count * blocks->common[k]) / (mass + pseudo_mass);
  for (size_t k = 0; k < d; k++)
    scatter[k * d + k] += RIDGE;
}

static DcStatus
maximise(Blocks *blocks, const DcTdcmMetricsOptions *options, size_t samples, DcMixture *mixture)
{
  const size_t d = blocks->dim, clusters = blocks->clusters;
  const double count = (double)samples, pseudo_mass = options->shrinkage * count / (double)clusters;
  memset(blocks->common, 0, d * d * sizeof *blocks->common);
  for (size_t j = 0; j < clusters; j++) {
    const double mass = blocks->moments[j * blocks->width];
    mixture->weights[j] = mass / count;
    if (!(mass > LEAST_MASS))
      continue;
    take_moments(blocks, j, mixture->means + j * d, mixture->covariances + j * d * d);
    cblas_daxpy((int)(d * d), 1, mixture->covariances + j * d * d, 1, blocks->common, 1);
  }
  for (size_t j = 0; j < clusters; j++) {
    const double mass = blocks->moments[j * blocks->width];
    if (mass > LEAST_MASS)
      shrink(blocks, mass, pseudo_mass, count, mixture->covariances + j * d * d);
  }
  return aim(blocks, mixture);
}

DcStatus
dc_tdcm_metrics_run(const DcTdcmMetricsOptions *options, const DcMatrix *samples,
                    DcMixture *clusters, double *log_density)
{
  Blocks blocks;
  double before = -INFINITY, now = -INFINITY;
  DcStatus status = blocks_init(&blocks, clusters->clusters, clusters->dim);
  if (!status)
    status = aim(&blocks, clusters);
  for (uint32_t block = 0; block < options->blocks && !status; block++) {
    now = expect(&blocks, samples);
    status =
        isfinite(now) ? maximise(&blocks, options, samples->rows, clusters) : DC_ERROR_NOT_FINITE;
    if (now - before < options->tolerance)
      break;
    before = now;
  }
  blocks_clear(&blocks);
  if (log_density)
    *log_density = now;
  return status;
}

/* ---- assigning ---- */

/* The cluster of the largest of the K scores that lie `count` apart. */
static uint32_t
largest(const double *scores, size_t clusters, size_t count)
{
  uint32_t best = 0;
  for (size_t j = 1; j < clusters; j++)
    if (scores[j * count] > scores[best * count])
      best = (uint32_t)j;
  return best;
}

DcStatus
dc_tdcm_metrics_assign(const DcMixture *clusters, const DcMatrix *samples, uint32_t *labels,
                       double *log_density)
{
  Blocks blocks;
  double sum = 0;
  DcStatus status = blocks_init(&blocks, clusters->clusters, clusters->dim);
  if (!status)
    status = aim(&blocks, clusters);
  for (size_t first = 0; first < samples->rows && !status; first += CHUNK) {
    const DcMatrix chunk = chunk_of(samples, first);
    score(&blocks, &chunk);
    for (size_t i = 0; i < chunk.rows && labels; i++)
      labels[first + i] = largest(blocks.scores + i, clusters->clusters, chunk.rows);
    sum += dc_softmax_columns_double(blocks.scores, clusters->clusters, chunk.rows);
  }
  blocks_clear(&blocks);
  *log_density = sum / (double)samples->rows;
  return status ? status : isfinite(sum) ? DC_OK : DC_ERROR_NOT_FINITE;
}
