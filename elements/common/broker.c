/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/broker.h"

#include <gio/gio.h>
#include <string.h>

#define MQTT_PORT     1883
#define MQTTS_PORT    8883
#define LONGEST_TOPIC 65535 /* bytes, of the protocol */
#define MOST_PASSWORD 65535
#define URI_FLAGS     (G_URI_FLAGS_HAS_PASSWORD | G_URI_FLAGS_PARSE_RELAXED)
#define EXAMPLE       "write mqtt://HOST or mqtts://HOST, with :PORT if it is an unusual one"
#define TOPIC_PLACES  "{host} and {element}"

GType
dc_delivery_get_type(void)
{
  static const GEnumValue values[] = {
      {DC_DELIVERY_AT_MOST_ONCE, "Sent once, acknowledged by nobody", "at-most-once"},
      {DC_DELIVERY_AT_LEAST_ONCE, "Sent until the broker acknowledges it", "at-least-once"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstPublishClustersDelivery", values));
  return type;
}

static gboolean
is_set(const gchar *text)
{
  return text && *text;
}

static gchar *
dup_set(const gchar *text)
{
  return is_set(text) ? g_strdup(text) : NULL;
}

static gboolean G_GNUC_PRINTF(2, 3) refuse(GError **error, const gchar *format, ...)
{
  va_list arguments;

  va_start(arguments, format);
  g_propagate_error(error,
                    g_error_new_valist(G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, format, arguments));
  va_end(arguments);
  return FALSE;
}

/* --- address --- */

gchar *
dc_broker_name(const gchar *address)
{
  g_autoptr(GUri) uri = g_uri_parse(address, URI_FLAGS, NULL);

  return uri ? g_uri_to_string_partial(uri, G_URI_HIDE_PASSWORD) : g_strdup("broker");
}

static gboolean
take_address(DcBroker *broker, const DcBrokerWish *wish, GError **error)
{
  g_autoptr(GUri) uri = g_uri_parse(wish->address, URI_FLAGS, NULL);
  const gchar *scheme = uri ? g_uri_get_scheme(uri) : "";
  const gchar *path = uri ? g_uri_get_path(uri) : "";

  broker->tls = g_str_equal(scheme, "mqtts");
  if (!broker->tls && !g_str_equal(scheme, "mqtt"))
    return refuse(error, "that is no address of a broker; " EXAMPLE);
  if (!is_set(g_uri_get_host(uri)))
    return refuse(error, "the address has no host; " EXAMPLE);
  if (!g_str_equal(path, "") && !g_str_equal(path, "/"))
    return refuse(error, "the address has a path; a topic belongs into the property \"topic\"");
  broker->host = g_strdup(g_uri_get_host(uri));
  broker->port =
      g_uri_get_port(uri) > 0 ? (guint)g_uri_get_port(uri) : (broker->tls ? MQTTS_PORT : MQTT_PORT);
  broker->user = dup_set(is_set(wish->user) ? wish->user : g_uri_get_user(uri));
  broker->password = dup_set(is_set(wish->password) ? wish->password : g_uri_get_password(uri));
  return TRUE;
}

/* --- secrets --- */

/* The first line of the file, which keeps the password out of command lines and process lists. */
static gboolean
read_password(DcBroker *broker, const DcBrokerWish *wish, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autofree gchar *text = NULL;

  if (!is_set(wish->password_file))
    return TRUE;
  if (broker->password)
    return refuse(error, "there are two passwords; leave \"password\" and the one in the address "
                         "out where \"password-file\" is set");
  if (!g_file_get_contents(wish->password_file, &text, NULL, &problem))
    return refuse(error, "password-file: %s", problem->message);
  text[strcspn(text, "\r\n")] = 0;
  if (!*text || strlen(text) > MOST_PASSWORD)
    return refuse(error, "%s: its first line is to be the password", wish->password_file);
  broker->password = g_steal_pointer(&text);
  return TRUE;
}

static gboolean
check_trust(DcBroker *broker, const DcBrokerWish *wish, GError **error)
{
  if (broker->password && !broker->user)
    return refuse(error, "there is a password, but no \"user\"");
  if (!is_set(wish->ca_file))
    return TRUE;
  if (!broker->tls)
    return refuse(error, "\"ca-file\" has no use without TLS; write mqtts:// for mqtt://");
  if (!g_file_test(wish->ca_file, G_FILE_TEST_IS_REGULAR))
    return refuse(error, "ca-file: there is no file %s", wish->ca_file);
  broker->ca_file = g_strdup(wish->ca_file);
  return TRUE;
}

/* --- topics --- */

/* A topic with its names filled in, or NULL when it cannot be published to. */
static gchar *
fill_topic(const gchar *topic, const DcBrokerWish *wish, GError **error)
{
  g_autoptr(GString) text = g_string_new(topic);

  g_string_replace(text, "{host}", g_get_host_name(), 0);
  g_string_replace(text, "{element}", wish->element, 0);
  if (!g_utf8_validate(text->str, -1, NULL) || strpbrk(text->str, "#+") || *text->str == '$' ||
      text->len > LONGEST_TOPIC || text->len == 0) {
    refuse(error,
           "nobody can publish to the topic \"%s\": it must not be empty, begin with $ or hold # "
           "or +",
           topic);
    return NULL;
  }
  if (strpbrk(text->str, "{}")) {
    refuse(error, "the topic \"%s\" holds braces; there are " TOPIC_PLACES, topic);
    return NULL;
  }
  return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean
take_topics(DcBroker *broker, const DcBrokerWish *wish, GError **error)
{
  broker->topic = fill_topic(wish->topic ? wish->topic : "", wish, error);
  if (!broker->topic)
    return FALSE;
  if (!is_set(wish->status_topic))
    return TRUE;
  broker->status_topic = fill_topic(wish->status_topic, wish, error);
  return broker->status_topic != NULL;
}

/* --- the broker --- */

DcBroker *
dc_broker_new(const DcBrokerWish *wish, GError **error)
{
  g_autoptr(DcBroker) broker = g_new0(DcBroker, 1);

  broker->name = dc_broker_name(wish->address);
  broker->delivery = wish->delivery;
  broker->queue_size = (gsize)MIN(wish->queue_size, G_MAXSSIZE);
  broker->flush_timeout = wish->flush_timeout;
  if (!take_address(broker, wish, error) || !read_password(broker, wish, error) ||
      !check_trust(broker, wish, error) || !take_topics(broker, wish, error))
    return NULL;
  return g_steal_pointer(&broker);
}

void
dc_broker_free(DcBroker *broker)
{
  if (!broker)
    return;
  g_free(broker->name);
  g_free(broker->host);
  g_free(broker->user);
  g_free(broker->password);
  g_free(broker->ca_file);
  g_free(broker->topic);
  g_free(broker->status_topic);
  g_free(broker);
}
