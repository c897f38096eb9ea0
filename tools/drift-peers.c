/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-peers.h"

#include "cluster/kmeans.h"
#include "cluster/matching.h"
#include "command.h"

#include <math.h>
#include <string.h>

enum { FORGETTING_BATCH = 64, WINDOW_BATCH = 256 };

static gboolean
no_memory(GError **error)
{
  g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "not enough memory for a peer");
  return FALSE;
}

static float *
new_scratch(const DcMatrix *centroids)
{
  return g_try_new(float, MAX(dc_nearest_scratch(centroids->rows, centroids->cols), 1));
}

/* Centroids become means of old and new members; `mass` is what the old ones weigh. */
static void
learn(const DcMatrix *batch, const guint32 *labels, const DcMatrix *centroids, double *mass)
{
  for (gsize i = 0; i < batch->rows; i++) {
    float *centroid = dc_matrix_row(centroids, labels[i]);
    const float *row = dc_matrix_row(batch, i);
    double share = 1 / (mass[labels[i]] += 1);
    for (gsize j = 0; j < batch->cols; j++)
      centroid[j] += (float)(share * ((double)row[j] - centroid[j]));
  }
}

gboolean
dc_drift_peer_forgetting(const DcMatrix *stream, gsize half_life, const DcMatrix *centroids,
                         guint32 *labels, GError **error)
{
  gsize clusters = centroids->rows;
  g_autofree float *scratch = new_scratch(centroids);
  g_autofree double *mass = g_new(double, clusters);
  if (!scratch)
    return no_memory(error);
  for (gsize k = 0; k < clusters; k++)
    mass[k] = (double)half_life / (double)clusters;
  double kept = half_life ? pow(0.5, FORGETTING_BATCH / (double)half_life) : 1;
  for (gsize row = 0; row < stream->rows; row += FORGETTING_BATCH) {
    DcMatrix batch = dc_matrix_rows(stream, row, MIN(FORGETTING_BATCH, stream->rows - row));
    dc_nearest(&batch, centroids, scratch, labels + row, NULL);
    if (!half_life)
      continue;
    for (gsize k = 0; k < clusters; k++)
      mass[k] *= kept;
    learn(&batch, labels + row, centroids, mass);
  }
  return TRUE;
}

/* ---- k-means on a window ---- */

typedef struct {
  float *rows; /* capacity x dim, oldest first */
  gsize count, capacity, dim;
} Window;

static void
remember(Window *window, const DcMatrix *rows)
{
  gsize taken = MIN(rows->rows, window->capacity), dim = window->dim;
  DcMatrix last = dc_matrix_rows(rows, rows->rows - taken, taken);
  gsize kept = MIN(window->count, window->capacity - taken);
  memmove(window->rows, window->rows + (window->count - kept) * dim, kept * dim * sizeof(float));
  DcMatrix target = dc_matrix(window->rows + kept * dim, taken, dim);
  dc_matrix_copy(&last, &target);
  window->count = kept + taken;
}

/* `centroids` take the places of `found`, each the one that is nearest to it as a whole. */
static DcStatus
match(const DcMatrix *found, const DcMatrix *centroids)
{
  gsize clusters = centroids->rows;
  g_autofree double *gain = g_new(double, clusters *clusters);
  g_autofree guint32 *matched = g_new(guint32, clusters);
  for (gsize k = 0; k < clusters; k++)
    for (gsize other = 0; other < clusters; other++) {
      double distance = 0;
      for (gsize j = 0; j < centroids->cols; j++)
        distance += pow((double)dc_matrix_row(centroids, k)[j] - dc_matrix_row(found, other)[j], 2);
      gain[k * clusters + other] = -distance;
    }
  DcStatus status = dc_match(gain, clusters, clusters, matched);
  for (gsize k = 0; k < clusters && status == DC_OK; k++)
    memcpy(dc_matrix_row(centroids, k), dc_matrix_row(found, matched[k]),
           centroids->cols * sizeof(float));
  return status;
}

static DcStatus
recluster(const Window *window, const DcMatrix *centroids, const DcMatrix *found)
{
  DcMatrix rows = dc_matrix(window->rows, window->count, window->dim);
  DcKmeansOptions options = dc_kmeans_options((guint32)centroids->rows);
  DcKmeansResult result;
  dc_matrix_copy(centroids, found);
  DcStatus status = dc_kmeans_lloyd(&rows, NULL, &options, found, NULL, &result);
  return status == DC_OK ? match(found, centroids) : status;
}

gboolean
dc_drift_peer_window(const DcMatrix *source, const DcMatrix *stream, gsize window,
                     const DcMatrix *centroids, guint32 *labels, GError **error)
{
  gsize dim = stream->cols;
  g_autofree float *rows = g_try_new(float, window *dim);
  g_autofree float *scratch = new_scratch(centroids);
  g_autofree float *places = g_try_new(float, centroids->rows *dim);
  if (!rows || !scratch || !places)
    return no_memory(error);
  DcMatrix found = dc_matrix(places, centroids->rows, dim);
  Window past = {.rows = rows, .capacity = window, .dim = dim};
  remember(&past, source);
  for (gsize row = 0; row < stream->rows; row += WINDOW_BATCH) {
    DcMatrix batch = dc_matrix_rows(stream, row, MIN(WINDOW_BATCH, stream->rows - row));
    dc_nearest(&batch, centroids, scratch, labels + row, NULL);
    remember(&past, &batch);
    if (recluster(&past, centroids, &found) != DC_OK)
      return no_memory(error);
  }
  return TRUE;
}
