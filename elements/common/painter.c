/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/painter.h"

#include <math.h>
#include <string.h>

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

/* --- Components --- */

/* One component of the frame, and the colour's value in it. */
typedef struct {
  guint8 *data;
  gint stride, pixel_stride;
  guint shift_x, shift_y; /* a sample stands for a block of 2^shift_x x 2^shift_y pixels */
  guint8 value;
} Component;

static Component
component_of(GstVideoFrame *frame, guint index, guint8 value)
{
  const GstVideoFormatInfo *format = frame->info.finfo;

  return (Component){
      .data = GST_VIDEO_FRAME_COMP_DATA(frame, index),
      .stride = GST_VIDEO_FRAME_COMP_STRIDE(frame, index),
      .pixel_stride = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, index),
      .shift_x = GST_VIDEO_FORMAT_INFO_W_SUB(format, index),
      .shift_y = GST_VIDEO_FORMAT_INFO_H_SUB(format, index),
      .value = value,
  };
}

static guint8 *
sample_at(const Component *component, gint column, gint row)
{
  return component->data + (gssize)row * component->stride +
         (gssize)column * component->pixel_stride;
}

/* How many of the pixels of sample number `index` lie in the `size` pixels from `start` on, in one
 * dimension. */
static guint
covered(gint start, gint size, gint index, guint shift)
{
  return (guint)(MIN((index + 1) << shift, start + size) - MAX(index << shift, start));
}

/* `above` over `below`; exact division by 255, rounded, of what two bytes make. */
static guint8
mix(guint8 below, guint8 above, guint alpha)
{
  guint sum = below * (255 - alpha) + above * alpha + 128;

  return (guint8)((sum + (sum >> 8)) >> 8);
}

/* `count` samples of a row from `sample` on. */
static void
fill_samples(const Component *component, guint8 *sample, gint count, guint alpha)
{
  gint pixel_stride = component->pixel_stride;

  if (alpha == 255 && pixel_stride == 1)
    memset(sample, component->value, (gsize)MAX(count, 0));
  else if (alpha == 255)
    for (gint i = 0; i < count; i++)
      sample[i * pixel_stride] = component->value;
  else
    for (gint i = 0; i < count; i++)
      sample[i * pixel_stride] = mix(sample[i * pixel_stride], component->value, alpha);
}

/* Only the samples at the edges of the area can be covered in part. */
static void
fill_component(const Component *component, const GstVideoRectangle *area, guint alpha)
{
  guint shift_x = component->shift_x, shift_y = component->shift_y;
  gint first = area->x >> shift_x, last = (area->x + area->w - 1) >> shift_x;
  guint first_width = covered(area->x, area->w, first, shift_x);
  guint last_width = covered(area->x, area->w, last, shift_x);

  for (gint row = area->y >> shift_y; row <= (area->y + area->h - 1) >> shift_y; row++) {
    guint weight = alpha * covered(area->y, area->h, row, shift_y);

    fill_samples(component, sample_at(component, first, row), 1,
                 weight * first_width >> (shift_x + shift_y));
    fill_samples(component, sample_at(component, first + 1, row), last - first - 1,
                 weight >> shift_y);
    if (last > first)
      fill_samples(component, sample_at(component, last, row), 1,
                   weight * last_width >> (shift_x + shift_y));
  }
}

/* A mask with its corner at (x, y) of the frame. */
typedef struct {
  const DcMask *mask;
  gint x, y;
} Stamp;

/* The sum of the coverage of the pixels of `area` that belong to a sample. */
static guint
coverage_sum(const Stamp *stamp, const GstVideoRectangle *area, gint column, gint row,
             guint shift_x, guint shift_y)
{
  gint left = MAX(column << shift_x, area->x), top = MAX(row << shift_y, area->y);
  gint right = left + (gint)covered(area->x, area->w, column, shift_x);
  gint bottom = top + (gint)covered(area->y, area->h, row, shift_y);
  guint sum = 0;

  for (gint y = top; y < bottom; y++) {
    const guint8 *line = stamp->mask->coverage + (gssize)(y - stamp->y) * stamp->mask->stride;

    for (gint x = left; x < right; x++)
      sum += line[x - stamp->x];
  }
  return sum;
}

static void
stamp_component(const Component *component, const GstVideoRectangle *area, const Stamp *stamp)
{
  guint shift_x = component->shift_x, shift_y = component->shift_y;
  gint first = area->x >> shift_x, last = (area->x + area->w - 1) >> shift_x;

  for (gint row = area->y >> shift_y; row <= (area->y + area->h - 1) >> shift_y; row++) {
    guint8 *sample = sample_at(component, first, row);

    for (gint column = first; column <= last; column++, sample += component->pixel_stride) {
      guint sum = coverage_sum(stamp, area, column, row, shift_x, shift_y);

      if (sum)
        *sample = mix(*sample, component->value, sum >> (shift_x + shift_y));
    }
  }
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

/* A mask where there is a stamp, else all of the area with one alpha. */
static void
paint(const DcPainter *painter, GstVideoRectangle area, DcColour colour, const Stamp *stamp,
      guint alpha)
{
  guint8 values[4];

  if (!clip_to_frame(painter->frame, &area))
    return;
  colour_components(&painter->frame->info, colour, values);
  for (guint i = 0; i < GST_VIDEO_FRAME_N_COMPONENTS(painter->frame); i++) {
    Component component = component_of(painter->frame, i, values[i]);

    if (stamp)
      stamp_component(&component, &area, stamp);
    else
      fill_component(&component, &area, alpha);
  }
}

void
dc_painter_fill(const DcPainter *painter, GstVideoRectangle area, DcColour colour, guint8 alpha)
{
  paint(painter, area, colour, NULL, alpha);
}

void
dc_painter_stamp(const DcPainter *painter, const DcMask *mask, gint x, gint y, DcColour colour)
{
  const Stamp stamp = {mask, x, y};

  paint(painter, (GstVideoRectangle){x, y, mask->width, mask->height}, colour, &stamp, 0);
}
