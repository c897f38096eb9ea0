/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/memory.h"
#include "base/workers.h"
#include "cluster/kmeans.h"
#include "cluster/tdcm_use.h"

#include <math.h>
#include <string.h>

/* Draws all starts, one after the other, so that the threads do not matter. */
static DcStatus
draw_starts(DcTdcmUse *use, DcRandom *random)
{
  float *scratch = dc_alloc(use->samples, 2 * sizeof(float));
  if (!scratch)
    return DC_ERROR_MEMORY;
  const DcMatrix features = dc_tdcm_use_features(use), points = dc_tdcm_use_points(use);
  for (size_t start = 0; start < use->module->seeds; start++) {
    uint32_t *rows = use->first + start * use->clusters;
    const DcMatrix centroids = dc_tdcm_use_centroids(use, start);
    dc_kmeans_seed_rows(&features, random, scratch, use->clusters, rows);
    for (size_t j = 0; j < use->clusters; j++)
      memcpy(dc_matrix_row(&centroids, j), dc_matrix_row(&points, rows[j]),
             use->width * sizeof(float));
  }
  dc_free(scratch);
  return DC_OK;
}

/* The starts of one thread. */
static void
run_starts(void *data, size_t worker)
{
  const DcTdcmUse *use = data;
  DcTdcmDesk *desk = &use->desks[worker];
  for (size_t start = worker; start < use->module->seeds && !desk->status;
       start += use->desk_count) {
    desk->status = dc_tdcm_use_run(use, desk, start, use->module->blocks);
    if (!desk->status)
      use->losses[start] = dc_tdcm_use_assign(use, desk, start, NULL);
    if (!desk->status && !isfinite(use->losses[start]))
      desk->status = DC_ERROR_NOT_FINITE;
  }
}

static DcStatus
run_all_starts(DcTdcmUse *use)
{
  dc_tdcm_use_ready_loss(use);
  DcWorkers *workers = dc_workers_new(use->desk_count);
  if (!workers)
    return DC_ERROR_MEMORY;
  dc_workers_run(workers, run_starts, use);
  dc_workers_free(workers);
  for (size_t i = 0; i < use->desk_count; i++)
    if (use->desks[i].status)
      return use->desks[i].status;
  return DC_OK;
}

/* ---- the result ---- */

static size_t
best_start(const DcTdcmUse *use)
{
  size_t best = 0;
  for (size_t start = 1; start < use->module->seeds; start++)
    if (use->losses[start] < use->losses[best])
      best = start;
  return best;
}

DcStatus
dc_tdcm_apply(const DcTdcmModule *module, const DcMatrix *samples, DcRandom *random, size_t threads,
              const DcMatrix *centroids, uint32_t *labels, DcTdcmFit *fit, DcError *error)
{
  DcStatus status = dc_tdcm_use_check(module, samples, centroids, error);
  if (status)
    return status;
  if (threads < 1)
    return dc_error_set(error, DC_ERROR_ARGUMENT, "applying an attention module with 0 threads");
  DcTdcmUse use;
  status = dc_tdcm_use_open(&use, module, samples, NULL, centroids->rows, module->seeds,
                            threads < module->seeds ? threads : module->seeds);
  if (!status)
    status = draw_starts(&use, random);
  if (!status)
    status = run_all_starts(&use);
  if (!status) {
    const size_t best = best_start(&use);
    dc_tdcm_use_write(&use, best, centroids);
    if (labels)
      dc_tdcm_use_assign(&use, &use.desks[0], best, labels);
    if (fit)
      *fit = (DcTdcmFit){.loss = use.losses[best], .scale = use.scale};
  }
  dc_tdcm_use_clear(&use);
  return dc_tdcm_use_describe(status, samples, error);
}
