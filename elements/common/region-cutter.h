/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_REGION_CUTTER_H
#define DC_ELEMENTS_REGION_CUTTER_H

#include "common/frame-reader.h"
#include "meta/results-meta.h"
#include "store/png.h"

G_BEGIN_DECLS

/* Cuts pictures of regions out of a frame, which is mapped when the first one is wanted. Lives on
 * the stack; starts with `info` and `buffer` set and the rest zero, and is closed in the end. */
typedef struct {
  const GstVideoInfo *info;
  GstBuffer *buffer;
  DcFrameReader reader;
  gboolean open;
  gboolean unreadable; /* the buffer does not hold a frame of `info` */
} DcRegionCutter;

/* The part of the region that is on the frame, with at most `side` pixels a side, to be cleared
 * with dc_picture_clear(). FALSE when there is none, or the frame cannot be read. */
gboolean dc_region_cutter_cut(DcRegionCutter *cutter, const DriftclusterResult *result, gint side,
                              DcPicture *picture);

void dc_region_cutter_close(DcRegionCutter *cutter);

G_END_DECLS

#endif
