/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/painter.h"

#include <math.h>

/* A shape placed on the frame: a mask, or a rectangle of even alpha where `mask` is NULL. */
typedef struct {
  GstVideoRectangle area; /* of the frame, clipped to it */
  const DcMask *mask;
  gint mask_x, mask_y; /* where the mask's corner is on the frame */
  guint alpha;
} Shape;

/* --- Colours --- */

static void
yuv_components(const GstVideoInfo *info, DcColour colour, gdouble components[3])
{
  gdouble kr = 0.299, kb = 0.114; /* BT.601 where the frame does not say */
  gdouble red = colour.red / 255.0, green = colour.green / 255.0, blue = colour.blue / 255.0;
  gdouble luma;

  gst_video_color_matrix_get_Kr_Kb(info->colorimetry.matrix, &kr, &kb);
  luma = kr * red + (1.0 - kr - kb) * green + kb * blue;
  components[0] = luma;
  components[1] = (blue - luma) / (2.0 * (1.0 - kb));
  components[2] = (red - luma) / (2.0 * (1.0 - kr));
}

/* The value of each component of the frame's format for `colour`; alpha becomes opaque. */
static void
colour_components(const GstVideoInfo *info, DcColour colour, guint8 values[4])
{
  gdouble components[3] = {colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0};
  gint offsets[GST_VIDEO_MAX_COMPONENTS], scales[GST_VIDEO_MAX_COMPONENTS];

  if (!GST_VIDEO_INFO_IS_RGB(info))
    yuv_components(info, colour, components);
  gst_video_color_range_offsets(info->colorimetry.range, info->finfo, offsets, scales);
  for (guint i = 0; i < G_N_ELEMENTS(components); i++)
    values[i] = (guint8)CLAMP(lround(offsets[i] + scales[i] * components[i]), 0, 255);
  values[3] = 255;
}

/* --- Shapes --- */

/* FALSE when nothing of `area` lies on the frame. */
static gboolean
clip_to_frame(const GstVideoFrame *frame, GstVideoRectangle *area)
{
  gint left = MAX(area->x, 0), top = MAX(area->y, 0);
  gint right = (gint)MIN((gint64)area->x + area->w, GST_VIDEO_FRAME_WIDTH(frame));
  gint bottom = (gint)MIN((gint64)area->y + area->h, GST_VIDEO_FRAME_HEIGHT(frame));

  *area = (GstVideoRectangle){left, top, right - left, bottom - top};
  return area->w > 0 && area->h > 0;
}

static guint
mask_sum(const Shape *shape, gint left, gint right, gint top, gint bottom)
{
  guint sum = 0;

  for (gint y = top; y < bottom; y++) {
    const guint8 *row = shape->mask->coverage + (gsize)(y - shape->mask_y) * shape->mask->stride;
    for (gint x = left; x < right; x++)
      sum += row[x - shape->mask_x];
  }
  return sum;
}

/* How much of the sample at (column, row) of a component the shape covers, 0..255. A sample of a
 * subsampled component stands for a block of pixels. */
static guint
sample_alpha(const Shape *shape, gint column, gint row, guint shift_x, guint shift_y)
{
  const GstVideoRectangle *area = &shape->area;
  gint left = MAX(column << shift_x, area->x);
  gint right = MIN((column + 1) << shift_x, area->x + area->w);
  gint top = MAX(row << shift_y, area->y), bottom = MIN((row + 1) << shift_y, area->y + area->h);
  guint sum = shape->mask ? mask_sum(shape, left, right, top, bottom)
                          : shape->alpha * (guint)((right - left) * (bottom - top));

  return sum >> (shift_x + shift_y);
}

/* Exact division by 255, rounded, of what two bytes make. */
static guint8
mix(guint8 below, guint8 above, guint alpha)
{
  guint sum = below * (255 - alpha) + above * alpha + 128;

  return (guint8)((sum + (sum >> 8)) >> 8);
}

static void
paint_component(GstVideoFrame *frame, gint component, const Shape *shape, guint8 value)
{
  const GstVideoFormatInfo *format = frame->info.finfo;
  guint shift_x = GST_VIDEO_FORMAT_INFO_W_SUB(format, component);
  guint shift_y = GST_VIDEO_FORMAT_INFO_H_SUB(format, component);
  gint pixel_stride = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, component);
  gint stride = GST_VIDEO_FRAME_COMP_STRIDE(frame, component);
  guint8 *data = GST_VIDEO_FRAME_COMP_DATA(frame, component);
  const GstVideoRectangle *area = &shape->area;
  gint first = area->x >> shift_x, last = (area->x + area->w - 1) >> shift_x;

  for (gint row = area->y >> shift_y; row <= (area->y + area->h - 1) >> shift_y; row++) {
    guint8 *sample = data + (gssize)row * stride + (gssize)first * pixel_stride;
    for (gint column = first; column <= last; column++, sample += pixel_stride)
      *sample = mix(*sample, value, sample_alpha(shape, column, row, shift_x, shift_y));
  }
}

static void
paint(const DcPainter *painter, const Shape *shape, DcColour colour)
{
  guint8 values[4];

  colour_components(&painter->frame->info, colour, values);
  for (guint i = 0; i < GST_VIDEO_FRAME_N_COMPONENTS(painter->frame); i++)
    paint_component(painter->frame, (gint)i, shape, values[i]);
}

void
dc_painter_fill(const DcPainter *painter, GstVideoRectangle area, DcColour colour, guint8 alpha)
{
  Shape shape = {.area = area, .alpha = alpha};

  if (clip_to_frame(painter->frame, &shape.area))
    paint(painter, &shape, colour);
}

void
dc_painter_stamp(const DcPainter *painter, const DcMask *mask, gint x, gint y, DcColour colour)
{
  Shape shape = {.area = {x, y, mask->width, mask->height}, .mask = mask, .mask_x = x, .mask_y = y};

  if (clip_to_frame(painter->frame, &shape.area))
    paint(painter, &shape, colour);
}
