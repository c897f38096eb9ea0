/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ROI_LABEL_H
#define DC_ELEMENTS_ROI_LABEL_H

#include "meta/embedding-meta.h"
#include "meta/results-meta.h"

G_BEGIN_DECLS

/* Name of the structure among the params of a GstVideoRegionOfInterestMeta. */
#define DC_ROI_LABEL_NAME "driftcluster"

/* A courtesy to programs made for DL Streamer: writes `result` on the region of interest of
 * `buffer` (writable) that `region` was made from, as a classification with label, label_id and
 * confidence, in the place of an earlier one; a result without a cluster only removes that. Does
 * nothing for regions that come from no region of interest. These params do not survive a
 * conversion of format: the results meta is what to rely on. */
void dc_roi_label_write(GstBuffer *buffer, const DriftclusterRegion *region,
                        const DriftclusterResult *result);

G_END_DECLS

#endif
