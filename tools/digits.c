/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digits.h"

#include "command.h"

#include <math.h>
#include <pango/pangocairo.h>

/* The typefaces of the packages fonts-dejavu, fonts-liberation, fonts-freefont-ttf and
 * fonts-urw-base35: those that the stream starts with, and those that it drifts to. */
static const char *const source_families[] = {
    "DejaVu Sans", "Liberation Sans",  "FreeSans",
    "Nimbus Sans", "DejaVu Sans Mono", "Nimbus Sans Narrow",
};
static const char *const target_families[] = {
    "DejaVu Serif", "Liberation Serif", "FreeSerif",       "Nimbus Roman",   "C059",
    "P052",         "URW Bookman",      "Liberation Mono", "Nimbus Mono PS",
};
/* Fewer typefaces than this make groups of typefaces instead of digits. */
#define MIN_FAMILIES 3

/* How far the look goes at drift 1, and how much it varies from picture to picture. */
#define TURN          0.25
#define TURN_JITTER   0.03
#define SLANT         0.20 /* horizontal shear */
#define SLANT_JITTER  0.03
#define INK           250.0 /* grey level of the digit ... */
#define INK_DRIFT     -50.0
#define PAPER         5.0 /* ... and of what is behind it */
#define PAPER_DRIFT   35.0
#define UNEVEN_DRIFT  25.0 /* grey levels across the picture */
#define NOISE         4.0  /* standard deviation in grey levels */
#define NOISE_DRIFT   11.0
#define HEIGHT        17.0 /* of a digit, in pixels */
#define HEIGHT_JITTER 0.6
#define OFFSET_JITTER 0.3 /* pixels */

#define TYPEFACE_DRIFT 0.7 /* share of the drifted typefaces */

#define TYPEFACE_SIZE 100 /* pixels; outlines are scaled from it */

struct DcDigits {
  GPtrArray *source; /* of family names */
  GPtrArray *target;
  GHashTable *outlines; /* "family digit" -> cairo_path_t: shaping text anew is slow */
  cairo_surface_t *surface;
  cairo_t *cairo;
};

static gboolean
is_installed(PangoFontFamily **families, int count, const char *name)
{
  for (int i = 0; i < count; i++)
    if (g_ascii_strcasecmp(pango_font_family_get_name(families[i]), name) == 0)
      return TRUE;
  return FALSE;
}

static GPtrArray *
installed_families(const char *const *names, gsize n_names)
{
  PangoFontFamily **families = NULL;
  int count = 0;
  pango_font_map_list_families(pango_cairo_font_map_get_default(), &families, &count);
  GPtrArray *found = g_ptr_array_new();
  for (gsize i = 0; i < n_names; i++)
    if (is_installed(families, count, names[i]))
      g_ptr_array_add(found, (gpointer)names[i]);
  g_free(families);
  return found;
}

DcDigits *
dc_digits_new(GError **error)
{
  g_autoptr(DcDigits) digits = g_new0(DcDigits, 1);
  digits->source = installed_families(source_families, G_N_ELEMENTS(source_families));
  digits->target = installed_families(target_families, G_N_ELEMENTS(target_families));
  if (digits->source->len < MIN_FAMILIES || digits->target->len < MIN_FAMILIES) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_NOT_FOUND,
                "only %u sans-serif and %u serif typefaces are installed, %d of each are needed; "
                "install the packages fonts-dejavu, fonts-liberation, fonts-freefont-ttf and "
                "fonts-urw-base35",
                digits->source->len, digits->target->len, MIN_FAMILIES);
    return NULL;
  }
  digits->surface = cairo_image_surface_create(CAIRO_FORMAT_A8, DC_DIGIT_SIDE, DC_DIGIT_SIDE);
  digits->cairo = cairo_create(digits->surface);
  digits->outlines =
      g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)cairo_path_destroy);
  return g_steal_pointer(&digits);
}

void
dc_digits_free(DcDigits *digits)
{
  g_clear_pointer(&digits->outlines, g_hash_table_unref);
  g_clear_pointer(&digits->cairo, cairo_destroy);
  g_clear_pointer(&digits->surface, cairo_surface_destroy);
  g_ptr_array_unref(digits->source);
  g_ptr_array_unref(digits->target);
  g_free(digits);
}

/* The outline of `digit`, centred on the origin and of height 1. */
static cairo_path_t *
trace_digit(cairo_t *cairo, const char *family, guint digit)
{
  char text[2] = {(char)('0' + digit), 0};
  cairo_identity_matrix(cairo);
  g_autoptr(PangoLayout) layout = pango_cairo_create_layout(cairo);
  PangoFontDescription *font = pango_font_description_new();
  pango_font_description_set_family(font, family);
  pango_font_description_set_absolute_size(font, TYPEFACE_SIZE * PANGO_SCALE);
  pango_layout_set_font_description(layout, font);
  pango_font_description_free(font);
  pango_layout_set_text(layout, text, 1);
  double left, top, right, bottom;
  cairo_new_path(cairo);
  pango_cairo_layout_path(cairo, layout);
  cairo_path_extents(cairo, &left, &top, &right, &bottom);
  cairo_path_t *traced = cairo_copy_path(cairo);

  double height = MAX(bottom - top, 1);
  cairo_new_path(cairo);
  cairo_scale(cairo, 1 / height, 1 / height);
  cairo_translate(cairo, -(left + right) / 2, -(top + bottom) / 2);
  cairo_append_path(cairo, traced);
  cairo_path_destroy(traced);
  cairo_identity_matrix(cairo);
  cairo_path_t *path = cairo_copy_path(cairo);
  cairo_new_path(cairo);
  return path;
}

static const cairo_path_t *
choose_outline(DcDigits *digits, guint digit, double serif, DcRandom *random)
{
  gboolean other = dc_random_uniform(random) < serif;
  GPtrArray *families = other ? digits->target : digits->source;
  const char *family = g_ptr_array_index(families, dc_random_below(random, families->len));
  g_autofree char *key = g_strdup_printf("%s %u", family, digit);
  cairo_path_t *path = g_hash_table_lookup(digits->outlines, key);
  if (!path) {
    path = trace_digit(digits->cairo, family, digit);
    g_hash_table_insert(digits->outlines, g_steal_pointer(&key), path);
  }
  return path;
}

/* Draws the digit as coverage 0..255 in the middle of the surface. */
static void
draw_coverage(DcDigits *digits, guint digit, const DcDigitLook *look, DcRandom *random)
{
  const cairo_path_t *outline = choose_outline(digits, digit, look->serif, random);
  double drift = look->drift;
  double height = HEIGHT + HEIGHT_JITTER * dc_random_normal(random) / 2;
  double turn = TURN * drift + TURN_JITTER * dc_random_normal(random);
  double slant = SLANT * drift + SLANT_JITTER * dc_random_normal(random);
  double dx = OFFSET_JITTER * (2 * dc_random_uniform(random) - 1);
  double dy = OFFSET_JITTER * (2 * dc_random_uniform(random) - 1);

  cairo_t *cairo = digits->cairo;
  cairo_set_operator(cairo, CAIRO_OPERATOR_CLEAR);
  cairo_paint(cairo);
  cairo_set_operator(cairo, CAIRO_OPERATOR_OVER);
  cairo_set_source_rgba(cairo, 1, 1, 1, 1);
  cairo_identity_matrix(cairo);
  cairo_translate(cairo, DC_DIGIT_SIDE / 2.0 + dx, DC_DIGIT_SIDE / 2.0 + dy);
  cairo_rotate(cairo, turn);
  cairo_transform(cairo, &(cairo_matrix_t){1, 0, -slant, 1, 0, 0});
  cairo_scale(cairo, height, height);
  cairo_append_path(cairo, outline);
  cairo_fill(cairo);
  cairo_surface_flush(digits->surface);
}

DcDigitLook
dc_digits_look(double drift)
{
  return (DcDigitLook){.drift = drift, .serif = TYPEFACE_DRIFT * drift};
}

void
dc_digits_draw(DcDigits *digits, guint digit, const DcDigitLook *look, DcRandom *random,
               guint8 *pixels)
{
  double drift = look->drift;
  draw_coverage(digits, digit, look, random);
  const guint8 *coverage = cairo_image_surface_get_data(digits->surface);
  int stride = cairo_image_surface_get_stride(digits->surface);

  double paper = PAPER + PAPER_DRIFT * drift, ink = INK + INK_DRIFT * drift;
  double noise = NOISE + NOISE_DRIFT * drift;
  double direction = 2 * G_PI * dc_random_uniform(random);
  double slope_x = UNEVEN_DRIFT * drift * cos(direction) / DC_DIGIT_SIDE;
  double slope_y = UNEVEN_DRIFT * drift * sin(direction) / DC_DIGIT_SIDE;
  for (int y = 0; y < DC_DIGIT_SIDE; y++)
    for (int x = 0; x < DC_DIGIT_SIDE; x++) {
      double share = coverage[y * stride + x] / 255.0;
      double behind = paper + slope_x * (x - DC_DIGIT_SIDE / 2) + slope_y * (y - DC_DIGIT_SIDE / 2);
      double level = behind + share * (ink - behind) + noise * dc_random_normal(random);
      pixels[y * DC_DIGIT_SIDE + x] = (guint8)CLAMP(lrint(level), 0, 255);
    }
}
