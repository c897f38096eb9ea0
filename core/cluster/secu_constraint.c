/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cluster/secu_constraint.h"

#include <math.h>
#include <string.h>

#define MOST_DUAL_RATE 20.0

/* ---- what a label costs beside its similarity ---- */

double
dc_secu_entropy_change(int64_t count, int64_t total, int change)
{
  const double step = (double)change / (double)total;
  const double p = (double)count / (double)total;
  if (count == 0)
    return step * log(step);
  if (count + change == 0)
    return -p * log(p);
  return (p + step) * log1p((double)change / (double)count) + step * log(p);
}

static int64_t
sum_of_counts(const DcSecuHead *head)
{
  int64_t sum = 0;
  for (size_t k = 0; k < head->clusters; k++)
    sum += head->counts[k];
  return sum;
}

/* gains[k]: what a sample without a label earns by label k. */
static void
gain_of_joining(const DcSecuConstraint *constraint, DcSecuHead *head, int64_t total)
{
  const double alpha = constraint->weight * (double)head->samples;
  for (size_t k = 0; k < head->clusters; k++)
    head->gains[k] = -alpha * dc_secu_entropy_change(head->counts[k], total, 1);
}

/* losses[k]: what a sample earns by giving up label k (less than 0: it pays). */
static void
gain_of_leaving(const DcSecuConstraint *constraint, DcSecuHead *head, int64_t total)
{
  const double alpha = constraint->weight * (double)head->samples;
  for (size_t k = 0; k < head->clusters; k++)
    head->losses[k] =
        head->counts[k] > 0 ? -alpha * dc_secu_entropy_change(head->counts[k], total, -1) : 0;
}

/* The label of the largest similarity + gain, that of `own` being `own_gain`. */
static uint32_t
best_label(const float *similarities, const double *gains, size_t clusters, uint32_t own,
           double own_gain)
{
  uint32_t best = 0;
  double best_score = -INFINITY;
  for (size_t k = 0; k < clusters; k++) {
    const double score = similarities[k] + (k == own ? own_gain : gains[k]);
    if (score > best_score) {
      best_score = score;
      best = (uint32_t)k;
    }
  }
  return best;
}

static void
assign_by_size(const DcSecuHead *head, const DcMatrix *similarities, uint32_t *labels)
{
  for (size_t i = 0; i < similarities->rows; i++)
    labels[i] = best_label(dc_matrix_row(similarities, i), head->duals, head->clusters,
                           DC_SECU_UNLABELLED, 0);
}

/* Samples without a label come on top of those that have one (the first epoch of the author's
 * code); the others move from one cluster to another. */
static void
assign_by_entropy(const DcSecuConstraint *constraint, DcSecuHead *head,
                  const DcMatrix *similarities, const uint32_t *rows, uint32_t *labels)
{
  const int64_t labelled = sum_of_counts(head);
  if (labelled == 0)
    memset(head->gains, 0, head->clusters * sizeof *head->gains);
  else
    gain_of_joining(constraint, head, labelled + 1);
  for (size_t i = 0; i < similarities->rows; i++)
    if (head->labels[rows[i]] == DC_SECU_UNLABELLED)
      labels[i] = best_label(dc_matrix_row(similarities, i), head->gains, head->clusters,
                             DC_SECU_UNLABELLED, 0);
  if (labelled == 0)
    return;
  gain_of_joining(constraint, head, labelled);
  gain_of_leaving(constraint, head, labelled);
  for (size_t i = 0; i < similarities->rows; i++) {
    const uint32_t own = head->labels[rows[i]];
    /* Joining another costs leaving this one too, so staying is better by as much. */
    if (own != DC_SECU_UNLABELLED)
      labels[i] = best_label(dc_matrix_row(similarities, i), head->gains, head->clusters, own,
                             -head->losses[own]);
  }
}

void
dc_secu_assign(const DcSecuConstraint *constraint, DcSecuHead *head, const DcMatrix *similarities,
               const uint32_t *rows, uint32_t *labels)
{
  if (constraint->kind == DC_SECU_SIZE)
    assign_by_size(head, similarities, labels);
  else
    assign_by_entropy(constraint, head, similarities, rows, labels);
}

/* ---- taking labels ---- */

/* Dual ascent: rho_k -= eta (n_k / B - gamma / K). */
static void
move_duals(const DcSecuConstraint *constraint, DcSecuHead *head, const uint32_t *labels,
           size_t count)
{
  const double clusters = (double)head->clusters;
  const double rate = constraint->rate > 0
                          ? constraint->rate
                          : fmin(0.01 * clusters / constraint->share, MOST_DUAL_RATE);
  const double least = constraint->share < 1 ? 0 : -DC_SECU_MOST_DUAL;
  double *in_batch = head->gains;
  memset(in_batch, 0, head->clusters * sizeof *in_batch);
  for (size_t i = 0; i < count; i++)
    in_batch[labels[i]]++;
  for (size_t k = 0; k < head->clusters; k++) {
    const double excess = in_batch[k] / (double)count - constraint->share / clusters;
    head->duals[k] = fmin(fmax(head->duals[k] - rate * excess, least), DC_SECU_MOST_DUAL);
  }
}

size_t
dc_secu_take_labels(const DcSecuConstraint *constraint, DcSecuHead *head, const uint32_t *rows,
                    size_t count, const uint32_t *labels)
{
  size_t changed = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t *own = &head->labels[rows[i]];
    changed += *own != labels[i];
    if (*own != DC_SECU_UNLABELLED)
      head->counts[*own]--;
    head->counts[labels[i]]++;
    *own = labels[i];
  }
  if (constraint->kind == DC_SECU_SIZE)
    move_duals(constraint, head, labels, count);
  return changed;
}

void
dc_secu_count_labels(DcSecuHead *head)
{
  memset(head->counts, 0, head->clusters * sizeof *head->counts);
  for (size_t i = 0; i < head->samples; i++)
    if (head->labels[i] != DC_SECU_UNLABELLED)
      head->counts[head->labels[i]]++;
}
