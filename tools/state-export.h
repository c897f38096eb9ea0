/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_STATE_EXPORT_H
#define DC_TOOLS_STATE_EXPORT_H

#include "stream/snapshot.h"

#include <glib.h>

G_BEGIN_DECLS

/* Whether the name of a file says what to write: it ends in .json or .npy. */
gboolean dc_state_export_is_named(const char *path);

/* Writes the clusters of `snapshot`: as a JSON object (docs/formats/state.md, "Exports"), or the
 * centroids as a NumPy array. An existing file is replaced only by a whole new one. */
gboolean dc_state_export(const DcSnapshot *snapshot, const char *path, GError **error);

G_END_DECLS

#endif
