/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/page-resources.h"

#include "page-data.h"

const char *const dc_page_resources[] = {"index.html",
                                         "page/style.css",
                                         "page/common.js",
                                         "page/page.js",
                                         "page/editing.js",
                                         "page/edit.js",
                                         NULL};

GBytes *
dc_page_resource(const char *name)
{
  g_autofree char *path = g_strconcat("/driftcluster/", name, NULL);
  return g_resource_lookup_data(dc_page_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}
