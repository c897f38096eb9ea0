/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_STATE_STORE_H
#define DC_ELEMENTS_STATE_STORE_H

#include "common/cluster-keeper.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* Keeps the clusters of an element in a file: read at the start, written at times, at the end and
 * on command, always off the caller's thread. Warns on behalf of the element. Any thread may call.
 */
typedef struct DcStateStore DcStateStore;

/* Told, on any thread and without locks, that the state at `path` was "state-saved", "state-loaded"
 * or "state-rejected", the last with a reason. */
typedef void (*DcStateNews)(const gchar *kind, const gchar *path, const gchar *reason,
                            gpointer user_data);

/* `element` and `keeper` outlive the store. */
DcStateStore *dc_state_store_new(GstElement *element, DcClusterKeeper *keeper, DcStateNews news,
                                 gpointer user_data);
void dc_state_store_free(DcStateStore *store); /* NULL is ignored */

/* Continues from the file at `path` (NULL: the store only obeys commands); see dc_state_recover().
 * Warns if it cannot be written. */
DcStatus dc_state_store_open(DcStateStore *store, const gchar *path, DcError *error);

/* Forgets the path. */
void dc_state_store_close(DcStateStore *store);

/* Has what is new saved if stream time is `interval` away from that of the last time (0: never), in
 * either direction. One thread at a time. */
void dc_state_store_save_when_due(DcStateStore *store, GstClockTime interval, GstClockTime now);

/* Saves what is new and returns when it is written. A file whose clusters were forgotten by a
 * reset, with nothing to save in their place, is set aside as .previous. */
void dc_state_store_finish(DcStateStore *store);

/* Commands: save to `path` (NULL: the path of the store), load from `path`. */
DcStatus dc_state_store_save_as(DcStateStore *store, const gchar *path, DcError *error);
DcStatus dc_state_store_load(DcStateStore *store, const gchar *path, DcError *error);

/* A state that waited for embeddings was refused by them, or taken. */
void dc_state_store_tell_outcome(DcStateStore *store, const DcError *error);

/* Since the store was opened. */
typedef struct {
  guint64 saves;
  guint64 failed_saves;
} DcStateStoreStats;

DcStateStoreStats dc_state_store_stats(DcStateStore *store);

G_END_DECLS

#endif
