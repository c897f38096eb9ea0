/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_TEXT_MASKS_H
#define DC_ELEMENTS_TEXT_MASKS_H

#include "common/painter.h"

G_BEGIN_DECLS

/* Rendered texts, kept for the next frames. One thread at a time. */
typedef struct DcTextMasks DcTextMasks;

DcTextMasks *dc_text_masks_new(void);
void dc_text_masks_free(DcTextMasks *masks); /* NULL is ignored */

/* Starts a frame: texts are `size` pixels high (of the font's em square) and no wider than
 * `max_width` pixels, longer ones end in an ellipsis. What was rendered before is kept, unless it
 * was of another size or has become too much. */
void dc_text_masks_begin(DcTextMasks *masks, gint size, gint max_width);

/* Height of a line of text in pixels. */
gint dc_text_masks_line_height(const DcTextMasks *masks);

/* `text`, on one line whatever it holds, as high as a line. A byte that is no UTF-8 becomes U+FFFD.
 * Valid until the next frame starts. */
const DcMask *dc_text_masks_get(DcTextMasks *masks, const gchar *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcTextMasks, dc_text_masks_free)

G_END_DECLS

#endif
