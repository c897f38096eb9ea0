/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "assign-stats.h"

#include "common/stats.h"

void
gst_assign_stats_count(GstAssignStats *stats, const DriftclusterResult *result)
{
  stats->regions++;
  stats->assigned += result->cluster >= 0;
  stats->unassigned += result->cluster < 0;
  stats->stale += result->stale;
  stats->novel += result->novel && !result->stale && !result->ignored;
  stats->ignored += result->ignored;
}

void
gst_assign_stats_add(GstAssignStats *stats, const GstAssignStats *counts)
{
  stats->buffers++;
  stats->regions += counts->regions;
  stats->assigned += counts->assigned;
  stats->unassigned += counts->unassigned;
  stats->stale += counts->stale;
  stats->novel += counts->novel;
  stats->ignored += counts->ignored;
  stats->refused += counts->refused;
}

GstStructure *
gst_assign_stats_structure(const GstAssignStats *stats)
{
  static const DcStatsField fields[] = {
      DC_STATS_FIELD(GstAssignStats, "buffers", buffers),
      DC_STATS_FIELD(GstAssignStats, "regions", regions),
      DC_STATS_FIELD(GstAssignStats, "assigned", assigned),
      DC_STATS_FIELD(GstAssignStats, "unassigned", unassigned),
      DC_STATS_FIELD(GstAssignStats, "stale", stale),
      DC_STATS_FIELD(GstAssignStats, "novel", novel),
      DC_STATS_FIELD(GstAssignStats, "ignored", ignored),
      DC_STATS_FIELD(GstAssignStats, "refused-embeddings", refused),
      DC_STATS_FIELD(GstAssignStats, "tracks", tracks),
  };
  return dc_stats_structure("application/x-assign-stats", fields, G_N_ELEMENTS(fields), stats);
}
