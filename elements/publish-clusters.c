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

#include "common/cluster-line.h"
#include "common/line-output.h"
#include "common/props.h"
#include "common/stats.h"

#include <gst/video/video.h>

GST_DEBUG_CATEGORY_STATIC(publish_clusters_debug);
#define GST_CAT_DEFAULT publish_clusters_debug

#define LONGEST_PERIOD   (G_MAXINT64 / 4)
#define DEFAULT_LOCATION "-"
#define DEFAULT_APPEND   FALSE
#define DEFAULT_MAX_RATE 0.0

typedef enum {
  GST_PUBLISH_CLUSTERS_EMBEDDINGS_OFF,
  GST_PUBLISH_CLUSTERS_EMBEDDINGS_BASE64
} GstPublishClustersEmbeddings;

#define DEFAULT_EMBEDDINGS GST_PUBLISH_CLUSTERS_EMBEDDINGS_OFF

enum { PROP_0, PROP_LOCATION, PROP_APPEND, PROP_EMBEDDINGS, PROP_MAX_RATE, PROP_STATS };

/* What became of the buffers since READY. */
typedef struct {
  guint64 frames;  /* buffers that came */
  guint64 lines;   /* written whole */
  guint64 skipped; /* left out by max-rate */
  guint64 lost;    /* could not be written */
  guint64 bytes;   /* of the lines written whole */
  guint64 refused; /* regions left out, because their metadata is broken */
} GstPublishClustersStats;

struct _GstPublishClusters {
  GstBaseTransform parent;

  /* Under the object lock. */
  gchar *location;
  gboolean append;
  GstPublishClustersEmbeddings embeddings;
  gdouble max_rate;
  GstPublishClustersStats stats;
  DcLineOutput *output; /* set and cleared under the lock; written to by the streaming thread */

  /* Of the streaming thread. */
  gint width, height;
  GString *line;
  GstClockTimeDiff due; /* stream time from which on max-rate lets the next line through */
  gboolean has_due;     /* not before the first line */
  gboolean warned;      /* a lost line is news once */
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

/* Says once that lines get lost: from then on the numbers in `stats` tell how many. */
static void
gst_publish_clusters_warn(GstPublishClusters *self, const GError *error)
{
  g_autofree gchar *location = NULL;

  if (self->warned || g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_INTR))
    return;
  self->warned = TRUE;
  GST_OBJECT_LOCK(self);
  location = g_strdup(self->location);
  GST_OBJECT_UNLOCK(self);
  if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
    GST_ELEMENT_WARNING(self, RESOURCE, NO_SPACE_LEFT,
                        ("No space left to write cluster lines to '%s'.", location),
                        ("%s; the video goes on, lines are lost and counted in \"stats\" until "
                         "there is space: free some, or use another location",
                         error->message));
  else if (g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_PIPE))
    GST_ELEMENT_WARNING(self, RESOURCE, WRITE,
                        ("The reader of the cluster lines at '%s' has gone.", location),
                        ("%s; the video goes on, lines are lost and counted in \"stats\": restart "
                         "the pipeline together with the reader",
                         error->message));
  else
    GST_ELEMENT_WARNING(self, RESOURCE, WRITE, ("Could not write cluster lines to '%s'.", location),
                        ("%s; the video goes on, lines are lost and counted in \"stats\": check "
                         "the device and the location",
                         error->message));
}

static void
gst_publish_clusters_send_line(GstPublishClusters *self)
{
  g_autoptr(GError) error = NULL;
  gboolean sent = dc_line_output_write(self->output, self->line->str, self->line->len, &error);

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

static GstClockTime
gst_publish_clusters_stream_time(GstBaseTransform *transform, GstBuffer *buffer)
{
  const GstSegment *segment = &transform->segment;

  if (segment->format != GST_FORMAT_TIME)
    return GST_CLOCK_TIME_NONE;
  return gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
}

static GstFlowReturn
gst_publish_clusters_transform_ip(GstBaseTransform *transform, GstBuffer *buffer)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);
  GstClockTime stream_time = gst_publish_clusters_stream_time(transform, buffer);
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
    gst_publish_clusters_send_line(self);
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

static gboolean
gst_publish_clusters_start(GstBaseTransform *transform)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);
  g_autoptr(GError) error = NULL;
  g_autofree gchar *location = NULL;
  DcLineOutput *output;
  gboolean append;

  GST_OBJECT_LOCK(self);
  location = g_strdup(self->location);
  append = self->append;
  GST_OBJECT_UNLOCK(self);

  output = dc_line_output_open(location, append, &error);
  if (!output) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE,
                      ("Could not open '%s' to write cluster lines.", location),
                      ("%s; set \"location\" to a file in a folder that exists and can be written, "
                       "to - for standard output, or to fd://N for an open descriptor",
                       error->message));
    return FALSE;
  }
  GST_OBJECT_LOCK(self);
  self->output = output;
  self->stats = (GstPublishClustersStats){0};
  GST_OBJECT_UNLOCK(self);
  self->has_due = FALSE;
  self->warned = FALSE;
  return TRUE;
}

static gboolean
gst_publish_clusters_stop(GstBaseTransform *transform)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(transform);
  DcLineOutput *output;

  GST_OBJECT_LOCK(self);
  output = g_steal_pointer(&self->output);
  GST_OBJECT_UNLOCK(self);
  dc_line_output_close(output);
  return TRUE;
}

/* Ends or allows the wait for a slow reader of a pipe. */
static void
gst_publish_clusters_interrupt(GstPublishClusters *self, gboolean interrupt)
{
  GST_OBJECT_LOCK(self);
  if (self->output)
    dc_line_output_interrupt(self->output, interrupt);
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
  };

  return dc_stats_structure("application/x-publish-clusters-stats", fields, G_N_ELEMENTS(fields),
                            stats);
}

static void
gst_publish_clusters_set_location(GstPublishClusters *self, const GValue *value)
{
  const gchar *location = g_value_get_string(value);

  g_free(self->location);
  self->location = g_strdup(location ? location : DEFAULT_LOCATION);
}

static void
gst_publish_clusters_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LOCATION:
    gst_publish_clusters_set_location(self, value);
    break;
  case PROP_APPEND:
    self->append = g_value_get_boolean(value);
    break;
  case PROP_EMBEDDINGS:
    self->embeddings = (GstPublishClustersEmbeddings)g_value_get_enum(value);
    break;
  case PROP_MAX_RATE:
    self->max_rate = g_value_get_double(value);
    break;
  default:
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
  case PROP_LOCATION:
    g_value_set_string(value, self->location);
    break;
  case PROP_APPEND:
    g_value_set_boolean(value, self->append);
    break;
  case PROP_EMBEDDINGS:
    g_value_set_enum(value, (gint)self->embeddings);
    break;
  case PROP_MAX_RATE:
    g_value_set_double(value, self->max_rate);
    break;
  case PROP_STATS:
    g_value_take_boxed(value, gst_publish_clusters_make_stats(&self->stats));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_publish_clusters_finalize(GObject *object)
{
  GstPublishClusters *self = GST_PUBLISH_CLUSTERS(object);

  g_free(self->location);
  g_string_free(self->line, TRUE);
  G_OBJECT_CLASS(gst_publish_clusters_parent_class)->finalize(object);
}

static void
gst_publish_clusters_init(GstPublishClusters *self)
{
  self->location = g_strdup(DEFAULT_LOCATION);
  self->append = DEFAULT_APPEND;
  self->embeddings = DEFAULT_EMBEDDINGS;
  self->max_rate = DEFAULT_MAX_RATE;
  self->line = g_string_new(NULL);
  /* Only looks: buffers go on as they are, shared ones too. */
  gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
}

static void
gst_publish_clusters_install_properties(GObjectClass *object_class)
{
  /**
   * GstPublishClusters:location:
   *
   * Where the lines go: the path of a file or FIFO, `-` for standard output, or `fd://N` for
   * descriptor N, which the application has opened and closes.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_LOCATION,
      g_param_spec_string("location", "Location",
                          "Where the lines go: path of a file or FIFO, - for standard output, or "
                          "fd://N for an open descriptor",
                          DEFAULT_LOCATION, DC_PARAM_READY));
  /**
   * GstPublishClusters:append:
   *
   * Whether a file that exists is continued rather than emptied.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_APPEND,
      g_param_spec_boolean("append", "Append", "Continue a file that exists instead of emptying it",
                           DEFAULT_APPEND, DC_PARAM_READY));
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
   * with their `bytes`, frames `skipped` by #GstPublishClusters:max-rate, lines `lost` because they
   * could not be written, and `refused-regions`, left out because their metadata is broken.
   *
   * Since: 0.1
   */
  dc_props_install_stats(object_class, PROP_STATS,
                         "Counts since PAUSED: frames, lines, skipped (by max-rate), lost (not "
                         "written), bytes, refused-regions (broken metadata)");
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
