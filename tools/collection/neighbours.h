/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_NEIGHBOURS_H
#define DC_TOOLS_COLLECTION_NEIGHBOURS_H

#include "collection/collection.h"

G_BEGIN_DECLS

#define DC_NEIGHBOURS 8

/* Finds the DC_NEIGHBOURS most similar pictures of each picture that has none yet, among (at most
 * 4096, drawn at random) others of its group, and stores them as little-endian int64 in
 * `pictures.neighbours`, the nearest first. `dim` is the length of embeddings. */
gboolean dc_neighbours_update(DcCollection *collection, gsize dim, GError **error);

G_END_DECLS

#endif
