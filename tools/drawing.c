/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drawing.h"

#include "command.h"
#include "store/png.h"

#include <pango/pangocairo.h>

const DcColour dc_colour_ink = {32, 32, 32};
const DcColour dc_colour_soft = {96, 96, 96};
const DcColour dc_colour_line = {222, 222, 222};

/* Of a mark on white. The lightest colours of the palette are far below. */
#define LEAST_CONTRAST 2.0

gboolean
dc_canvas_init(DcCanvas *canvas, int width, int height, GError **error)
{
  canvas->width = width;
  canvas->height = height;
  canvas->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  canvas->cairo = cairo_create(canvas->surface);
  cairo_status_t status = cairo_status(canvas->cairo);
  if (status != CAIRO_STATUS_SUCCESS) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY,
                "a picture of %d x %d pixels cannot be made: %s", width, height,
                cairo_status_to_string(status));
    dc_canvas_clear(canvas);
    return FALSE;
  }
  dc_set_colour(canvas->cairo, (DcColour){255, 255, 255}, 1);
  cairo_paint(canvas->cairo);
  return TRUE;
}

void
dc_canvas_clear(DcCanvas *canvas)
{
  g_clear_pointer(&canvas->cairo, cairo_destroy);
  g_clear_pointer(&canvas->surface, cairo_surface_destroy);
}

gboolean
dc_canvas_write(DcCanvas *canvas, const char *path, GError **error)
{
  cairo_surface_flush(canvas->surface);
  const guint8 *data = cairo_image_surface_get_data(canvas->surface);
  int stride = cairo_image_surface_get_stride(canvas->surface);
  g_autofree guint8 *pixels = g_malloc_n((gsize)canvas->width * 3, (gsize)canvas->height);
  guint8 *to = pixels;
  for (int y = 0; y < canvas->height; y++)
    for (int x = 0; x < canvas->width; x++) {
      guint32 from = ((const guint32 *)(data + y * (gsize)stride))[x];
      *to++ = (guint8)(from >> 16);
      *to++ = (guint8)(from >> 8);
      *to++ = (guint8)from;
    }
  DcPicture picture = {canvas->width, canvas->height, 3, pixels};
  DcError core_error;
  if (dc_png_write(path, &picture, &core_error) != DC_OK)
    return dc_tools_take_error(&core_error, error);
  return TRUE;
}

void
dc_set_colour(cairo_t *cairo, DcColour colour, double opacity)
{
  cairo_set_source_rgba(cairo, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0,
                        opacity);
}

static guint8
slightly_darker(guint8 channel)
{
  return (guint8)(channel * 15 / 16);
}

DcColour
dc_cluster_colour(guint index)
{
  DcColour colour = dc_palette_colour(index);
  while (1.05 / (dc_colour_luminance(colour) + 0.05) < LEAST_CONTRAST)
    colour = (DcColour){slightly_darker(colour.red), slightly_darker(colour.green),
                        slightly_darker(colour.blue)};
  return colour;
}

static PangoLayout *
lay_out(cairo_t *cairo, const char *font, const char *text)
{
  PangoLayout *layout = pango_cairo_create_layout(cairo);
  PangoFontDescription *description = pango_font_description_from_string(font);
  pango_layout_set_font_description(layout, description);
  pango_font_description_free(description);
  pango_layout_set_text(layout, text, -1);
  return layout;
}

void
dc_draw_text(cairo_t *cairo, DcTextStyle style, double x, double y, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  g_autofree char *text = g_strdup_vprintf(format, arguments);
  va_end(arguments);
  g_autoptr(PangoLayout) layout = lay_out(cairo, style.font, text);
  if (style.width > 0) {
    int natural, most = (int)(style.width * PANGO_SCALE);
    pango_layout_get_size(layout, &natural, NULL);
    pango_layout_set_width(layout, MIN(natural, most));
    pango_layout_set_ellipsize(layout, PANGO_ELLIPSIZE_END);
  }
  int width, height;
  pango_layout_get_pixel_size(layout, &width, &height);
  cairo_save(cairo);
  cairo_translate(cairo, x, y);
  if (style.upward)
    cairo_rotate(cairo, -G_PI / 2);
  cairo_move_to(cairo, -style.across * width, -style.down * height);
  pango_cairo_show_layout(cairo, layout);
  cairo_restore(cairo);
  cairo_new_path(cairo); /* a line that begins here would begin at the text */
}

double
dc_text_width(cairo_t *cairo, const char *font, const char *text)
{
  int width;
  g_autoptr(PangoLayout) layout = lay_out(cairo, font, text);
  pango_layout_get_pixel_size(layout, &width, NULL);
  return width;
}

cairo_surface_t *
dc_surface_from_pixels(const guint8 *pixels, int width, int height, int channels)
{
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  guint8 *data = cairo_image_surface_get_data(surface);
  int stride = cairo_image_surface_get_stride(surface);
  for (int y = 0; data && y < height; y++)
    for (int x = 0; x < width; x++) {
      const guint8 *from = pixels + (y * (gsize)width + x) * channels;
      guint8 green = from[channels > 1 ? 1 : 0], blue = from[channels > 1 ? 2 : 0];
      ((guint32 *)(data + y * (gsize)stride))[x] =
          (guint32)from[0] << 16 | (guint32)green << 8 | blue;
    }
  cairo_surface_mark_dirty(surface);
  return surface;
}

void
dc_draw_surface(cairo_t *cairo, cairo_surface_t *surface, double x, double y, double width,
                double height)
{
  double across = width / cairo_image_surface_get_width(surface);
  double down = height / cairo_image_surface_get_height(surface);
  cairo_save(cairo);
  cairo_translate(cairo, x, y);
  cairo_scale(cairo, across, down);
  cairo_set_source_surface(cairo, surface, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo),
                           across > 1 ? CAIRO_FILTER_NEAREST : CAIRO_FILTER_GOOD);
  cairo_paint(cairo);
  cairo_restore(cairo);
}
