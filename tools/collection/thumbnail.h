/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_THUMBNAIL_H
#define DC_TOOLS_COLLECTION_THUMBNAIL_H

#include "store/png.h"

#include <glib.h>

G_BEGIN_DECLS

/* Writes small JPEG files; one thread each. */
typedef struct DcThumbnailer DcThumbnailer;

/* Fails where GStreamer has no JPEG encoder, and says what to install. */
DcThumbnailer *dc_thumbnailer_new(GError **error);
void dc_thumbnailer_free(DcThumbnailer *thumbnailer); /* NULL is ignored */

/* Writes `picture` (3 channels) with at most `side` pixels a side; either the old file is left or
 * the whole new one. */
gboolean dc_thumbnailer_write(DcThumbnailer *thumbnailer, const DcPicture *picture, int side,
                              const char *path, GError **error);

G_END_DECLS

#endif
