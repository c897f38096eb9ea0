/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plot.h"

#include <math.h>

#define LABEL_FONT "Sans 8"
#define TITLE_FONT "Sans 9"
#define LABEL_GAP  6

double
dc_plot_x(const DcPlot *plot, double value)
{
  return plot->x + plot->width * dc_axis_place(&plot->across, value);
}

double
dc_plot_y(const DcPlot *plot, double value)
{
  return plot->y + plot->height * (1 - dc_axis_place(&plot->up, value));
}

/* The middle of a pixel, so that a line of width 1 is one row of pixels. */
static double
crisp(double place)
{
  return floor(place) + 0.5;
}

static void
draw_line(cairo_t *cairo, double from_x, double from_y, double to_x, double to_y)
{
  cairo_move_to(cairo, crisp(from_x), crisp(from_y));
  cairo_line_to(cairo, crisp(to_x), crisp(to_y));
  dc_set_colour(cairo, dc_colour_line, 1);
  cairo_stroke(cairo);
}

static void
draw_ticks(const DcPlot *plot, cairo_t *cairo)
{
  double tick;
  for (guint i = 0; dc_axis_tick(&plot->across, i, &tick); i++) {
    double x = dc_plot_x(plot, tick);
    draw_line(cairo, x, plot->y, x, plot->y + plot->height);
    g_autofree char *label = dc_axis_label(&plot->across, tick);
    dc_set_colour(cairo, dc_colour_soft, 1);
    dc_draw_text(cairo, (DcTextStyle){.font = LABEL_FONT, .across = 0.5}, x,
                 plot->y + plot->height + LABEL_GAP, "%s", label);
  }
  for (guint i = 0; dc_axis_tick(&plot->up, i, &tick); i++) {
    double y = dc_plot_y(plot, tick);
    draw_line(cairo, plot->x, y, plot->x + plot->width, y);
    g_autofree char *label = dc_axis_label(&plot->up, tick);
    dc_set_colour(cairo, dc_colour_soft, 1);
    dc_draw_text(cairo, (DcTextStyle){.font = LABEL_FONT, .across = 1, .down = 0.5},
                 plot->x - LABEL_GAP, y, "%s", label);
  }
}

void
dc_plot_draw(const DcPlot *plot, cairo_t *cairo, const char *across, const char *up)
{
  cairo_set_line_width(cairo, 1);
  draw_ticks(plot, cairo);
  cairo_rectangle(cairo, crisp(plot->x), crisp(plot->y), floor(plot->width), floor(plot->height));
  dc_set_colour(cairo, dc_colour_soft, 1);
  cairo_stroke(cairo);
  dc_set_colour(cairo, dc_colour_ink, 1);
  dc_draw_text(cairo,
               (DcTextStyle){.font = TITLE_FONT, .across = 0.5, .down = 1, .width = plot->width},
               plot->x + plot->width / 2, plot->y + plot->height + DC_PLOT_BELOW, "%s", across);
  dc_draw_text(
      cairo,
      (DcTextStyle){.font = TITLE_FONT, .across = 0.5, .width = plot->height, .upward = TRUE},
      plot->x - DC_PLOT_LEFT, plot->y + plot->height / 2, "%s", up);
}
