/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drawing.h"
#include "timeline.h"

#include <math.h>

#define NS          1000000000
#define WIDTH       1200
#define MARGIN      16
#define NAMES       170 /* of the column with the names */
#define COUNTS      90  /* of the one with the numbers */
#define ROW         30
#define HEADING     28
#define AXIS        44
#define LANES       4 /* of tracks side by side in a row */
#define MOST_ROWS   500
#define MOST_TICKS  10
#define LEAST_WIDTH 2.0 /* of a mark, so that one frame can be seen */

typedef struct {
  const DcTimeline *timeline;
  cairo_t *cairo;
  gint64 start, end;
} Picture;

static double
x_of(const Picture *picture, gint64 time)
{
  double share = (double)(time - picture->start) / (double)MAX(picture->end - picture->start, 1);
  return MARGIN + NAMES + share * (WIDTH - 2 * MARGIN - NAMES - COUNTS);
}

static void
fill(cairo_t *cairo, double x, double y, double width, double height)
{
  cairo_rectangle(cairo, x, y, width, height);
  cairo_fill(cairo);
}

static void
fill_span(const Picture *picture, const DcSpan *span, double y, double height)
{
  double x = x_of(picture, span->start);
  fill(picture->cairo, x, y, MAX(x_of(picture, span->end) - x, LEAST_WIDTH), height);
}

/* --- a row --- */

/* Puts each track into the first lane that is free; those without room share the last. */
static void
draw_tracks(const Picture *picture, const DcTimelineRow *row, double y)
{
  double free_from[LANES] = {0}, height = (ROW - 12.0) / LANES;
  for (guint i = 0; i < row->tracks->len; i++) {
    const DcSpan *span = &g_array_index(row->tracks, DcSpan, i);
    double x = x_of(picture, span->start);
    guint lane = 0;
    while (lane < LANES - 1 && free_from[lane] > x)
      lane++;
    free_from[lane] = MAX(x_of(picture, span->end), x + LEAST_WIDTH) + 1;
    fill_span(picture, span, y + 6 + lane * height, height - 1);
  }
}

/* A triangle at the top of the row, at most one for each pixel. */
static void
draw_novel(const Picture *picture, const DcTimelineRow *row, double y)
{
  double last = -1;
  dc_set_colour(picture->cairo, dc_colour_ink, 1);
  for (guint i = 0; i < row->novel->len; i++) {
    double x = floor(x_of(picture, g_array_index(row->novel, gint64, i)));
    if (x == last)
      continue;
    last = x;
    cairo_move_to(picture->cairo, x - 3, y);
    cairo_line_to(picture->cairo, x + 3, y);
    cairo_line_to(picture->cairo, x, y + 5);
    cairo_fill(picture->cairo);
  }
}

static void
draw_row(const Picture *picture, const DcTimelineRow *row, double y)
{
  DcTextStyle name = {.font = "Sans 10", .down = 0.5, .width = NAMES - 26};
  DcTextStyle count = {.font = "Sans 9", .across = 1, .down = 0.5};
  DcColour colour = dc_cluster_colour(row->colour);
  dc_set_colour(picture->cairo, colour, 1);
  fill(picture->cairo, MARGIN, y + ROW / 2.0 - 6, 12, 12);
  dc_set_colour(picture->cairo, dc_colour_ink, 1);
  dc_draw_text(picture->cairo, name, MARGIN + 18, y + ROW / 2.0, "%s", row->label);
  dc_set_colour(picture->cairo, dc_colour_soft, 1);
  dc_draw_text(picture->cairo, count, WIDTH - MARGIN, y + ROW / 2.0, "%" G_GUINT64_FORMAT,
               row->regions);
  dc_set_colour(picture->cairo, colour, 0.25);
  for (guint i = 0; i < row->presence->len; i++)
    fill_span(picture, &g_array_index(row->presence, DcSpan, i), y + 4, ROW - 8);
  dc_set_colour(picture->cairo, colour, 1);
  draw_tracks(picture, row, y);
  draw_novel(picture, row, y + 1);
}

/* --- a source --- */

/* White where there is a recording, grey where there is none. */
static void
draw_recorded(const Picture *picture, const DcTimelineSource *source, double y, double height)
{
  static const DcColour nothing = {232, 232, 232}, something = {255, 255, 255};
  double left = MARGIN + NAMES, width = WIDTH - 2 * MARGIN - NAMES - COUNTS;
  dc_set_colour(picture->cairo, nothing, 1);
  fill(picture->cairo, left, y, width, height);
  dc_set_colour(picture->cairo, something, 1);
  for (guint i = 0; i < source->recorded->len; i++)
    fill_span(picture, &g_array_index(source->recorded, DcSpan, i), y, height);
}

static void
draw_heading(const Picture *picture, const DcTimelineSource *source, double y)
{
  DcTextStyle title = {.font = "Sans Bold 10", .width = WIDTH - 2 * MARGIN - COUNTS};
  DcTextStyle right = {.font = "Sans 9", .across = 1};
  g_autofree char *name = g_path_get_basename(source->name);
  dc_set_colour(picture->cairo, dc_colour_ink, 1);
  dc_draw_text(picture->cairo, title, MARGIN, y + 8, "%s", name);
  dc_set_colour(picture->cairo, dc_colour_soft, 1);
  dc_draw_text(picture->cairo, right, WIDTH - MARGIN, y + 9, "regions");
}

/* --- the axis --- */

/* Seconds from tick to tick. */
static gint64
tick_step(const Picture *picture)
{
  static const gint64 steps[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
  gint64 seconds = (picture->end - picture->start) / NS;
  for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
    if (seconds / steps[i] <= MOST_TICKS)
      return steps[i];
  return (seconds / MOST_TICKS / 86400 + 1) * 86400;
}

static char *
tick_label(const Picture *picture, gint64 seconds, gint64 step)
{
  if (picture->timeline->is_of_day) {
    g_autoptr(GDateTime) moment = g_date_time_new_from_unix_utc(seconds);
    return g_date_time_format(moment, step >= 86400 ? "%m-%d" : step < 60 ? "%H:%M:%S" : "%H:%M");
  }
  return g_strdup_printf("%d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                         (int)(seconds % 60));
}

static void
draw_axis(const Picture *picture, double top, double y)
{
  DcTextStyle label = {.font = "Sans 9", .across = 0.5}, title = {.font = "Sans 9", .across = 1};
  gint64 step = tick_step(picture);
  gint64 first = (picture->start + step * NS - 1) / (step * NS) * step;
  for (gint64 tick = first; tick * NS <= picture->end; tick += step) {
    g_autofree char *text = tick_label(picture, tick, step);
    double x = floor(x_of(picture, tick * NS)) + 0.5;
    dc_set_colour(picture->cairo, dc_colour_line, 1);
    cairo_set_line_width(picture->cairo, 1);
    cairo_move_to(picture->cairo, x, top);
    cairo_line_to(picture->cairo, x, y + 4);
    cairo_stroke(picture->cairo);
    dc_set_colour(picture->cairo, dc_colour_soft, 1);
    dc_draw_text(picture->cairo, label, x, y + 6, "%s", text);
  }
  g_autofree char *from = dc_timeline_time(picture->timeline, picture->start);
  if (picture->timeline->is_of_day)
    dc_draw_text(picture->cairo, title, WIDTH - MARGIN, y + 24, "UTC, from %s", from);
  else
    dc_draw_text(picture->cairo, title, WIDTH - MARGIN, y + 24, "stream time, h:mm:ss");
}

/* --- the picture --- */

static guint
count_rows(const DcTimeline *timeline, guint source)
{
  guint count = 0;
  for (guint i = 0; i < timeline->rows->len; i++)
    count += ((const DcTimelineRow *)timeline->rows->pdata[i])->source == source ? 1 : 0;
  return count;
}

/* Draws the rows of a source and returns what is below them. `room` counts the rows that may still
 * be drawn. */
static double
draw_source(const Picture *picture, guint number, double y, guint *room)
{
  const DcTimeline *timeline = picture->timeline;
  const DcTimelineSource *source = timeline->sources->pdata[number];
  double below = y + HEADING + ROW * MAX(1, MIN(count_rows(timeline, number), *room));
  draw_heading(picture, source, y);
  y += HEADING;
  draw_recorded(picture, source, y, below - y);
  draw_axis(picture, y, below);
  for (guint i = 0; i<timeline->rows->len && * room> 0; i++) {
    const DcTimelineRow *row = timeline->rows->pdata[i];
    if (row->source != number)
      continue;
    draw_row(picture, row, y);
    y += ROW;
    (*room)--;
  }
  return below + AXIS;
}

static int
picture_height(const DcTimeline *timeline)
{
  guint rows = timeline->rows->len > MOST_ROWS ? MOST_ROWS + 1 : timeline->rows->len;
  for (guint i = 0; i < timeline->sources->len; i++)
    rows += count_rows(timeline, i) == 0 ? 1 : 0;
  return (int)(2 * MARGIN + rows * ROW + timeline->sources->len * (HEADING + AXIS));
}

gboolean
dc_timeline_draw(const DcTimeline *timeline, const char *path, GError **error)
{
  DcCanvas canvas;
  if (!dc_canvas_init(&canvas, WIDTH, picture_height(timeline), error))
    return FALSE;
  Picture picture = {.timeline = timeline, .cairo = canvas.cairo};
  double y = MARGIN;
  guint room = MOST_ROWS;
  if (!dc_timeline_range(timeline, &picture.start, &picture.end))
    picture.start = picture.end = 0;
  for (guint i = 0; i < timeline->sources->len; i++)
    y = draw_source(&picture, i, y, &room);
  if (timeline->rows->len > MOST_ROWS) {
    DcTextStyle note = {.font = "Sans 9"};
    dc_set_colour(canvas.cairo, dc_colour_soft, 1);
    dc_draw_text(canvas.cairo, note, MARGIN, y, "and %u clusters more",
                 timeline->rows->len - MOST_ROWS);
  }
  gboolean written = dc_canvas_write(&canvas, path, error);
  dc_canvas_clear(&canvas);
  return written;
}
