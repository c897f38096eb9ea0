/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_GALLERY_H
#define DC_ELEMENTS_GALLERY_H

#include "common/gallery-group.h"
#include "stream/snapshot.h"

G_BEGIN_DECLS

#define DC_GALLERY_MOST_GROUPS 256

/* The clusters of a stream with their best exemplars, as a page shows them. It knows the pictures
 * by number only; whoever feeds it sees to the files. Holds DC_GALLERY_MOST_GROUPS groups: one more
 * takes the place of one that is gone, else of the one unseen for longest. Any thread may call. */
typedef struct DcGallery DcGallery;

/* Keeps at most `most` exemplars of each group, 1..DC_GALLERY_MOST_EXEMPLARS. `edits`: the page is
 * told that commands about the groups are taken. */
DcGallery *dc_gallery_new(guint most, gboolean edits);
void dc_gallery_free(DcGallery *gallery); /* NULL is ignored */

/* --- Of the streaming thread --- */

/* Counts a region. TRUE when its picture is wanted. */
gboolean dc_gallery_note(DcGallery *gallery, const DcSighting *sighting);

/* Takes the region that was noted last and wanted among the exemplars, with a picture of `width` x
 * `height` pixels. Returns its number, and in `path` (transfer full) the name of its file, below
 * the folder of the gallery. */
guint64 dc_gallery_admit(DcGallery *gallery, const DcSighting *sighting, gint width, gint height,
                         gchar **path);

/* Learns from the clusters themselves which are gone or ignored, and new names of those that are
 * out of sight. NULL: there are none any more. */
void dc_gallery_follow(DcGallery *gallery, DcSnapshot *snapshot);

/* --- Of who writes --- */

/* Whether the picture is still to be shown. */
gboolean dc_gallery_wants(DcGallery *gallery, guint64 number);

/* Tells what became of the picture: one that is not there is no exemplar. FALSE when it is to be
 * shown no more: a file of it is to be removed. */
gboolean dc_gallery_settle(DcGallery *gallery, guint64 number, gboolean written);

/* Writes what the page shows as one JSON object; docs/elements/gallery-sink.md has its members.
 * Appends to `left` (of gchar *, transfer full) the files of the pictures that this text does not
 * name any more and an earlier one may. */
void dc_gallery_write(DcGallery *gallery, const gchar *title, gboolean ended, GString *text,
                      GPtrArray *left);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcGallery, dc_gallery_free)

G_END_DECLS

#endif
