/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_MQTT_LIBRARY_H
#define DC_ELEMENTS_MQTT_LIBRARY_H

#include <glib.h>
#include <mosquitto.h>

G_BEGIN_DECLS

/* What is used of libmosquitto. */
#define DC_MQTT_FUNCTIONS(X)                                                                       \
  X(lib_init)                                                                                      \
  X(new)                                                                                           \
  X(destroy)                                                                                       \
  X(username_pw_set)                                                                               \
  X(tls_set)                                                                                       \
  X(will_set)                                                                                      \
  X(max_inflight_messages_set)                                                                     \
  X(int_option)                                                                                    \
  X(connect_callback_set)                                                                          \
  X(publish_callback_set)                                                                          \
  X(log_callback_set)                                                                              \
  X(connect_async)                                                                                 \
  X(disconnect)                                                                                    \
  X(publish)                                                                                       \
  X(socket)                                                                                        \
  X(want_write)                                                                                    \
  X(loop_read)                                                                                     \
  X(loop_write)                                                                                    \
  X(loop_misc)                                                                                     \
  X(strerror)                                                                                      \
  X(connack_string)

#define DC_MQTT_MEMBER_(name) __typeof__(mosquitto_##name) *name;

/* The functions of the library by their names without `mosquitto_`. It is loaded when a broker is
 * asked for, so that the plugin works where it is not installed. */
typedef struct {
  DC_MQTT_FUNCTIONS(DC_MQTT_MEMBER_)
} DcMqttLibrary;

/* NULL with `error` (G_IO_ERROR) when the library cannot be loaded. Any thread. */
const DcMqttLibrary *dc_mqtt_library(GError **error);

G_END_DECLS

#endif
