/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapt-centroids-private.h"
#include "common/cluster-command.h"

void
gst_adapt_centroids_post(GstAdaptCentroids *self, GstStructure *notice)
{
  GST_OBJECT_LOCK(self);
  gboolean wanted = self->settings.post_messages;
  GST_OBJECT_UNLOCK(self);
  if (wanted)
    gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), notice));
  else
    gst_structure_free(notice);
}

void
gst_adapt_centroids_post_state(const gchar *kind, const gchar *path, const gchar *reason,
                               gpointer user_data)
{
  GstAdaptCentroids *self = user_data;

  GST_OBJECT_LOCK(self);
  DcBufferTimes times = self->newest;
  GST_OBJECT_UNLOCK(self);
  GstStructure *notice = dc_notice_new("adapt-centroids", kind, &times);
  gst_structure_set(notice, "location", G_TYPE_STRING, path, NULL);
  if (reason)
    gst_structure_set(notice, "reason", G_TYPE_STRING, reason, NULL);
  gst_adapt_centroids_post(self, notice);
}

static void
gst_adapt_centroids_post_clusters(GstAdaptCentroids *self, const gchar *kind,
                                  const DcAdapterStats *stats, const DcBufferTimes *times)
{
  DcSnapshot *snapshot = dc_cluster_keeper_snapshot(self->keeper);
  guint64 version = snapshot ? dc_snapshot_version(snapshot) : 0;
  GstStructure *notice = dc_notice_new("adapt-centroids", kind, times);
  gst_structure_set(notice, "version", G_TYPE_UINT64, version, "clusters", G_TYPE_UINT,
                    (guint)stats->clusters, "embeddings", G_TYPE_UINT64, stats->accepted,
                    "occupancy-entropy", G_TYPE_DOUBLE, stats->occupancy_entropy, "mean-shift",
                    G_TYPE_DOUBLE, stats->mean_shift, "displacement", G_TYPE_DOUBLE,
                    stats->displacement, "margin", G_TYPE_DOUBLE, stats->margin, "margin-reference",
                    G_TYPE_DOUBLE, stats->margin_reference, NULL);
  dc_snapshot_unref(snapshot);
  gst_adapt_centroids_post(self, notice);
}

/* Embeddings with NaN or infinity: told when a burst of them begins. */
static void
gst_adapt_centroids_post_rejected(GstAdaptCentroids *self, guint64 rejected,
                                  const DcBufferTimes *times)
{
  gboolean begins = rejected > 0 && !self->rejecting;
  self->rejecting = rejected > 0;
  if (!begins)
    return;
  GstStructure *notice = dc_notice_new("adapt-centroids", "embeddings-rejected", times);
  gst_structure_set(notice, "rejected", G_TYPE_UINT64, rejected, NULL);
  gst_adapt_centroids_post(self, notice);
}

/* Clusters that are new or adapted; and whether the embeddings still tell them apart, when that
 * changes. */
static void
gst_adapt_centroids_report_clusters(GstAdaptCentroids *self, const DcLearnResult *result,
                                    const DcBufferTimes *times)
{
  DcAdapterStats stats = dc_cluster_keeper_stats(self->keeper);

  for (gsize i = 0; i < result->changes; i++)
    gst_adapt_centroids_post(self, dc_cluster_change_notice(&result->change[i], times));
  if (result->created)
    gst_adapt_centroids_post_clusters(self, "clusters-created", &stats, times);
  else if (dc_rate_limit_pass(&self->adapted_limit, times->stream_time))
    gst_adapt_centroids_post_clusters(self, "adapted", &stats, times);
  if (stats.separation_lost != self->separation_lost)
    gst_adapt_centroids_post_clusters(
        self, stats.separation_lost ? "separation-lost" : "separation-regained", &stats, times);
  self->separation_lost = stats.separation_lost;
}

void
gst_adapt_centroids_report(GstAdaptCentroids *self, const DcLearnResult *result,
                           const DcBufferTimes *times)
{
  if (result->restored)
    dc_state_store_tell_outcome(self->store, NULL);
  if (result->created || result->adapted)
    gst_adapt_centroids_report_clusters(self, result, times);
  gst_adapt_centroids_post_rejected(self, result->rejected, times);
}

GstStructure *
gst_adapt_centroids_make_stats(GstAdaptCentroids *self)
{
  DcAdapterStats stats = dc_cluster_keeper_stats(self->keeper);
  DcStateStoreStats store = dc_state_store_stats(self->store);
  GST_OBJECT_LOCK(self);
  guint64 dropped = self->dropped;
  GST_OBJECT_UNLOCK(self);
  return gst_structure_new(
      "application/x-adapt-centroids-stats", "accepted", G_TYPE_UINT64, stats.accepted, "rejected",
      G_TYPE_UINT64, stats.rejected, "dropped", G_TYPE_UINT64, dropped, "adaptations",
      G_TYPE_UINT64, stats.adaptations, "clusters", G_TYPE_UINT64, (guint64)stats.clusters,
      "remembered", G_TYPE_UINT64, (guint64)stats.remembered, "unknowns", G_TYPE_UINT64,
      (guint64)stats.unknowns, "births", G_TYPE_UINT64, stats.births, "splits", G_TYPE_UINT64,
      stats.splits, "merges", G_TYPE_UINT64, stats.merges, "retirements", G_TYPE_UINT64,
      stats.retirements, "saves", G_TYPE_UINT64, store.saves, "failed-saves", G_TYPE_UINT64,
      store.failed_saves, "occupancy-entropy", G_TYPE_DOUBLE, stats.occupancy_entropy, "mean-shift",
      G_TYPE_DOUBLE, stats.mean_shift, "margin", G_TYPE_DOUBLE, stats.margin, "margin-reference",
      G_TYPE_DOUBLE, stats.margin_reference, "separation-lost", G_TYPE_BOOLEAN,
      (gboolean)stats.separation_lost, "transported", G_TYPE_BOOLEAN, (gboolean)stats.transported,
      "expert", G_TYPE_UINT64, (guint64)stats.expert, "domains", G_TYPE_UINT64,
      (guint64)stats.domains, "jumps", G_TYPE_UINT64, stats.jumps, "calm", G_TYPE_DOUBLE,
      stats.calm, "displacement", G_TYPE_DOUBLE, stats.displacement, "fit", G_TYPE_DOUBLE,
      stats.fit, NULL);
}
