/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ANNOTATOR_H
#define DC_ELEMENTS_ANNOTATOR_H

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Regions of one frame that are painted at most; the legend counts all. */
#define DC_ANNOTATOR_MAX_DRAWN 512

/* Paints the results of a frame on it: a box per region in the colour of its cluster, a label with
 * the cluster's name and confidence, and a legend. A region that fits no cluster (novel) has a box
 * of colour and white in turns and a dark label with a question mark; one whose assignment is old
 * (stale) is faint and dashed; one without cluster is thin and grey. What is too small for text has
 * boxes only. Remembers clusters and rendered texts. One thread at a time. */
typedef struct DcAnnotator DcAnnotator;

typedef struct {
  gint line_width; /* of a box in pixels; 0: by the size of the frame */
  gint font_size;  /* of the text in pixels; 0: by the size of the frame */
  gboolean legend;
} DcAnnotatorStyle;

DcAnnotator *dc_annotator_new(void);
void dc_annotator_free(DcAnnotator *annotator); /* NULL is ignored */

/* `frame` is mapped for reading and writing, in one of DC_PAINTER_FORMATS; `now` is its stream time
 * or NONE. */
void dc_annotator_draw(DcAnnotator *annotator, GstVideoFrame *frame, GstCustomMeta *results,
                       GstClockTime now, const DcAnnotatorStyle *style);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcAnnotator, dc_annotator_free)

G_END_DECLS

#endif
