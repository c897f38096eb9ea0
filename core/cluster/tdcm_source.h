/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_TDCM_SOURCE_H
#define DC_CLUSTER_TDCM_SOURCE_H

#include "cluster/tdcm.h"

/* How a module whose clusters have metrics of their own (DcTdcmModule.source) is learnt and used;
 * docs/methods/tdcm.md, "A metric for each cluster". */

/* Learns module->source from the samples of the source (N x d, N >= K): the best of `starts` (>= 1)
 * that begin with the blocks of the shared metric, which must have been learnt. An older source is
 * replaced. No gradient, no labels; a few passes over the samples. Quadratic scores only:
 * DC_ERROR_ARGUMENT for others; otherwise the errors of dc_tdcm_apply(), after which the module is
 * unchanged. */
DcStatus dc_tdcm_learn_source(DcTdcmModule *module, const DcMatrix *samples, uint32_t clusters,
                              uint32_t starts, DcRandom *random, DcError *error);

/* ---- between tdcm_apply.c and tdcm_source.c ---- */

/* dc_tdcm_apply() with the shared metric alone, whatever module->source holds. */
DcStatus dc_tdcm_apply_shared(const DcTdcmModule *module, const DcMatrix *samples, DcRandom *random,
                              size_t threads, const DcMatrix *centroids, uint32_t *labels,
                              DcTdcmFit *fit, DcError *error);

/* dc_tdcm_apply() with module->source and arguments that were checked. */
DcStatus dc_tdcm_apply_own(const DcTdcmModule *module, const DcMatrix *samples, DcRandom *random,
                           const DcMatrix *centroids, uint32_t *labels, DcTdcmFit *fit,
                           DcError *error);

#endif
