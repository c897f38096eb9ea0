/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decode.h"

#include "command.h"
#include "picture-header.h"

#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>

/* Frames in flight between decoder and visitor. */
#define DECODED_AHEAD "4"
/* How often the bus is looked at while no frame comes. */
#define BUS_PERIOD (50 * GST_MSECOND)

/* How a picture in a file becomes upright. Not every version of GStreamer reads the EXIF data of
 * JPEG, so it is read here; what else tells a direction, a video for instance, does so by tags. */
static GstVideoOrientationMethod
choose_direction(const DcPictureHeader *header)
{
  static const GstVideoOrientationMethod directions[] = {
      GST_VIDEO_ORIENTATION_AUTO, GST_VIDEO_ORIENTATION_AUTO,  GST_VIDEO_ORIENTATION_HORIZ,
      GST_VIDEO_ORIENTATION_180,  GST_VIDEO_ORIENTATION_VERT,  GST_VIDEO_ORIENTATION_UL_LR,
      GST_VIDEO_ORIENTATION_90R,  GST_VIDEO_ORIENTATION_UR_LL, GST_VIDEO_ORIENTATION_90L,
  };
  return directions[header->orientation];
}

/* Refuses what is too large before anything is decoded. */
static gboolean
check_size(const char *path, const DcPictureHeader *header, GError **error)
{
  if ((guint64)header->width * header->height <= DC_DECODE_MOST_PIXELS)
    return TRUE;
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_UNSUPPORTED,
              "%s: %u x %u pixels, and at most %" G_GUINT64_FORMAT " are decoded", path,
              header->width, header->height, DC_DECODE_MOST_PIXELS);
  return FALSE;
}

/* GIF, BMP and TIFF have no parsers, and the decoders of libav that are chosen for them take each
 * block of the file for a whole picture. gdk-pixbuf reads to the end; where it is not installed,
 * small files are all that can be read. */
static void
prefer_whole_files(void)
{
  g_autoptr(GstElementFactory) decoder = gst_element_factory_find("gdkpixbufdec");
  if (decoder)
    gst_plugin_feature_set_rank(GST_PLUGIN_FEATURE(decoder), GST_RANK_SECONDARY);
}

static GstElement *
make_pipeline(const char *file_or_uri, GError **error)
{
  DcPictureHeader header;
  if (dc_picture_header_read(file_or_uri, &header) && !check_size(file_or_uri, &header, error))
    return NULL;
  GstElement *pipeline = gst_parse_launch(
      "uridecodebin name=source ! videoconvert ! videoflip name=flip ! videoconvert ! "
      "video/x-raw,format={RGB,RGBA} ! "
      "appsink name=frames sync=false max-buffers=" DECODED_AHEAD,
      error);
  if (!pipeline)
    return NULL;
  g_autofree char *uri = gst_uri_is_valid(file_or_uri) ? g_strdup(file_or_uri)
                                                       : gst_filename_to_uri(file_or_uri, error);
  if (!uri) {
    gst_object_unref(pipeline);
    return NULL;
  }
  g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_object_set(source, "uri", uri, NULL);
  g_autoptr(GstElement) flip = gst_bin_get_by_name(GST_BIN(pipeline), "flip");
  g_object_set(flip, "video-direction", choose_direction(&header), NULL);
  return pipeline;
}

static gboolean
visit_sample(GstSample *sample, DcDecodeVisit visit, gpointer user_data, GError **error)
{
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ)) {
    g_set_error_literal(error, DC_TOOLS_ERROR, -DC_ERROR_FORMAT, "a frame cannot be read");
    return FALSE;
  }
  DcImage image = {
      .format = GST_VIDEO_INFO_HAS_ALPHA(&info) ? DC_PIXELS_RGBA : DC_PIXELS_RGB,
      .width = GST_VIDEO_FRAME_WIDTH(&frame),
      .height = GST_VIDEO_FRAME_HEIGHT(&frame),
      .planes = {GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)},
      .strides = {GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0)},
  };
  gboolean go_on = visit(&image, user_data, error);
  gst_video_frame_unmap(&frame);
  return go_on;
}

/* The error that stopped the pipeline, if one did. */
static gboolean
take_bus_error(GstElement *pipeline, GError **error)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  if (!message)
    return FALSE;
  gst_message_parse_error(message, error, NULL);
  return TRUE;
}

/* The next frame; NULL at the end, and with `error` set when the pipeline failed: an error reaches
 * the bus only, nothing wakes who waits for a frame. */
static GstSample *
next_sample(GstElement *pipeline, GstAppSink *sink, GError **error)
{
  for (;;) {
    GstSample *sample = gst_app_sink_try_pull_sample(sink, BUS_PERIOD);
    if (sample || gst_app_sink_is_eos(sink) || take_bus_error(pipeline, error))
      return sample;
  }
}

gboolean
dc_decode(const char *file_or_uri, DcDecodeVisit visit, gpointer user_data, gsize *frames,
          GError **error)
{
  gsize seen = 0;
  GError *failure = NULL;
  if (!gst_init_check(NULL, NULL, error)) /* again and again is fine */
    return FALSE;
  prefer_whole_files();
  g_autoptr(GstElement) pipeline = make_pipeline(file_or_uri, error);
  if (!pipeline)
    return FALSE;
  g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(pipeline), "frames");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (gboolean go_on = TRUE; go_on; seen += go_on) {
    g_autoptr(GstSample) sample = next_sample(pipeline, GST_APP_SINK(sink), &failure);
    if (!sample)
      break;
    go_on = visit_sample(sample, visit, user_data, &failure);
  }
  if (!failure)
    take_bus_error(pipeline, &failure);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  if (frames)
    *frames = seen;
  if (!failure)
    return TRUE;
  g_propagate_prefixed_error(error, failure, "%s: ", file_or_uri);
  return FALSE;
}
