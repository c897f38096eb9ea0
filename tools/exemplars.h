/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_EXEMPLARS_H
#define DC_TOOLS_EXEMPLARS_H

#include "clustering.h"
#include "image/patch.h"
#include "nn/network.h"

G_BEGIN_DECLS

#define DC_EXEMPLARS_NEAREST 10
#define DC_EXEMPLARS_RANDOM  6

/* Draws what is in the clusters as a PNG file: for each a row with its number, its size, what
 * `decoder` (NULL: none) makes of its centroid, the members nearest to the centroid, and further
 * members drawn by `seed`. The 64 largest clusters at most; the picture says so. `samples` are
 * patches of `spec`, n of them. Fails when the decoder does not give such patches. */
gboolean dc_exemplars_write(const char *path, const DcClustering *clustering,
                            const DcPatchSpec *spec, const float *samples, const DcNetwork *decoder,
                            guint64 seed, GError **error);

/* The members of one cluster to be shown, by their numbers. */
typedef struct {
  guint32 nearest[DC_EXEMPLARS_NEAREST]; /* to the centroid, the nearest first */
  guint32 random[DC_EXEMPLARS_RANDOM];   /* of the others */
  gsize nearest_count, random_count;
} DcExemplars;

/* Chooses for the clusters in `chosen` (of guint32); one for each. Free with g_free(). */
DcExemplars *dc_exemplars_choose(const DcClustering *clustering, const GArray *chosen,
                                 guint64 seed);

G_END_DECLS

#endif
