/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_PUBLISH_CLUSTERS_H
#define DC_ELEMENTS_PUBLISH_CLUSTERS_H

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_PUBLISH_CLUSTERS (gst_publish_clusters_get_type())
G_DECLARE_FINAL_TYPE(GstPublishClusters, gst_publish_clusters, GST, PUBLISH_CLUSTERS,
                     GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(publish_clusters)

G_END_DECLS

#endif
