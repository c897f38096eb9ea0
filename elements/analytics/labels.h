/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_LABELS_H
#define DC_ELEMENTS_LABELS_H

#include "common/analytics-bridge.h"

G_BEGIN_DECLS

/* DcAnalyticsBridge.write_labels. There are two conventions of how a detection and its class are
 * related, RELATE_TO and CONTAIN, and a relation may be both: readers of either find it. */
void dc_labels_write(GstBuffer *buffer, const DriftclusterEmbeddingMeta *meta,
                     const DriftclusterResult *results);

G_END_DECLS

#endif
