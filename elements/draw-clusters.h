/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_DRAW_CLUSTERS_H
#define DC_ELEMENTS_DRAW_CLUSTERS_H

#include <gst/video/gstvideofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_DRAW_CLUSTERS (gst_draw_clusters_get_type())
G_DECLARE_FINAL_TYPE(GstDrawClusters, gst_draw_clusters, GST, DRAW_CLUSTERS, GstVideoFilter)

GST_ELEMENT_REGISTER_DECLARE(draw_clusters)

G_END_DECLS

#endif
