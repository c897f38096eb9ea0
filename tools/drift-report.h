/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_REPORT_H
#define DC_TOOLS_DRIFT_REPORT_H

#include "drift-methods.h"

G_BEGIN_DECLS

/* Writes what came of a bench into `folder`, which is there: accuracy.png, the curves (see
 * drift-chart.h), and figures.json, all of `results` with the settings and the names of the
 * `inputs` (NULL-terminated). */
gboolean dc_drift_report_write(const char *folder, const char *const *inputs,
                               const DcDriftSettings *settings, const GArray *results,
                               GError **error);

G_END_DECLS

#endif
