/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_STATE_RECOVERY_H
#define DC_ELEMENTS_STATE_RECOVERY_H

#include "store/state_file.h"

#include <glib.h>

G_BEGIN_DECLS

/* Reads the state from which a start continues, so that nothing is lost that a later save would
 * overwrite:
 * - there is no file: DC_OK and no state;
 * - the file is damaged and `path`.previous is not: the state of that, the damaged file is moved to
 *   `path`.damaged, and `warning` says so (its status is DC_OK otherwise);
 * - anything else that cannot be read: an error, and everything stays as it is. */
DcStatus dc_state_recover(const gchar *path, DcState **state, DcError *warning, DcError *error);

G_END_DECLS

#endif
