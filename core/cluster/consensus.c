/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/consensus.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"
#include "cluster/spectral.h"
#include "cluster/ward.h"
#include "tensor/blas.h"
#include "tensor/eigen.h"

#include <math.h>
#include <stdbool.h>

#define GROUPINGS        10 /* of cells by Ward's criterion */
#define CELLS_PER_GROUP  8
#define FEWEST_CELLS     2 /* per group, or there is nothing to merge */
#define MOST_CELLS       512
#define SAMPLES_PER_CELL 6
#define ITERATIONS       12 /* of k-means: where exactly a cell ends does not matter */
#define MOST_POINTS      512
#define SHRINKAGE        0.5 /* of the covariance within cells, as transport tracking has it */
#define LEAST_VARIANCE   1e-9

/* Nearest neighbours of the graphs that are cut: no one number suits all samples. */
static const size_t neighbours[] = {5, 7, 10, 14};
enum {
  GRAPHS = sizeof neighbours / sizeof *neighbours,
  CUTS = 2 * GRAPHS,
  OPINIONS = GROUPINGS + CUTS
};

typedef struct {
  const DcMatrix *samples;
  size_t clusters, cells, points, opinions;
  float *rows;      /* places as k-means wants them: the larger number of cells and points x d */
  double *places;   /* of cells: cells x d */
  uint32_t *cell;   /* of each sample */
  double *weights;  /* samples of each cell, never 0: cells */
  double *within;   /* d x d */
  double *scales;   /* eigenvalues: d */
  double *whitened; /* places in the metric: the larger number x d */
  uint32_t *group;  /* of each cell or point */
  uint32_t *found;  /* group of each sample */
  double *point;    /* samples, or cells of them where these are many: points x d */
  uint32_t *member; /* point of each sample */
  double *mass;     /* samples of each point, never 0: points */
  double *square;   /* distances: the larger number squared */
  float *shares;    /* of the groups of all opinions in points: points x opinions x clusters */
  float *together;  /* how often two points are grouped together: points x points */
  float *products;  /* of its rows: points x points */
} Consensus;

/* Few points for each cluster make no graph in which clusters hang together. */
static bool
graphs_tell(const Consensus *c)
{
  return c->points / DC_CONSENSUS_SAMPLES_PER_CLUSTER >= c->clusters &&
         c->points > neighbours[GRAPHS - 1];
}

static size_t
count_cells(size_t samples, size_t clusters)
{
  size_t wanted = CELLS_PER_GROUP * clusters;
  wanted = wanted < MOST_CELLS ? wanted : MOST_CELLS;
  size_t least = FEWEST_CELLS * clusters, carried = samples / SAMPLES_PER_CELL;
  wanted = wanted < carried ? wanted : carried;
  return wanted > least ? wanted : least;
}

static void
clear(Consensus *c)
{
  void *blocks[] = {c->rows,     c->places, c->cell,     c->weights, c->within, c->scales,
                    c->whitened, c->group,  c->found,    c->point,   c->member, c->mass,
                    c->square,   c->shares, c->together, c->products};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    dc_free(blocks[i]);
}

static bool
allocate(Consensus *c)
{
  size_t n = c->samples->rows, d = c->samples->cols;
  size_t most = c->cells > c->points ? c->cells : c->points;
  c->rows = DC_NEW(float, most *d);
  c->places = DC_NEW(double, c->cells *d);
  c->cell = DC_NEW(uint32_t, n);
  c->weights = DC_NEW(double, c->cells);
  c->within = DC_NEW(double, d *d);
  c->scales = DC_NEW(double, d);
  c->whitened = DC_NEW(double, most *d);
  c->group = DC_NEW(uint32_t, most);
  c->found = DC_NEW(uint32_t, n);
  c->point = DC_NEW(double, c->points *d);
  c->member = DC_NEW(uint32_t, n);
  c->mass = DC_NEW(double, c->points);
  c->square = DC_NEW(double, most *most);
  c->shares = DC_NEW(float, c->points * c->opinions * c->clusters);
  c->together = DC_NEW(float, c->points * c->points);
  c->products = DC_NEW(float, c->points * c->points);
  return c->rows && c->places && c->cell && c->weights && c->within && c->scales && c->whitened &&
         c->group && c->found && c->point && c->member && c->mass && c->square && c->shares &&
         c->together && c->products;
}

/* ---- cells and points ---- */

/* `count` cells: `places` (count x d) receives where they lie, `cell` that of each sample. */
static DcStatus
find_cells(Consensus *c, size_t count, uint64_t seed, uint64_t sequence, double *places,
           uint32_t *cell, DcError *error)
{
  DcRandom random;
  dc_random_seed(&random, seed, sequence);
  DcKmeansOptions options = dc_kmeans_options((uint32_t)count);
  options.restarts = 1;
  options.max_iterations = ITERATIONS;
  DcKmeansResult result;
  DcMatrix rows = dc_matrix(c->rows, count, c->samples->cols);
  DcStatus status = dc_kmeans(c->samples, NULL, &options, &random, &rows, cell, &result, error);
  for (size_t i = 0; i < count * c->samples->cols; i++)
    places[i] = c->rows[i];
  return status;
}

/* Samples that repeat leave cells empty: those weigh next to nothing. */
static void
weigh(const uint32_t *cell, size_t samples, size_t count, double *weights)
{
  for (size_t m = 0; m < count; m++)
    weights[m] = 1e-9;
  for (size_t i = 0; i < samples; i++)
    weights[cell[i]] += 1;
}

/* What is grouped at last, and what graphs are made of: the samples, where these are not too many.
 */
static DcStatus
find_points(Consensus *c, uint64_t seed, DcError *error)
{
  size_t n = c->samples->rows, d = c->samples->cols;
  DcStatus status = DC_OK;
  if (c->points < n)
    status = find_cells(c, c->points, seed, GROUPINGS, c->point, c->member, error);
  for (size_t i = 0; i < n && c->points == n; i++) {
    c->member[i] = (uint32_t)i;
    for (size_t j = 0; j < d; j++)
      c->point[i * d + j] = dc_matrix_row(c->samples, i)[j];
  }
  if (status == DC_OK)
    weigh(c->member, n, c->points, c->mass);
  return status;
}

/* ---- the metric of the covariance within cells ---- */

static void
measure_within(Consensus *c)
{
  size_t n = c->samples->rows, d = c->samples->cols;
  for (size_t i = 0; i < d * d; i++)
    c->within[i] = 0;
  for (size_t s = 0; s < n; s++) {
    const float *row = dc_matrix_row(c->samples, s);
    const double *place = c->places + c->cell[s] * d;
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j <= i; j++)
        c->within[i * d + j] += (row[i] - place[i]) * (row[j] - place[j]) / (double)n;
  }
  double even = 0;
  for (size_t i = 0; i < d; i++)
    even += c->within[i * d + i] / (double)d;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++)
      c->within[j * d + i] = c->within[i * d + j] =
          (1 - SHRINKAGE) * c->within[i * d + j] + (i == j ? SHRINKAGE * even : 0);
}

static DcStatus
find_metric(Consensus *c)
{
  measure_within(c);
  return dc_eigen_symmetric(c->within, c->samples->cols, c->scales, c->within);
}

/* Distances between whitened places are those of the metric. */
static void
whiten(Consensus *c, const double *places, size_t count)
{
  size_t d = c->samples->cols;
  double least = LEAST_VARIANCE * c->scales[d - 1];
  for (size_t m = 0; m < count; m++)
    for (size_t i = 0; i < d; i++) {
      double along = 0;
      for (size_t j = 0; j < d; j++)
        along += c->within[i * d + j] * places[m * d + j];
      double variance = fmax(c->scales[i], least);
      c->whitened[m * d + i] = variance > 0 ? along / sqrt(variance) : along;
    }
}

/* Squared distances of `count` places (dim numbers each) into c->square. */
static void
measure(Consensus *c, const double *places, size_t count)
{
  size_t d = c->samples->cols;
  for (size_t i = 0; i < count; i++) {
    c->square[i * count + i] = 0;
    for (size_t j = 0; j < i; j++) {
      double sum = 0;
      for (size_t k = 0; k < d; k++) {
        double step = places[i * d + k] - places[j * d + k];
        sum += step * step;
      }
      c->square[i * count + j] = c->square[j * count + i] = sum;
    }
  }
}

/* ---- opinions: groups of all samples ---- */

/* Enters c->found as one opinion of a kind whose opinions weigh `weight` each: the shares of the
 * groups in each point, whose products are how often two points are grouped together. */
static void
take_opinion(Consensus *c, size_t opinion, double weight)
{
  float *shares = c->shares + opinion * c->clusters;
  for (size_t i = 0; i < c->samples->rows; i++) {
    size_t point = c->member[i];
    shares[point * c->opinions * c->clusters + c->found[i]] +=
        (float)(sqrt(weight) / c->mass[point]);
  }
}

/* Cells of k-means, merged by Ward's criterion. */
static DcStatus
merge_cells(Consensus *c, uint64_t seed, uint64_t round, DcError *error)
{
  size_t n = c->samples->rows;
  DcStatus status = find_cells(c, c->cells, seed, round, c->places, c->cell, error);
  if (status == DC_OK)
    status = find_metric(c);
  if (status != DC_OK)
    return status;
  weigh(c->cell, n, c->cells, c->weights);
  whiten(c, c->places, c->cells);
  measure(c, c->whitened, c->cells);
  status = dc_ward(c->square, c->weights, c->cells, c->clusters, c->group);
  for (size_t i = 0; i < n && status == DC_OK; i++)
    c->found[i] = c->group[c->cell[i]];
  if (status == DC_OK)
    take_opinion(c, round, 1.0 / GROUPINGS);
  return status;
}

/* Cuts the graphs of the points, whose distances are in c->square; `first` is the number of the
 * opinion that this makes. */
static DcStatus
cut_graphs(Consensus *c, size_t first)
{
  DcStatus status = DC_OK;
  for (size_t i = 0; i < GRAPHS && status == DC_OK; i++) {
    status = dc_spectral(c->square, c->points, neighbours[i], c->clusters, c->group);
    for (size_t n = 0; n < c->samples->rows && status == DC_OK; n++)
      c->found[n] = c->group[c->member[n]];
    if (status == DC_OK)
      take_opinion(c, first + i, 1.0 / CUTS);
  }
  return status;
}

/* ---- all of them ---- */

static DcStatus
ask_all(Consensus *c, uint64_t seed, DcError *error)
{
  DcStatus status = find_points(c, seed, error);
  for (uint64_t round = 0; round < GROUPINGS && status == DC_OK; round++)
    status = merge_cells(c, seed, round, error);
  if (status != DC_OK || c->opinions == GROUPINGS)
    return status;
  measure(c, c->point, c->points);
  status = cut_graphs(c, GROUPINGS);
  if (status != DC_OK)
    return status;
  whiten(c, c->point, c->points);
  measure(c, c->whitened, c->points);
  return cut_graphs(c, GROUPINGS + GRAPHS);
}

/* Points are alike that are grouped with the same others: the distances of the rows of S S^T, S the
 * shares. */
static void
compare_points(Consensus *c)
{
  size_t points = c->points;
  DcMatrix shares = dc_matrix(c->shares, points, c->opinions * c->clusters);
  DcMatrix together = dc_matrix(c->together, points, points);
  DcMatrix products = dc_matrix(c->products, points, points);
  dc_syrk(DC_PLAIN, 1, &shares, 0, &together);
  dc_syrk(DC_PLAIN, 1, &together, 0, &products);
  for (size_t a = 0; a < points; a++)
    for (size_t b = 0; b < points; b++) {
      double square = (double)c->products[a * points + a] + c->products[b * points + b] -
                      2.0 * c->products[a * points + b];
      c->square[a * points + b] = fmax(square, 0);
    }
}

DcStatus
dc_consensus(const DcMatrix *samples, uint32_t clusters, uint64_t seed, uint32_t *groups,
             DcError *error)
{
  if (clusters < 1 || clusters > samples->rows)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "%zu samples cannot be grouped into %u groups",
                        samples->rows, clusters);
  if (samples->rows / DC_CONSENSUS_SAMPLES_PER_CLUSTER < clusters)
    return dc_error_set(error, DC_ERROR_NOT_READY,
                        "%zu samples are too few for %u groups; %d for each are needed",
                        samples->rows, clusters, DC_CONSENSUS_SAMPLES_PER_CLUSTER);
  Consensus c = {.samples = samples,
                 .clusters = clusters,
                 .cells = count_cells(samples->rows, clusters)};
  c.points = c.cells > MOST_POINTS ? c.cells : MOST_POINTS;
  c.points = c.points < samples->rows ? c.points : samples->rows;
  c.opinions = graphs_tell(&c) ? OPINIONS : GROUPINGS;
  DcStatus status = allocate(&c) ? ask_all(&c, seed, error) : DC_ERROR_MEMORY;
  if (status == DC_OK) {
    compare_points(&c);
    status = dc_ward(c.square, c.mass, c.points, c.clusters, c.group);
  }
  if (status == DC_ERROR_MEMORY)
    dc_error_set(error, status, "not enough memory to group %zu samples", samples->rows);
  for (size_t i = 0; i < samples->rows && status == DC_OK; i++)
    groups[i] = c.group[c.member[i]];
  clear(&c);
  return status;
}
