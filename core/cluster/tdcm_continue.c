/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/reading.h"
#include "cluster/tdcm_use.h"

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

DcStatus
dc_tdcm_continue(const DcTdcmModule *module, uint32_t blocks, const DcMatrix *samples,
                 const float *weights, const DcMatrix *centroids, const DcMatrix *updated,
                 DcTdcmDomain *domain, DcError *error)
{
  DcStatus status = dc_tdcm_use_check(module, samples, centroids, error);
  if (status)
    return status;
  DcTdcmUse use;
  status = dc_tdcm_use_open(&use, module, samples, weights, centroids->rows, 1, 1);
  if (!status) {
    dc_tdcm_use_read(&use, 0, centroids);
    status = dc_tdcm_use_run(&use, &use.desks[0], 0, blocks);
  }
  if (!status) {
    dc_tdcm_use_write(&use, 0, updated);
    note_domain(&use, domain);
  }
  dc_tdcm_use_clear(&use);
  return dc_tdcm_use_describe(status, samples, error);
}

/* ---- reading ---- */

/* c - mean, in units of the scale. */
static double
standardised(const DcTdcmDomain *domain, const float *centroid, size_t k)
{
  return (centroid[k] - domain->means[k]) / domain->scale;
}

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
read_linearly(const DcTdcmModule *module, const DcTdcmDomain *domain, DcReading *reading)
{
  size_t d = module->dim;
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

/* Features asinh(z G + b): the keys are those of the centroids. */
static void
read_bent(const DcTdcmModule *module, const DcTdcmDomain *domain, DcReading *reading)
{
  size_t d = module->dim;
  for (size_t j = 0; j < d; j++) {
    double offset = module->shift[j];
    for (size_t k = 0; k < d; k++) {
      double root = module->root[k * d + j];
      reading->root[k * d + j] = (float)(root / domain->scale);
      offset -= domain->means[k] / domain->scale * root;
    }
    reading->offset[j] = (float)offset;
  }
  reading->scale = 1;
}

static void
bend_key(const DcTdcmModule *module, const DcTdcmDomain *domain, const float *centroid, float *key)
{
  size_t d = module->dim;
  for (size_t j = 0; j < d; j++) {
    double sum = module->shift[j];
    for (size_t k = 0; k < d; k++)
      sum += standardised(domain, centroid, k) * module->root[k * d + j];
    key[j] = (float)asinh(sum);
  }
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
  DcMatrix keys = dc_matrix(reading->keys, reading->clusters, reading->dim);
  dc_matrix_copy(centroids, &keys);
  if (bent) {
    read_bent(module, domain, reading);
    for (size_t j = 0; j < keys.rows; j++)
      bend_key(module, domain, dc_matrix_row(centroids, j), dc_matrix_row(&keys, j));
  } else if (!read_linearly(module, domain, reading)) {
    dc_reading_free(reading);
    return NULL;
  }
  add_shares(module, domain, reading);
  return reading;
}
