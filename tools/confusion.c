/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "confusion.h"

#include "cluster/matching.h"
#include "command.h"
#include "drawing.h"
#include "eval/contingency.h"

#include <math.h>

#define MARGIN      16
#define HEADING     108 /* title, note and the numbers of the classes */
#define LABEL_WIDTH 130
#define CELL_HEIGHT 26
#define LEAST_WIDTH 380 /* of the picture: its title needs it */

/* What is shown of the table: the rows and columns, in order. */
typedef struct {
  const DcContingency *table;
  const guint32 *match;   /* a column for each row of the table, or DC_UNMATCHED */
  GArray *rows, *columns; /* of gsize, into the table */
  gsize matched;          /* the first rows, which have a class that is shown */
  double cell;            /* its width */
} Shown;

static gint
larger_first(gconstpointer a, gconstpointer b, gpointer user_data)
{
  gsize left = *(const gsize *)a, right = *(const gsize *)b;
  const double *sizes = user_data;
  if (sizes[left] != sizes[right])
    return sizes[left] > sizes[right] ? -1 : 1;
  return left < right ? -1 : left > right;
}

static gint
smaller_index_first(gconstpointer a, gconstpointer b)
{
  gsize left = *(const gsize *)a, right = *(const gsize *)b;
  return left < right ? -1 : left > right;
}

static GArray *
all_by_size(const double *sizes, gsize count)
{
  GArray *order = g_array_new(FALSE, FALSE, sizeof(gsize));
  for (gsize i = 0; i < count; i++)
    g_array_append_val(order, i);
  g_array_sort_with_data(order, larger_first, (gpointer)sizes);
  return order;
}

/* The row that is matched to column `column`, or the number of rows. */
static gsize
row_matched_to(const Shown *shown, gsize column)
{
  gsize row = 0;
  while (row < shown->table->clusters && shown->match[row] != column)
    row++;
  return row;
}

static void
choose_columns(Shown *shown)
{
  shown->columns = all_by_size(shown->table->class_sizes, shown->table->classes);
  g_array_set_size(shown->columns, MIN(shown->columns->len, DC_CONFUSION_MOST_COLUMNS));
  g_array_sort(shown->columns, smaller_index_first);
}

static void
choose_rows(Shown *shown)
{
  const DcContingency *table = shown->table;
  shown->rows = g_array_new(FALSE, FALSE, sizeof(gsize));
  g_autofree gboolean *taken = g_new0(gboolean, table->clusters);
  for (guint i = 0; i < shown->columns->len; i++) {
    gsize row = row_matched_to(shown, g_array_index(shown->columns, gsize, i));
    if (row == table->clusters)
      continue;
    g_array_append_val(shown->rows, row);
    taken[row] = TRUE;
  }
  shown->matched = shown->rows->len;
  g_autoptr(GArray) rest = all_by_size(table->cluster_sizes, table->clusters);
  for (guint i = 0; i < rest->len && shown->rows->len < DC_CONFUSION_MOST_ROWS; i++) {
    gsize row = g_array_index(rest, gsize, i);
    if (!taken[row])
      g_array_append_val(shown->rows, row);
  }
}

/* Wide enough for the largest number of the table. */
static double
cell_width(const DcContingency *table)
{
  double most = 0;
  for (gsize i = 0; i < table->clusters * table->classes; i++)
    most = MAX(most, table->cells[i]);
  for (gsize j = 0; j < table->classes; j++)
    most = MAX(most, table->class_numbers[j]);
  return 18 + 7 * MAX(floor(log10(MAX(most, 1))) + 1, 2);
}

/* ---- drawing ---- */

/* From white to the blue of the palette. */
static DcColour
shade(double share)
{
  DcColour full = dc_palette_colour(4);
  return (DcColour){(guint8)lrint(255 - share * (255 - full.red)),
                    (guint8)lrint(255 - share * (255 - full.green)),
                    (guint8)lrint(255 - share * (255 - full.blue))};
}

static void
draw_cell(const Shown *shown, cairo_t *cairo, gsize row, gsize column, double x, double y)
{
  const DcContingency *table = shown->table;
  double count = table->cells[row * table->classes + column];
  DcColour colour = shade(count / table->cluster_sizes[row]);
  cairo_rectangle(cairo, x, y, shown->cell, CELL_HEIGHT);
  dc_set_colour(cairo, colour, 1);
  cairo_fill(cairo);
  if (count > 0) {
    dc_set_colour(cairo, dc_colour_for_text(colour), 1);
    dc_draw_text(cairo, (DcTextStyle){.font = "Sans 8", .across = 0.5, .down = 0.5},
                 x + shown->cell / 2, y + CELL_HEIGHT / 2.0, "%.0f", count);
  }
  if (shown->match[row] == column) {
    cairo_rectangle(cairo, x + 1, y + 1, shown->cell - 2, CELL_HEIGHT - 2);
    cairo_set_line_width(cairo, 2);
    dc_set_colour(cairo, dc_colour_ink, 1);
    cairo_stroke(cairo);
  }
}

static void
draw_row(const Shown *shown, cairo_t *cairo, guint i, double y)
{
  gsize row = g_array_index(shown->rows, gsize, i);
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, (DcTextStyle){.font = "Sans 9", .across = 1, .down = 0.5},
               MARGIN + LABEL_WIDTH - 8, y + CELL_HEIGHT / 2.0, "%u (%.0f)",
               shown->table->cluster_numbers[row], shown->table->cluster_sizes[row]);
  for (guint j = 0; j < shown->columns->len; j++)
    draw_cell(shown, cairo, row, g_array_index(shown->columns, gsize, j),
              MARGIN + LABEL_WIDTH + j * shown->cell, y);
}

static void
draw_heading(const Shown *shown, cairo_t *cairo)
{
  const DcContingency *table = shown->table;
  DcTextStyle title = {.font = "Sans Bold 11"}, note = {.font = "Sans 8"};
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, title, MARGIN, MARGIN, "%zu clusters against %zu classes", table->clusters,
               table->classes);
  dc_set_colour(cairo, dc_colour_soft, 1);
  dc_draw_text(cairo, note, MARGIN, MARGIN + 24, "Framed: the best one-to-one matching.");
  if (shown->rows->len < table->clusters || shown->columns->len < table->classes)
    dc_draw_text(cairo, note, MARGIN, MARGIN + 39, "Shown: %u clusters, the %u largest classes.",
                 shown->rows->len, shown->columns->len);
  DcTextStyle left = {.font = "Sans 9", .across = 1, .down = 1};
  dc_draw_text(cairo, left, MARGIN + LABEL_WIDTH - 8, HEADING - 4, "cluster (size)");
  DcTextStyle number = {.font = "Sans 9", .across = 0.5, .down = 1};
  dc_draw_text(cairo, number, MARGIN + LABEL_WIDTH + shown->columns->len * shown->cell / 2,
               HEADING - 22, "class");
  dc_set_colour(cairo, dc_colour_ink, 1);
  for (guint j = 0; j < shown->columns->len; j++)
    dc_draw_text(cairo, number, MARGIN + LABEL_WIDTH + (j + 0.5) * shown->cell, HEADING - 4, "%u",
                 table->class_numbers[g_array_index(shown->columns, gsize, j)]);
}

static void
draw_frame(const Shown *shown, cairo_t *cairo)
{
  cairo_set_line_width(cairo, 1);
  dc_set_colour(cairo, dc_colour_soft, 1);
  cairo_rectangle(cairo, MARGIN + LABEL_WIDTH - 0.5, HEADING - 0.5,
                  shown->columns->len * shown->cell + 1, shown->rows->len * CELL_HEIGHT + 1.0);
  cairo_stroke(cairo);
  if (shown->matched > 0 && shown->matched < shown->rows->len) {
    double y = HEADING + (double)shown->matched * CELL_HEIGHT - 0.5;
    cairo_move_to(cairo, MARGIN, y);
    cairo_line_to(cairo, MARGIN + LABEL_WIDTH + shown->columns->len * shown->cell, y);
    cairo_stroke(cairo);
  }
}

static gboolean
draw(const Shown *shown, const char *path, GError **error)
{
  double width = MARGIN + LABEL_WIDTH + shown->columns->len * shown->cell + MARGIN;
  DcCanvas canvas;
  if (!dc_canvas_init(&canvas, (int)MAX(width, LEAST_WIDTH),
                      HEADING + (int)shown->rows->len * CELL_HEIGHT + MARGIN, error))
    return FALSE;
  draw_heading(shown, canvas.cairo);
  for (guint i = 0; i < shown->rows->len; i++)
    draw_row(shown, canvas.cairo, i, HEADING + i * (double)CELL_HEIGHT);
  draw_frame(shown, canvas.cairo);
  gboolean well = dc_canvas_write(&canvas, path, error);
  dc_canvas_clear(&canvas);
  return well;
}

gboolean
dc_confusion_write(const char *path, const guint32 *clusters, const guint32 *classes, gsize n,
                   GError **error)
{
  DcContingency table;
  DcStatus status = dc_contingency_init(&table, clusters, classes, n);
  g_autofree guint32 *match = g_new(guint32, table.clusters);
  if (status == DC_OK)
    status = dc_contingency_match(&table, match);
  gboolean well = FALSE;
  if (status == DC_OK) {
    Shown shown = {.table = &table, .match = match, .cell = cell_width(&table)};
    choose_columns(&shown);
    choose_rows(&shown);
    well = draw(&shown, path, error);
    g_array_unref(shown.rows);
    g_array_unref(shown.columns);
  } else {
    g_set_error(error, DC_TOOLS_ERROR, -(int)status,
                "%s: the table of clusters and classes cannot be drawn: %s", path,
                dc_status_text(status));
  }
  dc_contingency_clear(&table);
  return well;
}
