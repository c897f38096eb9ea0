/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_LISTING_H
#define DC_TOOLS_COLLECTION_LISTING_H

#include "collection/collection.h"
#include "store/file.h"

G_BEGIN_DECLS

/* The data of the page as calls of functions that the page defines; each argument is one JSON
 * object. docs/collections.md lists the members. */
typedef gboolean (*DcListing)(DcCollection *collection, gint64 group, DcFileWriter *writer,
                              GError **error);

/* driftcluster.index(...): the state of the whole, families, groups and their exemplars. `group` is
 * not used. */
gboolean dc_listing_index(DcCollection *collection, gint64 group, DcFileWriter *writer,
                          GError **error);

/* driftcluster.group(...): all pictures of one group, those nearest to its middle first. */
gboolean dc_listing_group(DcCollection *collection, gint64 group, DcFileWriter *writer,
                          GError **error);

/* driftcluster.outliers(...): what lies farther out than the others of its group, the farthest
 * first, at most 500. `group` is not used. */
gboolean dc_listing_outliers(DcCollection *collection, gint64 group, DcFileWriter *writer,
                             GError **error);

/* The family of each group as the page numbers them: gint64 -> "Family 2". NULL with `error` set on
 * failure; free with g_hash_table_unref(). */
GHashTable *dc_listing_families(DcCollection *collection, GError **error);

G_END_DECLS

#endif
