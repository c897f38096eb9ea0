/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_GALLERY_H
#define DC_TESTS_GALLERY_H

#include "meta/driftcluster.h"
#include "streams.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <string.h>

/* What the tests of gallery-sink share: an element that writes to a folder of its own. */

#define GALLERY_CAPS  "video/x-raw,format=GRAY8,width=64,height=48,framerate=10/1"
#define GALLERY_CALL  "driftcluster.gallery("
#define GALLERY_UUID  "0b1c2d3e-0000-4000-8000-00000000000"
#define GALLERY_FRAME (100 * GST_MSECOND)

typedef struct {
  gchar *folder;   /* of the test */
  gchar *location; /* below it */
  GstElement *element;
  GstHarness *harness;
  GstBus *bus;
  guint pushed;
} Gallery;

static inline GstElement *
gallery_element(const Gallery *gallery)
{
  GstElement *element = gst_object_ref_sink(gst_element_factory_make("gallery-sink", NULL));

  gst_element_set_bus(element, gallery->bus);
  g_object_set(element, "location", gallery->location, "interval", G_GUINT64_CONSTANT(0), NULL);
  return element;
}

static inline void
gallery_prepare(Gallery *gallery)
{
  *gallery = (Gallery){.folder = g_dir_make_tmp("gallery-sink-XXXXXX", NULL)};
  gallery->location = g_build_filename(gallery->folder, "gallery", NULL);
  gallery->bus = gst_bus_new();
  gallery->element = gallery_element(gallery);
}

static inline void
gallery_play(Gallery *gallery)
{
  gallery->harness = gst_harness_new_with_element(gallery->element, "sink", NULL);
  gst_harness_set_src_caps_str(gallery->harness, GALLERY_CAPS);
}

static inline void
gallery_stop(Gallery *gallery)
{
  g_clear_pointer(&gallery->harness, gst_harness_teardown);
  gst_element_set_state(gallery->element, GST_STATE_NULL);
}

static inline void
gallery_remove(const gchar *path)
{
  GDir *entries = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
  const gchar *name;

  while (entries && (name = g_dir_read_name(entries))) {
    g_autofree gchar *inner = g_build_filename(path, name, NULL);

    gallery_remove(inner);
  }
  g_clear_pointer(&entries, g_dir_close);
  g_remove(path);
}

static inline void
gallery_clear(Gallery *gallery)
{
  gallery_stop(gallery);
  gst_element_set_bus(gallery->element, NULL);
  gst_object_unref(gallery->element);
  gst_object_unref(gallery->bus);
  gallery_remove(gallery->folder);
  g_free(gallery->location);
  g_free(gallery->folder);
}

/* A frame whose pixels all differ from their neighbours, at its time in the stream. */
static inline GstBuffer *
gallery_frame(Gallery *gallery)
{
  GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 48, NULL);
  guint8 pixels[64 * 48];

  for (guint i = 0; i < sizeof pixels; i++)
    pixels[i] = (guint8)(i % 64 * 3 + i / 64);
  gst_buffer_fill(buffer, 0, pixels, sizeof pixels);
  GST_BUFFER_PTS(buffer) = gallery->pushed++ * GALLERY_FRAME;
  return buffer;
}

/* A region of 16 x 12 pixels at (16, 24), assigned to cluster `cluster` of the uuid `uuid`. */
static inline DriftclusterResult
gallery_result(gint cluster, const gchar *uuid)
{
  return (DriftclusterResult){.x = 0.25,
                              .y = 0.5,
                              .width = 0.25,
                              .height = 0.25,
                              .roi_type = g_quark_from_static_string("tile"),
                              .roi_id = -1,
                              .cluster = cluster,
                              .uuid = uuid,
                              .label = "shoe",
                              .confidence = 0.875,
                              .distance = 1.5};
}

static inline void
gallery_add(GstBuffer *buffer, const DriftclusterResult *results, guint n)
{
  fail_unless(driftcluster_buffer_add_results_meta(buffer, 17, "encoder", 2, results, n) != NULL);
}

/* Pushes a frame with `n` results. */
static inline void
gallery_push(Gallery *gallery, const DriftclusterResult *results, guint n)
{
  GstBuffer *buffer = gallery_frame(gallery);

  gallery_add(buffer, results, n);
  if (gst_harness_push(gallery->harness, buffer) != GST_FLOW_OK)
    fail("a frame did not pass");
}

/* Everything is written after it. */
static inline void
gallery_end(Gallery *gallery)
{
  fail_unless(gst_harness_push_event(gallery->harness, gst_event_new_eos()));
}

/* The stream goes on after its end. */
static inline void
gallery_resume(Gallery *gallery)
{
  GstSegment segment;

  gst_segment_init(&segment, GST_FORMAT_TIME);
  fail_unless(gst_harness_push_event(gallery->harness, gst_event_new_flush_start()));
  fail_unless(gst_harness_push_event(gallery->harness, gst_event_new_flush_stop(TRUE)));
  fail_unless(gst_harness_push_event(gallery->harness, gst_event_new_segment(&segment)));
}

static inline guint64
gallery_stat(const Gallery *gallery, const gchar *field)
{
  return stream_element_stat(gallery->element, field);
}

/* Waits until the counter is at least `least`, which must come about within 20 seconds. */
static inline void
gallery_wait(const Gallery *gallery, const gchar *field, guint64 least)
{
  gint64 deadline = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;

  while (gallery_stat(gallery, field) < least) {
    fail_unless(g_get_monotonic_time() < deadline, "%s stays below %u", field, (guint)least);
    g_usleep(1000);
  }
}

static inline guint
gallery_messages(const Gallery *gallery, GstMessageType type)
{
  return stream_count_messages(gallery->bus, type);
}

/* What the page shows. */
static inline JsonNode *
gallery_data(const Gallery *gallery)
{
  g_autofree gchar *path = g_build_filename(gallery->location, "data", "groups.js", NULL);
  g_autofree gchar *text = NULL;
  gsize length;

  fail_unless(g_file_get_contents(path, &text, &length, NULL), "no %s", path);
  fail_unless(g_str_has_prefix(text, GALLERY_CALL) && g_str_has_suffix(text, ");\n"), "%s", text);
  text[length - 3] = 0;
  JsonNode *data = json_from_string(text + strlen(GALLERY_CALL), NULL);
  fail_unless(data != NULL, "no JSON: %s", text);
  return data;
}

static inline JsonArray *
gallery_groups(JsonNode *data)
{
  return json_object_get_array_member(json_node_get_object(data), "groups");
}

static inline JsonObject *
gallery_group(JsonNode *data, guint place)
{
  fail_unless(place < json_array_get_length(gallery_groups(data)), "no group %u", place);
  return json_array_get_object_element(gallery_groups(data), place);
}

static inline JsonObject *
gallery_exemplar(JsonObject *group, guint place)
{
  JsonArray *exemplars = json_object_get_array_member(group, "exemplars");

  fail_unless(place < json_array_get_length(exemplars), "no exemplar %u", place);
  return json_array_get_object_element(exemplars, place);
}

/* How many PNG files there are below `path`, and nothing else but folders. */
static inline guint
gallery_count_files(const gchar *path)
{
  GDir *entries = g_dir_open(path, 0, NULL);
  const gchar *name;
  guint count = 0;

  if (!entries) {
    fail_unless(g_str_has_suffix(path, ".png"), "%s", path);
    return 1;
  }
  while ((name = g_dir_read_name(entries))) {
    g_autofree gchar *inner = g_build_filename(path, name, NULL);

    count += gallery_count_files(inner);
  }
  g_dir_close(entries);
  return count;
}

/* The pictures that the page names are all that are there; returns how many. */
static inline guint
gallery_assert_files(const Gallery *gallery)
{
  g_autoptr(JsonNode) data = gallery_data(gallery);
  g_autofree gchar *exemplars = g_build_filename(gallery->location, "exemplars", NULL);
  guint named = 0;

  for (guint i = 0; i < json_array_get_length(gallery_groups(data)); i++) {
    JsonObject *group = gallery_group(data, i);
    guint n = json_array_get_length(json_object_get_array_member(group, "exemplars"));

    for (guint j = 0; j < n; j++) {
      const gchar *file = json_object_get_string_member(gallery_exemplar(group, j), "file");
      g_autofree gchar *path = g_build_filename(gallery->location, file, NULL);

      fail_unless(g_file_test(path, G_FILE_TEST_IS_REGULAR), "no %s", path);
    }
    named += n;
  }
  assert_equals_int(gallery_count_files(exemplars), named);
  return named;
}

#endif
