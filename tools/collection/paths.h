/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_PATHS_H
#define DC_TOOLS_COLLECTION_PATHS_H

#include <glib.h>

G_BEGIN_DECLS

/* Whether `path` is `folder` or lies below it. Both are absolute; links are not followed. */
gboolean dc_path_is_within(const char *path, const char *folder);

/* The absolute path without links, as far as it is there; the rest, which may be to be made, as it
 * is written. Free it. */
char *dc_path_resolve(const char *path);

G_END_DECLS

#endif
