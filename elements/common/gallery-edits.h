/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_GALLERY_EDITS_H
#define DC_ELEMENTS_GALLERY_EDITS_H

#include <gst/gst.h>

G_BEGIN_DECLS

#define DC_GALLERY_SOCKET    "edits.socket" /* in the folder of a gallery */
#define DC_GALLERY_MOST_EDIT 4096           /* bytes of a command, its end of line too */
#define DC_GALLERY_DONE      "done"         /* what is answered when it was carried out */

/* Takes commands about clusters from other processes of the same user, over a socket in the folder
 * of a gallery. Each connection brings one line, the structure of a driftcluster-command event as
 * text, and gets one, DC_GALLERY_DONE or why it was not carried out. A thread of its own serves
 * them one after the other; who says nothing for two seconds is hung up on. */
typedef struct DcGalleryEdits DcGalleryEdits;

/* Carries out a command (transfer full). Returns NULL when that was done, else why not (transfer
 * full). On the thread of the socket, with no lock held. */
typedef gchar *(*DcGalleryEdit)(gpointer user_data, GstStructure *command);

/* NULL, with `error`, when there can be no socket in `folder`, which nobody else may be using. */
DcGalleryEdits *dc_gallery_edits_new(const gchar *folder, DcGalleryEdit edit, gpointer user_data,
                                     GError **error);

/* Ends the thread and removes the socket. Waits for a command that is being carried out; NULL is
 * ignored. */
void dc_gallery_edits_free(DcGalleryEdits *edits);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcGalleryEdits, dc_gallery_edits_free)

G_END_DECLS

#endif
