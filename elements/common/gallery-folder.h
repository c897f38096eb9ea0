/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_GALLERY_FOLDER_H
#define DC_ELEMENTS_GALLERY_FOLDER_H

#include <glib.h>

G_BEGIN_DECLS

/* The folder of a gallery, locked against another one. */
typedef struct DcGalleryFolder DcGalleryFolder;

/* Makes the folder `location` where there is none, takes its lock, puts the page into it, and
 * removes the exemplars that an earlier gallery left there. NULL, with a G_FILE_ERROR, when it
 * cannot be written to, when another gallery writes there, or when it holds files of others: they
 * are not touched. */
DcGalleryFolder *dc_gallery_folder_open(const gchar *location, GError **error);

/* Gives the lock back; NULL is ignored. */
void dc_gallery_folder_close(DcGalleryFolder *folder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcGalleryFolder, dc_gallery_folder_close)

G_END_DECLS

#endif
