/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-gallery-sink
 * @title: gallery-sink
 *
 * Keeps the best pictures of each cluster as PNG files, and writes a page that shows the groups
 * while the stream goes on. The page is a file: no server is needed.
 *
 * |[
 * gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert ! \
 *     embed inference-region=tiles tiles=4x3 ! adapt-centroids clusters=5 ! assign ! \
 *     gallery-sink location=gallery
 * ]|
 *
 * Since: 0.1
 */

#include "gallery-sink.h"

#include "common/buffer-times.h"
#include "common/cluster-command.h"
#include "common/gallery-edits.h"
#include "common/gallery-folder.h"
#include "common/gallery-writer.h"
#include "common/props.h"
#include "common/region-cutter.h"
#include "common/snapshot-event.h"
#include "common/stats.h"

GST_DEBUG_CATEGORY_STATIC(gallery_sink_debug);
#define GST_CAT_DEFAULT gallery_sink_debug

#define DEFAULT_TITLE       "What the stream shows"
#define DEFAULT_PER_CLUSTER 12
#define DEFAULT_INTERVAL    GST_SECOND
#define PICTURE_SIDE        256 /* of an exemplar, in pixels at most */

enum { PROP_0, PROP_LOCATION, PROP_PER_CLUSTER, PROP_TITLE, PROP_INTERVAL, PROP_EDITS, PROP_STATS };

/* What became of the regions since READY. */
typedef struct {
  guint64 frames;     /* buffers that came */
  guint64 regions;    /* of clusters, that were counted */
  guint64 exemplars;  /* pictures written */
  guint64 shed;       /* pictures left out because others still waited to be written */
  guint64 lost;       /* pictures that could not be written */
  guint64 unreadable; /* buffers that hold no frame of their caps */
  guint64 refused;    /* regions left out, because their metadata is broken */
  guint64 pages;      /* times that the data of the page were written */
  guint64 edits;      /* commands from the page that were carried out */
} GstGallerySinkStats;

struct _GstGallerySink {
  GstBaseSink parent;

  /* Under the object lock. */
  gchar *location;
  gchar *title;
  guint per_cluster;
  GstClockTime interval;
  gboolean takes_edits;
  GstGallerySinkStats stats;
  gboolean warned;         /* what cannot be written is news once */
  DcGalleryWriter *writer; /* set and cleared under the lock; fed by the streaming thread */

  /* From PAUSED on. */
  DcGalleryFolder *folder;
  DcGallery *gallery;
  DcGalleryEdits *edits; /* NULL: none are taken */

  /* Of the streaming thread. */
  GstVideoInfo info;
  guint64 position; /* of the next region in a stream without times */
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(DC_FRAME_FORMATS)));

G_DEFINE_FINAL_TYPE(GstGallerySink, gst_gallery_sink, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE(gallery_sink, "gallery-sink", GST_RANK_NONE, GST_TYPE_GALLERY_SINK)

/* --- What is written --- */

/* DcGalleryReport. */
static void
gst_gallery_sink_hear(gpointer user_data, DcGalleryFile file, const DcError *error)
{
  GstGallerySink *self = user_data;
  g_autofree gchar *location = NULL;
  gboolean news;

  GST_OBJECT_LOCK(self);
  self->stats.exemplars += file == DC_GALLERY_EXEMPLAR && !error ? 1 : 0;
  self->stats.lost += file == DC_GALLERY_EXEMPLAR && error ? 1 : 0;
  self->stats.pages += file == DC_GALLERY_PAGE && !error ? 1 : 0;
  news = error && !self->warned;
  self->warned |= news;
  location = news ? g_strdup(self->location) : NULL;
  GST_OBJECT_UNLOCK(self);
  if (news)
    GST_ELEMENT_WARNING(self, RESOURCE, WRITE, ("Could not write to the gallery '%s'.", location),
                        ("%s; the stream goes on, and writing is tried again: exemplars that are "
                         "lost are counted in \"stats\"; free some space, or use another location",
                         error->message));
}

/* --- What people edit --- */

/* DcGalleryEdit: sends the command up the stream, where adapt-centroids takes it. */
static gchar *
gst_gallery_sink_edit(gpointer user_data, GstStructure *command)
{
  GstGallerySink *self = user_data;
  g_autoptr(GstEvent) event = gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, command);
  gboolean done = gst_pad_push_event(GST_BASE_SINK_PAD(self), gst_event_ref(event));
  const gchar *reason = dc_cluster_command_reason(event);

  GST_OBJECT_LOCK(self);
  self->stats.edits += done ? 1 : 0;
  GST_OBJECT_UNLOCK(self);
  if (done)
    return NULL;
  return g_strdup(reason ? reason : "no element upstream keeps the clusters");
}

/* --- Regions --- */

/* Hands a picture of the region to the writer; it is cut here, since a frame that waited would be
 * missing upstream. */
static void
gst_gallery_sink_keep(GstGallerySink *self, DcRegionCutter *cutter, const DcSighting *sighting)
{
  DcPicture picture;
  gchar *path;
  guint64 number;

  if (!dc_gallery_writer_has_room(self->writer)) {
    GST_OBJECT_LOCK(self);
    self->stats.shed++;
    GST_OBJECT_UNLOCK(self);
    return;
  }
  if (!dc_region_cutter_cut(cutter, sighting->result, PICTURE_SIDE, &picture))
    return;
  number = dc_gallery_admit(self->gallery, sighting, picture.width, picture.height, &path);
  dc_gallery_writer_push(self->writer, number, path, &picture);
}

/* Adds what was found on the frame to `counts`. */
static void
gst_gallery_sink_look(GstGallerySink *self, GstBuffer *buffer, GstCustomMeta *results,
                      GstGallerySinkStats *counts)
{
  DcRegionCutter cutter = {.info = &self->info, .buffer = buffer};
  GstClockTime time = dc_buffer_times(&GST_BASE_SINK(self)->segment, buffer).stream_time;
  guint n = driftcluster_results_meta_get_n_results(results);

  /* One place for each region, in the order of the stream where it has one. */
  if (GST_CLOCK_TIME_IS_VALID(time))
    self->position = time;
  for (guint i = 0; i < n; i++) {
    DriftclusterResult result;
    DcSighting sighting = {.result = &result, .time = time, .position = self->position++};

    if (!driftcluster_results_meta_get_result(results, i, &result)) {
      counts->refused++;
    } else if (result.cluster >= 0 && !result.ignored) {
      counts->regions++;
      if (dc_gallery_note(self->gallery, &sighting))
        gst_gallery_sink_keep(self, &cutter, &sighting);
    }
  }
  counts->unreadable += cutter.unreadable ? 1 : 0;
  dc_region_cutter_close(&cutter);
}

static GstFlowReturn
gst_gallery_sink_render(GstBaseSink *sink, GstBuffer *buffer)
{
  GstGallerySink *self = GST_GALLERY_SINK(sink);
  GstCustomMeta *results = driftcluster_buffer_get_results_meta(buffer);
  GstGallerySinkStats counts = {0};

  if (results)
    gst_gallery_sink_look(self, buffer, results, &counts);
  if (counts.regions > 0)
    dc_gallery_writer_touch(self->writer);
  GST_OBJECT_LOCK(self);
  self->stats.frames++;
  self->stats.regions += counts.regions;
  self->stats.refused += counts.refused;
  self->stats.unreadable += counts.unreadable;
  GST_OBJECT_UNLOCK(self);
  return GST_FLOW_OK;
}

/* --- States and events --- */

static gboolean
gst_gallery_sink_set_caps(GstBaseSink *sink, GstCaps *caps)
{
  return gst_video_info_from_caps(&GST_GALLERY_SINK(sink)->info, caps);
}

static gboolean
gst_gallery_sink_propose_allocation(GstBaseSink *sink, GstQuery *query)
{
  (void)sink;
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
  return TRUE;
}

static void
gst_gallery_sink_follow(GstGallerySink *self, GstEvent *event)
{
  DcSnapshot *snapshot = dc_snapshot_event_get(event);

  dc_gallery_follow(self->gallery, snapshot);
  dc_snapshot_unref(snapshot);
  dc_gallery_writer_touch(self->writer);
}

static gboolean
gst_gallery_sink_event(GstBaseSink *sink, GstEvent *event)
{
  GstGallerySink *self = GST_GALLERY_SINK(sink);

  if (dc_snapshot_event_is(event))
    gst_gallery_sink_follow(self, event);
  else if (GST_EVENT_TYPE(event) == GST_EVENT_EOS)
    dc_gallery_writer_end(self->writer);
  return GST_BASE_SINK_CLASS(gst_gallery_sink_parent_class)->event(sink, event);
}

static gboolean
gst_gallery_sink_refuse_start(GstGallerySink *self, const gchar *location, const GError *error)
{
  GST_ELEMENT_ERROR(self, RESOURCE, OPEN_WRITE, ("No gallery can be written to '%s'.", location),
                    ("%s; set \"location\" to a folder that can be written, or to one that is not "
                     "there yet",
                     error->message));
  return FALSE;
}

static gboolean
gst_gallery_sink_refuse_edits(GstGallerySink *self, const gchar *location, const GError *error)
{
  GST_ELEMENT_ERROR(
      self, RESOURCE, OPEN_READ_WRITE, ("The gallery '%s' cannot take edits.", location),
      ("no socket can be made in it: %s; set \"edits\" to false, or \"location\" to a "
       "folder of a file system that has sockets",
       error->message));
  return FALSE;
}

static gboolean
gst_gallery_sink_begin(GstGallerySink *self)
{
  g_autofree gchar *location = NULL, *title = NULL;
  g_autoptr(GError) error = NULL;
  DcGalleryTarget target = {.report = gst_gallery_sink_hear, .user_data = self};
  guint per_cluster;
  gboolean edits;

  GST_OBJECT_LOCK(self);
  location = g_strdup(self->location);
  edits = self->takes_edits;
  target.title = title = g_strdup(self->title);
  target.interval = (gint64)(self->interval / GST_USECOND);
  per_cluster = self->per_cluster;
  self->stats = (GstGallerySinkStats){0};
  self->warned = FALSE;
  GST_OBJECT_UNLOCK(self);
  if (!location || !*location) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS, ("A gallery needs a folder."),
                      ("set \"location\" to a folder of its own; it is made if it is not there"));
    return FALSE;
  }
  self->folder = dc_gallery_folder_open(location, &error);
  if (!self->folder)
    return gst_gallery_sink_refuse_start(self, location, error);
  self->position = 0;
  target.folder = location;
  target.gallery = self->gallery = dc_gallery_new(per_cluster, edits);
  if (edits && !(self->edits = dc_gallery_edits_new(location, gst_gallery_sink_edit, self, &error)))
    return gst_gallery_sink_refuse_edits(self, location, error);
  GST_OBJECT_LOCK(self);
  self->writer = dc_gallery_writer_new(&target);
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static void
gst_gallery_sink_finish(GstGallerySink *self)
{
  DcGalleryWriter *writer;

  g_clear_pointer(&self->edits, dc_gallery_edits_free);
  GST_OBJECT_LOCK(self);
  writer = g_steal_pointer(&self->writer);
  GST_OBJECT_UNLOCK(self);
  dc_gallery_writer_free(writer);
  g_clear_pointer(&self->gallery, dc_gallery_free);
  g_clear_pointer(&self->folder, dc_gallery_folder_close);
}

/* Not in start() and stop(), which a base sink has between NULL and READY: in READY the folder may
 * still be set. */
static GstStateChangeReturn
gst_gallery_sink_change_state(GstElement *element, GstStateChange transition)
{
  GstGallerySink *self = GST_GALLERY_SINK(element);
  GstStateChangeReturn done;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !gst_gallery_sink_begin(self)) {
    gst_gallery_sink_finish(self);
    return GST_STATE_CHANGE_FAILURE;
  }
  done = GST_ELEMENT_CLASS(gst_gallery_sink_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && done == GST_STATE_CHANGE_FAILURE))
    gst_gallery_sink_finish(self);
  return done;
}

/* --- Properties --- */

static GstStructure *
gst_gallery_sink_make_stats(const GstGallerySinkStats *stats)
{
  static const DcStatsField fields[] = {
      DC_STATS_FIELD(GstGallerySinkStats, "frames", frames),
      DC_STATS_FIELD(GstGallerySinkStats, "regions", regions),
      DC_STATS_FIELD(GstGallerySinkStats, "exemplars", exemplars),
      DC_STATS_FIELD(GstGallerySinkStats, "shed", shed),
      DC_STATS_FIELD(GstGallerySinkStats, "lost", lost),
      DC_STATS_FIELD(GstGallerySinkStats, "unreadable-frames", unreadable),
      DC_STATS_FIELD(GstGallerySinkStats, "refused-regions", refused),
      DC_STATS_FIELD(GstGallerySinkStats, "pages", pages),
      DC_STATS_FIELD(GstGallerySinkStats, "edits", edits),
  };

  return dc_stats_structure("application/x-gallery-sink-stats", fields, G_N_ELEMENTS(fields),
                            stats);
}

static void
gst_gallery_sink_set_interval(GstGallerySink *self, GstClockTime interval)
{
  self->interval = interval;
  if (self->writer)
    dc_gallery_writer_set_interval(self->writer, (gint64)(interval / GST_USECOND));
}

static void
gst_gallery_sink_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstGallerySink *self = GST_GALLERY_SINK(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LOCATION:
    g_free(self->location);
    self->location = g_value_dup_string(value);
    break;
  case PROP_PER_CLUSTER:
    self->per_cluster = g_value_get_uint(value);
    break;
  case PROP_TITLE:
    g_free(self->title);
    self->title = g_value_dup_string(value);
    break;
  case PROP_INTERVAL:
    gst_gallery_sink_set_interval(self, g_value_get_uint64(value));
    break;
  case PROP_EDITS:
    self->takes_edits = g_value_get_boolean(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_gallery_sink_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstGallerySink *self = GST_GALLERY_SINK(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LOCATION:
    g_value_set_string(value, self->location);
    break;
  case PROP_PER_CLUSTER:
    g_value_set_uint(value, self->per_cluster);
    break;
  case PROP_TITLE:
    g_value_set_string(value, self->title);
    break;
  case PROP_INTERVAL:
    g_value_set_uint64(value, self->interval);
    break;
  case PROP_EDITS:
    g_value_set_boolean(value, self->takes_edits);
    break;
  case PROP_STATS:
    g_value_take_boxed(value, gst_gallery_sink_make_stats(&self->stats));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_gallery_sink_finalize(GObject *object)
{
  GstGallerySink *self = GST_GALLERY_SINK(object);

  g_free(self->location);
  g_free(self->title);
  G_OBJECT_CLASS(gst_gallery_sink_parent_class)->finalize(object);
}

static void
gst_gallery_sink_init(GstGallerySink *self)
{
  self->title = g_strdup(DEFAULT_TITLE);
  self->per_cluster = DEFAULT_PER_CLUSTER;
  self->interval = DEFAULT_INTERVAL;
  /* Nobody watches the frames themselves, so there is nothing to wait for: a recording goes through
   * as fast as it is decoded, and a live stream sets the pace itself. */
  gst_base_sink_set_sync(GST_BASE_SINK(self), FALSE);
  /* A frame that is kept would be missing in a small pool upstream. */
  gst_base_sink_set_last_sample_enabled(GST_BASE_SINK(self), FALSE);
}

static void
gst_gallery_sink_install_properties(GObjectClass *object_class)
{
  /**
   * GstGallerySink:location:
   *
   * The folder that the gallery is written to: empty, or of an earlier gallery, which is replaced.
   * It is made if it is not there.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_LOCATION,
      g_param_spec_string(
          "location", "Location",
          "Folder of the gallery, whose page is index.html; made if it is not there", NULL,
          DC_PARAM_READY));
  /**
   * GstGallerySink:per-cluster:
   *
   * How many exemplars each cluster keeps at most.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_PER_CLUSTER,
      g_param_spec_uint(
          "per-cluster", "Exemplars per cluster",
          "Exemplars of each cluster at most: the surest ones, spread over the stream", 1,
          DC_GALLERY_MOST_EXEMPLARS, DEFAULT_PER_CLUSTER, DC_PARAM_READY));
  /**
   * GstGallerySink:title:
   *
   * The heading of the page.
   *
   * Since: 0.1
   */
  g_object_class_install_property(object_class, PROP_TITLE,
                                  g_param_spec_string("title", "Title", "Heading of the page",
                                                      DEFAULT_TITLE, DC_PARAM_READY));
  /**
   * GstGallerySink:interval:
   *
   * Time that passes at least between two updates of the page, by the clock on the wall: it limits
   * the work of disk and browser, which go by that clock whatever the speed of the stream. Which
   * exemplars are kept does not depend on it.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_INTERVAL,
      g_param_spec_uint64(
          "interval", "Interval",
          "Time in ns, not of the stream but of the wall clock, between two updates "
          "of the page at least",
          0, G_MAXUINT64, DEFAULT_INTERVAL, DC_PARAM_PLAYING));
  /**
   * GstGallerySink:edits:
   *
   * Whether the clusters can be named, merged, split, pinned and ignored from the page, as
   * `driftcluster serve` shows it. The sink then makes a socket in its folder, which no other user
   * may use, and sends what comes there up the stream to `adapt-centroids`.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_EDITS,
      g_param_spec_boolean("edits", "Edits",
                           "Take names, merges, splits and pins from the page, where driftcluster "
                           "serve shows it, and send them up the stream",
                           FALSE, DC_PARAM_READY));
  /**
   * GstGallerySink:stats:
   *
   * Counts since the element went to PAUSED, each a guint64: `frames` that came, `regions` of
   * clusters, `exemplars` written, `shed` ones that came while too many others waited to be
   * written, `lost` ones that could not be written, `unreadable-frames`, whose buffers do not hold
   * a frame, `refused-regions`, left out because their metadata is broken, `pages`, the updates of
   * the page, and `edits` from it that were carried out.
   *
   * Since: 0.1
   */
  dc_props_install_stats(
      object_class, PROP_STATS,
      "Counts since PAUSED: frames, regions, exemplars (written), shed (too many "
      "at once), lost (not written), unreadable-frames, refused-regions (broken "
      "metadata), pages (updates), edits (carried out)");
}

static void
gst_gallery_sink_class_init(GstGallerySinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(gallery_sink_debug, "gallery-sink", 0, "exemplars of clusters");
  object_class->set_property = gst_gallery_sink_set_property;
  object_class->get_property = gst_gallery_sink_get_property;
  object_class->finalize = gst_gallery_sink_finalize;
  gst_gallery_sink_install_properties(object_class);

  gst_element_class_set_static_metadata(
      element_class, "Cluster gallery", "Sink/Video",
      "Keeps exemplars of each cluster as PNG files, with a page that shows the groups live",
      "driftcluster developers");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  element_class->change_state = gst_gallery_sink_change_state;

  sink_class->set_caps = gst_gallery_sink_set_caps;
  sink_class->propose_allocation = gst_gallery_sink_propose_allocation;
  sink_class->event = gst_gallery_sink_event;
  sink_class->render = gst_gallery_sink_render;
}
