/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "meta/driftcluster.h"

static gboolean
plugin_init(GstPlugin *plugin)
{
  (void)plugin;
  driftcluster_results_meta_register();
  return TRUE;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, driftcluster,
                  "Groups what a stream shows without labels and follows the drift of its domain",
                  plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE, GST_PACKAGE_ORIGIN)
