/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/region-cutter.h"

#include "common/result.h"
#include "store/shrink.h"

static gboolean
open_frame(DcRegionCutter *cutter)
{
  if (!cutter->open && !cutter->unreadable) {
    cutter->open = dc_frame_reader_open(&cutter->reader, cutter->info, cutter->buffer);
    cutter->unreadable = !cutter->open;
  }
  return cutter->open;
}

gboolean
dc_region_cutter_cut(DcRegionCutter *cutter, const DriftclusterResult *result, gint side,
                     DcPicture *picture)
{
  GstVideoRectangle box;

  if (!open_frame(cutter) || !dc_result_box(result, GST_VIDEO_INFO_WIDTH(cutter->info),
                                            GST_VIDEO_INFO_HEIGHT(cutter->info), &box))
    return FALSE;
  const DcRect region = {box.x, box.y, box.w, box.h};
  return dc_shrink(&cutter->reader.image, &region, side, picture) == DC_OK;
}

void
dc_region_cutter_close(DcRegionCutter *cutter)
{
  if (cutter->open)
    dc_frame_reader_close(&cutter->reader);
  cutter->open = FALSE;
}
