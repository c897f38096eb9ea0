/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_PALETTE_H
#define DC_ELEMENTS_PALETTE_H

#include <glib.h>

G_BEGIN_DECLS

/* An sRGB colour. */
typedef struct {
  guint8 red, green, blue;
} DcColour;

/* Colours of clusters: the palette of Okabe and Ito, "Color Universal Design", 2008
 * (https://jfly.uni-koeln.de/color/) without its black, seven colours that people with any of the
 * common colour-vision deficiencies tell apart; for more clusters the same colours lightened, then
 * darkened, by a third. */
#define DC_PALETTE_BASE 7
#define DC_PALETTE_SIZE (3 * DC_PALETTE_BASE)

/* Colour number `index` modulo DC_PALETTE_SIZE. */
DcColour dc_palette_colour(guint index);

/* Relative luminance, 0 (black) .. 1 (white), as WCAG 2.1 defines it. */
gdouble dc_colour_luminance(DcColour colour);

/* Black or white, whichever stands out more from `background` (contrast ratio of WCAG 2.1; at least
 * 4.5:1, which the standard asks of text, for every background). */
DcColour dc_colour_for_text(DcColour background);

G_END_DECLS

#endif
