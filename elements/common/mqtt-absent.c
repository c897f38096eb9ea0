/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/mqtt-sink.h"

#include <gio/gio.h>

/* In place of mqtt-sink.c where there are no headers of libmosquitto. */
DcLineSink *
dc_mqtt_sink_open(DcBroker *broker, DcBrokerReport report, gpointer user_data,
                  GDestroyNotify destroy, GError **error)
{
  (void)report;
  dc_broker_free(broker);
  destroy(user_data);
  g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                      "this build has no MQTT: build it with libmosquitto-dev (-Dmqtt=enabled)");
  return NULL;
}
