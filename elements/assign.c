/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-assign
 * @title: assign
 *
 * Labels every region that has an embedding with the cluster it belongs to, as metadata; the pixels
 * are not looked at. The clusters come from `adapt-centroids` upstream, and each buffer is labelled
 * with exactly the version that preceded it; or, with #GstAssign:state-id, from an
 * `adapt-centroids` in another branch or pipeline of the same process. Until there are clusters,
 * and for embeddings that are no numbers, a region has cluster -1.
 *
 * On buffers that `embed` has not seen, embeddings that another element made are taken, see
 * #GstAssign:tensor-name.
 *
 * When nobody makes clusters, a warning says so, once: in line at the first buffer, with
 * #GstAssign:state-id after ten seconds, or when the stream ends earlier.
 *
 * A region that has no embedding on this frame, because the encoder skipped it, keeps its last
 * cluster and is marked stale.
 *
 * Two things are forgotten by a flushing seek, where another stream starts (behind an
 * input-selector, say), and by PAUSED to READY: the last clusters of regions, and the votes of
 * #GstAssign:smoothing.
 *
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=600 ! embed inference-region=tiles tiles=4x3 ! \
 *     adapt-centroids clusters=3 ! assign novelty-threshold=0.01 smoothing=5 ! fakesink
 * ]|
 *
 * Since: 0.1
 */

#include "assign.h"

#include "assign-properties.h"
#include "assign-source.h"
#include "assign-stats.h"
#include "common/buffer-times.h"
#include "common/error.h"
#include "common/foreign-reader.h"
#include "common/labels-file.h"
#include "common/props.h"
#include "common/region-labeller.h"
#include "common/roi-label.h"
#include "common/snapshot-event.h"
#include "common/stream-breaks.h"
#include "common/track-votes.h"
#include "meta/driftcluster.h"

GST_DEBUG_CATEGORY_STATIC(assign_debug);
#define GST_CAT_DEFAULT assign_debug

/* What a buffer is labelled by; copied at each, so that it never changes within one. */
typedef struct {
  GPtrArray *labels; /* NULL: the names that the clusters have */
  gdouble novelty_threshold;
  DcVoteRules votes;
  GstAssignUnassigned unassigned;
  gboolean post_messages;
} GstAssignSettings;

struct _GstAssign {
  GstBaseTransform parent;

  /* Under the object lock. */
  GstAssignSettings settings;
  gchar *labels_file;
  gchar *state_id;
  guint max_tracks;
  DcForeignSettings foreign_settings;
  gboolean running; /* from start to stop */
  GstAssignStats stats;

  /* Of the streaming thread. */
  GstAssignSource source;
  DcRegionLabeller *labeller;
  DcStreamBreaks breaks;
  DcForeignReader foreign;
  const DcAnalyticsBridge *analytics; /* NULL: labels are not written there */
  DcRateLimit novel_limit;
  guint64 novel_unsaid; /* regions since the last message */
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));

G_DEFINE_FINAL_TYPE(GstAssign, gst_assign, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(assign, "assign", GST_RANK_NONE, GST_TYPE_ASSIGN)

/* --- What it tells --- */

static void
gst_assign_add_stats(GstAssign *self, const GstAssignStats *counts)
{
  GST_OBJECT_LOCK(self);
  gst_assign_stats_add(&self->stats, counts);
  self->stats.tracks = dc_region_labeller_tracks(self->labeller);
  GST_OBJECT_UNLOCK(self);
}

static const DriftclusterResult *
gst_assign_find_novel(const DriftclusterResult *results, guint n_results)
{
  for (guint i = 0; i < n_results; i++)
    if (results[i].novel && !results[i].stale && !results[i].ignored)
      return &results[i];
  return NULL;
}

/* Tells of the first of `count` > 0 novel regions, unless it told of one less than a second ago. */
static void
gst_assign_post_novel(GstAssign *self, GstBuffer *buffer, const DriftclusterResult *novel,
                      guint64 count)
{
  DcBufferTimes times = dc_buffer_times(&GST_BASE_TRANSFORM(self)->segment, buffer);
  self->novel_unsaid += count;
  if (!dc_rate_limit_pass(&self->novel_limit, times.stream_time))
    return;
  GstStructure *notice = dc_notice_new("assign", "novel-region", &times);
  gst_structure_set(notice, "count", G_TYPE_UINT64, self->novel_unsaid, "key", G_TYPE_UINT64,
                    novel->key, "cluster", G_TYPE_INT, novel->cluster, "distance", G_TYPE_DOUBLE,
                    novel->distance, "reason", G_TYPE_STRING, novel->novel_reason, "confidence",
                    G_TYPE_DOUBLE, novel->confidence, "x", G_TYPE_DOUBLE, novel->x, "y",
                    G_TYPE_DOUBLE, novel->y, "width", G_TYPE_DOUBLE, novel->width, "height",
                    G_TYPE_DOUBLE, novel->height, NULL);
  self->novel_unsaid = 0;
  gst_element_post_message(GST_ELEMENT(self), gst_message_new_element(GST_OBJECT(self), notice));
}

/* --- Labelling --- */

/* Moves the results that are to be written to the front; returns how many those are. */
static guint
gst_assign_keep_results(DriftclusterResult *results, guint n_results,
                        GstAssignUnassigned unassigned)
{
  if (unassigned == GST_ASSIGN_UNASSIGNED_KEEP)
    return n_results;
  guint kept = 0;
  for (guint i = 0; i < n_results; i++)
    if (results[i].cluster >= 0)
      results[kept++] = results[i];
  return kept;
}

static void
gst_assign_write_results(GstAssign *self, GstBuffer *buffer,
                         const DriftclusterEmbeddingBlock *block, const DriftclusterResult *results,
                         guint n_results)
{
  const DcSnapshot *snapshot = dc_region_labeller_snapshot(self->labeller);
  guint64 version = snapshot ? dc_snapshot_version(snapshot) : 0;
  const gchar *encoder = NULL;
  gsize dim = 0;
  if (block) {
    encoder = block->encoder;
    dim = block->dim;
  } else if (snapshot) {
    encoder = dc_snapshot_encoder(snapshot);
    dim = dc_snapshot_dim(snapshot);
  }
  driftcluster_buffer_add_results_meta(buffer, version, encoder, (gint)dim, results, n_results);
}

static gboolean
gst_assign_label(GstAssign *self, GstBuffer *buffer, const DriftclusterEmbeddingMeta *meta,
                 const GstAssignSettings *settings)
{
  DcLabelRules rules = {settings->labels, settings->novelty_threshold, settings->votes};
  DcLabels labels;
  DcError error;
  if (dc_region_labeller_label(self->labeller, meta, &rules, &labels, &error) != DC_OK) {
    DC_ELEMENT_ERROR(self, &error);
    return FALSE;
  }
  GstAssignStats counts = {.refused = labels.refused};
  for (guint i = 0; i < meta->n_regions; i++) {
    gst_assign_stats_count(&counts, &labels.results[i]);
    dc_roi_label_write(buffer, &meta->regions[i], &labels.results[i]);
  }
  if (self->analytics)
    self->analytics->write_labels(buffer, meta, labels.results);
  gst_assign_add_stats(self, &counts);
  if (settings->post_messages && counts.novel > 0)
    gst_assign_post_novel(self, buffer, gst_assign_find_novel(labels.results, meta->n_regions),
                          counts.novel);
  guint kept = gst_assign_keep_results(labels.results, meta->n_regions, settings->unassigned);
  gst_assign_write_results(self, buffer, meta->block, labels.results, kept);
  return TRUE;
}

/* --- GstBaseTransform --- */

static void
gst_assign_before_transform(GstBaseTransform *transform, GstBuffer *buffer)
{
  DcBufferTimes times = dc_buffer_times(&transform->segment, buffer);
  if (GST_CLOCK_TIME_IS_VALID(times.stream_time))
    gst_object_sync_values(GST_OBJECT(transform), times.stream_time);
}

static GstAssignSettings
gst_assign_get_settings(GstAssign *self)
{
  GST_OBJECT_LOCK(self);
  GstAssignSettings settings = self->settings;
  if (settings.labels)
    g_ptr_array_ref(settings.labels);
  GST_OBJECT_UNLOCK(self);
  return settings;
}

/* Gives `buffer` the embeddings that it brings from elsewhere as its embedding meta, if it has
 * none. FALSE after an error. */
static gboolean
gst_assign_import(GstAssign *self, GstBuffer *buffer)
{
  if (driftcluster_buffer_get_embedding_meta(buffer))
    return TRUE;
  DcForeignEmbeddings found;
  gboolean read = dc_foreign_reader_read(&self->foreign, GST_ELEMENT(self), buffer, &found);
  if (read && found.block)
    driftcluster_buffer_add_embedding_meta(buffer, self->foreign.width, self->foreign.height,
                                           found.regions, found.n_regions, found.block);
  dc_foreign_embeddings_clear(&found);
  return read;
}

static GstFlowReturn
gst_assign_transform_ip(GstBaseTransform *transform, GstBuffer *buffer)
{
  GstAssign *self = GST_ASSIGN(transform);
  gst_assign_source_check(&self->source, GST_ELEMENT(self), FALSE);
  if (!gst_assign_import(self, buffer))
    return GST_FLOW_ERROR;
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);
  if (!meta)
    return GST_FLOW_OK;

  if (self->source.shared)
    dc_region_labeller_adopt(self->labeller, dc_shared_state_snapshot(self->source.shared));
  GstAssignSettings settings = gst_assign_get_settings(self);
  gboolean labelled = gst_assign_label(self, buffer, meta, &settings);
  g_clear_pointer(&settings.labels, g_ptr_array_unref);
  return labelled ? GST_FLOW_OK : GST_FLOW_ERROR;
}

static gboolean
gst_assign_set_caps(GstBaseTransform *transform, GstCaps *in_caps, GstCaps *out_caps)
{
  (void)out_caps;
  dc_foreign_reader_set_caps(&GST_ASSIGN(transform)->foreign, in_caps);
  return TRUE;
}

static gboolean
gst_assign_sink_event(GstBaseTransform *transform, GstEvent *event)
{
  GstAssign *self = GST_ASSIGN(transform);
  if (dc_snapshot_event_is(event) && !self->source.shared) {
    self->source.heard = TRUE;
    dc_region_labeller_adopt(self->labeller, dc_snapshot_event_get(event));
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    gst_assign_source_check(&self->source, GST_ELEMENT(self), TRUE);
  } else if (dc_stream_breaks_at(&self->breaks, event)) {
    dc_region_labeller_forget(self->labeller);
    self->novel_limit = DC_RATE_LIMIT_INIT;
  }
  return GST_BASE_TRANSFORM_CLASS(gst_assign_parent_class)->sink_event(transform, event);
}

/* Reads `path` (NULL: none) in the place of the labels there are. */
static DcStatus
gst_assign_load_labels(GstAssign *self, const gchar *path, DcError *error)
{
  GPtrArray *labels = NULL;
  DcStatus status = path ? dc_labels_file_read(path, &labels, error) : DC_OK;
  if (status != DC_OK)
    return status;
  GST_OBJECT_LOCK(self);
  GPtrArray *earlier = self->settings.labels;
  self->settings.labels = labels;
  GST_OBJECT_UNLOCK(self);
  g_clear_pointer(&earlier, g_ptr_array_unref);
  return DC_OK;
}

static gboolean
gst_assign_start(GstBaseTransform *transform)
{
  GstAssign *self = GST_ASSIGN(transform);
  DcError error;

  GST_OBJECT_LOCK(self);
  g_autofree gchar *path = g_strdup(self->labels_file);
  g_autofree gchar *id = g_strdup(self->state_id);
  guint max_tracks = self->max_tracks;
  DcForeignSettings foreign = self->foreign_settings;
  self->stats = (GstAssignStats){0};
  GST_OBJECT_UNLOCK(self);

  if (gst_assign_load_labels(self, path, &error) != DC_OK) {
    DC_ELEMENT_ERROR(self, &error);
    return FALSE;
  }
  self->labeller = dc_region_labeller_new(max_tracks);
  if (!self->labeller) {
    GST_ELEMENT_ERROR(self, RESOURCE, NO_SPACE_LEFT, ("There is no memory left."), (NULL));
    return FALSE;
  }
  gst_assign_source_open(&self->source, id);
  dc_foreign_reader_start(&self->foreign, &foreign);
  self->analytics = dc_analytics_bridge_find();
  self->novel_limit = DC_RATE_LIMIT_INIT;
  self->novel_unsaid = 0;
  /* Last: nobody stops an element that has failed to start. */
  GST_OBJECT_LOCK(self);
  self->running = TRUE;
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static gboolean
gst_assign_stop(GstBaseTransform *transform)
{
  GstAssign *self = GST_ASSIGN(transform);

  GST_OBJECT_LOCK(self);
  self->running = FALSE;
  self->stats.tracks = 0;
  GST_OBJECT_UNLOCK(self);

  gst_assign_source_close(&self->source);
  g_clear_pointer(&self->labeller, dc_region_labeller_free);
  dc_stream_breaks_clear(&self->breaks);
  return TRUE;
}

/* --- GObject --- */

/* While running the file is read at once, by the caller's thread; what cannot be read changes
 * nothing. */
static void
gst_assign_set_labels_file(GstAssign *self, const gchar *path)
{
  DcError error;

  GST_OBJECT_LOCK(self);
  gboolean running = self->running;
  GST_OBJECT_UNLOCK(self);
  if (running && gst_assign_load_labels(self, path, &error) != DC_OK) {
    DC_ELEMENT_WARNING(self, &error);
    return;
  }
  GST_OBJECT_LOCK(self);
  g_free(self->labels_file);
  self->labels_file = g_strdup(path);
  GST_OBJECT_UNLOCK(self);
}

static void
gst_assign_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  GstAssign *self = GST_ASSIGN(object);

  if (id == PROP_LABELS_FILE) {
    gst_assign_set_labels_file(self, g_value_get_string(value));
    return;
  }
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_NOVELTY_THRESHOLD:
    self->settings.novelty_threshold = g_value_get_double(value);
    break;
  case PROP_SMOOTHING:
    self->settings.votes.window = g_value_get_uint(value);
    break;
  case PROP_HYSTERESIS:
    self->settings.votes.lead = g_value_get_uint(value);
    break;
  case PROP_MAX_TRACKS:
    self->max_tracks = g_value_get_uint(value);
    break;
  case PROP_STATE_ID:
    g_free(self->state_id);
    self->state_id = g_value_dup_string(value);
    break;
  case PROP_UNASSIGNED:
    self->settings.unassigned = g_value_get_enum(value);
    break;
  case PROP_POST_MESSAGES:
    self->settings.post_messages = g_value_get_boolean(value);
    break;
  case PROP_TENSOR_NAME:
    dc_foreign_settings_set_name(&self->foreign_settings, value);
    break;
  case PROP_TENSOR_REGION:
    dc_foreign_settings_set_region(&self->foreign_settings, value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_assign_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  GstAssign *self = GST_ASSIGN(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LABELS_FILE:
    g_value_set_string(value, self->labels_file);
    break;
  case PROP_NOVELTY_THRESHOLD:
    g_value_set_double(value, self->settings.novelty_threshold);
    break;
  case PROP_SMOOTHING:
    g_value_set_uint(value, self->settings.votes.window);
    break;
  case PROP_HYSTERESIS:
    g_value_set_uint(value, self->settings.votes.lead);
    break;
  case PROP_MAX_TRACKS:
    g_value_set_uint(value, self->max_tracks);
    break;
  case PROP_STATE_ID:
    g_value_set_string(value, self->state_id);
    break;
  case PROP_UNASSIGNED:
    g_value_set_enum(value, self->settings.unassigned);
    break;
  case PROP_POST_MESSAGES:
    g_value_set_boolean(value, self->settings.post_messages);
    break;
  case PROP_TENSOR_NAME:
    g_value_set_string(value, self->foreign_settings.tensor_name);
    break;
  case PROP_TENSOR_REGION:
    g_value_set_enum(value, (gint)self->foreign_settings.tensor_region);
    break;
  case PROP_STATS:
    g_value_take_boxed(value, gst_assign_stats_structure(&self->stats));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_assign_finalize(GObject *object)
{
  GstAssign *self = GST_ASSIGN(object);

  g_clear_pointer(&self->settings.labels, g_ptr_array_unref);
  g_free(self->labels_file);
  g_free(self->state_id);
  G_OBJECT_CLASS(gst_assign_parent_class)->finalize(object);
}

static void
gst_assign_init(GstAssign *self)
{
  self->settings.novelty_threshold = DEFAULT_NOVELTY_THRESHOLD;
  self->settings.votes = (DcVoteRules){DEFAULT_SMOOTHING, DEFAULT_HYSTERESIS};
  self->settings.unassigned = DEFAULT_UNASSIGNED;
  self->settings.post_messages = DEFAULT_POST_MESSAGES;
  self->max_tracks = DEFAULT_MAX_TRACKS;
  dc_foreign_settings_init(&self->foreign_settings);
  gst_base_transform_set_gap_aware(GST_BASE_TRANSFORM(self), TRUE);
}

static void
gst_assign_class_init(GstAssignClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(assign_debug, "assign", 0, "labels of regions");
  object_class->set_property = gst_assign_set_property;
  object_class->get_property = gst_assign_get_property;
  object_class->finalize = gst_assign_finalize;
  gst_assign_install_properties(object_class);
  gst_type_mark_as_plugin_api(GST_TYPE_ASSIGN_UNASSIGNED, 0);

  gst_element_class_set_static_metadata(element_class, "Cluster assigner",
                                        "Filter/Analyzer/Video/Metadata",
                                        "Labels each region with the cluster it belongs to",
                                        "driftcluster developers");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);

  transform_class->start = gst_assign_start;
  transform_class->stop = gst_assign_stop;
  transform_class->set_caps = gst_assign_set_caps;
  transform_class->sink_event = gst_assign_sink_event;
  transform_class->before_transform = gst_assign_before_transform;
  transform_class->transform_ip = gst_assign_transform_ip;
}
