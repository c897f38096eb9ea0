/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapt-centroids.h"
#include "assign.h"
#include "draw-clusters.h"
#include "embed.h"
#include "find-motion.h"
#include "gallery-sink.h"
#include "meta/driftcluster.h"
#include "publish-clusters.h"
#include "tensor/blas.h"

static gboolean
plugin_init(GstPlugin *plugin)
{
  dc_blas_choose_kernels();
  /* Products of streaming threads that each start threads of their own only wait for each other. */
  if (!g_getenv("OPENBLAS_NUM_THREADS"))
    dc_blas_set_threads(1);
  driftcluster_results_meta_register();
  gboolean registered = TRUE;
  registered &= GST_ELEMENT_REGISTER(adapt_centroids, plugin);
  registered &= GST_ELEMENT_REGISTER(assign, plugin);
  registered &= GST_ELEMENT_REGISTER(draw_clusters, plugin);
  registered &= GST_ELEMENT_REGISTER(embed, plugin);
  registered &= GST_ELEMENT_REGISTER(find_motion, plugin);
  registered &= GST_ELEMENT_REGISTER(gallery_sink, plugin);
  registered &= GST_ELEMENT_REGISTER(publish_clusters, plugin);
  return registered;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, driftcluster,
                  "Groups what a stream shows without labels and follows the drift of its domain",
                  plugin_init, PACKAGE_VERSION, "LGPL", PACKAGE, GST_PACKAGE_ORIGIN)
