/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_PROJECTION_H
#define DC_TOOLS_PROJECTION_H

#include "clustering.h"

G_BEGIN_DECLS

/* A linear map of embeddings to the plane. */
typedef struct {
  float *origin;         /* d: what is mapped to 0, 0 */
  float *directions;     /* 2 x d, orthonormal; a row of zeros where there is no such direction */
  double shares[2];      /* of the scatter that the directions show, 0..1 */
  gboolean of_centroids; /* the scatter between centroids; else that of the embeddings */
} DcProjection;

/* The two principal directions of the scatter between the centroids, each weighted by the size of
 * its cluster (the between-class scatter matrix of Fisher's discriminant analysis). Where fewer
 * than three clusters have members, or their centroids lie on a line, those of the embeddings
 * (principal component analysis). Rows beyond DC_PROJECTION_MOST_ROWS are left out: the smallest
 * clusters, or embeddings drawn by `seed`. Clear with dc_projection_clear(). */
#define DC_PROJECTION_MOST_ROWS 2048
gboolean dc_projection_init(DcProjection *projection, const DcClustering *clustering, guint64 seed,
                            GError **error);
void dc_projection_clear(DcProjection *projection);

/* Row i of `points` (count x 2) is the place of row chosen[i] of `rows`. */
void dc_projection_run(const DcProjection *projection, const DcMatrix *rows, const guint32 *chosen,
                       gsize count, const DcMatrix *points);

/* `count` of the numbers 0 .. n - 1 (all when n is less), drawn by `seed`, in random order. Free
 * with g_array_unref(). */
GArray *dc_draw_subset(gsize n, gsize count, guint64 seed);

G_END_DECLS

#endif
