/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_ADAPT_CENTROIDS_H
#define DC_ELEMENTS_ADAPT_CENTROIDS_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_ADAPT_CENTROIDS (gst_adapt_centroids_get_type())
G_DECLARE_FINAL_TYPE(GstAdaptCentroids, gst_adapt_centroids, GST, ADAPT_CENTROIDS, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(adapt_centroids);

G_END_DECLS

#endif
