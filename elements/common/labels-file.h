/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_LABELS_FILE_H
#define DC_ELEMENTS_LABELS_FILE_H

#include "base/status.h"

#include <glib.h>

G_BEGIN_DECLS

/* Reads names of clusters from the text file `path`, in UTF-8 and at most 1 MiB: line i names
 * cluster i. Each name is trimmed of blanks; NULL stands for an empty line, which names nothing.
 * Free with g_ptr_array_unref(). DC_ERROR_NOT_FOUND, DC_ERROR_IO, or DC_ERROR_FORMAT for what is no
 * such text. */
DcStatus dc_labels_file_read(const gchar *path, GPtrArray **labels, DcError *error);

G_END_DECLS

#endif
