/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_BROKER_H
#define DC_ELEMENTS_BROKER_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* How sure it is that a message arrives; the numbers are those of MQTT's "quality of service".
 * There is no "exactly once": over a restart of the broker it would be none. */
typedef enum { DC_DELIVERY_AT_MOST_ONCE = 0, DC_DELIVERY_AT_LEAST_ONCE = 1 } DcDelivery;

#define DC_TYPE_DELIVERY (dc_delivery_get_type())
GType dc_delivery_get_type(void);

/* Where a broker is and how it is spoken to, ready for use. */
typedef struct {
  gchar *name; /* its address without secrets, for people */
  gchar *host;
  guint port;
  gboolean tls;
  gchar *user, *password; /* or NULL */
  gchar *ca_file;         /* certificates to trust; NULL: those of the system */
  gchar *topic;
  gchar *status_topic; /* NULL: none */
  DcDelivery delivery;
  gsize queue_size;           /* bytes that wait for acknowledgement at most */
  GstClockTime flush_timeout; /* for all lines to arrive at the end of the stream */
} DcBroker;

/* What the user sets; strings are borrowed, NULL and "" are unset. */
typedef struct {
  const gchar *address; /* mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT] */
  const gchar *user, *password, *password_file;
  const gchar *ca_file;
  const gchar *topic, *status_topic; /* {host} and {element} are replaced */
  const gchar *element;              /* name of the element */
  DcDelivery delivery;
  guint64 queue_size;
  GstClockTime flush_timeout;
} DcBrokerWish;

/* NULL with `error` (G_IO_ERROR) that says what is wrong. */
DcBroker *dc_broker_new(const DcBrokerWish *wish, GError **error);
void dc_broker_free(DcBroker *broker); /* NULL is ignored */

/* `address` without its password, for messages. */
gchar *dc_broker_name(const gchar *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcBroker, dc_broker_free)

G_END_DECLS

#endif
