/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TOOLS_COLLECTION_GROUPING_PRIVATE_H
#define DC_TOOLS_COLLECTION_GROUPING_PRIVATE_H

#include "collection/grouping.h"
#include "stream/adapter.h"

G_BEGIN_DECLS

/* A place in the space of embeddings that a group has; merged groups have several. */
typedef struct {
  gint64 id, group;
  gboolean pinned;
} DcPrototype;

/* A change of what is stored, within a transaction. */
typedef gboolean (*DcGroupingChange)(DcGrouping *grouping, gpointer data, GError **error);

#define DC_GROUPING_ATTEMPTS 20 /* at changing what somebody edits meanwhile */

struct DcGrouping {
  DcCollection *collection;
  gsize dim;
  char *encoder;
  GArray *prototypes; /* of DcPrototype */
  GArray *centroids;  /* of float, a row for each prototype: where a pinned one stays */
  GArray *spreads;    /* of float */
  gint64 edits;       /* that were made before the prototypes were read */
  DcAdapter *adapter; /* NULL: no groups */
  DcSnapshot *snapshot;
  DcAssigner *assigner;
  GHashTable *touched; /* groups whose pictures changed */
};

/* --- prototypes.c --- */

void dc_grouping_add_prototype(DcGrouping *grouping, DcPrototype prototype, const float *centroid,
                               float spread);

/* Reads the prototypes of all groups, or of edited ones alone. */
void dc_grouping_read_prototypes(DcGrouping *grouping, gboolean edited_only);
void dc_grouping_store_prototype(DcGrouping *grouping, gsize index);
DcPrototype *dc_grouping_prototype(const DcGrouping *grouping, gsize index);
DcMatrix dc_grouping_centroids(const DcGrouping *grouping); /* prototypes x dim */

/* --- grouping.c --- */

/* Makes a change of what follows from the prototypes. Where somebody has edited since they were
 * read, nothing is changed, and that is told in `*overtaken`. */
gboolean dc_grouping_change(DcGrouping *grouping, DcGroupingChange change, gpointer data,
                            gboolean *overtaken, GError **error);

/* Begins a stream at the prototypes, with the spreads that they have or (`known_spreads` FALSE)
 * none yet. */
gboolean dc_grouping_start_adapter(DcGrouping *grouping, gboolean known_spreads, GError **error);

/* Shows the adapter a random sample, so that it knows how far out the members of each group lie. */
gboolean dc_grouping_prime(DcGrouping *grouping, const DcMatrix *sample, GError **error);

/* What the adapter has come to, after it has adapted (`adapt`) or as it stands. */
gboolean dc_grouping_take_snapshot(DcGrouping *grouping, gboolean adapt, GError **error);

/* --- placing.c --- */

/* Places every picture that nobody holds elsewhere. Within a transaction. */
gboolean dc_grouping_place_all(DcGrouping *grouping, GError **error);

G_END_DECLS

#endif
