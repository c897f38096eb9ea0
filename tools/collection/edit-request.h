/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_EDIT_REQUEST_H
#define DC_TOOLS_COLLECTION_EDIT_REQUEST_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* Does what a JSON object asks for: {"action": "rename-cluster", "group": 3, "name": "Cats"},
 * "merge-clusters" with "group" and "into", "split-cluster" with "group", "pin-cluster" with
 * "group" and "pinned", "move-picture" with "picture" and "group". Says what is missing or wrong.
 */
gboolean dc_edit_request(DcCollection *collection, const char *text, gsize length, GError **error);

G_END_DECLS

#endif
