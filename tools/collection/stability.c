/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/stability.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"
#include "command.h"
#include "eval/scores.h"
#include "tensor/blas.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

#define DIVISIONS 4
#define RESTARTS  3
#define AT_ONCE   128 /* rows of a Gaussian that are drawn together */

/* The rows of a random order, and what k-means makes of a part of them. */
typedef struct {
  const DcMatrix *fitted, *judged;
  guint32 clusters;
  DcRandom random;
  guint32 *order;   /* fitted->rows */
  float *half;      /* rows of one half */
  float *centroids; /* clusters x d */
  float *scratch;   /* of dc_nearest() */
  guint32 *labels[2];
} Judging;

static gboolean
fail(GError **error, DcStatus status)
{
  g_set_error(error, DC_TOOLS_ERROR, -(int)status, "embeddings cannot be judged: %s",
              dc_status_text(status));
  return FALSE;
}

/* Fits k-means to a half, from row `first` of the order, and places what is to be judged. */
static DcStatus
place_by_half(Judging *judging, gsize first, gsize count, guint32 *labels)
{
  gsize dim = judging->fitted->cols;
  for (gsize i = 0; i < count; i++)
    memcpy(judging->half + i * dim, dc_matrix_row(judging->fitted, judging->order[first + i]),
           dim * sizeof(float));
  DcMatrix half = dc_matrix(judging->half, count, dim);
  DcMatrix centroids = dc_matrix(judging->centroids, judging->clusters, dim);
  DcKmeansOptions options = dc_kmeans_options(judging->clusters);
  options.restarts = RESTARTS;
  DcKmeansResult result;
  DcError core_error;
  DcStatus status =
      dc_kmeans(&half, NULL, &options, &judging->random, &centroids, NULL, &result, &core_error);
  if (status == DC_OK)
    dc_nearest(judging->judged, &centroids, judging->scratch, labels, NULL);
  return status;
}

static DcStatus
divide_once(Judging *judging, double *index)
{
  gsize first = judging->fitted->rows / 2;
  dc_random_shuffle(&judging->random, judging->order, judging->fitted->rows);
  DcStatus status = place_by_half(judging, 0, first, judging->labels[0]);
  if (status == DC_OK)
    status = place_by_half(judging, first, judging->fitted->rows - first, judging->labels[1]);
  DcScores scores;
  if (status == DC_OK)
    status = dc_scores(judging->labels[0], judging->labels[1], judging->judged->rows, &scores);
  if (status == DC_OK)
    *index = scores.ari;
  return status;
}

/* The mean over several divisions of `fitted`. */
static gboolean
measure(const DcMatrix *fitted, const DcMatrix *judged, guint32 clusters, guint64 seed,
        double *mean, GError **error)
{
  g_autofree guint32 *order = g_new(guint32, fitted->rows);
  g_autofree float *half = g_new(float, (fitted->rows + 1) / 2 * fitted->cols);
  g_autofree float *centroids = g_new(float, clusters * fitted->cols);
  g_autofree guint32 *labels = g_new(guint32, 2 * judged->rows);
  g_autofree float *scratch = g_new(float, MAX(1, dc_nearest_scratch(clusters, fitted->cols)));
  Judging judging = {
      .fitted = fitted,
      .judged = judged,
      .clusters = clusters,
      .order = order,
      .half = half,
      .centroids = centroids,
      .scratch = scratch,
      .labels = {labels, labels + judged->rows},
  };
  dc_random_seed(&judging.random, seed, 0);
  for (guint32 i = 0; i < fitted->rows; i++)
    order[i] = i;
  double sum = 0;
  for (int i = 0; i < DIVISIONS; i++) {
    double index = 0;
    DcStatus status = divide_once(&judging, &index);
    if (status != DC_OK)
      return fail(error, status);
    sum += index;
  }
  *mean = sum / DIVISIONS;
  return TRUE;
}

/* Draws rows of a Gaussian with mean and covariance of `rows`: m + sum_i g_i (x_i - m) / sqrt(n),
 * with a standard normal g_i for each row. */
static void
draw_gaussian(const DcMatrix *rows, DcRandom *random, const DcMatrix *drawn)
{
  g_autofree double *means = g_new(double, rows->cols);
  g_autofree float *centre = g_new(float, rows->cols);
  g_autofree float *centred = g_new(float, rows->rows * rows->cols);
  g_autofree float *weights = g_new(float, AT_ONCE * rows->rows);
  DcMatrix deviations = dc_matrix(centred, rows->rows, rows->cols);
  float share = (float)(1 / sqrt((double)rows->rows));
  dc_column_moments(rows, NULL, means, NULL);
  for (gsize j = 0; j < rows->cols; j++)
    centre[j] = (float)means[j];
  dc_centre_rows(rows, centre, &deviations);
  for (gsize first = 0; first < drawn->rows; first += AT_ONCE) {
    gsize count = MIN(AT_ONCE, drawn->rows - first);
    for (gsize i = 0; i < count * rows->rows; i++)
      weights[i] = share * (float)dc_random_normal(random);
    DcMatrix left = dc_matrix(weights, count, rows->rows);
    DcMatrix target = dc_matrix_rows(drawn, first, count);
    dc_gemm(DC_PLAIN, DC_PLAIN, 1, &left, &deviations, 0, &target);
  }
}

/* What the same measure says where there are no groups. */
static gboolean
measure_chance(const DcMatrix *fitted, const DcMatrix *judged, guint32 clusters, guint64 seed,
               double *mean, GError **error)
{
  g_autofree float *first = g_new(float, fitted->rows * fitted->cols);
  g_autofree float *second = g_new(float, judged->rows * judged->cols);
  DcMatrix drawn_fitted = dc_matrix(first, fitted->rows, fitted->cols);
  DcMatrix drawn_judged = dc_matrix(second, judged->rows, judged->cols);
  DcRandom random;
  dc_random_seed(&random, seed, 1);
  draw_gaussian(fitted, &random, &drawn_fitted);
  draw_gaussian(fitted, &random, &drawn_judged);
  return measure(&drawn_fitted, &drawn_judged, clusters, seed, mean, error);
}

gboolean
dc_stability(const DcMatrix *fitted, const DcMatrix *judged, guint32 clusters, guint64 seed,
             double *stability, GError **error)
{
  double found, chance;
  if (clusters < 1 || fitted->rows / 2 < clusters || fitted->rows > G_MAXUINT32 ||
      judged->rows == 0 || fitted->cols != judged->cols)
    return fail(error, DC_ERROR_ARGUMENT);
  if (!measure(fitted, judged, clusters, seed, &found, error) ||
      !measure_chance(fitted, judged, clusters, seed, &chance, error))
    return FALSE;
  *stability = found - chance;
  return TRUE;
}
