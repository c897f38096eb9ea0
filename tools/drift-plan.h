/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_PLAN_H
#define DC_TOOLS_DRIFT_PLAN_H

#include "drift-data.h"

G_BEGIN_DECLS

/* Which streams are made, and which methods run over them. */
typedef struct {
  const DcDriftKind **kinds;
  gsize kind_count;
  gboolean *methods; /* to be shown, by their number */
  gsize method_count;
  gboolean forgetting; /* the peer with a half-life chosen on other streams */
} DcDriftPlan;

/* From names of streams and methods, each NULL-terminated; NULL: all streams that the input allows,
 * or the usual methods. Fails, and lists what there is, where there is none of a name. Clear with
 * dc_drift_plan_clear(). */
gboolean dc_drift_plan_init(DcDriftPlan *plan, const char *const *streams,
                            const char *const *methods, GError **error);
void dc_drift_plan_clear(DcDriftPlan *plan);

/* Once the samples are known: without names of streams all kinds that these allow, else whether
 * they allow those. */
gboolean dc_drift_plan_settle(DcDriftPlan *plan, const DcDriftData *data, GError **error);

/* Whether a method runs: it is to be shown, or a half-life is chosen among its like. */
gboolean dc_drift_plan_runs(const DcDriftPlan *plan, gsize method);

/* Prints the streams and methods that there are, for people. */
void dc_drift_plan_print_choices(void);

G_END_DECLS

#endif
