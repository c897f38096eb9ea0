/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_LABELS_H
#define DC_TOOLS_LABELS_H

#include <glib.h>

G_BEGIN_DECLS

#define DC_NO_LABEL G_MAXUINT32

/* Labels from a file, one for each sample. */
typedef struct {
  gsize count;
  guint32 *values;
} DcLabels;

/* Reads a file of one dimension: a .npy file of whole numbers from 0 to DC_NO_LABEL - 1, or an IDX
 * file. Clear with dc_labels_clear(). */
gboolean dc_labels_read(const char *path, DcLabels *labels, GError **error);
void dc_labels_clear(DcLabels *labels);

/* The name of the file beside `path` that holds its labels, or NULL when there is none:
 * "NAME-labels-idx1-ubyte" for "NAME-images-idx3-ubyte", also where this one says "points" or
 * "vectors" or has another number, and "X-labels.npy" or "X_labels.npy" for "X.npy". Free with
 * g_free(). */
char *dc_labels_beside(const char *path);

G_END_DECLS

#endif
