/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "eval/drift_scores.h"

#include "base/memory.h"
#include "cluster/matching.h"
#include "eval/contingency.h"
#include "eval/scores.h"

#include <math.h>
#include <stdbool.h>

#define FEWEST_MEMBERS  10  /* of a cluster in a window, that its class be known */
#define RECOVERY_WINDOW 200 /* samples */
#define RECOVERY_MARGIN 0.05

static size_t
smaller(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* ---- right or wrong by a matching ---- */

/* right[i] tells whether sample i of `n` is right by the best matching of the first `known`. */
static DcStatus
mark_right(const uint32_t *clusters, const uint32_t *classes, size_t known, size_t n, bool *right)
{
  DcContingency table;
  DcStatus status = dc_contingency_init(&table, clusters, classes, known);
  if (status != DC_OK)
    return status;
  uint32_t *match = DC_NEW(uint32_t, table.clusters);
  status = match ? dc_contingency_match(&table, match) : DC_ERROR_MEMORY;
  for (size_t i = 0; i < n && status == DC_OK; i++) {
    right[i] = false;
    for (size_t row = 0; row < table.clusters; row++)
      if (table.cluster_numbers[row] == clusters[i] && match[row] != DC_UNMATCHED)
        right[i] = table.class_numbers[match[row]] == classes[i];
  }
  dc_free(match);
  dc_contingency_clear(&table);
  return status;
}

static double
share_of(const bool *right, size_t from, size_t to)
{
  size_t count = 0;
  for (size_t i = from; i < to; i++)
    count += right[i];
  return to > from ? (double)count / (double)(to - from) : 0;
}

DcStatus
dc_drift_course(const uint32_t *clusters, const uint32_t *classes, size_t n, double *course)
{
  bool *right = DC_NEW(bool, n);
  DcStatus status = right ? mark_right(clusters, classes, n, n, right) : DC_ERROR_MEMORY;
  for (size_t i = 0; i < n && status == DC_OK; i += DC_DRIFT_WINDOW)
    course[i / DC_DRIFT_WINDOW] = share_of(right, i, smaller(i + DC_DRIFT_WINDOW, n));
  dc_free(right);
  return status;
}

/* ---- time to recover ---- */

static size_t
recovered_after(const bool *right, size_t jump, size_t end, double wanted)
{
  for (size_t i = jump + RECOVERY_WINDOW; i <= end; i++)
    if (share_of(right, i - RECOVERY_WINDOW, i) >= wanted)
      return i - jump;
  return end - jump;
}

static DcStatus
score_recovery(const uint32_t *clusters, const uint32_t *classes, size_t n, const size_t *jump,
               size_t jumps, double *recovery)
{
  *recovery = NAN;
  if (!jumps)
    return DC_OK;
  bool *right = DC_NEW(bool, n);
  DcStatus status = right ? mark_right(clusters, classes, jump[0], n, right) : DC_ERROR_MEMORY;
  if (status == DC_OK) {
    double sum = 0, wanted = share_of(right, 0, jump[0]) - RECOVERY_MARGIN;
    for (size_t j = 0; j < jumps; j++)
      sum += (double)recovered_after(right, jump[j], j + 1 < jumps ? jump[j + 1] : n, wanted);
    *recovery = sum / (double)jumps;
  }
  dc_free(right);
  return status;
}

/* ---- label switches ---- */

/* The class of most members of each cluster in a window; those with too few keep what `majority`
 * had. Returns how many changed. */
static size_t
update_majority(const DcContingency *window, const DcContingency *all, uint32_t *majority)
{
  size_t switches = 0;
  for (size_t row = 0; row < window->clusters; row++) {
    if (window->cluster_sizes[row] < FEWEST_MEMBERS)
      continue;
    const double *cells = window->cells + row * window->classes;
    size_t most = 0, at = 0;
    for (size_t c = 1; c < window->classes; c++)
      most = cells[c] > cells[most] ? c : most;
    while (all->cluster_numbers[at] != window->cluster_numbers[row])
      at++;
    uint32_t now = window->class_numbers[most];
    switches += majority[at] != DC_UNMATCHED && majority[at] != now;
    majority[at] = now;
  }
  return switches;
}

/* ---- all of it ---- */

/* What is summed over windows. */
static DcStatus
score_windows(const uint32_t *clusters, const uint32_t *classes, size_t n, const DcContingency *all,
              DcDriftScores *scores)
{
  uint32_t *majority = DC_NEW(uint32_t, all->clusters);
  DcStatus status = majority ? DC_OK : DC_ERROR_MEMORY;
  for (size_t k = 0; k < all->clusters && majority; k++)
    majority[k] = DC_UNMATCHED;
  double sum = 0;
  size_t windows = 0, switches = 0;
  for (size_t i = 0; i < n && status == DC_OK; i += DC_DRIFT_WINDOW, windows++) {
    size_t count = smaller(DC_DRIFT_WINDOW, n - i);
    DcScores window = {0};
    DcContingency table;
    status = dc_scores(clusters + i, classes + i, count, &window);
    if (status == DC_OK)
      status = dc_contingency_init(&table, clusters + i, classes + i, count);
    if (status != DC_OK)
      break;
    sum += window.acc;
    switches += update_majority(&table, all, majority);
    dc_contingency_clear(&table);
  }
  scores->window_acc = sum / (double)windows;
  scores->switches_per_1000 =
      (double)switches / (double)all->clusters / ((double)n / DC_DRIFT_WINDOW);
  dc_free(majority);
  return status;
}

DcStatus
dc_drift_scores(const uint32_t *clusters, const uint32_t *classes, size_t n, const size_t *jump,
                size_t jumps, DcDriftScores *scores)
{
  DcDriftScores made = {0};
  DcScores whole = {0};
  DcContingency table;
  DcStatus status = dc_scores(clusters, classes, n, &whole);
  if (status == DC_OK)
    status = dc_contingency_init(&table, clusters, classes, n);
  if (status != DC_OK)
    return status;
  made.acc = whole.acc;
  made.nmi = whole.nmi;
  made.clusters = whole.clusters;
  made.classes = whole.classes;
  status = score_windows(clusters, classes, n, &table, &made);
  dc_contingency_clear(&table);
  if (status == DC_OK)
    status = score_recovery(clusters, classes, n, jump, jumps, &made.recovery);
  if (status == DC_OK)
    *scores = made;
  return status;
}
