/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_PAGE_H
#define DC_TOOLS_COLLECTION_PAGE_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* The page of a collection: OUTPUT/index.html, which needs no server, and its data in
 * OUTPUT/data/ (docs/collections.md). The data are scripts, since a page that is opened as a file
 * may load scripts, but read no other files. */
typedef struct DcPage DcPage;

DcPage *dc_page_new(DcCollection *collection);
void dc_page_free(DcPage *page); /* NULL is ignored */

/* Writes index.html and what it includes. */
gboolean dc_page_install(DcPage *page, GError **error);

/* Brings the data up to date: the index, and the files of groups that have changed since this
 * DcPage wrote them last; each is replaced as a whole. Waits for another process that does the
 * same. */
gboolean dc_page_publish(DcPage *page, GError **error);

G_END_DECLS

#endif
