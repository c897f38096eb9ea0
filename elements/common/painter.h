/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_PAINTER_H
#define DC_ELEMENTS_PAINTER_H

#include "common/palette.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The formats that can be painted on, for caps: eight bits per component. */
#define DC_PAINTER_FORMATS                                                                         \
  "{ I420, YV12, NV12, NV21, Y41B, Y42B, Y444, YUY2, UYVY, YVYU, AYUV, GRAY8, RGB, BGR, RGBx, "    \
  "BGRx, xRGB, xBGR, RGBA, BGRA, ARGB, ABGR }"

/* Coverage of each pixel of a shape, 0..255, for example that of a rendered text. */
typedef struct {
  gint width, height;
  gint stride; /* bytes from row to row */
  const guint8 *coverage;
} DcMask;

/* Paints on a frame in place, component by component, in whatever format it has. Only the pixels
 * that a shape covers are touched (in subsampled formats: the chroma samples that belong to them,
 * by the share that is covered); shapes may lie outside of the frame in part or wholly.
 *
 * gst_video_blend() would do it too, but goes through all pixels of each line that a shape touches,
 * and paints BT.709 of limited range whatever the frame's colorimetry. */
typedef struct {
  GstVideoFrame *frame; /* borrowed, mapped for reading and writing */
} DcPainter;

/* A rectangle in one colour; `alpha` 0 (nothing) .. 255 (covers all). */
void dc_painter_fill(const DcPainter *painter, GstVideoRectangle area, DcColour colour,
                     guint8 alpha);

/* `mask` with its top left corner at (x, y), in one colour. */
void dc_painter_stamp(const DcPainter *painter, const DcMask *mask, gint x, gint y,
                      DcColour colour);

G_END_DECLS

#endif
