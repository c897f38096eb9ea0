/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRAWING_H
#define DC_TOOLS_DRAWING_H

#include "common/palette.h"

#include <cairo.h>
#include <glib.h>

G_BEGIN_DECLS

/* What every picture that the tools draw shares: a white canvas, text, colours, pictures in it.
 * Lengths are in pixels from the top left. One thread. */

typedef struct {
  cairo_surface_t *surface;
  cairo_t *cairo;
  int width, height;
} DcCanvas;

/* A white canvas. Fails when memory is short or a side exceeds 32767. Clear with dc_canvas_clear().
 */
gboolean dc_canvas_init(DcCanvas *canvas, int width, int height, GError **error);
void dc_canvas_clear(DcCanvas *canvas);

/* Writes the canvas as PNG; on failure an existing file is untouched. */
gboolean dc_canvas_write(DcCanvas *canvas, const char *path, GError **error);

extern const DcColour dc_colour_ink;  /* text, outlines */
extern const DcColour dc_colour_soft; /* text of less weight */
extern const DcColour dc_colour_line; /* lines of a grid, frames */

void dc_set_colour(cairo_t *cairo, DcColour colour, double opacity);

/* The colour of cluster `index` on white: that of the palette, darkened where it would be hard to
 * see. The colours repeat after DC_PALETTE_SIZE clusters. */
DcColour dc_cluster_colour(guint index);

/* How a text looks and lies. */
typedef struct {
  const char *font;    /* for Pango: "Sans 9" */
  double across, down; /* which point of its box is put in place: 0, 0 the top left, 1, 1 the bottom
                          right */
  double width;        /* what exceeds it ends in an ellipsis; 0: as wide as it is */
  gboolean upward;     /* turned by a quarter, read from below */
} DcTextStyle;

/* Writes text at a place, in the colour of the context. */
void dc_draw_text(cairo_t *cairo, DcTextStyle style, double x, double y, const char *format, ...)
    G_GNUC_PRINTF(5, 6);

/* The width that the text would take. */
double dc_text_width(cairo_t *cairo, const char *font, const char *text);

/* A surface of dense 8-bit rows of 1 (grey), 3 (RGB) or 4 channels (RGB and one that is ignored).
 * Free with cairo_surface_destroy(). */
cairo_surface_t *dc_surface_from_pixels(const guint8 *pixels, int width, int height, int channels);

/* Paints a surface into a rectangle; enlarged, its pixels stay squares. */
void dc_draw_surface(cairo_t *cairo, cairo_surface_t *surface, double x, double y, double width,
                     double height);

G_END_DECLS

#endif
