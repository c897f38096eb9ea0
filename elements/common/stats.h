/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DC_ELEMENTS_STATS_H
#define DC_ELEMENTS_STATS_H

#include <gst/gst.h>

G_BEGIN_DECLS

/* Where one counter, a guint64, lies in an element's struct of counters. */
typedef struct {
  const gchar *name; /* of the field in the structure, constant */
  gsize offset;
} DcStatsField;

#define DC_STATS_FIELD(type, name, member)                                                         \
  {                                                                                                \
    name, G_STRUCT_OFFSET(type, member)                                                            \
  }

/* A structure `name` ("application/x-<element>-stats") of the `n_fields` counters of `counters`.
 * The caller holds the lock that guards them. */
GstStructure *dc_stats_structure(const gchar *name, const DcStatsField *fields, guint n_fields,
                                 gconstpointer counters);

G_END_DECLS

#endif
