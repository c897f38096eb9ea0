/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/stats.h"

GstStructure *
dc_stats_structure(const gchar *name, const DcStatsField *fields, guint n_fields,
                   gconstpointer counters)
{
  GstStructure *structure = gst_structure_new_empty(name);
  for (guint i = 0; i < n_fields; i++)
    gst_structure_set(structure, fields[i].name, G_TYPE_UINT64,
                      G_STRUCT_MEMBER(guint64, counters, fields[i].offset), NULL);
  return structure;
}
