/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_FAMILIES_H
#define DC_TOOLS_COLLECTION_FAMILIES_H

#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* The coarse level over groups: those that lie near each other are one family, by sub-cluster
 * components over their centroids (K x d), as the stream core finds its groups of clusters
 * (cluster/scc.h), at the round whose number of families is nearest to `wanted`. `families` (K)
 * receives 0 .. *count - 1, numbered by the first group in each. Fails, with no families, when a
 * centroid is not finite or memory is short. */
gboolean dc_families(const DcMatrix *centroids, guint wanted, guint32 *families, guint *count,
                     GError **error);

G_END_DECLS

#endif
