/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_LABELS_FILE_H
#define DC_ELEMENTS_LABELS_FILE_H

#include <glib.h>

G_BEGIN_DECLS

/* Reads names of clusters from the text file `path`, in UTF-8: line i names cluster i, an empty
 * line leaves the name that the cluster has. At most 1 MiB. NULL with `error` set when the file
 * cannot be read or is no such text; free with g_ptr_array_unref(). Each name is trimmed of blanks;
 * NULL stands for an empty line. */
GPtrArray *dc_labels_file_read(const gchar *path, GError **error);

G_END_DECLS

#endif
