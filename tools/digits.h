/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DIGITS_H
#define DC_TOOLS_DIGITS_H

#include "base/random.h"

#include <glib.h>

G_BEGIN_DECLS

/* Draws pictures of the ten digits in the typefaces of the machine: a stream with labels that needs
 * no download, and whose look drifts as far as one number says. */

#define DC_DIGIT_SIDE 28 /* pixels; a picture is DC_DIGIT_SIDE x DC_DIGIT_SIDE grey bytes */

typedef struct DcDigits DcDigits;

/* Finds the typefaces. Fails when there are too few of them, and says which packages bring them. */
DcDigits *dc_digits_new(GError **error);
void dc_digits_free(DcDigits *digits);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcDigits, dc_digits_free)

/* How digits look. */
typedef struct {
  double drift; /* 0..1: from upright and light on black to turned and slanted in weaker contrast on
                   a brighter, uneven and noisy background */
  double serif; /* 0..1: share drawn in serif and monospace typefaces, instead of sans-serif ones */
} DcDigitLook;

/* The look of a stream that has drifted so far: most of it changes its typefaces too. */
DcDigitLook dc_digits_look(double drift);

/* Draws `digit` (0..9) into `pixels` with everything else drawn from `random`. */
void dc_digits_draw(DcDigits *digits, guint digit, const DcDigitLook *look, DcRandom *random,
                    guint8 *pixels);

G_END_DECLS

#endif
