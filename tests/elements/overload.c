/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A computer that is too slow, in a whole pipeline. Its clock is the test's: an inference takes so
 * long, all else next to nothing, whatever machine the test runs on. */
#include "meta/driftcluster.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gsttestclock.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define FRAME     (40 * GST_MSECOND)
#define FRAMES    400
#define SLOW      250 /* frames during which an inference takes long */
#define INFERENCE (100 * GST_MSECOND)
#define QUICK     GST_MSECOND
#define TILES     4

typedef struct {
  GstElement *pipeline;
  GstTestClock *clock;

  /* At the end of the pipeline, written by the streaming thread. */
  guint arrived;
  gboolean in_order;
  GstClockTime next;               /* presentation time that the next frame has to have */
  GstClockTime most_late;          /* of a frame that arrived */
  guint inferred[2];               /* frames with embeddings: while inference is slow, and after */
  guint without_label, with_label; /* regions */
  guint stale;                     /* labels that an earlier frame had */
} Camera;

static gboolean
has_embeddings(GstBuffer *buffer)
{
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);

  return meta && meta->block;
}

/* What the inference took of the time. */
static GstPadProbeReturn
spend_time(GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Camera *camera = data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  gboolean is_slow = GST_BUFFER_PTS(buffer) < SLOW * FRAME;

  (void)pad;
  gst_test_clock_advance_time(
      camera->clock, (GstClockTimeDiff)(is_slow && has_embeddings(buffer) ? INFERENCE : QUICK));
  return GST_PAD_PROBE_OK;
}

static void
count_labels(Camera *camera, GstBuffer *buffer)
{
  GstCustomMeta *results = driftcluster_buffer_get_results_meta(buffer);

  fail_unless(results != NULL);
  assert_equals_int(driftcluster_results_meta_get_n_results(results), TILES);
  for (guint i = 0; i < TILES; i++) {
    DriftclusterResult result;

    fail_unless(driftcluster_results_meta_get_result(results, i, &result));
    camera->with_label += result.cluster >= 0;
    camera->without_label += result.cluster < 0;
    camera->stale += result.stale;
  }
}

/* A frame is shown. */
static void
arrive(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
  Camera *camera = data;
  GstClockTime now = gst_clock_get_time(GST_CLOCK(camera->clock));
  GstClockTime due = gst_element_get_base_time(sink) + GST_BUFFER_PTS(buffer);

  (void)pad;
  camera->arrived++;
  camera->in_order &= GST_BUFFER_PTS(buffer) == camera->next;
  camera->next += FRAME;
  camera->most_late = MAX(camera->most_late, now > due ? now - due : 0);
  camera->inferred[GST_BUFFER_PTS(buffer) >= SLOW * FRAME] += has_embeddings(buffer);
  if (camera->inferred[0] > 10) /* the warm-up is over */
    count_labels(camera, buffer);
}

static void
watch(Camera *camera)
{
  g_autoptr(GstElement) embed = gst_bin_get_by_name(GST_BIN(camera->pipeline), "embed");
  g_autoptr(GstElement) sink = gst_bin_get_by_name(GST_BIN(camera->pipeline), "sink");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(embed, "src");

  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, spend_time, camera, NULL);
  g_signal_connect(sink, "handoff", G_CALLBACK(arrive), camera);
}

static Camera
camera_of(const gchar *settings)
{
  g_autofree gchar *line = g_strdup_printf(
      "videotestsrc num-buffers=%d pattern=ball ! "
      "video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! "
      "embed name=embed inference-region=tiles tiles=2x2 %s ! "
      "adapt-centroids clusters=2 warm-up=%d async=false ! assign ! draw-clusters ! "
      "fakesink name=sink sync=true qos=true max-lateness=-1 signal-handoffs=true",
      FRAMES, settings, 4 * TILES);
  g_autoptr(GError) error = NULL;
  Camera camera = {.in_order = TRUE, .clock = GST_TEST_CLOCK(gst_test_clock_new())};

  camera.pipeline = gst_parse_launch(line, &error);
  fail_unless(error == NULL, "%s", error ? error->message : "");
  gst_pipeline_use_clock(GST_PIPELINE(camera.pipeline), GST_CLOCK(camera.clock));
  return camera;
}

/* Lets the clock go on to where the sink waits for it, if it does within a moment. */
static void
turn_clock(GstTestClock *clock)
{
  if (gst_test_clock_timed_wait_for_multiple_pending_ids(clock, 1, 20, NULL))
    gst_test_clock_crank(clock);
}

/* Plays to the end; returns how many warnings there were. */
static guint
play(Camera *camera)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(camera->pipeline);
  guint warnings = 0;
  gboolean ended = FALSE;

  gst_element_set_state(camera->pipeline, GST_STATE_PLAYING);
  while (!ended) {
    GstMessage *message;

    turn_clock(camera->clock);
    while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_EOS | GST_MESSAGE_ERROR |
                                                    GST_MESSAGE_WARNING))) {
      fail_unless(GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR);
      warnings += GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING;
      ended |= GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
      gst_message_unref(message);
    }
  }
  return warnings;
}

static guint64
stat_of(const Camera *camera, const gchar *name)
{
  g_autoptr(GstElement) embed = gst_bin_get_by_name(GST_BIN(camera->pipeline), "embed");
  g_autoptr(GstStructure) stats = NULL;
  guint64 value = 0;

  g_object_get(embed, "stats", &stats, NULL);
  fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
  return value;
}

static void
camera_close(Camera *camera)
{
  gst_element_set_state(camera->pipeline, GST_STATE_NULL);
  gst_object_unref(camera->pipeline);
  gst_object_unref(camera->clock);
}

/* Every frame arrives, none later than one inference makes it; the inference that the computer has
 * no time for is left out, counted, and said once; regions keep their labels meanwhile. When there
 * is time again, nothing is left out. */
GST_START_TEST(video_passes_in_time_and_inference_is_shed)
{
  Camera camera = camera_of("");
  guint warnings;

  watch(&camera);
  warnings = play(&camera);
  assert_equals_int(camera.arrived, FRAMES);
  fail_unless(camera.in_order);
  fail_unless(camera.most_late <= INFERENCE + FRAME, "%" GST_TIME_FORMAT " late",
              GST_TIME_ARGS(camera.most_late));

  assert_equals_uint64(stat_of(&camera, "frames"), FRAMES);
  assert_equals_uint64(stat_of(&camera, "embedded"),
                       TILES * (camera.inferred[0] + camera.inferred[1]));
  assert_equals_uint64(stat_of(&camera, "shed"), FRAMES - camera.inferred[0] - camera.inferred[1]);
  /* An inference takes two and a half frames: at least one in four frames has one. */
  fail_unless(camera.inferred[0] >= SLOW / 4 && camera.inferred[0] <= SLOW / 2.5 + 1,
              "%u of %d frames", camera.inferred[0], SLOW);
  fail_unless(camera.inferred[1] >= FRAMES - SLOW - 4, "%u of %d frames", camera.inferred[1],
              FRAMES - SLOW);
  assert_equals_int(warnings, 1);

  assert_equals_int(camera.without_label, 0);
  fail_unless(camera.with_label > 0 && camera.stale > 0);
  camera_close(&camera);
}
GST_END_TEST

/* What it would be without: with each inference the video falls behind by more than a frame. */
GST_START_TEST(video_falls_behind_where_nothing_may_be_shed)
{
  Camera camera = camera_of("shed-late=false");
  guint warnings;

  watch(&camera);
  warnings = play(&camera);
  assert_equals_int(camera.arrived, FRAMES);
  assert_equals_int(camera.inferred[0], SLOW);
  assert_equals_uint64(stat_of(&camera, "shed"), 0);
  assert_equals_int(warnings, 0);
  fail_unless(camera.most_late > (SLOW - 2) * (INFERENCE - FRAME));
  camera_close(&camera);
}
GST_END_TEST

static Suite *
overload_suite(void)
{
  Suite *suite = suite_create("overload");
  TCase *cases = tcase_create("overload");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, video_passes_in_time_and_inference_is_shed);
  tcase_add_test(cases, video_falls_behind_where_nothing_may_be_shed);
  return suite;
}

GST_CHECK_MAIN(overload)
