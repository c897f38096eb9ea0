/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What labelling costs besides the encoder: microseconds a region for the embedding meta,
 * adapt-centroids and assign together, at several intervals between adaptations (each of which goes
 * over the whole window), and the frames a second of a pipeline with and without them. */

#include "bench.h"

#include "../elements/blobs.h"
#include "stream/adapter.h"

#include <gst/check/gstharness.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define DIM     64
#define BLOBS   10
#define BUFFERS 200 /* a repetition */
#define DRAWN   1024
#define FRAMES  600

#define ELEMENTS "adapt-centroids clusters=10 interval=%u ! assign"

/* Embeddings drawn beforehand, so that drawing is not timed. */
typedef struct {
  gfloat embeddings[DRAWN][DIM];
  guint next;
  guint frame;
  guint regions;
  GstHarness *with, *without;
} Stream;

static void
draw_stream(Stream *stream)
{
  Blobs blobs = blobs_of(BLOBS, DIM);
  for (guint i = 0; i < DRAWN; i++)
    blobs_draw(&blobs, i % BLOBS, stream->embeddings[i]);
}

static void
attach(Stream *stream, GstBuffer *buffer)
{
  DriftclusterEmbeddingBlock *block =
      driftcluster_embedding_block_new(stream->regions, DIM, BLOBS_ENCODER);
  for (guint i = 0; i < stream->regions; i++)
    memcpy(block->data + i * DIM, stream->embeddings[stream->next++ % DRAWN], DIM * sizeof(gfloat));
  blobs_attach(buffer, block);
}

static void
push_labelled(void *data)
{
  Stream *stream = data;
  for (guint i = 0; i < BUFFERS; i++) {
    GstBuffer *buffer = blobs_frame(stream->frame++);
    attach(stream, buffer);
    gst_harness_push(stream->with, buffer);
  }
}

static void
push_plain(void *data)
{
  Stream *stream = data;
  for (guint i = 0; i < BUFFERS; i++)
    gst_harness_push(stream->without, blobs_frame(stream->frame++));
}

static GstHarness *
open_harness(const gchar *launch)
{
  GstHarness *h = gst_harness_new_parse(launch);
  gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=64,height=48,framerate=25/1");
  gst_harness_set_drop_buffers(h, TRUE);
  return h;
}

static void
bench_regions(Stream *stream, guint regions, guint interval)
{
  g_autofree gchar *launch = g_strdup_printf(ELEMENTS, interval);
  stream->regions = regions;
  stream->with = open_harness(launch);
  stream->without = open_harness("identity ! identity");
  BenchResult result = bench_against(push_labelled, push_plain, stream, 2);
  char parameters[128];
  snprintf(parameters, sizeof parameters,
           "\"dim\": %d, \"clusters\": %d, \"regions\": %u, \"interval\": %u", DIM, BLOBS, regions,
           interval);
  bench_print("label-region", parameters,
              1e6 * (result.seconds - result.baseline) / BUFFERS / regions, "us");
  gst_harness_teardown(stream->with);
  gst_harness_teardown(stream->without);
}

static GstPadProbeReturn
attach_to_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer user_data)
{
  (void)pad;
  GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  attach(user_data, buffer);
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  return GST_PAD_PROBE_OK;
}

/* Runs a pipeline of FRAMES frames; without the elements when there are no regions. */
static void
run_pipeline(Stream *stream, guint regions)
{
  DcAdapterConfig config = dc_adapter_config();
  g_autofree gchar *elements =
      regions ? g_strdup_printf(ELEMENTS, (guint)config.interval) : g_strdup("identity ! identity");
  g_autofree gchar *launch =
      g_strdup_printf("videotestsrc name=source pattern=solid-color num-buffers=%d ! "
                      "video/x-raw,format=I420,width=640,height=480 ! %s ! fakesink sync=false",
                      FRAMES, elements);
  g_autoptr(GstElement) pipeline = gst_parse_launch(launch, NULL);
  g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_autoptr(GstPad) pad = gst_element_get_static_pad(source, "src");
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  stream->regions = regions;
  if (regions)
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, attach_to_buffer, stream, NULL);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage *end =
      gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR)
    blobs_fail(end);
  gst_message_unref(end);
  gst_element_set_state(pipeline, GST_STATE_NULL);
}

static guint bench_pipeline_regions;

static void
run_with(void *data)
{
  run_pipeline(data, bench_pipeline_regions);
}

static void
run_without(void *data)
{
  run_pipeline(data, 0);
}

static void
bench_pipeline(Stream *stream, guint regions)
{
  bench_pipeline_regions = regions;
  BenchResult result = bench_against(run_with, run_without, stream, 3);
  char parameters[128];
  snprintf(parameters, sizeof parameters,
           "\"width\": 640, \"height\": 480, \"dim\": %d, \"regions\": %u", DIM, regions);
  bench_print("pipeline-labelled", parameters, FRAMES / result.seconds, "frames/s");
  bench_print("pipeline-plain", parameters, FRAMES / result.baseline, "frames/s");
}

int
main(int argc, char **argv)
{
  static const guint regions[] = {1, 8, 32}, intervals[] = {64, 256, 1 << 24};
  gst_init(&argc, &argv);
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  Stream *stream = g_new0(Stream, 1);
  draw_stream(stream);
  for (guint i = 0; i < G_N_ELEMENTS(regions); i++)
    for (guint j = 0; j < G_N_ELEMENTS(intervals); j++)
      bench_regions(stream, regions[i], intervals[j]);
  for (guint i = 0; i < G_N_ELEMENTS(regions); i++)
    bench_pipeline(stream, regions[i]);
  g_free(stream);
  return 0;
}
