/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_STABILITY_H
#define DC_TOOLS_COLLECTION_STABILITY_H

#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* How well embeddings (n x d) part into `clusters` groups, without labels. k-means is fitted to one
 * random half of `fitted` and to the other, both place the rows of `judged`, and the two partitions
 * are compared by the adjusted Rand index, 1 when both halves always tell the same groups (Lange et
 * al. 2004, "Stability-based validation of clustering solutions"; Tibshirani and Walther 2005,
 * "Cluster validation by prediction strength"). A line is parted alike every time, too, without
 * having any groups; so what the same measure gives for Gaussians of the same mean and covariance
 * is subtracted, as the gap statistic does (Tibshirani et al. 2001). Only labels of pictures are
 * compared, so that embeddings of different encoders, widths and scales can be. `stability`
 * receives the mean of several divisions, -1 .. 1, about 0 where there are no groups. Fails when a
 * half has fewer rows than clusters, nothing is to be judged, numbers are not finite, or memory is
 * short. Deterministic by seed. */
gboolean dc_stability(const DcMatrix *fitted, const DcMatrix *judged, guint32 clusters,
                      guint64 seed, double *stability, GError **error);

G_END_DECLS

#endif
