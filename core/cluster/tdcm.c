/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/tdcm.h"

#include "base/memory.h"
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
  return copy;
}

void
dc_tdcm_free(DcTdcmModule *module)
{
  if (!module)
    return;
  dc_free(module->root);
  dc_free(module->shift);
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
  return check_root(module, error);
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
