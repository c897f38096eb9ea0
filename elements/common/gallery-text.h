/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_GALLERY_TEXT_H
#define DC_ELEMENTS_GALLERY_TEXT_H

#include "common/gallery-group.h"

G_BEGIN_DECLS

/* What stands above the groups. */
typedef struct {
  const gchar *title;
  gboolean ended;      /* the stream has */
  gboolean edits;      /* commands about the groups are taken */
  gint64 run;          /* time of day at which the gallery began, in us since 1970 */
  gint64 written;      /* the same of this text */
  GstClockTime newest; /* latest stream time of all, or NONE */
} DcGalleryHead;

/* The file of a picture, below the folder of the gallery. */
gchar *dc_gallery_path(const DcGalleryGroup *group, guint64 number);

/* Writes the groups (of DcGalleryGroup *) and those of their exemplars that are written as one JSON
 * object in the place of `text`. */
void dc_gallery_text(const DcGalleryHead *head, const GPtrArray *groups, GString *text);

G_END_DECLS

#endif
