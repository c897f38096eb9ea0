/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_REGION_LABELLER_H
#define DC_ELEMENTS_REGION_LABELLER_H

#include "common/track-votes.h"
#include "meta/embedding-meta.h"
#include "meta/results-meta.h"
#include "stream/snapshot.h"

G_BEGIN_DECLS

/* Labels the regions of one buffer after the other by the newest clusters, remembering the last
 * assignments of each region. Not thread-safe. */
typedef struct DcRegionLabeller DcRegionLabeller;

/* Remembers at most `max_tracks` regions (see dc_track_votes_new()). NULL when memory is short. */
DcRegionLabeller *dc_region_labeller_new(guint max_tracks);
void dc_region_labeller_free(DcRegionLabeller *labeller); /* NULL is ignored */

/* Labels by `snapshot` (transfer full; NULL: there are no clusters) from now on. What is remembered
 * follows the clusters' identities. */
void dc_region_labeller_adopt(DcRegionLabeller *labeller, DcSnapshot *snapshot);

/* The snapshot labelled by, without a reference, or NULL. */
const DcSnapshot *dc_region_labeller_snapshot(const DcRegionLabeller *labeller);

/* Forgets what is remembered of regions: the stream goes on somewhere else. */
void dc_region_labeller_forget(DcRegionLabeller *labeller);

/* How many regions are remembered. */
guint dc_region_labeller_tracks(const DcRegionLabeller *labeller);

/* How to label one buffer. */
typedef struct {
  const GPtrArray *labels; /* names by cluster, before those of the clusters; NULL: none */
  gdouble novelty;         /* see dc_snapshot_assign() */
  DcVoteRules votes;       /* of the assignments of a region */
} DcLabelRules;

/* The labels of one buffer; valid until the next one. */
typedef struct {
  DriftclusterResult *results; /* one for each region, in their order */
  guint refused;               /* embeddings with NaN or infinity: their regions have cluster -1 */
} DcLabels;

/* Labels each region of `meta`. A region without an embedding has its last label and is stale. A
 * region that cannot be labelled has cluster -1, and so has one without an embedding that is not
 * known again (see dc_region_track()). DC_ERROR_MISMATCH when the embeddings are of
 * another encoder than the clusters. */
DcStatus dc_region_labeller_label(DcRegionLabeller *labeller, const DriftclusterEmbeddingMeta *meta,
                                  const DcLabelRules *rules, DcLabels *labels, DcError *error);

G_END_DECLS

#endif
