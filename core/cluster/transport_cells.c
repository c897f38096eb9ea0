/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "base/random.h"
#include "cluster/consensus.h"
#include "cluster/kmeans.h"
#include "cluster/matching.h"
#include "cluster/transport_fit_private.h"

#include <math.h>
#include <string.h>

/* ---- cells ---- */

/* The nearest start centroid of each sample, in the whole embedding space: there the clusters that
 * the model has to keep were made. */
static DcStatus
find_cells(DcTransportFit *fit)
{
  const DcMatrix *samples = fit->samples, *centroids = fit->centroids;
  fit->cell = DC_NEW(uint32_t, samples->rows);
  if (!fit->cell)
    return dc_transport_fit_no_memory(fit);
  for (size_t n = 0; n < samples->rows; n++) {
    double least = INFINITY;
    for (size_t k = 0; k < centroids->rows; k++) {
      const float *z = dc_matrix_row(samples, n), *c = dc_matrix_row(centroids, k);
      double distance = 0;
      for (size_t j = 0; j < samples->cols; j++)
        distance += ((double)z[j] - c[j]) * ((double)z[j] - c[j]);
      if (distance < least) {
        least = distance;
        fit->cell[n] = (uint32_t)k;
      }
    }
  }
  return DC_OK;
}

/* Numbers groups by the cells that they share most samples with. */
static DcStatus
match_groups(const DcTransportFit *fit, uint32_t *group)
{
  size_t clusters = fit->centroids->rows, count = fit->samples->rows;
  double *shared = DC_NEW(double, clusters *clusters);
  uint32_t *cell = DC_NEW(uint32_t, clusters);
  DcStatus status = shared && cell ? DC_OK : DC_ERROR_MEMORY;
  for (size_t n = 0; n < count && !status; n++)
    shared[group[n] * clusters + fit->cell[n]] += 1;
  if (!status)
    status = dc_match(shared, clusters, clusters, cell);
  for (size_t n = 0; n < count && !status; n++)
    group[n] = cell[group[n]];
  dc_free(shared);
  dc_free(cell);
  return status ? dc_transport_fit_no_memory(fit) : DC_OK;
}

/* Replaces the cells by groups, where there are enough samples to find some. */
static DcStatus
regroup_cells(DcTransportFit *fit)
{
  size_t count = fit->samples->rows, numbers = count * fit->dim;
  uint32_t *group = DC_NEW(uint32_t, count);
  float *rows = DC_NEW(float, numbers);
  DcStatus status = group && rows ? DC_OK : dc_transport_fit_no_memory(fit);
  for (size_t i = 0; i < numbers && !status; i++)
    rows[i] = (float)fit->rows[i];
  DcMatrix samples = dc_matrix(rows, count, fit->dim);
  if (!status)
    status = dc_consensus(&samples, (uint32_t)fit->centroids->rows, fit->options->seed, group,
                          fit->error);
  if (!status)
    status = match_groups(fit, group);
  if (!status)
    memcpy(fit->cell, group, count * sizeof *group);
  dc_free(group);
  dc_free(rows);
  return status == DC_ERROR_NOT_READY ? DC_OK : status;
}

/* The means of the cells in the place of the start centroids; an empty one keeps its own. */
static DcStatus
average_cells(DcTransportFit *fit)
{
  size_t clusters = fit->centroids->rows, dim = fit->centroids->cols;
  double *sum = DC_NEW(double, clusters *dim), *count = DC_NEW(double, clusters);
  fit->means = DC_NEW(float, clusters *dim);
  bool well = sum && count && fit->means;
  for (size_t n = 0; n < fit->samples->rows && well; n++) {
    count[fit->cell[n]] += 1;
    for (size_t j = 0; j < dim; j++)
      sum[fit->cell[n] * dim + j] += dc_matrix_row(fit->samples, n)[j];
  }
  for (size_t k = 0; k < clusters && well; k++)
    for (size_t j = 0; j < dim; j++)
      fit->means[k * dim + j] =
          count[k] > 0 ? (float)(sum[k * dim + j] / count[k]) : dc_matrix_row(fit->centroids, k)[j];
  dc_free(sum);
  dc_free(count);
  if (!well)
    return dc_transport_fit_no_memory(fit);
  fit->averages = dc_matrix(fit->means, clusters, dim);
  fit->centroids = &fit->averages;
  return DC_OK;
}

DcStatus
dc_transport_fit_find_cells(DcTransportFit *fit)
{
  const DcTransportFitOptions *options = fit->options;
  DcStatus status = find_cells(fit);
  if (!status && options->cells)
    memcpy(fit->cell, options->cells, fit->samples->rows * sizeof *fit->cell);
  if (!status && options->regroup)
    status = regroup_cells(fit);
  return status || !(options->cells || options->regroup) ? status : average_cells(fit);
}

static size_t
gather_cell(const DcTransportFit *fit, size_t cluster, float *members)
{
  size_t count = 0, d = fit->dim;
  for (size_t n = 0; n < fit->samples->rows; n++) {
    if (fit->cell[n] != cluster)
      continue;
    for (size_t i = 0; i < d; i++)
      members[count * d + i] = (float)fit->rows[n * d + i];
    count++;
  }
  return count;
}

static void
append_prototype(DcTransportFit *fit, size_t cluster, const float *place, double share)
{
  for (size_t i = 0; i < fit->dim; i++)
    fit->prototype[fit->prototypes * fit->dim + i] = place[i];
  fit->share[fit->prototypes++] = share;
  fit->size[cluster]++;
}

typedef struct {
  float *members; /* samples x dim */
  float *places;  /* prototypes of one cluster x dim */
  uint32_t *labels;
  uint32_t wanted;
} Cell;

static DcStatus
split_cell(DcTransportFit *fit, size_t cluster, size_t count, Cell *cell)
{
  size_t wanted = cell->wanted < count ? cell->wanted : count;
  DcKmeansOptions options = dc_kmeans_options((uint32_t)wanted);
  options.restarts = 1;
  DcRandom random;
  dc_random_seed(&random, fit->options->seed, cluster);
  DcMatrix members = dc_matrix(cell->members, count, fit->dim);
  DcMatrix places = dc_matrix(cell->places, wanted, fit->dim);
  DcKmeansResult result;
  DcStatus status =
      dc_kmeans(&members, NULL, &options, &random, &places, cell->labels, &result, fit->error);
  for (size_t m = 0; m < wanted && !status; m++) {
    size_t mass = 0;
    for (size_t n = 0; n < count; n++)
      mass += cell->labels[n] == m;
    if (mass) /* samples that repeat leave prototypes without any */
      append_prototype(fit, cluster, cell->places + m * fit->dim, (double)mass);
  }
  return status;
}

/* A cluster without members in the sample keeps its start centroid. */
static DcStatus
keep_centroid(DcTransportFit *fit, size_t cluster, Cell *cell)
{
  double place[DC_TRANSPORT_MAX_DIM];
  DcMatrix centroid = dc_matrix_rows(fit->centroids, cluster, 1);
  DcStatus status = dc_transport_fit_project(fit, &centroid, place);
  for (size_t i = 0; i < fit->dim; i++)
    cell->places[i] = (float)place[i];
  if (!status)
    append_prototype(fit, cluster, cell->places, 0);
  return status;
}

static DcStatus
split_cells(DcTransportFit *fit, Cell *cell)
{
  DcStatus status = DC_OK;
  for (size_t k = 0; k < fit->centroids->rows && !status; k++) {
    size_t count = gather_cell(fit, k, cell->members);
    status = count ? split_cell(fit, k, count, cell) : keep_centroid(fit, k, cell);
  }
  return status;
}

static bool
reserve_prototypes(DcTransportFit *fit, size_t count)
{
  fit->prototype = DC_NEW(double, count * fit->dim);
  fit->share = DC_NEW(double, count);
  fit->size = DC_NEW(double, fit->centroids->rows);
  return fit->prototype && fit->share && fit->size;
}

DcStatus
dc_transport_fit_find_prototypes(DcTransportFit *fit)
{
  size_t count = fit->samples->rows, clusters = fit->centroids->rows;
  uint32_t wanted = fit->options->prototypes;
  if (!wanted)
    wanted = dc_transport_prototypes_for(count, clusters);
  Cell cell = {.members = DC_NEW(float, count * fit->dim),
               .places = DC_NEW(float, wanted * fit->dim),
               .labels = DC_NEW(uint32_t, count),
               .wanted = wanted};
  DcStatus status = DC_OK;
  if (!cell.members || !cell.places || !cell.labels || !reserve_prototypes(fit, clusters * wanted))
    status = dc_transport_fit_no_memory(fit);
  if (!status)
    status = split_cells(fit, &cell);
  dc_free(cell.members);
  dc_free(cell.places);
  dc_free(cell.labels);
  return status;
}

static DcStatus
check_given(const DcTransportFit *fit, const DcMatrix *prototypes, const uint32_t *owner,
            const double *share)
{
  DcStatus status =
      dc_transport_fit_check(prototypes, "prototypes", fit->samples->cols, fit->error);
  if (status)
    return status;
  double total = 0;
  for (size_t m = 0; m < prototypes->rows; m++) {
    uint32_t before = m ? owner[m - 1] : 0;
    if (owner[m] < before || owner[m] > before + 1 || (m == 0 && owner[0] != 0) ||
        owner[m] >= fit->centroids->rows || !(share[m] >= 0))
      return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                          "prototype %zu has owner %u and share %g: owners ascend from 0 to %zu "
                          "without a gap, shares are at least 0",
                          m, owner[m], share[m], fit->centroids->rows - 1);
    total += share[m];
  }
  if (prototypes->rows < fit->centroids->rows ||
      owner[prototypes->rows - 1] + 1 != fit->centroids->rows || !(total > 0 && total < INFINITY))
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "%zu prototypes do not cover %zu clusters with a positive share",
                        prototypes->rows, fit->centroids->rows);
  return DC_OK;
}

DcStatus
dc_transport_fit_take_prototypes(DcTransportFit *fit, const DcMatrix *prototypes,
                                 const uint32_t *owner, const double *share)
{
  DcStatus status = check_given(fit, prototypes, owner, share);
  if (status)
    return status;
  if (!reserve_prototypes(fit, prototypes->rows))
    return dc_transport_fit_no_memory(fit);
  for (size_t m = 0; m < prototypes->rows; m++) {
    fit->share[m] = share[m];
    fit->size[owner[m]]++;
  }
  fit->prototypes = prototypes->rows;
  return dc_transport_fit_project(fit, prototypes, fit->prototype);
}
