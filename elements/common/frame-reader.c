/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/frame-reader.h"

static gboolean
pixel_format(GstVideoFormat format, DcPixelFormat *pixels)
{
  static const struct {
    GstVideoFormat format;
    DcPixelFormat pixels;
  } table[] = {
      {GST_VIDEO_FORMAT_GRAY8, DC_PIXELS_GRAY8}, {GST_VIDEO_FORMAT_RGB, DC_PIXELS_RGB},
      {GST_VIDEO_FORMAT_BGR, DC_PIXELS_BGR},     {GST_VIDEO_FORMAT_RGBx, DC_PIXELS_RGBX},
      {GST_VIDEO_FORMAT_BGRx, DC_PIXELS_BGRX},   {GST_VIDEO_FORMAT_RGBA, DC_PIXELS_RGBA},
      {GST_VIDEO_FORMAT_BGRA, DC_PIXELS_BGRA},   {GST_VIDEO_FORMAT_I420, DC_PIXELS_I420},
      {GST_VIDEO_FORMAT_NV12, DC_PIXELS_NV12},   {GST_VIDEO_FORMAT_YUY2, DC_PIXELS_YUY2},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
    if (table[i].format == format) {
      *pixels = table[i].pixels;
      return TRUE;
    }
  return FALSE;
}

/* The core knows the two matrices of nearly all video; the others are closer to that of BT.709. */
static DcColourMatrix
colour_matrix(const GstVideoColorimetry *colorimetry)
{
  gboolean is_601 = colorimetry->matrix == GST_VIDEO_COLOR_MATRIX_BT601 ||
                    colorimetry->matrix == GST_VIDEO_COLOR_MATRIX_FCC ||
                    colorimetry->matrix == GST_VIDEO_COLOR_MATRIX_UNKNOWN;
  return is_601 ? DC_COLOUR_BT601 : DC_COLOUR_BT709;
}

gboolean
dc_frame_reader_accepts(const GstVideoInfo *info)
{
  DcPixelFormat pixels;
  return pixel_format(GST_VIDEO_INFO_FORMAT(info), &pixels);
}

/* Of the size that the caps say; the video meta of a buffer may tell of a larger frame. */
static DcImage
image_of_frame(const GstVideoFrame *frame, const GstVideoInfo *info, DcPixelFormat format)
{
  const GstVideoColorimetry *colorimetry = &frame->info.colorimetry;
  DcImage image = {
      .format = format,
      .colour = colour_matrix(colorimetry),
      .full_range = colorimetry->range == GST_VIDEO_COLOR_RANGE_0_255,
      .width = GST_VIDEO_INFO_WIDTH(info),
      .height = GST_VIDEO_INFO_HEIGHT(info),
  };
  for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(frame); plane++) {
    image.planes[plane] = GST_VIDEO_FRAME_PLANE_DATA(frame, plane);
    image.strides[plane] = GST_VIDEO_FRAME_PLANE_STRIDE(frame, plane);
  }
  return image;
}

/* gst_video_frame_map() takes a video meta that contradicts the caps for an error of the program.
 */
static gboolean
meta_agrees(const GstVideoInfo *info, GstBuffer *buffer)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta(buffer);
  return !meta || (meta->format == GST_VIDEO_INFO_FORMAT(info) &&
                   meta->n_planes == GST_VIDEO_INFO_N_PLANES(info) &&
                   meta->width >= (guint)GST_VIDEO_INFO_WIDTH(info) &&
                   meta->height >= (guint)GST_VIDEO_INFO_HEIGHT(info));
}

gboolean
dc_frame_reader_open(DcFrameReader *reader, const GstVideoInfo *info, GstBuffer *buffer)
{
  DcPixelFormat format;
  if (!pixel_format(GST_VIDEO_INFO_FORMAT(info), &format) || !meta_agrees(info, buffer) ||
      !gst_video_frame_map(&reader->frame, info, buffer, GST_MAP_READ))
    return FALSE;
  reader->image = image_of_frame(&reader->frame, info, format);
  return TRUE;
}

void
dc_frame_reader_close(DcFrameReader *reader)
{
  gst_video_frame_unmap(&reader->frame);
  reader->image = (DcImage){0};
}
