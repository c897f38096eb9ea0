/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* driftcluster sheet: a contact sheet of a clustered stream, one row per cluster, time to the
 * right. */
#include "command.h"
#include "drawing.h"
#include "results.h"
#include "store/png.h"

#include <stdio.h>
#include <string.h>

#define MARGIN       12
#define LABEL_WIDTH  150
#define GAP          3
#define MAX_CLUSTERS 1000

static char *option_output;
static char *option_title;
static gint option_columns = 20;
static gint option_cell = 40;
static gint option_rows = 40;

static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &option_output, "PNG file to write", "FILE"},
    {"title", 't', 0, G_OPTION_ARG_STRING, &option_title, "text above the sheet", "TEXT"},
    {"columns", 'c', 0, G_OPTION_ARG_INT, &option_columns, "pictures in a row (20)", "N"},
    {"cell", 0, 0, G_OPTION_ARG_INT, &option_cell, "pixels of a picture's longer side (40)", "N"},
    {"rows", 'r', 0, G_OPTION_ARG_INT, &option_rows, "show the N largest clusters (40)", "N"},
    G_OPTION_ENTRY_NULL,
};

static const char summary[] =
    "Draws what publish-clusters wrote about numbered pictures (PICTURES is a pattern such as\n"
    "frames/%05d.png): a row for each cluster with its label and size, its members from the start\n"
    "of the stream at the left to its end at the right. The columns divide the stream evenly; one\n"
    "in which a cluster was not seen stays empty.";

typedef struct {
  guint32 cluster;
  const char *label;
  gsize size;
} Row;

/* --- what is shown --- */

static gint
larger_first(gconstpointer a, gconstpointer b)
{
  const Row *left = a, *right = b;
  if (left->size != right->size)
    return left->size > right->size ? -1 : 1;
  return left->cluster < right->cluster ? -1 : 1;
}

/* The clusters that occur, largest first; the newest label of each. */
static GArray *
make_rows(GArray *results)
{
  GArray *rows = g_array_new(FALSE, TRUE, sizeof(Row));
  g_autoptr(GHashTable) places = g_hash_table_new(NULL, NULL);
  for (guint i = 0; i < results->len; i++) {
    const DcFrameResult *result = &g_array_index(results, DcFrameResult, i);
    if (result->cluster == DC_UNASSIGNED)
      continue;
    gpointer key = GUINT_TO_POINTER(result->cluster), place;
    if (!g_hash_table_lookup_extended(places, key, NULL, &place)) {
      place = GUINT_TO_POINTER(rows->len);
      g_hash_table_insert(places, key, place);
      g_array_append_val(rows, ((Row){result->cluster, NULL, 0}));
    }
    Row *row = &g_array_index(rows, Row, GPOINTER_TO_UINT(place));
    row->size++;
    row->label = result->label;
  }
  g_array_sort(rows, larger_first);
  return rows;
}

/* The first frame of column `column`; of that behind the last one, the end of the stream. */
static gsize
column_start(const GArray *results, guint column)
{
  return dc_results_frames(results) * column / (guint)option_columns;
}

/* The frame of `cluster` nearest to the middle of column `column`, or -1 when it has none there. */
static gssize
frame_for(const GArray *results, guint32 cluster, guint column)
{
  gsize start = column_start(results, column), end = column_start(results, column + 1);
  gssize middle = (gssize)((start + end) / 2), best = -1;
  for (guint i = dc_results_find(results, start); i < results->len; i++) {
    const DcFrameResult *result = &g_array_index(results, DcFrameResult, i);
    gssize frame = (gssize)result->frame;
    if (result->frame >= end)
      break;
    if (result->cluster == cluster && (best < 0 || ABS(frame - middle) < ABS(best - middle)))
      best = frame;
  }
  return best;
}

/* --- drawing --- */

static gboolean
draw_picture(cairo_t *cairo, const char *path, double x, double y, GError **error)
{
  DcPicture picture;
  DcError core_error;
  if (dc_png_read(path, &picture, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  cairo_surface_t *surface =
      dc_surface_from_pixels(picture.pixels, picture.width, picture.height, picture.channels);
  double scale = (double)option_cell / MAX(picture.width, picture.height);
  double width = picture.width * scale, height = picture.height * scale;
  dc_draw_surface(cairo, surface, x + (option_cell - width) / 2, y + (option_cell - height) / 2,
                  width, height);
  cairo_surface_destroy(surface);
  dc_picture_clear(&picture);
  return TRUE;
}

static double
column_x(guint column)
{
  return MARGIN + LABEL_WIDTH + column * (double)(option_cell + GAP);
}

static void
draw_heading(cairo_t *cairo, const GArray *results)
{
  dc_set_colour(cairo, dc_colour_ink, 1);
  double width = option_columns * (double)(option_cell + GAP);
  DcTextStyle title = {.font = "Sans Bold 11", .width = LABEL_WIDTH + width};
  dc_draw_text(cairo, title, MARGIN, MARGIN, "%s",
               option_title ? option_title : "Clusters of the stream");
  DcTextStyle small = {.font = "Sans 8", .width = 5.0 * option_cell};
  dc_draw_text(cairo, small, MARGIN, MARGIN + 26, "frame");
  for (guint column = 0; column < (guint)option_columns; column += 5)
    dc_draw_text(cairo, small, column_x(column), MARGIN + 26, "%zu", column_start(results, column));
}

static gboolean
draw_row(cairo_t *cairo, GArray *results, const Row *row, const char *pattern, double y,
         GError **error)
{
  DcTextStyle small = {.font = "Sans 8", .width = LABEL_WIDTH - GAP};
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, small, MARGIN, y + 4, "%s\n%zu pictures", row->label, row->size);
  for (guint column = 0; column < (guint)option_columns; column++) {
    gssize frame = frame_for(results, row->cluster, column);
    double x = column_x(column);
    cairo_set_source_rgb(cairo, 0.93, 0.93, 0.93);
    cairo_rectangle(cairo, x, y, option_cell, option_cell);
    cairo_fill(cairo);
    if (frame < 0)
      continue;
    g_auto(GStrv) around = g_strsplit(pattern, "%05d", 2);
    g_autofree char *path = g_strdup_printf("%s%05zd%s", around[0], frame, around[1]);
    if (!draw_picture(cairo, path, x, y, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
draw_sheet(const char *results_path, const char *pattern, GError **error)
{
  g_autoptr(GArray) results = dc_results_read(results_path, error);
  if (!results)
    return FALSE;
  g_autoptr(GArray) rows = make_rows(results);
  guint shown = MIN(rows->len, (guint)option_rows);
  int top = MARGIN + 44, pitch = option_cell + GAP;
  DcCanvas canvas;
  if (!dc_canvas_init(&canvas, (int)column_x((guint)option_columns) + MARGIN,
                      top + (int)MAX(shown, 1) * pitch + MARGIN, error))
    return FALSE;
  draw_heading(canvas.cairo, results);
  gboolean well = TRUE;
  for (guint i = 0; well && i < shown; i++)
    well = draw_row(canvas.cairo, results, &g_array_index(rows, Row, i), pattern,
                    top + (double)i * pitch, error);
  well = well && dc_canvas_write(&canvas, option_output, error);
  dc_canvas_clear(&canvas);
  if (well)
    printf("%u clusters; the %u largest are shown in %s\n", rows->len, shown, option_output);
  return well;
}

int
dc_command_sheet(int argc, char **argv)
{
  const char *name = argv[0];
  if (!dc_command_parse(&argc, &argv, "RESULTS.jsonl PICTURES", summary, entries))
    return DC_EXIT_USAGE;
  if (argc != 3)
    return dc_command_usage(name, "a file of JSON lines and a pattern of pictures are needed");
  if (!strstr(argv[2], "%05d"))
    return dc_command_usage(name, "the pattern \"%s\" has no %%05d for the number", argv[2]);
  if (!option_output)
    return dc_command_usage(name, "--output FILE is needed");
  if (option_columns < 1 || option_columns > 200 || option_cell < 8 || option_cell > 512 ||
      option_rows < 1 || option_rows > MAX_CLUSTERS)
    return dc_command_usage(name, "--columns must lie in 1..200, --cell in 8..512, --rows in 1..%d",
                            MAX_CLUSTERS);
  g_autoptr(GError) error = NULL;
  if (!draw_sheet(argv[1], argv[2], &error))
    return dc_command_failed(name, error);
  return DC_EXIT_OK;
}
