/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_SCATTER_H
#define DC_TOOLS_SCATTER_H

#include "clustering.h"

G_BEGIN_DECLS

#define DC_SCATTER_MOST_POINTS 10000

/* Draws the embeddings in the plane of tools/projection.h as a PNG file: a point for each, or for
 * DC_SCATTER_MOST_POINTS drawn by `seed`, in the colour of its cluster; the centroids with their
 * numbers; the sizes of the largest clusters as a legend. */
gboolean dc_scatter_write(const char *path, const DcClustering *clustering, guint64 seed,
                          GError **error);

G_END_DECLS

#endif
