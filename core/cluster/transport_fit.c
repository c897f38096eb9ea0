/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_fit.h"

#include "base/memory.h"
#include "base/random.h"
#include "cluster/consensus.h"
#include "cluster/kmeans.h"
#include "cluster/matching.h"
#include "cluster/transport_basis.h"
#include "cluster/transport_linear.h"
#include "cluster/transport_newton.h"
#include "cluster/transport_score.h"

#include <math.h>
#include <string.h>

#define ALL_DIRECTIONS_UP_TO   32
#define DIRECTIONS_OF_LARGER   24
#define SAMPLES_PER_DIRECTION  8
#define FEWEST_DIRECTIONS      2
#define SAMPLES_PER_PROTOTYPE2 16 /* per square of the number of prototypes */
#define FEWEST_PROTOTYPES      2
#define MOST_PROTOTYPES        8
/* Directions with less than this share of the largest variance are numerical dust. */
#define LEAST_VARIANCE 1e-6

DcTransportFitOptions
dc_transport_fit_options(void)
{
  return (DcTransportFitOptions){.shrinkage = 0.5};
}

uint32_t
dc_transport_prototypes_for(size_t samples, size_t clusters)
{
  double each = (double)samples / (double)(clusters ? clusters : 1);
  double number = round(sqrt(each / SAMPLES_PER_PROTOTYPE2));
  return (uint32_t)fmin(fmax(number, FEWEST_PROTOTYPES), MOST_PROTOTYPES);
}

/* What is known while a model is made; every piece outlives the call that made it. */
typedef struct {
  const DcMatrix *samples;
  const DcMatrix *centroids;
  const DcTransportFitOptions *options;
  DcError *error;

  size_t dim;
  double *mean;      /* input_dim */
  double *basis;     /* input_dim x dim */
  double *rows;      /* x: samples x dim */
  double *prototype; /* prototypes x dim */
  double *share;     /* prototypes */
  double *size;      /* clusters */
  uint32_t *cell;    /* cluster of each sample */
  float *means;      /* of the cells, where those are not the nearest centroids' */
  DcMatrix averages; /* a view of them */
  size_t prototypes;
  DcTransportSource *source;
} Fit;

static void
clear_fit(Fit *fit)
{
  dc_free(fit->mean);
  dc_free(fit->basis);
  dc_free(fit->rows);
  dc_free(fit->prototype);
  dc_free(fit->share);
  dc_free(fit->size);
  dc_free(fit->cell);
  dc_free(fit->means);
  dc_transport_source_unref(fit->source);
}

static DcStatus
no_memory(const Fit *fit)
{
  return dc_error_set(fit->error, DC_ERROR_MEMORY,
                      "no memory for a source model of %zu embeddings of %zu numbers",
                      fit->samples->rows, fit->samples->cols);
}

static DcStatus
check_matrix(const DcMatrix *matrix, const char *what, size_t cols, DcError *error)
{
  if (matrix->cols != cols)
    return dc_error_set(error, DC_ERROR_SHAPE, "%s have %zu numbers, the embeddings have %zu", what,
                        matrix->cols, cols);
  if (!dc_matrix_is_finite(matrix))
    return dc_error_set(error, DC_ERROR_NOT_FINITE, "%s hold NaN or infinity", what);
  return DC_OK;
}

static DcStatus
check_input(const Fit *fit)
{
  const DcTransportFitOptions *options = fit->options;
  size_t dim = fit->samples->cols, clusters = fit->centroids->rows;
  if (dim < 1 || dim > DC_TRANSPORT_MAX_INPUT || clusters < 1 ||
      clusters > DC_TRANSPORT_MAX_CLUSTERS)
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "%zu clusters of embeddings of %zu numbers: at most %d and %d, at least 1",
                        clusters, dim, DC_TRANSPORT_MAX_CLUSTERS, DC_TRANSPORT_MAX_INPUT);
  if (fit->samples->rows < 2)
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "a source model needs at least 2 embeddings, there are %zu",
                        fit->samples->rows);
  if (options->directions > DC_TRANSPORT_MAX_DIM ||
      options->prototypes > DC_TRANSPORT_MAX_PROTOTYPES ||
      !(options->shrinkage >= 0 && options->shrinkage <= 1))
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "%zu directions, %u prototypes, shrinkage %g: at most %d, %d and 0 to 1",
                        options->directions, options->prototypes, options->shrinkage,
                        DC_TRANSPORT_MAX_DIM, DC_TRANSPORT_MAX_PROTOTYPES);
  for (size_t n = 0; options->cells && n < fit->samples->rows; n++)
    if (options->cells[n] >= clusters)
      return dc_error_set(fit->error, DC_ERROR_ARGUMENT, "sample %zu is of cluster %u of %zu", n,
                          options->cells[n], clusters);
  DcStatus status = check_matrix(fit->samples, "source embeddings", dim, fit->error);
  return status ? status : check_matrix(fit->centroids, "start centroids", dim, fit->error);
}

/* ---- projection ---- */

static size_t
directions_wanted(const Fit *fit)
{
  size_t dim = fit->samples->cols, wanted = fit->options->directions;
  if (wanted)
    return wanted < dim ? wanted : dim;
  size_t carried = fit->samples->rows / SAMPLES_PER_DIRECTION;
  carried = carried > FEWEST_DIRECTIONS ? carried : FEWEST_DIRECTIONS;
  wanted = dim <= ALL_DIRECTIONS_UP_TO ? dim : DIRECTIONS_OF_LARGER;
  wanted = wanted < carried ? wanted : carried;
  return wanted < dim ? wanted : dim;
}

static DcStatus
find_directions(Fit *fit)
{
  size_t wanted = directions_wanted(fit);
  fit->mean = DC_NEW(double, fit->samples->cols);
  fit->basis = DC_NEW(double, fit->samples->cols *wanted);
  if (!fit->mean || !fit->basis)
    return no_memory(fit);
  if (dc_transport_basis(fit->samples, wanted, fit->mean, fit->basis, &fit->dim))
    return no_memory(fit);
  if (!fit->dim)
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "the %zu source embeddings are all equal: nothing tells clusters apart",
                        fit->samples->rows);
  return DC_OK;
}

/* `target` (rows x dim) = rows of `matrix` in the basis. */
static DcStatus
project(const Fit *fit, const DcMatrix *matrix, double *target)
{
  size_t dim = matrix->cols;
  double *chunk = DC_NEW(double, DC_TRANSPORT_CHUNK *dim);
  if (!chunk)
    return no_memory(fit);
  for (size_t row = 0; row < matrix->rows; row += DC_TRANSPORT_CHUNK) {
    size_t left = matrix->rows - row, rows = left < DC_TRANSPORT_CHUNK ? left : DC_TRANSPORT_CHUNK;
    DcMatrix part = dc_matrix_rows(matrix, row, rows);
    dc_transport_centre(&part, fit->mean, chunk);
    dc_linear_multiply(chunk, fit->basis, rows, dim, fit->dim, target + row * fit->dim);
  }
  dc_free(chunk);
  return DC_OK;
}

/* ---- cells and prototypes ---- */

/* The nearest start centroid of each sample, in the whole embedding space: there the clusters that
 * the model has to keep were made. */
static DcStatus
find_cells(Fit *fit)
{
  const DcMatrix *samples = fit->samples, *centroids = fit->centroids;
  fit->cell = DC_NEW(uint32_t, samples->rows);
  if (!fit->cell)
    return no_memory(fit);
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
match_groups(const Fit *fit, uint32_t *group)
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
  return status ? no_memory(fit) : DC_OK;
}

/* Replaces the cells by groups, where there are enough samples to find some. */
static DcStatus
regroup_cells(Fit *fit)
{
  size_t count = fit->samples->rows, numbers = count * fit->dim;
  uint32_t *group = DC_NEW(uint32_t, count);
  float *rows = DC_NEW(float, numbers);
  DcStatus status = group && rows ? DC_OK : no_memory(fit);
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
average_cells(Fit *fit)
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
    return no_memory(fit);
  fit->averages = dc_matrix(fit->means, clusters, dim);
  fit->centroids = &fit->averages;
  return DC_OK;
}

static DcStatus
choose_cells(Fit *fit)
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
gather_cell(const Fit *fit, size_t cluster, float *members)
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
append_prototype(Fit *fit, size_t cluster, const float *place, double share)
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
split_cell(Fit *fit, size_t cluster, size_t count, Cell *cell)
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
keep_centroid(Fit *fit, size_t cluster, Cell *cell)
{
  double place[DC_TRANSPORT_MAX_DIM];
  DcMatrix centroid = dc_matrix_rows(fit->centroids, cluster, 1);
  DcStatus status = project(fit, &centroid, place);
  for (size_t i = 0; i < fit->dim; i++)
    cell->places[i] = (float)place[i];
  if (!status)
    append_prototype(fit, cluster, cell->places, 0);
  return status;
}

static DcStatus
split_cells(Fit *fit, Cell *cell)
{
  DcStatus status = DC_OK;
  for (size_t k = 0; k < fit->centroids->rows && !status; k++) {
    size_t count = gather_cell(fit, k, cell->members);
    status = count ? split_cell(fit, k, count, cell) : keep_centroid(fit, k, cell);
  }
  return status;
}

static bool
reserve_prototypes(Fit *fit, size_t count)
{
  fit->prototype = DC_NEW(double, count * fit->dim);
  fit->share = DC_NEW(double, count);
  fit->size = DC_NEW(double, fit->centroids->rows);
  return fit->prototype && fit->share && fit->size;
}

static DcStatus
find_prototypes(Fit *fit)
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
    status = no_memory(fit);
  if (!status)
    status = split_cells(fit, &cell);
  dc_free(cell.members);
  dc_free(cell.places);
  dc_free(cell.labels);
  return status;
}

static DcStatus
check_given(const Fit *fit, const DcMatrix *prototypes, const uint32_t *owner, const double *share)
{
  DcStatus status = check_matrix(prototypes, "prototypes", fit->samples->cols, fit->error);
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

static DcStatus
take_prototypes(Fit *fit, const DcMatrix *prototypes, const uint32_t *owner, const double *share)
{
  DcStatus status = check_given(fit, prototypes, owner, share);
  if (status)
    return status;
  if (!reserve_prototypes(fit, prototypes->rows))
    return no_memory(fit);
  for (size_t m = 0; m < prototypes->rows; m++) {
    fit->share[m] = share[m];
    fit->size[owner[m]]++;
  }
  fit->prototypes = prototypes->rows;
  return project(fit, prototypes, fit->prototype);
}

/* ---- statistics of the source ---- */

static DcStatus
make_source(Fit *fit)
{
  size_t dim = fit->samples->cols, d = fit->dim, clusters = fit->centroids->rows;
  DcTransportSource *s = dc_transport_source_alloc(dim, d, clusters, fit->prototypes);
  if (!s)
    return no_memory(fit);
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
  return project(fit, fit->centroids, s->centroid);
}

/* c - mean - U U^T (c - mean); nothing when the basis spans the whole space. */
static void
find_rest(Fit *fit)
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
find_moments_of_directions(Fit *fit)
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
nearest_prototype(const Fit *fit, const double *row)
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
add_within(const Fit *fit, double *within)
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
shrink(const Fit *fit, double *within)
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
project_metric(const Fit *fit, double *projected)
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
take_metric(Fit *fit, const double *within)
{
  DcTransportSource *s = fit->source;
  size_t d = s->dim;
  if (!project_metric(fit, s->precision))
    return no_memory(fit);
  double mean = trace_of_product(s->precision, within, d);
  if (!(mean > 0 && mean < INFINITY))
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "the learned metric is not positive definite and finite");
  for (size_t i = 0; i < d * d; i++)
    s->precision[i] *= (double)d / mean;
  return DC_OK;
}

static DcStatus
invert_covariance(Fit *fit, double *within)
{
  if (invert(within, fit->source->dim, fit->source->precision))
    return DC_OK;
  return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                      "the covariance within clusters is singular: more source embeddings, or a "
                      "shrinkage above 0, are needed");
}

static DcStatus
find_metric(Fit *fit)
{
  DcTransportSource *s = fit->source;
  double *within = DC_NEW(double, s->dim * s->dim);
  if (!within)
    return no_memory(fit);
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
add_chunk(const Fit *fit, size_t row, size_t rows, Sums *sums)
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
find_curvature(const Fit *fit, Sums *sums)
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
find_likelihood(const Fit *fit, const Sums *sums)
{
  double *figure = fit->source->figure, count = (double)fit->samples->rows;
  figure[DC_TRANSPORT_LIKELIHOOD] = sums->likelihood / count;
  double mean = figure[DC_TRANSPORT_LIKELIHOOD];
  figure[DC_TRANSPORT_DEVIATION] = sqrt(fmax(sums->likelihood2 / count - mean * mean, 0));
}

static DcStatus
find_statistics(Fit *fit)
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
    return no_memory(fit);
  if (!dc_linear_allocate(&memory, pieces, 4)) {
    dc_transport_work_clear(&sums.work);
    return no_memory(fit);
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

static DcStatus
describe_source(Fit *fit)
{
  DcStatus status = make_source(fit);
  if (status)
    return status;
  find_rest(fit);
  find_moments_of_directions(fit);
  status = find_metric(fit);
  return status ? status : find_statistics(fit);
}

static DcStatus
project_samples(Fit *fit)
{
  DcStatus status = find_directions(fit);
  if (status)
    return status;
  fit->rows = DC_NEW(double, fit->samples->rows * fit->dim);
  if (!fit->rows)
    return no_memory(fit);
  status = project(fit, fit->samples, fit->rows);
  return status ? status : choose_cells(fit);
}

/* Hands the finished model to the caller, or nothing. */
static DcStatus
finish(Fit *fit, DcStatus status, DcTransportSource **source)
{
  if (!status) {
    *source = fit->source;
    fit->source = NULL;
  }
  clear_fit(fit);
  return status;
}

DcStatus
dc_transport_fit(const DcMatrix *samples, const DcMatrix *centroids,
                 const DcTransportFitOptions *options, DcTransportSource **source, DcError *error)
{
  Fit fit = {.samples = samples, .centroids = centroids, .options = options, .error = error};
  DcStatus status = check_input(&fit);
  if (!status)
    status = project_samples(&fit);
  if (!status)
    status = find_prototypes(&fit);
  if (!status)
    status = describe_source(&fit);
  return finish(&fit, status, source);
}

DcStatus
dc_transport_fit_prototypes(const DcMatrix *samples, const DcMatrix *centroids,
                            const DcMatrix *prototypes, const uint32_t *owner, const double *share,
                            const DcTransportFitOptions *options, DcTransportSource **source,
                            DcError *error)
{
  Fit fit = {.samples = samples, .centroids = centroids, .options = options, .error = error};
  DcStatus status = check_input(&fit);
  if (!status)
    status = project_samples(&fit);
  if (!status)
    status = take_prototypes(&fit, prototypes, owner, share);
  if (!status)
    status = describe_source(&fit);
  return finish(&fit, status, source);
}
