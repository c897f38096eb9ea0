/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_EVAL_SCORES_H
#define DC_EVAL_SCORES_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Agreement of a clustering with a labelling; the numbers of clusters and classes may differ.
 * All in 0..1 (ari may be negative); they depend on the contingency table only. */
typedef struct {
  double acc; /* share of samples in a cluster that is matched to their class, optimal one-to-one */
  double nmi; /* mutual information / arithmetic mean of the two entropies (1 when both are 0) */
  double ari; /* Rand index adjusted for chance (Hubert and Arabie 1985) */
  double purity;            /* share of samples in the majority class of their cluster */
  size_t clusters, classes; /* that occur */
  size_t samples;
} DcScores;

/* Values of `clusters` and `classes` (n each) are any numbers; equal numbers mean the same group.
 * DC_ERROR_ARGUMENT for n = 0, DC_ERROR_UNSUPPORTED when distinct clusters x distinct classes
 * exceed DC_CONTINGENCY_MAX_CELLS (eval/contingency.h) (such labels are hardly groups),
 * DC_ERROR_MEMORY; `scores` is then untouched. Allocates. */
DcStatus dc_scores(const uint32_t *clusters, const uint32_t *classes, size_t n, DcScores *scores);

#endif
