/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "projection.h"

#include "base/random.h"
#include "command.h"
#include "tensor/blas.h"
#include "tensor/eigen.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

/* A second direction of less than this share of the first is rounding. */
#define NOTHING 1e-6

GArray *
dc_draw_subset(gsize n, gsize count, guint64 seed)
{
  g_autofree guint32 *items = g_new(guint32, n);
  for (gsize i = 0; i < n; i++)
    items[i] = (guint32)i;
  DcRandom random;
  dc_random_seed(&random, seed, 0);
  dc_random_shuffle(&random, items, n);
  GArray *subset = g_array_new(FALSE, FALSE, sizeof(guint32));
  g_array_append_vals(subset, items, (guint)MIN(n, count));
  return subset;
}

/* The rows whose scatter is looked at. */
typedef struct {
  DcMatrix rows;  /* owned, dense */
  float *weights; /* owned; NULL: all 1 */
} Cloud;

/* A dense copy of the chosen rows, whose data are to be freed. */
static DcMatrix
copy_rows(const DcMatrix *from, const guint32 *chosen, gsize count)
{
  DcMatrix rows = dc_matrix(g_new(float, count * from->cols), count, from->cols);
  for (gsize i = 0; i < count; i++)
    memcpy(dc_matrix_row(&rows, i), dc_matrix_row(from, chosen[i]), from->cols * sizeof(float));
  return rows;
}

static Cloud
take_rows(const DcMatrix *from, const GArray *order)
{
  gsize count = MIN(order->len, DC_PROJECTION_MOST_ROWS);
  return (Cloud){copy_rows(from, (const guint32 *)order->data, count), NULL};
}

static Cloud
take_centroids(const DcClustering *clustering)
{
  g_autofree gsize *sizes = dc_clustering_sizes(clustering);
  g_autoptr(GArray) order = dc_clustering_by_size(clustering, sizes);
  Cloud cloud = take_rows(&clustering->centroids, order);
  cloud.weights = g_new(float, cloud.rows.rows);
  for (gsize i = 0; i < cloud.rows.rows; i++)
    cloud.weights[i] = (float)sizes[g_array_index(order, guint32, i)];
  return cloud;
}

static Cloud
take_embeddings(const DcClustering *clustering, guint64 seed)
{
  g_autoptr(GArray) drawn =
      dc_draw_subset(clustering->embeddings.rows, DC_PROJECTION_MOST_ROWS, seed);
  return take_rows(&clustering->embeddings, drawn);
}

static void
clear_cloud(Cloud *cloud)
{
  g_free(cloud->rows.data);
  g_free(cloud->weights);
}

/* Moves the cloud to its mean, which becomes the origin, and scales each row by the root of its
 * weight: the product of the rows with themselves is then the scatter. */
static void
centre(Cloud *cloud, float *origin)
{
  gsize dim = cloud->rows.cols;
  g_autofree double *means = g_new(double, dim);
  dc_column_moments(&cloud->rows, cloud->weights, means, NULL);
  for (gsize j = 0; j < dim; j++)
    origin[j] = (float)means[j];
  dc_centre_rows(&cloud->rows, origin, &cloud->rows);
  for (gsize i = 0; cloud->weights && i < cloud->rows.rows; i++)
    for (gsize j = 0; j < dim; j++)
      dc_matrix_row(&cloud->rows, i)[j] *= sqrtf(cloud->weights[i]);
}

/* Of the two products of the rows A with themselves, which have the same eigenvalues, the smaller:
 * A^T A has the directions as eigenvectors, A A^T has u where the direction is A^T u. */
static void
set_directions(DcProjection *projection, const Cloud *cloud, gsize side, const double *values,
               const double *vectors)
{
  gsize dim = cloud->rows.cols;
  gboolean of_columns = side == dim;
  double total = 0;
  for (gsize i = 0; i < side; i++)
    total += MAX(values[i], 0);
  for (gsize k = 0; k < 2; k++) {
    float *direction = projection->directions + k * dim;
    double value = k < side ? MAX(values[side - 1 - k], 0) : 0;
    projection->shares[k] = total > 0 ? value / total : 0;
    if (projection->shares[k] <= NOTHING) {
      projection->shares[k] = 0;
      memset(direction, 0, dim * sizeof *direction);
      continue;
    }
    g_autofree float *vector = g_new(float, side);
    for (gsize i = 0; i < side; i++)
      vector[i] = (float)vectors[(side - 1 - k) * side + i];
    if (of_columns)
      memcpy(direction, vector, dim * sizeof *direction);
    else
      dc_gemv(DC_TRANSPOSED, 1, &cloud->rows, vector, 0, direction);
  }
  DcMatrix rows = dc_matrix(projection->directions, 2, dim);
  dc_normalise_rows(&rows);
}

static gboolean
find_directions(DcProjection *projection, Cloud *cloud, GError **error)
{
  centre(cloud, projection->origin);
  gsize side = MIN(cloud->rows.rows, cloud->rows.cols);
  g_autofree float *product = g_new(float, side *side);
  DcMatrix scatter = dc_matrix(product, side, side);
  dc_syrk(side == cloud->rows.cols ? DC_TRANSPOSED : DC_PLAIN, 1, &cloud->rows, 0, &scatter);
  g_autofree double *vectors = g_new(double, side *side);
  g_autofree double *values = g_new(double, side);
  for (gsize i = 0; i < side * side; i++)
    vectors[i] = product[i];
  DcStatus status = dc_eigen_symmetric(vectors, side, values, vectors);
  if (status != DC_OK) {
    g_set_error(error, DC_TOOLS_ERROR, -(int)status,
                "the principal directions of the embeddings cannot be found: %s",
                dc_status_text(status));
    return FALSE;
  }
  set_directions(projection, cloud, side, values, vectors);
  return TRUE;
}

gboolean
dc_projection_init(DcProjection *projection, const DcClustering *clustering, guint64 seed,
                   GError **error)
{
  gsize dim = clustering->embeddings.cols;
  *projection = (DcProjection){.origin = g_new0(float, dim),
                               .directions = g_new0(float, 2 * dim),
                               .of_centroids = TRUE};
  Cloud cloud = take_centroids(clustering);
  gboolean well = find_directions(projection, &cloud, error);
  clear_cloud(&cloud);
  if (well && projection->shares[1] == 0) {
    projection->of_centroids = FALSE;
    cloud = take_embeddings(clustering, seed);
    well = find_directions(projection, &cloud, error);
    clear_cloud(&cloud);
  }
  if (!well)
    dc_projection_clear(projection);
  return well;
}

void
dc_projection_clear(DcProjection *projection)
{
  g_clear_pointer(&projection->origin, g_free);
  g_clear_pointer(&projection->directions, g_free);
}

void
dc_projection_run(const DcProjection *projection, const DcMatrix *rows, const guint32 *chosen,
                  gsize count, const DcMatrix *points)
{
  DcMatrix moved = copy_rows(rows, chosen, count);
  DcMatrix directions = dc_matrix(projection->directions, 2, rows->cols);
  dc_centre_rows(&moved, projection->origin, &moved);
  dc_gemm(DC_PLAIN, DC_TRANSPOSED, 1, &moved, &directions, 0, points);
  g_free(moved.data);
}
