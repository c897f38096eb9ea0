/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_CHART_H
#define DC_TOOLS_CHART_H

#include "curves.h"

G_BEGIN_DECLS

/* Draws a panel for each curve, its epochs to the right, as a PNG file. The scale is logarithmic
 * where positive values span more than two powers of ten. A value that is not finite interrupts its
 * line. */
gboolean dc_chart_write(const char *path, const char *title, const DcCurves *curves,
                        GError **error);

G_END_DECLS

#endif
