/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DURATION_H
#define DC_TOOLS_DURATION_H

#include <glib.h>

G_BEGIN_DECLS

/* A time in the unit that suits it, as in "8.3 s", "47 s", "12 min" or "5.2 h". Free with g_free().
 */
char *dc_duration_text(double seconds);

G_END_DECLS

#endif
