/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_COLLECTION_H
#define DC_TOOLS_COLLECTION_COLLECTION_H

#include "collection/database.h"
#include "collection/scan.h"

#include <glib.h>

G_BEGIN_DECLS

/* A folder of pictures, and OUTPUT, the folder that holds what was found out about it:
 * collection.sqlite (docs/collections.md describes the tables), thumbnails, and the page. One
 * thread. */
typedef struct {
  char *folder; /* absolute */
  char *output; /* absolute */
  DcDatabase *database;
  int lock; /* descriptor of OUTPUT/lock while this process is the one that indexes; else -1 */
} DcCollection;

/* What is known of a picture file. */
enum {
  DC_PICTURE_WAITING = 0,   /* seen, not looked at */
  DC_PICTURE_EMBEDDED = 1,  /* has a row in `embeddings` and a thumbnail */
  DC_PICTURE_UNREADABLE = 2 /* `complaint` says why */
};

/* Opens OUTPUT, which is made when it is not there, for indexing `folder`. Fails when another
 * process does that, when OUTPUT cannot be written to, is of another folder, or holds other files.
 */
DcCollection *dc_collection_create(const char *folder, const char *output, GError **error);

/* Opens what is there, for reading and edits, beside a process that indexes. */
DcCollection *dc_collection_open(const char *output, GError **error);
void dc_collection_close(DcCollection *collection); /* NULL is ignored */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcCollection, dc_collection_close)

/* Whether some process is indexing. */
gboolean dc_collection_is_attended(DcCollection *collection);

/* Numbers and texts about the whole; a text is to be freed, NULL when there is none. */
gint64 dc_collection_number(DcCollection *collection, const char *key);
void dc_collection_set_number(DcCollection *collection, const char *key, gint64 value);
char *dc_collection_text(DcCollection *collection, const char *key);
void dc_collection_set_text(DcCollection *collection, const char *key, const char *value);

/* Changes whenever another process has written. */
gint64 dc_collection_foreign_changes(DcCollection *collection);

/* Takes the files below `below` ("": all) into account: new and changed ones wait from now on,
 * those that are gone leave. `visitor` (NULL: none) hears of folders. FALSE, with nothing changed,
 * when `folder` cannot be read, or is empty where many pictures were. */
gboolean dc_collection_rescan(DcCollection *collection, const char *below,
                              const DcScanVisitor *visitor, gpointer user_data, GError **error);

/* Everything below `below` is gone. */
gboolean dc_collection_forget_below(DcCollection *collection, const char *below, GError **error);

/* The same as a rescan for one file, which may be gone. TRUE in `*changed` when that made a
 * difference. */
gboolean dc_collection_look_at(DcCollection *collection, const char *path, gboolean *changed,
                               GError **error);

/* The name of a thumbnail below OUTPUT, "thumbs/7/7012.jpg"; pictures of one thousand share a
 * folder. */
char *dc_collection_thumbnail(gint64 id);

/* How many pictures are in a state. */
gint64 dc_collection_count(DcCollection *collection, int state);

G_END_DECLS

#endif
