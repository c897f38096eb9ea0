/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_EMBED_HARNESS_H
#define DC_TESTS_EMBED_HARNESS_H

/* What the tests of `embed` share: the element in a harness, frames of known means, and assertions
 * on what comes out. Include it once in a program. */
#include "meta/driftcluster.h"
#include "tiny_model.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <math.h>
#include <string.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

/* Frames of the tests: the left half has this grey, the right half that one. */
#define LEFT  51  /* 0.2 */
#define RIGHT 204 /* 0.8 */

/* The grey of a region is a mean of up to 3200 pixels in float: its rounding errors of 2^-24 each
 * add up to some 50 of them. */
#define TOLERANCE 4e-6

static gchar *folder;
static gchar *mean_model; /* weight 0.5: the embedding is (mean, 1 - mean) */

/* Once for all tests: they run without forking under valgrind. */
static inline void
register_plugin(void)
{
  GST_PLUGIN_STATIC_REGISTER(driftcluster);
}

static inline void
setup(void)
{
  folder = tiny_model_folder_new();
  mean_model = tiny_model_write(folder, "mean.safetensors", 0.5f);
}

static inline void
teardown(void)
{
  g_free(mean_model);
  tiny_model_folder_free(folder);
}

/* An element made by `launch`, with a model of its own when `model` is not NULL, and a bus. */
static inline GstHarness *
harness_of(const gchar *launch, const gchar *model)
{
  g_autofree gchar *text =
      model ? g_strdup_printf("%s model-file=%s", launch, model) : g_strdup(launch);
  GstHarness *harness = gst_harness_new_parse(text);
  g_autoptr(GstBus) bus = gst_bus_new();
  gst_element_set_bus(harness->element, bus);
  gst_harness_set_caps_str(harness, "video/x-raw,format=GRAY8,width=8,height=4,framerate=25/1",
                           "video/x-raw");
  return harness;
}

static inline void
harness_free(GstHarness *harness)
{
  gst_element_set_bus(harness->element, NULL);
  gst_harness_teardown(harness);
}

static inline GstBuffer *
gray_frame(gint width, gint height, guint number)
{
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, (guint)width, (guint)height);
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, GST_VIDEO_INFO_SIZE(&info), NULL);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (gint y = 0; y < height; y++)
    for (gint x = 0; x < width; x++)
      map.data[y * GST_VIDEO_INFO_PLANE_STRIDE(&info, 0) + x] = x < width / 2 ? LEFT : RIGHT;
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_PTS(buffer) = number * 40 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
  return buffer;
}

static inline DriftclusterEmbeddingMeta *
meta_of(GstBuffer *buffer)
{
  fail_unless(buffer != NULL);
  DriftclusterEmbeddingMeta *meta = driftcluster_buffer_get_embedding_meta(buffer);
  fail_unless(meta != NULL);
  return meta;
}

static inline void
assert_embedding(DriftclusterEmbeddingMeta *meta, guint region, gfloat expected)
{
  guint dim;
  const gfloat *embedding = driftcluster_embedding_meta_get_embedding(meta, region, &dim);
  fail_unless(embedding != NULL, "region %u has no embedding", region);
  assert_equals_int(dim, 2);
  fail_unless(fabsf(embedding[0] - expected) < TOLERANCE, "%g instead of %g", embedding[0],
              expected);
  fail_unless(fabsf(embedding[1] - (1 - expected)) < TOLERANCE);
}

static inline void
assert_no_embedding(DriftclusterEmbeddingMeta *meta)
{
  fail_unless(meta->block == NULL);
  for (guint i = 0; i < meta->n_regions; i++)
    assert_equals_int(meta->regions[i].row, -1);
}

/* Pushes a frame of 8 x 4 and asserts whether it comes out with an embedding. */
static inline void
assert_embeds(GstHarness *harness, guint number, gboolean embeds)
{
  GstBuffer *buffer = gst_harness_push_and_pull(harness, gray_frame(8, 4, number));
  DriftclusterEmbeddingMeta *meta = meta_of(buffer);
  assert_equals_int(meta->n_regions, 1);
  if (embeds)
    assert_embedding(meta, 0, 0.5f);
  else
    assert_no_embedding(meta);
  gst_buffer_unref(buffer);
}

static inline guint64
stat_of(GstHarness *harness, const gchar *name)
{
  g_autoptr(GstElement) embed = gst_harness_find_element(harness, "embed");
  GstStructure *stats;
  g_object_get(embed, "stats", &stats, NULL);
  fail_unless(gst_structure_has_name(stats, "application/x-embed-stats"));
  guint64 value = G_MAXUINT64;
  fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
  gst_structure_free(stats);
  return value;
}

static inline GstMessage *
wait_for(GstHarness *harness, GstMessageType type)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(harness->element);
  GstMessage *message = gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, type);
  fail_unless(message != NULL, "no message of type %s", gst_message_type_get_name(type));
  return message;
}

static inline guint
count_messages(GstHarness *harness, GstMessageType type)
{
  g_autoptr(GstBus) bus = gst_element_get_bus(harness->element);
  guint count = 0;
  GstMessage *message;
  while ((message = gst_bus_pop_filtered(bus, type))) {
    gst_message_unref(message);
    count++;
  }
  return count;
}

/* The element refuses to start with `property` = `bad`, by one error that names it, and starts with
 * `good`. */
static inline void
assert_refuses_to_start(const gchar *property, const gchar *bad, const gchar *good, GQuark domain,
                        gint code)
{
  g_autoptr(GstElement) embed = gst_element_factory_make("embed", NULL);
  gst_object_ref_sink(embed);
  g_autoptr(GstBus) bus = gst_bus_new();
  gst_element_set_bus(embed, bus);
  g_object_set(embed, property, bad, NULL);
  assert_equals_int(gst_element_set_state(embed, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  GstMessage *message = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR);
  fail_unless(message != NULL);
  g_autoptr(GError) error = NULL;
  gst_message_parse_error(message, &error, NULL);
  fail_unless(g_error_matches(error, domain, code), "%s: %d", error->message, error->code);
  fail_unless(strstr(error->message, bad) != NULL, "%s", error->message);
  gst_message_unref(message);
  fail_unless(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR) == NULL);

  g_object_set(embed, property, good, NULL);
  assert_equals_int(gst_element_set_state(embed, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(embed, GST_STATE_NULL);
  gst_element_set_bus(embed, NULL);
}

#endif
