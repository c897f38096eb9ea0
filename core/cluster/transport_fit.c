/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/transport_fit.h"

#include "base/memory.h"
#include "cluster/transport_basis.h"
#include "cluster/transport_fit_private.h"
#include "cluster/transport_linear.h"
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

static void
clear_fit(DcTransportFit *fit)
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

DcStatus
dc_transport_fit_no_memory(const DcTransportFit *fit)
{
  return dc_error_set(fit->error, DC_ERROR_MEMORY,
                      "no memory for a source model of %zu embeddings of %zu numbers",
                      fit->samples->rows, fit->samples->cols);
}

DcStatus
dc_transport_fit_check(const DcMatrix *matrix, const char *what, size_t cols, DcError *error)
{
  if (matrix->cols != cols)
    return dc_error_set(error, DC_ERROR_SHAPE, "%s have %zu numbers, the embeddings have %zu", what,
                        matrix->cols, cols);
  if (!dc_matrix_is_finite(matrix))
    return dc_error_set(error, DC_ERROR_NOT_FINITE, "%s hold NaN or infinity", what);
  return DC_OK;
}

static DcStatus
check_input(const DcTransportFit *fit)
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
  if (options->like && options->like->input_dim != dim)
    return dc_error_set(fit->error, DC_ERROR_SHAPE,
                        "directions of embeddings of %zu numbers do not fit %zu",
                        options->like->input_dim, dim);
  for (size_t n = 0; options->cells && n < fit->samples->rows; n++)
    if (options->cells[n] >= clusters)
      return dc_error_set(fit->error, DC_ERROR_ARGUMENT, "sample %zu is of cluster %u of %zu", n,
                          options->cells[n], clusters);
  DcStatus status = dc_transport_fit_check(fit->samples, "source embeddings", dim, fit->error);
  return status ? status
                : dc_transport_fit_check(fit->centroids, "start centroids", dim, fit->error);
}

/* ---- projection ---- */

static size_t
directions_wanted(const DcTransportFit *fit)
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

/* Those of another model. */
static DcStatus
take_directions(DcTransportFit *fit)
{
  const DcTransportSource *like = fit->options->like;
  size_t numbers = like->input_dim * like->dim;
  fit->dim = like->dim;
  fit->mean = DC_NEW(double, like->input_dim);
  fit->basis = DC_NEW(double, numbers);
  if (!fit->mean || !fit->basis)
    return dc_transport_fit_no_memory(fit);
  memcpy(fit->mean, like->mean, like->input_dim * sizeof(double));
  memcpy(fit->basis, like->basis, numbers * sizeof(double));
  return DC_OK;
}

static DcStatus
find_directions(DcTransportFit *fit)
{
  size_t wanted = directions_wanted(fit);
  fit->mean = DC_NEW(double, fit->samples->cols);
  fit->basis = DC_NEW(double, fit->samples->cols *wanted);
  if (!fit->mean || !fit->basis)
    return dc_transport_fit_no_memory(fit);
  if (dc_transport_basis(fit->samples, wanted, fit->mean, fit->basis, &fit->dim))
    return dc_transport_fit_no_memory(fit);
  if (!fit->dim)
    return dc_error_set(fit->error, DC_ERROR_ARGUMENT,
                        "the %zu source embeddings are all equal: nothing tells clusters apart",
                        fit->samples->rows);
  return DC_OK;
}

/* `target` (rows x dim) = rows of `matrix` in the basis. */
DcStatus
dc_transport_fit_project(const DcTransportFit *fit, const DcMatrix *matrix, double *target)
{
  size_t dim = matrix->cols;
  double *chunk = DC_NEW(double, DC_TRANSPORT_CHUNK *dim);
  if (!chunk)
    return dc_transport_fit_no_memory(fit);
  for (size_t row = 0; row < matrix->rows; row += DC_TRANSPORT_CHUNK) {
    size_t left = matrix->rows - row, rows = left < DC_TRANSPORT_CHUNK ? left : DC_TRANSPORT_CHUNK;
    DcMatrix part = dc_matrix_rows(matrix, row, rows);
    dc_transport_centre(&part, fit->mean, chunk);
    dc_linear_multiply(chunk, fit->basis, rows, dim, fit->dim, target + row * fit->dim);
  }
  dc_free(chunk);
  return DC_OK;
}

/* ---- the whole ---- */

static DcStatus
project_samples(DcTransportFit *fit)
{
  DcStatus status = fit->options->like ? take_directions(fit) : find_directions(fit);
  if (status)
    return status;
  fit->rows = DC_NEW(double, fit->samples->rows * fit->dim);
  if (!fit->rows)
    return dc_transport_fit_no_memory(fit);
  status = dc_transport_fit_project(fit, fit->samples, fit->rows);
  return status ? status : dc_transport_fit_find_cells(fit);
}

/* Hands the finished model to the caller, or nothing. */
static DcStatus
finish(DcTransportFit *fit, DcStatus status, DcTransportSource **source)
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
  DcTransportFit fit = {
      .samples = samples, .centroids = centroids, .options = options, .error = error};
  DcStatus status = check_input(&fit);
  if (!status)
    status = project_samples(&fit);
  if (!status)
    status = dc_transport_fit_find_prototypes(&fit);
  if (!status)
    status = dc_transport_fit_describe(&fit);
  return finish(&fit, status, source);
}

DcStatus
dc_transport_fit_prototypes(const DcMatrix *samples, const DcMatrix *centroids,
                            const DcMatrix *prototypes, const uint32_t *owner, const double *share,
                            const DcTransportFitOptions *options, DcTransportSource **source,
                            DcError *error)
{
  DcTransportFit fit = {
      .samples = samples, .centroids = centroids, .options = options, .error = error};
  DcStatus status = check_input(&fit);
  if (!status)
    status = project_samples(&fit);
  if (!status)
    status = dc_transport_fit_take_prototypes(&fit, prototypes, owner, share);
  if (!status)
    status = dc_transport_fit_describe(&fit);
  return finish(&fit, status, source);
}
