/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "meta/driftcluster.h"

#include "common/painter.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <string.h>
#include <time.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

static const gchar *const formats[] = {"I420", "YV12", "NV12", "NV21", "Y41B", "Y42B",
                                       "Y444", "YUY2", "UYVY", "YVYU", "AYUV", "GRAY8",
                                       "RGB",  "BGR",  "RGBx", "BGRx", "xRGB", "xBGR",
                                       "RGBA", "BGRA", "ARGB", "ABGR"};

#define BACKGROUND 77

static GstVideoInfo
info_of(const gchar *format, gint width, gint height)
{
  GstVideoInfo info;

  gst_video_info_set_format(&info, gst_video_format_from_string(format), (guint)width,
                            (guint)height);
  return info;
}

static GstHarness *
harness_for(const GstVideoInfo *info, const gchar *properties)
{
  g_autofree gchar *line = g_strdup_printf("draw-clusters %s", properties);
  GstHarness *harness = gst_harness_new_parse(line);

  gst_harness_set_src_caps(harness, gst_video_info_to_caps(info));
  return harness;
}

static GstBuffer *
plain_frame(const GstVideoInfo *info)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, info->size, NULL);

  gst_buffer_memset(buffer, 0, BACKGROUND, info->size);
  GST_BUFFER_PTS(buffer) = 0;
  return buffer;
}

static DriftclusterResult
result_at(gdouble x, gdouble y, gdouble width, gdouble height, gint cluster)
{
  return (DriftclusterResult){.x = x,
                              .y = y,
                              .width = width,
                              .height = height,
                              .roi_type = g_quark_from_static_string("person"),
                              .roi_id = -1,
                              .cluster = cluster,
                              .confidence = 0.5};
}

/* A plain frame after `results` have been drawn on it. */
static GstBuffer *
draw(const GstVideoInfo *info, const gchar *properties, const DriftclusterResult *results, guint n)
{
  GstHarness *harness = harness_for(info, properties);
  GstBuffer *buffer = plain_frame(info);

  driftcluster_buffer_add_results_meta(buffer, 1, NULL, 0, results, n);
  buffer = gst_harness_push_and_pull(harness, buffer);
  fail_unless(buffer != NULL);
  gst_harness_teardown(harness);
  return buffer;
}

/* One sample of a component. */
static guint8
sample(const GstVideoFrame *frame, gint component, gint x, gint y)
{
  const GstVideoFormatInfo *format = frame->info.finfo;
  const guint8 *data = GST_VIDEO_FRAME_COMP_DATA(frame, component);

  x >>= GST_VIDEO_FORMAT_INFO_W_SUB(format, component);
  y >>= GST_VIDEO_FORMAT_INFO_H_SUB(format, component);
  return data[y * GST_VIDEO_FRAME_COMP_STRIDE(frame, component) +
              x * GST_VIDEO_FRAME_COMP_PSTRIDE(frame, component)];
}

static gboolean
is_inside(GstVideoRectangle area, gint x, gint y)
{
  return x >= area.x && x < area.x + area.w && y >= area.y && y < area.y + area.h;
}

/* Whether the block of pixels that a sample of a component stands for is inside or outside, whole.
 */
static void
assert_painted(const GstVideoFrame *frame, GstVideoRectangle outer, GstVideoRectangle inner,
               const guint8 *values)
{
  for (gint component = 0; component < (gint)GST_VIDEO_FRAME_N_COMPONENTS(frame); component++)
    for (gint y = 0; y < GST_VIDEO_FRAME_HEIGHT(frame); y++)
      for (gint x = 0; x < GST_VIDEO_FRAME_WIDTH(frame); x++) {
        gboolean painted = is_inside(outer, x, y) && !is_inside(inner, x, y);
        guint8 expected = painted ? values[component] : BACKGROUND;
        guint8 found = sample(frame, component, x, y);

        fail_unless(ABS(found - expected) <= 1, "component %d at %d,%d: %d, expected %d", component,
                    x, y, found, expected);
      }
}

/* The first colour of the palette, (230, 159, 0), as components of the frame. BT.601, limited
 * range: Y = 16 + 219 (0.299 R + 0.587 G + 0.114 B), Cb = 128 + 224 (B - Y) / 1.772 and Cr = 128 +
 * 224 (R - Y) / 1.402 of numbers 0..1. Alpha is opaque where it is drawn. */
static void
first_colour(const GstVideoInfo *info, guint8 values[4])
{
  static const guint8 rgb[4] = {230, 159, 0, 255}, yuv[4] = {155, 48, 171, 255};

  memcpy(values, GST_VIDEO_INFO_IS_RGB(info) ? rgb : yuv, 4);
}

/* Exactly the outline changes, to exactly the colour of the cluster. All edges are multiples of
 * four pixels, so that no chroma sample is shared with the background. */
GST_START_TEST(box_is_painted_in_every_format)
{
  const DriftclusterResult result = result_at(0.25, 0.25, 0.5, 0.5, 0);

  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    GstVideoInfo info = info_of(formats[i], 32, 32);
    GstBuffer *buffer;
    GstVideoFrame frame;
    guint8 values[4];

    gst_video_colorimetry_from_string(&info.colorimetry,
                                      GST_VIDEO_INFO_IS_RGB(&info) ? "sRGB" : "bt601");
    buffer = draw(&info, "line-width=4 legend=false", &result, 1);
    first_colour(&info, values);
    fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    assert_painted(&frame, (GstVideoRectangle){8, 8, 16, 16}, (GstVideoRectangle){12, 12, 8, 8},
                   values);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
  }
}
GST_END_TEST

/* BT.709, full range: Y = 255 (0.2126 R + 0.7152 G + 0.0722 B) = 163 for the first colour. */
GST_START_TEST(colorimetry_of_the_frame_is_kept)
{
  const DriftclusterResult result = result_at(0, 0, 1, 1, 0);
  GstVideoInfo info = info_of("Y444", 32, 32);
  GstVideoFrame frame;
  GstBuffer *buffer;

  gst_video_colorimetry_from_string(&info.colorimetry, "1:3:5:1");
  buffer = draw(&info, "line-width=4 legend=false", &result, 1);
  fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  assert_equals_int(sample(&frame, 0, 1, 1), 163);
  gst_video_frame_unmap(&frame);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* An edge at an odd pixel covers half of a chroma sample: its colour is half way. */
GST_START_TEST(chroma_is_painted_by_its_share)
{
  const DriftclusterResult result = result_at(0, 0, 15.0 / 32.0, 1, 0);
  GstVideoInfo info = info_of("Y42B", 32, 32);
  GstVideoFrame frame;
  GstBuffer *buffer;

  gst_video_colorimetry_from_string(&info.colorimetry, "bt601");
  buffer = draw(&info, "line-width=3 legend=false", &result, 1);
  fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  assert_equals_int(sample(&frame, 0, 14, 16), 155);
  assert_equals_int(sample(&frame, 0, 15, 16), BACKGROUND);
  fail_unless(ABS(sample(&frame, 2, 14, 16) - (171 + BACKGROUND) / 2) <= 1);
  gst_video_frame_unmap(&frame);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* The rectangle of all pixels of a GRAY8 frame that differ from the background. */
static GstVideoRectangle
changed_area(GstBuffer *buffer, const GstVideoInfo *info, guint *count)
{
  gint left = G_MAXINT, right = -1, top = G_MAXINT, bottom = -1;
  GstVideoFrame frame;

  *count = 0;
  fail_unless(gst_video_frame_map(&frame, info, buffer, GST_MAP_READ));
  for (gint y = 0; y < info->height; y++)
    for (gint x = 0; x < info->width; x++)
      if (sample(&frame, 0, x, y) != BACKGROUND) {
        left = MIN(left, x);
        right = MAX(right, x);
        top = MIN(top, y);
        bottom = MAX(bottom, y);
        ++*count;
      }
  gst_video_frame_unmap(&frame);
  return *count ? (GstVideoRectangle){left, top, right + 1 - left, bottom + 1 - top}
                : (GstVideoRectangle){0, 0, 0, 0};
}

/* The area that `result` changes on a GRAY8 frame. */
static GstVideoRectangle
area_of(const DriftclusterResult *result, gint width, gint height, const gchar *properties,
        guint *count)
{
  GstVideoInfo info = info_of("GRAY8", width, height);
  GstBuffer *buffer = draw(&info, properties, result, 1);
  GstVideoRectangle area = changed_area(buffer, &info, count);

  gst_buffer_unref(buffer);
  return area;
}

static void
assert_area(GstVideoRectangle area, gint x, gint y, gint w, gint h)
{
  assert_equals_int(area.x, x);
  assert_equals_int(area.y, y);
  assert_equals_int(area.w, w);
  assert_equals_int(area.h, h);
}

GST_START_TEST(label_stands_on_the_box_and_grows_with_its_text)
{
  DriftclusterResult result = result_at(0.25, 0.5, 0.5, 0.25, 0);
  GstVideoRectangle bare, small, large;
  guint count;

  result.cluster = -1;
  bare = area_of(&result, 320, 240, "legend=false", &count);
  assert_area(bare, 80, 120, 160, 60);
  result.cluster = 0;
  small = area_of(&result, 320, 240, "legend=false", &count);
  fail_unless(small.x == 80 && small.w == 160 && small.y < 120 - 11 && small.y > 120 - 24);
  assert_equals_int(small.y + small.h, 180);
  large = area_of(&result, 320, 240, "legend=false font-size=22", &count);
  fail_unless(large.y < small.y);
  result.label = "a label that is quite a bit wider than the box it belongs to";
  large = area_of(&result, 320, 240, "legend=false", &count);
  assert_equals_int(large.w, 160);
  /* Twelve times the size of the text where the box is narrower. */
  result = result_at(0.5, 0.5, 0.1, 0.25, 0);
  result.label = "a label that is quite a bit wider than the box it belongs to";
  large = area_of(&result, 320, 240, "legend=false", &count);
  assert_equals_int(large.w, 12 * 9);
}
GST_END_TEST

/* Two things at one place: the label of the second stands below the other's. */
GST_START_TEST(labels_make_room_for_each_other)
{
  DriftclusterResult results[] = {result_at(0.25, 0.5, 0.5, 0.25, 0),
                                  result_at(0.25, 0.5, 0.5, 0.25, 1)};
  GstVideoInfo info = info_of("GRAY8", 320, 240);
  guint one, two;

  for (guint i = 0; i < 2; i++)
    results[i].label = "some label";
  area_of(&results[0], 320, 240, "legend=false", &one);
  {
    GstBuffer *buffer = draw(&info, "legend=false", results, 2);

    changed_area(buffer, &info, &two);
    gst_buffer_unref(buffer);
  }
  /* The boxes cover each other; the second label alone is new, and of more than 9 x 50 pixels. */
  fail_unless(two > one + 9 * 50, "%u and %u pixels", one, two);
}
GST_END_TEST

/* A head that is seen above a box stays to be seen. */
GST_START_TEST(label_covers_no_box_of_another_thing)
{
  const DriftclusterResult results[] = {result_at(0.4, 0.5, 0.1, 0.3, 0),
                                        result_at(0.42, 0.42, 0.06, 0.075, -1)};
  const GstVideoRectangle head = {136, 102, 16, 16}; /* what the thin box is drawn around */
  GstVideoInfo info = info_of("GRAY8", 320, 240);
  GstBuffer *buffer = draw(&info, "legend=false", results, 2);
  GstVideoFrame frame;

  fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  for (gint y = 0; y < head.h; y++)
    for (gint x = 0; x < head.w; x++)
      assert_equals_int(sample(&frame, 0, head.x + x, head.y + y), BACKGROUND);
  gst_video_frame_unmap(&frame);
  gst_buffer_unref(buffer);
}
GST_END_TEST

/* How many pixels differ between two names. */
static guint
difference(const gchar *one, const gchar *other)
{
  GstVideoInfo info = info_of("GRAY8", 320, 240);
  const gchar *names[] = {one, other};
  GstMapInfo maps[2];
  GstBuffer *frames[2];
  guint count = 0;

  for (guint i = 0; i < 2; i++) {
    DriftclusterResult result = result_at(0.25, 0.5, 0.5, 0.25, 0);

    result.label = names[i];
    frames[i] = draw(&info, "legend=false", &result, 1);
    gst_buffer_map(frames[i], &maps[i], GST_MAP_READ);
  }
  for (gsize i = 0; i < maps[0].size; i++)
    count += maps[0].data[i] != maps[1].data[i];
  for (guint i = 0; i < 2; i++) {
    gst_buffer_unmap(frames[i], &maps[i]);
    gst_buffer_unref(frames[i]);
  }
  return count;
}

/* A word of Arabic is there, and another word is another picture. */
GST_START_TEST(names_from_right_to_left_can_be_read)
{
  fail_unless(difference("\331\203\331\204\330\250", "\331\202\330\267\330\251") > 20);
  assert_equals_int(difference("\331\203\331\204\330\250", "\331\203\331\204\330\250"), 0);
}
GST_END_TEST

GST_START_TEST(label_of_a_cell_stays_in_it)
{
  DriftclusterResult result = result_at(0.5, 0.5, 0.25, 0.25, 0);
  guint count;

  result.roi_type = g_quark_from_string("tile");
  result.label = "a label that is quite a bit wider than the cell it belongs to";
  assert_area(area_of(&result, 320, 240, "legend=false", &count), 160, 120, 80, 60);
}
GST_END_TEST

GST_START_TEST(legend_stands_in_the_corner_and_can_be_left_out)
{
  const DriftclusterResult result = result_at(0, 0, 0.1, 0.1, 0);
  GstVideoRectangle with, without;
  guint count;

  without = area_of(&result, 640, 360, "legend=false", &count);
  with = area_of(&result, 640, 360, "legend=true", &count);
  fail_unless(without.x + without.w < 320 && without.y + without.h < 180);
  fail_unless(with.x + with.w > 600 && with.x + with.w <= 640);
  fail_unless(with.y + with.h > 330 && with.y + with.h <= 360);
}
GST_END_TEST

/* A frame on which only `cluster` is seen, after one with so many that the legend has no room. */
static GstBuffer *
draw_after_a_crowd(const GstVideoInfo *info, gint cluster)
{
  GstHarness *harness = harness_for(info, "");
  DriftclusterResult crowd[40];
  GstBuffer *buffer = plain_frame(info);

  for (guint i = 0; i < G_N_ELEMENTS(crowd); i++)
    crowd[i] = result_at(0.02 * i, 0, 0.01, 0.01, (gint)i);
  driftcluster_buffer_add_results_meta(buffer, 1, NULL, 0, crowd, G_N_ELEMENTS(crowd));
  gst_buffer_unref(gst_harness_push_and_pull(harness, buffer));
  buffer = plain_frame(info);
  driftcluster_buffer_add_results_meta(buffer, 1, NULL, 0, &crowd[cluster], 1);
  buffer = gst_harness_push_and_pull(harness, buffer);
  gst_harness_teardown(harness);
  return buffer;
}

/* Pixels of the right half below the first third, where the legend is, that differ. */
static guint
differing_legend_pixels(const GstVideoInfo *info, GstBuffer *one, GstBuffer *other)
{
  GstVideoFrame a, b;
  guint count = 0;

  fail_unless(gst_video_frame_map(&a, info, one, GST_MAP_READ));
  fail_unless(gst_video_frame_map(&b, info, other, GST_MAP_READ));
  for (gint y = info->height / 3; y < info->height; y++)
    for (gint x = info->width / 2; x < info->width; x++)
      count += sample(&a, 0, x, y) != sample(&b, 0, x, y);
  gst_video_frame_unmap(&a);
  gst_video_frame_unmap(&b);
  return count;
}

GST_START_TEST(legend_without_room_shows_what_is_in_the_frame)
{
  GstVideoInfo info = info_of("RGB", 320, 240);
  GstBuffer *one = draw_after_a_crowd(&info, 38), *same = draw_after_a_crowd(&info, 38);
  GstBuffer *other = draw_after_a_crowd(&info, 39);

  assert_equals_int(differing_legend_pixels(&info, one, same), 0);
  fail_unless(differing_legend_pixels(&info, one, other) > 10);
  gst_buffer_unref(one);
  gst_buffer_unref(same);
  gst_buffer_unref(other);
}
GST_END_TEST

/* On a thumbnail a label would hide what it names: the border has to do. */
GST_START_TEST(tiny_frame_has_its_border_only)
{
  DriftclusterResult result = result_at(0, 0, 1, 1, 0);
  guint count;

  result.roi_type = g_quark_from_string("frame");
  result.label = "sandal";
  assert_area(area_of(&result, 28, 28, "legend=true", &count), 0, 0, 28, 28);
  assert_equals_int(count, 4 * 27);
  area_of(&result, 1, 1, "legend=true", &count);
  assert_equals_int(count, 1);
  area_of(&result, 2, 3, "line-width=100 font-size=500", &count);
  assert_equals_int(count, 6);
}
GST_END_TEST

GST_START_TEST(one_pixel_is_painted_in_every_format)
{
  const DriftclusterResult result = result_at(0, 0, 1, 1, 0);

  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    GstVideoInfo info = info_of(formats[i], 1, 1);
    GstBuffer *buffer = draw(&info, "", &result, 1);
    GstVideoFrame frame;

    fail_unless(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    fail_unless(sample(&frame, 0, 0, 0) != BACKGROUND, "%s", formats[i]);
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
  }
}
GST_END_TEST

GST_START_TEST(boxes_are_cut_at_the_frame)
{
  static const struct {
    gdouble x, y, width, height;
    gint area[4];
  } cases[] = {
      {-0.5, -0.5, 1, 1, {0, 0, 32, 24}},
      {0.5, 0.5, 1, 1, {32, 24, 32, 24}},
      {-1000, 0.5, 2000, 0.25, {0, 24, 64, 12}},
      {1, 0, 1, 1, {0, 0, 0, 0}},
      {-3, -3, 1, 1, {0, 0, 0, 0}},
      {0.5, 0.5, 0, 0, {0, 0, 0, 0}},
      {0.5, 0.5, -0.5, -0.5, {0, 0, 0, 0}},
      {1e300, 0, 1e300, 1, {0, 0, 0, 0}},
  };
  guint count;

  for (guint style = 0; style < 4; style++)
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
      DriftclusterResult result =
          result_at(cases[i].x, cases[i].y, cases[i].width, cases[i].height, 0);
      const gint *expected = cases[i].area;
      GstVideoRectangle area;

      result.roi_type = g_quark_from_string("tile"); /* no label outside of it */
      result.novel = style & 1;
      result.stale = (style & 2) != 0;
      area = area_of(&result, 64, 48, "legend=false", &count);
      fail_unless(area.x >= expected[0] && area.y >= expected[1] &&
                      area.x + area.w <= expected[0] + expected[2] &&
                      area.y + area.h <= expected[1] + expected[3],
                  "case %u style %u: %d,%d %dx%d", i, style, area.x, area.y, area.w, area.h);
      fail_unless((count > 0) == (expected[2] > 0), "case %u style %u", i, style);
    }
}
GST_END_TEST

/* Novel, stale and unassigned differ from a plain box, and from each other, by more than colour. */
GST_START_TEST(states_are_told_apart_without_colour)
{
  DriftclusterResult results[4];
  guint counts[4];
  GstVideoRectangle areas[4];

  for (guint i = 0; i < 4; i++)
    results[i] = result_at(0.25, 0.25, 0.5, 0.5, 0);
  results[1].novel = TRUE;
  results[2].stale = TRUE;
  results[3].cluster = -1;
  for (guint i = 0; i < 4; i++)
    areas[i] = area_of(&results[i], 640, 480, "legend=false", &counts[i]);
  fail_unless(areas[1].w >= areas[0].w); /* whole outline, label with a question mark */
  fail_unless(counts[2] < counts[0]);    /* gaps */
  fail_unless(counts[3] < counts[2]);    /* thin, no label */
  fail_unless(areas[3].h < areas[0].h);
}
GST_END_TEST

GST_START_TEST(frame_without_results_is_not_touched)
{
  GstVideoInfo info = info_of("RGB", 64, 48);
  GstHarness *harness = harness_for(&info, "");
  GstBuffer *in = plain_frame(&info), *out;
  GstMemory *memory = gst_buffer_peek_memory(in, 0);

  gst_buffer_ref(in);
  out = gst_harness_push_and_pull(harness, in);
  fail_unless(gst_buffer_peek_memory(out, 0) == memory);
  gst_buffer_unref(out);
  gst_buffer_unref(in);
  gst_harness_teardown(harness);
}
GST_END_TEST

/* Somebody else, behind a tee, still sees the picture as it was. */
GST_START_TEST(shared_frame_is_copied_before_it_is_painted)
{
  const DriftclusterResult result = result_at(0, 0, 1, 1, 0);
  GstVideoInfo info = info_of("GRAY8", 64, 48);
  GstHarness *harness = harness_for(&info, "");
  GstBuffer *in = plain_frame(&info), *out;
  guint count;

  driftcluster_buffer_add_results_meta(in, 1, NULL, 0, &result, 1);
  gst_buffer_ref(in);
  out = gst_harness_push_and_pull(harness, in);
  changed_area(in, &info, &count);
  assert_equals_int(count, 0);
  changed_area(out, &info, &count);
  fail_unless(count > 0);
  gst_buffer_unref(out);
  gst_buffer_unref(in);
  gst_harness_teardown(harness);
}
GST_END_TEST

/* The largest results that a buffer can carry, each with a cluster and a label that no frame has
 * had before. A frame takes some 80 ms of one core; the rest is for sanitizers and valgrind. */
GST_START_TEST(thousands_of_regions_are_bounded)
{
  GstVideoInfo info = info_of("I420", 640, 360);
  GstHarness *harness = harness_for(&info, "");
  DriftclusterResult *results = g_new(DriftclusterResult, DRIFTCLUSTER_MAX_REGIONS);
  gchar(*labels)[32] = g_malloc(DRIFTCLUSTER_MAX_REGIONS * sizeof *labels);
  clock_t start = clock();

  for (guint frame = 0; frame < 3; frame++) {
    GstBuffer *buffer = plain_frame(&info);

    for (guint i = 0; i < DRIFTCLUSTER_MAX_REGIONS; i++) {
      results[i] = result_at((i % 64) / 64.0, (i / 64) / 64.0, 0.5, 0.5, (gint)i);
      g_snprintf(labels[i], sizeof labels[i], "label %u of %u", i, frame);
      results[i].label = results[i].uuid = labels[i];
    }
    driftcluster_buffer_add_results_meta(buffer, 1, NULL, 0, results, DRIFTCLUSTER_MAX_REGIONS);
    buffer = gst_harness_push_and_pull(harness, buffer);
    fail_unless(buffer != NULL);
    gst_buffer_unref(buffer);
  }
  fail_unless(clock() - start < 3 * 3 * CLOCKS_PER_SEC);
  g_free(labels);
  g_free(results);
  gst_harness_teardown(harness);
}
GST_END_TEST

GST_START_TEST(labels_of_any_text_are_drawn)
{
  static const gchar *const labels[] = {"\377\376", "", "two\nlines\r\n", "\001\002",
                                        "\342\200\256x"};
  guint count;

  for (guint i = 0; i < G_N_ELEMENTS(labels); i++) {
    DriftclusterResult result = result_at(0.25, 0.5, 0.5, 0.25, 0);
    GstVideoRectangle area;

    result.label = labels[i];
    area = area_of(&result, 320, 240, "legend=true", &count);
    fail_unless(area.y > 120 - 24 && area.y < 120 - 11, "label %u", i);
  }
}
GST_END_TEST

/* A cluster keeps its colour when its index changes, and nobody else gets it. */
GST_START_TEST(colour_follows_the_identity)
{
  GstVideoInfo info = info_of("RGB", 32, 32);
  GstHarness *harness = harness_for(&info, "line-width=4");
  guint32 colours[2][2] = {{0}};

  for (guint frame = 0; frame < 2; frame++) {
    DriftclusterResult results[] = {result_at(0, 0, 0.5, 1, (gint)frame),
                                    result_at(0.5, 0, 0.5, 1, 1 - (gint)frame)};
    GstBuffer *buffer = plain_frame(&info);
    GstVideoFrame mapped;

    results[0].uuid = "first";
    results[1].uuid = "second";
    driftcluster_buffer_add_results_meta(buffer, 1, NULL, 0, results, 2);
    buffer = gst_harness_push_and_pull(harness, buffer);
    fail_unless(gst_video_frame_map(&mapped, &info, buffer, GST_MAP_READ));
    for (gint side = 0; side < 2; side++)
      for (gint component = 0; component < 3; component++)
        colours[frame][side] = colours[frame][side] << 8 | sample(&mapped, component, 16 * side, 0);
    gst_video_frame_unmap(&mapped);
    gst_buffer_unref(buffer);
  }
  assert_equals_int(colours[0][0], 0xe69f00);
  assert_equals_int(colours[0][1], 0x56b4e9);
  assert_equals_int(colours[1][0], 0xe69f00);
  assert_equals_int(colours[1][1], 0x56b4e9);
  gst_harness_teardown(harness);
}
GST_END_TEST

GST_START_TEST(format_of_the_list_is_the_one_of_the_caps)
{
  g_autoptr(GstCaps) caps = gst_caps_from_string(GST_VIDEO_CAPS_MAKE(DC_PAINTER_FORMATS));
  const GValue *list = gst_structure_get_value(gst_caps_get_structure(caps, 0), "format");

  assert_equals_int(gst_value_list_get_size(list), G_N_ELEMENTS(formats));
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
    assert_equals_string(g_value_get_string(gst_value_list_get_value(list, i)), formats[i]);
}
GST_END_TEST

static Suite *
draw_clusters_suite(void)
{
  Suite *suite = suite_create("draw-clusters");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, box_is_painted_in_every_format);
  tcase_add_test(cases, colorimetry_of_the_frame_is_kept);
  tcase_add_test(cases, chroma_is_painted_by_its_share);
  tcase_add_test(cases, label_stands_on_the_box_and_grows_with_its_text);
  tcase_add_test(cases, labels_make_room_for_each_other);
  tcase_add_test(cases, label_covers_no_box_of_another_thing);
  tcase_add_test(cases, names_from_right_to_left_can_be_read);
  tcase_add_test(cases, label_of_a_cell_stays_in_it);
  tcase_add_test(cases, legend_stands_in_the_corner_and_can_be_left_out);
  tcase_add_test(cases, legend_without_room_shows_what_is_in_the_frame);
  tcase_add_test(cases, tiny_frame_has_its_border_only);
  tcase_add_test(cases, one_pixel_is_painted_in_every_format);
  tcase_add_test(cases, boxes_are_cut_at_the_frame);
  tcase_add_test(cases, states_are_told_apart_without_colour);
  tcase_add_test(cases, frame_without_results_is_not_touched);
  tcase_add_test(cases, shared_frame_is_copied_before_it_is_painted);
  tcase_add_test(cases, thousands_of_regions_are_bounded);
  tcase_add_test(cases, labels_of_any_text_are_drawn);
  tcase_add_test(cases, colour_follows_the_identity);
  tcase_add_test(cases, format_of_the_list_is_the_one_of_the_caps);
  return suite;
}

GST_CHECK_MAIN(draw_clusters)
