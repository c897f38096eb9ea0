/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands that gallery-sink takes at the socket in its folder. */
#define _DEFAULT_SOURCE /* O_DIRECTORY */
#include "gallery.h"

#include "common/cluster-command.h"
#include "common/gallery-edits.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

GST_PLUGIN_STATIC_DECLARE(driftcluster);

static gchar *
socket_path(const Gallery *gallery)
{
  return g_build_filename(gallery->location, DC_GALLERY_SOCKET, NULL);
}

/* A connection, by the descriptor of the folder since its name may be long; -1: nobody listens. */
static int
call(const Gallery *gallery)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int folder = open(gallery->location, O_RDONLY | O_DIRECTORY);
  int connection = socket(AF_UNIX, SOCK_STREAM, 0);

  g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder,
             DC_GALLERY_SOCKET);
  if (connect(connection, (const struct sockaddr *)&address, sizeof address) != 0) {
    close(connection);
    connection = -1;
  }
  close(folder);
  return connection;
}

/* What is answered to these bytes, without its end of line; "" when the connection just ends. */
static gchar *
ask_bytes(const Gallery *gallery, const void *bytes, gsize size)
{
  int connection = call(gallery);
  GString *answer = g_string_new(NULL);
  gchar part[512];
  gssize got;

  fail_unless(connection >= 0, "nobody listens");
  for (gsize sent = 0; sent < size;) {
    gssize now = send(connection, (const gchar *)bytes + sent, size - sent, MSG_NOSIGNAL);

    if (now <= 0)
      break;
    sent += (gsize)now;
  }
  while ((got = recv(connection, part, sizeof part, 0)) > 0)
    g_string_append_len(answer, part, got);
  close(connection);
  return g_strchomp(g_string_free(answer, FALSE));
}

static void
assert_answer(const Gallery *gallery, const gchar *line, const gchar *expected)
{
  g_autofree gchar *answer = ask_bytes(gallery, line, strlen(line));

  fail_unless(strstr(answer, expected) == answer, "%s: %s", line, answer);
}

static void
play(Gallery *gallery)
{
  gallery_prepare(gallery);
  g_object_set(gallery->element, "edits", TRUE, NULL);
  gallery_play(gallery);
}

/* The command that went up the stream; others that the sink sends there are left out. */
static GstEvent *
pull_command(Gallery *gallery)
{
  GstEvent *event;

  while ((event = gst_harness_try_pull_upstream_event(gallery->harness))) {
    if (dc_event_is_cluster_command(event))
      return event;
    gst_event_unref(event);
  }
  return NULL;
}

GST_START_TEST(commands_go_up_the_stream)
{
  g_autofree gchar *path = NULL;
  g_autoptr(GstEvent) event = NULL;
  DcClusterCommand command;
  struct stat info;
  Gallery gallery;

  play(&gallery);
  path = socket_path(&gallery);
  fail_unless(stat(path, &info) == 0);
  assert_equals_int(info.st_mode & 0777, 0600);
  assert_answer(&gallery,
                "driftcluster-command, command=rename-cluster, cluster=\"cluster-2\", "
                "label=\"a \\\"van\\\"\", on=(boolean)false, stranger=(int)7;\n",
                DC_GALLERY_DONE);
  event = pull_command(&gallery);
  fail_unless(event != NULL);
  fail_unless(dc_cluster_command_read(event, &command, NULL) == DC_OK);
  assert_equals_int(command.kind, DC_RENAME_CLUSTER);
  assert_equals_string(command.cluster, "cluster-2");
  assert_equals_string(command.label, "a \"van\"");
  fail_unless(!command.on && !command.other);
  fail_unless(!gst_structure_has_field(gst_event_get_structure(event), "stranger"));
  assert_equals_uint64(gallery_stat(&gallery, "edits"), 1);
  gallery_stop(&gallery);
  fail_if(g_file_test(path, G_FILE_TEST_EXISTS));
  assert_equals_int(call(&gallery), -1);
  gallery_clear(&gallery);
}
GST_END_TEST

/* An upstream that knows the reason. */
static gboolean
refuse_command(GstPad *pad, GstObject *parent, GstEvent *event)
{
  (void)pad, (void)parent;
  if (dc_event_is_cluster_command(event))
    dc_cluster_command_refuse(event, "no cluster is\ncalled so");
  gst_event_unref(event);
  return FALSE;
}

static gboolean
refuse_silently(GstPad *pad, GstObject *parent, GstEvent *event)
{
  (void)pad, (void)parent;
  gst_event_unref(event);
  return FALSE;
}

GST_START_TEST(why_a_command_was_refused_is_answered)
{
  const gchar *line = "driftcluster-command, command=split-cluster, cluster=x;\n";
  Gallery gallery;

  play(&gallery);
  gst_pad_set_event_function(gallery.harness->srcpad, refuse_command);
  assert_answer(&gallery, line, "no cluster is called so");
  gst_pad_set_event_function(gallery.harness->srcpad, refuse_silently);
  assert_answer(&gallery, line, "no element upstream");
  assert_equals_uint64(gallery_stat(&gallery, "edits"), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

/* By what keeps the clusters itself. */
GST_START_TEST(adapt_centroids_tells_why)
{
  GstElement *element = gst_element_factory_make("adapt-centroids", NULL);
  GstHarness *harness = gst_harness_new_with_element(element, "sink", "src");
  GstEvent *event =
      gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                           gst_structure_new(DC_CLUSTER_COMMAND_NAME, "command", G_TYPE_STRING,
                                             "rename-cluster", "cluster", G_TYPE_STRING, "none",
                                             "label", G_TYPE_STRING, "some", NULL));

  gst_harness_set_src_caps_str(harness, GALLERY_CAPS);
  fail_if(gst_pad_push_event(harness->sinkpad, gst_event_ref(event)));
  fail_unless(dc_cluster_command_reason(event) != NULL);
  gst_event_unref(event);
  event = gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                               gst_structure_new(DC_CLUSTER_COMMAND_NAME, "command", G_TYPE_STRING,
                                                 "dance", NULL));
  fail_if(gst_pad_push_event(harness->sinkpad, gst_event_ref(event)));
  fail_unless(strstr(dc_cluster_command_reason(event), "dance") != NULL);
  gst_event_unref(event);
  gst_harness_teardown(harness);
  gst_object_unref(element);
}
GST_END_TEST

GST_START_TEST(what_is_no_command_goes_nowhere)
{
  static const gchar *const lines[] = {"\n",
                                       "rename it, please\n",
                                       "\"\\\n",
                                       "driftcluster-command\n",
                                       "other-command, command=rename-cluster;\n",
                                       "driftcluster-command, command=(int\n",
                                       "driftcluster-command, \xff\xfe;\n",
                                       "a, b=(structure)[c];\n"};
  g_autofree gchar *endless = g_strnfill(3 * DC_GALLERY_MOST_EDIT, 'x');
  Gallery gallery;

  play(&gallery);
  gst_pad_set_event_function(gallery.harness->srcpad, refuse_silently);
  for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
    g_autofree gchar *answer = ask_bytes(&gallery, lines[i], strlen(lines[i]));

    fail_if(strcmp(answer, DC_GALLERY_DONE) == 0, "%s", lines[i]);
  }
  {
    g_autofree gchar *answer = ask_bytes(&gallery, endless, strlen(endless));

    assert_equals_string(answer, "");
  }
  /* A zero byte ends the text, not the line. */
  {
    static const gchar zero[] = "driftcluster-command, command=split-cluster\0, cluster=x;\n";
    g_autofree gchar *answer = ask_bytes(&gallery, zero, sizeof zero - 1);

    fail_if(strcmp(answer, DC_GALLERY_DONE) == 0);
  }
  assert_equals_uint64(gallery_stat(&gallery, "edits"), 0);
  gallery_clear(&gallery);
}
GST_END_TEST

/* One client that is silent, and one that breaks off, hold up neither others nor the end. */
GST_START_TEST(clients_that_hang_hold_up_nothing)
{
  Gallery gallery;
  int silent, broken;

  play(&gallery);
  broken = call(&gallery);
  fail_unless(send(broken, "drift", 5, MSG_NOSIGNAL) == 5);
  close(broken);
  silent = call(&gallery);
  fail_unless(silent >= 0);
  assert_answer(&gallery, "driftcluster-command, command=split-cluster, cluster=x;\n",
                DC_GALLERY_DONE);
  close(silent);
  silent = call(&gallery);
  gallery_stop(&gallery);
  close(silent);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(a_folder_of_a_long_name_has_a_socket)
{
  g_autofree gchar *name = g_strnfill(200, 'n');
  Gallery gallery;

  gallery_prepare(&gallery);
  g_free(gallery.location);
  gallery.location = g_build_filename(gallery.folder, name, NULL);
  g_object_set(gallery.element, "location", gallery.location, "edits", TRUE, NULL);
  gallery_play(&gallery);
  assert_answer(&gallery, "driftcluster-command, command=split-cluster, cluster=x;\n",
                DC_GALLERY_DONE);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(the_socket_of_one_that_was_killed_is_replaced)
{
  g_autofree gchar *path = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_stop(&gallery);
  path = socket_path(&gallery);
  fail_unless(g_file_set_contents(path, "left", -1, NULL));
  g_object_set(gallery.element, "edits", TRUE, NULL);
  gallery_play(&gallery);
  assert_answer(&gallery, "driftcluster-command, command=split-cluster, cluster=x;\n",
                DC_GALLERY_DONE);
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(without_edits_there_is_no_socket)
{
  g_autoptr(JsonNode) data = NULL;
  g_autofree gchar *path = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  path = socket_path(&gallery);
  gallery_wait(&gallery, "pages", 1);
  fail_if(g_file_test(path, G_FILE_TEST_EXISTS));
  data = gallery_data(&gallery);
  fail_if(json_object_get_boolean_member(json_node_get_object(data), "edits"));
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(the_page_knows_that_edits_are_taken_until_the_end)
{
  g_autoptr(JsonNode) data = NULL, last = NULL;
  Gallery gallery;

  play(&gallery);
  gallery_wait(&gallery, "pages", 1);
  data = gallery_data(&gallery);
  fail_unless(json_object_get_boolean_member(json_node_get_object(data), "edits"));
  gallery_end(&gallery);
  last = gallery_data(&gallery);
  fail_if(json_object_get_boolean_member(json_node_get_object(last), "edits"));
  gallery_clear(&gallery);
}
GST_END_TEST

GST_START_TEST(a_socket_that_cannot_be_made_is_an_error)
{
  g_autofree gchar *path = NULL;
  Gallery gallery;

  gallery_prepare(&gallery);
  gallery_play(&gallery);
  gallery_stop(&gallery);
  path = socket_path(&gallery);
  fail_unless(g_mkdir(path, 0777) == 0);
  g_object_set(gallery.element, "edits", TRUE, NULL);
  assert_equals_int(gst_element_set_state(gallery.element, GST_STATE_PAUSED),
                    GST_STATE_CHANGE_FAILURE);
  assert_equals_int(gallery_messages(&gallery, GST_MESSAGE_ERROR), 1);
  /* Nothing is held: without edits it goes. */
  gst_element_set_state(gallery.element, GST_STATE_READY);
  g_object_set(gallery.element, "edits", FALSE, NULL);
  fail_if(gst_element_set_state(gallery.element, GST_STATE_PAUSED) == GST_STATE_CHANGE_FAILURE);
  gallery_clear(&gallery);
}
GST_END_TEST

static Suite *
gallery_edits_suite(void)
{
  Suite *suite = suite_create("gallery-edits");
  TCase *cases = tcase_create("general");

  GST_PLUGIN_STATIC_REGISTER(driftcluster);
  suite_add_tcase(suite, cases);
  tcase_add_test(cases, commands_go_up_the_stream);
  tcase_add_test(cases, why_a_command_was_refused_is_answered);
  tcase_add_test(cases, adapt_centroids_tells_why);
  tcase_add_test(cases, what_is_no_command_goes_nowhere);
  tcase_add_test(cases, clients_that_hang_hold_up_nothing);
  tcase_add_test(cases, a_folder_of_a_long_name_has_a_socket);
  tcase_add_test(cases, the_socket_of_one_that_was_killed_is_replaced);
  tcase_add_test(cases, without_edits_there_is_no_socket);
  tcase_add_test(cases, the_page_knows_that_edits_are_taken_until_the_end);
  tcase_add_test(cases, a_socket_that_cannot_be_made_is_an_error);
  return suite;
}

GST_CHECK_MAIN(gallery_edits)
