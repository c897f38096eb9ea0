/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_PICTURE_HEADER_H
#define DC_TOOLS_PICTURE_HEADER_H

#include <glib.h>

G_BEGIN_DECLS

/* What the first bytes of a picture file say, so that nothing is decoded whose size nobody wants:
 * a file of some kilobytes can claim gigabytes of pixels. */
typedef struct {
  guint32 width, height; /* in pixels, as stored */
  int orientation; /* of EXIF in JPEG, 1..8: how the stored rows become upright; 1: they are */
  gboolean png;    /* which the core reads by itself */
} DcPictureHeader;

/* Understands JPEG, PNG, GIF, WebP, BMP and TIFF. FALSE for anything else, and for a file that
 * cannot be read or ends too early. */
gboolean dc_picture_header_read(const char *path, DcPictureHeader *header);

G_END_DECLS

#endif
