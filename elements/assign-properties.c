/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "assign-properties.h"

#include "common/foreign-reader.h"
#include "common/props.h"
#include "common/track-votes.h"

GType
gst_assign_unassigned_get_type(void)
{
  static const GEnumValue values[] = {
      {GST_ASSIGN_UNASSIGNED_KEEP, "Written with cluster -1", "keep"},
      {GST_ASSIGN_UNASSIGNED_OMIT, "Left out of the results", "omit"},
      {0, NULL, NULL}};
  static gsize type;

  if (g_once_init_enter(&type))
    g_once_init_leave(&type, g_enum_register_static("GstAssignUnassigned", values));
  return type;
}

void
gst_assign_install_properties(GObjectClass *object_class)
{
  /**
   * GstAssign:labels-file:
   *
   * Text file in UTF-8 whose line i (from 0) names cluster i, before the name that the cluster has
   * itself; an empty line names nothing.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_LABELS_FILE,
      g_param_spec_string("labels-file", "Labels file",
                          "Text file with one label per line, in the order of the clusters; "
                          "unset: the names that the clusters have",
                          NULL, DC_PARAM_PLAYING));
  /**
   * GstAssign:novelty-threshold:
   *
   * The false-alarm rate at which a region is marked novel: the share of the members of a cluster
   * that lie as far out and would be marked as well. A larger value marks more regions.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_NOVELTY_THRESHOLD,
      g_param_spec_double("novelty-threshold", "Novelty threshold",
                          "False-alarm rate of marking regions that fit no cluster, as a share of "
                          "all regions, 0..1; 0: off",
                          0, 1, DEFAULT_NOVELTY_THRESHOLD, DC_PARAM_CONTROLLABLE));
  /**
   * GstAssign:smoothing:
   *
   * The label of a region is the one that most of its last assignments say, so that it does not
   * flicker between two clusters.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_SMOOTHING,
      g_param_spec_uint("smoothing", "Smoothing",
                        "Assignments of the same region that vote on its label, in frames; 0 and "
                        "1: off",
                        0, DC_TRACK_VOTES_MAX, DEFAULT_SMOOTHING, DC_PARAM_CONTROLLABLE));
  /**
   * GstAssign:hysteresis:
   *
   * With #GstAssign:smoothing: a region keeps its label until another cluster has so many votes
   * more, so that one on the boundary of two clusters does not change all the time. 0 lets a tie
   * decide for the newest. A lead beyond the window is that of all of it.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_HYSTERESIS,
      g_param_spec_uint("hysteresis", "Hysteresis",
                        "Votes by which another cluster must lead before the label of a region "
                        "changes, with smoothing; 0: a tie suffices",
                        0, DC_TRACK_VOTES_MAX, DEFAULT_HYSTERESIS, DC_PARAM_CONTROLLABLE));
  /**
   * GstAssign:max-tracks:
   *
   * Of more regions the one seen longest ago is forgotten.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_MAX_TRACKS,
      g_param_spec_uint("max-tracks", "Maximum of tracks",
                        "Regions whose last assignments are remembered, in regions; 0: none", 0,
                        1 << 20, DEFAULT_MAX_TRACKS, DC_PARAM_READY));
  /**
   * GstAssign:state-id:
   *
   * Reads the clusters of the `adapt-centroids` that has the same state-id, in any pipeline of this
   * process, instead of those that come in line.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_STATE_ID,
      g_param_spec_string("state-id", "State ID",
                          "Name under which another branch or pipeline shares its clusters; unset: "
                          "clusters come from upstream",
                          NULL, DC_PARAM_READY));
  /**
   * GstAssign:unassigned:
   *
   * What becomes of regions without a cluster.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_UNASSIGNED,
      g_param_spec_enum("unassigned", "Unassigned", "What becomes of regions without a cluster",
                        GST_TYPE_ASSIGN_UNASSIGNED, DEFAULT_UNASSIGNED, DC_PARAM_PLAYING));
  /**
   * GstAssign:post-messages:
   *
   * Posts an element message `assign` of kind `novel-region` for regions that fit no cluster, at
   * most one per second of stream time: `count` such regions came since the last message, and
   * `key`, `cluster`, `distance`, `reason` (`far` or `between`), `confidence`, `x`, `y`, `width`,
   * `height` describe one of them.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, PROP_POST_MESSAGES,
      g_param_spec_boolean("post-messages", "Post messages",
                           "Post a message on the bus for novel regions, at most one per second",
                           DEFAULT_POST_MESSAGES, DC_PARAM_PLAYING));
  /**
   * GstAssign:tensor-name:
   *
   * Behind another element's inference instead of `embed`: which of its tensors the embeddings are.
   *
   * Since: 0.1
   */
  /**
   * GstAssign:tensor-region:
   *
   * What the tensors of a buffer belong to. Those of regions of interest belong to them.
   *
   * Since: 0.1
   */
  dc_foreign_settings_install(object_class, PROP_TENSOR_NAME, PROP_TENSOR_REGION);
  /**
   * GstAssign:stats:
   *
   * Since READY, each a guint64: `buffers` with a region table and their `regions`, of these
   * `assigned`, `unassigned`, `stale`, `novel` and `ignored`, `refused-embeddings` that are no
   * numbers, and `tracks`, the regions remembered now.
   *
   * Since: 0.1
   */
  dc_props_install_stats(object_class, PROP_STATS,
                         "Counts since READY of buffers, regions, assigned, unassigned, stale, "
                         "novel, ignored, refused-embeddings, and the tracks of now");
}
