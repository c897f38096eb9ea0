/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_GROUPING_H
#define DC_TOOLS_COLLECTION_GROUPING_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* The groups of a collection, on the adapter of the stream core. A group has one or more
 * prototypes: those of groups that a person has merged are kept side by side, since their mean
 * would lie where no picture is. Groups that a person has named, merged, split or pinned are
 * "edited": finding groups anew leaves them as they are. One thread, that of the collection. */
typedef struct DcGrouping DcGrouping;

/* For embeddings of `dim` numbers by the encoder of that name. */
DcGrouping *dc_grouping_new(DcCollection *collection, gsize dim, const char *encoder);
void dc_grouping_free(DcGrouping *grouping); /* NULL is ignored */

/* Takes the groups as the database has them. */
gboolean dc_grouping_load(DcGrouping *grouping, GError **error);

/* Finds groups for all embedded pictures by k-means on a random sample of them, and places every
 * picture. `wanted` is how many groups there shall be, with the edited ones (0: chosen by the
 * number of pictures). A group goes on under its identity in the one that shares most pictures with
 * it. Where a person edits at the same time, the edit counts. */
gboolean dc_grouping_find(DcGrouping *grouping, guint32 wanted, GError **error);

/* Places the pictures that have no group yet into those that there are, and lets these follow them
 * (`adapt`); pinned groups stay where they are. An edit made meanwhile is taken over first. */
gboolean dc_grouping_place_new(DcGrouping *grouping, gboolean adapt, GError **error);

/* How many prototypes there are; 0: no groups have been found. */
gsize dc_grouping_size(const DcGrouping *grouping);

/* How many groups suit so many pictures when nobody says it. */
guint32 dc_grouping_suitable(gint64 pictures);

G_END_DECLS

#endif
