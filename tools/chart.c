/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chart.h"

#include "plot.h"

#include <math.h>

#define MARGIN        16
#define HEADING       34 /* the title of the whole picture */
#define PANEL_HEADING 26
#define PANEL_WIDTH   520 /* of one panel with its labels and titles */
#define PANEL_HEIGHT  330
#define MOST_COLUMNS  2
#define MOST_PANELS   40 /* a picture of them is as tall as the format allows at a sensible size */
#define MANY_DECADES  2  /* above it the scale is logarithmic */
#define DOT           2.5

static double
epoch_at(const DcCurve *curve, guint i)
{
  return g_array_index(curve->epochs, double, i);
}

static double
value_at(const DcCurve *curve, guint i)
{
  return g_array_index(curve->values, double, i);
}

/* The range of what can be drawn; FALSE when that is nothing. */
static gboolean
find_range(const DcCurve *curve, double epochs[2], double values[2])
{
  epochs[0] = values[0] = INFINITY;
  epochs[1] = values[1] = -INFINITY;
  for (guint i = 0; i < curve->values->len; i++) {
    double epoch = epoch_at(curve, i), value = value_at(curve, i);
    if (!isfinite(value))
      continue;
    epochs[0] = MIN(epochs[0], epoch);
    epochs[1] = MAX(epochs[1], epoch);
    values[0] = MIN(values[0], value);
    values[1] = MAX(values[1], value);
  }
  return values[0] <= values[1];
}

/* A value whose neighbours are missing would be a line of no length. */
static gboolean
stands_alone(const DcCurve *curve, guint i)
{
  gboolean before = i > 0 && isfinite(value_at(curve, i - 1));
  gboolean after = i + 1 < curve->values->len && isfinite(value_at(curve, i + 1));
  return !before && !after;
}

static void
draw_curve(const DcPlot *plot, cairo_t *cairo, const DcCurve *curve)
{
  gboolean drawing = FALSE;
  for (guint i = 0; i < curve->values->len; i++) {
    double value = value_at(curve, i);
    if (!isfinite(value)) {
      drawing = FALSE;
      continue;
    }
    double x = dc_plot_x(plot, epoch_at(curve, i)), y = dc_plot_y(plot, value);
    if (stands_alone(curve, i)) {
      cairo_new_sub_path(cairo);
      cairo_arc(cairo, x, y, DOT, 0, 2 * G_PI);
    } else if (drawing) {
      cairo_line_to(cairo, x, y);
    } else {
      cairo_move_to(cairo, x, y);
    }
    drawing = TRUE;
  }
  cairo_set_line_width(cairo, 2);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_stroke(cairo);
}

/* `x`, `y`: the top left of the panel. */
static void
draw_panel(cairo_t *cairo, const DcCurve *curve, DcColour colour, double x, double y)
{
  DcTextStyle heading = {.font = "Sans Bold 9", .width = PANEL_WIDTH - DC_PLOT_LEFT};
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, heading, x + DC_PLOT_LEFT, y, "%s: %s", curve->stage, curve->name);
  double epochs[2], values[2];
  if (!find_range(curve, epochs, values)) {
    dc_set_colour(cairo, dc_colour_soft, 1);
    dc_draw_text(cairo, (DcTextStyle){.font = "Sans 9"}, x + DC_PLOT_LEFT, y + PANEL_HEADING,
                 "no value is a finite number");
    return;
  }
  gboolean logarithmic = values[0] > 0 && values[1] / values[0] > pow(10, MANY_DECADES);
  DcPlot plot = {
      .x = x + DC_PLOT_LEFT,
      .y = y + PANEL_HEADING,
      .width = PANEL_WIDTH - DC_PLOT_LEFT - MARGIN,
      .height = PANEL_HEIGHT - PANEL_HEADING - DC_PLOT_BELOW - MARGIN,
      .across = dc_axis_linear(epochs[0], epochs[1], 9, FALSE),
      .up = logarithmic ? dc_axis_logarithmic(values[0], values[1], 7)
                        : dc_axis_linear(values[0], values[1], 7, TRUE),
  };
  plot.across.step = MAX(plot.across.step, 1); /* there is no half epoch */
  g_autofree char *title =
      g_strdup_printf("%s%s", curve->name, logarithmic ? " (logarithmic scale)" : "");
  dc_plot_draw(&plot, cairo, "epoch", title);
  dc_set_colour(cairo, colour, 1);
  draw_curve(&plot, cairo, curve);
}

/* Curves of equal names share a colour, whatever their stage. */
static DcColour
colour_of(const DcCurves *curves, const DcCurve *curve)
{
  /* Dark ones of the palette first: a line is thin. */
  static const guint order[] = {4, 5, 2, 6, 0, 1, 3};
  GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
  for (guint i = 0; !g_hash_table_contains(names, curve->name); i++)
    g_hash_table_add(names, dc_curves_get(curves, i)->name);
  guint place = g_hash_table_size(names) - 1;
  g_hash_table_unref(names);
  return dc_cluster_colour(order[place % G_N_ELEMENTS(order)]);
}

gboolean
dc_chart_write(const char *path, const char *title, const DcCurves *curves, GError **error)
{
  guint panels = MIN(curves->list->len, MOST_PANELS);
  guint columns = CLAMP(panels, 1, MOST_COLUMNS), rows = MAX((panels + columns - 1) / columns, 1);
  DcCanvas canvas;
  if (!dc_canvas_init(&canvas, 2 * MARGIN + (int)columns * PANEL_WIDTH,
                      MARGIN + HEADING + (int)rows * PANEL_HEIGHT, error))
    return FALSE;
  dc_set_colour(canvas.cairo, dc_colour_ink, 1);
  dc_draw_text(canvas.cairo,
               (DcTextStyle){.font = "Sans Bold 11", .width = canvas.width - 2 * MARGIN}, MARGIN,
               MARGIN, "%s", title);
  for (guint i = 0; i < panels; i++) {
    const DcCurve *curve = dc_curves_get(curves, i);
    draw_panel(canvas.cairo, curve, colour_of(curves, curve),
               MARGIN + i % columns * (double)PANEL_WIDTH,
               MARGIN + HEADING + i / columns * (double)PANEL_HEIGHT);
  }
  gboolean well = dc_canvas_write(&canvas, path, error);
  dc_canvas_clear(&canvas);
  return well;
}
