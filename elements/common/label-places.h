/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_LABEL_PLACES_H
#define DC_ELEMENTS_LABEL_PLACES_H

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Where the labels of boxes go on a frame: where they cover nothing, if there is such a place at
 * the box. A label that stood free keeps its side of the box on the next frames, as long as it
 * stays free there. One thread at a time. */
typedef struct DcLabelPlaces DcLabelPlaces;

DcLabelPlaces *dc_label_places_new(void);
void dc_label_places_free(DcLabelPlaces *places); /* NULL is ignored */

/* Starts a frame of `width` x `height` pixels, on which there is nothing yet. */
void dc_label_places_begin(DcLabelPlaces *places, gint width, gint height);

/* A box, the part of it that is on the frame; returns its number. All boxes come before the first
 * label is placed. */
guint dc_label_places_add_box(DcLabelPlaces *places, const GstVideoRectangle *box);

/* An area that no label should cover: another label, the legend. */
void dc_label_places_take(DcLabelPlaces *places, const GstVideoRectangle *area);

/* Where a label of `width` x `height`, at most the frame's, goes at the box of number `box`: above
 * it, below, at a side, in it, the first of these that covers no other box and nothing taken. TRUE
 * when there is one outside of the box; else the one that covers least, where texts count more than
 * boxes, other boxes more than its own, and the upper third of a box, where heads are, most. Always
 * on the frame. `key` is what the thing in the box is known by from frame to frame. Takes nothing.
 */
gboolean dc_label_places_find(DcLabelPlaces *places, guint box, guint64 key, gint width,
                              gint height, GstVideoRectangle *place);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcLabelPlaces, dc_label_places_free)

G_END_DECLS

#endif
