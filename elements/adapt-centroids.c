/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-adapt-centroids
 * @title: adapt-centroids
 *
 * Learns from the embeddings on the buffers that pass, keeps the clusters adapted to what the
 * stream shows, and sends their newest version downstream, before the buffer that follows it. The
 * buffers themselves pass untouched, in any memory. On buffers that `embed` has not seen,
 * embeddings that another element made are taken, see #GstAdaptCentroids:tensor-name.
 *
 * The clusters are found in the first #GstAdaptCentroids:warm-up embeddings, unless they come from
 * a trained model or from a saved state. They outlive a flushing seek; PAUSED to READY forgets
 * them, unless #GstAdaptCentroids:state-file keeps them, or a reader of #GstAdaptCentroids:state-id
 * the last version. A stream that ends within the warm-up makes its clusters from what it brought.
 *
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=600 ! embed inference-region=tiles tiles=4x3 ! \
 *     adapt-centroids clusters=3 state-file=clusters.safetensors ! assign ! fakesink
 * ]|
 *
 * Since: 0.1
 */

#include "adapt-centroids.h"

#include "common/adapt-settings.h"
#include "common/buffer-times.h"
#include "common/cluster-command.h"
#include "common/cluster-keeper.h"
#include "common/embedding-worker.h"
#include "common/error.h"
#include "common/props.h"
#include "common/shared-state.h"
#include "common/snapshot-event.h"
#include "common/state-store.h"
#include "meta/driftcluster.h"

GST_DEBUG_CATEGORY_STATIC(adapt_centroids_debug);
#define GST_CAT_DEFAULT adapt_centroids_debug

#define QUEUE_CAPACITY 64 /* buffers that wait for the worker: about 2 s of video */

enum { PROP_STATS = DC_ADAPT_LAST };

enum {
  SIGNAL_RESET,
  SIGNAL_SAVE_STATE,
  SIGNAL_LOAD_STATE,
  SIGNAL_RENAME_CLUSTER,
  SIGNAL_MERGE_CLUSTERS,
  SIGNAL_SPLIT_CLUSTER,
  SIGNAL_PIN_CLUSTER,
  SIGNAL_IGNORE_CLUSTER,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

struct _GstAdaptCentroids {
  GstBaseTransform parent;

  DcClusterKeeper *keeper; /* for any thread; open from start to stop */
  DcStateStore *store;     /* for any thread */

  /* Under the object lock. */
  DcAdaptSettings settings;
  gboolean settings_changed; /* since the keeper was last told */
  DcBufferTimes newest;      /* of the embeddings learnt from last */
  guint64 dropped;           /* embeddings that found the worker's queue full */
  gboolean failed;           /* learning ended with an error */

  /* Constant from start to stop. */
  DcSharedState *shared;     /* NULL: not shared */
  DcEmbeddingWorker *worker; /* NULL: the streaming thread learns */

  /* Of the streaming thread. */
  DcSnapshot *announced; /* what downstream labels by */
  DcForeignReader foreign;

  /* Of the thread that learns. */
  DcRateLimit adapted_limit;
  gboolean rejecting;       /* the last block had embeddings that were rejected */
  gboolean separation_lost; /* what was last told of it */
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_FINAL_TYPE(GstAdaptCentroids, gst_adapt_centroids, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(adapt_centroids, "adapt-centroids", GST_RANK_NONE,
                            GST_TYPE_ADAPT_CENTROIDS)

/* --- What it tells --- */

/* Posts `notice` (transfer full) if messages are wanted. Any thread. */
static void
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

/* News of a state file, as of the newest embeddings. Any thread. */
static void
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

static void
gst_adapt_centroids_report(GstAdaptCentroids *self, const DcLearnResult *result,
                           const DcBufferTimes *times)
{
  if (result->restored)
    dc_state_store_tell_outcome(self->store, NULL);
  if (result->created || result->adapted)
    gst_adapt_centroids_report_clusters(self, result, times);
  gst_adapt_centroids_post_rejected(self, result->rejected, times);
}

/* A copy of the numbers read from the counters of all parts. */
static GstStructure *
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

/* --- Learning --- */

/* Says why learning cannot go on. */
static void
gst_adapt_centroids_fail(GstAdaptCentroids *self, const DcError *error)
{
  if (dc_cluster_keeper_has_waiting_state(self->keeper))
    dc_state_store_tell_outcome(self->store, error);
  DC_ELEMENT_ERROR(self, error);
  GST_OBJECT_LOCK(self);
  self->failed = TRUE;
  GST_OBJECT_UNLOCK(self);
}

/* Learns from one block, on the thread that learns. */
static void
gst_adapt_centroids_learn(DriftclusterEmbeddingBlock *block, const DcBufferTimes *times,
                          gpointer user_data)
{
  GstAdaptCentroids *self = user_data;
  DcLearnResult result;
  DcError error;

  GST_OBJECT_LOCK(self);
  self->newest = *times;
  GstClockTime interval = self->settings.save_interval;
  gboolean failed = self->failed;
  GST_OBJECT_UNLOCK(self);
  if (failed)
    return;
  if (dc_cluster_keeper_learn(self->keeper, block, times->stream_time, &result, &error) != DC_OK) {
    gst_adapt_centroids_fail(self, &error);
    return;
  }
  gst_adapt_centroids_report(self, &result, times);
  dc_state_store_save_when_due(self->store, interval, times->stream_time);
}

static gboolean
gst_adapt_centroids_has_failed(GstAdaptCentroids *self)
{
  GST_OBJECT_LOCK(self);
  gboolean failed = self->failed;
  GST_OBJECT_UNLOCK(self);
  return failed;
}

/* Has `block` (NULL: nothing) learnt from, here or by the worker. */
static void
gst_adapt_centroids_feed(GstAdaptCentroids *self, DriftclusterEmbeddingBlock *block,
                         const DcBufferTimes *times)
{
  if (!block || block->rows == block->reused)
    return;
  if (!self->worker) {
    gst_adapt_centroids_learn(block, times, self);
  } else if (!dc_embedding_worker_push(self->worker, block, times)) {
    GST_OBJECT_LOCK(self);
    self->dropped += block->rows - block->reused;
    GST_OBJECT_UNLOCK(self);
  }
}

/* Has the embeddings that `buffer` brings from elsewhere learnt from. FALSE after an error. */
static gboolean
gst_adapt_centroids_feed_foreign(GstAdaptCentroids *self, GstBuffer *buffer,
                                 const DcBufferTimes *times)
{
  DcForeignEmbeddings found;
  gboolean read = dc_foreign_reader_read(&self->foreign, GST_ELEMENT(self), buffer, &found);
  if (read)
    gst_adapt_centroids_feed(self, found.block, times);
  dc_foreign_embeddings_clear(&found);
  return read;
}

/* Tells the keeper of properties that changed. */
static void
gst_adapt_centroids_configure(GstAdaptCentroids *self)
{
  GST_OBJECT_LOCK(self);
  gboolean changed = self->settings_changed;
  self->settings_changed = FALSE;
  DcAdapterConfig config = self->settings.config;
  gboolean adapt = self->settings.adapt;
  GST_OBJECT_UNLOCK(self);
  if (changed)
    dc_cluster_keeper_configure(self->keeper, &config, adapt);
}

/* Sends the newest clusters downstream, unless they are known there. What a flush keeps from
 * getting through is sent again. */
static void
gst_adapt_centroids_announce(GstAdaptCentroids *self)
{
  DcSnapshot *newest = dc_cluster_keeper_snapshot(self->keeper);
  if (newest != self->announced &&
      gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(self), dc_snapshot_event_new(newest))) {
    DcSnapshot *earlier = self->announced;
    self->announced = newest;
    newest = earlier;
  }
  dc_snapshot_unref(newest);
}

/* A stream too short for the warm-up: makes the clusters from what there is. */
static void
gst_adapt_centroids_finish(GstAdaptCentroids *self)
{
  DcLearnResult result;
  DcError error;

  GST_OBJECT_LOCK(self);
  DcBufferTimes times = self->newest;
  gsize warm_up = self->settings.config.warm_up;
  GST_OBJECT_UNLOCK(self);
  DcStatus status = dc_cluster_keeper_finish(self->keeper, &result, &error);
  if (status != DC_OK) {
    DC_ELEMENT_WARNING(self, &error);
  } else if (result.created) {
    gst_adapt_centroids_report(self, &result, &times);
    GST_ELEMENT_WARNING(self, STREAM, FAILED,
                        ("The stream ended after %" G_GUINT64_FORMAT
                         " embeddings, the warm-up needs %" G_GSIZE_FORMAT
                         ": the clusters were made from those, and no region was labelled.",
                         dc_cluster_keeper_stats(self->keeper).accepted, warm_up),
                        ("Lower warm-up, or start from these clusters with state-file."));
  }
}

static void
gst_adapt_centroids_end_stream(GstAdaptCentroids *self)
{
  if (self->worker)
    dc_embedding_worker_drain(self->worker);
  if (!gst_adapt_centroids_has_failed(self))
    gst_adapt_centroids_finish(self);
  gst_adapt_centroids_announce(self);
  dc_state_store_finish(self->store);
}

/* --- Commands --- */

/* TRUE when a command went well; else says what kept it from that. */
static gboolean
gst_adapt_centroids_conclude(GstAdaptCentroids *self, DcStatus status, const DcError *error)
{
  if (status != DC_OK)
    DC_ELEMENT_WARNING(self, error);
  return status == DC_OK;
}

static gboolean
gst_adapt_centroids_reset(GstAdaptCentroids *self)
{
  DcError error;
  DcStatus status = dc_cluster_keeper_reset(self->keeper, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

static gboolean
gst_adapt_centroids_save_state(GstAdaptCentroids *self, const gchar *path)
{
  DcError error;
  DcStatus status = dc_state_store_save_as(self->store, path, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

static gboolean
gst_adapt_centroids_load_state(GstAdaptCentroids *self, const gchar *path)
{
  DcError error;
  DcStatus status = dc_state_store_load(self->store, path, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

/* Carries out a command about clusters, and tells of it. Any thread. */
static DcStatus
gst_adapt_centroids_carry_out(GstAdaptCentroids *self, const DcClusterCommand *command,
                              DcError *error)
{
  DcClusterOutcome outcome;
  DcStatus status = dc_cluster_keeper_command(self->keeper, command, &outcome, error);
  if (status != DC_OK)
    return status;
  GST_OBJECT_LOCK(self);
  DcBufferTimes times = self->newest;
  GST_OBJECT_UNLOCK(self);
  gst_adapt_centroids_post(self, dc_cluster_command_notice(command, &outcome, &times));
  return DC_OK;
}

static gboolean
gst_adapt_centroids_command(GstAdaptCentroids *self, const DcClusterCommand *command)
{
  DcError error;
  DcStatus status = gst_adapt_centroids_carry_out(self, command, &error);
  return gst_adapt_centroids_conclude(self, status, &error);
}

static gboolean
gst_adapt_centroids_rename_cluster(GstAdaptCentroids *self, const gchar *cluster,
                                   const gchar *label)
{
  const DcClusterCommand command = {DC_RENAME_CLUSTER, .cluster = cluster, .label = label};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_merge_clusters(GstAdaptCentroids *self, const gchar *cluster,
                                   const gchar *other)
{
  const DcClusterCommand command = {DC_MERGE_CLUSTERS, .cluster = cluster, .other = other};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_split_cluster(GstAdaptCentroids *self, const gchar *cluster)
{
  const DcClusterCommand command = {DC_SPLIT_CLUSTER, .cluster = cluster};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_pin_cluster(GstAdaptCentroids *self, const gchar *cluster, gboolean pinned)
{
  const DcClusterCommand command = {DC_PIN_CLUSTER, .cluster = cluster, .on = pinned};
  return gst_adapt_centroids_command(self, &command);
}

static gboolean
gst_adapt_centroids_ignore_cluster(GstAdaptCentroids *self, const gchar *cluster, gboolean ignored)
{
  const DcClusterCommand command = {DC_IGNORE_CLUSTER, .cluster = cluster, .on = ignored};
  return gst_adapt_centroids_command(self, &command);
}

/* A command that came as an event, which ends here. */
static gboolean
gst_adapt_centroids_handle_command(GstAdaptCentroids *self, GstEvent *event)
{
  DcClusterCommand command;
  DcError error;
  DcStatus status = dc_cluster_command_read(event, &command, &error);
  if (status == DC_OK)
    status = gst_adapt_centroids_carry_out(self, &command, &error);
  if (!gst_adapt_centroids_conclude(self, status, &error))
    dc_cluster_command_refuse(event, error.message);
  gst_event_unref(event);
  return status == DC_OK;
}

/* --- GstBaseTransform --- */

static GstFlowReturn
gst_adapt_centroids_transform_ip(GstBaseTransform *transform, GstBuffer *buffer)
{
  GstAdaptCentroids *self = GST_ADAPT_CENTROIDS(transform);
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);
  DcBufferTimes times = dc_buffer_times(&transform->segment, buffer);

  if (GST_CLOCK_TIME_IS_VALID(times.stream_time))
    gst_object_sync_values(GST_OBJECT(self), times.stream_time);
  gst_adapt_centroids_configure(self);
  gboolean read = TRUE;
  if (meta)
    gst_adapt_centroids_feed(self, meta->block, &times);
  else
    read = gst_adapt_centroids_feed_foreign(self, buffer, &times);
  if (!read || gst_adapt_centroids_has_failed(self))
    return GST_FLOW_ERROR;
  gst_adapt_centroids_announce(self);
  return GST_FLOW_OK;
}

static gboolean
gst_adapt_centroids_set_caps(GstBaseTransform *transform, GstCaps *in_caps, GstCaps *out_caps)
{
  (void)out_caps;
  dc_foreign_reader_set_caps(&GST_ADAPT_CENTROIDS(transform)->foreign, in_caps);
  return TRUE;
}

static gboolean
gst_adapt_centroids_sink_event(GstBaseTransform *transform, GstEvent *event)
{
  GstAdaptCentroids *self = GST_ADAPT_CENTROIDS(transform);

  if (dc_event_is_cluster_command(event))
    return gst_adapt_centroids_handle_command(self, event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START && self->worker)
    dc_embedding_worker_flush(self->worker);
  else if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
    gst_adapt_centroids_end_stream(self);
  return GST_BASE_TRANSFORM_CLASS(gst_adapt_centroids_parent_class)->sink_event(transform, event);
}

static gboolean
gst_adapt_centroids_src_event(GstBaseTransform *transform, GstEvent *event)
{
  if (dc_event_is_cluster_command(event))
    return gst_adapt_centroids_handle_command(GST_ADAPT_CENTROIDS(transform), event);
  return GST_BASE_TRANSFORM_CLASS(gst_adapt_centroids_parent_class)->src_event(transform, event);
}

static gboolean
gst_adapt_centroids_share(GstAdaptCentroids *self, const gchar *id)
{
  if (!id)
    return TRUE;
  self->shared = dc_shared_state_get(id);
  if (dc_shared_state_claim(self->shared, self))
    return TRUE;
  GST_ELEMENT_ERROR(self, RESOURCE, BUSY,
                    ("Another adapt-centroids writes the clusters named '%s' already.", id),
                    ("Give each adapt-centroids a state-id of its own, or unset it."));
  return FALSE;
}

/* Opens what the settings name. */
static gboolean
gst_adapt_centroids_open(GstAdaptCentroids *self, const DcAdapterConfig *config,
                         const gchar *model_file, const gchar *state_file)
{
  DcError error;
  DcStatus status = dc_cluster_keeper_open(self->keeper, config, model_file, self->shared, &error);
  if (status == DC_OK)
    status = dc_state_store_open(self->store, state_file, &error);
  if (status != DC_OK)
    DC_ELEMENT_ERROR(self, &error);
  return status == DC_OK;
}

static gboolean
gst_adapt_centroids_stop(GstBaseTransform *transform)
{
  GstAdaptCentroids *self = GST_ADAPT_CENTROIDS(transform);

  g_clear_pointer(&self->worker, dc_embedding_worker_free);
  dc_state_store_finish(self->store);
  dc_state_store_close(self->store);
  dc_cluster_keeper_close(self->keeper);
  if (self->shared)
    dc_shared_state_release(self->shared, self);
  g_clear_pointer(&self->shared, dc_shared_state_unref);
  g_clear_pointer(&self->announced, dc_snapshot_unref);
  return TRUE;
}

static gboolean
gst_adapt_centroids_start(GstBaseTransform *transform)
{
  GstAdaptCentroids *self = GST_ADAPT_CENTROIDS(transform);

  GST_OBJECT_LOCK(self);
  DcAdapterConfig config = self->settings.config;
  g_autofree gchar *model_file = g_strdup(self->settings.model_file);
  g_autofree gchar *state_file = g_strdup(self->settings.state_file);
  g_autofree gchar *id = g_strdup(self->settings.state_id);
  gboolean async = self->settings.async;
  DcForeignSettings foreign = self->settings.foreign;
  self->settings_changed = TRUE;
  self->newest = dc_buffer_times_none();
  self->dropped = 0;
  self->failed = FALSE;
  GST_OBJECT_UNLOCK(self);

  dc_foreign_reader_start(&self->foreign, &foreign);
  self->adapted_limit = DC_RATE_LIMIT_INIT;
  self->rejecting = FALSE;
  self->separation_lost = FALSE;
  if (!gst_adapt_centroids_share(self, id) ||
      !gst_adapt_centroids_open(self, &config, model_file, state_file)) {
    gst_adapt_centroids_stop(transform);
    return FALSE;
  }
  if (async)
    self->worker = dc_embedding_worker_new(QUEUE_CAPACITY, gst_adapt_centroids_learn, self);
  return TRUE;
}

/* --- Signals --- */

/* A signal with a string as its first argument and `second` as its second, of which it has
 * `n_arguments`. */
static guint
gst_adapt_centroids_new_command_of(const gchar *name, GCallback handler, guint n_arguments,
                                   GType second)
{
  return g_signal_new_class_handler(name, GST_TYPE_ADAPT_CENTROIDS,
                                    G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, handler, NULL, NULL, NULL,
                                    G_TYPE_BOOLEAN, n_arguments, G_TYPE_STRING, second);
}

static guint
gst_adapt_centroids_new_command(const gchar *name, GCallback handler, guint n_arguments)
{
  return gst_adapt_centroids_new_command_of(name, handler, n_arguments, G_TYPE_STRING);
}

static void
gst_adapt_centroids_install_cluster_commands(void)
{
  /**
   * GstAdaptCentroids::rename-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   * @label: its new name, 1 to 63 bytes of UTF-8
   *
   * Gives a cluster a name, which it keeps for ever. A cluster with a name is never merged or
   * retired but on command.
   *
   * Returns: whether it has it; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_RENAME_CLUSTER] =
      gst_adapt_centroids_new_command("rename-cluster",
                                      G_CALLBACK(gst_adapt_centroids_rename_cluster), 2);
  /**
   * GstAdaptCentroids::merge-clusters:
   * @self: the element
   * @cluster: uuid, label or index of the cluster that goes on
   * @other: the same of the one that becomes part of it
   *
   * Makes one cluster of two. It has the uuid and the pin of @cluster, and its label, unless only
   * @other was named.
   *
   * Returns: whether they are one; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_MERGE_CLUSTERS] =
      gst_adapt_centroids_new_command("merge-clusters",
                                      G_CALLBACK(gst_adapt_centroids_merge_clusters), 2);
  /**
   * GstAdaptCentroids::split-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   *
   * Makes two clusters of one, by 2-means of its remembered embeddings. The larger part goes on
   * with uuid and label.
   *
   * Returns: whether it is split; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_SPLIT_CLUSTER] =
      gst_adapt_centroids_new_command("split-cluster",
                                      G_CALLBACK(gst_adapt_centroids_split_cluster), 1);
  /**
   * GstAdaptCentroids::pin-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   * @pinned: whether to hold it
   *
   * Holds the centroid of a cluster where it is, within a quarter of the spread that the cluster
   * has now; or lets it go. A cluster that is held is never merged or retired but on command.
   *
   * Returns: whether it is held, or free; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_PIN_CLUSTER] =
      gst_adapt_centroids_new_command_of("pin-cluster", G_CALLBACK(gst_adapt_centroids_pin_cluster),
                                         2, G_TYPE_BOOLEAN);
  /**
   * GstAdaptCentroids::ignore-cluster:
   * @self: the element
   * @cluster: uuid, label or index of a cluster
   * @ignored: whether to ignore it
   *
   * Marks a cluster as of no interest. Its regions are assigned as before and bear the mark, but
   * are neither drawn nor published, nor labelled for other programs.
   *
   * Returns: whether it is marked as asked for; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_IGNORE_CLUSTER] = gst_adapt_centroids_new_command_of(
      "ignore-cluster", G_CALLBACK(gst_adapt_centroids_ignore_cluster), 2, G_TYPE_BOOLEAN);
}

static void
gst_adapt_centroids_install_commands(void)
{
  /**
   * GstAdaptCentroids::reset:
   * @self: the element
   *
   * Forgets the clusters and starts again, from the model file if there is one, else with a
   * warm-up.
   *
   * Returns: whether it could be done; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_RESET] =
      gst_adapt_centroids_new_command("reset", G_CALLBACK(gst_adapt_centroids_reset), 0);
  /**
   * GstAdaptCentroids::save-state:
   * @self: the element
   * @path: (nullable): the file to write; %NULL: #GstAdaptCentroids:state-file
   *
   * Saves the clusters and returns when they are on disk.
   *
   * Returns: whether they are; else a warning on the bus says why
   *
   * Since: 0.1
   */
  signals[SIGNAL_SAVE_STATE] =
      gst_adapt_centroids_new_command("save-state", G_CALLBACK(gst_adapt_centroids_save_state), 1);
  /**
   * GstAdaptCentroids::load-state:
   * @self: the element
   * @path: the file to read
   *
   * Puts a saved state in the place of the clusters there are; before the first embeddings it waits
   * for them, as only they tell whether it belongs to their encoder.
   *
   * Returns: whether the file is valid and fits; else nothing changed and a warning on the bus says
   * why
   *
   * Since: 0.1
   */
  signals[SIGNAL_LOAD_STATE] =
      gst_adapt_centroids_new_command("load-state", G_CALLBACK(gst_adapt_centroids_load_state), 1);
}

/* --- GObject --- */

static void
gst_adapt_centroids_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  GstAdaptCentroids *self = GST_ADAPT_CENTROIDS(object);

  GST_OBJECT_LOCK(self);
  gboolean known = dc_adapt_settings_set(&self->settings, id, value);
  self->settings_changed |= known;
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void
gst_adapt_centroids_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  GstAdaptCentroids *self = GST_ADAPT_CENTROIDS(object);

  if (id == PROP_STATS) {
    g_value_take_boxed(value, gst_adapt_centroids_make_stats(self));
    return;
  }
  GST_OBJECT_LOCK(self);
  gboolean known = dc_adapt_settings_get(&self->settings, id, value);
  GST_OBJECT_UNLOCK(self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void
gst_adapt_centroids_finalize(GObject *object)
{
  GstAdaptCentroids *self = GST_ADAPT_CENTROIDS(object);

  dc_state_store_free(self->store);
  dc_cluster_keeper_free(self->keeper);
  dc_adapt_settings_clear(&self->settings);
  G_OBJECT_CLASS(gst_adapt_centroids_parent_class)->finalize(object);
}

static void
gst_adapt_centroids_init(GstAdaptCentroids *self)
{
  GstBaseTransform *transform = GST_BASE_TRANSFORM(self);

  self->keeper = dc_cluster_keeper_new();
  self->store =
      dc_state_store_new(GST_ELEMENT(self), self->keeper, gst_adapt_centroids_post_state, self);
  dc_adapt_settings_init(&self->settings);
  self->newest = dc_buffer_times_none();
  /* Buffers are looked at, never written to: so none has to be copied. */
  gst_base_transform_set_passthrough(transform, TRUE);
  gst_base_transform_set_gap_aware(transform, TRUE);
}

static void
gst_adapt_centroids_class_init(GstAdaptCentroidsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(adapt_centroids_debug, "adapt-centroids", 0,
                          "clusters that follow drift");
  object_class->set_property = gst_adapt_centroids_set_property;
  object_class->get_property = gst_adapt_centroids_get_property;
  object_class->finalize = gst_adapt_centroids_finalize;
  dc_adapt_settings_install(object_class);
  /**
   * GstAdaptCentroids:stats:
   *
   * Since READY, each a guint64: embeddings `accepted`, `rejected` because they are no numbers and
   * `dropped` because the worker of #GstAdaptCentroids:async was busy, `adaptations`, `saves` and
   * `failed-saves`. Of now: `clusters`, embeddings `remembered` and those `unknowns` that fit no
   * cluster and wait to be understood. Since the start of the clusters: `births`, `splits`,
   * `merges` and `retirements` that came of #GstAdaptCentroids:revise. As gdouble, the
   * `occupancy-entropy` of the clusters in nats and their `mean-shift` from where they started in
   * units of their spread; the recent mean `margin` by which embeddings are assigned, 0..1, its
   * `margin-reference` of the first 1024 embeddings, and whether with it `separation-lost` is true:
   * the embeddings do not tell the clusters apart as they did. With #GstAdaptCentroids:method
   * transport, once it is `transported`: which `expert` reads the stream (0: the source as it was),
   * how many `domains` are remembered, the `jumps` after which it was found again, and, as gdouble,
   * how `calm` the mix of clusters is (1: that of the source) and the `displacement` of all
   * clusters since the source in units of spread, and the `fit` of the stream in its map: how
   * likely it is, against the source, in standard deviations of an embedding there.
   *
   * Since: 0.1
   */
  dc_props_install_stats(object_class, PROP_STATS,
                         "Counts since READY of embeddings accepted, rejected and dropped, "
                         "adaptations, saves and failed-saves; births, splits, merges and "
                         "retirements; clusters, remembered, unknowns, "
                         "occupancy-entropy (nats), mean-shift (spreads), margin and "
                         "margin-reference (0..1) and separation-lost of now; of method "
                         "transport: transported, expert, domains, jumps, calm (0..1) and "
                         "displacement (spreads) and fit (deviations)");
  gst_adapt_centroids_install_commands();
  gst_adapt_centroids_install_cluster_commands();

  gst_element_class_set_static_metadata(element_class, "Centroid adapter",
                                        "Filter/Analyzer/Video/Metadata",
                                        "Finds clusters of embeddings and follows their drift",
                                        "driftcluster developers");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);

  transform_class->start = gst_adapt_centroids_start;
  transform_class->stop = gst_adapt_centroids_stop;
  transform_class->set_caps = gst_adapt_centroids_set_caps;
  transform_class->sink_event = gst_adapt_centroids_sink_event;
  transform_class->src_event = gst_adapt_centroids_src_event;
  transform_class->transform_ip = gst_adapt_centroids_transform_ip;
}
