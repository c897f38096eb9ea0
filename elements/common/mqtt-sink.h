/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_MQTT_SINK_H
#define DC_ELEMENTS_MQTT_SINK_H

#include "common/broker.h"
#include "common/line-sink.h"

G_BEGIN_DECLS

/* Told when the broker is reached (`reason` NULL) and when it no longer is, once for each change,
 * once for a first attempt that fails, and once more when it is there but refuses. From the sink's
 * own thread. */
typedef void (*DcBrokerReport)(gpointer user_data, const gchar *reason);

/* Publishes each line, without its line feed, as a message to the topic of `broker` (transfer
 * full). A thread of its own does all that may wait: it connects, again and again with growing
 * pauses, and sends. Lines wait in a bounded queue until the broker has acknowledged them; one that
 * finds no room is refused with G_FILE_ERROR_NOSPC. `user_data` is freed by `destroy` when that
 * thread ends, which may be after the sink is closed. NULL with `error` (G_IO_ERROR), and broker
 * and user data freed, when libmosquitto is missing or takes none of the settings, or descriptors
 * are short. */
DcLineSink *dc_mqtt_sink_open(DcBroker *broker, DcBrokerReport report, gpointer user_data,
                              GDestroyNotify destroy, GError **error);

G_END_DECLS

#endif
