/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_PLOT_H
#define DC_TOOLS_PLOT_H

#include "axis.h"
#include "drawing.h"

G_BEGIN_DECLS

/* The area of a diagram between its two axes. */
typedef struct {
  double x, y, width, height; /* without titles and labels, which lie around it */
  DcAxis across, up;
} DcPlot;

/* What the titles and labels around a plot take. */
#define DC_PLOT_LEFT  78
#define DC_PLOT_BELOW 46

/* Grid, frame, labels at the ticks and the titles of the two axes. */
void dc_plot_draw(const DcPlot *plot, cairo_t *cairo, const char *across, const char *up);

/* Where the values lie, in pixels of the canvas. */
double dc_plot_x(const DcPlot *plot, double value);
double dc_plot_y(const DcPlot *plot, double value);

G_END_DECLS

#endif
