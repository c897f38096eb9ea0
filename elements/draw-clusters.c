/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * SECTION:element-draw-clusters
 * @title: draw-clusters
 *
 * Paints on each frame what the other elements found on it: boxes in the colour of their cluster,
 * labels with name and confidence, and a legend.
 *
 * |[
 * gst-launch-1.0 filesrc location=street.mp4 ! decodebin ! videoconvert ! \
 *     embed inference-region=tiles tiles=4x3 ! adapt-centroids clusters=5 ! assign ! \
 *     draw-clusters ! videoconvert ! autovideosink
 * ]|
 *
 * Since: 0.1
 */

#include "draw-clusters.h"

#include "common/annotator.h"
#include "common/buffer-times.h"
#include "common/painter.h"
#include "common/props.h"
#include "common/whole-frames.h"
#include "meta/results-meta.h"

GST_DEBUG_CATEGORY_STATIC(draw_clusters_debug);
#define GST_CAT_DEFAULT draw_clusters_debug

#define DEFAULT_LEGEND TRUE
#define MAX_LINE_WIDTH 100
#define MAX_FONT_SIZE  500

enum { PROP_0, PROP_LEGEND, PROP_LINE_WIDTH, PROP_FONT_SIZE };

struct _GstDrawClusters {
  GstVideoFilter parent;

  DcAnnotatorStyle style; /* under the object lock */
  DcAnnotator *annotator; /* of the streaming thread; from start to stop */
};

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(DC_PAINTER_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(DC_PAINTER_FORMATS)));

G_DEFINE_FINAL_TYPE(GstDrawClusters, gst_draw_clusters, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE(draw_clusters, "draw-clusters", GST_RANK_NONE, GST_TYPE_DRAW_CLUSTERS)

static GstFlowReturn
gst_draw_clusters_transform_frame_ip(GstVideoFilter *filter, GstVideoFrame *frame)
{
  GstDrawClusters *self = GST_DRAW_CLUSTERS(filter);
  DcBufferTimes times = dc_buffer_times(&GST_BASE_TRANSFORM(self)->segment, frame->buffer);
  DcAnnotatorStyle style;

  GST_OBJECT_LOCK(self);
  style = self->style;
  GST_OBJECT_UNLOCK(self);
  dc_annotator_draw(self->annotator, frame, driftcluster_buffer_get_results_meta(frame->buffer),
                    times.stream_time, &style);
  return GST_FLOW_OK;
}

/* A frame without results is not even mapped, which would copy its pixels when it is shared. */
static GstFlowReturn
gst_draw_clusters_transform_ip(GstBaseTransform *transform, GstBuffer *buffer)
{
  GstClockTime now = dc_buffer_times(&transform->segment, buffer).stream_time;

  if (GST_CLOCK_TIME_IS_VALID(now))
    gst_object_sync_values(GST_OBJECT(transform), now);
  if (!driftcluster_buffer_get_results_meta(buffer))
    return GST_FLOW_OK;
  return GST_BASE_TRANSFORM_CLASS(gst_draw_clusters_parent_class)->transform_ip(transform, buffer);
}

static gboolean
gst_draw_clusters_start(GstBaseTransform *transform)
{
  GST_DRAW_CLUSTERS(transform)->annotator = dc_annotator_new();
  return TRUE;
}

static gboolean
gst_draw_clusters_stop(GstBaseTransform *transform)
{
  g_clear_pointer(&GST_DRAW_CLUSTERS(transform)->annotator, dc_annotator_free);
  return TRUE;
}

static void
gst_draw_clusters_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstDrawClusters *self = GST_DRAW_CLUSTERS(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LEGEND:
    self->style.legend = g_value_get_boolean(value);
    break;
  case PROP_LINE_WIDTH:
    self->style.line_width = g_value_get_int(value);
    break;
  case PROP_FONT_SIZE:
    self->style.font_size = g_value_get_int(value);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_draw_clusters_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstDrawClusters *self = GST_DRAW_CLUSTERS(object);

  GST_OBJECT_LOCK(self);
  switch (id) {
  case PROP_LEGEND:
    g_value_set_boolean(value, self->style.legend);
    break;
  case PROP_LINE_WIDTH:
    g_value_set_int(value, self->style.line_width);
    break;
  case PROP_FONT_SIZE:
    g_value_set_int(value, self->style.font_size);
    break;
  default:
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

static void
gst_draw_clusters_init(GstDrawClusters *self)
{
  self->style = (DcAnnotatorStyle){.legend = DEFAULT_LEGEND};
  /* A video filter drops frames that come late; under overload inference is shed, never video. */
  gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
}

static void
gst_draw_clusters_install_properties(GObjectClass *object_class)
{
  /**
   * GstDrawClusters:legend:
   *
   * Whether a legend shows the colour of each cluster and how many regions of the frame it has;
   * where there is no room for all, those in the frame come first. A cluster unseen for half a
   * minute leaves it; a frame too small for it has none.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_LEGEND,
      g_param_spec_boolean("legend", "Legend",
                           "Show the colour of each cluster and how many regions it has",
                           DEFAULT_LEGEND, DC_PARAM_PLAYING));
  /**
   * GstDrawClusters:line-width:
   *
   * Width of the boxes in pixels. 0 makes it 2 on a frame of 320x240 and 4 on one of 1920x1080.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_LINE_WIDTH,
      g_param_spec_int("line-width", "Line width",
                       "Width of the boxes in pixels (0 = by the size of the frame)", 0,
                       MAX_LINE_WIDTH, 0, DC_PARAM_CONTROLLABLE));
  /**
   * GstDrawClusters:font-size:
   *
   * Size of the text in pixels. 0 makes it 9 on a frame of 320x240 and 25 on one of 1920x1080. A
   * label higher than a quarter of the frame is left out.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_FONT_SIZE,
      g_param_spec_int("font-size", "Font size",
                       "Size of the text in pixels (0 = by the size of the frame)", 0,
                       MAX_FONT_SIZE, 0, DC_PARAM_CONTROLLABLE));
}

static void
gst_draw_clusters_class_init(GstDrawClustersClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS(klass);

  GST_DEBUG_CATEGORY_INIT(draw_clusters_debug, "draw-clusters", 0, "clusters on the picture");
  object_class->set_property = gst_draw_clusters_set_property;
  object_class->get_property = gst_draw_clusters_get_property;
  gst_draw_clusters_install_properties(object_class);

  gst_element_class_set_static_metadata(
      element_class, "Cluster painter", "Filter/Effect/Video",
      "Paints boxes, labels and a legend of the clusters on each frame", "driftcluster developers");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);

  transform_class->start = gst_draw_clusters_start;
  transform_class->stop = gst_draw_clusters_stop;
  transform_class->transform_ip = gst_draw_clusters_transform_ip;
  transform_class->propose_allocation = dc_whole_frames_propose_allocation;
  GST_VIDEO_FILTER_CLASS(klass)->transform_frame_ip = gst_draw_clusters_transform_frame_ip;
}
