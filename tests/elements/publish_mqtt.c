/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L
/* publish-clusters before a real broker: MOSQUITTO and MOSQUITTO_SUB are the programs of Debian. */
#include "broker.h"
#include "descriptors.h"
#include "streams.h"

#include <json-glib/json-glib.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

#define CAPS "video/x-raw,format=GRAY8,width=64,height=48,framerate=10/1"
#define LINE_FORMAT                                                                                \
  "{\"schema\":1,\"frame\":%u,\"timestamp\":%u,\"stream_time\":%u,\"width\":64,\"height\":48,"     \
  "\"regions\":[]}\n"

/* No push may take longer: the video must never wait for the broker. Far more than a push takes
 * (some microseconds), far less than any time-out of the network; a busy machine lies between. */
#define LONGEST_PUSH (500 * G_TIME_SPAN_MILLISECOND)

typedef struct {
  Broker broker;
  GstElement *element;
  GstHarness *harness;
  GstBus *bus;
  guint pushed;
} Fixture;

static void
fixture_init(Fixture *fixture, const gchar *extra)
{
  g_autofree gchar *address = NULL;

  *fixture = (Fixture){0};
  broker_init(&fixture->broker, extra);
  address = broker_address(&fixture->broker);
  fixture->element = gst_element_factory_make("publish-clusters", "door");
  fixture->bus = gst_bus_new();
  gst_object_ref_sink(fixture->element);
  gst_element_set_bus(fixture->element, fixture->bus);
  g_object_set(fixture->element, "broker", address, NULL);
}

static void
fixture_play(Fixture *fixture)
{
  fixture->harness = gst_harness_new_with_element(fixture->element, "sink", "src");
  gst_harness_set_drop_buffers(fixture->harness, TRUE);
  gst_harness_set_src_caps_str(fixture->harness, CAPS);
}

static void
fixture_stop(Fixture *fixture)
{
  if (fixture->harness)
    gst_harness_teardown(fixture->harness);
  fixture->harness = NULL;
  gst_element_set_state(fixture->element, GST_STATE_NULL);
}

static void
fixture_clear(Fixture *fixture)
{
  fixture_stop(fixture);
  gst_element_set_bus(fixture->element, NULL);
  gst_object_unref(fixture->element);
  gst_object_unref(fixture->bus);
  broker_clear(&fixture->broker);
}

static void
push(Fixture *fixture, guint count)
{
  for (guint i = 0; i < count; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate(NULL, 64 * 48, NULL);
    gint64 start = g_get_monotonic_time();

    GST_BUFFER_PTS(buffer) = fixture->pushed++;
    assert_equals_int(gst_harness_push(fixture->harness, buffer), GST_FLOW_OK);
    fail_unless(g_get_monotonic_time() - start < LONGEST_PUSH);
  }
}

static void
end_stream(Fixture *fixture)
{
  fail_unless(gst_harness_push_event(fixture->harness, gst_event_new_eos()));
}

static gboolean
warns_of(GstMessage *message, const gchar *text)
{
  g_autoptr(GError) error = NULL;
  g_autofree gchar *debug = NULL;

  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_WARNING)
    return FALSE;
  gst_message_parse_warning(message, &error, &debug);
  return strstr(error->message, text) || strstr(debug, text);
}

/* Takes all messages off the bus; returns how many are warnings with `text` in message or debug
 * text. Not by gst_bus_pop_filtered(): it drops messages under the bus's lock, and the last one of
 * a pad posts another when it goes (GStreamer 1.26). */
static guint
warnings(const Fixture *fixture, const gchar *text)
{
  GstMessage *message;
  guint count = 0;

  while ((message = gst_bus_pop(fixture->bus))) {
    count += warns_of(message, text) ? 1 : 0;
    gst_message_unref(message);
  }
  return count;
}

/* How many of the frames 0 .. n - 1 have not been received yet. Lines are as they were written, no
 * other came; a connection that breaks may have doubled some. */
static guint
missing(const Fixture *fixture, guint n)
{
  g_autofree gchar *text = broker_received(&fixture->broker);
  g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
  g_autofree gboolean *seen = g_new0(gboolean, n);
  guint left = n;

  for (guint i = 0; lines[i] && lines[i + 1]; i++) {
    g_autoptr(JsonNode) root = json_from_string(lines[i], NULL);
    g_autofree gchar *expected = NULL, *line = g_strconcat(lines[i], "\n", NULL);
    guint frame;

    fail_unless(root != NULL, "no JSON: %s", lines[i]);
    frame = (guint)json_object_get_int_member(json_node_get_object(root), "frame");
    fail_unless(frame < n, "frame %u was never sent", frame);
    expected = g_strdup_printf(LINE_FORMAT, frame, frame, frame);
    assert_equals_string(line, expected);
    left -= seen[frame] ? 0 : 1;
    seen[frame] = TRUE;
  }
  return left;
}

/* --- What arrives --- */

GST_START_TEST(lines_arrive_in_order_and_the_status_is_retained)
{
  g_autoptr(GString) expected = g_string_new(NULL);
  g_autofree gchar *online = NULL, *offline = NULL, *text = NULL;
  Fixture fixture;

  fixture_init(&fixture, "allow_anonymous true");
  broker_start(&fixture.broker);
  broker_subscribe(&fixture.broker, "driftcluster/door");
  fixture_play(&fixture);
  push(&fixture, 500);
  end_stream(&fixture);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lines"), 500);
  online = broker_retained(&fixture.broker, "driftcluster/door/status");
  assert_equals_string(online, "online");
  fixture_stop(&fixture);
  offline = broker_retained(&fixture.broker, "driftcluster/door/status");
  assert_equals_string(offline, "offline");
  WAIT_UNTIL(missing(&fixture, 500) == 0);
  for (guint i = 0; i < 500; i++)
    g_string_append_printf(expected, LINE_FORMAT, i, i, i);
  text = broker_received(&fixture.broker);
  assert_equals_string(text, expected->str);
  assert_equals_int(warnings(&fixture, ""), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(lines_may_go_out_without_acknowledgement)
{
  Fixture fixture;

  fixture_init(&fixture, "allow_anonymous true");
  broker_start(&fixture.broker);
  broker_subscribe(&fixture.broker, "cameras/door");
  gst_util_set_object_arg(G_OBJECT(fixture.element), "delivery", "at-most-once");
  g_object_set(fixture.element, "topic", "cameras/{element}", "status-topic", "", NULL);
  fixture_play(&fixture);
  push(&fixture, 100);
  end_stream(&fixture);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 0);
  WAIT_UNTIL(missing(&fixture, 100) == 0);
  fixture_clear(&fixture);
}
GST_END_TEST

/* --- A broker that comes and goes --- */

GST_START_TEST(killed_broker_costs_no_line)
{
  Fixture fixture;

  fixture_init(&fixture, "allow_anonymous true");
  broker_start(&fixture.broker);
  broker_subscribe(&fixture.broker, "driftcluster/door");
  fixture_play(&fixture);
  for (guint round = 0; round < 3; round++) {
    push(&fixture, 200);
    WAIT_UNTIL(stream_element_stat(fixture.element, "queued") == 0 &&
               missing(&fixture, fixture.pushed) == 0);
    broker_kill(&fixture.broker);
    push(&fixture, 200);
    WAIT_UNTIL(warnings(&fixture, "is away") == 1);
    assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 200);
    broker_start(&fixture.broker);
  }
  end_stream(&fixture);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 0);
  WAIT_UNTIL(missing(&fixture, 1200) == 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

/* Killed while lines are on their way to it: each is acknowledged in the end. */
GST_START_TEST(broker_killed_in_the_middle_gets_all_lines)
{
  Fixture fixture;

  fixture_init(&fixture, "allow_anonymous true");
  broker_start(&fixture.broker);
  fixture_play(&fixture);
  for (guint round = 0; round < 3; round++) {
    push(&fixture, 1000);
    broker_kill(&fixture.broker);
    push(&fixture, 1000);
    broker_start(&fixture.broker);
    push(&fixture, 1000);
  }
  end_stream(&fixture);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lines"), 9000);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

/* A stopped process takes connections and answers nothing. */
GST_START_TEST(broker_that_stands_still_delays_lines_but_no_video)
{
  Fixture fixture;

  fixture_init(&fixture, "allow_anonymous true");
  broker_start(&fixture.broker);
  broker_subscribe(&fixture.broker, "driftcluster/door");
  fixture_play(&fixture);
  push(&fixture, 10);
  WAIT_UNTIL(stream_element_stat(fixture.element, "queued") == 0);
  broker_stop(&fixture.broker);
  push(&fixture, 5000);
  fail_unless(stream_element_stat(fixture.element, "queued") == 5000);
  broker_continue(&fixture.broker);
  end_stream(&fixture);
  WAIT_UNTIL(missing(&fixture, 5010) == 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(broker_that_comes_late_gets_what_the_queue_held)
{
  guint64 lines, lost;
  Fixture fixture;

  fixture_init(&fixture, "allow_anonymous true");
  g_object_set(fixture.element, "queue-size", G_GUINT64_CONSTANT(20000), NULL);
  fixture_play(&fixture);
  push(&fixture, 1000);
  lines = stream_element_stat(fixture.element, "lines");
  lost = stream_element_stat(fixture.element, "lost");
  assert_equals_uint64(lines + lost, 1000);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), lines);
  fail_unless(lines > 50 && lines < 200, "%u lines in 20000 bytes", (guint)lines);
  g_usleep(300000);
  assert_equals_int(warnings(&fixture, "No space left"), 1);

  broker_start(&fixture.broker);
  broker_subscribe(&fixture.broker,
                   "driftcluster/door"); /* the pause before an attempt is longer */
  end_stream(&fixture);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 0);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), lost);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(absent_broker_delays_the_end_by_a_bounded_time)
{
  gint64 start;
  Fixture fixture;

  fixture_init(&fixture, "");
  g_object_set(fixture.element, "flush-timeout", GST_SECOND / 2, NULL);
  fixture_play(&fixture);
  push(&fixture, 100);
  start = g_get_monotonic_time();
  end_stream(&fixture);
  fail_unless(g_get_monotonic_time() - start > G_TIME_SPAN_SECOND * 4 / 10);
  fail_unless(g_get_monotonic_time() - start < 5 * G_TIME_SPAN_SECOND);
  assert_equals_int(warnings(&fixture, "Connection refused"), 1);
  fixture_stop(&fixture);
  assert_equals_int(warnings(&fixture, "100 cluster lines did not reach"), 1);
  assert_equals_uint64(stream_element_stat(fixture.element, "lost"), 100);
  assert_equals_uint64(stream_element_stat(fixture.element, "lines"), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

static gpointer
stop_soon(gpointer data)
{
  g_usleep(200000);
  gst_element_set_state(data, GST_STATE_NULL);
  return NULL;
}

/* A user who stops the pipeline does not wait for the time-out. */
GST_START_TEST(stopping_ends_the_wait_for_the_broker)
{
  gint64 start = g_get_monotonic_time();
  GThread *thread;
  Fixture fixture;

  fixture_init(&fixture, "");
  g_object_set(fixture.element, "flush-timeout", 3600 * GST_SECOND, NULL);
  fixture_play(&fixture);
  push(&fixture, 1);
  thread = g_thread_new("stop", stop_soon, fixture.element);
  gst_harness_push_event(fixture.harness, gst_event_new_eos());
  g_thread_join(thread);
  fail_unless(g_get_monotonic_time() - start < 20 * G_TIME_SPAN_SECOND);
  fixture_clear(&fixture);
}
GST_END_TEST

/* --- Logging in --- */

/* A configuration that lets in the user "camera" with the password "secret". */
static void
make_password_file(const Broker *broker)
{
  g_autofree gchar *path = broker_path(broker, "passwords");
  g_autofree gchar *command = g_strdup_printf(MOSQUITTO_PASSWD " -b -c %s camera secret", path);

  fail_unless(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
}

static gchar *
login_lines(const Broker *broker)
{
  return g_strdup_printf("allow_anonymous false\npassword_file %s/passwords", broker->folder);
}

GST_START_TEST(refused_login_is_said_and_the_right_one_works)
{
  g_autofree gchar *extra = NULL, *secret = NULL, *wrong = NULL;
  Fixture fixture;

  fixture_init(&fixture, "");
  make_password_file(&fixture.broker);
  fixture.broker.extra = extra = login_lines(&fixture.broker);
  broker_start(&fixture.broker);

  wrong = g_strdup_printf("mqtt://camera:guess@127.0.0.1:%u", fixture.broker.port);
  g_object_set(fixture.element, "broker", wrong, "flush-timeout", GST_SECOND, NULL);
  fixture_play(&fixture);
  push(&fixture, 3);
  end_stream(&fixture);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 3);
  assert_equals_int(warnings(&fixture, "not authorised"), 1);
  fixture_stop(&fixture);

  secret = broker_path(&fixture.broker, "secret");
  fail_unless(g_file_set_contents(secret, "secret\n", -1, NULL));
  g_free(wrong);
  wrong = broker_address(&fixture.broker);
  g_object_set(fixture.element, "broker", wrong, "user", "camera", "password-file", secret, NULL);
  fixture.pushed = 0;
  warnings(&fixture, "");
  fixture_play(&fixture);
  push(&fixture, 3);
  end_stream(&fixture);
  assert_equals_uint64(stream_element_stat(fixture.element, "queued"), 0);
  assert_equals_int(warnings(&fixture, ""), 0);
  fixture_clear(&fixture);
}
GST_END_TEST

GST_START_TEST(passwords_are_in_no_message)
{
  Fixture fixture;

  fixture_init(&fixture, "");
  g_object_set(fixture.element, "broker", "mqtt://camera:hidden@127.0.0.1:1", "flush-timeout",
               GST_SECOND / 5, NULL);
  fixture_play(&fixture);
  push(&fixture, 1);
  end_stream(&fixture);
  fixture_stop(&fixture);
  {
    GstMessage *message;
    guint count = 0;

    while ((message = gst_bus_pop(fixture.bus))) {
      count += warns_of(message, "camera@127.0.0.1") ? 1 : 0;
      fail_unless(!warns_of(message, "hidden"));
      gst_message_unref(message);
    }
    assert_equals_int(count, 2);
  }
  fixture_clear(&fixture);
}
GST_END_TEST

/* --- TLS --- */

#ifdef OPENSSL
/* A certificate for 127.0.0.1 that is its own authority, as NAME.pem and NAME.key. */
static void
make_certificate(const Broker *broker, const gchar *name)
{
  g_autofree gchar *command =
      g_strdup_printf(OPENSSL
                      " req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext "
                      "subjectAltName=IP:127.0.0.1 -keyout %s/%s.key -out %s/%s.pem",
                      broker->folder, name, broker->folder, name);
  gint status = -1;
  g_autofree gchar *complaint = NULL;

  fail_unless(g_spawn_command_line_sync(command, NULL, &complaint, &status, NULL));
  fail_unless(status == 0, "%s", complaint);
}

GST_START_TEST(tls_reaches_the_broker_that_is_trusted_and_no_other)
{
  g_autofree gchar *extra = NULL, *address = NULL;
  Fixture fixture;

  fixture_init(&fixture, "");
  make_certificate(&fixture.broker, "good");
  make_certificate(&fixture.broker, "other");
  fixture.broker.extra = extra =
      g_strdup_printf("allow_anonymous true\ncertfile %s/good.pem\nkeyfile %s/good.key",
                      fixture.broker.folder, fixture.broker.folder);
  broker_start(&fixture.broker);
  address = g_strdup_printf("mqtts://127.0.0.1:%u", fixture.broker.port);
  for (guint good = 0; good < 2; good++) {
    g_autofree gchar *ca_file = broker_path(&fixture.broker, good ? "good.pem" : "other.pem");

    g_object_set(fixture.element, "broker", address, "ca-file", ca_file, "flush-timeout",
                 (good ? 10 : 1) * GST_SECOND, NULL);
    fixture.pushed = 0;
    fixture_play(&fixture);
    push(&fixture, 10);
    end_stream(&fixture);
    assert_equals_uint64(stream_element_stat(fixture.element, "queued"), good ? 0 : 10);
    assert_equals_int(warnings(&fixture, "certificate verify failed"), good ? 0 : 1);
    fixture_stop(&fixture);
    warnings(&fixture, "");
  }
  fixture_clear(&fixture);
}
GST_END_TEST
#endif

/* --- Settings that cannot work --- */

/* The element does not start, and says `hint`. */
static void
assert_refused(Fixture *fixture, const gchar *hint)
{
  g_autoptr(GError) error = NULL;
  g_autofree gchar *debug = NULL;
  GstMessage *message;

  fail_unless(gst_element_set_state(fixture->element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE,
              "started instead of: %s", hint);
  message = gst_bus_pop_filtered(fixture->bus, GST_MESSAGE_ERROR);
  fail_unless(message != NULL, "no error: %s", hint);
  gst_message_parse_error(message, &error, &debug);
  fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
  fail_unless(strstr(debug, hint) != NULL, "%s", debug);
  gst_message_unref(message);
  gst_element_set_state(fixture->element, GST_STATE_NULL);
}

static void
assert_property_refused(Fixture *fixture, const gchar *property, const gchar *value,
                        const gchar *hint)
{
  g_autofree gchar *before = NULL;

  g_object_get(fixture->element, property, &before, NULL);
  g_object_set(fixture->element, property, value, NULL);
  assert_refused(fixture, hint);
  g_object_set(fixture->element, property, before, NULL);
}

GST_START_TEST(settings_that_cannot_work_are_refused)
{
  Fixture fixture;

  fixture_init(&fixture, "");
  assert_property_refused(&fixture, "broker", "nonsense", "write mqtt://HOST");
  assert_property_refused(&fixture, "broker", "http://host", "write mqtt://HOST");
  assert_property_refused(&fixture, "broker", "mqtt://", "no host");
  assert_property_refused(&fixture, "broker", "mqtt://host:99999", "write mqtt://HOST");
  assert_property_refused(&fixture, "broker", "mqtt://host/topic", "\"topic\"");
  assert_property_refused(&fixture, "broker", "mqtt://:secret@host", "no \"user\"");
  assert_property_refused(&fixture, "location", "out.jsonl", "two publish-clusters");
  assert_property_refused(&fixture, "topic", "", "must not be empty");
  assert_property_refused(&fixture, "topic", "all/#", "hold # or +");
  assert_property_refused(&fixture, "topic", "{door}/x", "{element}");
  assert_property_refused(&fixture, "status-topic", "+", "hold # or +");
  assert_property_refused(&fixture, "ca-file", "/none.pem", "mqtts://");
  assert_property_refused(&fixture, "password", "secret", "no \"user\"");
  assert_property_refused(&fixture, "password-file", "/none", "password-file");
  assert_property_refused(&fixture, "password-file", "/dev/null", "first line");
  g_object_set(fixture.element, "broker", "mqtts://host", NULL);
  assert_property_refused(&fixture, "ca-file", "/none.pem", "there is no file");
  g_object_set(fixture.element, "user", "camera", "password", "one", NULL);
  assert_property_refused(&fixture, "password-file", "/dev/null", "two passwords");
  fixture_clear(&fixture);
}
GST_END_TEST

/* The library is loaded by then, as it is for the next camera of a process. */
GST_START_TEST(shortage_of_descriptors_is_told)
{
  Fixture fixture;

  fixture_init(&fixture, "");
  fail_unless(gst_element_set_state(fixture.element, GST_STATE_PAUSED) == GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(fixture.element, GST_STATE_NULL);
  struct rlimit limit = descriptors_end();
  assert_refused(&fixture, "ulimit -n");
  setrlimit(RLIMIT_NOFILE, &limit);
  fixture_clear(&fixture);
}
GST_END_TEST

static Suite *
publish_mqtt_suite(void)
{
  Suite *suite = suite_create("publish-mqtt");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, lines_arrive_in_order_and_the_status_is_retained);
  tcase_add_test(cases, lines_may_go_out_without_acknowledgement);
  tcase_add_test(cases, killed_broker_costs_no_line);
  tcase_add_test(cases, broker_killed_in_the_middle_gets_all_lines);
  tcase_add_test(cases, broker_that_stands_still_delays_lines_but_no_video);
  tcase_add_test(cases, broker_that_comes_late_gets_what_the_queue_held);
  tcase_add_test(cases, absent_broker_delays_the_end_by_a_bounded_time);
  tcase_add_test(cases, stopping_ends_the_wait_for_the_broker);
  tcase_add_test(cases, refused_login_is_said_and_the_right_one_works);
  tcase_add_test(cases, passwords_are_in_no_message);
#ifdef OPENSSL
  tcase_add_test(cases, tls_reaches_the_broker_that_is_trusted_and_no_other);
#endif
  tcase_add_test(cases, shortage_of_descriptors_is_told);
  tcase_add_test(cases, settings_that_cannot_work_are_refused);
  return suite;
}

GST_CHECK_MAIN(publish_mqtt)
