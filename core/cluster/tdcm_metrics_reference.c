/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "cluster/tdcm_metrics.h"

#define LOG_2_PI 1.8378770664093453

/* Sigma_j from the covariances of expectation maximisation, which are T_j / n_j. */
static void
shrink(double shrinkage, double samples, DcMixture *mixture, double *common)
{
  const size_t d = mixture->dim, clusters = mixture->clusters;
  const double v = shrinkage / (double)clusters;
  for (size_t k = 0; k < d * d; k++) {
    common[k] = 0;
    for (size_t j = 0; j < clusters; j++)
      common[k] += mixture->weights[j] * samples * mixture->covariances[j * d * d + k];
  }
  for (size_t j = 0; j < clusters; j++)
    for (size_t k = 0; k < d * d; k++) {
      const double mass = mixture->weights[j] * samples;
      double *entry = mixture->covariances + j * d * d + k;
      *entry = (mass * *entry + v * common[k]) / (mass + v * samples);
      *entry += k % (d + 1) == 0 ? 1e-6 : 0; /* the diagonal */
    }
}

DcStatus
dc_tdcm_metrics_block_reference(const DcTdcmMetricsOptions *options, const DcMatrix *samples,
                                DcMixture *clusters, double *log_density)
{
  double *responsibilities = dc_alloc(samples->rows, clusters->clusters * sizeof(double));
  double *common = DC_NEW(double, clusters->dim * clusters->dim);
  DcStatus status = DC_ERROR_MEMORY;
  if (responsibilities && common)
    status = dc_mixture_expect_reference(clusters, samples, responsibilities, log_density);
  if (!status) {
    *log_density += 0.5 * (double)clusters->dim * LOG_2_PI;
    dc_mixture_maximise_reference(samples, responsibilities, 0, clusters);
    shrink(options->shrinkage, (double)samples->rows, clusters, common);
  }
  dc_free(responsibilities);
  dc_free(common);
  return status;
}
