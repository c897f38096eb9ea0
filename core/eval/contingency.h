/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_EVAL_CONTINGENCY_H
#define DC_EVAL_CONTINGENCY_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* How many samples are in a cluster and of a class, with the sums over rows and columns. Clusters
 * and classes are those that occur, in ascending order of their numbers. Counts are in double, as
 * the matching and the entropies take them. */
typedef struct {
  size_t clusters, classes;
  uint32_t *cluster_numbers, *class_numbers; /* what the rows and the columns were called */
  double *cells;                             /* clusters x classes */
  double *cluster_sizes, *class_sizes;
  double samples;
} DcContingency;

#define DC_CONTINGENCY_MAX_CELLS ((size_t)1 << 24)

/* Counts `n` samples. DC_ERROR_ARGUMENT for n = 0, DC_ERROR_UNSUPPORTED when the table would have
 * more than DC_CONTINGENCY_MAX_CELLS cells, DC_ERROR_MEMORY; the table is then empty. Clear with
 * dc_contingency_clear(). */
DcStatus dc_contingency_init(DcContingency *table, const uint32_t *clusters,
                             const uint32_t *classes, size_t n);
void dc_contingency_clear(DcContingency *table);

/* The one-to-one matching of clusters to classes that puts most samples into matched cells: for
 * each row (match: clusters) the index of its column, or DC_UNMATCHED (cluster/matching.h).
 * DC_ERROR_MEMORY. */
DcStatus dc_contingency_match(const DcContingency *table, uint32_t *match);

#endif
