/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-embed
 * @title: embed
 *
 * Turns each frame, the tiles of a grid over it, or the regions of interest that a detector found
 * into embeddings: vectors that lie close together for things that look alike. The embeddings
 * travel with the buffer as its embedding meta (docs/metadata.md); the pixels are only read and
 * never copied.
 *
 * Without a model file a descriptor of colours and gradients is used, which needs no training. A
 * model file of `driftcluster train` or `driftcluster import` names its encoder and the
 * preprocessing that goes with it. Of an ONNX file (NET.onnx) the preprocessing is guessed;
 * `driftcluster inspect NET.onnx` tells how.
 *
 * A late frame passes without embeddings rather than being dropped, see #GstEmbed:shed-late. On
 * frames without inference the table of regions is there all the same, so that elements
 * downstream can repeat what they know of each region.
 *
 * When #GstEmbed:model-file is changed while the element runs, the new model is read and checked on
 * another thread and takes over between two frames. The outcome is an element message named `embed`
 * with the field `kind`: `model-loaded` (with `model-file`, `encoder`, `dim`) or `model-rejected`
 * (with `model-file`, `reason`; the old model stays).
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=100 ! embed inference-region=tiles tiles=4x3 ! fakesink
 * ]|
 *
 * Since: 0.1
 */
#include "embed.h"

#include "common/analytics-bridge.h"
#include "common/buffer-times.h"
#include "common/error.h"
#include "common/frame-reader.h"
#include "common/props.h"
#include "common/stats.h"
#include "common/stream-breaks.h"
#include "common/whole-frames.h"
#include "embed-frame.h"
#include "embed-model.h"
#include "embed-properties.h"
#include "tensor/blas.h"

GST_DEBUG_CATEGORY_STATIC(gst_embed_debug);
#define GST_CAT_DEFAULT gst_embed_debug

static const DcStatsField gst_embed_stats_fields[] = {
    DC_STATS_FIELD(GstEmbedStats, "frames", frames),
    DC_STATS_FIELD(GstEmbedStats, "regions", regions),
    DC_STATS_FIELD(GstEmbedStats, "embedded", embedded),
    DC_STATS_FIELD(GstEmbedStats, "reused", reused),
    DC_STATS_FIELD(GstEmbedStats, "skipped", skipped),
    DC_STATS_FIELD(GstEmbedStats, "shed", shed),
    DC_STATS_FIELD(GstEmbedStats, "bad-regions", bad_regions),
    DC_STATS_FIELD(GstEmbedStats, "small-regions", small_regions),
    DC_STATS_FIELD(GstEmbedStats, "unsure-regions", unsure_regions),
    DC_STATS_FIELD(GstEmbedStats, "surplus-regions", surplus_regions),
    DC_STATS_FIELD(GstEmbedStats, "not-finite", not_finite),
    DC_STATS_FIELD(GstEmbedStats, "unreadable", unreadable),
};

/* What may change while the element runs; the streaming thread copies it for each buffer. */
typedef struct {
  DcRegionRules rules;
  GstEmbedReuse reuse;
  guint interval;
  gboolean shed_late;
} GstEmbedSettings;

/* So long after the last frame that was shed, the next one begins another time of overload. */
#define CALM (10 * GST_SECOND)

struct _GstEmbed {
  GstBaseTransform parent;
  GstEmbedModel *model;

  /* Guarded by the object lock. */
  GstEmbedSettings settings;
  gchar *tiles; /* as it was set: the element does not start with a text that is not understood */
  GstEmbedRun run;
  guint max_tracks;
  gboolean running; /* from start to stop */
  GstEmbedStats stats;
  GstClockTime earliest_time; /* running time up to which a frame comes too late */

  /* Of the streaming thread. */
  GstVideoInfo info;
  GstEmbedFrame *frame; /* from start to stop */
  DcStreamBreaks breaks;
  guint wait;           /* frames until the next inference */
  GstClockTime shed_at; /* running time of the last frame that was shed, or NONE */
  gboolean warned_not_finite, warned_unreadable;
};

#define gst_embed_parent_class parent_class
G_DEFINE_TYPE(GstEmbed, gst_embed, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(embed, "embed", GST_RANK_NONE, GST_TYPE_EMBED,
                                      GST_DEBUG_CATEGORY_INIT(gst_embed_debug, "embed", 0,
                                                              "regions to embeddings"))

#define GST_EMBED_CAPS GST_VIDEO_CAPS_MAKE(DC_FRAME_FORMATS)

static GstStaticPadTemplate gst_embed_sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_EMBED_CAPS));
static GstStaticPadTemplate gst_embed_src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_EMBED_CAPS));

/* --- starting and stopping --- */

static gboolean
gst_embed_stop(GstBaseTransform *base)
{
  GstEmbed *self = GST_EMBED(base);
  GST_OBJECT_LOCK(self);
  self->running = FALSE;
  GST_OBJECT_UNLOCK(self);
  gst_embed_model_stop(self->model);
  g_clear_pointer(&self->frame, gst_embed_frame_free);
  dc_stream_breaks_clear(&self->breaks);
  return TRUE;
}

static DcStatus
gst_embed_check_tiles(const gchar *text, DcError *error)
{
  guint columns, rows;
  if (dc_tiles_from_string(text, &columns, &rows))
    return DC_OK;
  return dc_error_set(error, DC_ERROR_ARGUMENT,
                      "tiles=%s is not understood: write COLUMNSxROWS, such as 4x3, each from 1 to "
                      "%d",
                      text ? text : "", DC_TILES_MAX);
}

/* Regions of one frame at most. A grid, which may change while the element runs, is embedded whole.
 */
static guint
gst_embed_capacity(const DcRegionRules *rules)
{
  return rules->where == DC_INFERENCE_REGION_TILES ? DC_TILES_MAX * DC_TILES_MAX
                                                   : rules->max_regions;
}

static gboolean
gst_embed_start(GstBaseTransform *base)
{
  GstEmbed *self = GST_EMBED(base);
  const DcAnalyticsBridge *analytics = dc_analytics_bridge_find();
  DcError error;
  GST_OBJECT_LOCK(self);
  GstEmbedRun run = self->run;
  guint capacity = gst_embed_capacity(&self->settings.rules), max_tracks = self->max_tracks;
  DcStatus status = gst_embed_check_tiles(self->tiles, &error);
  self->stats = (GstEmbedStats){0};
  self->earliest_time = GST_CLOCK_TIME_NONE;
  self->running = status == DC_OK;
  self->settings.rules.analytics = analytics;
  GST_OBJECT_UNLOCK(self);

  if (status == DC_OK)
    status = gst_embed_model_start(self->model, &run, &error);
  if (status != DC_OK) {
    DC_ELEMENT_ERROR(self, &error);
    gst_embed_stop(base);
    return FALSE;
  }
  dc_blas_set_threads((int)run.threads);
  self->frame = gst_embed_frame_new(capacity, max_tracks);
  self->wait = 0;
  self->shed_at = GST_CLOCK_TIME_NONE;
  self->warned_not_finite = self->warned_unreadable = FALSE;
  return TRUE;
}

static gboolean
gst_embed_set_caps(GstBaseTransform *base, GstCaps *in_caps, GstCaps *out_caps)
{
  (void)out_caps;
  return gst_video_info_from_caps(&GST_EMBED(base)->info, in_caps);
}

/* --- being late --- */

static void
gst_embed_set_earliest_time(GstEmbed *self, GstClockTime time)
{
  GST_OBJECT_LOCK(self);
  self->earliest_time = time;
  GST_OBJECT_UNLOCK(self);
}

static gboolean
gst_embed_src_event(GstBaseTransform *base, GstEvent *event)
{
  if (GST_EVENT_TYPE(event) == GST_EVENT_QOS) {
    GstClockTimeDiff late;
    GstClockTime timestamp;
    gst_event_parse_qos(event, NULL, NULL, &late, &timestamp);
    gboolean is_late = late > 0 && GST_CLOCK_TIME_IS_VALID(timestamp);
    gst_embed_set_earliest_time(GST_EMBED(base),
                                is_late ? timestamp + (GstClockTime)late : GST_CLOCK_TIME_NONE);
  }
  return GST_BASE_TRANSFORM_CLASS(parent_class)->src_event(base, event);
}

static gboolean
gst_embed_sink_event(GstBaseTransform *base, GstEvent *event)
{
  GstEmbed *self = GST_EMBED(base);
  if (dc_stream_breaks_at(&self->breaks, event)) {
    gst_embed_frame_forget(self->frame);
    self->wait = 0;
  }
  /* Running time starts anew, which it does not where another stream follows. */
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    gst_embed_set_earliest_time(self, GST_CLOCK_TIME_NONE);
    self->shed_at = GST_CLOCK_TIME_NONE;
  }
  return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(base, event);
}

static gboolean
gst_embed_is_late(GstEmbed *self, GstClockTime time)
{
  GST_OBJECT_LOCK(self);
  GstClockTime earliest = self->earliest_time;
  GST_OBJECT_UNLOCK(self);
  return GST_CLOCK_TIME_IS_VALID(time) && GST_CLOCK_TIME_IS_VALID(earliest) && time <= earliest;
}

/* Says once for each time of overload that inference is left out. */
static void
gst_embed_note_shed(GstEmbed *self, GstClockTime time)
{
  gboolean goes_on = GST_CLOCK_TIME_IS_VALID(self->shed_at) && time >= self->shed_at &&
                     time - self->shed_at < CALM;
  self->shed_at = time;
  if (!goes_on)
    GST_ELEMENT_WARNING(self, RESOURCE, BUSY,
                        ("The computer is too slow for this stream: late frames pass without "
                         "embeddings, so that the video stays on time."),
                        ("the property stats counts them as shed; a longer inference-interval or "
                         "reembed-interval, a smaller model or fewer regions would help"));
}

/* --- a frame --- */

static gboolean
gst_embed_should_infer(GstEmbed *self, const GstEmbedSettings *settings, GstBuffer *buffer,
                       GstEmbedStats *counts)
{
  self->wait = MIN(self->wait, settings->interval - 1);
  if (self->wait > 0 || GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP)) {
    self->wait -= self->wait > 0;
    counts->skipped = 1;
    return FALSE;
  }
  GstClockTime time = dc_buffer_times(&GST_BASE_TRANSFORM(self)->segment, buffer).running_time;
  if (settings->shed_late && gst_embed_is_late(self, time)) {
    counts->shed = 1;
    gst_embed_note_shed(self, time);
    return FALSE;
  }
  return TRUE;
}

static void
gst_embed_warn_not_finite(GstEmbed *self, DcEncoder *encoder)
{
  if (self->warned_not_finite)
    return;
  self->warned_not_finite = TRUE;
  GST_ELEMENT_WARNING(self, STREAM, FAILED,
                      ("Encoder %s makes embeddings that are not finite; they are left out. "
                       "Train it anew, or check its preprocessing.",
                       dc_encoder_id(encoder)),
                      ("said once; the property stats counts them"));
}

static void
gst_embed_warn_unreadable(GstEmbed *self, GstBuffer *buffer)
{
  if (self->warned_unreadable)
    return;
  self->warned_unreadable = TRUE;
  GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                      ("A buffer of %" G_GSIZE_FORMAT " bytes does not hold the %d x %d frame of "
                       "format %s that the caps promise; it passes without embeddings. Check the "
                       "element upstream.",
                       gst_buffer_get_size(buffer), GST_VIDEO_INFO_WIDTH(&self->info),
                       GST_VIDEO_INFO_HEIGHT(&self->info), GST_VIDEO_INFO_NAME(&self->info)),
                      ("said once; the property stats counts them"));
}

static GstFlowReturn
gst_embed_infer(GstEmbed *self, const GstEmbedTask *task, guint n_regions, GstBuffer *buffer,
                GstEmbedStats *counts)
{
  DcStatus status = gst_embed_frame_infer(self->frame, task, buffer, counts);
  if (status != DC_OK) {
    GST_ELEMENT_ERROR(self, LIBRARY, FAILED,
                      ("Embedding %u regions failed: %s. With little memory, lower batch-size or "
                       "max-regions.",
                       n_regions, dc_status_text(status)),
                      ("encoder %s", dc_encoder_id(task->encoder)));
    return GST_FLOW_ERROR;
  }
  if (counts->unreadable > 0)
    gst_embed_warn_unreadable(self, buffer);
  if (counts->not_finite > 0)
    gst_embed_warn_not_finite(self, task->encoder);
  return GST_FLOW_OK;
}

static void
gst_embed_count(GstEmbed *self, const GstEmbedStats *counts)
{
  GST_OBJECT_LOCK(self);
  GstEmbedStats *stats = &self->stats;
  stats->frames++;
  stats->regions += counts->regions;
  stats->embedded += counts->embedded;
  stats->reused += counts->reused;
  stats->skipped += counts->skipped;
  stats->shed += counts->shed;
  stats->bad_regions += counts->bad_regions;
  stats->small_regions += counts->small_regions;
  stats->unsure_regions += counts->unsure_regions;
  stats->surplus_regions += counts->surplus_regions;
  stats->not_finite += counts->not_finite;
  stats->unreadable += counts->unreadable;
  GST_OBJECT_UNLOCK(self);
}

/* Moves controlled properties to the stream time `time`, and takes the settings that hold then.
 * Regions are followed only where somebody else follows them. */
static GstEmbedSettings
gst_embed_take_settings(GstEmbed *self, GstClockTime time)
{
  if (GST_CLOCK_TIME_IS_VALID(time))
    gst_object_sync_values(GST_OBJECT(self), time);
  GST_OBJECT_LOCK(self);
  GstEmbedSettings settings = self->settings;
  GST_OBJECT_UNLOCK(self);
  if (settings.rules.where != DC_INFERENCE_REGION_ROI_LIST)
    settings.reuse.interval = 0;
  return settings;
}

static GstFlowReturn
gst_embed_transform_ip(GstBaseTransform *base, GstBuffer *buffer)
{
  GstEmbed *self = GST_EMBED(base);
  GstClockTime now = dc_buffer_times(&base->segment, buffer).stream_time;
  GstEmbedSettings settings = gst_embed_take_settings(self, now);
  gboolean changed;
  DcEncoder *encoder = gst_embed_model_encoder(self->model, &changed);
  if (changed)
    self->wait = 0;

  GstEmbedStats counts = {0};
  guint n_regions =
      gst_embed_frame_list(self->frame, &settings.rules, &self->info, buffer, &counts);
  if (gst_embed_should_infer(self, &settings, buffer, &counts) && n_regions > 0) {
    const GstEmbedTask task = {encoder, &self->info, now, settings.reuse};
    GstFlowReturn flow = gst_embed_infer(self, &task, n_regions, buffer, &counts);
    if (flow != GST_FLOW_OK)
      return flow;
    self->wait = settings.interval - 1;
  }
  gst_embed_frame_attach(self->frame, &self->info, buffer);
  gst_embed_count(self, &counts);
  return GST_FLOW_OK;
}

/* --- properties --- */

/* A text that is not understood changes nothing while the element runs, and keeps it from starting
 * otherwise: before a pipeline runs, nobody listens to messages. */
static void
gst_embed_set_tiles(GstEmbed *self, const gchar *text)
{
  DcError error;
  gboolean understood = gst_embed_check_tiles(text, &error) == DC_OK;
  GST_OBJECT_LOCK(self);
  gboolean refused = !understood && self->running;
  if (understood)
    dc_tiles_from_string(text, &self->settings.rules.columns, &self->settings.rules.rows);
  if (!refused) {
    g_free(self->tiles);
    self->tiles = g_strdup(text);
  }
  GST_OBJECT_UNLOCK(self);
  if (refused)
    DC_ELEMENT_WARNING(self, &error);
}

static void
gst_embed_set_number(GstEmbed *self, guint *target, guint value)
{
  GST_OBJECT_LOCK(self);
  *target = value;
  GST_OBJECT_UNLOCK(self);
}

static void
gst_embed_set_object_class(GstEmbed *self, const gchar *name)
{
  GQuark quark = name && *name ? g_quark_from_string(name) : 0;
  GST_OBJECT_LOCK(self);
  self->settings.rules.object_class = quark;
  GST_OBJECT_UNLOCK(self);
}

static void
gst_embed_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  GstEmbed *self = GST_EMBED(object);
  switch (id) {
  case PROP_MODEL_FILE:
    gst_embed_model_set_file(self->model, g_value_get_string(value));
    break;
  case PROP_BACKEND:
    GST_OBJECT_LOCK(self);
    self->run.backend = (GstEmbedBackend)g_value_get_enum(value);
    GST_OBJECT_UNLOCK(self);
    break;
  case PROP_INFERENCE_REGION:
    GST_OBJECT_LOCK(self);
    self->settings.rules.where = (DcInferenceRegion)g_value_get_enum(value);
    GST_OBJECT_UNLOCK(self);
    break;
  case PROP_TILES:
    gst_embed_set_tiles(self, g_value_get_string(value));
    break;
  case PROP_OBJECT_CLASS:
    gst_embed_set_object_class(self, g_value_get_string(value));
    break;
  case PROP_INFERENCE_INTERVAL:
    gst_embed_set_number(self, &self->settings.interval, g_value_get_uint(value));
    break;
  case PROP_BATCH_SIZE:
    gst_embed_set_number(self, &self->run.batch_size, g_value_get_uint(value));
    break;
  case PROP_THREADS:
    gst_embed_set_number(self, &self->run.threads, g_value_get_uint(value));
    break;
  case PROP_MAX_REGIONS:
    gst_embed_set_number(self, &self->settings.rules.max_regions, g_value_get_uint(value));
    break;
  case PROP_MIN_REGION_SIZE:
    gst_embed_set_number(self, &self->settings.rules.min_size, g_value_get_uint(value));
    break;
  case PROP_MAX_TRACKS:
    gst_embed_set_number(self, &self->max_tracks, g_value_get_uint(value));
    break;
  case PROP_MIN_CONFIDENCE:
    GST_OBJECT_LOCK(self);
    self->settings.rules.min_confidence = g_value_get_double(value);
    GST_OBJECT_UNLOCK(self);
    break;
  case PROP_REEMBED_INTERVAL:
    GST_OBJECT_LOCK(self);
    self->settings.reuse.interval = g_value_get_uint64(value);
    GST_OBJECT_UNLOCK(self);
    break;
  case PROP_REEMBED_GROWTH:
    GST_OBJECT_LOCK(self);
    self->settings.reuse.growth = g_value_get_double(value);
    GST_OBJECT_UNLOCK(self);
    break;
  case PROP_SHED_LATE:
    GST_OBJECT_LOCK(self);
    self->settings.shed_late = g_value_get_boolean(value);
    GST_OBJECT_UNLOCK(self);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
}

static void
gst_embed_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  GstEmbed *self = GST_EMBED(object);
  const DcRegionRules *rules = &self->settings.rules;
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MODEL_FILE:
    g_value_take_string(value, gst_embed_model_dup_file(self->model));
    break;
  case PROP_BACKEND:
    g_value_set_enum(value, (gint)self->run.backend);
    break;
  case PROP_INFERENCE_REGION:
    g_value_set_enum(value, rules->where);
    break;
  case PROP_TILES:
    g_value_set_string(value, self->tiles);
    break;
  case PROP_OBJECT_CLASS:
    g_value_set_string(value, g_quark_to_string(rules->object_class));
    break;
  case PROP_INFERENCE_INTERVAL:
    g_value_set_uint(value, self->settings.interval);
    break;
  case PROP_BATCH_SIZE:
    g_value_set_uint(value, self->run.batch_size);
    break;
  case PROP_THREADS:
    g_value_set_uint(value, self->run.threads);
    break;
  case PROP_MAX_REGIONS:
    g_value_set_uint(value, rules->max_regions);
    break;
  case PROP_MIN_REGION_SIZE:
    g_value_set_uint(value, rules->min_size);
    break;
  case PROP_MIN_CONFIDENCE:
    g_value_set_double(value, rules->min_confidence);
    break;
  case PROP_REEMBED_INTERVAL:
    g_value_set_uint64(value, self->settings.reuse.interval);
    break;
  case PROP_REEMBED_GROWTH:
    g_value_set_double(value, self->settings.reuse.growth);
    break;
  case PROP_MAX_TRACKS:
    g_value_set_uint(value, self->max_tracks);
    break;
  case PROP_SHED_LATE:
    g_value_set_boolean(value, self->settings.shed_late);
    break;
  case PROP_STATS:
    g_value_take_boxed(value,
                       dc_stats_structure("application/x-embed-stats", gst_embed_stats_fields,
                                          G_N_ELEMENTS(gst_embed_stats_fields), &self->stats));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_embed_finalize(GObject *object)
{
  GstEmbed *self = GST_EMBED(object);
  gst_embed_model_free(self->model);
  g_free(self->tiles);
  G_OBJECT_CLASS(parent_class)->finalize(object);
}

static void
gst_embed_class_init(GstEmbedClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_embed_set_property;
  object_class->get_property = gst_embed_get_property;
  object_class->finalize = gst_embed_finalize;
  gst_embed_install_properties(object_class);

  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_set_static_metadata(
      element_class, "Embed regions", "Filter/Analyzer/Video",
      "Turns frames, tiles or regions of interest into embeddings by a small neural encoder",
      "The driftcluster authors");
  gst_element_class_add_static_pad_template(element_class, &gst_embed_sink_template);
  gst_element_class_add_static_pad_template(element_class, &gst_embed_src_template);

  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS(klass);
  base_class->start = gst_embed_start;
  base_class->stop = gst_embed_stop;
  base_class->set_caps = gst_embed_set_caps;
  base_class->propose_allocation = dc_whole_frames_propose_allocation;
  base_class->src_event = gst_embed_src_event;
  base_class->sink_event = gst_embed_sink_event;
  base_class->transform_ip = gst_embed_transform_ip;
}

static void
gst_embed_init(GstEmbed *self)
{
  self->model = gst_embed_model_new(GST_ELEMENT(self));
  self->settings = (GstEmbedSettings){
      .rules = {.where = DEFAULT_INFERENCE_REGION,
                .columns = DEFAULT_TILES_COLUMNS,
                .rows = DEFAULT_TILES_ROWS,
                .min_size = DEFAULT_MIN_REGION_SIZE,
                .min_confidence = DEFAULT_MIN_CONFIDENCE,
                .max_regions = DEFAULT_MAX_REGIONS},
      .reuse = {DEFAULT_REEMBED_INTERVAL, DEFAULT_REEMBED_GROWTH},
      .interval = DEFAULT_INFERENCE_INTERVAL,
      .shed_late = DEFAULT_SHED_LATE,
  };
  self->tiles = g_strdup(DEFAULT_TILES);
  self->max_tracks = DEFAULT_MAX_TRACKS;
  self->run = (GstEmbedRun){DEFAULT_BACKEND, DEFAULT_BATCH_SIZE, DEFAULT_THREADS};
  /* The flag of a gap goes on downstream. */
  gst_base_transform_set_gap_aware(GST_BASE_TRANSFORM(self), TRUE);
}
