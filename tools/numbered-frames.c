/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "numbered-frames.h"

#include "command.h"

#include <errno.h>
#include <glib/gstdio.h>

static char *
frame_path(const char *folder, gsize number)
{
  return g_strdup_printf("%s/%05" G_GSIZE_FORMAT ".png", folder, number);
}

gboolean
dc_frames_write(const char *folder, gsize number, const DcPicture *picture, GError **error)
{
  g_autofree char *path = frame_path(folder, number);
  DcError core_error;
  return dc_png_write(path, picture, &core_error) == DC_OK ||
         dc_tools_take_error(&core_error, error);
}

gboolean
dc_frames_end(const char *folder, gsize count, GError **error)
{
  for (gsize number = count;; number++) {
    g_autofree char *path = frame_path(folder, number);
    if (g_unlink(path) == 0)
      continue;
    if (errno == ENOENT)
      return TRUE;
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO,
                "%s: an earlier run left it, and it cannot be removed: %s", path,
                g_strerror(errno));
    return FALSE;
  }
}
