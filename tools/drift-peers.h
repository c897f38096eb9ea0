/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_DRIFT_PEERS_H
#define DC_TOOLS_DRIFT_PEERS_H

#include "tensor/matrix.h"

#include <glib.h>

G_BEGIN_DECLS

/* What people use on a drifting stream when they have nothing better. `centroids` (K x d) are where
 * it starts and, after, where it ended; `labels` (n) is given before what is labelled is learnt. */

/* Streaming k-means that forgets (as Spark MLlib's StreamingKMeans does): in batches of 64 each
 * centroid becomes the mean of its members, old ones weighing half after `half_life` embeddings of
 * the whole stream; 0: centroids never move. */
gboolean dc_drift_peer_forgetting(const DcMatrix *stream, gsize half_life,
                                  const DcMatrix *centroids, guint32 *labels, GError **error);

/* Every 256 embeddings k-means is run anew on the last `window` (first those of `source`), from the
 * centroids of before; clusters keep their numbers by the closest one-to-one matching. */
gboolean dc_drift_peer_window(const DcMatrix *source, const DcMatrix *stream, gsize window,
                              const DcMatrix *centroids, guint32 *labels, GError **error);

G_END_DECLS

#endif
