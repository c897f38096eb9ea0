/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What draw-clusters costs: microseconds a frame, by size, format and number of regions, labels and
 * legend included. */

#include "bench.h"
#include "meta/driftcluster.h"

#include <gst/check/gstharness.h>
#include <gst/video/video.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define FRAMES 50 /* a repetition */
#define MOST   64
#define BUDGET 0.3 /* seconds */

typedef struct {
  GstHarness *harness;
  GstBuffer *frame; /* never written to: each frame is a copy of it */
} Drawing;

static void
add_results(GstBuffer *frame, guint regions)
{
  static const gchar *const names[] = {"cluster-0", "person", "car", "bicycle"};
  DriftclusterResult results[MOST];

  for (guint i = 0; i < regions; i++)
    results[i] = (DriftclusterResult){.x = 0.11 * (i % 8),
                                      .y = 0.12 * (i / 8 % 8),
                                      .width = 0.08,
                                      .height = 0.1,
                                      .key = i,
                                      .roi_type = g_quark_from_static_string("motion"),
                                      .roi_id = -1,
                                      .cluster = (gint)(i % G_N_ELEMENTS(names)),
                                      .label = names[i % G_N_ELEMENTS(names)],
                                      .confidence = 0.5,
                                      .novel = i % 9 == 8};
  driftcluster_buffer_add_results_meta(frame, 1, "encoder", 2, results, regions);
}

/* With the copy of the pixels, which shared frames need. */
static void
draw_frames(void *data)
{
  Drawing *drawing = data;

  for (guint i = 0; i < FRAMES; i++)
    gst_harness_push(drawing->harness, gst_buffer_copy_deep(drawing->frame));
}

static void
copy_frames(void *data)
{
  Drawing *drawing = data;

  for (guint i = 0; i < FRAMES; i++)
    gst_buffer_unref(gst_buffer_copy_deep(drawing->frame));
}

static void
bench_frame(const gchar *format, guint width, guint height, guint regions)
{
  g_autofree gchar *caps =
      g_strdup_printf("video/x-raw,format=%s,width=%u,height=%u,framerate=25/1", format, width,
                      height);
  gchar parameters[128];
  BenchResult result;
  GstVideoInfo info;
  Drawing drawing;

  gst_video_info_set_format(&info, gst_video_format_from_string(format), width, height);
  drawing.harness = gst_harness_new("draw-clusters");
  drawing.frame = gst_buffer_new_allocate(NULL, info.size, NULL);
  gst_buffer_memset(drawing.frame, 0, 100, info.size);
  add_results(drawing.frame, regions);
  gst_harness_set_drop_buffers(drawing.harness, TRUE);
  gst_harness_set_src_caps_str(drawing.harness, caps);
  result = bench_against(draw_frames, copy_frames, &drawing, BUDGET);
  g_snprintf(parameters, sizeof parameters,
             "\"format\": \"%s\", \"width\": %u, \"height\": %u, \"regions\": %u", format, width,
             height, regions);
  bench_print("draw-clusters", parameters, (result.seconds - result.baseline) / FRAMES * 1e6,
              "us/frame");
  gst_buffer_unref(drawing.frame);
  gst_harness_teardown(drawing.harness);
}

int
main(int argc, char **argv)
{
  static const gchar *const formats[] = {"I420", "NV12", "RGB", "BGRx"};
  static const guint regions[] = {1, 16, MOST};

  gst_init(&argc, &argv);
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++)
    for (guint j = 0; j < G_N_ELEMENTS(regions); j++) {
      bench_frame(formats[i], 320, 240, regions[j]);
      bench_frame(formats[i], 1920, 1080, regions[j]);
    }
  return 0;
}
