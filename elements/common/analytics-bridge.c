/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/analytics-bridge.h"

/* Bears the version, because the two plugins share a structure that may change with each. */
#define BRIDGE_KEY "driftcluster-bridge-" PACKAGE_VERSION

void
dc_analytics_bridge_offer(GstPlugin *plugin, const DcAnalyticsBridge *bridge)
{
  g_object_set_data(G_OBJECT(plugin), BRIDGE_KEY, (gpointer)bridge);
}

const DcAnalyticsBridge *
dc_analytics_bridge_find(void)
{
  g_autoptr(GstPlugin) found = gst_registry_find_plugin(gst_registry_get(), DC_ANALYTICS_PLUGIN);
  g_autoptr(GstPlugin) loaded = found ? gst_plugin_load(found) : NULL;
  return loaded ? g_object_get_data(G_OBJECT(loaded), BRIDGE_KEY) : NULL;
}
