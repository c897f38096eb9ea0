/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_TIMELINE_H
#define DC_TOOLS_TIMELINE_H

#include <glib.h>

G_BEGIN_DECLS

/* Which cluster was seen when: what the lines of publish-clusters tell, without the frames. Its
 * size grows with what comes and goes, not with the number of lines. Times are in ns. */

typedef struct {
  gint64 start, end; /* of the first and of the last frame */
  guint64 track;     /* of a span of a track */
  guint64 regions;
  guint64 novel;  /* of the regions */
  guint64 tracks; /* different ones, in the span of a cluster */
} DcSpan;

/* A cluster in one source. */
typedef struct {
  guint source;
  guint cluster; /* its index when it was first seen */
  char *uuid;    /* or "" */
  char *label;   /* the newest */
  guint colour;
  guint64 regions;
  GArray *presence; /* of DcSpan: where any region of it was seen, but for gaps */
  GArray *tracks;   /* of DcSpan: the same for each track; 0: regions without one */
  GArray *novel;    /* of gint64: when a region of it was novel */
  GHashTable *open; /* track -> index + 1 of its newest span */
} DcTimelineRow;

/* A file of lines: one camera. */
typedef struct {
  char *name;
  guint64 lines, damaged, timeless;
  guint64 jumps;    /* back in time */
  GArray *recorded; /* of DcSpan: where there are lines at all */
} DcTimelineSource;

typedef struct {
  gint64 gap;         /* what was not seen for longer begins anew */
  gboolean is_of_day; /* times are ns since 1970, else stream time */
  GPtrArray *sources, *rows;
} DcTimeline;

DcTimeline *dc_timeline_new(gint64 gap, gboolean is_of_day);
void dc_timeline_free(DcTimeline *timeline); /* NULL is ignored */

/* What a line tells of a region. */
typedef struct {
  guint cluster;            /* its index */
  const char *uuid, *label; /* or "" */
  guint64 track;            /* 0: none */
  gboolean novel;
} DcSighting;

DcTimelineSource *dc_timeline_begin(DcTimeline *timeline, const char *name);

/* Notes a frame of the newest source, and a region on it. */
void dc_timeline_frame(DcTimeline *timeline, gint64 time);
void dc_timeline_see(DcTimeline *timeline, gint64 time, const DcSighting *sighting);

/* Brings the rows of each source into the order of their clusters; call it after the last line. */
void dc_timeline_sort(DcTimeline *timeline);

/* The first and the last time of all sources; FALSE when there is none. */
gboolean dc_timeline_range(const DcTimeline *timeline, gint64 *start, gint64 *end);

/* Reads the lines of a file, "-" for the standard input, into a source of its own, one at a time. A
 * line that was cut is counted as damaged, one without time as timeless. Fails when the file cannot
 * be read or is none of publish-clusters. */
gboolean dc_timeline_read(DcTimeline *timeline, const char *path, GError **error);

/* Whether the first line of the file tells the time of day. Fails like dc_timeline_read(). */
gboolean dc_timeline_probe(const char *path, gboolean *is_of_day, GError **error);

/* Writes the picture, and the presence of each cluster as comma-separated values. */
gboolean dc_timeline_draw(const DcTimeline *timeline, const char *path, GError **error);
gboolean dc_timeline_write_csv(const DcTimeline *timeline, const char *path, GError **error);

/* A time as people write it: "90.500" or "2026-03-01T12:00:00.500Z". Free with g_free(). */
char *dc_timeline_time(const DcTimeline *timeline, gint64 time);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcTimeline, dc_timeline_free)

G_END_DECLS

#endif
