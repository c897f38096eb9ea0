/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-publish-clusters
 * @title: publish-clusters
 *
 * Writes what the other elements found out about each buffer as one JSON object per line, and hands
 * the buffer on as it is. docs/formats/json.md describes the lines.
 *
 * |[
 * gst-launch-1.0 -q filesrc location=street.mp4 ! decodebin ! videoconvert ! \
 *     embed inference-region=tiles tiles=4x3 ! adapt-centroids clusters=5 ! assign ! \
 *     publish-clusters location=street.jsonl ! fakesink
 * ]|
 *
 * Since: 0.1
 */

#include "publish-clusters.h"

#include "common/buffer-times.h"
#include "common/cluster-line.h"
#include "common/props.h"
#include "common/publish-settings.h"
#include "common/stats.h"

#include <gst/video/video.h>

GST_DEBUG_CATEGORY_STATIC(publish_clusters_debug);
#define GST_CAT_DEFAULT publish_clusters_debug

#define LONGEST_PERIOD   (G_MAXINT64 / 4)
#define DEFAULT_MAX_RATE 0.0

typedef enum {
  GST_PUBLISH_CLUSTERS_EMBEDDINGS_OFF,
  GST_PUBLISH_CLUSTERS_EMBEDDINGS_BASE64
} GstPublishClustersEmbeddings;

#define DEFAULT_EMBEDDINGS GST_PUBLISH_CLUSTERS_EMBEDDINGS_OFF

enum { PROP_EMBEDDINGS = DC_PUBLISH_LAST, PROP_MAX_RATE, PROP_STATS };

/* What became of the buffers since READY. */
typedef struct {
  guint64 frames;  /* buffers that came */
  guint64 lines;   /* written whole, or taken for the broker */
  guint64 skipped; /* left out by max-rate */
  guint64 lost;    /* could not be written, or never reached the broker */
  guint64 bytes;   /* of the lines written whole */
  guint64 refused; /* regions left out, because their metadata is broken */
  guint64 queued;  /* of the lines, those that the broker has not acknowledged yet */
} GstPublishClustersStats;

struct _GstPublishClusters {
  GstBaseTransform parent;

  /* Under the object lock. */
  DcPublishSettings settings;
  GstPublishClustersEmbeddings embeddings;
  gdouble max_rate;
  GstPublishClustersStats stats;
  DcLineSink *sink; /* set and cleared under the lock; written to by the streaming thread */
  gboolean warned;  /* a lost line is news once, or once for each outage of the broker */

  /* Of the streaming thread. */
  gint width, height;
  GString *line;
  GstClockTimeDiff due; /* stream time from which on max-rate lets the next line through */
  gboolean has_due;     /* not before the first line */
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("video/x-raw(ANY)"));

#define GST_TYPE_PUBLISH_CLUSTERS_EMBEDDINGS (gst_publish_clusters_embeddings_get_type())
GType gst_publish_clusters_embeddings_get_type(void);

GType
gst_publish_clusters_embeddings_get_type(void)
{
  static const GEnumValue values[] = {{GST_PUBLISH_CLUSTERS_EMBEDDINGS_OFF, "No embeddings", "off"},
                                      {GST_PUBLISH_CLUSTERS_EMBEDDINGS_BASE64,
                                       "Little-endian float32 in base64", "base64"},
                                      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstPublishClustersEmbeddings", values));
  return type;
}

G_DEFINE_FINAL_TYPE(GstPublishClusters, gst_publish_clusters, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(publish_clusters, "publish-clusters", GST_RANK_NONE,
                            GST_TYPE_PUBLISH_CLUSTERS)

/* --- When and where a line goes --- */

/* Whether max-rate lets the buffer at stream time `now` have its line. The due times are a grid
 * rather than "last line plus period", which would lose up to a frame each time. A jump in time,
 * either way, starts a new grid. */
static gboolean
gst_publish_clusters_is_due(GstPublishClusters *self, GstClockTime now, gdouble max_rate)
{
  /* Stream time runs backwards in reverse playback. */
  gint direction = GST_BASE_TRANSFORM(self)->segment.rate < 0.0 ? -1 : 1;
  GstClockTimeDiff period, ahead;

  if (max_rate <= 0.0 || !GST_CLOCK_TIME_IS_VALID(now))
    return TRUE;
  period = (GstClockTimeDiff)MIN(GST_SECOND / max_rate, (gdouble)LONGEST_PERIOD);
  ahead = direction * (self->due - (GstClockTimeDiff)now);
  if (self->has_due && ahead > 0 && ahead <= period)
    return FALSE;
  if (self->has_due && ahead <= 0 && ahead > -period)
    self->due += direction * period;
  else
    self->due = (GstClockTimeDiff)now + direction * period;
  self->has_due = TRUE;
  return TRUE;
}

/* --- What goes wrong --- */

/* TRUE the first time. */
static gboolean
gst_publish_clusters_is_news(GstPublishClusters *self)
{
  gboolean news;

  GST_OBJECT_LOCK(self);
  news = !self->warned;
  self->warned = TRUE;
  GST_OBJECT_UNLOCK(self);
  return news;
}

static gchar *
gst_publish_clusters_target(GstPublishClusters *self)
{
  gchar *target;

  GST_OBJECT_LOCK(self);
  target = dc_publish_settings_target(&self->settings);
  GST_OBJECT_UNLOCK(self);
  return target;
}

/* Says once that lines get lost: from then on the numbers in `stats` tell how many. */
static void
gst_publish_clusters_warn(GstPublishClusters *self, const GError *error)
{
  g_autofree gchar *target = gst_publish_clusters_target(self);

  if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_INTR) ||
      !gst_publish_clusters_is_news(self))
    return;
  if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
    GST_ELEMENT_WARNING(self, RESOURCE, NO_SPACE_LEFT,
                        ("No space left for cluster lines to '%s'.", target),
                        ("%s; the video goes on, lines are lost and counted in \"stats\" until "
                         "there is space: free some, or use another location; for a broker, set "
                         "\"queue-size\" to more",
                         error->message));
  else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE))
    GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                        ("The reader of the cluster lines at '%s' has gone.", target),
                        ("%s; the video goes on, lines are lost and counted in \"stats\": restart "
                         "the pipeline together with the reader",
                         error->message));
  else
    GST_ELEMENT_WARNING(self, RESOURCE, WRITE, ("Could not write cluster lines to '%s'.", target),
                        ("%s; the video goes on, lines are lost and counted in \"stats\": check "
                         "the device and the location",
                         error->message));
}

/* DcBrokerReport: from the thread that talks to the broker. */
static void
gst_publish_clusters_hear_of_broker(gpointer data, const gchar *reason)
{
  GstPublishClusters *self = data;
  g_autofree gchar *target = gst_publish_clusters_target(self);

  if (reason) {
    GST_ELEMENT_WARNING(self, RESOURCE, OPEN_WRITE, ("The broker '%s' is away.", target),
                        ("%s; the video goes on, lines wait in a queue of \"queue-size\" bytes, "
                         "and connecting is tried again: check the address, the broker, "
                         "\"user\" and password, and \"ca-file\" for mqtts://",
                         reason));
    return;
  }
  GST_INFO_OBJECT(self, "connected to %s", target);
  GST_OBJECT_LOCK(self);
  self->warned = FALSE;
  GST_OBJECT_UNLOCK(self);
}

/* Lines that were taken but did not arrive before the element stopped. */
static void
gst_publish_clusters_give_up(GstPublishClusters *self, guint64 left)
{
  g_autofree gchar *target = gst_publish_clusters_target(self);

  if (left == 0)
    return;
  GST_OBJECT_LOCK(self);
  self->stats.lost += left;
  self->stats.lines -= left;
  GST_OBJECT_UNLOCK(self);
  GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                      ("%" G_GUINT64_FORMAT " cluster lines did not reach '%s'.", left, target),
                      ("the pipeline stopped before the broker had acknowledged them; a larger "
                       "\"flush-timeout\" lets the end of the stream wait for longer"));
}

/* --- Lines --- */

static void
gst_publish_clusters_send_line(GstPublishClusters *self, GstClockTime stream_time)
{
  g_autoptr(GError) error = NULL;
  gboolean sent =
      dc_line_sink_write(self->sink, self->line->str, self->line->len, stream_time, &error);

  GST_OBJECT_LOCK(self);
  if (sent) {
    self->stats.lines++;
    self->stats.bytes += self->line->len;
  } else {
    self->stats.lost++;
  }
  GST_OBJECT_UNLOCK(self);
  if (!sent) {
    GST_DEBUG_OBJECT(self, "line lost: %s", error->message);
    gst_publish_clusters_warn(self, error);
  }
}

static GstFlowReturn
gst_publish_clusters_transform_ip(GstBaseTransform *transform, GstBuffer *buffer)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);
  GstClockTime stream_time = dc_buffer_times(&transform->segment, buffer).stream_time;
  gboolean with_embeddings, due;
  gdouble max_rate;
  guint64 number;
  guint refused = 0;

  if (GST_CLOCK_TIME_IS_VALID(stream_time))
    gst_object_sync_values(GST_OBJECT(self), stream_time);
  GST_OBJECT_LOCK(self);
  with_embeddings = self->embeddings != GST_PUBLISH_CLUSTERS_EMBEDDINGS_OFF;
  max_rate = self->max_rate;
  number = self->stats.frames++;
  GST_OBJECT_UNLOCK(self);

  due = gst_publish_clusters_is_due(self, stream_time, max_rate);
  if (due) {
    const DcClusterLine line = {.frame = number,
                                .stream_time = stream_time,
                                .width = self->width,
                                .height = self->height,
                                .with_embeddings = with_embeddings};

    refused = dc_cluster_line_write(&line, buffer, self->line);
    gst_publish_clusters_send_line(self, stream_time);
  }
  GST_OBJECT_LOCK(self);
  self->stats.skipped += due ? 0 : 1;
  self->stats.refused += refused;
  GST_OBJECT_UNLOCK(self);
  return GST_FLOW_OK;
}

/* --- States and events --- */

static gboolean
gst_publish_clusters_set_caps(GstBaseTransform *transform, GstCaps *input, GstCaps *output)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);
  const GstStructure *structure = gst_caps_get_structure(input, 0);

  (void)output;
  return gst_structure_get_int(structure, "width", &self->width) &&
         gst_structure_get_int(structure, "height", &self->height);
}

static void
gst_publish_clusters_refuse_start(GstPublishClusters *self, const GError *error)
{
  g_autofree gchar *target = gst_publish_clusters_target(self);

  if (error->domain == G_FILE_ERROR)
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("Could not open '%s' to write cluster lines.", target),
                      ("%s; set \"location\" to a file in a folder that exists and can be written, "
                       "to - for standard output, or to fd://N for an open descriptor",
                       error->message));
  else
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("Cluster lines cannot go to '%s'.", target),
                      ("%s", error->message));
}

static gboolean
gst_publish_clusters_start(GstBaseTransform *transform)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);
  g_autoptr(GError) error = NULL;
  DcPublishSettings settings;
  DcLineSink *sink;

  GST_OBJECT_LOCK(self);
  dc_publish_settings_copy(&self->settings, &settings);
  self->stats = (GstPublishClustersStats){0};
  self->warned = FALSE;
  GST_OBJECT_UNLOCK(self);
  self->has_due = FALSE;
  sink = dc_publish_settings_open(&settings, GST_ELEMENT(self), gst_publish_clusters_hear_of_broker,
                                  &error);
  dc_publish_settings_clear(&settings);
  if (!sink) {
    gst_publish_clusters_refuse_start(self, error);
    return FALSE;
  }
  GST_OBJECT_LOCK(self);
  self->sink = sink;
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static gboolean
gst_publish_clusters_stop(GstBaseTransform *transform)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);
  DcLineSink *sink;

  GST_OBJECT_LOCK(self);
  sink = g_steal_pointer(&self->sink);
  GST_OBJECT_UNLOCK(self);
  gst_publish_clusters_give_up(self, dc_line_sink_close(sink));
  return TRUE;
}

/* Ends or allows the wait for a slow reader of a pipe, or for the broker. */
static void
gst_publish_clusters_interrupt(GstPublishClusters *self, gboolean interrupt)
{
  GST_OBJECT_LOCK(self);
  if (self->sink)
    dc_line_sink_interrupt(self->sink, interrupt);
  GST_OBJECT_UNLOCK(self);
}

static gboolean
gst_publish_clusters_sink_event(GstBaseTransform *transform, GstEvent *event)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);

  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) {
    gst_publish_clusters_interrupt(self, TRUE);
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    gst_publish_clusters_interrupt(self, FALSE);
    self->has_due = FALSE;
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    dc_line_sink_flush(self->sink);
  }
  return GST_BASE_TRANSFORM_CLASS(gst_publish_clusters_parent_class)->sink_event(transform, event);
}

static GstStateChangeReturn
gst_publish_clusters_change_state(GstElement *element, GstStateChange transition)
{
  /* Before the pads are stopped, which waits for the streaming thread. */
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_publish_clusters_interrupt(GST_PUBLISH_CLUSTERS(element), TRUE);
  return GST_ELEMENT_CLASS(gst_publish_clusters_parent_class)->change_state(element, transition);
}

/* --- Properties --- */

static GstStructure *
gst_publish_clusters_make_stats(const GstPublishClustersStats *stats)
{
  static const DcStatsField fields[] = {
      DC_STATS_FIELD(GstPublishClustersStats, "frames", frames),
      DC_STATS_FIELD(GstPublishClustersStats, "lines", lines),
      DC_STATS_FIELD(GstPublishClustersStats, "skipped", skipped),
      DC_STATS_FIELD(GstPublishClustersStats, "lost", lost),
      DC_STATS_FIELD(GstPublishClustersStats, "bytes", bytes),
      DC_STATS_FIELD(GstPublishClustersStats, "refused-regions", refused),
      DC_STATS_FIELD(GstPublishClustersStats, "queued", queued),
  };

  return dc_stats_structure("application/x-publish-clusters-stats", fields, G_N_ELEMENTS(fields),
                            stats);
}

static void
gst_publish_clusters_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_EMBEDDINGS:
    self->embeddings = (GstPublishClustersEmbeddings)g_value_get_enum(value);
    break;
  case PROP_MAX_RATE:
    self->max_rate = g_value_get_double(value);
    break;
  default:
    if (!dc_publish_settings_set(&self->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_publish_clusters_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_EMBEDDINGS:
    g_value_set_enum(value, (gint)self->embeddings);
    break;
  case PROP_MAX_RATE:
    g_value_set_double(value, self->max_rate);
    break;
  case PROP_STATS:
    self->stats.queued = self->sink ? dc_line_sink_queued(self->sink) : 0;
    g_value_take_boxed(value, gst_publish_clusters_make_stats(&self->stats));
    break;
  default:
    if (!dc_publish_settings_get(&self->settings, id, value))
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_publish_clusters_finalize(GObject *object)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(object);

  dc_publish_settings_clear(&self->settings);
  g_string_free(self->line, TRUE);
  G_OBJECT_CLASS(gst_publish_clusters_parent_class)->finalize(object);
}

static void
gst_publish_clusters_init(GstPublishClusters *self)
{
  dc_publish_settings_init(&self->settings);
  self->embeddings = DEFAULT_EMBEDDINGS;
  self->max_rate = DEFAULT_MAX_RATE;
  self->line = g_string_new(NULL);
  /* Only looks: buffers go on as they are, shared ones too. */
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void
gst_publish_clusters_install_properties(GObjectClass *object_class)
{
  dc_publish_settings_install(object_class);
  /**
   * GstPublishClusters:embeddings:
   *
   * Whether and how the lines hold the embedding of each region.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_EMBEDDINGS,
      g_param_spec_enum("embeddings", "Embeddings",
                        "Whether and how the lines hold the embedding of each region",
                        GST_TYPE_PUBLISH_CLUSTERS_EMBEDDINGS, DEFAULT_EMBEDDINGS,
                        DC_PARAM_PLAYING));
  /**
   * GstPublishClusters:max-rate:
   *
   * Lines per second of stream time at most; 0 writes one for every buffer. A buffer without
   * timestamp always has its line.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_MAX_RATE,
      g_param_spec_double("max-rate", "Maximum rate",
                          "Lines per second of stream time at most (0 = one for every buffer)", 0.0,
                          1000000.0, DEFAULT_MAX_RATE, DC_PARAM_CONTROLLABLE));
  /**
   * GstPublishClusters:stats:
   *
   * Counts since the element went to PAUSED, each a guint64: `frames` that came, `lines` written
   * (or taken for the broker) with their `bytes`, frames `skipped` by #GstPublishClusters:max-rate,
   * lines `lost` because they could not be written or did not reach the broker, `refused-regions`,
   * left out because their metadata is broken, and `queued`, the lines that the broker has not
   * acknowledged yet.
   *
   * Since: 0.1
   */
  dc_props_install_stats(object_class, PROP_STATS,
                         "Counts since PAUSED: frames, lines, skipped (by max-rate), lost (not "
                         "written), bytes, refused-regions (broken metadata), queued (not yet "
                         "acknowledged by the broker)");
}

static void
gst_publish_clusters_class_init(GstPublishClustersClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(publish_clusters_debug, "publish-clusters", 0, "JSON lines of clusters");
  object_class->set_property = gst_publish_clusters_set_property;
  object_class->get_property = gst_publish_clusters_get_property;
  object_class->finalize = gst_publish_clusters_finalize;
  gst_publish_clusters_install_properties(object_class);
  gst_type_mark_as_plugin_api(GST_TYPE_PUBLISH_CLUSTERS_EMBEDDINGS, 0);

  gst_element_class_set_static_metadata(
      element_class, "Cluster publisher", "Filter/Video/Metadata",
      "Writes the clusters of each frame as one JSON object per line", "driftcluster developers");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  element_class->change_state = gst_publish_clusters_change_state;

  transform_class->start = gst_publish_clusters_start;
  transform_class->stop = gst_publish_clusters_stop;
  transform_class->set_caps = gst_publish_clusters_set_caps;
  transform_class->sink_event = gst_publish_clusters_sink_event;
  transform_class->transform_ip = gst_publish_clusters_transform_ip;
}
