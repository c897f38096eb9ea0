/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm.h"

#include "base/memory.h"
#include "cluster/mixture.h"
#include "cluster/transport_linear.h"

#include <math.h>
#include <string.h>

/* NULL when memory is short; root and shift are zeros. */
static DcTdcmModule *
new_module(size_t dim, DcTdcmScore score)
{
  DcTdcmModule *module = DC_NEW(DcTdcmModule, 1);
  if (!module)
    return NULL;
  module->dim = dim;
  module->score = score;
  module->root = DC_NEW(double, dim *dim);
  module->shift = score == DC_TDCM_NONLINEAR ? DC_NEW(double, dim) : NULL;
  if (module->root && (module->shift || score != DC_TDCM_NONLINEAR))
    return module;
  dc_tdcm_free(module);
  return NULL;
}

DcTdcmModule *
dc_tdcm_new(size_t dim, DcTdcmScore score)
{
  if (dim < 1 || dim > DC_TDCM_MOST_DIM || (int)score < 0 || score >= DC_TDCM_SCORES)
    return NULL;
  DcTdcmModule *module = new_module(dim, score);
  if (!module)
    return NULL;
  module->blocks = 4;
  module->seeds = 10;
  module->epsilon = 1e-6;
  for (size_t k = 0; k < dim; k++)
    module->root[k * dim + k] = 2;
  return module;
}

static DcMixture *
copy_source(const DcMixture *source)
{
  const size_t k = source->clusters, d = source->dim;
  DcMixture *copy = dc_mixture_new(source->covariance, k, d);
  if (!copy)
    return NULL;
  memcpy(copy->weights, source->weights, k * sizeof(double));
  memcpy(copy->means, source->means, k * d * sizeof(double));
  memcpy(copy->covariances, source->covariances, k * d * d * sizeof(double));
  return copy;
}

DcTdcmModule *
dc_tdcm_copy(const DcTdcmModule *module)
{
  DcTdcmModule *copy = new_module(module->dim, module->score);
  if (!copy)
    return NULL;
  copy->shares = module->shares;
  copy->blocks = module->blocks;
  copy->seeds = module->seeds;
  copy->epsilon = module->epsilon;
  memcpy(copy->root, module->root, module->dim * module->dim * sizeof(double));
  if (module->shift)
    memcpy(copy->shift, module->shift, module->dim * sizeof(double));
  copy->source = module->source ? copy_source(module->source) : NULL;
  if (copy->source || !module->source)
    return copy;
  dc_tdcm_free(copy);
  return NULL;
}

void
dc_tdcm_free(DcTdcmModule *module)
{
  if (!module)
    return;
  dc_free(module->root);
  dc_free(module->shift);
  dc_mixture_free(module->source);
  dc_free(module);
}

/* ---- checking ---- */

static DcStatus
check_root(const DcTdcmModule *module, DcError *error)
{
  const size_t d = module->dim;
  if (!dc_linear_is_finite(module->root, d * d) ||
      (module->shift && !dc_linear_is_finite(module->shift, d)))
    return dc_error_set(error, DC_ERROR_NOT_FINITE, "the attention module holds NaN or infinity");
  for (size_t k = 0; k < d; k++) {
    const double *row = module->root + k * d;
    if (!(row[k] > 0))
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "entry %zu of the diagonal of the attention's root is %g; it must be "
                          "above 0",
                          k, row[k]);
    for (size_t l = k + 1; l < d; l++)
      if (row[l] != 0)
        return dc_error_set(error, DC_ERROR_ARGUMENT,
                            "the attention's root is %g in row %zu and column %zu, above the "
                            "diagonal; it must be lower triangular",
                            row[l], k, l);
  }
  return DC_OK;
}

static DcStatus
check_source(const DcTdcmModule *module, DcError *error)
{
  const DcMixture *source = module->source;
  if (module->score != DC_TDCM_QUADRATIC || source->covariance != DC_COVARIANCE_FULL ||
      source->dim != module->dim || source->clusters < 1 || source->clusters > DC_TDCM_MOST_SOURCES)
    return dc_error_set(
        error, DC_ERROR_ARGUMENT,
        "the attention knows %zu clusters of %zu numbers; 1 to %d of %zu, each with "
        "a covariance, and quadratic scores are needed",
        source->clusters, source->dim, DC_TDCM_MOST_SOURCES, module->dim);
  const size_t k = source->clusters, d = source->dim;
  if (!dc_linear_is_finite(source->weights, k) || !dc_linear_is_finite(source->means, k * d) ||
      !dc_linear_is_finite(source->covariances, k * d * d))
    return dc_error_set(error, DC_ERROR_NOT_FINITE,
                        "the clusters that the attention knows hold NaN or infinity");
  for (size_t j = 0; j < k; j++)
    if (source->weights[j] < 0)
      return dc_error_set(error, DC_ERROR_ARGUMENT,
                          "cluster %zu that the attention knows has the share %g; it must be at "
                          "least 0",
                          j, source->weights[j]);
  return DC_OK;
}

DcStatus
dc_tdcm_check(const DcTdcmModule *module, DcError *error)
{
  if (module->dim < 1 || module->dim > DC_TDCM_MOST_DIM || (int)module->score < 0 ||
      module->score >= DC_TDCM_SCORES || !module->root ||
      (module->score == DC_TDCM_NONLINEAR) != (module->shift != NULL))
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "an attention module of dimension %zu and score %d without its numbers; "
                        "make it with dc_tdcm_new()",
                        module->dim, (int)module->score);
  if (module->blocks > DC_TDCM_MOST_BLOCKS || module->seeds < 1 ||
      module->seeds > DC_TDCM_MOST_SEEDS)
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "an attention module of %u blocks and %u seeds; at most %d, and 1 to %d, "
                        "are possible",
                        module->blocks, module->seeds, DC_TDCM_MOST_BLOCKS, DC_TDCM_MOST_SEEDS);
  if (!(module->epsilon >= 0 && module->epsilon < INFINITY))
    return dc_error_set(error, DC_ERROR_ARGUMENT,
                        "the attention's epsilon is %g; it must be finite and at least 0",
                        module->epsilon);
  DcStatus status = check_root(module, error);
  return status || !module->source ? status : check_source(module, error);
}

void
dc_tdcm_metric(const DcTdcmModule *module, double *metric)
{
  dc_linear_multiply_transposed(module->root, module->root, module->dim, module->dim, module->dim,
                                metric);
}

double
dc_tdcm_log_volume(const DcTdcmModule *module)
{
  double sum = 0;
  for (size_t k = 0; k < module->dim; k++)
    sum -= log(module->root[k * module->dim + k]);
  return sum;
}

double
dc_tdcm_log_cosh(double y)
{
  const double size = fabs(y); /* so that the exponential does not overflow */
  return size + log1p(exp(-2 * size)) - log(2);
}

/* ---- parameters ---- */

size_t
dc_tdcm_parameter_count(const DcTdcmModule *module)
{
  return module->dim * (module->dim + 1) / 2 + (module->shift ? module->dim : 0);
}

void
dc_tdcm_get_parameters(const DcTdcmModule *module, float *parameters)
{
  const size_t d = module->dim;
  for (size_t k = 0; k < d; k++) {
    const double *row = module->root + k * d;
    for (size_t l = 0; l < k; l++)
      *parameters++ = (float)row[l];
    *parameters++ = (float)log(row[k]);
  }
  for (size_t k = 0; module->shift && k < d; k++)
    *parameters++ = (float)module->shift[k];
}

void
dc_tdcm_set_parameters(DcTdcmModule *module, const float *parameters)
{
  const size_t d = module->dim;
  for (size_t k = 0; k < d; k++) {
    double *row = module->root + k * d;
    for (size_t l = 0; l < k; l++)
      row[l] = *parameters++;
    row[k] = exp(*parameters++);
  }
  for (size_t k = 0; module->shift && k < d; k++)
    module->shift[k] = *parameters++;
}
