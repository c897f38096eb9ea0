/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_EDITS_H
#define DC_TOOLS_COLLECTION_EDITS_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* What a person does to groups. Each is done as a whole or not at all, counts in `meta.edits`, and
 * makes the groups "edited": finding groups anew leaves them alone. A process that indexes notices
 * by dc_collection_foreign_changes(). The names are those of the actions of adapt-centroids. */

#define DC_GROUP_NAME_MOST 63 /* bytes, as labels of clusters have */

/* 1..DC_GROUP_NAME_MOST bytes of UTF-8 without control characters, not the name of another group.
 */
gboolean dc_edit_rename_group(DcCollection *collection, gint64 group, const char *name,
                              GError **error);

/* The pictures of `group` go to `into`, as will those that come and look like either. */
gboolean dc_edit_merge_groups(DcCollection *collection, gint64 group, gint64 into, GError **error);

/* Parts a group of at least two pictures in two, by k-means; the larger part keeps the name. */
gboolean dc_edit_split_group(DcCollection *collection, gint64 group, GError **error);

/* A pinned group does not follow the pictures that come into it. */
gboolean dc_edit_pin_group(DcCollection *collection, gint64 group, gboolean pinned, GError **error);

/* Puts one picture into a group, where it stays. */
gboolean dc_edit_move_picture(DcCollection *collection, gint64 picture, gint64 group,
                              GError **error);

G_END_DECLS

#endif
