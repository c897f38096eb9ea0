/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_SCAN_H
#define DC_TOOLS_COLLECTION_SCAN_H

#include <glib.h>

G_BEGIN_DECLS

/* A picture file as the file system knows it. */
typedef struct {
  const char *path; /* below the folder that is scanned; bytes, of any encoding */
  gint64 modified;  /* ns since 1970 */
  gint64 size;      /* bytes */
} DcFoundFile;

/* What a scan tells as it goes; all may be NULL. FALSE ends the scan. */
typedef struct {
  gboolean (*file)(const DcFoundFile *file, gpointer user_data);
  /* Entered, before what it holds; `path` is absolute or as the folder was given. */
  gboolean (*folder)(const char *path, gpointer user_data);
  /* A folder that cannot be read; the scan goes on. */
  gboolean (*refused)(const char *path, const char *reason, gpointer user_data);
} DcScanVisitor;

/* Walks `folder` and what is below `below` in it ("": all), in byte order of names. Pictures are
 * told by the ends of their names (store/image_folder.h); hidden entries and the folder `left_out`
 * (NULL: none) are left out; a folder that links lead to twice, or in a circle, is entered once.
 * FALSE when `folder` itself cannot be read, or a visitor ended the scan (no `error` then); `below`
 * is a folder like others that cannot be read. */
gboolean dc_scan(const char *folder, const char *below, const char *left_out,
                 const DcScanVisitor *visitor, gpointer user_data, GError **error);

/* A visitor's `refused`: prints which folder is left out, and why. */
gboolean dc_scan_tell_refused(const char *path, const char *reason, gpointer user_data);

/* What is known of one file; FALSE when it is not there, or is no regular file named like a
 * picture. `path` is below `folder`. */
gboolean dc_scan_file(const char *folder, const char *path, DcFoundFile *file);

G_END_DECLS

#endif
