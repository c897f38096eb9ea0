/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_INTERRUPT_H
#define DC_TOOLS_INTERRUPT_H

#include <glib.h>

G_BEGIN_DECLS

/* From now on Ctrl-C, and SIGTERM, only set a flag, so that work can end where nothing is lost; a
 * second one ends the program. */
void dc_interrupt_catch(void);
void dc_interrupt_release(void); /* nothing where nothing is caught */
gboolean dc_interrupted(void);

G_END_DECLS

#endif
