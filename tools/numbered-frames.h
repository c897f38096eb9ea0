/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_NUMBERED_FRAMES_H
#define DC_TOOLS_NUMBERED_FRAMES_H

#include "store/png.h"

#include <glib.h>

G_BEGIN_DECLS

/* Pictures that multifilesrc plays as a stream: FOLDER/00000.png, 00001.png, ... */

gboolean dc_frames_write(const char *folder, gsize number, const DcPicture *picture,
                         GError **error);

/* Ends a stream of `count` frames: removes those that follow the last one without a gap. An earlier
 * run left them, and they would be played behind it. */
gboolean dc_frames_end(const char *folder, gsize count, GError **error);

G_END_DECLS

#endif
