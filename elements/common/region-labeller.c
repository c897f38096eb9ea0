/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/region-labeller.h"

#include "common/encoder-check.h"
#include "common/region-iter.h"

#include <math.h>

#define NOWHERE UINT32_MAX /* cluster of an embedding that cannot be assigned */

struct DcRegionLabeller {
  DcSnapshot *snapshot; /* NULL: no clusters */
  DcAssigner *assigner;
  DcTrackVotes *tracks;
  DcAssignment *assignments; /* one for each row of the block */
  guint n_assignments;
  DriftclusterResult *results;
  guint n_results;
};

DcRegionLabeller *
dc_region_labeller_new(guint max_tracks)
{
  DcAssigner *assigner = dc_assigner_new();
  if (!assigner)
    return NULL;
  DcRegionLabeller *labeller = g_new0(DcRegionLabeller, 1);
  labeller->assigner = assigner;
  labeller->tracks = dc_track_votes_new(max_tracks);
  return labeller;
}

void
dc_region_labeller_free(DcRegionLabeller *labeller)
{
  if (!labeller)
    return;
  dc_snapshot_unref(labeller->snapshot);
  dc_assigner_free(labeller->assigner);
  dc_track_votes_free(labeller->tracks);
  g_free(labeller->assignments);
  g_free(labeller->results);
  g_free(labeller);
}

/* The index in `snapshot` of the cluster `index` of `earlier`, G_MAXUINT when it is gone. Looks at
 * the same index first: there it nearly always is. */
static guint
find_again(const DcSnapshot *earlier, guint index, const DcSnapshot *snapshot)
{
  guint clusters = (guint)dc_snapshot_clusters(snapshot);
  const gchar *uuid = dc_snapshot_cluster(earlier, index)->uuid;
  for (guint step = 0; step < clusters; step++) {
    guint candidate = (index + step) % clusters;
    if (g_str_equal(dc_snapshot_cluster(snapshot, candidate)->uuid, uuid))
      return candidate;
  }
  return G_MAXUINT;
}

static void
renumber_tracks(DcRegionLabeller *labeller, const DcSnapshot *snapshot)
{
  guint clusters = (guint)dc_snapshot_clusters(labeller->snapshot);
  g_autofree guint *map = g_new(guint, clusters);
  gboolean moved = FALSE;
  for (guint i = 0; i < clusters; i++) {
    map[i] = find_again(labeller->snapshot, i, snapshot);
    moved |= map[i] != i;
  }
  if (moved)
    dc_track_votes_renumber(labeller->tracks, map, clusters);
}

void
dc_region_labeller_adopt(DcRegionLabeller *labeller, DcSnapshot *snapshot)
{
  if (!snapshot)
    dc_track_votes_clear(labeller->tracks);
  else if (labeller->snapshot && snapshot != labeller->snapshot)
    renumber_tracks(labeller, snapshot);
  dc_snapshot_unref(labeller->snapshot);
  labeller->snapshot = snapshot;
}

const DcSnapshot *
dc_region_labeller_snapshot(const DcRegionLabeller *labeller)
{
  return labeller->snapshot;
}

void
dc_region_labeller_forget(DcRegionLabeller *labeller)
{
  dc_track_votes_clear(labeller->tracks);
}

guint
dc_region_labeller_tracks(const DcRegionLabeller *labeller)
{
  return dc_track_votes_count(labeller->tracks);
}

/* Room for one assignment of each row and one result of each region; it stays for the next buffer.
 */
static void
make_room(DcRegionLabeller *labeller, guint rows, guint regions)
{
  if (rows > labeller->n_assignments) {
    labeller->assignments = g_renew(DcAssignment, labeller->assignments, rows);
    labeller->n_assignments = rows;
  }
  if (regions > labeller->n_results) {
    labeller->results = g_renew(DriftclusterResult, labeller->results, regions);
    labeller->n_results = regions;
  }
}

/* Assigns the rows one by one, so that those with NaN spoil no other; tells how many those are. */
static guint
assign_rows(DcRegionLabeller *labeller, const DcMatrix *embeddings, gdouble novelty)
{
  guint refused = 0;
  for (gsize row = 0; row < embeddings->rows; row++) {
    DcMatrix one = dc_matrix_rows(embeddings, row, 1);
    DcAssignment *assignment = &labeller->assignments[row];
    if (dc_snapshot_assign(labeller->snapshot, labeller->assigner, &one, novelty, assignment) !=
        DC_OK) {
      assignment->cluster = NOWHERE;
      refused++;
    }
  }
  return refused;
}

static DcStatus
assign_block(DcRegionLabeller *labeller, const DriftclusterEmbeddingBlock *block, gdouble novelty,
             guint *refused, DcError *error)
{
  DcStatus status = dc_encoder_check(block, dc_snapshot_dim(labeller->snapshot),
                                     dc_snapshot_encoder(labeller->snapshot), error);
  if (status != DC_OK)
    return status;
  DcMatrix embeddings = dc_matrix(block->data, block->rows, block->dim);
  status = dc_snapshot_assign(labeller->snapshot, labeller->assigner, &embeddings, novelty,
                              labeller->assignments);
  if (status == DC_ERROR_NOT_FINITE)
    *refused = assign_rows(labeller, &embeddings, novelty);
  else if (status != DC_OK)
    return dc_error_set(error, status, "%u embeddings of %u numbers cannot be assigned: %s",
                        block->rows, block->dim, dc_status_text(status));
  return DC_OK;
}

static gfloat
distance_to(const DcRegionLabeller *labeller, const gfloat *embedding, guint cluster)
{
  DcMatrix centroids = dc_snapshot_centroids(labeller->snapshot);
  const gfloat *centroid = dc_matrix_row(&centroids, cluster);
  gdouble sum = 0;
  for (gsize i = 0; i < centroids.cols; i++) {
    gdouble difference = (gdouble)embedding[i] - centroid[i];
    sum += difference * difference;
  }
  return (gfloat)sqrt(sum);
}

/* What was said last of the region. FALSE: nothing, or it is not known again. */
static gboolean
recall(DcRegionLabeller *labeller, const DriftclusterRegion *region, DcVote *vote)
{
  guint64 track;
  return dc_region_track(region, &track) && dc_track_votes_last(labeller->tracks, track, vote);
}

/* `vote`, or what the region's earlier votes make of it. */
static DcVote
cast(DcRegionLabeller *labeller, const DriftclusterRegion *region, const DcVote *vote,
     const DcVoteRules *rules)
{
  guint64 track;
  return dc_region_track(region, &track) ? dc_track_votes_cast(labeller->tracks, track, vote, rules)
                                         : *vote;
}

/* What the region's embedding says, smoothed by what its earlier ones said. An embedding that was
 * made for an earlier frame has voted there. FALSE: nothing. */
static gboolean
vote_by_embedding(DcRegionLabeller *labeller, const DriftclusterEmbeddingMeta *meta,
                  const DriftclusterRegion *region, const DcVoteRules *rules, DcVote *vote)
{
  const DcAssignment *assignment = &labeller->assignments[region->row];
  gboolean repeated = (guint)region->row >= meta->block->rows - meta->block->reused;
  if (repeated && recall(labeller, region, vote))
    return TRUE;
  if (assignment->cluster == NOWHERE)
    return FALSE;
  *vote = (DcVote){.cluster = assignment->cluster,
                   .confidence = assignment->confidence,
                   .distance = assignment->distance,
                   .novel = assignment->novel,
                   .second = assignment->second,
                   .margin = assignment->margin};
  *vote = cast(labeller, region, vote, rules);
  if (vote->cluster != assignment->cluster)
    vote->distance =
        distance_to(labeller,
                    driftcluster_embedding_block_get_row(meta->block, (guint)region->row, NULL),
                    vote->cluster);
  return TRUE;
}

static const gchar *
label_of(const DcRegionLabeller *labeller, const GPtrArray *labels, guint cluster)
{
  const gchar *label = labels && cluster < labels->len ? g_ptr_array_index(labels, cluster) : NULL;
  return label ? label : dc_snapshot_cluster(labeller->snapshot, cluster)->label;
}

/* A result that says where the region is, and no more. */
static DriftclusterResult
place(const DriftclusterEmbeddingMeta *meta, const DriftclusterRegion *region)
{
  return (DriftclusterResult){
      .x = (gdouble)region->x / meta->width,
      .y = (gdouble)region->y / meta->height,
      .width = (gdouble)region->width / meta->width,
      .height = (gdouble)region->height / meta->height,
      .key = region->key,
      .roi_type = region->roi_type,
      .roi_id = region->roi_id,
      .cluster = -1,
  };
}

/* What is told of the clusters besides which one it is. */
static void
add_details(const DcRegionLabeller *labeller, const GPtrArray *labels, const DcVote *vote,
            DriftclusterResult *result)
{
  static const gchar *const reasons[] = {
      [DC_FITS] = NULL, [DC_FAR] = "far", [DC_BETWEEN] = "between"};
  const DcClusterInfo *info = dc_snapshot_cluster(labeller->snapshot, vote->cluster);
  if (vote->second != vote->cluster) {
    result->second = (gint)vote->second;
    result->second_label = label_of(labeller, labels, vote->second);
    result->margin = vote->margin;
  }
  result->novel_reason = reasons[vote->novel];
  result->ignored = info->ignored;
  if (info->group_uuid[0]) {
    result->group = info->group_label;
    result->group_uuid = info->group_uuid;
  }
}

static DriftclusterResult
label_region(DcRegionLabeller *labeller, const DriftclusterEmbeddingMeta *meta,
             const DriftclusterRegion *region, const DcLabelRules *rules)
{
  DcVote vote;
  DriftclusterResult result = place(meta, region);
  gboolean fresh = region->row >= 0;
  gboolean known = fresh ? vote_by_embedding(labeller, meta, region, &rules->votes, &vote)
                         : recall(labeller, region, &vote);
  if (!known)
    return result;
  result.cluster = (gint)vote.cluster;
  result.uuid = dc_snapshot_cluster(labeller->snapshot, vote.cluster)->uuid;
  result.label = label_of(labeller, rules->labels, vote.cluster);
  result.confidence = vote.confidence;
  result.distance = vote.distance;
  result.novel = vote.novel != DC_FITS;
  result.stale = !fresh;
  add_details(labeller, rules->labels, &vote, &result);
  return result;
}

DcStatus
dc_region_labeller_label(DcRegionLabeller *labeller, const DriftclusterEmbeddingMeta *meta,
                         const DcLabelRules *rules, DcLabels *labels, DcError *error)
{
  guint refused = 0;
  make_room(labeller, meta->block ? meta->block->rows : 0, meta->n_regions);
  if (labeller->snapshot && meta->block) {
    DcStatus status = assign_block(labeller, meta->block, rules->novelty, &refused, error);
    if (status != DC_OK)
      return status;
  }
  for (guint i = 0; i < meta->n_regions; i++)
    labeller->results[i] = labeller->snapshot
                               ? label_region(labeller, meta, &meta->regions[i], rules)
                               : place(meta, &meta->regions[i]);
  *labels = (DcLabels){labeller->results, refused};
  return DC_OK;
}
