/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_FRAME_READER_H
#define DC_ELEMENTS_FRAME_READER_H

#include "image/image.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/* The formats that a frame can be read in, for caps. */
#define DC_FRAME_FORMATS "{ GRAY8, RGB, BGR, RGBx, BGRx, RGBA, BGRA, I420, NV12, YUY2 }"

/* A frame mapped for reading, as the core sees pictures. */
typedef struct {
  GstVideoFrame frame;
  DcImage image; /* valid until the frame is closed */
} DcFrameReader;

/* Whether frames of `info` can be read: one of DC_FRAME_FORMATS. */
gboolean dc_frame_reader_accepts(const GstVideoInfo *info);

/* Maps `buffer` READ, so that a shared buffer is not copied, with the strides and offsets of its
 * GstVideoMeta where it has one; of a frame larger than `info` the top left is read. FALSE when the
 * buffer does not hold a frame of `info` (its memory is too small, or its meta describes another
 * format); nothing is to be closed then. */
gboolean dc_frame_reader_open(DcFrameReader *reader, const GstVideoInfo *info, GstBuffer *buffer);
void dc_frame_reader_close(DcFrameReader *reader);

G_END_DECLS

#endif
