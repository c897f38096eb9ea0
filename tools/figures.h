/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_FIGURES_H
#define DC_TOOLS_FIGURES_H

#include "report.h"

G_BEGIN_DECLS

/* Writes the numbers of a report as one JSON object; docs/formats/report.md lists its members.
 * `scores` may be NULL; `pictures` (NULL-terminated) are the names of the pictures beside it. */
gboolean dc_figures_write(const char *path, const DcReport *report, const DcScores *scores,
                          const char *const *pictures, GError **error);

G_END_DECLS

#endif
