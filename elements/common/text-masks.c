/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/text-masks.h"

#include <pango/pangocairo.h>

/* Beyond this many pixels all texts are forgotten when a frame starts. Labels and percentages of
 * any stream fit into it many times; only one whose labels keep changing reaches it. */
#define MAX_PIXELS (4 * 1024 * 1024)

#define FONT "Sans Bold"

typedef struct {
  DcMask mask;
  cairo_surface_t *surface; /* owns the coverage */
} Entry;

struct DcTextMasks {
  PangoFontMap *font_map; /* our own: the shared one of the thread would change with the thread */
  PangoLayout *layout;
  GHashTable *entries; /* text -> Entry */
  gsize pixels;        /* in all entries */
  gint size, max_width, line_height;
};

static void
entry_free(gpointer data)
{
  Entry *entry = data;

  cairo_surface_destroy(entry->surface);
  g_free(entry);
}

/* Grey edges and outlines fitted to the pixel grid: what small text on video needs. */
static void
set_font_options(PangoContext *context)
{
  cairo_font_options_t *options = cairo_font_options_create();

  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_SLIGHT);
  pango_cairo_context_set_font_options(context, options);
  cairo_font_options_destroy(options);
}

DcTextMasks *
dc_text_masks_new(void)
{
  DcTextMasks *masks = g_new0(DcTextMasks, 1);
  PangoContext *context;

  masks->font_map = pango_cairo_font_map_new();
  context = pango_font_map_create_context(masks->font_map);
  set_font_options(context);
  masks->layout = pango_layout_new(context);
  g_object_unref(context);
  pango_layout_set_single_paragraph_mode(masks->layout, TRUE);
  pango_layout_set_ellipsize(masks->layout, PANGO_ELLIPSIZE_END);
  /* A text that runs from right to left would stand at the right end of the width. */
  pango_layout_set_auto_dir(masks->layout, FALSE);
  masks->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
  return masks;
}

void
dc_text_masks_free(DcTextMasks *masks)
{
  if (!masks)
    return;
  g_hash_table_unref(masks->entries);
  g_object_unref(masks->layout);
  g_object_unref(masks->font_map);
  g_free(masks);
}

static void
set_size(DcTextMasks *masks, gint size, gint max_width)
{
  PangoFontDescription *font = pango_font_description_from_string(FONT);

  pango_font_description_set_absolute_size(font, (gdouble)size * PANGO_SCALE);
  pango_layout_set_font_description(masks->layout, font);
  pango_layout_set_width(masks->layout, max_width * PANGO_SCALE);
  pango_layout_set_text(masks->layout, "Ag", -1);
  pango_layout_get_pixel_size(masks->layout, NULL, &masks->line_height);
  pango_font_description_free(font);
  masks->size = size;
  masks->max_width = max_width;
}

void
dc_text_masks_begin(DcTextMasks *masks, gint size, gint max_width)
{
  gboolean differs = masks->size != size || masks->max_width != max_width;

  if (differs || masks->pixels > MAX_PIXELS) {
    g_hash_table_remove_all(masks->entries);
    masks->pixels = 0;
  }
  if (differs)
    set_size(masks, size, max_width);
}

gint
dc_text_masks_line_height(const DcTextMasks *masks)
{
  return masks->line_height;
}

static void
set_text(PangoLayout *layout, const gchar *text)
{
  g_autofree gchar *repaired = g_utf8_make_valid(text, -1);

  pango_layout_set_text(layout, repaired, -1);
}

static Entry *
render(DcTextMasks *masks, const gchar *text)
{
  Entry *entry = g_new0(Entry, 1);
  cairo_t *cairo;
  gint width;

  set_text(masks->layout, text);
  pango_layout_get_pixel_size(masks->layout, &width, NULL);
  entry->surface =
      cairo_image_surface_create(CAIRO_FORMAT_A8, MAX(width, 1), MAX(masks->line_height, 1));
  cairo = cairo_create(entry->surface);
  pango_cairo_show_layout(cairo, masks->layout);
  cairo_destroy(cairo);
  cairo_surface_flush(entry->surface);
  entry->mask = (DcMask){
      .width = cairo_image_surface_get_width(entry->surface),
      .height = cairo_image_surface_get_height(entry->surface),
      .stride = cairo_image_surface_get_stride(entry->surface),
      .coverage = cairo_image_surface_get_data(entry->surface),
  };
  return entry;
}

const DcMask *
dc_text_masks_get(DcTextMasks *masks, const gchar *text)
{
  Entry *entry = g_hash_table_lookup(masks->entries, text);

  if (!entry) {
    entry = render(masks, text);
    masks->pixels += (gsize)entry->mask.width * (gsize)entry->mask.height;
    g_hash_table_insert(masks->entries, g_strdup(text), entry);
  }
  return &entry->mask;
}
