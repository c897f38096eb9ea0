/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "timeline.h"

#include "command.h"
#include "common/palette.h"

#include <string.h>

#define NS 1000000000

static void
free_row(gpointer data)
{
  DcTimelineRow *row = data;
  g_free(row->uuid);
  g_free(row->label);
  g_array_unref(row->presence);
  g_array_unref(row->tracks);
  g_array_unref(row->novel);
  g_hash_table_unref(row->open);
  g_free(row);
}

static void
free_source(gpointer data)
{
  DcTimelineSource *source = data;
  g_free(source->name);
  g_array_unref(source->recorded);
  g_free(source);
}

DcTimeline *
dc_timeline_new(gint64 gap, gboolean is_of_day)
{
  DcTimeline *timeline = g_new0(DcTimeline, 1);
  timeline->gap = gap;
  timeline->is_of_day = is_of_day;
  timeline->sources = g_ptr_array_new_with_free_func(free_source);
  timeline->rows = g_ptr_array_new_with_free_func(free_row);
  return timeline;
}

void
dc_timeline_free(DcTimeline *timeline)
{
  if (!timeline)
    return;
  g_ptr_array_unref(timeline->sources);
  g_ptr_array_unref(timeline->rows);
  g_free(timeline);
}

DcTimelineSource *
dc_timeline_begin(DcTimeline *timeline, const char *name)
{
  DcTimelineSource *source = g_new0(DcTimelineSource, 1);
  source->name = g_strdup(name);
  source->recorded = g_array_new(FALSE, FALSE, sizeof(DcSpan));
  g_ptr_array_add(timeline->sources, source);
  return source;
}

/* --- colours --- */

static gboolean
is_same_cluster(const DcTimelineRow *row, const DcSighting *sighting)
{
  return *row->uuid ? strcmp(row->uuid, sighting->uuid) == 0
                    : !*sighting->uuid && strcmp(row->label, sighting->label) == 0;
}

static gboolean
is_taken(const DcTimeline *timeline, guint colour)
{
  for (guint i = 0; i < timeline->rows->len; i++)
    if (((const DcTimelineRow *)timeline->rows->pdata[i])->colour == colour)
      return TRUE;
  return FALSE;
}

/* That of the cluster in another source, else that of its index as draw-clusters has it, else the
 * next one that is free. */
static guint
choose_colour(const DcTimeline *timeline, const DcSighting *sighting)
{
  for (guint i = 0; i < timeline->rows->len; i++) {
    const DcTimelineRow *row = timeline->rows->pdata[i];
    if (is_same_cluster(row, sighting))
      return row->colour;
  }
  guint colour = sighting->cluster % DC_PALETTE_SIZE;
  for (guint step = 0; step < DC_PALETTE_SIZE; step++)
    if (!is_taken(timeline, (colour + step) % DC_PALETTE_SIZE))
      return (colour + step) % DC_PALETTE_SIZE;
  return colour;
}

/* --- spans --- */

/* The span that goes on at `time`; a new one at the end when `newest` (NULL: none) is too long ago,
 * or ahead. */
static DcSpan *
extend(GArray *spans, DcSpan *newest, gint64 time, gint64 gap)
{
  if (newest && time >= newest->end && time - newest->end <= gap) {
    newest->end = time;
    return newest;
  }
  DcSpan fresh = {.start = time, .end = time};
  g_array_append_val(spans, fresh);
  return &g_array_index(spans, DcSpan, spans->len - 1);
}

static DcSpan *
last_of(GArray *spans)
{
  return spans->len ? &g_array_index(spans, DcSpan, spans->len - 1) : NULL;
}

static DcTimelineRow *
find_row(DcTimeline *timeline, const DcSighting *sighting)
{
  guint source = timeline->sources->len - 1;
  for (guint i = 0; i < timeline->rows->len; i++) {
    DcTimelineRow *row = timeline->rows->pdata[i];
    if (row->source == source && is_same_cluster(row, sighting))
      return row;
  }
  DcTimelineRow *row = g_new0(DcTimelineRow, 1);
  row->colour = choose_colour(timeline, sighting);
  row->source = source;
  row->cluster = sighting->cluster;
  row->uuid = g_strdup(sighting->uuid);
  row->label = g_strdup(sighting->label);
  row->presence = g_array_new(FALSE, FALSE, sizeof(DcSpan));
  row->tracks = g_array_new(FALSE, FALSE, sizeof(DcSpan));
  row->novel = g_array_new(FALSE, FALSE, sizeof(gint64));
  row->open = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
  g_ptr_array_add(timeline->rows, row);
  return row;
}

/* Extends the span of a track; TRUE when it began with the present presence of its cluster or
 * later, at this sighting. */
static gboolean
see_track(const DcTimeline *timeline, DcTimelineRow *row, const DcSpan *presence, gint64 time,
          guint64 track)
{
  guint index = GPOINTER_TO_UINT(g_hash_table_lookup(row->open, &track));
  DcSpan *newest = index ? &g_array_index(row->tracks, DcSpan, index - 1) : NULL;
  gboolean counted = newest && newest->end >= presence->start && newest->start <= time;
  guint before = row->tracks->len;
  DcSpan *span = extend(row->tracks, newest, time, timeline->gap);
  span->track = track;
  span->regions++;
  if (row->tracks->len > before)
    g_hash_table_insert(row->open, g_memdup2(&track, sizeof track),
                        GUINT_TO_POINTER(row->tracks->len));
  return track != 0 && !counted;
}

void
dc_timeline_frame(DcTimeline *timeline, gint64 time)
{
  DcTimelineSource *source = timeline->sources->pdata[timeline->sources->len - 1];
  DcSpan *newest = last_of(source->recorded);
  source->jumps += newest && time < newest->end ? 1 : 0;
  extend(source->recorded, newest, time, timeline->gap);
}

void
dc_timeline_see(DcTimeline *timeline, gint64 time, const DcSighting *sighting)
{
  DcTimelineRow *row = find_row(timeline, sighting);
  if (strcmp(row->label, sighting->label) != 0) {
    g_free(row->label);
    row->label = g_strdup(sighting->label);
  }
  DcSpan *presence = extend(row->presence, last_of(row->presence), time, timeline->gap);
  presence->tracks += see_track(timeline, row, presence, time, sighting->track) ? 1 : 0;
  presence->regions++;
  row->regions++;
  if (!sighting->novel)
    return;
  presence->novel++;
  if (!row->novel->len || g_array_index(row->novel, gint64, row->novel->len - 1) != time)
    g_array_append_val(row->novel, time);
}

static gint64
first_seen(const DcTimelineRow *row)
{
  return g_array_index(row->presence, DcSpan, 0).start;
}

static int
compare_rows(gconstpointer a, gconstpointer b)
{
  const DcTimelineRow *one = *(DcTimelineRow *const *)a, *other = *(DcTimelineRow *const *)b;
  if (one->source != other->source)
    return one->source < other->source ? -1 : 1;
  if (one->cluster != other->cluster)
    return one->cluster < other->cluster ? -1 : 1;
  return (first_seen(one) > first_seen(other)) - (first_seen(one) < first_seen(other));
}

void
dc_timeline_sort(DcTimeline *timeline)
{
  g_ptr_array_sort(timeline->rows, compare_rows);
}

gboolean
dc_timeline_range(const DcTimeline *timeline, gint64 *start, gint64 *end)
{
  *start = G_MAXINT64;
  *end = G_MININT64;
  for (guint i = 0; i < timeline->sources->len; i++) {
    const DcTimelineSource *source = timeline->sources->pdata[i];
    for (guint j = 0; j < source->recorded->len; j++) {
      const DcSpan *span = &g_array_index(source->recorded, DcSpan, j);
      *start = MIN(*start, span->start);
      *end = MAX(*end, span->end);
    }
  }
  return *start <= *end;
}

/* --- text --- */

char *
dc_timeline_time(const DcTimeline *timeline, gint64 time)
{
  gint64 seconds = time / NS, milliseconds = time % NS / 1000000;
  if (!timeline->is_of_day)
    return g_strdup_printf("%" G_GINT64_FORMAT ".%03d", seconds, (int)milliseconds);
  g_autoptr(GDateTime) moment = g_date_time_new_from_unix_utc(seconds);
  g_autofree char *text = moment ? g_date_time_format(moment, "%Y-%m-%dT%H:%M:%S") : g_strdup("?");
  return g_strdup_printf("%s.%03dZ", text, (int)milliseconds);
}

/* Quoted as RFC 4180 wants it. */
static void
append_field(GString *text, const char *field)
{
  gboolean quoted = strpbrk(field, ",\"\r\n") != NULL;
  if (quoted)
    g_string_append_c(text, '"');
  for (; *field; field++) {
    if (*field == '"')
      g_string_append_c(text, '"');
    g_string_append_c(text, *field);
  }
  if (quoted)
    g_string_append_c(text, '"');
}

gboolean
dc_timeline_write_csv(const DcTimeline *timeline, const char *path, GError **error)
{
  g_autoptr(GString) text = g_string_new("cluster,uuid,start,end,regions,tracks,novel,source\r\n");
  for (guint i = 0; i < timeline->rows->len; i++) {
    const DcTimelineRow *row = timeline->rows->pdata[i];
    const DcTimelineSource *source = timeline->sources->pdata[row->source];
    for (guint j = 0; j < row->presence->len; j++) {
      const DcSpan *span = &g_array_index(row->presence, DcSpan, j);
      g_autofree char *start = dc_timeline_time(timeline, span->start);
      g_autofree char *end = dc_timeline_time(timeline, span->end);
      append_field(text, row->label);
      g_string_append_c(text, ',');
      append_field(text, row->uuid);
      g_string_append_printf(text,
                             ",%s,%s,%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT
                             ",",
                             start, end, span->regions, span->tracks, span->novel);
      append_field(text, source->name);
      g_string_append(text, "\r\n");
    }
  }
  return g_file_set_contents(path, text->str, (gssize)text->len, error);
}
