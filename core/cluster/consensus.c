/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/consensus.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/kmeans.h"
#include "cluster/ward.h"
#include "tensor/eigen.h"

#include <math.h>
#include <stdbool.h>

#define GROUPINGS        10
#define CELLS_PER_GROUP  8
#define FEWEST_CELLS     2 /* per group, or there is nothing to merge */
#define MOST_CELLS       512
#define SAMPLES_PER_CELL 6
#define ITERATIONS       12  /* of k-means: where exactly a cell ends does not matter */
#define SHRINKAGE        0.5 /* of the covariance within cells, as transport tracking has it */
#define LEAST_VARIANCE   1e-9

typedef struct {
  const DcMatrix *samples;
  size_t clusters, cells;
  float *places;    /* cells x d */
  uint32_t *cell;   /* of each sample */
  double *weights;  /* samples of each cell, never 0: cells */
  double *within;   /* d x d */
  double *scales;   /* eigenvalues: d */
  double *whitened; /* places in the metric: cells x d */
  uint32_t *group;  /* of each cell */
  uint32_t *base;   /* cell of each sample in the first grouping */
  double *shares;   /* of the groups in the base cells: cells x clusters */
  double *together; /* how often two base cells are grouped together, 0..1: cells x cells */
} Consensus;

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
  void *blocks[] = {c->places,   c->cell,  c->weights, c->within, c->scales,
                    c->whitened, c->group, c->base,    c->shares, c->together};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    dc_free(blocks[i]);
}

static bool
allocate(Consensus *c)
{
  size_t n = c->samples->rows, d = c->samples->cols;
  c->places = DC_NEW(float, c->cells *d);
  c->cell = DC_NEW(uint32_t, n);
  c->weights = DC_NEW(double, c->cells);
  c->within = DC_NEW(double, d *d);
  c->scales = DC_NEW(double, d);
  c->whitened = DC_NEW(double, c->cells *d);
  c->group = DC_NEW(uint32_t, c->cells);
  c->base = DC_NEW(uint32_t, n);
  c->shares = DC_NEW(double, c->cells * c->clusters);
  c->together = DC_NEW(double, c->cells * c->cells);
  return c->places && c->cell && c->weights && c->within && c->scales && c->whitened && c->group &&
         c->base && c->shares && c->together;
}

/* ---- one grouping ---- */

static DcStatus
find_cells(Consensus *c, DcRandom *random, DcError *error)
{
  DcKmeansOptions options = dc_kmeans_options((uint32_t)c->cells);
  options.restarts = 1;
  options.max_iterations = ITERATIONS;
  DcKmeansResult result;
  DcMatrix places = dc_matrix(c->places, c->cells, c->samples->cols);
  return dc_kmeans(c->samples, NULL, &options, random, &places, c->cell, &result, error);
}

/* Samples that repeat leave cells empty: those weigh next to nothing. */
static void
weigh_cells(Consensus *c)
{
  for (size_t m = 0; m < c->cells; m++)
    c->weights[m] = 1e-9;
  for (size_t i = 0; i < c->samples->rows; i++)
    c->weights[c->cell[i]] += 1;
}

static void
measure_within(Consensus *c)
{
  size_t n = c->samples->rows, d = c->samples->cols;
  for (size_t i = 0; i < d * d; i++)
    c->within[i] = 0;
  for (size_t s = 0; s < n; s++) {
    const float *row = dc_matrix_row(c->samples, s), *place = c->places + c->cell[s] * d;
    for (size_t i = 0; i < d; i++)
      for (size_t j = 0; j <= i; j++)
        c->within[i * d + j] +=
            ((double)row[i] - place[i]) * ((double)row[j] - place[j]) / (double)n;
  }
  double even = 0;
  for (size_t i = 0; i < d; i++)
    even += c->within[i * d + i] / (double)d;
  for (size_t i = 0; i < d; i++)
    for (size_t j = 0; j <= i; j++)
      c->within[j * d + i] = c->within[i * d + j] =
          (1 - SHRINKAGE) * c->within[i * d + j] + (i == j ? SHRINKAGE * even : 0);
}

/* Distances between whitened places are those of the metric. */
static DcStatus
whiten(Consensus *c)
{
  size_t d = c->samples->cols;
  measure_within(c);
  DcStatus status = dc_eigen_symmetric(c->within, d, c->scales, c->within);
  if (status != DC_OK)
    return status;
  double least = LEAST_VARIANCE * c->scales[d - 1];
  for (size_t m = 0; m < c->cells; m++)
    for (size_t i = 0; i < d; i++) {
      double along = 0;
      for (size_t j = 0; j < d; j++)
        along += c->within[i * d + j] * c->places[m * d + j];
      double variance = fmax(c->scales[i], least);
      c->whitened[m * d + i] = variance > 0 ? along / sqrt(variance) : along;
    }
  return DC_OK;
}

static DcStatus
group_once(Consensus *c, DcRandom *random, DcError *error)
{
  DcStatus status = find_cells(c, random, error);
  if (status == DC_OK) {
    weigh_cells(c);
    status = whiten(c);
  }
  if (status == DC_OK)
    status = dc_ward(c->whitened, c->weights, c->cells, c->samples->cols, c->clusters, c->group);
  return status;
}

/* ---- all of them ---- */

/* Counts how often samples of two base cells are of one group. */
static void
accumulate(Consensus *c)
{
  size_t n = c->samples->rows;
  for (size_t i = 0; i < c->cells * c->clusters; i++)
    c->shares[i] = 0;
  for (size_t i = 0; i < n; i++)
    c->shares[c->base[i] * c->clusters + c->group[c->cell[i]]] += 1;
  for (size_t m = 0; m < c->cells; m++) {
    double total = 0;
    for (size_t k = 0; k < c->clusters; k++)
      total += c->shares[m * c->clusters + k];
    for (size_t k = 0; k < c->clusters && total > 0; k++)
      c->shares[m * c->clusters + k] /= total;
  }
  for (size_t a = 0; a < c->cells; a++)
    for (size_t b = 0; b < c->cells; b++) {
      double product = 0;
      for (size_t k = 0; k < c->clusters; k++)
        product += c->shares[a * c->clusters + k] * c->shares[b * c->clusters + k];
      c->together[a * c->cells + b] += product / GROUPINGS;
    }
}

static DcStatus
group_all(Consensus *c, uint64_t seed, double *base_weights, DcError *error)
{
  for (uint64_t round = 0; round < GROUPINGS; round++) {
    DcRandom random;
    dc_random_seed(&random, seed, round);
    DcStatus status = group_once(c, &random, error);
    if (status != DC_OK)
      return status;
    for (size_t i = 0; i < c->samples->rows && round == 0; i++)
      c->base[i] = c->cell[i];
    for (size_t m = 0; m < c->cells && round == 0; m++)
      base_weights[m] = c->weights[m];
    accumulate(c);
  }
  return dc_ward(c->together, base_weights, c->cells, c->cells, c->clusters, c->group);
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
  double *base_weights = DC_NEW(double, c.cells);
  DcStatus status = DC_ERROR_MEMORY;
  if (base_weights && allocate(&c))
    status = group_all(&c, seed, base_weights, error);
  if (status == DC_ERROR_MEMORY)
    dc_error_set(error, status, "not enough memory to group %zu samples", samples->rows);
  for (size_t i = 0; i < samples->rows && status == DC_OK; i++)
    groups[i] = c.group[c.base[i]];
  dc_free(base_weights);
  clear(&c);
  return status;
}
