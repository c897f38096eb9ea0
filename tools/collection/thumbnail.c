/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "collection/thumbnail.h"

#include "command.h"
#include "store/shrink.h"

#include <errno.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/video/video.h>

#define ENCODE_TIMEOUT (20 * GST_SECOND) /* beyond which the encoder is taken for dead */

struct DcThumbnailer {
  GstElement *pipeline;
  GstAppSrc *source;
  GstAppSink *sink;
};

DcThumbnailer *
dc_thumbnailer_new(GError **error)
{
  if (!gst_init_check(NULL, NULL, error))
    return NULL;
  GstElement *pipeline =
      gst_parse_launch("appsrc name=source ! jpegenc quality=82 ! appsink name=sink sync=false",
                       error);
  if (!pipeline) {
    g_prefix_error(error, "thumbnails need the JPEG encoder of gstreamer1.0-plugins-good: ");
    return NULL;
  }
  DcThumbnailer *thumbnailer = g_new0(DcThumbnailer, 1);
  thumbnailer->pipeline = pipeline;
  thumbnailer->source = GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline), "source"));
  thumbnailer->sink = GST_APP_SINK(gst_bin_get_by_name(GST_BIN(pipeline), "sink"));
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  return thumbnailer;
}

void
dc_thumbnailer_free(DcThumbnailer *thumbnailer)
{
  if (!thumbnailer)
    return;
  gst_element_set_state(thumbnailer->pipeline, GST_STATE_NULL);
  gst_object_unref(thumbnailer->source);
  gst_object_unref(thumbnailer->sink);
  gst_object_unref(thumbnailer->pipeline);
  g_free(thumbnailer);
}

/* A sample of the pixels, whose rows GStreamer wants at multiples of four bytes. */
static GstSample *
sample_of(const DcPicture *picture)
{
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, (guint)picture->width,
                            (guint)picture->height);
  g_autoptr(GstBuffer) buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_WRITE))
    return NULL;
  gsize row = 3 * (gsize)picture->width;
  for (int y = 0; y < picture->height; y++)
    memcpy(map.data + y * GST_VIDEO_INFO_PLANE_STRIDE(&info, 0), picture->pixels + (gsize)y * row,
           row);
  gst_buffer_unmap(buffer, &map);
  g_autoptr(GstCaps) caps = gst_video_info_to_caps(&info);
  return gst_sample_new(buffer, caps, NULL, NULL);
}

static GstSample *
encode(DcThumbnailer *thumbnailer, const DcPicture *picture)
{
  g_autoptr(GstSample) sample = sample_of(picture);
  if (!sample || gst_app_src_push_sample(thumbnailer->source, sample) != GST_FLOW_OK)
    return NULL;
  return gst_app_sink_try_pull_sample(thumbnailer->sink, ENCODE_TIMEOUT);
}

static gboolean
write_sample(GstSample *sample, const char *path, GError **error)
{
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) {
    g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_MEMORY, "%s: not enough memory", path);
    return FALSE;
  }
  gboolean well = g_file_set_contents_full(path, (const char *)map.data, (gssize)map.size,
                                           G_FILE_SET_CONTENTS_CONSISTENT, 0666, error);
  gst_buffer_unmap(buffer, &map);
  return well;
}

gboolean
dc_thumbnailer_write(DcThumbnailer *thumbnailer, const DcPicture *picture, int side,
                     const char *path, GError **error)
{
  DcImage image = {
      .format = DC_PIXELS_RGB,
      .width = picture->width,
      .height = picture->height,
      .planes = {picture->pixels},
      .strides = {(ptrdiff_t)picture->width * 3},
  };
  DcPicture small;
  g_autoptr(GstSample) sample = NULL;
  if (dc_shrink(&image, NULL, side, &small) == DC_OK)
    sample = encode(thumbnailer, &small);
  dc_picture_clear(&small);
  if (sample)
    return write_sample(sample, path, error);
  g_set_error(error, DC_TOOLS_ERROR, -DC_ERROR_IO, "%s: a thumbnail cannot be encoded", path);
  return FALSE;
}
