/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/choose.h"

#include "base/memory.h"
#include "cluster/kmeans.h"
#include "cluster/valley.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

#define SAMPLES_PER_CELL 8  /* fewer members say nothing about a cell */
#define MOST_CELLS       64 /* unless more clusters may be wanted */
#define RESTARTS         4
#define MAX_ITERATIONS   50
#define NEIGHBOURS       2 /* each group is compared with so many */

/* The groups of cells on their way to clusters. */
typedef struct {
  const DcMatrix *samples;
  uint32_t count;
  uint32_t *label; /* of each sample */
  double *mean;    /* count x d */
  uint32_t *size;  /* samples of each */
  double *oneness; /* cells x cells: valley over its bound, NAN: not known yet */
  uint32_t stride; /* of oneness */
  float *gathered; /* scratch: samples x d */
} Groups;

static void
clear_groups(Groups *groups)
{
  dc_free(groups->label);
  dc_free(groups->mean);
  dc_free(groups->size);
  dc_free(groups->oneness);
  dc_free(groups->gathered);
}

static DcStatus
make_groups(const DcMatrix *samples, uint32_t cells, Groups *groups, DcError *error)
{
  size_t n = samples->rows, dim = samples->cols;
  *groups = (Groups){
      .samples = samples,
      .count = cells,
      .label = DC_NEW(uint32_t, n),
      .mean = DC_NEW(double, cells *dim),
      .size = DC_NEW(uint32_t, cells),
      .oneness = DC_NEW(double, (size_t)cells *cells),
      .stride = cells,
      .gathered = DC_NEW(float, n *dim),
  };
  if (!groups->label || !groups->mean || !groups->size || !groups->oneness || !groups->gathered)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory to choose among %u clusters",
                        cells);
  return DC_OK;
}

/* What the labels say of each cell. */
static void
describe_cells(Groups *groups)
{
  size_t dim = groups->samples->cols;
  memset(groups->mean, 0, groups->count * dim * sizeof *groups->mean);
  memset(groups->size, 0, groups->count * sizeof *groups->size);
  for (size_t i = 0; i < (size_t)groups->stride * groups->stride; i++)
    groups->oneness[i] = NAN;
  for (size_t i = 0; i < groups->samples->rows; i++) {
    const float *row = dc_matrix_row(groups->samples, i);
    uint32_t g = groups->label[i];
    groups->size[g]++;
    for (size_t j = 0; j < dim; j++)
      groups->mean[g * dim + j] += (double)row[j];
  }
  for (uint32_t g = 0; g < groups->count; g++)
    for (size_t j = 0; j < dim && groups->size[g]; j++)
      groups->mean[g * dim + j] /= groups->size[g];
}

static DcStatus
cut_into_cells(Groups *groups, DcRandom *random, DcError *error)
{
  DcMatrix centroids = dc_matrix(groups->gathered, groups->count, groups->samples->cols);
  DcKmeansOptions options = dc_kmeans_options(groups->count);
  DcKmeansResult result;
  options.restarts = RESTARTS;
  options.max_iterations = MAX_ITERATIONS;
  DcStatus status =
      dc_kmeans(groups->samples, NULL, &options, random, &centroids, groups->label, &result, error);
  if (status == DC_OK)
    describe_cells(groups);
  return status;
}

/* Lloyd from the means of the groups, which are its cells then. */
static DcStatus
cut_anew(Groups *groups, DcError *error)
{
  size_t numbers = groups->count * groups->samples->cols;
  DcMatrix centroids = dc_matrix(groups->gathered, groups->count, groups->samples->cols);
  DcKmeansOptions options = dc_kmeans_options(groups->count);
  DcKmeansResult result;
  for (size_t i = 0; i < numbers; i++)
    groups->gathered[i] = (float)groups->mean[i];
  DcStatus status =
      dc_kmeans_lloyd(groups->samples, NULL, &options, &centroids, groups->label, &result);
  if (status != DC_OK)
    return dc_error_set(error, status, "the clusters of the samples cannot be found: %s",
                        dc_status_text(status));
  describe_cells(groups);
  return DC_OK;
}

static double
squared_distance(const Groups *groups, uint32_t a, uint32_t b)
{
  size_t dim = groups->samples->cols;
  const double *x = groups->mean + a * dim, *y = groups->mean + b * dim;
  double sum = 0;
  for (size_t j = 0; j < dim; j++)
    sum += (x[j] - y[j]) * (x[j] - y[j]);
  return sum;
}

/* The nearest groups of `g`, nearest first; returns how many there are. */
static uint32_t
find_neighbours(const Groups *groups, uint32_t g, uint32_t neighbours[NEIGHBOURS])
{
  double distances[NEIGHBOURS + 1];
  uint32_t found = 0;
  for (uint32_t other = 0; other < groups->count; other++) {
    if (other == g)
      continue;
    double distance = squared_distance(groups, g, other);
    uint32_t at = found;
    for (; at > 0 && distances[at - 1] > distance; at--) {
      distances[at] = distances[at - 1];
      if (at < NEIGHBOURS)
        neighbours[at] = neighbours[at - 1];
    }
    distances[at] = distance;
    if (at < NEIGHBOURS)
      neighbours[at] = other;
    found += found < NEIGHBOURS;
  }
  return found;
}

/* The samples of `g` in `groups->gathered` from row `start` on. */
static DcMatrix
gather(const Groups *groups, uint32_t g, size_t start)
{
  size_t dim = groups->samples->cols, row = start;
  for (size_t i = 0; i < groups->samples->rows; i++)
    if (groups->label[i] == g)
      memcpy(groups->gathered + row++ * dim, dc_matrix_row(groups->samples, i),
             dim * sizeof(float));
  return dc_matrix(groups->gathered + start * dim, row - start, dim);
}

/* How much two groups are one: from 1 on they are. Those of too few samples to tell are, more than
 * all others, with what is nearest. */
static DcStatus
measure_oneness(Groups *groups, uint32_t a, uint32_t b, double *oneness, DcError *error)
{
  uint32_t least = groups->size[a] < groups->size[b] ? groups->size[a] : groups->size[b];
  double *known = &groups->oneness[(size_t)a * groups->stride + b];
  DcStatus status = DC_OK;
  if (isnan(*known) && least < DC_VALLEY_LEAST) {
    *known = 1e6 + 1 / (1 + squared_distance(groups, a, b));
  } else if (isnan(*known)) {
    DcMatrix first = gather(groups, a, 0), second = gather(groups, b, first.rows);
    double valley;
    status = dc_valley(&first, &second, &valley, error);
    *known = valley / dc_valley_bound(least);
    groups->oneness[(size_t)b * groups->stride + a] = *known;
  }
  *oneness = *known;
  return status;
}

/* The pair that is the most one. */
static DcStatus
find_pair(Groups *groups, uint32_t pair[2], double *best, DcError *error)
{
  *best = -1;
  for (uint32_t g = 0; g < groups->count; g++) {
    uint32_t neighbours[NEIGHBOURS];
    uint32_t count = find_neighbours(groups, g, neighbours);
    for (uint32_t i = 0; i < count; i++) {
      double oneness;
      DcStatus status = measure_oneness(groups, g, neighbours[i], &oneness, error);
      if (status != DC_OK)
        return status;
      if (oneness > *best) {
        *best = oneness;
        pair[0] = g;
        pair[1] = neighbours[i];
      }
    }
  }
  return DC_OK;
}

static void
forget_oneness(Groups *groups, uint32_t g)
{
  for (uint32_t other = 0; other < groups->count; other++)
    groups->oneness[(size_t)g * groups->stride + other] =
        groups->oneness[(size_t)other * groups->stride + g] = NAN;
}

/* The last group takes the number of the one that is gone. */
static void
renumber_last(Groups *groups, uint32_t gone)
{
  uint32_t last = groups->count - 1;
  size_t dim = groups->samples->cols;
  for (size_t i = 0; i < groups->samples->rows; i++)
    if (groups->label[i] == last)
      groups->label[i] = gone;
  groups->size[gone] = groups->size[last];
  memmove(groups->mean + gone * dim, groups->mean + last * dim, dim * sizeof(double));
  for (uint32_t other = 0; other < last; other++) {
    double known = other == gone ? NAN : groups->oneness[(size_t)last * groups->stride + other];
    groups->oneness[(size_t)gone * groups->stride + other] =
        groups->oneness[(size_t)other * groups->stride + gone] = known;
  }
  groups->count--;
}

static void
join(Groups *groups, uint32_t kept, uint32_t gone)
{
  size_t dim = groups->samples->cols;
  double a = groups->size[kept], b = groups->size[gone];
  for (size_t j = 0; j < dim && a + b > 0; j++)
    groups->mean[kept * dim + j] =
        (a * groups->mean[kept * dim + j] + b * groups->mean[gone * dim + j]) / (a + b);
  groups->size[kept] += groups->size[gone];
  for (size_t i = 0; i < groups->samples->rows; i++)
    if (groups->label[i] == gone)
      groups->label[i] = kept;
  forget_oneness(groups, kept);
  renumber_last(groups, gone);
}

static DcStatus
join_what_is_one(Groups *groups, uint32_t max_clusters, DcError *error)
{
  while (groups->count > 1) {
    uint32_t pair[2] = {0, 1};
    double oneness;
    DcStatus status = find_pair(groups, pair, &oneness, error);
    if (status != DC_OK)
      return status;
    if (oneness < 1 && groups->count <= max_clusters)
      return DC_OK;
    join(groups, pair[0] < pair[1] ? pair[0] : pair[1], pair[0] < pair[1] ? pair[1] : pair[0]);
  }
  return DC_OK;
}

static void
take_centroids(const Groups *groups, const DcMatrix *centroids)
{
  for (uint32_t g = 0; g < groups->count; g++)
    for (size_t j = 0; j < centroids->cols; j++)
      dc_matrix_row(centroids, g)[j] = (float)groups->mean[g * centroids->cols + j];
}

/* Everything is one cluster. */
static DcStatus
take_mean(const DcMatrix *samples, const DcMatrix *centroids, DcError *error)
{
  double *mean = DC_NEW(double, samples->cols);
  if (!mean)
    return dc_error_set(error, DC_ERROR_MEMORY, "not enough memory for a centroid");
  dc_column_moments(samples, NULL, mean, NULL);
  for (size_t j = 0; j < samples->cols; j++)
    dc_matrix_row(centroids, 0)[j] = (float)mean[j];
  dc_free(mean);
  return DC_OK;
}

DcStatus
dc_choose_clusters(const DcMatrix *samples, DcRandom *random, uint32_t *clusters,
                   const DcMatrix *centroids, DcError *error)
{
  *clusters = 1;
  uint32_t max_clusters = (uint32_t)centroids->rows;
  size_t bound = samples->rows / SAMPLES_PER_CELL;
  uint32_t most = max_clusters > MOST_CELLS ? max_clusters : MOST_CELLS;
  uint32_t cells = bound < most ? (uint32_t)bound : most;
  if (cells < 2 || max_clusters < 2)
    return take_mean(samples, centroids, error);
  Groups groups;
  DcStatus status = make_groups(samples, cells, &groups, error);
  if (status == DC_OK)
    status = cut_into_cells(&groups, random, error);
  if (status == DC_OK)
    status = join_what_is_one(&groups, max_clusters, error);
  if (status == DC_OK)
    status = cut_anew(&groups, error); /* groups of cells have ragged edges */
  if (status == DC_OK) {
    *clusters = groups.count;
    take_centroids(&groups, centroids);
  }
  clear_groups(&groups);
  return status;
}
