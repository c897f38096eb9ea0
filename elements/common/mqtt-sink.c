/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _POSIX_C_SOURCE 200809L
#include "common/mqtt-sink.h"

#include "base/outbox.h"
#include "common/mqtt-library.h"

#include <errno.h>
#include <gio/gio.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#define WINDOW          64                        /* messages in flight at most */
#define KEEPALIVE       10                        /* seconds; a broker silent for longer is away */
#define CONNECT_TIMEOUT (10 * G_TIME_SPAN_SECOND) /* until the broker has let us in */
#define FIRST_PAUSE     (200 * G_TIME_SPAN_MILLISECOND)
#define LONGEST_PAUSE   (30 * G_TIME_SPAN_SECOND)
#define TICK            1000 /* ms; how often libmosquitto looks after its keepalive */
#define FAREWELL        G_TIME_SPAN_SECOND /* for the last lines when the sink is closed */
#define LONGEST_MESSAGE 268435455          /* bytes, of the protocol */
#define SYSTEM_CAS      "/etc/ssl/certs"

/* What can be reported. */
typedef enum { DC_MQTT_NOTHING, DC_MQTT_REACHED, DC_MQTT_AWAY, DC_MQTT_REFUSED } DcMqttNews;

typedef struct {
  DcLineSink parent;
  gint ref_count; /* of the owner and of the thread */
  const DcMqttLibrary *library;
  DcBroker *broker;
  DcOutbox *outbox;
  DcBrokerReport report;
  gpointer user_data;
  GDestroyNotify destroy;
  atomic_bool quit;

  GThread *thread;
  GMutex lock;
  GCond changed;      /* quit or has_ended */
  gboolean has_ended; /* under the lock */

  /* Of the thread. */
  struct mosquitto *client; /* of the present connection */
  gboolean opened;          /* its socket was ready for writing once */
  gboolean welcome;         /* the broker has let us in */
  gchar *problem;           /* why it has not, or no longer; NULL: not known */
  gboolean refused;         /* the broker is there, but does not take us */
  DcMqttNews told;          /* what was reported last */
  gint64 pause;             /* before the next attempt */
  gint64 end;               /* monotonic time at which to stop, once quitting; 0: not yet */
} DcMqttSink;

static void
dc_mqtt_sink_unref(DcMqttSink *sink)
{
  if (!g_atomic_int_dec_and_test(&sink->ref_count))
    return;
  dc_outbox_free(sink->outbox);
  dc_broker_free(sink->broker);
  if (sink->destroy)
    sink->destroy(sink->user_data);
  g_mutex_clear(&sink->lock);
  g_cond_clear(&sink->changed);
  g_free(sink->problem);
  g_free(sink);
}

/* --- what the thread tells and hears --- */

static void
tell_reached(DcMqttSink *sink)
{
  sink->told = DC_MQTT_REACHED;
  sink->pause = FIRST_PAUSE;
  sink->report(sink->user_data, NULL);
}

/* Once for each outage, and again when it turns out that the broker is there but refuses. */
static void
tell_away(DcMqttSink *sink)
{
  DcMqttNews news = sink->refused ? DC_MQTT_REFUSED : DC_MQTT_AWAY;

  if (news == sink->told || atomic_load(&sink->quit))
    return;
  sink->told = news;
  sink->report(sink->user_data, sink->problem);
}

static void
note_problem(DcMqttSink *sink, const gchar *text)
{
  g_free(sink->problem);
  sink->problem = g_strdup(text);
}

static void
publish_status(DcMqttSink *sink, const gchar *status)
{
  if (sink->broker->status_topic)
    sink->library->publish(sink->client, NULL, sink->broker->status_topic, (int)strlen(status),
                           status, DC_DELIVERY_AT_LEAST_ONCE, true);
}

static void
on_connect(struct mosquitto *client, void *data, int code)
{
  DcMqttSink *sink = data;

  (void)client;
  sink->welcome = code == 0;
  if (code != 0) {
    sink->refused = TRUE;
    note_problem(sink, sink->library->connack_string(code));
    return;
  }
  tell_reached(sink);
  publish_status(sink, "online");
}

static void
on_publish(struct mosquitto *client, void *data, int id)
{
  DcMqttSink *sink = data;

  (void)client;
  dc_outbox_acknowledge(sink->outbox, id);
}

/* What TLS complains about is told nowhere else. */
static void
on_log(struct mosquitto *client, void *data, int level, const char *text)
{
  DcMqttSink *sink = data;

  (void)client;
  if (level != MOSQ_LOG_ERR)
    return;
  sink->refused = TRUE;
  note_problem(sink, text);
}

/* --- a client --- */

static int
set_trust(DcMqttSink *sink)
{
  const DcBroker *broker = sink->broker;

  if (!broker->tls)
    return MOSQ_ERR_SUCCESS;
  return sink->library->tls_set(sink->client, broker->ca_file, broker->ca_file ? NULL : SYSTEM_CAS,
                                NULL, NULL, NULL);
}

static int
set_will(DcMqttSink *sink)
{
  static const gchar will[] = "offline";

  if (!sink->broker->status_topic)
    return MOSQ_ERR_SUCCESS;
  return sink->library->will_set(sink->client, sink->broker->status_topic, (int)strlen(will), will,
                                 DC_DELIVERY_AT_LEAST_ONCE, true);
}

static gboolean
make_client(DcMqttSink *sink, GError **error)
{
  const DcMqttLibrary *library = sink->library;
  int code = MOSQ_ERR_NOMEM;

  sink->client = library->new (NULL, true, sink);
  if (sink->client)
    code = library->username_pw_set(sink->client, sink->broker->user, sink->broker->password);
  if (code == MOSQ_ERR_SUCCESS)
    code = set_trust(sink);
  if (code == MOSQ_ERR_SUCCESS)
    code = set_will(sink);
  if (code != MOSQ_ERR_SUCCESS) {
    if (sink->client)
      library->destroy(sink->client);
    sink->client = NULL;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "libmosquitto does not take the settings: %s",
                library->strerror(code));
    return FALSE;
  }
  library->max_inflight_messages_set(sink->client, WINDOW);
  library->int_option(sink->client, MOSQ_OPT_TCP_NODELAY, 1);
  library->connect_callback_set(sink->client, on_connect);
  library->publish_callback_set(sink->client, on_publish);
  library->log_callback_set(sink->client, on_log);
  return TRUE;
}

/* --- a connection --- */

/* Finds a reason for the failure `code` where there is none yet. */
static void
explain(DcMqttSink *sink, int code)
{
  int number = errno, socket = sink->library->socket(sink->client), problem = 0;
  socklen_t size = sizeof problem;

  if (sink->problem)
    return;
  if (socket >= 0 && getsockopt(socket, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem)
    note_problem(sink, g_strerror(problem));
  else if (code == MOSQ_ERR_ERRNO && number)
    note_problem(sink, g_strerror(number));
  else
    note_problem(sink, sink->library->strerror(code));
}

/* Hands over what the window has room for. */
static int
send_waiting(DcMqttSink *sink)
{
  int code = MOSQ_ERR_SUCCESS;

  while (sink->welcome && code == MOSQ_ERR_SUCCESS && dc_outbox_in_flight(sink->outbox) < WINDOW) {
    DcOutboxMessage *message = dc_outbox_take(sink->outbox);

    if (!message)
      break;
    /* The tag is written before it is sent; the message may be gone when this returns. */
    code = sink->library->publish(sink->client, &message->tag, sink->broker->topic,
                                  (int)message->length, message->data, (int)sink->broker->delivery,
                                  false);
  }
  return code;
}

/* Waits for the socket, for news in the outbox, or for the next tick; returns what the socket is
 * ready for. */
static short
wait_for_work(DcMqttSink *sink)
{
  gboolean writes = !sink->opened || sink->library->want_write(sink->client);
  struct pollfd entries[] = {
      {.fd = sink->library->socket(sink->client),
       .events = (short)(POLLIN | (writes ? POLLOUT : 0))},
      {.fd = dc_outbox_descriptor(sink->outbox), .events = POLLIN},
  };

  if (poll(entries, G_N_ELEMENTS(entries), sink->end ? 50 : TICK) < 0)
    return 0;
  if (entries[1].revents)
    dc_outbox_rest(sink->outbox);
  return entries[0].revents;
}

/* One round of sending and receiving. */
static int
serve(DcMqttSink *sink)
{
  int code = send_waiting(sink);
  short ready;

  if (code != MOSQ_ERR_SUCCESS)
    return code;
  if (sink->library->socket(sink->client) < 0)
    return MOSQ_ERR_CONN_LOST;
  ready = wait_for_work(sink);
  if (ready & POLLOUT) {
    sink->opened = TRUE;
    code = sink->library->loop_write(sink->client, 1);
  }
  /* Whatever poll() says: what TLS has decrypted no longer is in the socket. */
  if (code == MOSQ_ERR_SUCCESS && sink->opened)
    code = sink->library->loop_read(sink->client, 1);
  return code == MOSQ_ERR_SUCCESS ? sink->library->loop_misc(sink->client) : code;
}

/* Whether the thread is to end; the last lines get a moment when the broker is there. */
static gboolean
is_over(DcMqttSink *sink)
{
  if (!atomic_load(&sink->quit))
    return FALSE;
  if (!sink->end)
    sink->end = g_get_monotonic_time() + FAREWELL;
  return !sink->welcome || dc_outbox_count(sink->outbox) == 0 ||
         g_get_monotonic_time() >= sink->end;
}

/* Leaves in order: with the status that the broker would else give as our last will. */
static void
say_goodbye(DcMqttSink *sink)
{
  publish_status(sink, "offline");
  sink->library->disconnect(sink->client);
  for (gint i = 0; i < 10 && sink->library->socket(sink->client) >= 0; i++) {
    sink->library->loop_write(sink->client, 10);
    sink->library->loop_misc(sink->client);
  }
}

/* Serves until the connection breaks (an error) or all is over. */
static int
serve_until_end(DcMqttSink *sink)
{
  gint64 limit = g_get_monotonic_time() + CONNECT_TIMEOUT;
  int code = MOSQ_ERR_SUCCESS;

  while (code == MOSQ_ERR_SUCCESS && !is_over(sink)) {
    code = serve(sink);
    if (code == MOSQ_ERR_SUCCESS && !sink->welcome && g_get_monotonic_time() > limit)
      code = MOSQ_ERR_KEEPALIVE;
  }
  return code;
}

/* One connection, with a client of its own: what it has not seen acknowledged, the next one sends
 * again. So the outbox alone knows what is still to be done. */
static void
run_connection(DcMqttSink *sink)
{
  g_autoptr(GError) error = NULL;
  int code;

  g_clear_pointer(&sink->problem, g_free);
  sink->opened = sink->welcome = sink->refused = FALSE;
  if (!make_client(sink, &error)) {
    note_problem(sink, error->message);
    tell_away(sink);
    return;
  }
  code = sink->library->connect_async(sink->client, sink->broker->host, (int)sink->broker->port,
                                      KEEPALIVE);
  if (code == MOSQ_ERR_SUCCESS)
    code = serve_until_end(sink);
  if (code == MOSQ_ERR_SUCCESS && sink->welcome)
    say_goodbye(sink);
  if (code != MOSQ_ERR_SUCCESS) {
    explain(sink, code);
    tell_away(sink);
  }
  g_clear_pointer(&sink->client, sink->library->destroy);
  dc_outbox_rewind(sink->outbox);
}

/* A pause that only the end cuts short. */
static void
rest(DcMqttSink *sink)
{
  gint64 end = g_get_monotonic_time() + sink->pause;

  sink->pause = MIN(2 * sink->pause, LONGEST_PAUSE);
  g_mutex_lock(&sink->lock);
  while (!atomic_load(&sink->quit) && g_cond_wait_until(&sink->changed, &sink->lock, end))
    ;
  g_mutex_unlock(&sink->lock);
}

static gpointer
run(gpointer data)
{
  DcMqttSink *sink = data;

  while (!atomic_load(&sink->quit)) {
    run_connection(sink);
    rest(sink);
  }
  g_mutex_lock(&sink->lock);
  sink->has_ended = TRUE;
  g_cond_broadcast(&sink->changed);
  g_mutex_unlock(&sink->lock);
  dc_mqtt_sink_unref(sink);
  return NULL;
}

/* --- the sink --- */

static gboolean
dc_mqtt_sink_write(DcLineSink *parent, const gchar *line, gsize length, GstClockTime stream_time,
                   GError **error)
{
  DcMqttSink *sink = (DcMqttSink *)parent;

  (void)stream_time;
  if (length <= LONGEST_MESSAGE && dc_outbox_put(sink->outbox, line, length - 1))
    return TRUE;
  g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC,
              "%" G_GUINT64_FORMAT " lines wait for the broker already",
              (guint64)dc_outbox_count(sink->outbox));
  return FALSE;
}

static void
dc_mqtt_sink_interrupt(DcLineSink *parent, gboolean interrupt)
{
  dc_outbox_interrupt(((DcMqttSink *)parent)->outbox, interrupt);
}

static guint64
dc_mqtt_sink_queued(DcLineSink *parent)
{
  return dc_outbox_count(((DcMqttSink *)parent)->outbox);
}

static void
dc_mqtt_sink_flush(DcLineSink *parent)
{
  DcMqttSink *sink = (DcMqttSink *)parent;
  guint64 milliseconds = sink->broker->flush_timeout / GST_MSECOND;

  dc_outbox_wait(sink->outbox, (unsigned)MIN(milliseconds, G_MAXINT32));
}

/* The thread may hang in a name server: it is not waited for without end, and frees what is left
 * when it comes back. */
static guint64
dc_mqtt_sink_close(DcLineSink *parent)
{
  DcMqttSink *sink = (DcMqttSink *)parent;
  gint64 limit = g_get_monotonic_time() + 2 * FAREWELL;
  gboolean has_ended;
  guint64 left;

  g_mutex_lock(&sink->lock);
  atomic_store(&sink->quit, true);
  dc_outbox_wake(sink->outbox);
  g_cond_broadcast(&sink->changed);
  while (!sink->has_ended && g_cond_wait_until(&sink->changed, &sink->lock, limit))
    ;
  has_ended = sink->has_ended;
  g_mutex_unlock(&sink->lock);
  left = dc_outbox_count(sink->outbox);
  if (has_ended)
    g_thread_join(sink->thread);
  else
    g_thread_unref(sink->thread);
  dc_mqtt_sink_unref(sink);
  return left;
}

static const DcLineSinkClass dc_mqtt_sink_class = {
    .write = dc_mqtt_sink_write,
    .interrupt = dc_mqtt_sink_interrupt,
    .queued = dc_mqtt_sink_queued,
    .flush = dc_mqtt_sink_flush,
    .close = dc_mqtt_sink_close,
};

/* --- opening --- */

static gboolean
make_outbox(DcMqttSink *sink, GError **error)
{
  sink->outbox = dc_outbox_new(sink->broker->queue_size);
  if (!sink->outbox)
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES, DC_NO_DESCRIPTORS);
  return sink->outbox != NULL;
}

DcLineSink *
dc_mqtt_sink_open(DcBroker *broker, DcBrokerReport report, gpointer user_data,
                  GDestroyNotify destroy, GError **error)
{
  DcMqttSink *sink = g_new0(DcMqttSink, 1);

  sink->parent.class = &dc_mqtt_sink_class;
  sink->ref_count = 1;
  sink->broker = broker;
  sink->report = report;
  sink->user_data = user_data;
  sink->destroy = destroy;
  sink->pause = FIRST_PAUSE;
  g_mutex_init(&sink->lock);
  g_cond_init(&sink->changed);
  sink->library = dc_mqtt_library(error);
  if (!sink->library || !make_outbox(sink, error) || !make_client(sink, error)) {
    dc_mqtt_sink_unref(sink);
    return NULL;
  }
  g_clear_pointer(&sink->client, sink->library->destroy); /* it was a trial */
  g_atomic_int_inc(&sink->ref_count);
  sink->thread = g_thread_new("mqtt", run, sink);
  return &sink->parent;
}
