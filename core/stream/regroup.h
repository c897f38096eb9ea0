/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_STREAM_REGROUP_H
#define DC_STREAM_REGROUP_H

#include "base/status.h"
#include "stream/adapter.h"
#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Puts other clusters in the place of those an adapter has: merges, splits, births and retirements
 * are all of this form. What is remembered, counted and named goes with the clusters. */

#define DC_NEW_CLUSTER SIZE_MAX   /* in `from` */
#define DC_FORGOTTEN   UINT32_MAX /* in `heirs` */

typedef struct {
  size_t count;           /* clusters from now on, >= 1 */
  const size_t *from;     /* count: which of the old clusters each goes on as, or DC_NEW_CLUSTER */
  const float *centroids; /* count x d */

  /* Who gets the members of each old cluster, and its prototypes: one new cluster, or two that
   * share (heirs[k][0] != heirs[k][1]), or DC_FORGOTTEN (both). */
  const uint32_t (*heirs)[2];
  /* Which of the two each remembered embedding goes to: 0 or 1, cluster by cluster, oldest first.
   * NULL: all to the first. */
  const uint8_t *part;

  /* The members of the last cluster where it is newborn; else NULL. */
  const DcMatrix *newborn;       /* n x d */
  const uint64_t *newborn_times; /* n */
} DcRegrouping;

/* Whether cluster `k` is the one that it was, of `old` clusters: neither merged nor split. */
bool dc_regrouping_leaves(const DcRegrouping *regrouping, size_t old, size_t k);

/* Does it, measures the clusters, and tells the method. No snapshot is made yet. On an error the
 * clusters are as they were; the method may have to start anew. */
DcStatus dc_adapter_regroup(DcAdapter *adapter, const DcRegrouping *regrouping, DcError *error);

#endif
