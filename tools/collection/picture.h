/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_PICTURE_H
#define DC_TOOLS_COLLECTION_PICTURE_H

#include "store/png.h"

#include <glib.h>

G_BEGIN_DECLS

/* Pixels of the longer side that are kept of a picture: enough for every encoder. */
#define DC_PICTURE_MOST_SIDE 512

/* A picture file (its first frame), upright, on white where it is transparent, as RGB of at most
 * DC_PICTURE_MOST_SIDE pixels a side; `width` and `height` receive its own size. Refused are files
 * in no format of dc_picture_header_read(), since their size is not known before they are decoded,
 * and more than DC_DECODE_MOST_PIXELS pixels. Any number of threads; only one of them at a time
 * decodes a picture of more than 16 million pixels. Clear with dc_picture_clear(). */
gboolean dc_picture_load(const char *path, DcPicture *picture, int *width, int *height,
                         GError **error);

G_END_DECLS

#endif
