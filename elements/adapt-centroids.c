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

#include "adapt-centroids-private.h"
#include "common/cluster-command.h"
#include "common/error.h"
#include "common/props.h"
#include "common/snapshot-event.h"
#include "meta/driftcluster.h"

GST_DEBUG_CATEGORY_STATIC(adapt_centroids_debug);
#define GST_CAT_DEFAULT adapt_centroids_debug

#define QUEUE_CAPACITY 64 /* buffers that wait for the worker: about 2 s of video */

enum { PROP_STATS = DC_ADAPT_LAST };

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_FINAL_TYPE(GstAdaptCentroids, gst_adapt_centroids, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(adapt_centroids, "adapt-centroids", GST_RANK_NONE,
                            GST_TYPE_ADAPT_CENTROIDS)

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

/* Sends the newest clusters downstream, unless they are known there. That there are none yet is
 * told too: whoever waits for clusters knows that they will come. What a flush keeps from getting
 * through is sent again. */
static void
gst_adapt_centroids_announce(GstAdaptCentroids *self)
{
  DcSnapshot *newest = dc_cluster_keeper_snapshot(self->keeper);
  if ((newest != self->announced || !self->has_announced) &&
      gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(self), dc_snapshot_event_new(newest))) {
    DcSnapshot *earlier = self->announced;
    self->announced = newest;
    self->has_announced = TRUE;
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
  if (dc_snapshot_event_is(event)) { /* what is behind this element has its clusters, no others */
    gst_event_unref(event);
    return TRUE;
  }
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
  self->has_announced = FALSE;
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
