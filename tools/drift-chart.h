/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_CHART_H
#define DC_TOOLS_DRIFT_CHART_H

#include <glib.h>

G_BEGIN_DECLS

/* Draws the accuracy over the stream as a PNG file: a panel for each stream of `results` (see
 * drift-results.h), in it a line for each method, of the first seed. */
gboolean dc_drift_chart_write(const char *path, const char *title, const GArray *results,
                              GError **error);

G_END_DECLS

#endif
