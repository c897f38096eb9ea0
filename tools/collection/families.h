/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_FAMILIES_H
#define DC_TOOLS_COLLECTION_FAMILIES_H

#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* The coarse level over groups: those that lie near each other are one family. Ward's criterion
 * (Ward 1963) on the centroids (K x d) with the sizes (K) as weights: of all pairs the two whose
 * union adds least to the squared distances are merged, until `count` (1..K) are left. `families`
 * (K) receives 0 .. count - 1, numbered by the first group in each. O(K^3) for K of some hundreds.
 */
void dc_families(const DcMatrix *centroids, const double *sizes, guint count, guint32 *families);

G_END_DECLS

#endif
