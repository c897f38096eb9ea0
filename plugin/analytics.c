/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "analytics/detections.h"
#include "analytics/labels.h"
#include "analytics/tensors.h"

static gboolean
plugin_init(GstPlugin *plugin)
{
  static const DcAnalyticsBridge bridge = {
      .next_detection = dc_detections_next,
      .get_tensor = dc_tensors_get,
      .write_labels = dc_labels_write,
  };
  dc_analytics_bridge_offer(plugin, &bridge);
  return TRUE;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, driftclusteranalytics,
                  "Lets the driftcluster elements read and write GStreamer's analytics metadata",
                  plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE, GST_PACKAGE_ORIGIN)
