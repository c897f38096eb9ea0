/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_VECTORS_H
#define DC_TOOLS_VECTORS_H

#include <glib.h>

G_BEGIN_DECLS

/* Files of plain vectors, read a row at a time. */
typedef struct DcVectorFile DcVectorFile;

/* Whether a file holds vectors, not pictures: one whose name ends in .npy, and an IDX file (a name
 * with "idx") that has two dimensions or whose name says "points" or "vectors"; the rest of its
 * dimensions are then one vector. */
gboolean dc_vector_file_is(const char *path);

/* Whether the name of a file says that it is an IDX file. */
gboolean dc_is_idx(const char *path);

/* Opens such a file. Free with dc_vector_file_free(). */
DcVectorFile *dc_vector_file_open(const char *path, GError **error);
void dc_vector_file_free(DcVectorFile *file); /* NULL is ignored */

gsize dc_vector_file_count(const DcVectorFile *file);  /* vectors */
gsize dc_vector_file_length(const DcVectorFile *file); /* numbers in each, >= 1 */

/* The next vector as it stands in the file, in single precision; it lies in `file` until the next
 * one is read. NULL on failure: NaN, infinity and numbers too large are refused. At most
 * dc_vector_file_count() times. */
const float *dc_vector_file_next(DcVectorFile *file, GError **error);

G_END_DECLS

#endif
