/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_EVAL_DRIFT_SCORES_H
#define DC_EVAL_DRIFT_SCORES_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* How well clusters of a stream agree with classes while it drifts. Shares are 0..1. */
typedef struct {
  double acc;        /* with one matching of clusters to classes for all of it: identity counts */
  double window_acc; /* mean over windows, each matched anew: the grouping alone */
  double nmi;
  double switches_per_1000; /* see dc_drift_scores() */
  double recovery; /* samples from a jump to recovery, mean over the jumps; NAN without a jump */
  size_t clusters, classes; /* that occur */
} DcDriftScores;

#define DC_DRIFT_WINDOW 1000 /* samples */

/* Scores `n` samples. A cluster switches its label when the class that most of its members are of
 * differs between one window of 1 000 samples and the next one in which it has at least ten
 * members; counted per cluster and 1 000 samples. A stream has recovered from a jump when the last
 * 200 samples are right, by the matching of all samples before the first jump, to within 0.05 of
 * the share before that jump; a jump that is never recovered from counts up to the next one, or to
 * the end. `jump` (ascending, 0 < jump < n) may be NULL when `jumps` is 0. Errors as dc_scores().
 * Allocates. */
DcStatus dc_drift_scores(const uint32_t *clusters, const uint32_t *classes, size_t n,
                         const size_t *jump, size_t jumps, DcDriftScores *scores);

/* The share of samples that are right by the matching of the whole stream, of each of the windows
 * (n / 1 000, rounded up): the course of `acc`. `course` has room for them. */
DcStatus dc_drift_course(const uint32_t *clusters, const uint32_t *classes, size_t n,
                         double *course);

#endif
