/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_PUBLISH_SETTINGS_H
#define DC_ELEMENTS_PUBLISH_SETTINGS_H

#include "common/broker.h"
#include "common/line-files.h"
#include "common/mqtt-sink.h"

G_BEGIN_DECLS

/* Where the user of publish-clusters wants the lines. */
typedef struct {
  gchar *location;
  gboolean append;
  DcRotation rotation;
  gchar *broker; /* NULL: the lines go to `location` */
  gchar *topic, *status_topic;
  gchar *user, *password, *password_file, *ca_file;
  DcDelivery delivery;
  guint64 queue_size;
  GstClockTime flush_timeout;
} DcPublishSettings;

/* Their properties, numbered from 1. */
enum {
  DC_PUBLISH_LOCATION = 1,
  DC_PUBLISH_APPEND,
  DC_PUBLISH_ROTATE_SIZE,
  DC_PUBLISH_ROTATE_INTERVAL,
  DC_PUBLISH_KEEP_FILES,
  DC_PUBLISH_BROKER,
  DC_PUBLISH_TOPIC,
  DC_PUBLISH_STATUS_TOPIC,
  DC_PUBLISH_USER,
  DC_PUBLISH_PASSWORD,
  DC_PUBLISH_PASSWORD_FILE,
  DC_PUBLISH_CA_FILE,
  DC_PUBLISH_DELIVERY,
  DC_PUBLISH_QUEUE_SIZE,
  DC_PUBLISH_FLUSH_TIMEOUT,
  DC_PUBLISH_LAST
};

void dc_publish_settings_init(DcPublishSettings *settings);
void dc_publish_settings_copy(const DcPublishSettings *settings, DcPublishSettings *copy);
void dc_publish_settings_clear(DcPublishSettings *settings);

/* Installs all of the properties. */
void dc_publish_settings_install(GObjectClass *klass);

/* Write and read one; FALSE when `id` is none of them. The caller holds the lock that guards the
 * settings. */
gboolean dc_publish_settings_set(DcPublishSettings *settings, guint id, const GValue *value);
gboolean dc_publish_settings_get(const DcPublishSettings *settings, guint id, GValue *value);

/* Opens what the settings name. `report` is told of the broker, with a reference of `element` that
 * the sink keeps. NULL with `error` when that is not possible. */
DcLineSink *dc_publish_settings_open(const DcPublishSettings *settings, GstElement *element,
                                     DcBrokerReport report, GError **error);

/* Where the lines go, for messages: free with g_free(). */
gchar *dc_publish_settings_target(const DcPublishSettings *settings);

G_END_DECLS

#endif
