/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_GALLERY_WRITER_H
#define DC_ELEMENTS_GALLERY_WRITER_H

#include "common/gallery.h"
#include "store/png.h"

G_BEGIN_DECLS

#define DC_GALLERY_QUEUE 32 /* pictures that wait to be written, of at most 192 KiB each */

/* Writes a gallery to its folder on a thread of its own: each picture when it comes, and what the
 * page shows at most once in an interval, pictures before the text that names them. */
typedef struct DcGalleryWriter DcGalleryWriter;

typedef enum {
  DC_GALLERY_EXEMPLAR, /* a picture */
  DC_GALLERY_PAGE      /* the data of the page */
} DcGalleryFile;

/* Told on the writer's thread, with no lock held, what became of a file; `error` is NULL when it is
 * there. */
typedef void (*DcGalleryReport)(gpointer user_data, DcGalleryFile file, const DcError *error);

/* Where and how to write. */
typedef struct {
  DcGallery *gallery;  /* borrowed; outlives the writer */
  const gchar *folder; /* of dc_gallery_folder_open() */
  const gchar *title;
  gint64 interval; /* us of monotonic time that pass at least between two texts */
  DcGalleryReport report;
  gpointer user_data;
} DcGalleryTarget;

DcGalleryWriter *dc_gallery_writer_new(const DcGalleryTarget *target);

/* Writes all that waits, and that the stream has ended. NULL is ignored. */
void dc_gallery_writer_free(DcGalleryWriter *writer);

/* Another interval, from now on. Any thread. */
void dc_gallery_writer_set_interval(DcGalleryWriter *writer, gint64 interval);

/* --- Of the streaming thread: none of these waits for a disk, but the last one --- */

/* Whether one more picture would be taken. */
gboolean dc_gallery_writer_has_room(DcGalleryWriter *writer);

/* Has `picture` (its pixels are taken over) written to `path` (transfer full) below the folder.
 * There must be room. */
void dc_gallery_writer_push(DcGalleryWriter *writer, guint64 number, gchar *path,
                            DcPicture *picture);

/* The gallery has changed: the page is to show it. */
void dc_gallery_writer_touch(DcGalleryWriter *writer);

/* Returns when everything is written, and the page says that the stream has ended. The next touch
 * takes that back. */
void dc_gallery_writer_end(DcGalleryWriter *writer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcGalleryWriter, dc_gallery_writer_free)

G_END_DECLS

#endif
