/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DRIFTCLUSTER_RESULTS_META_H
#define DRIFTCLUSTER_RESULTS_META_H

#include "api.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/**
 * DRIFTCLUSTER_RESULTS_META_NAME:
 *
 * Name of the tag-less #GstCustomMeta that carries the labels of a buffer, frozen. Its structure:
 * `schema` (int, 1), `version` (uint64, of the clusters), `encoder` (string), `dim` (int) and
 * `regions`, a structure with one nested structure per region in order, named `region-0`,
 * `region-1`, ...; see docs/metadata.md.
 */
#define DRIFTCLUSTER_RESULTS_META_NAME "driftcluster-results"

typedef struct _DriftclusterResult DriftclusterResult;

/**
 * DriftclusterResult:
 * @x: left edge as a share of the frame width, 0..1
 * @y: top edge as a share of the frame height
 * @width: share of the frame width
 * @height: share of the frame height
 * @key: see #DriftclusterRegion
 * @roi_type: quark of the detector's type, "frame" or "tile"
 * @roi_id: id of the region of interest, or -1
 * @cluster: index of the cluster, or -1 when the region could not be assigned
 * @uuid: (nullable): identity of the cluster for ever
 * @label: (nullable): its label
 * @confidence: posterior of the cluster, 0..1
 * @distance: of the embedding from the centroid
 * @novel: whether the region fits no cluster
 * @stale: whether the assignment is that of an earlier frame, because this one has no embedding
 * @second: index of the second-best cluster; without meaning when @second_label is %NULL
 * @second_label: (nullable): its label; %NULL when there is no second cluster
 * @margin: @confidence minus the posterior of @second
 * @novel_reason: (nullable): when @novel: "far", from all clusters, or "between" two of them
 * @group: (nullable): label of the group that the cluster is in; %NULL: there are no groups
 * @group_uuid: (nullable): identity of the group
 * @ignored: whether the cluster is marked as of no interest
 *
 * One labelled region. The strings belong to the meta it was read from.
 *
 * Since: 0.1
 */
struct _DriftclusterResult {
  gdouble x, y, width, height;
  guint64 key;
  GQuark roi_type;
  gint roi_id;
  gint cluster;
  const gchar *uuid;
  const gchar *label;
  gdouble confidence;
  gdouble distance;
  gboolean novel;
  gboolean stale;
  gint second;
  const gchar *second_label;
  gdouble margin;
  const gchar *novel_reason;
  const gchar *group;
  const gchar *group_uuid;
  gboolean ignored;
};

DRIFTCLUSTER_API void driftcluster_results_meta_register(void);

DRIFTCLUSTER_API GstCustomMeta *
driftcluster_buffer_add_results_meta(GstBuffer *buffer, guint64 version, const gchar *encoder,
                                     gint dim, const DriftclusterResult *results, guint n_results);
DRIFTCLUSTER_API GstCustomMeta *driftcluster_buffer_get_results_meta(GstBuffer *buffer);
DRIFTCLUSTER_API guint64 driftcluster_results_meta_get_version(GstCustomMeta *meta);
DRIFTCLUSTER_API guint driftcluster_results_meta_get_n_results(GstCustomMeta *meta);
DRIFTCLUSTER_API gboolean driftcluster_results_meta_get_result(GstCustomMeta *meta, guint index,
                                                               DriftclusterResult *result);

G_END_DECLS

#endif
