/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_CLUSTER_ROSTER_H
#define DC_ELEMENTS_CLUSTER_ROSTER_H

#include "meta/results-meta.h"

G_BEGIN_DECLS

#define DC_ROSTER_MAX 256

/* A cluster that was seen lately. */
typedef struct {
  gchar *uuid;            /* NULL: it has none, and its index tells it from others */
  gchar *label;           /* never NULL */
  gint index;             /* in the newest results */
  guint colour;           /* index into the palette */
  guint count;            /* of its regions in the frame */
  GstClockTime last_seen; /* stream time, or NONE */
} DcRosterEntry;

/* The clusters of a stream as a picture shows them: each keeps its colour as long as it is known.
 * Holds DC_ROSTER_MAX clusters; one more takes the place of the one unseen for longest. One thread
 * at a time. */
typedef struct DcRoster DcRoster;

DcRoster *dc_roster_new(void);
void dc_roster_free(DcRoster *roster); /* NULL is ignored */

/* Starts the frame at stream time `now` (may be NONE): all counts become 0, and a cluster last seen
 * farther than `patience` from it is forgotten. */
void dc_roster_begin(DcRoster *roster, GstClockTime now, GstClockTime patience);

/* Counts a region of a cluster (result->cluster >= 0). The entry is valid until
 * the next call. */
const DcRosterEntry *dc_roster_count(DcRoster *roster, const DriftclusterResult *result);

/* How many clusters are known, and each of them in order of their indices. An entry is valid until
 * a call of another function. */
guint dc_roster_size(const DcRoster *roster);
const DcRosterEntry *dc_roster_get(const DcRoster *roster, guint place);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DcRoster, dc_roster_free)

G_END_DECLS

#endif
