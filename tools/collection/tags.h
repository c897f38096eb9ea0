/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_TAGS_H
#define DC_TOOLS_COLLECTION_TAGS_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* Groups as tags for other programs: only where somebody asks for it. */

/* Writes extended attributes of the picture files, never their content: `user.driftcluster.group`,
 * the name of the group, and `user.xdg.tags`, the tags of a desktop, to which the name is added;
 * tags of other programs stay, and the name of the group before goes. Files that cannot take them
 * are counted and said once on stderr, with the first reason; FALSE when no file could. */
gboolean dc_tag_xattr(DcCollection *collection, GError **error);

/* Writes a sidecar for each picture, PATH.xmp below `folder`: XMP (ISO 16684-1) with the group's
 * name as dc:subject and "Family|Group" as lr:hierarchicalSubject. A sidecar that another program
 * has written is left as it is, which is counted and said. */
gboolean dc_tag_xmp(DcCollection *collection, const char *folder, GError **error);

/* The text of a sidecar; free it. What XML cannot hold is replaced. */
char *dc_xmp_text(const char *family, const char *group);

/* The tags of others in `tags`, separated by commas as they are in user.xdg.tags, without `before`
 * (NULL: none) and with `now`; free it. A comma in a name would part it: it becomes a space. */
char *dc_xdg_tags_merge(const char *tags, const char *before, const char *now);

G_END_DECLS

#endif
