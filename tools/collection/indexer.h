/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_INDEXER_H
#define DC_TOOLS_COLLECTION_INDEXER_H

#include "collection/collection.h"
#include "store/model_file.h"

G_BEGIN_DECLS

#define DC_THUMBNAIL_SIDE 256

/* Looks at the waiting pictures of a collection: decodes them, embeds them, writes thumbnails, on a
 * few threads; what they find is stored by the thread that calls. A bounded number of pictures is
 * under way at any time. */
typedef struct DcIndexer DcIndexer;

/* `model` (NULL: the built-in descriptor) must outlive the indexer. */
DcIndexer *dc_indexer_new(DcCollection *collection, const DcModel *model, guint threads,
                          GError **error);
void dc_indexer_free(DcIndexer *indexer); /* NULL is ignored */

gsize dc_indexer_dim(const DcIndexer *indexer);           /* numbers in an embedding */
const char *dc_indexer_encoder(const DcIndexer *indexer); /* identity of what makes them */

/* Called after each time that results were stored: sixteen pictures, fewer at the end. `looked_at`
 * pictures more are done. FALSE ends the run early, without `error` when all is well. */
typedef gboolean (*DcIndexerTick)(gsize looked_at, gpointer user_data, GError **error);

/* Until no picture waits, in random order; they are stored in that order, whatever the threads do.
 * A picture that cannot be read is noted as such; the run fails when results cannot be stored (a
 * full disk): what was stored before stays. */
gboolean dc_indexer_run(DcIndexer *indexer, DcIndexerTick tick, gpointer user_data, GError **error);

G_END_DECLS

#endif
