/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/region-iter.h"

GType
dc_inference_region_get_type(void)
{
  static GType type;
  if (g_once_init_enter(&type)) {
    static const GEnumValue values[] = {
        {DC_INFERENCE_REGION_FULL_FRAME, "The frame as one region", "full-frame"},
        {DC_INFERENCE_REGION_TILES, "The tiles of a grid over the frame", "tiles"},
        {DC_INFERENCE_REGION_ROI_LIST,
         "The regions of interest, or else the detections, that the buffer carries", "roi-list"},
        {0, NULL, NULL},
    };
    g_once_init_leave(&type, g_enum_register_static("DcInferenceRegion", values));
  }
  return type;
}

static gboolean
read_count(const gchar **text, guint *count)
{
  if (!g_ascii_isdigit(**text))
    return FALSE;
  gchar *end;
  guint64 number = g_ascii_strtoull(*text, &end, 10);
  *text = end;
  *count = (guint)MIN(number, G_MAXUINT);
  return number >= 1 && number <= DC_TILES_MAX;
}

gboolean
dc_tiles_from_string(const gchar *text, guint *columns, guint *rows)
{
  guint read_columns, read_rows;
  if (!text || !read_count(&text, &read_columns) || *text++ != 'x' ||
      !read_count(&text, &read_rows) || *text != 0)
    return FALSE;
  *columns = read_columns;
  *rows = read_rows;
  return TRUE;
}

void
dc_region_iter_init(DcRegionIter *iter, const DcRegionRules *rules, GstBuffer *buffer, gint width,
                    gint height)
{
  *iter = (DcRegionIter){.rules = *rules, .buffer = buffer, .width = width, .height = height};
}

/* The pixels start .. start + length - 1 inside 0 .. size - 1; FALSE when there is none. */
static gboolean
clip_span(gint64 start, gint64 length, gint size, gint *clipped_start, gint *clipped_length)
{
  gint64 end = MIN(start + length, size);
  start = MAX(start, 0);
  if (start >= end)
    return FALSE;
  *clipped_start = (gint)start;
  *clipped_length = (gint)(end - start);
  return TRUE;
}

/* Edges of tile `index` of `count` along an axis, so that the tiles cover it without overlap. */
static gboolean
tile_span(guint index, guint count, gint size, gint *start, gint *length)
{
  *start = (gint)((guint64)index * (guint)size / count);
  *length = (gint)((guint64)(index + 1) * (guint)size / count) - *start;
  return *length > 0;
}

/* Each of the next four looks at the following candidate: FALSE when there is none left, otherwise
 * `*inside` tells whether it has a pixel in the frame. */

static gboolean
next_frame(DcRegionIter *iter, DriftclusterRegion *region, gboolean *inside)
{
  if (iter->next++ > 0)
    return FALSE;
  region->width = iter->width;
  region->height = iter->height;
  region->roi_type = g_quark_from_static_string("frame");
  *inside = iter->width > 0 && iter->height > 0;
  return TRUE;
}

static gboolean
next_tile(DcRegionIter *iter, DriftclusterRegion *region, gboolean *inside)
{
  const DcRegionRules *rules = &iter->rules;
  guint tile = iter->next;
  if (tile >= rules->columns * rules->rows)
    return FALSE;
  iter->next++;
  region->key = tile;
  region->roi_type = g_quark_from_static_string("tile");
  *inside =
      tile_span(tile % rules->columns, rules->columns, iter->width, &region->x, &region->width) &&
      tile_span(tile / rules->columns, rules->rows, iter->height, &region->y, &region->height);
  return TRUE;
}

static guint64
roi_key(GstVideoRegionOfInterestMeta *roi, guint index)
{
  GstStructure *object = gst_video_region_of_interest_meta_get_param(roi, "object_id");
  gint track;
  if (object && gst_structure_get_int(object, "id", &track) && track >= 0)
    return (guint64)track;
  return roi->id > 0 ? (guint64)roi->id : DC_REGION_KEY_UNNAMED(index);
}

/* How sure the detector is of a region, as DL Streamer tells it; 1 where nothing is told. */
static gdouble
roi_confidence(GstVideoRegionOfInterestMeta *roi)
{
  GstStructure *detection = gst_video_region_of_interest_meta_get_param(roi, "detection");
  gdouble confidence;
  return detection && gst_structure_get_double(detection, "confidence", &confidence) ? confidence
                                                                                     : 1.0;
}

static gboolean
next_roi(DcRegionIter *iter, DriftclusterRegion *region, gboolean *inside)
{
  GstVideoRegionOfInterestMeta *roi;
  do {
    roi = (GstVideoRegionOfInterestMeta *)gst_buffer_iterate_meta_filtered(
        iter->buffer, &iter->state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
    if (!roi)
      return FALSE;
  } while (iter->rules.object_class && roi->roi_type != iter->rules.object_class);

  region->key = roi_key(roi, iter->next++);
  region->roi_type = roi->roi_type;
  region->roi_id = roi->id;
  iter->roi = roi;
  iter->confidence = roi_confidence(roi);
  *inside = clip_span(roi->x, roi->w, iter->width, &region->x, &region->width) &&
            clip_span(roi->y, roi->h, iter->height, &region->y, &region->height);
  return TRUE;
}

static gboolean
next_detection(DcRegionIter *iter, DriftclusterRegion *region, gboolean *inside)
{
  DcDetection detection;
  do {
    if (!iter->rules.analytics->next_detection(iter->buffer, &iter->state, &detection))
      return FALSE;
  } while (iter->rules.object_class && detection.type != iter->rules.object_class);

  guint index = iter->next++;
  region->key = detection.tracked ? detection.track : DC_REGION_KEY_UNNAMED(index);
  region->roi_type = detection.type;
  region->roi_id = (gint)detection.id;
  iter->confidence = detection.confidence;
  *inside = clip_span(detection.x, detection.width, iter->width, &region->x, &region->width) &&
            clip_span(detection.y, detection.height, iter->height, &region->y, &region->height);
  return TRUE;
}

/* Detectors that write both kinds of metadata mean the same things by them. */
static gboolean
looks_at_detections(const DcRegionIter *iter)
{
  return iter->rules.analytics &&
         !gst_buffer_get_meta(iter->buffer, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE);
}

static gboolean
next_candidate(DcRegionIter *iter, DriftclusterRegion *region, gboolean *inside)
{
  *region = (DriftclusterRegion){.roi_id = -1, .row = -1};
  switch (iter->rules.where) {
  case DC_INFERENCE_REGION_FULL_FRAME:
    return next_frame(iter, region, inside);
  case DC_INFERENCE_REGION_TILES:
    return next_tile(iter, region, inside);
  case DC_INFERENCE_REGION_ROI_LIST:
    return looks_at_detections(iter) ? next_detection(iter, region, inside)
                                     : next_roi(iter, region, inside);
  }
  return FALSE;
}

/* Whether the user wants to hear of such a region; counts it when not. NaN is no confidence. */
static gboolean
is_wanted(DcRegionIter *iter, const DriftclusterRegion *region, gboolean inside)
{
  if (iter->rules.where != DC_INFERENCE_REGION_ROI_LIST)
    return TRUE;
  gboolean unsure =
      iter->rules.min_confidence > 0 && !(iter->confidence >= iter->rules.min_confidence);
  gboolean small = inside && (guint)MIN(region->width, region->height) < iter->rules.min_size;
  iter->unsure += unsure;
  iter->small += small && !unsure;
  return !unsure && !small;
}

gboolean
dc_region_iter_next(DcRegionIter *iter, DriftclusterRegion *region)
{
  gboolean inside;
  while (next_candidate(iter, region, &inside)) {
    if (!is_wanted(iter, region, inside))
      continue;
    if (iter->found >= iter->rules.max_regions) {
      iter->surplus++;
    } else if (!inside) {
      iter->bad++;
    } else {
      iter->found++;
      return TRUE;
    }
  }
  return FALSE;
}

gboolean
dc_region_track(const DriftclusterRegion *region, guint64 *track)
{
  *track = (guint64)region->roi_type << 32 | region->key;
  return region->key < DC_REGION_KEY_UNNAMED(0);
}
