/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_WATCH_H
#define DC_TOOLS_COLLECTION_WATCH_H

#include "collection/session.h"

G_BEGIN_DECLS

/* Follows the folder of a session, subfolders included, until Ctrl-C: what comes is placed and on
 * the page within a second, what is deleted leaves it. A folder that vanishes (an unmounted disk)
 * is said, its groups stay, and it is followed again when it is back. */
gboolean dc_watch(DcSession *session, GError **error);

G_END_DECLS

#endif
