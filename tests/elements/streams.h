/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_STREAMS_H
#define DC_TESTS_STREAMS_H

#include "common/snapshot-event.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

/* What the tests of elements that watch a stream share. */

#define STREAM_CAPS "video/x-raw,format=GRAY8,width=64,height=48,framerate=25/1"

static inline GstHarness *
stream_open(const gchar *launch)
{
  GstHarness *h = gst_harness_new_parse(launch);
  gst_harness_set_src_caps_str(h, STREAM_CAPS);
  return h;
}

/* Starts the stream `id`, as an input-selector does; NULL: tells again of the one there is. */
static inline void
stream_start(GstHarness *h, const gchar *id)
{
  g_autoptr(GstCaps) caps = gst_pad_get_current_caps(h->srcpad);
  GstSegment segment;
  g_autofree gchar *same = gst_pad_get_stream_id(h->srcpad);
  fail_unless(gst_harness_push_event(h, gst_event_new_stream_start(id ? id : same)));
  fail_unless(gst_harness_push_event(h, gst_event_new_caps(caps)));
  gst_segment_init(&segment, GST_FORMAT_TIME);
  fail_unless(gst_harness_push_event(h, gst_event_new_segment(&segment)));
}

/* The newest snapshot that reached the end of the harness, or NULL. */
static inline DcSnapshot *
stream_snapshot(GstHarness *h)
{
  GstEvent *event;
  for (guint i = 0;
       (event = gst_pad_get_sticky_event(h->sinkpad, GST_EVENT_CUSTOM_DOWNSTREAM_STICKY, i)); i++) {
    gboolean found = dc_snapshot_event_is(event);
    DcSnapshot *snapshot = dc_snapshot_event_get(event);
    gst_event_unref(event);
    if (found)
      return snapshot;
  }
  return NULL;
}

static inline guint64
stream_version(GstHarness *h)
{
  DcSnapshot *snapshot = stream_snapshot(h);
  guint64 version = snapshot ? dc_snapshot_version(snapshot) : 0;
  dc_snapshot_unref(snapshot);
  return version;
}

/* A counter of an element; and that of the one of `factory`. */
static inline guint64
stream_element_stat(GstElement *element, const gchar *name)
{
  g_autoptr(GstStructure) stats = NULL;
  guint64 value = G_MAXUINT64;
  g_object_get(element, "stats", &stats, NULL);
  fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
  return value;
}

static inline guint64
stream_stat(GstHarness *h, const gchar *factory, const gchar *name)
{
  g_autoptr(GstElement) element = gst_harness_find_element(h, factory);
  return stream_element_stat(element, name);
}

/* Takes the messages of these types off the bus; returns how many there were. */
static inline guint
stream_count_messages(GstBus *bus, GstMessageType types)
{
  guint count = 0;
  GstMessage *message;
  while ((message = gst_bus_pop_filtered(bus, types))) {
    count++;
    gst_message_unref(message);
  }
  return count;
}

/* Messages of the element go to the bus returned; give it back with stream_unwatch(). */
static inline GstBus *
stream_watch(GstElement *element)
{
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(element, bus);
  return bus;
}

static inline void
stream_unwatch(GstElement *element, GstBus *bus)
{
  gst_element_set_bus(element, NULL);
  gst_object_unref(bus);
}

/* The next message must be an error or a warning, as `type` says, whose text holds `text`. */
static inline void
stream_assert_told(GstBus *bus, GstMessageType type, const gchar *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, type);
  fail_unless(message != NULL, "nothing was told; expected \"%s\"", text);
  if (type == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, NULL);
  else
    gst_message_parse_warning(message, &error, NULL);
  fail_unless(strstr(error->message, text) != NULL, "\"%s\" is not in: %s", text, error->message);
}

static inline void
stream_assert_silent(GstBus *bus, GstMessageType type)
{
  g_autoptr(GstMessage) message = gst_bus_pop_filtered(bus, type);
  fail_unless(message == NULL, "told more than expected");
}

/* Pushes `buffer`, which must end the stream with an error that holds `text`, told once. */
static inline void
stream_assert_push_fails(GstHarness *h, GstBuffer *buffer, const gchar *text)
{
  GstBus *bus = stream_watch(h->element);
  fail_unless_equals_int(gst_harness_push(h, buffer), GST_FLOW_ERROR);
  stream_assert_told(bus, GST_MESSAGE_ERROR, text);
  stream_assert_silent(bus, GST_MESSAGE_ERROR);
  stream_unwatch(h->element, bus);
}

/* The next element message of `kind`, with a reference for the caller; NULL when there is none. */
static inline GstMessage *
stream_notice(GstBus *bus, const gchar *kind)
{
  GstMessage *message;
  while ((message = gst_bus_pop_filtered(bus, GST_MESSAGE_ELEMENT))) {
    const gchar *told = gst_structure_get_string(gst_message_get_structure(message), "kind");
    if (g_strcmp0(told, kind) == 0)
      return message;
    gst_message_unref(message);
  }
  return NULL;
}

/* Starts `element` alone, which must fail with an error that holds `text`. */
static inline void
stream_assert_start_fails(const gchar *launch, const gchar *text)
{
  GstElement *element = gst_parse_launch(launch, NULL);
  GstBus *bus = stream_watch(element);
  fail_unless_equals_int(gst_element_set_state(element, GST_STATE_PAUSED),
                         GST_STATE_CHANGE_FAILURE);
  stream_assert_told(bus, GST_MESSAGE_ERROR, text);
  stream_assert_silent(bus, GST_MESSAGE_ERROR);
  stream_unwatch(element, bus);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

#endif
