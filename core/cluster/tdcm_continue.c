/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/reading.h"
#include "cluster/tdcm_use.h"
#include "tensor/blas.h"
#include "tensor/rows.h"

#include <math.h>
#include <string.h>

/* An attention module on a stream: centroids go on from where they are, and embeddings are read by
 * the learned score. */

static void
note_domain(const DcTdcmUse *use, DcTdcmDomain *domain)
{
  memcpy(domain->means, use->means, use->module->dim * sizeof(double));
  memcpy(domain->mass, use->desks[0].mass, use->clusters * sizeof(double));
  domain->scale = use->scale;
  domain->total = use->total;
}

struct DcTdcmScratch {
  DcTdcmUse use;
};

DcTdcmScratch *
dc_tdcm_scratch_new(void)
{
  return DC_NEW(DcTdcmScratch, 1);
}

void
dc_tdcm_scratch_free(DcTdcmScratch *scratch)
{
  if (!scratch)
    return;
  dc_tdcm_use_clear(&scratch->use);
  dc_free(scratch);
}

/* Memory for other sizes than before costs more than the work in it. */
static DcStatus
fit_scratch(DcTdcmScratch *scratch, const DcTdcmModule *module, size_t samples, size_t clusters)
{
  DcTdcmUse *use = &scratch->use;
  if (use->module == module && use->samples == samples && use->clusters == clusters)
    return DC_OK;
  dc_tdcm_use_clear(use);
  if (dc_tdcm_use_open(use, module, samples, clusters, 1, 1))
    return DC_OK;
  dc_tdcm_use_clear(use);
  *use = (DcTdcmUse){0};
  return DC_ERROR_MEMORY;
}

DcStatus
dc_tdcm_continue(const DcTdcmModule *module, uint32_t blocks, const DcMatrix *samples,
                 const float *weights, const DcMatrix *centroids, const DcMatrix *updated,
                 DcTdcmDomain *domain, DcTdcmScratch *scratch, DcError *error)
{
  DcStatus status = dc_tdcm_use_check(module, samples, centroids, error);
  if (status)
    return status;
  DcTdcmUse *use = &scratch->use;
  status = fit_scratch(scratch, module, samples->rows, centroids->rows);
  if (!status)
    status = dc_tdcm_use_take(use, samples, weights);
  if (!status) {
    dc_tdcm_use_read(use, 0, centroids);
    status = dc_tdcm_use_run(use, &use->desks[0], 0, blocks);
  }
  if (!status) {
    dc_tdcm_use_write(use, 0, updated);
    note_domain(use, domain);
  }
  return dc_tdcm_use_describe(status, samples, error);
}

/* ---- reading ---- */

/* c W c for a centroid in standardised units, with W in the units of the samples. */
static double
squared_length(const DcReading *reading, const DcTdcmDomain *domain, const float *centroid)
{
  size_t d = reading->dim;
  double sum = 0;
  for (size_t k = 0; k < d; k++)
    for (size_t l = 0; l < d; l++)
      sum += (centroid[k] - domain->means[k]) * reading->metric[k * d + l] *
             (centroid[l] - domain->means[l]);
  return sum;
}

/* Scores that are linear in z: keys are the centroids, W stands in the units of the samples. */
static bool
read_linearly(const DcTdcmModule *module, const DcTdcmDomain *domain, const DcMatrix *centroids,
              DcReading *reading)
{
  size_t d = module->dim;
  DcMatrix keys = dc_matrix(reading->keys, reading->clusters, d);
  dc_matrix_copy(centroids, &keys);
  double *metric = DC_NEW(double, d *d);
  if (!metric)
    return false;
  dc_tdcm_metric(module, metric);
  double factor = module->score == DC_TDCM_BILINEAR ? 0.5 : 1;
  for (size_t i = 0; i < d * d; i++)
    reading->metric[i] = (float)(factor * metric[i] / (domain->scale * domain->scale));
  dc_free(metric);
  for (size_t j = 0; j < reading->clusters && module->score == DC_TDCM_BILINEAR; j++)
    reading->bias[j] = (float)squared_length(reading, domain, reading->keys + j * d);
  return true;
}

/* The map of embeddings to features: root = G / scale, offset = b - mean G / scale. */
static bool
write_map(const DcTdcmModule *module, const DcTdcmDomain *domain, DcReading *reading)
{
  size_t d = module->dim;
  double *offset = DC_NEW(double, d);
  if (!offset)
    return false;
  memcpy(offset, module->shift, d * sizeof *offset);
  for (size_t k = 0; k < d; k++)
    for (size_t j = 0; j < d; j++) {
      double root = module->root[k * d + j] / domain->scale;
      reading->root[k * d + j] = (float)root;
      offset[j] -= domain->means[k] * root;
    }
  for (size_t j = 0; j < d; j++)
    reading->offset[j] = (float)offset[j];
  dc_free(offset);
  return true;
}

/* The features of centroids, from their differences to the mean, which keep the digits that an
 * offset of all of them would cost. */
static bool
bend_keys(const DcTdcmModule *module, const DcTdcmDomain *domain, const DcMatrix *centroids,
          const DcReading *reading)
{
  size_t d = module->dim;
  DcMatrix keys = dc_matrix(reading->keys, reading->clusters, d),
           root = dc_matrix(reading->root, d, d);
  DcMatrix centred = dc_matrix(dc_alloc(keys.rows, d * sizeof(float)), keys.rows, d);
  float *shift = DC_NEW(float, d);
  bool complete = centred.data && shift;
  if (complete) {
    for (size_t j = 0; j < d; j++)
      shift[j] = (float)module->shift[j];
    dc_standardise_rows(centroids, domain->means, 1, &centred);
    dc_gemm(DC_PLAIN, DC_PLAIN, 1, &centred, &root, 0, &keys);
    dc_asinh_rows(&keys, shift);
  }
  dc_free(centred.data);
  dc_free(shift);
  return complete;
}

/* Features asinh(z G + b): the keys are those of the centroids. */
static bool
read_bent(const DcTdcmModule *module, const DcTdcmDomain *domain, const DcMatrix *centroids,
          DcReading *reading)
{
  reading->scale = 1;
  return write_map(module, domain, reading) && bend_keys(module, domain, centroids, reading);
}

static void
add_shares(const DcTdcmModule *module, const DcTdcmDomain *domain, DcReading *reading)
{
  double k = (double)reading->clusters;
  for (size_t j = 0; j < reading->clusters && module->shares; j++)
    reading->bias[j] +=
        (float)log(k * (domain->mass[j] + module->epsilon) / (domain->total + k * module->epsilon));
}

DcReading *
dc_tdcm_reading(const DcTdcmModule *module, const DcTdcmDomain *domain, const DcMatrix *centroids)
{
  bool bent = module->score == DC_TDCM_NONLINEAR;
  DcReading *reading =
      dc_reading_new(bent ? DC_READ_ASINH : DC_READ_PLAIN, centroids->rows, module->dim, !bent);
  if (!reading)
    return NULL;
  bool complete = bent ? read_bent(module, domain, centroids, reading)
                       : read_linearly(module, domain, centroids, reading);
  if (!complete) {
    dc_reading_free(reading);
    return NULL;
  }
  add_shares(module, domain, reading);
  return reading;
}
