/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_EXPORTS_H
#define DC_TOOLS_COLLECTION_EXPORTS_H

#include "collection/collection.h"

G_BEGIN_DECLS

/* The groups of a collection for other programs. Pictures are only read and pointed at. */

/* Writes a CSV file (RFC 4180, UTF-8) with a line for each picture: path, group, uuid, sure (0..1),
 * outlier (0 or 1). Control characters in a path are written as they are, within quotes; bytes that
 * are no UTF-8 become U+FFFD. Either the old file is left or the whole new one. */
gboolean dc_export_csv(DcCollection *collection, const char *path, GError **error);

/* Whether that could be done, before there is anything to write. An earlier file is left. */
gboolean dc_export_csv_check(const char *path, GError **error);

/* Makes `folder` with a subfolder for each group, named like it ("/" and a dot in front as "_", and
 * a number behind where another one has that name), that holds a symbolic link to each of its
 * pictures ("17-name.jpg", by number, since names may repeat). Links of an earlier export, told by
 * their names and by leading into the folder of the pictures, and empty subfolders are removed
 * first; when anything else lies there, that is an error, and all of it stays. */
gboolean dc_export_links(DcCollection *collection, const char *folder, GError **error);

/* Whether that could be done; makes `folder`. */
gboolean dc_export_links_check(const DcCollection *collection, const char *folder, GError **error);

G_END_DECLS

#endif
