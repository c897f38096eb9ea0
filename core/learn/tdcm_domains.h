/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_TDCM_DOMAINS_H
#define DC_LEARN_TDCM_DOMAINS_H

#include "cluster/tdcm.h"

/* Samples of several domains, one after the other, and the module that clusters each by itself. */
typedef struct {
  const DcTdcmModule *module;
  const float *codes; /* N x module->dim */
  const size_t *ends; /* count: where the samples of each domain end */
  size_t count;       /* of domains, >= 1 */
  size_t clusters;    /* K */
  size_t threads;
} DcTdcmDomains;

/* `labels` (N) by applying the module to each domain, `centroids` (K x dim) those of the first;
 * clusters of later domains have the numbers of those of the first that they are most like, as far
 * as places relative to the domain's centre tell. Errors as dc_tdcm_apply(). */
DcStatus dc_tdcm_cluster_domains(const DcTdcmDomains *domains, DcRandom *random, float *centroids,
                                 uint32_t *labels, DcError *error);

#endif
