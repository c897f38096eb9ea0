/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-find-motion
 * @title: find-motion
 *
 * Finds what moves before a fixed camera, and follows it: each moving region becomes a
 * #GstVideoRegionOfInterestMeta of type `motion` whose id is that of its track. Nothing has to be
 * trained. Only the luma is looked at; pixels are read, and never changed or copied.
 *
 * Each region has three parameters: `detection` (as DL Streamer writes it: `x_min`, `x_max`,
 * `y_min`, `y_max` as shares of the frame, and `confidence`), `object_id` (`id`), and `motion`
 * (`area` in moving pixels, `speed-x` and `speed-y` in pixels a second).
 *
 * What happens to the scene is told by element messages named `find-motion`, with the times of the
 * buffer and the field `kind`: `scene-changed` (a cut, or another camera: the background is
 * learnt anew), `picture-lost` (all of one grey), `picture-frozen` (the same picture for five
 * seconds), `picture-back`.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert ! find-motion ! \
 *     embed inference-region=roi-list ! adapt-centroids ! assign ! draw-clusters ! videoconvert ! \
 *     autovideosink
 * ]|
 *
 * Since: 0.1
 */
#include "find-motion.h"

#include "common/buffer-times.h"
#include "common/frame-reader.h"
#include "common/props.h"
#include "common/stats.h"
#include "common/stream-breaks.h"
#include "common/whole-frames.h"
#include "motion/motion.h"

GST_DEBUG_CATEGORY_STATIC(gst_find_motion_debug);
#define GST_CAT_DEFAULT gst_find_motion_debug

enum {
  PROP_0,
  PROP_MIN_AREA,
  PROP_LEARNING_RATE,
  PROP_THRESHOLD,
  PROP_MAX_REGIONS,
  PROP_SHADOW,
  PROP_MIN_FRAMES,
  PROP_BRIDGE_TIME,
  PROP_POST_MESSAGES,
  PROP_STATS,
};

#define DEFAULT_MIN_AREA      0
#define MAX_MIN_AREA          (1 << 26)
#define DEFAULT_LEARNING_RATE 0.05
#define DEFAULT_THRESHOLD     5.0
#define MIN_THRESHOLD         1.0
#define MAX_THRESHOLD         100.0
#define DEFAULT_MAX_REGIONS   64
#define DEFAULT_SHADOW        TRUE
#define DEFAULT_MIN_FRAMES    3
#define MAX_MIN_FRAMES        1000
#define DEFAULT_BRIDGE_TIME   GST_SECOND
#define MAX_BRIDGE_TIME       (60 * GST_SECOND)
#define DEFAULT_POST_MESSAGES TRUE

/* Between frames of a stream that says neither times nor a rate. */
#define UNKNOWN_INTERVAL 0.04

typedef struct {
  guint64 frames, regions, surplus_regions, scene_changes, skipped, unreadable;
} GstFindMotionStats;

static const DcStatsField gst_find_motion_stats_fields[] = {
    DC_STATS_FIELD(GstFindMotionStats, "frames", frames),
    DC_STATS_FIELD(GstFindMotionStats, "regions", regions),
    DC_STATS_FIELD(GstFindMotionStats, "surplus-regions", surplus_regions),
    DC_STATS_FIELD(GstFindMotionStats, "scene-changes", scene_changes),
    DC_STATS_FIELD(GstFindMotionStats, "skipped", skipped),
    DC_STATS_FIELD(GstFindMotionStats, "unreadable", unreadable),
};

struct _GstFindMotion {
  GstBaseTransform parent;

  /* Guarded by the object lock. */
  DcMotionSettings settings;
  gboolean post_messages;
  GstFindMotionStats stats;

  /* Of the streaming thread. */
  GstVideoInfo info;
  DcMotion *motion;      /* from start to stop */
  DcMotionResult result; /* of the last frame */
  DcStreamBreaks breaks;
  GstClockTime stream_time; /* of the last frame, or GST_CLOCK_TIME_NONE */
  DcRateLimit changes_told;
  gboolean warned_unreadable;
};

#define gst_find_motion_parent_class parent_class
G_DEFINE_TYPE(GstFindMotion, gst_find_motion, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(find_motion, "find-motion", GST_RANK_NONE,
                                      GST_TYPE_FIND_MOTION,
                                      GST_DEBUG_CATEGORY_INIT(gst_find_motion_debug, "find-motion",
                                                              0, "moving regions"))

#define GST_FIND_MOTION_CAPS GST_VIDEO_CAPS_MAKE("{ GRAY8, I420, NV12 }")

static GstStaticPadTemplate gst_find_motion_sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_FIND_MOTION_CAPS));
static GstStaticPadTemplate gst_find_motion_src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_FIND_MOTION_CAPS));

/* --- starting and stopping --- */

static gboolean
gst_find_motion_start(GstBaseTransform *base)
{
  GstFindMotion *self = GST_FIND_MOTION(base);
  GST_OBJECT_LOCK(self);
  self->stats = (GstFindMotionStats){0};
  GST_OBJECT_UNLOCK(self);
  self->stream_time = GST_CLOCK_TIME_NONE;
  self->changes_told = DC_RATE_LIMIT_INIT;
  self->warned_unreadable = FALSE;
  self->result = (DcMotionResult){.state = DC_SCENE_SETTLING};
  self->motion = dc_motion_new();
  if (!self->motion)
    GST_ELEMENT_ERROR(self, RESOURCE, NO_SPACE_LEFT, ("There is not enough memory to start."),
                      (NULL));
  return self->motion != NULL;
}

static gboolean
gst_find_motion_stop(GstBaseTransform *base)
{
  GstFindMotion *self = GST_FIND_MOTION(base);
  g_clear_pointer(&self->motion, dc_motion_free);
  dc_stream_breaks_clear(&self->breaks);
  return TRUE;
}

static gboolean
gst_find_motion_set_caps(GstBaseTransform *base, GstCaps *in_caps, GstCaps *out_caps)
{
  (void)out_caps;
  return gst_video_info_from_caps(&GST_FIND_MOTION(base)->info, in_caps);
}

/* What comes after a break does not follow what was before: regions end, the background stays. */
static gboolean
gst_find_motion_sink_event(GstBaseTransform *base, GstEvent *event)
{
  GstFindMotion *self = GST_FIND_MOTION(base);
  if (dc_stream_breaks_at(&self->breaks, event)) {
    dc_motion_interrupt(self->motion);
    self->stream_time = GST_CLOCK_TIME_NONE;
  }
  return GST_BASE_TRANSFORM_CLASS(parent_class)->sink_event(base, event);
}

/* --- a frame --- */

static gdouble
gst_find_motion_nominal_interval(GstFindMotion *self)
{
  const gint n = GST_VIDEO_INFO_FPS_N(&self->info), d = GST_VIDEO_INFO_FPS_D(&self->info);
  return n > 0 && d > 0 ? (gdouble)d / n : UNKNOWN_INTERVAL;
}

/* Seconds of stream time since the last frame. A jump backwards ends all regions. */
static gdouble
gst_find_motion_interval(GstFindMotion *self, GstClockTime now)
{
  const GstClockTime before = self->stream_time;
  self->stream_time = now;
  if (!GST_CLOCK_TIME_IS_VALID(now) || !GST_CLOCK_TIME_IS_VALID(before))
    return gst_find_motion_nominal_interval(self);
  if (now >= before)
    return (gdouble)(now - before) / GST_SECOND;
  dc_motion_interrupt(self->motion);
  return gst_find_motion_nominal_interval(self);
}

static void
gst_find_motion_warn_unreadable(GstFindMotion *self, GstBuffer *buffer)
{
  if (self->warned_unreadable)
    return;
  self->warned_unreadable = TRUE;
  GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                      ("A buffer of %" G_GSIZE_FORMAT " bytes does not hold the %d x %d frame of "
                       "format %s that the caps promise; it passes without regions. Check the "
                       "element upstream.",
                       gst_buffer_get_size(buffer), GST_VIDEO_INFO_WIDTH(&self->info),
                       GST_VIDEO_INFO_HEIGHT(&self->info), GST_VIDEO_INFO_NAME(&self->info)),
                      ("said once; the property stats counts them"));
}

static void
gst_find_motion_add_region(GstFindMotion *self, GstBuffer *buffer, const DcMotionRegion *region)
{
  const DcRect *box = &region->box;
  const gdouble width = GST_VIDEO_INFO_WIDTH(&self->info);
  const gdouble height = GST_VIDEO_INFO_HEIGHT(&self->info);
  GstVideoRegionOfInterestMeta *meta =
      gst_buffer_add_video_region_of_interest_meta(buffer, "motion", (guint)box->x, (guint)box->y,
                                                   (guint)box->width, (guint)box->height);
  meta->id = (gint)region->id;
  gst_video_region_of_interest_meta_add_param(
      meta,
      gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, box->x / width, "x_max", G_TYPE_DOUBLE,
                        (box->x + box->width) / width, "y_min", G_TYPE_DOUBLE, box->y / height,
                        "y_max", G_TYPE_DOUBLE, (box->y + box->height) / height, "confidence",
                        G_TYPE_DOUBLE, region->confidence, NULL));
  gst_video_region_of_interest_meta_add_param(meta, gst_structure_new("object_id", "id", G_TYPE_INT,
                                                                      (gint)region->id, NULL));
  gst_video_region_of_interest_meta_add_param(
      meta,
      gst_structure_new("motion", "area", G_TYPE_DOUBLE, region->area, "speed-x", G_TYPE_DOUBLE,
                        region->speed_x, "speed-y", G_TYPE_DOUBLE, region->speed_y, NULL));
}

static const gchar *
gst_find_motion_kind(const DcMotionResult *result, DcSceneState before)
{
  if (result->scene_changed)
    return "scene-changed";
  if (result->state == before)
    return NULL;
  if (result->state == DC_SCENE_FLAT)
    return "picture-lost";
  if (result->state == DC_SCENE_FROZEN)
    return "picture-frozen";
  return before == DC_SCENE_FLAT || before == DC_SCENE_FROZEN ? "picture-back" : NULL;
}

static void
gst_find_motion_tell(GstFindMotion *self, const gchar *kind, GstBuffer *buffer)
{
  const DcBufferTimes times = dc_buffer_times(&GST_BASE_TRANSFORM(self)->segment, buffer);
  /* A camera that is carried about shows another scene on every frame. */
  if (g_str_equal(kind, "scene-changed") &&
      !dc_rate_limit_pass(&self->changes_told, times.stream_time))
    return;
  GST_INFO_OBJECT(self, "%s", kind);
  gst_element_post_message(GST_ELEMENT(self),
                           gst_message_new_element(GST_OBJECT(self),
                                                   dc_notice_new("find-motion", kind, &times)));
}

static void
gst_find_motion_count(GstFindMotion *self, const GstFindMotionStats *counts)
{
  GST_OBJECT_LOCK(self);
  self->stats.frames++;
  self->stats.regions += counts->regions;
  self->stats.surplus_regions += counts->surplus_regions;
  self->stats.scene_changes += counts->scene_changes;
  self->stats.skipped += counts->skipped;
  self->stats.unreadable += counts->unreadable;
  GST_OBJECT_UNLOCK(self);
}

/* FALSE, after a message, when the core fails. */
static gboolean
gst_find_motion_look(GstFindMotion *self, GstBuffer *buffer, gdouble seconds,
                     const DcMotionSettings *settings, GstFindMotionStats *counts)
{
  DcFrameReader reader;
  if (!dc_frame_reader_open(&reader, &self->info, buffer)) {
    counts->unreadable = 1;
    self->result.count = 0;
    gst_find_motion_warn_unreadable(self, buffer);
    return TRUE;
  }
  const DcStatus status =
      dc_motion_run(self->motion, &reader.image, seconds, settings, &self->result);
  dc_frame_reader_close(&reader);
  if (status != DC_OK)
    GST_ELEMENT_ERROR(self, LIBRARY, FAILED,
                      ("Looking for motion in a frame of %d x %d failed: %s.",
                       GST_VIDEO_INFO_WIDTH(&self->info), GST_VIDEO_INFO_HEIGHT(&self->info),
                       dc_status_text(status)),
                      (NULL));
  return status == DC_OK;
}

/* Moves controlled properties to the time of the frame, and takes the settings that hold for it. */
static DcMotionSettings
gst_find_motion_take_settings(GstFindMotion *self, GstClockTime stream_time, gboolean *post)
{
  if (GST_CLOCK_TIME_IS_VALID(stream_time))
    gst_object_sync_values(GST_OBJECT(self), stream_time);
  GST_OBJECT_LOCK(self);
  const DcMotionSettings settings = self->settings;
  *post = self->post_messages;
  GST_OBJECT_UNLOCK(self);
  return settings;
}

static GstFlowReturn
gst_find_motion_transform_ip(GstBaseTransform *base, GstBuffer *buffer)
{
  GstFindMotion *self = GST_FIND_MOTION(base);
  GstFindMotionStats counts = {0};
  if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP)) {
    counts.skipped = 1;
    gst_find_motion_count(self, &counts);
    return GST_FLOW_OK;
  }
  const GstClockTime now = dc_buffer_times(&base->segment, buffer).stream_time;
  gboolean post;
  const DcMotionSettings settings = gst_find_motion_take_settings(self, now, &post);
  const DcSceneState before = self->result.state;
  const gdouble seconds = gst_find_motion_interval(self, now);
  if (!gst_find_motion_look(self, buffer, seconds, &settings, &counts))
    return GST_FLOW_ERROR;
  for (gsize i = 0; i < self->result.count; i++)
    gst_find_motion_add_region(self, buffer, &self->result.regions[i]);
  if (counts.unreadable == 0) {
    const gchar *kind = gst_find_motion_kind(&self->result, before);
    if (kind && post)
      gst_find_motion_tell(self, kind, buffer);
    counts.regions = self->result.count;
    counts.surplus_regions = self->result.surplus;
    counts.scene_changes = self->result.scene_changed;
  }
  gst_find_motion_count(self, &counts);
  return GST_FLOW_OK;
}

/* --- properties --- */

static void
gst_find_motion_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  GstFindMotion *self = GST_FIND_MOTION(object);
  DcMotionSettings *settings = &self->settings;
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MIN_AREA:
    settings->min_area = g_value_get_uint(value);
    break;
  case PROP_LEARNING_RATE:
    settings->learning_rate = g_value_get_double(value);
    break;
  case PROP_THRESHOLD:
    settings->threshold = g_value_get_double(value);
    break;
  case PROP_MAX_REGIONS:
    settings->max_regions = g_value_get_uint(value);
    break;
  case PROP_SHADOW:
    settings->shadow = g_value_get_boolean(value);
    break;
  case PROP_MIN_FRAMES:
    settings->min_frames = g_value_get_uint(value);
    break;
  case PROP_BRIDGE_TIME:
    settings->bridge = (gdouble)g_value_get_uint64(value) / GST_SECOND;
    break;
  case PROP_POST_MESSAGES:
    self->post_messages = g_value_get_boolean(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_find_motion_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  GstFindMotion *self = GST_FIND_MOTION(object);
  const DcMotionSettings *settings = &self->settings;
  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_MIN_AREA:
    g_value_set_uint(value, (guint)settings->min_area);
    break;
  case PROP_LEARNING_RATE:
    g_value_set_double(value, settings->learning_rate);
    break;
  case PROP_THRESHOLD:
    g_value_set_double(value, settings->threshold);
    break;
  case PROP_MAX_REGIONS:
    g_value_set_uint(value, settings->max_regions);
    break;
  case PROP_SHADOW:
    g_value_set_boolean(value, settings->shadow);
    break;
  case PROP_MIN_FRAMES:
    g_value_set_uint(value, settings->min_frames);
    break;
  case PROP_BRIDGE_TIME:
    g_value_set_uint64(value, (guint64)(settings->bridge * GST_SECOND + 0.5));
    break;
  case PROP_POST_MESSAGES:
    g_value_set_boolean(value, self->post_messages);
    break;
  case PROP_STATS:
    g_value_take_boxed(
        value, dc_stats_structure("application/x-find-motion-stats", gst_find_motion_stats_fields,
                                  G_N_ELEMENTS(gst_find_motion_stats_fields), &self->stats));
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_find_motion_install_pixel_properties(GObjectClass *klass)
{
  /**
   * GstFindMotion:learning-rate:
   *
   * Share of the background that is renewed in a second of stream time, whatever the frame rate.
   * What comes to rest becomes background after about 10 seconds with 0.05, half of that with 0.1.
   * 0: what has been learnt in the first second stays.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_LEARNING_RATE,
      g_param_spec_double("learning-rate", "Learning rate",
                          "Share of the background that is renewed in a second of stream time; "
                          "with 0.05 what stands still is background after about 10 seconds",
                          0, 1, DEFAULT_LEARNING_RATE, DC_PARAM_CONTROLLABLE));
  /**
   * GstFindMotion:threshold:
   *
   * How far a pixel is from the background when it counts as moving, in standard deviations of
   * that pixel. Higher: less noise, and less of what differs little from what is behind it.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_THRESHOLD,
      g_param_spec_double("threshold", "Threshold",
                          "Distance from the background beyond which a pixel is moving, in "
                          "standard deviations of the pixel",
                          MIN_THRESHOLD, MAX_THRESHOLD, DEFAULT_THRESHOLD, DC_PARAM_CONTROLLABLE));
  /**
   * GstFindMotion:shadow:
   *
   * Whether cast shadows, which darken the background and keep its texture, are left out of the
   * regions.
   *
   * Since: 0.1
   */
  g_object_class_install_property(klass, PROP_SHADOW,
                                  g_param_spec_boolean("shadow", "Shadow",
                                                       "Leave cast shadows out of the regions",
                                                       DEFAULT_SHADOW, DC_PARAM_PLAYING));
}

static void
gst_find_motion_install_region_properties(GObjectClass *klass)
{
  /**
   * GstFindMotion:min-area:
   *
   * Moving pixels that a region has at least. 0 makes it 1/2000 of the frame: 154 pixels of
   * 640x480, 1037 of 1920x1080.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MIN_AREA,
      g_param_spec_uint("min-area", "Minimum area",
                        "Moving pixels that a region has at least, in pixels of the frame (0 = "
                        "1/2000 of the frame)",
                        0, MAX_MIN_AREA, DEFAULT_MIN_AREA, DC_PARAM_CONTROLLABLE));
  /**
   * GstFindMotion:max-regions:
   *
   * Bound of the regions of one frame, the largest; those beyond are counted in
   * #GstFindMotion:stats.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MAX_REGIONS,
      g_param_spec_uint("max-regions", "Maximum regions",
                        "Regions of one frame at most, the largest; those beyond are counted in "
                        "stats",
                        1, DC_MOTION_REGIONS_MAX, DEFAULT_MAX_REGIONS, DC_PARAM_PLAYING));
  /**
   * GstFindMotion:min-frames:
   *
   * Frames on which a region has been seen before it is told and numbered, so that a glint is none.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_MIN_FRAMES,
      g_param_spec_uint("min-frames", "Minimum frames",
                        "Frames in a row on which a region is seen before it is told", 1,
                        MAX_MIN_FRAMES, DEFAULT_MIN_FRAMES, DC_PARAM_PLAYING));
  /**
   * GstFindMotion:bridge-time:
   *
   * How long a region that is out of sight, behind a tree say, keeps its id. It has no
   * metadata on the frames in between.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_BRIDGE_TIME,
      g_param_spec_uint64("bridge-time", "Bridge time",
                          "How long a region out of sight keeps its id, in nanoseconds of stream "
                          "time",
                          0, MAX_BRIDGE_TIME, DEFAULT_BRIDGE_TIME, DC_PARAM_PLAYING));
}

static void
gst_find_motion_install_other_properties(GObjectClass *klass)
{
  /**
   * GstFindMotion:post-messages:
   *
   * Whether changes of the scene are told on the bus.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, PROP_POST_MESSAGES,
      g_param_spec_boolean("post-messages", "Post messages",
                           "Post a message on the bus when the scene changes and when the picture "
                           "is lost, frozen or back",
                           DEFAULT_POST_MESSAGES, DC_PARAM_PLAYING));
  /**
   * GstFindMotion:stats:
   *
   * Counters since the element started, each a guint64: `frames`; `regions` told;
   * `surplus-regions` (beyond max-regions); `scene-changes`; `skipped` frames (gaps);
   * `unreadable` frames.
   *
   * Since: 0.1
   */
  dc_props_install_stats(klass, PROP_STATS,
                         "Counters since the start: frames, regions, surplus-regions, "
                         "scene-changes, skipped, unreadable (structure "
                         "application/x-find-motion-stats)");
}

static void
gst_find_motion_class_init(GstFindMotionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = gst_find_motion_set_property;
  object_class->get_property = gst_find_motion_get_property;
  gst_find_motion_install_pixel_properties(object_class);
  gst_find_motion_install_region_properties(object_class);
  gst_find_motion_install_other_properties(object_class);

  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_set_static_metadata(
      element_class, "Find motion", "Filter/Analyzer/Video",
      "Finds and follows what moves before a fixed camera, as regions of interest",
      "The driftcluster authors");
  gst_element_class_add_static_pad_template(element_class, &gst_find_motion_sink_template);
  gst_element_class_add_static_pad_template(element_class, &gst_find_motion_src_template);

  GstBaseTransformClass *base_class = GST_BASE_TRANSFORM_CLASS(klass);
  base_class->start = gst_find_motion_start;
  base_class->stop = gst_find_motion_stop;
  base_class->set_caps = gst_find_motion_set_caps;
  base_class->propose_allocation = dc_whole_frames_propose_allocation;
  base_class->sink_event = gst_find_motion_sink_event;
  base_class->transform_ip = gst_find_motion_transform_ip;
}

static void
gst_find_motion_init(GstFindMotion *self)
{
  self->settings = (DcMotionSettings){.learning_rate = DEFAULT_LEARNING_RATE,
                                      .threshold = DEFAULT_THRESHOLD,
                                      .shadow = DEFAULT_SHADOW,
                                      .min_area = DEFAULT_MIN_AREA,
                                      .max_regions = DEFAULT_MAX_REGIONS,
                                      .min_frames = DEFAULT_MIN_FRAMES,
                                      .bridge = (gdouble)DEFAULT_BRIDGE_TIME / GST_SECOND};
  self->post_messages = DEFAULT_POST_MESSAGES;
  /* The flag of a gap goes on downstream. */
  gst_base_transform_set_gap_aware(GST_BASE_TRANSFORM(self), TRUE);
}
