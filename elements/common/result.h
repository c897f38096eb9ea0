/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_RESULT_H
#define DC_ELEMENTS_RESULT_H

#include "meta/results-meta.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The box of `result` in whole pixels of a frame of `width` x `height`. Its edges are rounded, not
 * its size, so that regions that touch still do. It may lie partly or wholly outside of the frame.
 * FALSE when the result holds no box that fits into integers. Any thread. */
gboolean dc_result_box(const DriftclusterResult *result, gint width, gint height,
                       GstVideoRectangle *box);

#define DC_RESULT_LABEL_SIZE 32

/* The label of a cluster for people: its own, or one made from its index in `made`. */
const gchar *dc_result_label(const DriftclusterResult *result, gchar made[DC_RESULT_LABEL_SIZE]);

G_END_DECLS

#endif
