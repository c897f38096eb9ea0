/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_DETECTIONS_H
#define DC_ELEMENTS_DETECTIONS_H

#include "common/analytics-bridge.h"

G_BEGIN_DECLS

/* DcAnalyticsBridge.next_detection. A box that is turned is taken as if it were not. */
gboolean dc_detections_next(GstBuffer *buffer, gpointer *state, DcDetection *detection);

G_END_DECLS

#endif
