/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_SNAPSHOT_EVENT_H
#define DC_ELEMENTS_SNAPSHOT_EVENT_H

#include "stream/snapshot.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* The sticky downstream event that carries a snapshot in line: every buffer is labelled with the
 * version that preceded it. Structure "driftcluster-snapshot" with one boxed field. */
#define DC_SNAPSHOT_EVENT_NAME "driftcluster-snapshot"

/* Boxed type of DcSnapshot (copy is a reference). */
GType dc_snapshot_get_type(void);

/* A new event; takes a reference of its own on `snapshot`. NULL says that there are no clusters
 * yet, or any more, which only an event can tell: a sticky one cannot be taken back. (transfer
 * full)
 */
GstEvent *dc_snapshot_event_new(DcSnapshot *snapshot);

/* True for events of dc_snapshot_event_new(). */
gboolean dc_snapshot_event_is(GstEvent *event);

/* The snapshot of `event` with a reference for the caller, or NULL when it carries none or the
 * event is another one. */
DcSnapshot *dc_snapshot_event_get(GstEvent *event);

G_END_DECLS

#endif
