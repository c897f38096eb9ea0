/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_RESULTS_H
#define DC_TOOLS_DRIFT_RESULTS_H

#include "eval/drift_scores.h"

#include <glib.h>
#include <stdio.h>

G_BEGIN_DECLS

/* What came of each method on each stream. */
typedef struct {
  const char *stream, *method; /* static */
  guint64 seed;
  gsize images, dim;
  gsize half_life; /* of a forgetting peer, else 0 */
  DcDriftScores scores;
  gsize clusters; /* that there were at the end, with members or without */
  double us_per_image;
  GArray *course; /* of double: the share that is right in each window, by one matching for all */
  GArray *cluster_course; /* of guint: clusters after each window; NULL: always the same */
  GArray *class_course;   /* of guint: classes that came until then; of dc_drift_results_add() */
  guint64 births, splits, merges, retirements;
} DcDriftResult;

/* A list of them; free with g_array_unref(). */
GArray *dc_drift_results_new(void);

/* Scores labels and appends the result; `known` has what is known before. */
gboolean dc_drift_results_add(GArray *results, const DcDriftResult *known, const guint32 *clusters,
                              const guint32 *classes, const gsize *jump, gsize jumps,
                              GError **error);

/* Appends the results of a forgetting peer, "forgetting", whose half-life was chosen for each
 * stream without looking at it: the one of largest mean accuracy on the other streams of `results`,
 * or DC_DRIFT_HALF_LIFE where there are no others. */
#define DC_DRIFT_FORGETTING "forgetting"
#define DC_DRIFT_HALF_LIFE  5000
void dc_drift_results_choose_half_life(GArray *results);

/* Puts the results of one stream beside each other, in the order in which streams began. */
void dc_drift_results_sort(GArray *results);

/* The mean of `acc` over all results of a method; NAN without any. */
double dc_drift_results_mean(const GArray *results, const char *method);

/* One JSON object on a line: docs/drift.md tells the fields. */
void dc_drift_result_print_json(const DcDriftResult *result, FILE *stream);

/* A table for people: a line for each stream and method, means over the seeds. */
void dc_drift_results_print(const GArray *results, FILE *stream);

/* Appends the object without the line's end. */
void dc_drift_result_append_json(const DcDriftResult *result, GString *json);

G_END_DECLS

#endif
