/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_TESTS_BROKER_H
#define DC_TESTS_BROKER_H

#include <arpa/inet.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Where meson found them. */
#ifndef MOSQUITTO
#define MOSQUITTO     "mosquitto"
#define MOSQUITTO_SUB "mosquitto_sub"
#endif

/* A mosquitto of our own, on a port and in a folder of its own, and what a subscriber got from it.
 * The broker keeps the subscriber's session, so that nothing it has acknowledged is missed while it
 * is started anew. */
typedef struct {
  gchar *folder;
  guint port;
  const gchar *extra; /* lines of its configuration */
  GSubprocess *broker, *subscriber;
} Broker;

static inline gchar *
broker_path(const Broker *broker, const gchar *name)
{
  return g_build_filename(broker->folder, name, NULL);
}

/* A port that nobody listens on. */
static inline guint
free_port(void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  gint descriptor = socket(AF_INET, SOCK_STREAM, 0);

  fail_unless(bind(descriptor, (struct sockaddr *)&address, size) == 0);
  fail_unless(getsockname(descriptor, (struct sockaddr *)&address, &size) == 0);
  close(descriptor);
  return ntohs(address.sin_port);
}

static inline gboolean
broker_answers(const Broker *broker)
{
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((guint16)broker->port)};
  gint descriptor = socket(AF_INET, SOCK_STREAM, 0);
  gboolean answers = connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0;

  close(descriptor);
  return answers;
}

/* Waits until `condition` holds; fails the test when it never does. */
#define WAIT_UNTIL(condition)                                                                      \
  do {                                                                                             \
    gint64 end_ = g_get_monotonic_time() + 30 * G_TIME_SPAN_SECOND;                                \
    while (!(condition)) {                                                                         \
      fail_unless(g_get_monotonic_time() < end_, "never: %s", #condition);                         \
      g_usleep(10000);                                                                             \
    }                                                                                              \
  } while (0)

static inline void
broker_init(Broker *broker, const gchar *extra)
{
  *broker = (Broker){.folder = g_dir_make_tmp("broker-XXXXXX", NULL), .extra = extra};
  broker->port = free_port();
}

static inline void
broker_start(Broker *broker)
{
  g_autofree gchar *path = broker_path(broker, "mosquitto.conf");
  g_autofree gchar *text =
      g_strdup_printf("listener %u 127.0.0.1\nlog_dest none\nmax_queued_messages 0\n"
                      "persistence true\npersistence_location %s/\nautosave_interval 1\n"
                      "user root\n%s\n",
                      broker->port, broker->folder, broker->extra);

  fail_unless(g_file_set_contents(path, text, -1, NULL));
  broker->broker =
      g_subprocess_new(G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL, MOSQUITTO, "-c", path, NULL);
  fail_unless(broker->broker != NULL);
  WAIT_UNTIL(broker_answers(broker));
}

static inline void
broker_kill(Broker *broker)
{
  g_subprocess_force_exit(broker->broker);
  g_subprocess_wait(broker->broker, NULL, NULL);
  g_clear_object(&broker->broker);
}

static inline void
broker_continue(Broker *broker)
{
  g_subprocess_send_signal(broker->broker, SIGCONT);
}

/* The letter that the kernel gives the state of the broker's process: T when it stands still. */
static inline gchar
broker_process_state(const Broker *broker)
{
  g_autofree gchar *path =
      g_strdup_printf("/proc/%s/stat", g_subprocess_get_identifier(broker->broker));
  g_autofree gchar *text = NULL;

  fail_unless(g_file_get_contents(path, &text, NULL, NULL));
  return strrchr(text, ')')[2];
}

/* It may be doing something yet when the signal has been sent. */
static inline void
broker_stop(Broker *broker)
{
  g_subprocess_send_signal(broker->broker, SIGSTOP);
  WAIT_UNTIL(broker_process_state(broker) == 'T');
}

static inline gchar *
broker_address(const Broker *broker)
{
  return g_strdup_printf("mqtt://127.0.0.1:%u", broker->port);
}

/* Whether what the broker would know again after a crash holds `text`. */
static inline gboolean
broker_has_saved(const Broker *broker, const gchar *text)
{
  g_autofree gchar *path = broker_path(broker, "mosquitto.db");
  g_autofree gchar *saved = NULL;
  gsize size;

  if (!g_file_get_contents(path, &saved, &size, NULL))
    return FALSE;
  for (gsize i = 0; i + strlen(text) <= size; i++)
    if (memcmp(saved + i, text, strlen(text)) == 0)
      return TRUE;
  return FALSE;
}

/* Everything on `topic` goes to the file `received`, a line for each message. */
static inline void
broker_subscribe(Broker *broker, const gchar *topic)
{
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
  g_autofree gchar *port = g_strdup_printf("%u", broker->port);
  g_autofree gchar *path = broker_path(broker, "received");

  g_subprocess_launcher_set_stdout_file_path(launcher, path);
  broker->subscriber =
      g_subprocess_launcher_spawn(launcher, NULL, MOSQUITTO_SUB, "-h", "127.0.0.1", "-p", port,
                                  "-q", "1", "-c", "-i", "test", "-t", topic, NULL);
  fail_unless(broker->subscriber != NULL);
  /* It says nothing when it has subscribed. A broker that was killed before it saved the session
   * would not keep messages for it. */
  WAIT_UNTIL(broker_has_saved(broker, topic));
}

static inline gchar *
broker_received(const Broker *broker)
{
  g_autofree gchar *path = broker_path(broker, "received");
  gchar *text = NULL;

  fail_unless(g_file_get_contents(path, &text, NULL, NULL));
  return text;
}

/* The one message that is retained on `topic`. */
static inline gchar *
broker_retained(const Broker *broker, const gchar *topic)
{
  g_autofree gchar *port = g_strdup_printf("%u", broker->port);
  g_autoptr(GSubprocess) process =
      g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, NULL, MOSQUITTO_SUB, "-h", "127.0.0.1", "-p",
                       port, "-C", "1", "-W", "10", "-t", topic, NULL);
  gchar *text = NULL;

  fail_unless(g_subprocess_communicate_utf8(process, NULL, NULL, &text, NULL, NULL));
  return g_strchomp(text);
}

static inline void
broker_clear(Broker *broker)
{
  const gchar *name;
  GDir *entries;

  if (broker->subscriber) {
    g_subprocess_force_exit(broker->subscriber);
    g_subprocess_wait(broker->subscriber, NULL, NULL);
    g_clear_object(&broker->subscriber);
  }
  if (broker->broker)
    broker_kill(broker);
  entries = g_dir_open(broker->folder, 0, NULL);
  while ((name = g_dir_read_name(entries))) {
    g_autofree gchar *path = broker_path(broker, name);

    g_unlink(path);
  }
  g_dir_close(entries);
  fail_unless(g_rmdir(broker->folder) == 0);
  g_free(broker->folder);
}

#endif
