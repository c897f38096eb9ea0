/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ANALYTICS_BRIDGE_H
#define DC_ELEMENTS_ANALYTICS_BRIDGE_H

#include "common/foreign-tensor.h"
#include "meta/embedding-meta.h"
#include "meta/results-meta.h"

G_BEGIN_DECLS

/* The way to the metadata of GStreamer's analytics library (1.24 on). The elements are built
 * without that library, so that they load where there is none; a plugin of its own,
 * `driftclusteranalytics`, is built with it and hands over these functions. */

/* A GstAnalyticsODMtd. */
typedef struct {
  gint x, y, width, height; /* in pixels of the frame, where it may lie partly or wholly outside */
  GQuark type;              /* of the object */
  guint id;                 /* of the detection on this buffer, and on no other */
  gboolean tracked;         /* whether a GstAnalyticsTrackingMtd is related to it */
  guint64 track;            /* whose id is this */
  gdouble confidence;       /* of the detector, 0..1 */
} DcDetection;

typedef struct {
  /* The next detection on `buffer`; `*state` is NULL before the first. FALSE after the last. */
  gboolean (*next_detection)(GstBuffer *buffer, gpointer *state, DcDetection *detection);

  /* The tensor of number `index` on `buffer`, which keeps it; FALSE when there are fewer. */
  gboolean (*get_tensor)(GstBuffer *buffer, gsize index, DcForeignTensor *tensor);

  /* Writes the labels of the regions of `meta` (results[i] for region i) on `buffer` (writable) as
   * GstAnalyticsClsMtd: related to the detection that the region was made of, or alone for the
   * region of the whole frame. Tiles and regions without a cluster get none. */
  void (*write_labels)(GstBuffer *buffer, const DriftclusterEmbeddingMeta *meta,
                       const DriftclusterResult *results);
} DcAnalyticsBridge;

/* Called by that plugin when it is loaded; `bridge` is constant. */
void dc_analytics_bridge_offer(GstPlugin *plugin, const DcAnalyticsBridge *bridge);

/* The functions of that plugin, which is loaded for it, or NULL where there is none that can be
 * loaded and is of this version. Any thread; not for every buffer. */
const DcAnalyticsBridge *dc_analytics_bridge_find(void);

#define DC_ANALYTICS_PLUGIN "driftclusteranalytics"

G_END_DECLS

#endif
