/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cluster-roster.h"

#include "common/palette.h"
#include "common/result.h"

struct DcRoster {
  GPtrArray *entries; /* DcRosterEntry, by index */
  GstClockTime now;
};

static void
entry_free(gpointer data)
{
  DcRosterEntry *entry = data;

  g_free(entry->uuid);
  g_free(entry->label);
  g_free(entry);
}

DcRoster *
dc_roster_new(void)
{
  DcRoster *roster = g_new0(DcRoster, 1);

  roster->entries = g_ptr_array_new_with_free_func(entry_free);
  roster->now = GST_CLOCK_TIME_NONE;
  return roster;
}

void
dc_roster_free(DcRoster *roster)
{
  if (!roster)
    return;
  g_ptr_array_unref(roster->entries);
  g_free(roster);
}

/* How long ago `entry` was seen; 0 where times are missing. */
static GstClockTime
age(const DcRoster *roster, const DcRosterEntry *entry)
{
  if (!GST_CLOCK_TIME_IS_VALID(roster->now) || !GST_CLOCK_TIME_IS_VALID(entry->last_seen))
    return 0;
  return (GstClockTime)ABS(GST_CLOCK_DIFF(entry->last_seen, roster->now));
}

void
dc_roster_begin(DcRoster *roster, GstClockTime now, GstClockTime patience)
{
  roster->now = now;
  for (guint i = roster->entries->len; i-- > 0;) {
    DcRosterEntry *entry = g_ptr_array_index(roster->entries, i);

    entry->count = 0;
    if (age(roster, entry) > patience)
      g_ptr_array_remove_index(roster->entries, i);
  }
}

static DcRosterEntry *
find(const DcRoster *roster, const DriftclusterResult *result)
{
  for (guint i = 0; i < roster->entries->len; i++) {
    DcRosterEntry *entry = g_ptr_array_index(roster->entries, i);

    if (result->uuid ? g_strcmp0(entry->uuid, result->uuid) == 0
                     : !entry->uuid && entry->index == result->cluster)
      return entry;
  }
  return NULL;
}

static gboolean
is_taken(const DcRoster *roster, guint colour)
{
  for (guint i = 0; i < roster->entries->len; i++)
    if (((const DcRosterEntry *)g_ptr_array_index(roster->entries, i))->colour == colour)
      return TRUE;
  return FALSE;
}

/* The colour of the cluster's index, so that a restart brings the same picture; the next free one
 * when another cluster has it already, which had the index before. */
static guint
choose_colour(const DcRoster *roster, gint index)
{
  guint wish = (guint)index % DC_PALETTE_SIZE;

  for (guint i = 0; i < DC_PALETTE_SIZE; i++)
    if (!is_taken(roster, (wish + i) % DC_PALETTE_SIZE))
      return (wish + i) % DC_PALETTE_SIZE;
  return wish;
}

static void
remove_oldest(DcRoster *roster)
{
  guint oldest = 0;

  for (guint i = 1; i < roster->entries->len; i++)
    if (age(roster, g_ptr_array_index(roster->entries, i)) >
        age(roster, g_ptr_array_index(roster->entries, oldest)))
      oldest = i;
  g_ptr_array_remove_index(roster->entries, oldest);
}

static gint
by_index(gconstpointer a, gconstpointer b)
{
  const DcRosterEntry *first = *(const DcRosterEntry *const *)a;
  const DcRosterEntry *second = *(const DcRosterEntry *const *)b;

  return (first->index > second->index) - (first->index < second->index);
}

static DcRosterEntry *
add(DcRoster *roster, const DriftclusterResult *result)
{
  DcRosterEntry *entry = g_new0(DcRosterEntry, 1);

  if (roster->entries->len == DC_ROSTER_MAX)
    remove_oldest(roster);
  entry->uuid = g_strdup(result->uuid);
  entry->index = result->cluster;
  entry->colour = choose_colour(roster, result->cluster);
  g_ptr_array_add(roster->entries, entry);
  g_ptr_array_sort(roster->entries, by_index);
  return entry;
}

static void
set_label(DcRosterEntry *entry, const DriftclusterResult *result)
{
  gchar made[DC_RESULT_LABEL_SIZE];
  const gchar *label = dc_result_label(result, made);

  if (g_strcmp0(entry->label, label) == 0)
    return;
  g_free(entry->label);
  entry->label = g_strdup(label);
}

const DcRosterEntry *
dc_roster_count(DcRoster *roster, const DriftclusterResult *result)
{
  DcRosterEntry *entry = find(roster, result);

  if (!entry)
    entry = add(roster, result);
  if (entry->index != result->cluster) {
    entry->index = result->cluster;
    g_ptr_array_sort(roster->entries, by_index);
  }
  set_label(entry, result);
  entry->count++;
  entry->last_seen = roster->now;
  return entry;
}

guint
dc_roster_size(const DcRoster *roster)
{
  return roster->entries->len;
}

const DcRosterEntry *
dc_roster_get(const DcRoster *roster, guint place)
{
  return g_ptr_array_index(roster->entries, place);
}
