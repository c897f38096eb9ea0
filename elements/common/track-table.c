/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/track-table.h"

#include <string.h>

typedef struct {
  guint64 key;
  GList link;     /* in the order of sight */
  guint64 data[]; /* of the user */
} Entry;

struct DcTrackTable {
  guint capacity;
  gsize size;
  GHashTable *entries; /* key -> Entry, which it owns */
  GQueue order;        /* links of the entries, longest unseen first */
};

DcTrackTable *
dc_track_table_new(guint capacity, gsize size)
{
  DcTrackTable *table = g_new0(DcTrackTable, 1);
  table->capacity = capacity;
  table->size = size;
  table->entries = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
  g_queue_init(&table->order);
  return table;
}

void
dc_track_table_free(DcTrackTable *table)
{
  if (!table)
    return;
  g_hash_table_unref(table->entries);
  g_free(table);
}

static Entry *
see_entry(DcTrackTable *table, guint64 key)
{
  Entry *entry = g_hash_table_lookup(table->entries, &key);
  if (entry) {
    g_queue_unlink(&table->order, &entry->link);
    g_queue_push_tail_link(&table->order, &entry->link);
  }
  return entry;
}

/* An entry to be filled: that of the region seen longest ago when there is no room for another. */
static Entry *
renew_entry(DcTrackTable *table, guint64 key)
{
  Entry *entry;
  if (g_queue_get_length(&table->order) < table->capacity) {
    entry = g_malloc(sizeof *entry + table->size);
  } else {
    GList *oldest = g_queue_pop_head_link(&table->order);
    entry = oldest->data;
    g_hash_table_steal(table->entries, &entry->key);
  }
  memset(entry, 0, sizeof *entry + table->size);
  entry->key = key;
  entry->link.data = entry;
  g_hash_table_insert(table->entries, &entry->key, entry);
  g_queue_push_tail_link(&table->order, &entry->link);
  return entry;
}

gpointer
dc_track_table_see(DcTrackTable *table, guint64 key)
{
  Entry *entry = see_entry(table, key);
  return entry ? entry->data : NULL;
}

gpointer
dc_track_table_take(DcTrackTable *table, guint64 key)
{
  if (table->capacity == 0)
    return NULL;
  Entry *entry = see_entry(table, key);
  return entry ? entry->data : renew_entry(table, key)->data;
}

void
dc_track_table_visit(DcTrackTable *table, void (*visit)(gpointer track, gpointer user_data),
                     gpointer user_data)
{
  for (GList *link = table->order.head; link; link = link->next)
    visit(((Entry *)link->data)->data, user_data);
}

void
dc_track_table_clear(DcTrackTable *table)
{
  g_queue_init(&table->order);
  g_hash_table_remove_all(table->entries);
}

guint
dc_track_table_count(const DcTrackTable *table)
{
  return g_queue_get_length((GQueue *)&table->order);
}
