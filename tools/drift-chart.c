/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drift-chart.h"

#include "drift-results.h"
#include "plot.h"

#include <string.h>

#define MARGIN        16
#define HEADING       34 /* the title of the whole picture */
#define LEGEND        24
#define PANEL_HEADING 24
#define PANEL_WIDTH   460
#define PANEL_HEIGHT  280
#define MOST_COLUMNS  3
#define KEY_LENGTH    22

static const DcDriftResult *
result_at(const GArray *results, guint i)
{
  return &g_array_index(results, DcDriftResult, i);
}

/* The distinct streams or methods, in the order in which they begin. */
static GPtrArray *
list_names(const GArray *results, gboolean methods)
{
  GPtrArray *names = g_ptr_array_new();
  for (guint i = 0; i < results->len; i++) {
    const char *name = methods ? result_at(results, i)->method : result_at(results, i)->stream;
    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
      g_ptr_array_add(names, (gpointer)name);
  }
  return names;
}

static DcColour
colour_of(guint method)
{
  /* Dark ones of the palette first: a line is thin. */
  static const guint order[] = {4, 5, 2, 6, 0, 1, 3, 7};
  return dc_cluster_colour(order[method % G_N_ELEMENTS(order)]);
}

static const DcDriftResult *
find_result(const GArray *results, const char *stream, const char *method)
{
  for (guint i = 0; i < results->len; i++)
    if (g_str_equal(result_at(results, i)->stream, stream) &&
        g_str_equal(result_at(results, i)->method, method))
      return result_at(results, i);
  return NULL;
}

static double
end_of_window(const DcDriftResult *result, guint window)
{
  return (double)MIN((gsize)(window + 1) * DC_DRIFT_WINDOW, result->images);
}

static void
draw_course(const DcPlot *plot, cairo_t *cairo, const DcDriftResult *result)
{
  for (guint i = 0; i < result->course->len; i++) {
    double x = dc_plot_x(plot, end_of_window(result, i));
    double y = dc_plot_y(plot, 100 * g_array_index(result->course, double, i));
    if (i == 0)
      cairo_move_to(cairo, x, y);
    else
      cairo_line_to(cairo, x, y);
  }
  cairo_set_line_width(cairo, 1.6);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_stroke(cairo);
}

/* `x`, `y`: the top left of the panel. */
static void
draw_panel(cairo_t *cairo, const GArray *results, const char *stream, const GPtrArray *methods,
           double x, double y)
{
  const DcDriftResult *any = NULL;
  for (guint m = 0; m < methods->len && !any; m++)
    any = find_result(results, stream, methods->pdata[m]);
  DcPlot plot = {
      .x = x + DC_PLOT_LEFT,
      .y = y + PANEL_HEADING,
      .width = PANEL_WIDTH - DC_PLOT_LEFT - MARGIN,
      .height = PANEL_HEIGHT - PANEL_HEADING - DC_PLOT_BELOW - MARGIN,
      .across = dc_axis_linear(0, (double)any->images, 6, FALSE),
      .up = dc_axis_linear(0, 100, 6, TRUE),
  };
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo, (DcTextStyle){.font = "Sans Bold 9"}, x + DC_PLOT_LEFT, y, "%s", stream);
  dc_plot_draw(&plot, cairo, "images", "ACC in percent");
  for (guint m = methods->len; m-- > 0;) { /* the first method lies on top */
    const DcDriftResult *result = find_result(results, stream, methods->pdata[m]);
    if (!result)
      continue;
    dc_set_colour(cairo, colour_of(m), 1);
    draw_course(&plot, cairo, result);
  }
}

static void
draw_legend(cairo_t *cairo, const GPtrArray *methods)
{
  double x = MARGIN, y = MARGIN + HEADING;
  for (guint m = 0; m < methods->len; m++) {
    const char *name = methods->pdata[m];
    dc_set_colour(cairo, colour_of(m), 1);
    cairo_set_line_width(cairo, 3);
    cairo_move_to(cairo, x, y);
    cairo_line_to(cairo, x + KEY_LENGTH, y);
    cairo_stroke(cairo);
    dc_set_colour(cairo, dc_colour_ink, 1);
    dc_draw_text(cairo, (DcTextStyle){.font = "Sans 9", .down = 0.5}, x + KEY_LENGTH + 5, y, "%s",
                 name);
    x += KEY_LENGTH + dc_text_width(cairo, "Sans 9", name) + 24;
  }
}

gboolean
dc_drift_chart_write(const char *path, const char *title, const GArray *results, GError **error)
{
  g_autoptr(GPtrArray) streams = list_names(results, FALSE);
  g_autoptr(GPtrArray) methods = list_names(results, TRUE);
  guint columns = CLAMP(streams->len, 1, MOST_COLUMNS);
  guint rows = MAX((streams->len + columns - 1) / columns, 1);
  DcCanvas canvas;
  if (!dc_canvas_init(&canvas, 2 * MARGIN + (int)MAX(columns, 2) * PANEL_WIDTH,
                      MARGIN + HEADING + LEGEND + (int)rows * PANEL_HEIGHT, error))
    return FALSE;
  dc_set_colour(canvas.cairo, dc_colour_ink, 1);
  dc_draw_text(canvas.cairo,
               (DcTextStyle){.font = "Sans Bold 11", .width = canvas.width - 2 * MARGIN}, MARGIN,
               MARGIN, "%s", title);
  draw_legend(canvas.cairo, methods);
  for (guint i = 0; i < streams->len; i++)
    draw_panel(canvas.cairo, results, streams->pdata[i], methods,
               MARGIN + i % columns * (double)PANEL_WIDTH,
               MARGIN + HEADING + LEGEND + i / columns * (double)PANEL_HEIGHT);
  gboolean well = dc_canvas_write(&canvas, path, error);
  dc_canvas_clear(&canvas);
  return well;
}
