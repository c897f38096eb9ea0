/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/publish-settings.h"

#include "common/props.h"

#include <gio/gio.h>

#define DEFAULT_LOCATION      "-"
#define DEFAULT_APPEND        FALSE
#define DEFAULT_TOPIC         "driftcluster/{element}"
#define DEFAULT_STATUS_TOPIC  "driftcluster/{element}/status"
#define DEFAULT_DELIVERY      DC_DELIVERY_AT_LEAST_ONCE
#define DEFAULT_QUEUE_SIZE    (G_GUINT64_CONSTANT(16) << 20)
#define LEAST_QUEUE_SIZE      4096
#define MOST_QUEUE_SIZE       (G_GUINT64_CONSTANT(4) << 30)
#define DEFAULT_FLUSH_TIMEOUT (5 * GST_SECOND)
#define MOST_FLUSH_TIMEOUT    (3600 * GST_SECOND)

void
dc_publish_settings_init(DcPublishSettings *settings)
{
  *settings = (DcPublishSettings){
      .location = g_strdup(DEFAULT_LOCATION),
      .append = DEFAULT_APPEND,
      .topic = g_strdup(DEFAULT_TOPIC),
      .status_topic = g_strdup(DEFAULT_STATUS_TOPIC),
      .delivery = DEFAULT_DELIVERY,
      .queue_size = DEFAULT_QUEUE_SIZE,
      .flush_timeout = DEFAULT_FLUSH_TIMEOUT,
  };
}

void
dc_publish_settings_copy(const DcPublishSettings *settings, DcPublishSettings *copy)
{
  *copy = *settings;
  copy->location = g_strdup(settings->location);
  copy->broker = g_strdup(settings->broker);
  copy->topic = g_strdup(settings->topic);
  copy->status_topic = g_strdup(settings->status_topic);
  copy->user = g_strdup(settings->user);
  copy->password = g_strdup(settings->password);
  copy->password_file = g_strdup(settings->password_file);
  copy->ca_file = g_strdup(settings->ca_file);
}

void
dc_publish_settings_clear(DcPublishSettings *settings)
{
  g_clear_pointer(&settings->location, g_free);
  g_clear_pointer(&settings->broker, g_free);
  g_clear_pointer(&settings->topic, g_free);
  g_clear_pointer(&settings->status_topic, g_free);
  g_clear_pointer(&settings->user, g_free);
  g_clear_pointer(&settings->password, g_free);
  g_clear_pointer(&settings->password_file, g_free);
  g_clear_pointer(&settings->ca_file, g_free);
}

/* --- opening --- */

static gboolean
has_broker(const DcPublishSettings *settings)
{
  return settings->broker && *settings->broker;
}

gchar *
dc_publish_settings_target(const DcPublishSettings *settings)
{
  return has_broker(settings) ? dc_broker_name(settings->broker) : g_strdup(settings->location);
}

static DcLineSink *
open_broker(const DcPublishSettings *settings, GstElement *element, DcBrokerReport report,
            GError **error)
{
  g_autofree gchar *name = gst_element_get_name(element);
  const DcBrokerWish wish = {
      .address = settings->broker,
      .user = settings->user,
      .password = settings->password,
      .password_file = settings->password_file,
      .ca_file = settings->ca_file,
      .topic = settings->topic,
      .status_topic = settings->status_topic,
      .element = name,
      .delivery = settings->delivery,
      .queue_size = settings->queue_size,
      .flush_timeout = settings->flush_timeout,
  };
  DcBroker *broker;

  if (!g_str_equal(settings->location, DEFAULT_LOCATION)) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        "\"location\" is set too; lines for both take two publish-clusters");
    return NULL;
  }
  broker = dc_broker_new(&wish, error);
  return broker
             ? dc_mqtt_sink_open(broker, report, gst_object_ref(element), gst_object_unref, error)
             : NULL;
}

DcLineSink *
dc_publish_settings_open(const DcPublishSettings *settings, GstElement *element,
                         DcBrokerReport report, GError **error)
{
  if (has_broker(settings))
    return open_broker(settings, element, report, error);
  return dc_line_files_open(settings->location, settings->append, &settings->rotation, error);
}

/* --- properties --- */

static void
set_text(gchar **text, const GValue *value, const gchar *unset)
{
  const gchar *given = g_value_get_string(value);

  g_free(*text);
  *text = g_strdup(given ? given : unset);
}

gboolean
dc_publish_settings_set(DcPublishSettings *settings, guint id, const GValue *value)
{
  switch (id) {
  case DC_PUBLISH_LOCATION:
    set_text(&settings->location, value, DEFAULT_LOCATION);
    break;
  case DC_PUBLISH_APPEND:
    settings->append = g_value_get_boolean(value);
    break;
  case DC_PUBLISH_ROTATE_SIZE:
    settings->rotation.size = g_value_get_uint64(value);
    break;
  case DC_PUBLISH_ROTATE_INTERVAL:
    settings->rotation.interval = g_value_get_uint64(value);
    break;
  case DC_PUBLISH_KEEP_FILES:
    settings->rotation.keep = g_value_get_uint(value);
    break;
  case DC_PUBLISH_BROKER:
    set_text(&settings->broker, value, NULL);
    break;
  case DC_PUBLISH_TOPIC:
    set_text(&settings->topic, value, DEFAULT_TOPIC);
    break;
  case DC_PUBLISH_STATUS_TOPIC:
    set_text(&settings->status_topic, value, NULL);
    break;
  case DC_PUBLISH_USER:
    set_text(&settings->user, value, NULL);
    break;
  case DC_PUBLISH_PASSWORD:
    set_text(&settings->password, value, NULL);
    break;
  case DC_PUBLISH_PASSWORD_FILE:
    set_text(&settings->password_file, value, NULL);
    break;
  case DC_PUBLISH_CA_FILE:
    set_text(&settings->ca_file, value, NULL);
    break;
  case DC_PUBLISH_DELIVERY:
    settings->delivery = (DcDelivery)g_value_get_enum(value);
    break;
  case DC_PUBLISH_QUEUE_SIZE:
    settings->queue_size = g_value_get_uint64(value);
    break;
  case DC_PUBLISH_FLUSH_TIMEOUT:
    settings->flush_timeout = g_value_get_uint64(value);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

gboolean
dc_publish_settings_get(const DcPublishSettings *settings, guint id, GValue *value)
{
  switch (id) {
  case DC_PUBLISH_LOCATION:
    g_value_set_string(value, settings->location);
    break;
  case DC_PUBLISH_APPEND:
    g_value_set_boolean(value, settings->append);
    break;
  case DC_PUBLISH_ROTATE_SIZE:
    g_value_set_uint64(value, settings->rotation.size);
    break;
  case DC_PUBLISH_ROTATE_INTERVAL:
    g_value_set_uint64(value, settings->rotation.interval);
    break;
  case DC_PUBLISH_KEEP_FILES:
    g_value_set_uint(value, settings->rotation.keep);
    break;
  case DC_PUBLISH_BROKER:
    g_value_set_string(value, settings->broker);
    break;
  case DC_PUBLISH_TOPIC:
    g_value_set_string(value, settings->topic);
    break;
  case DC_PUBLISH_STATUS_TOPIC:
    g_value_set_string(value, settings->status_topic);
    break;
  case DC_PUBLISH_USER:
    g_value_set_string(value, settings->user);
    break;
  case DC_PUBLISH_PASSWORD:
    g_value_set_string(value, settings->password);
    break;
  case DC_PUBLISH_PASSWORD_FILE:
    g_value_set_string(value, settings->password_file);
    break;
  case DC_PUBLISH_CA_FILE:
    g_value_set_string(value, settings->ca_file);
    break;
  case DC_PUBLISH_DELIVERY:
    g_value_set_enum(value, (gint)settings->delivery);
    break;
  case DC_PUBLISH_QUEUE_SIZE:
    g_value_set_uint64(value, settings->queue_size);
    break;
  case DC_PUBLISH_FLUSH_TIMEOUT:
    g_value_set_uint64(value, settings->flush_timeout);
    break;
  default:
    return FALSE;
  }
  return TRUE;
}

static void
install_files(GObjectClass *klass)
{
  /**
   * GstPublishClusters:location:
   *
   * Where the lines go: the path of a file or FIFO, `-` for standard output, or `fd://N` for
   * descriptor N, which the application has opened and closes.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_LOCATION,
      g_param_spec_string("location", "Location",
                          "Where the lines go: path of a file or FIFO, - for standard output, or "
                          "fd://N for an open descriptor",
                          DEFAULT_LOCATION, DC_PARAM_READY));
  /**
   * GstPublishClusters:append:
   *
   * Whether a file that exists is continued rather than emptied.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_APPEND,
      g_param_spec_boolean("append", "Append", "Continue a file that exists instead of emptying it",
                           DEFAULT_APPEND, DC_PARAM_READY));
  /**
   * GstPublishClusters:rotate-size:
   *
   * A file that the next line would make larger than this is completed: it is renamed to
   * `LOCATION.000001` or the next number that is free, and an empty one takes its place.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_ROTATE_SIZE,
      g_param_spec_uint64("rotate-size", "Rotation size",
                          "Bytes after which the file is completed under a number and another one "
                          "begun; 0: never",
                          0, G_MAXUINT64, 0, DC_PARAM_READY));
  /**
   * GstPublishClusters:rotate-interval:
   *
   * The same by the stream time from the first line of a file on.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_ROTATE_INTERVAL,
      g_param_spec_uint64("rotate-interval", "Rotation interval",
                          "Stream time in ns after which the file is completed under a number and "
                          "another one begun; 0: never",
                          0, G_MAXUINT64, 0, DC_PARAM_READY));
  /**
   * GstPublishClusters:keep-files:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_KEEP_FILES,
      g_param_spec_uint("keep-files", "Files to keep",
                        "Completed files that stay besides the present one, the newest ones; 0: "
                        "all",
                        0, G_MAXUINT, 0, DC_PARAM_READY));
}

static void
install_address(GObjectClass *klass)
{
  /**
   * GstPublishClusters:broker:
   *
   * An MQTT broker that each line is published to instead of #GstPublishClusters:location, as a
   * message of its own.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_BROKER,
      g_param_spec_string("broker", "Broker",
                          "Address of an MQTT broker that gets the lines instead of location: "
                          "mqtt://HOST:PORT, or mqtts:// for TLS; unset: none",
                          NULL, DC_PARAM_READY));
  /**
   * GstPublishClusters:topic:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_TOPIC,
      g_param_spec_string("topic", "Topic",
                          "What the lines are published to; {element} is the name of this element, "
                          "{host} that of the computer",
                          DEFAULT_TOPIC, DC_PARAM_READY));
  /**
   * GstPublishClusters:status-topic:
   *
   * Holds `online` while this element is connected and else `offline`, retained; the latter is the
   * last will, so that the broker says it when the program dies.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_STATUS_TOPIC,
      g_param_spec_string(
          "status-topic", "Status topic",
          "Where \"online\" or \"offline\" is retained; names filled in as in topic; "
          "unset or empty: nowhere",
          DEFAULT_STATUS_TOPIC, DC_PARAM_READY));
}

static void
install_secrets(GObjectClass *klass)
{
  /**
   * GstPublishClusters:user:
   *
   * Since: 0.1
   */
  g_object_class_install_property(klass, DC_PUBLISH_USER,
                                  g_param_spec_string("user", "User",
                                                      "Name to log in to the broker with; unset: "
                                                      "that of the address, or none",
                                                      NULL, DC_PARAM_READY));
  /**
   * GstPublishClusters:password:
   *
   * Everybody on the computer sees it on a command line: #GstPublishClusters:password-file keeps
   * it to those who may read that file.
   *
   * Since: 0.1
   */
  g_object_class_install_property(klass, DC_PUBLISH_PASSWORD,
                                  g_param_spec_string("password", "Password",
                                                      "Password of that user; password-file is "
                                                      "safer on a command line",
                                                      NULL, DC_PARAM_READY));
  /**
   * GstPublishClusters:password-file:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_PASSWORD_FILE,
      g_param_spec_string("password-file", "Password file",
                          "File whose first line is the password; unset: none", NULL,
                          DC_PARAM_READY));
  /**
   * GstPublishClusters:ca-file:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_CA_FILE,
      g_param_spec_string("ca-file", "CA file",
                          "Certificates, in PEM, that the broker of an mqtts:// address must be "
                          "signed by; unset: those that the system trusts",
                          NULL, DC_PARAM_READY));
}

static void
install_delivery(GObjectClass *klass)
{
  /**
   * GstPublishClusters:delivery:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_DELIVERY,
      g_param_spec_enum("delivery", "Delivery",
                        "How sure it is that a line reaches the broker; at-least-once may double "
                        "lines when the connection breaks",
                        DC_TYPE_DELIVERY, DEFAULT_DELIVERY, DC_PARAM_READY));
  /**
   * GstPublishClusters:queue-size:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_QUEUE_SIZE,
      g_param_spec_uint64("queue-size", "Queue size",
                          "Bytes of lines that may wait for the broker; a line without room is "
                          "lost and counted in stats",
                          LEAST_QUEUE_SIZE, MOST_QUEUE_SIZE, DEFAULT_QUEUE_SIZE, DC_PARAM_READY));
  /**
   * GstPublishClusters:flush-timeout:
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      klass, DC_PUBLISH_FLUSH_TIMEOUT,
      g_param_spec_uint64("flush-timeout", "Flush timeout",
                          "Time in ns that the end of the stream waits for the broker to have all "
                          "lines",
                          0, MOST_FLUSH_TIMEOUT, DEFAULT_FLUSH_TIMEOUT, DC_PARAM_READY));
}

void
dc_publish_settings_install(GObjectClass *klass)
{
  install_files(klass);
  install_address(klass);
  install_secrets(klass);
  install_delivery(klass);
  gst_type_mark_as_plugin_api(DC_TYPE_DELIVERY, 0);
}
