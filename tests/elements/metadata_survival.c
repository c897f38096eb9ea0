/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What standard elements do to five kinds of metadata: the table of docs/metadata.md. The choice of
 * metas in driftcluster rests on it, so a row that changes must be noticed. */
#include "meta/driftcluster.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <stdlib.h>
#include <string.h>

#define VIDEO_META_NAME "driftcluster-test-video"
#define IN_WIDTH        64
#define IN_HEIGHT       48
#define BOX_X           16
#define BOX_Y           8
#define BOX_WIDTH       24
#define BOX_HEIGHT      16

#define I420     "video/x-raw,format=I420,width=64,height=48,framerate=25/1"
#define I420_I   I420 ",interlace-mode=interleaved,field-order=top-field-first"
#define I420_P   I420 ",interlace-mode=progressive"
#define RAW(etc) "video/x-raw," etc

/* How each kind fares: k kept, s boxes scaled with the frame, - lost. In this order: results meta
 * (no tags), meta with the tag `video`, embedding meta (video, size, orientation), region of
 * interest meta, parameters of the region of interest. */
typedef struct {
  const gchar *pipeline;
  const gchar *in_caps;
  const gchar *out_caps; /* what the output must be, so that the element did its work */
  const gchar *fate;
} Row;

static const Row rows[] = {
    {"identity", I420, I420, "kkkkk"},
    {"queue", I420, I420, "kkkkk"},
    {"videorate", I420, RAW("framerate=50/1"), "kkkkk"},
    {"gamma gamma=2", I420, I420, "kkkkk"},
    {"videobalance brightness=0.5", I420, I420, "kkkkk"},
    {"imagefreeze num-buffers=2", I420, I420, "kkkkk"},
    {"videoconvert", I420, RAW("format=RGB,width=64,height=48"), "kkkk-"},
    {"videoscale", I420, RAW("format=I420,width=128,height=24"), "kkss-"},
    {"videoconvertscale", I420, RAW("format=RGB,width=32,height=24"), "kkss-"},
    /* The borders are ignored: the boxes end up too high and too tall. */
    {"videoscale add-borders=true", I420,
     RAW("format=I420,width=64,height=64,pixel-aspect-ratio=1/1"), "kkss-"},
    {"videocrop left=8", I420, RAW("width=56,height=48"), "kk---"},
    {"videobox left=-8 right=8", I420, RAW("width=64,height=48"), "kk---"},
    {"alpha alpha=0.5", I420, RAW("format=AYUV"), "kk---"},
    {"videoflip video-direction=90r", I420, RAW("width=48,height=64"), "kk---"},
    {"videoflip video-direction=180", I420, RAW("width=64,height=48"), "kk---"},
    {"videoflip video-direction=horiz", I420, RAW("width=64,height=48"), "kk---"},
    {"jpegenc ! jpegdec", I420, RAW("width=64,height=48"), "kkkkk"},
    {"vp8enc deadline=1 ! vp8dec", I420, RAW("width=64,height=48"), "kkkkk"},
    {"theoraenc ! theoradec", I420, RAW("width=64,height=48"), "kkkkk"},
    {"openh264enc ! openh264dec", I420, RAW("width=64,height=48"), "kkkkk"},
    {"avenc_mpeg4 ! avdec_mpeg4", I420, RAW("width=64,height=48"), "kkkkk"},
    {"rtpvrawpay ! rtpvrawdepay", I420, RAW("width=64,height=48"), "kk---"},
    {"deinterlace mode=interlaced method=linear", I420_I, RAW("interlace-mode=progressive"),
     "-----"},
    {"interlace field-pattern=1:1", I420_P, RAW("interlace-mode=interleaved"), "-----"},
    {"gdppay ! gdpdepay", I420, I420, "-----"},
    {"rawvideoparse use-sink-caps=true", I420, I420, "-----"},
};

/* The table is that of the series the project is built for first. */
static gboolean
table_is_binding(void)
{
  guint major, minor, micro, nano;
  gst_version(&major, &minor, &micro, &nano);
  return major == 1 && minor == 22;
}

static gboolean
elements_exist(const gchar *pipeline)
{
  g_auto(GStrv) parts = g_strsplit(pipeline, " ! ", -1);
  for (guint i = 0; parts[i]; i++) {
    g_auto(GStrv) words = g_strsplit(parts[i], " ", 2);
    g_autoptr(GstElementFactory) factory = gst_element_factory_find(words[0]);
    if (!factory) {
      g_print("# skipped '%s': this machine has no element %s\n", pipeline, words[0]);
      return FALSE;
    }
  }
  return TRUE;
}

static void
register_metas(void)
{
  static const gchar *tags[] = {GST_META_TAG_VIDEO_STR, NULL};
  driftcluster_results_meta_register();
  gst_meta_register_custom(VIDEO_META_NAME, tags, NULL, NULL, NULL);
}

static GstBuffer *
frame_with_metas(guint number)
{
  gsize size = IN_WIDTH * IN_HEIGHT * 3 / 2;
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, size, NULL);
  gst_buffer_memset(buffer, 0, 128, size);
  GST_BUFFER_PTS(buffer) = number * 40 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;

  driftcluster_buffer_add_results_meta(buffer, 1, "e", 1, NULL, 0);
  gst_buffer_add_custom_meta(buffer, VIDEO_META_NAME);
  DriftclusterRegion region = {BOX_X, BOX_Y, BOX_WIDTH, BOX_HEIGHT, .roi_id = -1, .row = -1};
  driftcluster_buffer_add_embedding_meta(buffer, IN_WIDTH, IN_HEIGHT, &region, 1, NULL);
  GstVideoRegionOfInterestMeta *roi =
      gst_buffer_add_video_region_of_interest_meta(buffer, "person", BOX_X, BOX_Y, BOX_WIDTH,
                                                   BOX_HEIGHT);
  gst_video_region_of_interest_meta_add_param(roi, gst_structure_new_empty("classification"));
  return buffer;
}

static gchar
fate_of_box(gint x, gint y, gint width, gint height, gint out_width, gint out_height)
{
  if (x == BOX_X && y == BOX_Y && width == BOX_WIDTH && height == BOX_HEIGHT)
    return 'k';
  /* Rounding differs between metas by a pixel at most. */
  gboolean scaled = abs(x - BOX_X * out_width / IN_WIDTH) <= 1 &&
                    abs(y - BOX_Y * out_height / IN_HEIGHT) <= 1 &&
                    abs(width - BOX_WIDTH * out_width / IN_WIDTH) <= 1 &&
                    abs(height - BOX_HEIGHT * out_height / IN_HEIGHT) <= 1;
  return scaled ? 's' : '?';
}

static void
find_fate(GstBuffer *buffer, gint width, gint height, gchar fate[6])
{
  strcpy(fate, "-----");
  if (driftcluster_buffer_get_results_meta(buffer))
    fate[0] = 'k';
  if (gst_buffer_get_custom_meta(buffer, VIDEO_META_NAME))
    fate[1] = 'k';
  DriftclusterEmbeddingMeta *embeddings = driftcluster_buffer_get_embedding_meta(buffer);
  if (embeddings) {
    const DriftclusterRegion *box = &embeddings->regions[0];
    fate[2] = fate_of_box(box->x, box->y, box->width, box->height, width, height);
  }
  GstVideoRegionOfInterestMeta *roi = gst_buffer_get_video_region_of_interest_meta_id(buffer, 0);
  if (roi) {
    fate[3] = fate_of_box((gint)roi->x, (gint)roi->y, (gint)roi->w, (gint)roi->h, width, height);
    fate[4] = gst_video_region_of_interest_meta_get_param(roi, "classification") ? 'k' : '-';
  }
}

static void
assert_output_caps(GstHarness *harness, const Row *row, gint *width, gint *height)
{
  g_autoptr(GstCaps) expected = gst_caps_from_string(row->out_caps);
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(harness->sinkpad);
  fail_unless(caps != NULL, "%s: no output", row->pipeline);
  g_autofree gchar *text = gst_caps_to_string(caps);
  fail_unless(gst_caps_is_subset(caps, expected), "%s: output is %s", row->pipeline, text);
  *width = IN_WIDTH;
  *height = IN_HEIGHT;
  GstStructure *structure = gst_caps_get_structure(caps, 0);
  gst_structure_get_int(structure, "width", width);
  gst_structure_get_int(structure, "height", height);
}

/* The first buffer that comes out of the row's elements. */
static GstBuffer *
push_through(GstHarness *harness, const Row *row)
{
  gst_harness_set_caps_str(harness, row->in_caps, row->out_caps);
  for (guint i = 0; i < 5; i++)
    gst_harness_push(harness, frame_with_metas(i));
  gst_harness_push_event(harness, gst_event_new_eos());
  GstBuffer *buffer = NULL;
  fail_unless(gst_harness_pull_until_eos(harness, &buffer));
  fail_unless(buffer != NULL, "%s: no output", row->pipeline);
  return buffer;
}

GST_START_TEST(metadata_fares_as_the_table_says)
{
  const Row *row = &rows[__i__];
  if (!elements_exist(row->pipeline))
    return;
  register_metas();
  GstHarness *harness = gst_harness_new_parse(row->pipeline);
  GstBuffer *buffer = push_through(harness, row);
  gint width, height;
  assert_output_caps(harness, row, &width, &height);
  gchar fate[6];
  find_fate(buffer, width, height, fate);
  if (strcmp(fate, row->fate) != 0)
    g_print("# '%s': metadata fares as %s, the table says %s\n", row->pipeline, fate, row->fate);
  if (table_is_binding())
    assert_equals_string(fate, row->fate);
  gst_buffer_unref(buffer);
  gst_harness_teardown(harness);
}
GST_END_TEST

static Suite *
metadata_survival_suite(void)
{
  Suite *suite = suite_create("metadata-survival");
  TCase *tests = tcase_create("standard elements");
  suite_add_tcase(suite, tests);
  tcase_add_loop_test(tests, metadata_fares_as_the_table_says, 0, G_N_ELEMENTS(rows));
  return suite;
}

GST_CHECK_MAIN(metadata_survival)
