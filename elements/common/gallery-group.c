/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/gallery-group.h"

#include "common/result.h"

#include <math.h>

#define WIDEST_SPAN 63 /* all positions are in one or two spans of that */

/* Anybody may write a results meta: what is no uuid in its usual form is not used as a name. */
static gchar *
folder_for(const DriftclusterResult *result)
{
  if (!result->uuid)
    return g_strdup_printf("cluster-%d", result->cluster);
  if (g_uuid_string_is_valid(result->uuid))
    return g_ascii_strdown(result->uuid, -1);
  return g_compute_checksum_for_string(G_CHECKSUM_SHA256, result->uuid, -1);
}

DcGalleryGroup *
dc_gallery_group_new(const DriftclusterResult *result, guint colour)
{
  DcGalleryGroup *group = g_new0(DcGalleryGroup, 1);
  gchar made[DC_RESULT_LABEL_SIZE];

  group->uuid = g_strdup(result->uuid);
  group->folder = folder_for(result);
  group->label = g_strdup(dc_result_label(result, made));
  group->index = result->cluster;
  group->colour = colour;
  group->first = group->last = GST_CLOCK_TIME_NONE;
  group->exemplars = g_array_new(FALSE, FALSE, sizeof(DcExemplar));
  return group;
}

void
dc_gallery_group_free(DcGalleryGroup *group)
{
  if (!group)
    return;
  g_free(group->uuid);
  g_free(group->folder);
  g_free(group->label);
  g_free(group->given);
  g_free(group->family);
  g_array_unref(group->exemplars);
  g_free(group);
}

gboolean
dc_gallery_group_is_of(const DcGalleryGroup *group, const DriftclusterResult *result)
{
  return result->uuid ? g_strcmp0(group->uuid, result->uuid) == 0
                      : !group->uuid && group->index == result->cluster;
}

/* --- Counting --- */

static void
replace(gchar **text, const gchar *newer)
{
  if (g_strcmp0(*text, newer) == 0)
    return;
  g_free(*text);
  *text = g_strdup(newer);
}

static void
note_time(DcGalleryGroup *group, GstClockTime time)
{
  if (!GST_CLOCK_TIME_IS_VALID(time))
    return;
  if (!GST_CLOCK_TIME_IS_VALID(group->first) || time < group->first)
    group->first = time;
  if (!GST_CLOCK_TIME_IS_VALID(group->last) || time > group->last)
    group->last = time;
}

void
dc_gallery_group_count(DcGalleryGroup *group, const DcSighting *sighting)
{
  const DriftclusterResult *result = sighting->result;
  gchar made[DC_RESULT_LABEL_SIZE];

  replace(&group->label, dc_result_label(result, made));
  replace(&group->family, result->group);
  group->index = result->cluster;
  group->state = DC_GROUP_PRESENT;
  group->seen = sighting->position;
  note_time(group, sighting->time);
  if (result->stale)
    return;
  group->count++;
  group->novel += result->novel ? 1 : 0;
  group->sure += CLAMP(result->confidence, 0.0, 1.0);
}

/* --- Choosing --- */

DcExemplar
dc_exemplar(const DcSighting *sighting)
{
  const DriftclusterResult *result = sighting->result;

  return (DcExemplar){.position = sighting->position,
                      .time = sighting->time,
                      .percent = (gint)lrint(100 * CLAMP(result->confidence, 0.0, 1.0)),
                      .distance = result->distance,
                      .novel = result->novel};
}

static gboolean
is_better(const DcExemplar *one, const DcExemplar *other)
{
  if (one->novel != other->novel)
    return !one->novel;
  if (one->percent != other->percent)
    return one->percent > other->percent;
  if (one->distance != other->distance)
    return one->distance < other->distance;
  return one->position < other->position;
}

static DcExemplar *
exemplar_at(const DcGalleryGroup *group, guint place)
{
  return &g_array_index(group->exemplars, DcExemplar, place);
}

static gboolean
shares_span(const DcExemplar *one, const DcExemplar *other, guint span)
{
  return one->position >> span == other->position >> span;
}

/* Where in the order of positions `exemplar` comes. */
static guint
place_of(const DcGalleryGroup *group, const DcExemplar *exemplar)
{
  guint place = 0;

  while (place < group->exemplars->len && exemplar_at(group, place)->position <= exemplar->position)
    place++;
  return place;
}

/* How many spans of 2^span positions hold something once `exemplar` is there. */
static guint
count_spans(const DcGalleryGroup *group, const DcExemplar *exemplar, guint span)
{
  guint count = 1;
  gboolean alone = TRUE;

  for (guint i = 0; i < group->exemplars->len; i++) {
    const DcExemplar *here = exemplar_at(group, i);

    count += i == 0 || !shares_span(here, exemplar_at(group, i - 1), span) ? 1 : 0;
    alone &= !shares_span(here, exemplar, span);
  }
  return alone ? count : count - 1;
}

/* The span at which no more than `most` are kept, `exemplar` included. */
static guint
span_for(const DcGalleryGroup *group, const DcExemplar *exemplar, guint most)
{
  guint span = group->span;

  while (span < WIDEST_SPAN && count_spans(group, exemplar, span) > most)
    span++;
  return span;
}

gboolean
dc_gallery_group_wants(const DcGalleryGroup *group, const DcExemplar *exemplar, guint most)
{
  guint span = span_for(group, exemplar, most);

  if (count_spans(group, exemplar, span) > most)
    return FALSE;
  for (guint i = 0; i < group->exemplars->len; i++)
    if (shares_span(exemplar_at(group, i), exemplar, span) &&
        !is_better(exemplar, exemplar_at(group, i)))
      return FALSE;
  return TRUE;
}

/* Leaves the best of each span. */
static void
thin_out(DcGalleryGroup *group, DcExemplarGone gone, gpointer user_data)
{
  for (guint i = 1; i < group->exemplars->len;) {
    const DcExemplar *before = exemplar_at(group, i - 1), *here = exemplar_at(group, i);
    guint worse = is_better(here, before) ? i - 1 : i;

    if (!shares_span(before, here, group->span)) {
      i++;
      continue;
    }
    gone(group, exemplar_at(group, worse), user_data);
    g_array_remove_index(group->exemplars, worse);
  }
}

void
dc_gallery_group_admit(DcGalleryGroup *group, const DcExemplar *exemplar, guint most,
                       DcExemplarGone gone, gpointer user_data)
{
  group->span = span_for(group, exemplar, most);
  g_array_insert_vals(group->exemplars, place_of(group, exemplar), exemplar, 1);
  thin_out(group, gone, user_data);
}
