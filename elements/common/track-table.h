/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_TRACK_TABLE_H
#define DC_ELEMENTS_TRACK_TABLE_H

#include <glib.h>

G_BEGIN_DECLS

/* What is remembered of regions that are followed over frames, by their key. Of more regions than
 * the capacity the one seen longest ago is forgotten. Not thread-safe. */
typedef struct DcTrackTable DcTrackTable;

/* Remembers `size` bytes, aligned for guint64, of at most `capacity` regions; 0: of none. */
DcTrackTable *dc_track_table_new(guint capacity, gsize size);
void dc_track_table_free(DcTrackTable *table); /* NULL is ignored */

/* What is remembered of the region `key`, which is seen now; NULL when it is unknown. */
gpointer dc_track_table_see(DcTrackTable *table, guint64 key);

/* The same, but an unknown region is remembered from now on, with zeros. NULL with capacity 0. */
gpointer dc_track_table_take(DcTrackTable *table, guint64 key);

/* Calls `visit` for what is remembered of each region. */
void dc_track_table_visit(DcTrackTable *table, void (*visit)(gpointer track, gpointer user_data),
                          gpointer user_data);

void dc_track_table_clear(DcTrackTable *table);
guint dc_track_table_count(const DcTrackTable *table);

G_END_DECLS

#endif
