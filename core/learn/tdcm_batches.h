/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_LEARN_TDCM_BATCHES_H
#define DC_LEARN_TDCM_BATCHES_H

#include "base/random.h"
#include "learn/learner.h"

/* Batches of samples of one domain each: domain and samples are drawn, so that there is no pass
 * over all samples. */
typedef struct {
  const DcDataset *data; /* not owned */
  size_t most;           /* samples of a batch; all of a domain that has fewer */
  uint32_t *order;       /* N: within each domain its samples, in any order */
} DcTdcmBatches;

/* DC_ERROR_ARGUMENT when a domain has fewer samples than `clusters`, DC_ERROR_MEMORY. Clear with
 * dc_tdcm_batches_clear(), also after a failure. */
DcStatus dc_tdcm_batches_init(DcTdcmBatches *batches, const DcDataset *data, size_t most,
                              uint32_t clusters, DcError *error);
void dc_tdcm_batches_clear(DcTdcmBatches *batches);

/* Samples of the largest batch that there can be. */
size_t dc_tdcm_batches_largest(const DcTdcmBatches *batches);

/* Draws a batch: the numbers of its `count` samples, until the next one is drawn. */
const uint32_t *dc_tdcm_batches_draw(DcTdcmBatches *batches, DcRandom *random, size_t *count);

/* The order, which draws change; and whether a restored one keeps domains apart. */
void dc_tdcm_batches_list_state(const DcTdcmBatches *batches, DcStateList *list);
bool dc_tdcm_batches_are_sound(const DcTdcmBatches *batches);

#endif
