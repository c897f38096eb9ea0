/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_CONFUSION_H
#define DC_TOOLS_CONFUSION_H

#include <glib.h>

G_BEGIN_DECLS

#define DC_CONFUSION_MOST_ROWS    60
#define DC_CONFUSION_MOST_COLUMNS 40

/* Draws how many samples of each class are in each cluster as a PNG file: a row for a cluster,
 * clusters in the order of the classes that the best one-to-one matching gives them, then those
 * that it leaves over, by size. A cell is the darker the larger its share of the cluster. Of a
 * larger table the largest classes and clusters; the picture says so. `clusters`, `classes`: of n
 * samples. A table beyond DC_CONTINGENCY_MAX_CELLS is DC_ERROR_UNSUPPORTED. */
gboolean dc_confusion_write(const char *path, const guint32 *clusters, const guint32 *classes,
                            gsize n, GError **error);

G_END_DECLS

#endif
