/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_CLUSTER_SECU_CONSTRAINT_H
#define DC_CLUSTER_SECU_CONSTRAINT_H

#include "tensor/matrix.h"

#include <stddef.h>
#include <stdint.h>

/* How SeCu (Qian, "Stable Cluster Discrimination for Deep Clustering", ICCV 2023) labels the
 * samples of a batch so that no cluster dies: a constraint on how many samples of the whole data
 * set each cluster has. K numbers a head keep it; there is no matrix of all samples and clusters.
 * Any thread, one call a head at a time; nothing is allocated. */
typedef enum {
  DC_SECU_SIZE,   /* every cluster has at least share / K of the samples: a dual for each */
  DC_SECU_ENTROPY /* the entropy of the shares counts in the objective */
} DcSecuConstraintKind;

typedef struct {
  DcSecuConstraintKind kind;
  double share;  /* SIZE: gamma, 0 .. 1; 1 asks for clusters of one size */
  double rate;   /* SIZE: eta >= 0, the step of the duals; 0: 0.01 K / gamma, at most 20, so that an
                    empty cluster gains 0.01 in cosine units a batch */
  double weight; /* ENTROPY: lambda = alpha / samples >= 0, in cosine units */
} DcSecuConstraint;

/* The label of a sample that has not been labelled yet. */
#define DC_SECU_UNLABELLED UINT32_MAX

/* Duals stay within +- this, the range of a cosine: where there are fewer samples than clusters the
 * lower bound cannot hold, and they would grow for ever. */
#define DC_SECU_MOST_DUAL 2.0

/* What a head remembers. The arrays belong to who made them. */
typedef struct {
  size_t clusters, samples; /* K, N */
  uint32_t *labels;         /* N: the latest label of each sample, or DC_SECU_UNLABELLED */
  int64_t *counts;          /* K: samples that have this label */
  double *duals;            /* K: rho, SIZE only; >= 0 unless share is 1 */
  double *gains, *losses;   /* K each: scratch */
} DcSecuHead;

/* Writes the new label of each row: the cluster of the largest similarity + rho (SIZE), or of the
 * smallest -similarity + alpha times the exact change of sum p ln p (ENTROPY), where a label that a
 * sample has already changes nothing. `similarities` is B x K, the mean over the views; row i is
 * sample rows[i]. All rows are labelled by the duals or counts as they are. Ties go to the smallest
 * index, NaN is never chosen. */
void dc_secu_assign(const DcSecuConstraint *constraint, DcSecuHead *head,
                    const DcMatrix *similarities, const uint32_t *rows, uint32_t *labels);

/* Makes `labels` those of the samples rows[0 .. count - 1], count >= 1, none of them twice: labels,
 * counts and duals follow. Returns how many samples had another label, or none. */
size_t dc_secu_take_labels(const DcSecuConstraint *constraint, DcSecuHead *head,
                           const uint32_t *rows, size_t count, const uint32_t *labels);

/* Counts `head->labels` afresh. */
void dc_secu_count_labels(DcSecuHead *head);

/* (p + change) ln(p + change) - p ln p to full precision, with 0 ln 0 = 0; p >= 0, p + change >= 0.
 * p = count / total and change = +-1 / total. */
double dc_secu_entropy_change(int64_t count, int64_t total, int change);

#endif
